//! The one type in which every stage of the compiler reports a mistake.
//!
//! A diagnostic is facts, not a picture: renderers (terminal, JSON, SARIF, language server) draw it.

use crate::codes::Code;
use crate::span::Span;

/// How much a diagnostic weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something to know; never changes an exit status.
    Note,
    /// Suspicious, but the script runs.
    Warning,
    /// The script cannot run.
    Error,
}

/// A place in the script with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be seen there; may be empty.
    pub text: String,
}

/// One replacement in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; an empty span inserts.
    pub span: Span,
    /// The new text.
    pub replacement: String,
}

/// May a tool apply the fix without asking?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicability {
    /// It does what the author meant.
    MachineApplicable,
    /// It may be what the author meant.
    MaybeIncorrect,
    /// It holds placeholders the author must fill.
    HasPlaceholders,
}

/// A named set of edits that mends the mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Imperative, short: "write `keyBy`".
    pub title: String,
    /// Non-overlapping edits.
    pub edits: Vec<Edit>,
    /// How sure we are.
    pub applicability: Applicability,
}

/// One mistake, told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, see [`crate::codes`].
    pub code: Code,
    /// Error, warning or note.
    pub severity: Severity,
    /// One sentence without a full stop, naming things in backticks.
    pub message: String,
    /// The place the mistake is at.
    pub primary: Label,
    /// Other places that matter (the declaration, the stage that changed the type).
    pub labels: Vec<Label>,
    /// Facts that help to understand.
    pub notes: Vec<String>,
    /// What to do about it, one sentence.
    pub help: Option<String>,
    /// Edits a tool can apply.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// A diagnostic with the code's own severity and a label at the primary place.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: code.severity(),
            message: message.into(),
            primary: Label { span, text: String::new() },
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }

    /// Says what is to be seen at the primary place.
    pub fn at(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = text.into();
        self
    }

    /// Adds another place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a fact.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// Adds a fix of one replacement that does what the author meant.
    pub fn fix(self, title: impl Into<String>, span: Span, replacement: impl Into<String>) -> Diagnostic {
        self.with_fix(title, span, replacement, Applicability::MachineApplicable)
    }

    /// Adds a fix of one replacement.
    pub fn with_fix(
        mut self,
        title: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
        applicability: Applicability,
    ) -> Diagnostic {
        let edits = vec![Edit { span, replacement: replacement.into() }];
        self.fixes.push(Fix { title: title.into(), edits, applicability });
        self
    }

    /// Is it an error (rather than a warning or a note)?
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Is it an error that is no lint raised to one? Only such a script means nothing.
    pub fn is_mistake(&self) -> bool {
        self.is_error() && self.code.severity() == Severity::Error
    }
}

/// A piece of a script for the title of a fix: on one line, and cut behind 39 characters.
pub fn in_a_title(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 40 { line } else { line.chars().take(39).chain(['…']).collect() }
}
