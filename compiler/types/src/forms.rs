//! How stages, windows and connectors' helpers are written, as people read it: for signature help, completion and
//! documentation. A test compares the arguments with those the checker takes.

/// How something that takes arguments is written.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Its word.
    pub name: &'static str,
    /// The whole of it, with its arguments; a `?` behind a name says that it may be left out.
    pub form: &'static str,
    /// One line.
    pub doc: &'static str,
    /// What an editor inserts: `$1`, `${2:text}` are places to fill, `$0` is where the cursor ends.
    pub snippet: &'static str,
}

const fn form(name: &'static str, form: &'static str, doc: &'static str, snippet: &'static str) -> Form {
    Form { name, form, doc, snippet }
}

const JOIN: &str = "join(other as alias on condition, within?: duration, window?: window, ttl?: duration)";

/// The stages that are not aggregates.
pub const STAGE_FORMS: &[Form] = &[
    form("map", "map { field, name: value, .. }", "A new record of each row.", "map { $0 }"),
    form("drop", "drop(field, …)", "Leaves fields out.", "drop($0)"),
    form("rename", "rename(old: new, …)", "Gives fields other names.", "rename(${1:old}: ${2:new})$0"),
    form("filter", "filter(condition: bool)", "Keeps rows for which the condition is true.", "filter($0)"),
    form("flatMap", "flatMap(name in list)", "One row per element of a list.", "flatMap(${1:x} in $0)"),
    form(
        "eventTime",
        "eventTime(field: timestamp, delay?: duration, idle?: duration)",
        "Says which field tells when a row happened; rows may come `delay` late.",
        "eventTime(${1:at}, delay: ${2:5s})$0",
    ),
    form("keyBy", "keyBy(field, name: value, …)", "What follows is done per key.", "keyBy($0)"),
    form(
        "window",
        "window(kind: window, lateness?: duration)",
        "Groups the rows of each key: `tumbling`, `sliding`, `session`, `cumulative`, `count`, `global`, `same`.",
        "window(${1:tumbling(10s)})$0",
    ),
    form(
        "trigger",
        "trigger(when?: eachRow | atEnd, early?: duration, late?: duration | eachRow, every?: duration, \
         count?: int, mode?: accumulating | discarding)",
        "When results are given.",
        "trigger($0)",
    ),
    form(
        "aggregate",
        "aggregate { name: value, … }",
        "Named results over each group.",
        "aggregate { ${1:n}: ${2:count()} }$0",
    ),
    form(
        "top",
        "top(n: int, by: value, ties?: bool)",
        "The rows with the largest values, per key and window.",
        "top(${1:3}, by: $2)$0",
    ),
    form(
        "bottom",
        "bottom(n: int, by: value, ties?: bool)",
        "The rows with the smallest values, per key and window.",
        "bottom(${1:3}, by: $2)$0",
    ),
    form("latest", "latest(by: value)", "The last row of each key.", "latest(by: $1)$0"),
    form("earliest", "earliest(by: value)", "The first row of each key.", "earliest(by: $1)$0"),
    form(
        "distinct",
        "distinct(field, …, within?: duration)",
        "Drops rows whose fields were seen before.",
        "distinct($0)",
    ),
    form(
        "join",
        JOIN,
        "Pairs with rows of another stream or table.",
        "join(${1:other} on ${2:a.id == b.id}, within: ${3:10min})$0",
    ),
    form(
        "leftJoin",
        "leftJoin(other as alias on condition, within?: duration, window?: window, ttl?: duration)",
        "As `join`, and rows without a partner.",
        "leftJoin(${1:other} on ${2:a.id == b.id}, within: ${3:10min})$0",
    ),
    form(
        "semiJoin",
        "semiJoin(other as alias on condition, within?: duration, window?: window, ttl?: duration)",
        "Rows that have a partner.",
        "semiJoin(${1:other} on ${2:a.id == b.id}, within: ${3:10min})$0",
    ),
    form(
        "antiJoin",
        "antiJoin(other as alias on condition, within?: duration, window?: window, ttl?: duration)",
        "Rows that have none.",
        "antiJoin(${1:other} on ${2:a.id == b.id}, within: ${3:10min})$0",
    ),
    form("union", "union(other, …)", "All rows of several streams.", "union($0)"),
    form(
        "scan",
        "scan(state: value, next: value, emit: { name: value, … })",
        "A state of your own per key: `next` makes the new one, `emit` the row.",
        "scan(state: ${1:0}, next: ${2:state + 1}, emit: { .., ${3:n}: state })$0",
    ),
    form("sample", "sample(probability: float)", "Some of the rows.", "sample(${1:0.01})$0"),
    form("limit", "limit(n: int)", "The first rows.", "limit(${1:10})$0"),
    form("tap", "tap(label?: string)", "Shows rows while the job runs.", "tap(\"${1:label}\")$0"),
];

