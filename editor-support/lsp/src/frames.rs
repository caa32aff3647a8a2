//! Messages as they come over a pipe: a header that tells a length, and so many bytes. What a client gets wrong has a
//! defined answer; where the next message begins is known behind most of it. A length is never believed before its bytes
//! have come.

use lsp_server::{ErrorCode, Message};
use serde_json::Value;
use std::io::{BufRead, Read};

/// The longest message that is read. The longest text people edit is a hundredth of it.
const LONGEST: u64 = 64 << 20;
/// The longest line of a header, and the most lines of one.
const HEADER_LINE: u64 = 4 << 10;
const HEADER_LINES: usize = 32;

/// What came.
#[derive(Debug)]
pub(crate) enum Frame {
    Message(Message),
    /// It is no message. The next one can be read all the same.
    Refused(Refusal),
    /// Nobody knows where the next message begins.
    Lost(Refusal),
    /// The client is gone.
    End,
}

/// Why something is no message, as it is answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    /// The id of the request, as far as it has one.
    pub(crate) id: Value,
    pub(crate) code: i32,
    pub(crate) message: String,
}

impl Refusal {
    fn new(id: Value, code: ErrorCode, message: String) -> Refusal {
        Refusal { id, code: code as i32, message }
    }

    fn unreadable(message: String) -> Refusal {
        Refusal::new(Value::Null, ErrorCode::ParseError, message)
    }
}

/// Messages of a client.
pub(crate) struct Frames<R> {
    input: R,
    /// Bytes of a message that was too long, to pass over.
    left: u64,
}

impl<R: BufRead> Frames<R> {
    pub(crate) fn new(input: R) -> Frames<R> {
        Frames { input, left: 0 }
    }

    /// Reads the next message.
    pub(crate) fn next(&mut self) -> Frame {
        let left = std::mem::take(&mut self.left);
        if std::io::copy(&mut (&mut self.input).take(left), &mut std::io::sink()).is_err() {
            return Frame::End;
        }
        let length = match header(&mut self.input) {
            Ok(Some(length)) => length,
            Ok(None) => return Frame::End,
            Err(why) => return Frame::Lost(Refusal::unreadable(why)),
        };
        if length > LONGEST {
            // They are passed over behind the answer: it may be long before they have come.
            self.left = length;
            let why = format!("a message of {length} bytes: the longest that is read has {LONGEST}");
            return Frame::Refused(Refusal::new(Value::Null, ErrorCode::InvalidRequest, why));
        }
        let mut bytes = Vec::new();
        match (&mut self.input).take(length).read_to_end(&mut bytes) {
            Ok(read) if read as u64 == length => message(&bytes).map_or_else(Frame::Refused, Frame::Message),
            // Cut off in the middle: there is nobody any more to tell.
            _ => Frame::End,
        }
    }
}

/// The length that a header tells; none if the client is gone.
fn header(input: &mut impl BufRead) -> Result<Option<u64>, String> {
    let mut length = None;
    for _ in 0..HEADER_LINES {
        let Some(line) = line(input)? else { return Ok(None) };
        if line.is_empty() {
            let missing = "a message whose header tells no `Content-Length`";
            return length.map(Some).ok_or_else(|| missing.to_string());
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(format!("`{}` is no line of a header", shown(&line)));
        };
        if name.trim().eq_ignore_ascii_case("Content-Length") {
            let number = value.trim().parse::<u64>();
            length = Some(number.map_err(|_| format!("`{}` is no length", shown(value.trim())))?);
        }
    }
    Err(format!("a header of more than {HEADER_LINES} lines"))
}

