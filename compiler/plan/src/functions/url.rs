//! Parts of URLs, as they are written (RFC 3986 without checking every character).

use std::borrow::Cow;

/// Authority, path, and what follows the path.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !valid {
        return None;
    }
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(authority);
    let path = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, rest) = rest.split_at(path);
    Some((authority, path, rest))
}

/// The host without user and port.
pub fn host(url: &str) -> Option<&str> {
    let (authority, ..) = split(url)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let end = match host.starts_with('[') {
        true => host.find(']').map(|at| at + 1)?,
        false => host.find(':').unwrap_or(host.len()),
    };
    let host = &host[..end];
    (!host.is_empty()).then_some(host)
}

/// The path; empty when the URL ends behind the host.
pub fn path(url: &str) -> Option<&str> {
    split(url).map(|(_, path, _)| path)
}

/// The first query parameter of this name, decoded. Also of a URL without scheme and host.
pub fn param(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value).into_owned())
    })
}

/// `%20` and `+`; bytes that are not UTF-8 become U+FFFD.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}
