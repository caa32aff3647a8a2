//! Which bytes of a block are separators.

/// Bytes of a block: some words of a line at once, as the way out of a block's loop is guessed wrong.
pub(crate) const BLOCK: usize = 64;

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// This byte.
    Byte(u8),
    /// ASCII blanks.
    Blanks,
}

/// A bit for each byte of a block that is in the set.
///
/// # Safety
/// [`BLOCK`] bytes can be read.
#[inline(always)]
pub(crate) unsafe fn mask(bytes: *const u8, set: Set) -> u64 {
    (0..BLOCK / 16).fold(0, |hits, part| {
        // SAFETY: by the caller's word.
        let found = unsafe { sixteen(bytes.add(16 * part), set) };
        hits | u64::from(found) << (16 * part)
    })
}

/// The same for 16 bytes.
///
/// # Safety
/// 16 bytes can be read.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn sixteen(bytes: *const u8, set: Set) -> u32 {
    use std::arch::x86_64::*;
    // SAFETY: by the caller's word; SSE2 is part of every x86-64.
    unsafe {
        let block = _mm_loadu_si128(bytes.cast());
        let hits = match set {
            Set::Byte(byte) => _mm_cmpeq_epi8(block, _mm_set1_epi8(byte as i8)),
            Set::Blanks => {
                let space = _mm_cmpeq_epi8(block, _mm_set1_epi8(b' ' as i8));
                // 9 to 13: at most 4 above 9, without a sign.
                let above = _mm_sub_epi8(block, _mm_set1_epi8(9));
                let control = _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(4)), above);
                _mm_or_si128(space, control)
            }
        };
        _mm_movemask_epi8(hits) as u32
    }
}

/// The same for 16 bytes.
///
/// # Safety
/// 16 bytes can be read.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn sixteen(bytes: *const u8, set: Set) -> u32 {
    // SAFETY: by the caller's word.
    let block = unsafe { bytes.cast::<[u8; 16]>().read_unaligned() };
    let is_in = |byte: u8| match set {
        Set::Byte(wanted) => byte == wanted,
        Set::Blanks => byte == b' ' || (9..=13).contains(&byte),
    };
    block.iter().enumerate().fold(0, |mask, (i, &byte)| mask | u32::from(is_in(byte)) << i)
}
