//! Whole numbers as distances from the least one of their column, in as few bytes as the greatest needs: counters,
//! times of one batch and lengths of strings take an eighth to a half of their room in memory.

use super::{Bytes, Malformed};

/// Appends ints: width, the least one, and the distances.
pub(super) fn encode_ints(values: &[i64], out: &mut Vec<u8>) {
    let (least, greatest) = values.iter().fold((i64::MAX, i64::MIN), |(a, b), x| (a.min(*x), b.max(*x)));
    let least = if values.is_empty() { 0 } else { least };
    let far = if values.is_empty() { 0 } else { greatest.wrapping_sub(least) as u64 };
    let width = width_of(far);
    out.push(width);
    out.extend_from_slice(&least.to_le_bytes());
    let distance = |x: &i64| x.wrapping_sub(least) as u64;
    match width {
        1 => out.extend(values.iter().map(|x| distance(x) as u8)),
        2 => append(values, out, |x| (distance(x) as u16).to_le_bytes()),
        4 => append(values, out, |x| (distance(x) as u32).to_le_bytes()),
        _ => append(values, out, |x| distance(x).to_le_bytes()),
    }
}

/// Reads `count` ints.
pub(super) fn decode_ints(from: &mut Bytes<'_>, count: usize) -> Result<Vec<i64>, Malformed> {
    let width = width(from, 8)?;
    let least = from.u64()? as i64;
    let bytes = from.array(count, width)?;
    let near = |distance: u64| least.wrapping_add(distance as i64);
    Ok(match width {
        1 => bytes.iter().map(|x| near(u64::from(*x))).collect(),
        2 => words(bytes, |x| near(u64::from(u16::from_le_bytes(x)))),
        4 => words(bytes, |x| near(u64::from(u32::from_le_bytes(x)))),
        _ => words(bytes, |x| near(u64::from_le_bytes(x))),
    })
}

/// Appends lengths: width, and the lengths.
pub(super) fn encode_lengths(lengths: impl Iterator<Item = u32> + Clone, out: &mut Vec<u8>) {
    let width = width_of(u64::from(lengths.clone().max().unwrap_or(0)));
    out.push(width);
    match width {
        1 => out.extend(lengths.map(|x| x as u8)),
        2 => lengths.for_each(|x| out.extend_from_slice(&(x as u16).to_le_bytes())),
        _ => lengths.for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
    }
}

/// Reads `count` lengths.
pub(super) fn decode_lengths(from: &mut Bytes<'_>, count: usize) -> Result<Vec<u32>, Malformed> {
    let width = width(from, 4)?;
    let bytes = from.array(count, width)?;
    Ok(match width {
        1 => bytes.iter().map(|x| u32::from(*x)).collect(),
        2 => words(bytes, |x| u32::from(u16::from_le_bytes(x))),
        _ => words(bytes, u32::from_le_bytes),
    })
}

/// Appends values of a fixed number of bytes.
pub(super) fn append<T, const N: usize>(values: &[T], out: &mut Vec<u8>, bytes: impl Fn(&T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    let (places, _) = out[start..].as_chunks_mut::<N>();
    places.iter_mut().zip(values).for_each(|(place, value)| *place = bytes(value));
}

/// Reads values of a fixed number of bytes.
pub(super) fn words<T, const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (words, _) = bytes.as_chunks::<N>();
    words.iter().map(|word| value(*word)).collect()
}

fn width_of(greatest: u64) -> u8 {
    match greatest {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

fn width(from: &mut Bytes<'_>, most: usize) -> Result<usize, Malformed> {
    let wrong = from.wrong("a number cannot be that wide");
    match usize::from(from.u8()?) {
        width @ (1 | 2 | 4 | 8) if width <= most => Ok(width),
        _ => Err(wrong),
    }
}