/// The kinds of windows.
pub const WINDOW_FORMS: &[Form] = &[
    form(
        "tumbling",
        "tumbling(size: duration, offset?: duration, time?: processing, zone?: string)",
        "Each row in one window of this size.",
        "tumbling(${1:10s})$0",
    ),
    form(
        "sliding",
        "sliding(size: duration, every: duration, time?: processing)",
        "Windows of this size that begin each `every`.",
        "sliding(${1:1min}, every: ${2:10s})$0",
    ),
    form(
        "session",
        "session(gap: duration, time?: processing)",
        "Rows at most `gap` apart.",
        "session(gap: ${1:30s})$0",
    ),
    form(
        "cumulative",
        "cumulative(max: duration, every: duration, time?: processing)",
        "Windows with one beginning and growing ends.",
        "cumulative(${1:1h}, every: ${2:10min})$0",
    ),
    form("count", "count(n: int, every?: int)", "So many rows.", "count(${1:100})$0"),
    form("global", "global", "All rows.", "global"),
    form("same", "same", "The window the rows already came from.", "same"),
];

/// The form of a stage.
pub fn stage_form(word: &str) -> Option<&'static Form> {
    STAGE_FORMS.iter().find(|form| form.name == word)
}

/// The form of a kind of window.
pub fn window_form(word: &str) -> Option<&'static Form> {
    WINDOW_FORMS.iter().find(|form| form.name == word)
}

impl Form {
    /// The arguments as they are written: byte ranges of the form.
    pub fn parameters(&self) -> Vec<std::ops::Range<usize>> {
        parameters(self.form)
    }

    /// The arguments that are given by name.
    pub fn named(&self) -> Vec<&'static str> {
        let name = |range: std::ops::Range<usize>| {
            let (name, _) = self.form[range].split_once(':')?;
            let name = name.trim_end_matches('?');
            name.chars().all(|c| c.is_ascii_alphanumeric()).then_some(name)
        };
        self.parameters().into_iter().filter_map(name).collect()
    }
}

/// The parameters of a signature such as `get(xs: list<T>, index: int) -> T?`: byte ranges. A `*` (what follows is given
/// by name) is none.
pub fn parameters(signature: &str) -> Vec<std::ops::Range<usize>> {
    let Some(open) = signature.find('(') else { return Vec::new() };
    let mut found = Vec::new();
    let (mut depth, mut start) = (0usize, open + 1);
    let mut take = |start: usize, end: usize| {
        let text = &signature[start..end];
        let from = start + text.len() - text.trim_start().len();
        let part = start..start + text.trim_end().len();
        if from < part.end && &signature[from..part.end] != "*" {
            found.push(from..part.end);
        }
    };
    let mut before = ' ';
    for (at, c) in signature.char_indices().skip_while(|(at, _)| *at <= open) {
        match c {
            '(' | '<' | '{' | '[' => depth += 1,
            ')' if depth == 0 => {
                take(start, at);
                break;
            }
            // The arrow of a lambda or a result closes nothing.
            '>' if before == '=' || before == '-' => {}
            ')' | '>' | '}' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                take(start, at);
                start = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::{KINDS, STAGES};

    #[test]
    fn every_stage_and_every_window_has_its_form() {
        assert!(STAGE_FORMS.iter().map(|f| f.name).eq(STAGES.iter().copied()));
        let windows: Vec<&str> = WINDOW_FORMS.iter().map(|f| f.name).collect();
        assert!(KINDS.iter().all(|kind| windows.contains(kind)) && windows.len() == KINDS.len());
        for form in STAGE_FORMS.iter().chain(WINDOW_FORMS) {
            assert!(form.form.starts_with(form.name) && form.snippet.starts_with(form.name), "{form:?}");
        }
    }

    #[test]
    fn parameters_are_cut_at_the_commas_between_them() {
        let cut =
            |text: &'static str| -> Vec<&str> { parameters(text).into_iter().map(|r| &text[r]).collect() };
        assert_eq!(
            cut("f(xs: list<T>, g: (A, T) => A, *, zone: string = \"a\") -> T"),
            ["xs: list<T>", "g: (A, T) => A", "zone: string = \"a\""]
        );
        assert_eq!(cut("count() -> int"), [] as [&str; 0]);
        assert_eq!(cut("global"), [] as [&str; 0]);
        assert_eq!(window_form("tumbling").map(Form::named), Some(vec!["size", "offset", "time", "zone"]));
    }

    #[test]
    fn the_syntax_knows_the_names_of_all_aggregates() {
        let mut theirs = flow_syntax::AGGREGATES.to_vec();
        let mut ours: Vec<&str> = flow_plan::catalogue::aggregates().map(|def| def.name).collect();
        theirs.sort_unstable();
        ours.sort_unstable();
        assert_eq!(theirs, ours);
    }
}
