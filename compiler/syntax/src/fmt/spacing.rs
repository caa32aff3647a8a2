//! The blanks between two neighbouring tokens of a line.

use super::words::Word;

/// Does a blank stand between words `i - 1` and `i`?
pub(super) fn blank_between(words: &[Word<'_>], i: usize) -> bool {
    let (left, right) = (&words[i - 1], &words[i]);
    if right.in_type && matches!(right.class, b'<' | b'>' | b'?') || left.in_type && left.class == b'<' {
        return false;
    }
    match (left.class, right.class) {
        (_, b',' | b':' | b'.' | b')' | b']') => false,
        (b'(' | b'[' | b'.' | b'@', _) => false,
        (b'{', b'}') => false,
        // `1..10`, `..b`; a `..` of its own stands behind a comma or a brace.
        (b'~', _) => false,
        (_, b'~') => !left.ends_operand(),
        (b'-', _) => !is_unary(words, i - 1),
        (_, b'(') => {
            let called = left.is_name() && !is_join_on(words, i - 1);
            let behind_call = left.is_close() && left.class != b'}';
            !called && !behind_call
        }
        (_, b'[') => right.rows || !left.ends_operand(),
        _ => true,
    }
}

/// Is the `-` at `i` one with a single operand?
fn is_unary(words: &[Word<'_>], i: usize) -> bool {
    words[i].class == b'-' && (i == 0 || !words[i - 1].ends_operand())
}

/// Is this `on` the one between a join's name and its condition (rather than a function)?
pub(super) fn is_join_on(words: &[Word<'_>], i: usize) -> bool {
    words[i].class == b'n' && i > 0 && words[i - 1].is_name()
}
