//! The stable codes of all diagnostics: the one list of what can be wrong with a script.
//!
//! `E01..` syntax · `E02..` names · `E03..` types and expressions · `E04..` stages and stream kinds ·
//! `E05..` sources, sinks, formats · `E06..` job, parameters, constants, functions, imports, tests ·
//! `E07..` state and restore · `E08..` known to the language but not runnable yet · `W03..` lints.
//! A code never changes its meaning; a retired code is never used again.

use crate::diagnostic::Severity;
use std::fmt;

/// A stable code such as `E0203`; compare, print, or look up its [`CodeInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub &'static str);

/// What is known about a code besides its number.
#[derive(Clone, Copy, Debug)]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// kebab-case name; lints are allowed or denied by it too.
    pub name: &'static str,
    /// One line for listings.
    pub title: &'static str,
}

impl Code {
    /// Errors begin with `E`, lints with `W`.
    pub fn severity(self) -> Severity {
        if self.0.starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    /// The entry of the list.
    pub fn info(self) -> &'static CodeInfo {
        CODES.iter().find(|info| info.code == self).expect("every Code constant is made by the list below")
    }

    /// Finds a code by number (`E0203`) or by name (`unknown-field`), case-insensitively.
    pub fn find(text: &str) -> Option<&'static CodeInfo> {
        CODES.iter().find(|i| i.code.0.eq_ignore_ascii_case(text) || i.name.eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! codes {
    ($($ident:ident $code:literal $name:literal $title:literal;)*) => {
        $(#[doc = $title] pub const $ident: Code = Code($code);)*
        /// Every code, in order.
        pub const CODES: &[CodeInfo] = &[
            $(CodeInfo { code: Code($code), name: $name, title: $title },)*
        ];
    };
}

codes! {
    UNEXPECTED_TOKEN "E0101" "unexpected-token" "something else was expected here";
    UNCLOSED_BRACKET "E0102" "unclosed-bracket" "a bracket is never closed, or closed by the wrong one";
    UNCLOSED_STRING "E0103" "unclosed-string" "a string or comment is never closed";
    BAD_LITERAL "E0104" "bad-literal" "a literal is malformed or out of range";
    BAD_CHARACTER "E0105" "bad-character" "a character that has no meaning here";
    TOO_DEEP "E0106" "too-deep" "nesting is deeper than 128";
    TOO_LONG "E0107" "too-long" "a script is over 1 MiB or a declaration over 64 KiB";
    FOREIGN_WORD "E0108" "foreign-word" "a word of another system; flow has another one";
    STRAY_TEXT "E0109" "stray-text" "text outside any declaration";
    NOT_UTF8 "E0110" "not-utf8" "the script is not UTF-8 text";

    UNKNOWN_NAME "E0201" "unknown-name" "no declaration has this name";
    DUPLICATE_NAME "E0202" "duplicate-name" "two declarations or fields share a name";
    UNKNOWN_FIELD "E0203" "unknown-field" "the record has no field of this name";
    AMBIGUOUS_FIELD "E0204" "ambiguous-field" "both sides of a join have a field of this name";
    UNKNOWN_FUNCTION "E0205" "unknown-function" "no function or aggregate has this name";
    UNKNOWN_STAGE "E0206" "unknown-stage" "no operator has this name";
    UNKNOWN_ARGUMENT "E0207" "unknown-argument" "the call has no argument of this name";
    UNKNOWN_TYPE "E0208" "unknown-type" "no type has this name";
    WRONG_NAME_KIND "E0209" "wrong-name-kind" "the name is something else than is needed here";
    CYCLE "E0210" "cycle" "declarations need each other in a circle";
}
