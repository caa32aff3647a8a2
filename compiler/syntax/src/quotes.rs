//! What a string with a quote or a brace too few was meant to be: where it begins, where it ends, which braces are text.
//! Looks at bytes of one line only; says nothing itself.

use crate::lexer::is_word_byte;

/// The quote that ends a raw string whose author escaped the one at `quote`: what follows that one cannot follow a
/// string.
pub(crate) fn quote_in_raw(bytes: &[u8], quote: usize, end: usize) -> Option<usize> {
    let escaped = |at: usize| bytes[at - 1] == b'\\';
    let rest = bytes.get(quote + 1..end)?;
    let next = rest.iter().find(|b| !matches!(b, b' ' | b'\t'))?;
    if !escaped(quote) || matches!(next, b',' | b']' | b'}' | b'|' | b'-' | b'=' | b'!' | b'+' | b':') {
        return None;
    }
    let close = (quote + 1..end).find(|at| bytes[*at] == b'"' && !escaped(*at))?;
    // `r"\") and f(r"\")`: two of them that are right.
    (*next != b')' || !bytes[quote + 1..close].ends_with(b"r")).then_some(close)
}

/// The first string from `from` on that is closed and was never opened: where its text begins, and the quote.
pub(crate) fn unopened(bytes: &[u8], from: usize, failed: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while at <= failed {
        if bytes[at] != b'"' {
            at += 1;
            continue;
        }
        let before = if at > from { bytes[at - 1] } else { b' ' };
        let prefixed = matches!(before, b'r' | b'b') && (at < 2 || !is_word_byte(bytes[at - 2]));
        if !prefixed && (is_word_byte(before) || matches!(before, b'/' | b'.' | b'*' | b'%' | b'?')) {
            let outside = |b: &u8| b" \t\"([{,:=".contains(b);
            let start = bytes[from..at].iter().rposition(outside).map_or(from, |i| from + i + 1);
            return Some((start, at));
        }
        at += 1;
        while at <= failed && bytes[at] != b'"' {
            at += if bytes[at] == b'\\' && !prefixed { 2 } else { 1 };
        }
        at += 1;
    }
    None
}

/// The `{` without a `}` of a string whose quotes are complete: where it is, where the value behind it
/// may end, and the closing quote. An odd number of quotes says that one of them is missing instead.
pub(crate) fn open_interpolation(bytes: &[u8], inner: usize, end: usize) -> Option<(usize, usize, usize)> {
    let (mut at, mut open, mut quote, mut quotes) = (inner, None, None, 1);
    while at < end {
        let pair = bytes.get(at + 1) == Some(&bytes[at]);
        match bytes[at] {
            b'\\' => at += 1,
            b'{' | b'}' if pair && quote.is_none() && open.is_none() => at += 1,
            b'{' if quote.is_none() => open = open.or(Some(at)),
            b'}' if quote.is_none() => open = None,
            b'"' => {
                quotes += 1;
                quote = quote.or(Some(at));
            }
            _ => {}
        }
        at += 1;
    }
    let (open, quote) = (open?, quote?);
    let path = bytes[open + 1..quote].iter().take_while(|b| is_word_byte(**b) || **b == b'.').count();
    (quotes % 2 == 0 && path > 0).then_some((open, open + 1 + path, quote))
}

/// Where an unclosed string most likely ends: before the next stage on its line, or before the
/// closing brackets at the line's end.
pub(crate) fn guess_string_end(text: &str, inner: usize, end: usize) -> usize {
    let line = &text[inner.min(end)..end];
    let cut = [" |> ", " -> "].iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
    let kept = line[..cut].trim_end_matches([' ', '\t', ')', ']', '}', ',']);
    inner.min(end) + kept.len()
}

/// A string that holds JSON with escaped quotes (`"{\"a\": {a}}"`): where its quote is, and its text with the braces
/// doubled that stand around no name.
pub(crate) fn braces_of_json(text: &str, inner: usize, end: usize) -> Option<(usize, String)> {
    let bytes = text.as_bytes();
    let mut close = inner;
    while close < end && bytes[close] != b'"' {
        close += if bytes[close] == b'\\' { 2 } else { 1 };
    }
    let line = text.get(inner..close).filter(|_| close < end)?;
    let escaped = |at: usize| line[at..].trim_start().starts_with("\\\"");
    if !line.match_indices(['{', '[']).any(|(at, _)| escaped(at + 1)) {
        return None;
    }
    let (mut doubled, mut open) = (Vec::new(), Vec::new());
    for (at, c) in line.char_indices() {
        match c {
            '{' => open.push(at),
            '}' => {
                let from = open.pop()?;
                let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
                let value = &line[from + 1..at];
                if value.is_empty() || !value.chars().all(name) {
                    doubled.extend([from, at]);
                }
            }
            _ => {}
        }
    }
    let mut fixed = line.to_string();
    doubled.sort_unstable();
    for at in doubled.into_iter().rev() {
        fixed.insert_str(at, &line[at..=at]);
    }
    open.is_empty().then_some((close, fixed))
}
