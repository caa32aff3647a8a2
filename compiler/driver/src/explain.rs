//! What each code means, for `flow explain` and everything that links to it.

use flow_syntax::codes::{CODES, Code, CodeInfo};

static TEXTS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/explanations.rs"));

/// The explanation of a code: Markdown with an example that fails and the same mended.
pub fn explain(code: Code) -> Option<&'static str> {
    TEXTS.iter().find(|(name, _)| *name == code.0).map(|(_, text)| *text)
}

/// Codes that have a text but are in no list: the text is a leftover.
pub fn leftovers() -> Vec<&'static str> {
    let known = |name: &str| CODES.iter().any(|info| info.code.0 == name);
    TEXTS.iter().map(|(name, _)| *name).filter(|name| !known(name)).collect()
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
