//! `bytes` in text formats: base64 (RFC 4648) with padding, as the language's `base64()` writes it.

use crate::fault::{Fault, code};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends bytes as text.
pub(crate) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= three.len() { letter } else { b'=' });
        }
    }
}

/// Text as bytes; padding may be missing.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let wrong = || Fault::new(code::WRONG_TYPE, "expected bytes as base64");
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for four in text.chunks(4) {
        let mut group = 0u32;
        for &letter in four {
            let value = LETTERS.iter().position(|&l| l == letter).ok_or_else(wrong)?;
            group = group << 6 | value as u32;
        }
        let bytes = (group << (6 * (4 - four.len()))).to_be_bytes();
        match four.len() {
            1 => return Err(wrong()),
            n => out.extend_from_slice(&bytes[1..n]),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_look_as_the_language_writes_them() {
        for n in 0..20 {
            let bytes: Vec<u8> = (0..n).map(|i: u8| i.wrapping_mul(37)).collect();
            let mut text = Vec::new();
            encode(&bytes, &mut text);
            assert_eq!(
                String::from_utf8(text.clone()).unwrap(),
                flow_plan::functions::digest::base64(&bytes)
            );
            assert_eq!(decode(&text).unwrap(), bytes);
        }
        assert!(decode(b"a").is_err());
        assert!(decode(b"ab!d").is_err());
    }
}
