//! The members of a gzip file, one behind the other, as `cat a.gz b.gz` makes them. Zeros behind a member are padding
//! (tapes and `tar` fill their last block with them); anything else is told as what it is. Never a damaged member.

use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, Read};

/// Unpacks all members.
pub(crate) struct Members<R> {
    state: State<R>,
}

enum State<R> {
    /// Within a member.
    Member(Box<GzDecoder<Counted<R>>>),
    /// Behind one.
    Behind(Counted<R>),
    Over,
}

impl<R: BufRead> Members<R> {
    pub(crate) fn new(raw: R) -> Members<R> {
        Members { state: State::Member(Box::new(GzDecoder::new(Counted { inner: raw, at: 0, start: 0 }))) }
    }

    /// Goes over padding to the next member, if there is one. After an error of the bytes below it may be asked again.
    fn go_on(&mut self) -> io::Result<()> {
        let State::Behind(raw) = &mut self.state else { return Ok(()) };
        let first = loop {
            let held = raw.fill_buf()?;
            let padding = held.iter().take_while(|b| **b == 0).count();
            match held.get(padding) {
                Some(first) => {
                    let first = *first;
                    raw.consume(padding);
                    break Some(first);
                }
                None if padding == 0 => break None,
                None => raw.consume(padding),
            }
        };
        raw.start = raw.at;
        match (first, std::mem::replace(&mut self.state, State::Over)) {
            (Some(MAGIC), State::Behind(raw)) => self.state = State::Member(Box::new(GzDecoder::new(raw))),
            (Some(_), State::Behind(raw)) => return Err(garbage(raw.at)),
            _ => {}
        }
        Ok(())
    }
}

/// The first byte of each member.
const MAGIC: u8 = 0x1f;

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.state {
                State::Member(member) => match member.read(buffer) {
                    Ok(0) => {}
                    Ok(n) => return Ok(n),
                    Err(error) => return Err(of_member(member, error)),
                },
                State::Behind(_) => {
                    self.go_on()?;
                    continue;
                }
                State::Over => return Ok(0),
            }
            if let State::Member(member) = std::mem::replace(&mut self.state, State::Over) {
                self.state = State::Behind(member.into_inner());
            }
        }
    }
}

/// What has no header of a member is none, if one that was whole stands before it.
fn of_member<R: BufRead>(member: &GzDecoder<Counted<R>>, error: io::Error) -> io::Error {
    let start = member.get_ref().start;
    let no_header = error.kind() == io::ErrorKind::InvalidInput && member.header().is_none();
    if start > 0 && no_header { garbage(start) } else { error }
}

fn garbage(at: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Garbage { at })
}

/// Something behind the last member that is none.
#[derive(Debug)]
pub(crate) struct Garbage {
    at: u64,
}

impl std::fmt::Display for Garbage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.at;
        write!(
            f,
            "trailing garbage: the gzip data ends before byte {at} of the packed file, and what stands there is no more of it"
        )
    }
}

impl std::error::Error for Garbage {}

/// Counts the packed bytes.
struct Counted<R> {
    inner: R,
    at: u64,
    /// Where the member began.
    start: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.at += n as u64;
        self.inner.consume(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(text: &str) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    }

    /// What is read of `bytes` that come `step` at a time.
    fn unpacked(bytes: &[u8], step: usize) -> io::Result<String> {
        let mut text = String::new();
        Members::new(io::BufReader::with_capacity(step, bytes)).read_to_string(&mut text)?;
        Ok(text)
    }

    const STEPS: [usize; 4] = [1, 2, 7, 1 << 16];

    #[test]
    fn members_stand_one_behind_the_other_with_padding_behind_each() {
        let (one, two) = (packed("one\n"), packed("two\n"));
        for zeros in [0, 1, 511, 70_000] {
            let padding = vec![0; zeros];
            let bytes = [&one[..], &two, &padding, &one, &padding].concat();
            for step in STEPS {
                assert_eq!(unpacked(&bytes, step).unwrap(), "one\ntwo\none\n", "{zeros} zeros, {step} bytes");
            }
        }
    }

    #[test]
    fn what_stands_behind_the_last_member_is_garbage_and_says_where() {
        let one = packed("one\n");
        for behind in [&b"x"[..], b"\0\0\0garbage behind", b"\x1f\x8c and more than a header", b"\n"] {
            let at = one.len() + behind.iter().take_while(|b| **b == 0).count();
            for step in STEPS {
                let error = unpacked(&[&one[..], behind].concat(), step).unwrap_err();
                assert!(error.get_ref().is_some_and(|e| e.is::<Garbage>()), "{behind:?}: {error}");
                assert!(error.to_string().contains(&format!("before byte {at} ")), "{behind:?}: {error}");
            }
        }
    }

    #[test]
    fn a_member_that_is_cut_at_any_byte_ends_too_early() {
        let (one, two) = (packed("one\n"), packed("two\n"));
        for len in (0..one.len()).chain(one.len() + 1..one.len() + two.len()) {
            let bytes = [&one[..], &two].concat();
            for step in STEPS {
                let error = unpacked(&bytes[..len], step).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{len} bytes: {error}");
            }
        }
    }

    #[test]
    fn a_first_member_without_a_header_is_damaged_and_no_garbage() {
        let error = unpacked(b"no gzip data at all", 7).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    }

    #[test]
    fn after_an_interrupted_read_nothing_is_lost() {
        struct Interrupting(Vec<u8>, usize, bool);
        impl Read for Interrupting {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.2 = !self.2;
                if self.2 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                let n = (&self.0[self.1..]).read(&mut buffer[..1])?;
                self.1 += n;
                Ok(n)
            }
        }
        let bytes = [packed("one\n"), vec![0; 9], packed("two\n")].concat();
        let mut text = String::new();
        let raw = Interrupting(bytes, 0, false);
        Members::new(io::BufReader::new(raw)).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }
}
