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

    TYPE_MISMATCH "E0301" "type-mismatch" "a value of another type is needed here";
    OPTIONAL_USE "E0302" "optional-use" "a value that may be null is used bare";
    NO_OPERATOR "E0303" "no-operator" "the operator is not defined for these types";
    NOT_COMPARABLE "E0304" "not-comparable" "values of these types cannot be compared or ordered";
    WRONG_ARGUMENT "E0305" "wrong-argument" "the function takes other arguments";
    MISSING_ARGUMENT "E0306" "missing-argument" "an argument is missing";
    POSITIONAL_ARGUMENT "E0307" "positional-argument" "arguments after the first are named";
    DUPLICATE_ARGUMENT "E0308" "duplicate-argument" "an argument is given twice";
    UNKNOWN_LITERAL_TYPE "E0309" "unknown-literal-type" "nothing says what type this value has";
    NOT_EXHAUSTIVE "E0310" "not-exhaustive" "the match does not cover every value";
    BAD_PATTERN "E0311" "bad-pattern" "the pattern cannot match a value of this type";
    UNREACHABLE_ARM "E0312" "unreachable-arm" "an arm of the match can never be reached";
    MISPLACED_EXPRESSION "E0313" "misplaced-expression" "this kind of expression has no meaning here";
    MISPLACED_AGGREGATE "E0314" "misplaced-aggregate" "an aggregate stands outside `aggregate`";
    NOT_AGGREGATED "E0315" "not-aggregated" "a field of the single rows is used where only aggregates and keys exist";
    MISPLACED_CALL "E0316" "misplaced-call" "the function may not be called here";
    BRANCHES_DIFFER "E0317" "branches-differ" "the branches have different types";
    CONSTANT_FAILS "E0318" "constant-fails" "a constant expression fails when it is computed";
    NOT_CONSTANT "E0319" "not-constant" "the value must be known before anything runs";
    BARE_DURATION "E0320" "bare-duration" "a duration needs a unit";
    EXPRESSION_TOO_DEEP "E0321" "expression-too-deep" "the expression is nested too deeply";
    TYPE_TOO_LARGE "E0322" "type-too-large" "a type has more than 10,000 parts";

    STAGE_SHAPE "E0401" "stage-shape" "the stage is written in another shape";
    NO_EVENT_TIME "E0402" "no-event-time" "the stage needs event time and the stream has none";
    NOTHING_STATEFUL "E0403" "nothing-stateful" "a key, window or trigger is set and nothing uses it";
    SET_TWICE "E0404" "set-twice" "a key, window or trigger is set twice";
    BAD_WINDOW "E0405" "bad-window" "the window is not one that flow has";
    BAD_TRIGGER "E0406" "bad-trigger" "the trigger does not fit what it triggers";
    WINDOW_BOUNDS "E0407" "window-bounds" "a field is named like a window bound that is added";
    UNNAMED_FIELD "E0408" "unnamed-field" "a computed field needs a name";
    BAD_JOIN "E0409" "bad-join" "the join cannot be done like this";
    UNION_TYPES "E0410" "union-types" "the streams of a union have different fields";
    UPDATING_STREAM "E0411" "updating-stream" "an updating stream reaches what only takes final rows";
    SIDE_OUTPUT "E0412" "side-output" "the declaration has no such side output";
    STAGE_OPTION "E0413" "stage-option" "an argument of the stage has a value it cannot have";
    LOST_KEY "E0414" "lost-key" "a field of the key is lost before the stage that needs it";

    UNKNOWN_CONNECTOR "E0501" "unknown-connector" "no connector has this name";
    CONNECTOR_DIRECTION "E0502" "connector-direction" "the connector cannot be used on this side";
    UNKNOWN_OPTION "E0503" "unknown-option" "the connector or format has no option of this name";
    MISSING_OPTION "E0504" "missing-option" "the connector needs an option";
    OPTION_VALUE "E0505" "option-value" "an option of the connector has a value it cannot have";
    UNKNOWN_FORMAT "E0506" "unknown-format" "no format has this name";
    FORMAT_TYPE "E0507" "format-type" "the format cannot hold rows of this type";
    SOURCE_TYPE "E0508" "source-type" "the source needs a type, or has another one";
    TABLE_KEY "E0509" "table-key" "a table needs key fields it has";
    TABLE_STAGE "E0510" "table-stage" "a stage that the rows of a table cannot go through";
    SHARED_CONNECTOR "E0511" "shared-connector" "two declarations use what only one of them can have";

    DUPLICATE_JOB "E0601" "duplicate-job" "a script has one job block at most";
    JOB_OPTION "E0602" "job-option" "the job block has no such option, or not with this value";
    PARAM_VALUE "E0603" "param-value" "a parameter has no value, or one of another type";
    RECURSION "E0604" "recursion" "a function calls itself";
    FUNCTION_TOO_LARGE "E0605" "function-too-large" "a function grows too large when its calls are written out";
    TEST_TARGET "E0606" "test-target" "a test cannot give or expect rows there";
    TEST_ROW "E0607" "test-row" "a row of a test does not have the type of the stream";
    BAD_IMPORT "E0608" "bad-import" "an imported file is missing or cannot be read";
    EXPECTATION_FAILED "E0609" "expectation-failed" "a stream or sink did not receive what a test expects";
    TEST_RESTORE "E0610" "test-restore" "a test cannot go on in another script there";

    DUPLICATE_STATE_ID "E0701" "duplicate-state-id" "two stateful stages have the same id";
    MISPLACED_STATE_ID "E0702" "misplaced-state-id" "an id is given to something that has no state";
    STATE_INCOMPATIBLE "E0703" "state-incompatible" "the state of the old script cannot be restored into this one";
    STATE_DROPPED "E0704" "state-dropped" "state of the old script has no place in this one";
    STATE_RESTORES "E0705" "state-restores" "the state of the old script restores, with a difference";

    CONNECTOR_NOT_RUNNABLE "E0806" "connector-not-runnable" "the connector cannot run yet";
    FORMAT_NOT_RUNNABLE "E0807" "format-not-runnable" "the format cannot run yet";
    RETRACTION_NOT_RUNNABLE "E0809" "retraction-not-runnable" "this stage cannot read an updating stream";
    OPTION_NOT_RUNNABLE "E0810" "option-not-runnable" "an option of the connector cannot run yet";
    STATE_NOT_RUNNABLE "E0811" "state-not-runnable" "state cannot be kept as the job says";

    UNBOUNDED_STATE "W0301" "unbounded-state" "state that grows for ever";
    UNUSED_STREAM "W0302" "unused-stream" "nothing reads this stream, source or table";
    UNUSED_FIELD "W0303" "unused-field" "a field is computed and never read";
    LATE_ROWS_DROPPED "W0304" "late-rows-dropped" "rows that come late are dropped without a trace";
    NONDETERMINISTIC_REPLAY "W0305" "nondeterministic-replay" "a replay after a failure may give other rows";
    WEAKENED_GUARANTEE "W0306" "weakened-guarantee" "a sink cannot keep the delivery guarantee the job asks for";
    SHADOWED_FIELD "W0307" "shadowed-field" "a name hides another one";
    ALWAYS_TRUE_FILTER "W0308" "always-true-filter" "a condition is the same for every row";
    UNUSED_ALLOW "W0309" "unused-allow" "a `flow-allow` comment suppresses nothing";
    NEVER_NULL "W0310" "never-null" "a value that is never null is treated as if it could be";
    CHANGES_MEANING "W0311" "changes-meaning" "state restores, but old and new rows would mix in it";
    UNUSED_DECLARATION "W0312" "unused-declaration" "a function, constant, parameter, type or `let` is never used";
    CANNOT_RUN_YET "W0313" "cannot-run-yet" "this version checks it, but cannot run it";
    SHARED_STATE "W0314" "shared-state" "two scripts are of one job, and would go on with each other's state";
    LATENESS_WITHOUT_TRIGGER "W0315" "lateness-without-trigger" "rows are taken behind a window's end, and its result is not given again";
}
