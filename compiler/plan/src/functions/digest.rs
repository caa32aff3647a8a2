//! Digests and encodings of bytes.

use crate::catalogue::Func;
use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

pub(super) fn call(func: Func, bytes: &[u8]) -> String {
    match func {
        Func::Base64 => BASE64_STANDARD.encode(bytes),
        Func::Md5 => hex(&md5::Md5::digest(bytes)),
        Func::Sha256 => hex(&Sha256::digest(bytes)),
        _ => hex(bytes),
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