/// A line of a header without its end; none if the client is gone.
fn line(input: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut bytes = Vec::new();
    if input.take(HEADER_LINE).read_until(b'\n', &mut bytes).is_err() || bytes.is_empty() {
        return Ok(None);
    }
    match bytes.pop() {
        Some(b'\n') => {}
        _ if bytes.len() + 1 < HEADER_LINE as usize => return Ok(None),
        _ => return Err(format!("a line of a header with more than {HEADER_LINE} bytes")),
    }
    bytes.pop_if(|last| *last == b'\r');
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The beginning of what a client sent, for people.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

/// What the bytes of a message say.
fn message(bytes: &[u8]) -> Result<Message, Refusal> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Refusal::unreadable(format!("a message that is no JSON: {error}")))?;
    let id = value.get("id").filter(|id| id.is_number() || id.is_string()).cloned().unwrap_or_default();
    match serde_json::from_value(value) {
        // Whoever sends an id waits for an answer; one that is out of range makes no notification of a request.
        Ok(Message::Notification(_)) if !id.is_null() => Err(()),
        Ok(message) => Ok(message),
        Err(_) => Err(()),
    }
    .map_err(|()| {
        let why = "JSON, but no request, notification or answer (ids are texts or numbers of 32 bits)";
        Refusal::new(id, ErrorCode::InvalidRequest, why.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> Vec<String> {
        let mut frames = Frames::new(bytes);
        let mut all = Vec::new();
        loop {
            match frames.next() {
                Frame::Message(Message::Request(request)) => all.push(request.method),
                Frame::Message(other) => all.push(format!("{other:?}")),
                Frame::Refused(refusal) => {
                    all.push(format!("{} {}: {}", refusal.code, refusal.id, refusal.message))
                }
                Frame::Lost(refusal) => {
                    all.push(format!("lost: {}", refusal.message));
                    return all;
                }
                Frame::End => return all,
            }
        }
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    const ASK: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ask"}"#;

    #[test]
    fn behind_a_message_that_is_none_the_next_one_is_read() {
        for (body, refused) in [
            ("{\"jsonrpc\":", "-32700 null: a message that is no JSON"),
            ("", "-32700 null: a message that is no JSON"),
            ("[]", "-32600 null: JSON, but no request"),
            (r#"{"id":99999999999,"method":"ask"}"#, "-32600 99999999999: JSON, but no request"),
            (r#"{"id":"a","params":3}"#, "-32600 \"a\": JSON, but no request"),
        ] {
            let all = told(format!("{}{}", framed(body), framed(ASK)).as_bytes());
            assert!(all[0].starts_with(refused), "{body}: {all:?}");
            assert_eq!(all[1..], ["ask"], "{body}");
        }
        let deep = "[".repeat(100_000);
        assert!(told(framed(&deep).as_bytes())[0].starts_with("-32700"));
        let mut bytes = b"Content-Length: 2\r\n\r\n\xff\xfe".to_vec();
        bytes.extend(framed(ASK).bytes());
        assert_eq!(told(&bytes)[1..], ["ask"]);
    }

    #[test]
    fn a_length_is_not_believed_before_its_bytes_have_come() {
        let all = told(b"Content-Length: 18446744073709551615\r\n\r\n{}");
        assert!(
            all.len() == 1 && all[0].starts_with("-32600 null: a message of 18446744073709551615"),
            "{all:?}"
        );
        // Within the limit, and cut off.
        assert!(told(b"Content-Length: 60000000\r\n\r\n{}").is_empty());
        let long = (LONGEST + 1) as usize;
        let mut bytes = format!("Content-Length: {long}\r\n\r\n").into_bytes();
        bytes.resize(bytes.len() + long, b' ');
        bytes.extend(framed(ASK).bytes());
        assert_eq!(told(&bytes)[1..], ["ask"], "what is too long is passed over");
    }

    #[test]
    fn where_the_next_message_begins_is_not_guessed() {
        for (bytes, why) in [
            ("Content-Length: -4\r\n\r\n{}", "lost: `-4` is no length"),
            ("Content-Length: 99999999999999999999\r\n\r\n{}", "lost: `99999999999999999999` is no length"),
            ("Content-Type: x\r\n\r\n{}", "lost: a message whose header tells no `Content-Length`"),
            ("nonsense\r\n\r\n", "lost: `nonsense` is no line of a header"),
        ] {
            assert_eq!(told(bytes.as_bytes()), [why]);
        }
        assert!(told("x".repeat(9_000).as_bytes())[0].starts_with("lost: a line of a header"));
        assert!(told("a: b\r\n".repeat(100).as_bytes())[0].starts_with("lost: a header of more"));
        assert!(told(b"").is_empty() && told(b"Content-Len").is_empty());
        let odd = format!("content-length:{}\nX-More: y\n\n{ASK}", ASK.len());
        assert_eq!(told(odd.as_bytes()), ["ask"], "other ends of lines and letters are understood");
    }
}
