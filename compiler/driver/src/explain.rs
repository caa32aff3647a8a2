//! What each code means, for `flow explain` and everything that links to it.

use flow_plan::ErrorCode;
use flow_syntax::codes::{CODES, Code, CodeInfo};

static TEXTS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/explanations.rs"));

static RECORDS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/record_errors.rs"));

/// What can be done about every record error, whatever its kind.
pub const RECORD_ERRORS: &str = "\
## What becomes of the record

`onError: fail` in the `job` block (the default) stops the job: it shows the expression, the record and where it stood. `onError: skip`
drops such records and counts them. A declaration `NAME` whose `NAME.errors` is read by anything goes on, and the record goes there,
with `code`, `error`, `operator`, `position`, `raw` and `at`.
";

/// The kind of record errors of this name, also as `division-by-zero`.
pub fn record_error(name: &str) -> Option<ErrorCode> {
    let letters = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
    ErrorCode::ALL.into_iter().find(|kind| letters(kind.as_str()) == letters(name))
}

/// The explanation of a kind of record errors: Markdown, most often with data and a script that fails on it.
pub fn explain_record_error(kind: ErrorCode) -> &'static str {
    RECORDS.iter().find(|(name, _)| *name == kind.as_str()).map_or("", |(_, text)| *text)
}

/// One line about a kind of record errors.
pub fn record_error_title(kind: ErrorCode) -> &'static str {
    explain_record_error(kind).lines().nth(2).unwrap_or_default().trim_end_matches('.')
}

/// Kinds of record errors that somebody may have meant.
pub fn similar_record_errors(word: &str) -> Vec<ErrorCode> {
    let word = word.to_ascii_lowercase();
    let near = |kind: &ErrorCode| {
        let name = kind.as_str().to_ascii_lowercase();
        strsim::damerau_levenshtein(&name, &word) <= (word.len() / 3).max(1)
            || (word.len() > 3 && name.contains(&word))
    };
    ErrorCode::ALL.into_iter().filter(near).take(4).collect()
}

/// The explanation of a code: Markdown with an example that fails and the same mended.
pub fn explain(code: Code) -> Option<&'static str> {
    TEXTS.iter().find(|(name, _)| *name == code.0).map(|(_, text)| *text)
}

/// Codes and kinds that have a text but are in no list: the text is a leftover.
pub fn leftovers() -> Vec<&'static str> {
    let known = |name: &str| CODES.iter().any(|info| info.code.0 == name);
    let kind = |name: &str| ErrorCode::ALL.iter().any(|kind| kind.as_str() == name);
    let codes = TEXTS.iter().map(|(name, _)| *name).filter(|name| !known(name));
    codes.chain(RECORDS.iter().map(|(name, _)| *name).filter(|name| !kind(name))).collect()
}

/// The block of data of an explanation, and the file it stands for.
pub fn example_data(text: &str) -> Option<(&str, &str)> {
    let name = text.lines().find_map(|line| line.strip_prefix("## rows."))?;
    let block = text.split_once(&format!("## rows.{name}\n\n```\n"))?.1;
    Some((name, &block[..=block.find("\n```")?]))
}

/// What somebody may have meant by a word that is neither a code nor a name, nearest first.
pub fn similar(word: &str) -> Vec<&'static CodeInfo> {
    let word = word.to_ascii_lowercase();
    let mut near: Vec<(usize, &CodeInfo)> = CODES
        .iter()
        .filter_map(|info| {
            let code = info.code.0.to_ascii_lowercase();
            let part = word.len() > 3 && info.name.contains(word.as_str());
            let distance = strsim::damerau_levenshtein(&code, &word)
                .min(strsim::damerau_levenshtein(info.name, &word))
                .min(if part { 1 } else { usize::MAX });
            let limit = if word.starts_with(['e', 'w']) && word.len() <= 5 { 1 } else { word.len() / 3 };
            (distance <= limit.max(1)).then_some((distance, info))
        })
        .collect();
    near.sort_by_key(|(distance, info)| (*distance, info.code));
    near.into_iter().take(4).map(|(_, info)| info).collect()
}

/// The example of an explanation under a heading (`## Fails`, `## Mended`): the text of its code block.
pub fn example<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    let at = text.find(&format!("\n## {heading}\n"))?;
    let block = &text[at..];
    let start = block.find("```flow\n")? + "```flow\n".len();
    let end = block[start..].find("\n```")?;
    Some(&block[start..=start + end])
}

#[cfg(test)]
mod tests {
    use super::{example, similar};

    #[test]
    fn misspelt_names_and_codes_find_their_neighbours() {
        let first = |word| similar(word).first().map(|info| info.name);
        assert_eq!(first("unknwon-field"), Some("unknown-field"));
        assert_eq!(first("exhaustive"), Some("not-exhaustive"));
        assert!(similar("E0299").len() <= 4);
        assert_eq!(first("zzzzzzzzzzzz"), None);
    }

    #[test]
    fn the_block_under_a_heading_is_found() {
        let text = "# E\n\nwhy\n\n## Fails\n\n```flow\na\nb\n```\n\n## Mended\n\n```flow\nc\n```\n";
        assert_eq!(example(text, "Fails"), Some("a\nb\n"));
        assert_eq!(example(text, "Mended"), Some("c\n"));
        assert_eq!(example(text, "Other"), None);
    }
}
