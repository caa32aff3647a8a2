//! Where lines end: with `\n`, `\r\n`, or a `\r` alone. So the protocol of editors says, and what an editor shows as a line is
//! one for the compiler, too: otherwise a comment could hide what stands on the next line of the screen.

/// Does a line end with the byte at this place? Of `\r\n` it is the second one that does.
fn ends_at(text: &[u8], at: usize) -> bool {
    match text[at] {
        b'\n' => true,
        b'\r' => text.get(at + 1) != Some(&b'\n'),
        _ => false,
    }
}

/// The offsets of the bytes with which lines end.
fn ends(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memchr::memchr2_iter(b'\n', b'\r', text).filter(|at| ends_at(text, *at))
}

/// Is it the first byte of a line end, or its second?
pub fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The offsets at which lines begin: 0, and behind each line end.
pub fn starts(text: &str) -> impl Iterator<Item = usize> + '_ {
    let bytes = text.as_bytes();
    std::iter::once(0).chain(ends(bytes).map(|at| at + 1))
}

/// How many lines end in the text.
pub fn count(text: &str) -> usize {
    ends(text.as_bytes()).count()
}

/// Does a line begin at this offset?
pub fn begins(text: &str, offset: usize) -> bool {
    offset == 0 || ends_at(text.as_bytes(), offset - 1)
}

/// Where the line begins that holds the offset.
pub fn start(text: &str, offset: usize) -> usize {
    let bytes = text.as_bytes();
    memchr::memrchr2_iter(b'\n', b'\r', &bytes[..offset])
        .find(|at| ends_at(bytes, *at))
        .map_or(0, |at| at + 1)
}

/// The offset of the line end at or behind this one, or the end of the text.
pub fn end(text: &str, from: usize) -> usize {
    memchr::memchr2(b'\n', b'\r', &text.as_bytes()[from..]).map_or(text.len(), |at| from + at)
}

/// The offset behind the line that holds this one, and behind its end.
pub fn behind(text: &str, offset: usize) -> usize {
    let end = end(text, offset);
    match text.as_bytes()[end..] {
        [b'\r', b'\n', ..] => end + 2,
        [] => end,
        _ => end + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_each_of_the_three_ends() {
        let text = "a\rb\r\nc\n\rd\r";
        assert_eq!(starts(text).collect::<Vec<_>>(), [0, 2, 5, 7, 8, 10]);
        assert_eq!(count(text), 5);
        for (line, at) in [(0, 0), (0, 1), (2, 2), (2, 3), (2, 4), (5, 5), (7, 7), (8, 9), (10, 10)] {
            assert_eq!(start(text, at), line, "{at}");
            assert!(begins(text, line), "{line}");
        }
        for (from, at, next) in [(0, 1, 2), (2, 3, 5), (5, 6, 7), (7, 7, 8), (8, 9, 10), (10, 10, 10)] {
            assert_eq!((end(text, from), behind(text, from)), (at, next), "{from}");
        }
    }
}
