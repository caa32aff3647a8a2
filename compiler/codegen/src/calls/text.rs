//! Helpers on strings.

use super::{give, give_text, guarded, host, text_of};
use flow_data::View;
use flow_plan::functions::{string, url};
use flow_plan::limits::MAX_TEXT;
use flow_plan::order;

fn view(lo: u64, hi: u64) -> View {
    View { lo, hi }
}

macro_rules! on_two_views {
    ($($(#[doc = $doc:literal])+ $name:ident -> $ret:ty = |$a:ident, $b:ident| $body:expr;)*) => {
        $($(#[doc = $doc])+
        ///
        /// # Safety
        /// Called by kernels only, with views of living memory.
        pub(super) unsafe extern "C" fn $name(_: *mut u64, a_lo: u64, a_hi: u64, b_lo: u64, b_hi: u64) -> $ret {
            let (a, b) = (view(a_lo, a_hi), view(b_lo, b_hi));
            // SAFETY: by the caller's word.
            let ($a, $b) = unsafe { (a.bytes(), b.bytes()) };
            $body
        })*
    };
}

on_two_views! {
    /// Are two strings equal?
    flow_view_eq -> u64 = |a, b| u64::from(a == b);
    /// The order of two strings: -1, 0, 1.
    flow_view_cmp -> i64 = |a, b| a.cmp(b) as i64;
    /// Does the first begin with the second?
    flow_starts_with -> u64 = |a, b| u64::from(a.starts_with(b));
    /// Does the first end with the second?
    flow_ends_with -> u64 = |a, b| u64::from(a.ends_with(b));
    /// Does the first hold the second?
    flow_contains -> u64 = |a, b| u64::from(b.is_empty() || memchr::memmem::find(a, b).is_some());
}

const HIGH: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Eight bytes in the other case, as far as they are ASCII.
fn ascii_case(word: u64, upper: bool) -> u64 {
    let (first, last) = if upper { (b'a', b'z') } else { (b'A', b'Z') };
    let low = word & !HIGH;
    // The high bit of a byte says: at least `first`, above `last`.
    let least = low + ONES * u64::from(0x80 - first);
    let above = low + ONES * u64::from(0x7f - last);
    let letters = (least ^ above) & HIGH & !word;
    word ^ (letters >> 2)
}

/// A string in lower (0) or upper (1) case; as it was if nothing changes.
///
/// # Safety
/// Called by kernels only, with a view of living text.
pub(super) unsafe extern "C" fn flow_case(frame: *mut u64, upper: u64, lo: u64, hi: u64) -> u64 {
    let upper = upper != 0;
    let original = view(lo, hi);
    if original.is_inline() && (lo >> 32 | hi) & HIGH == 0 {
        let prefix = ascii_case(lo >> 32, upper);
        // SAFETY: by the caller's word.
        unsafe { give(frame, lo & 0xffff_ffff | prefix << 32, ascii_case(hi, upper), true) };
        return 0;
    }
    // SAFETY: by the caller's word.
    unsafe {
        let text = text_of(&original);
        if !text.is_ascii() {
            let changed = if upper { text.to_uppercase() } else { text.to_lowercase() };
            give_text(frame, changed.as_bytes());
            return u64::from(changed.len() > MAX_TEXT);
        }
        let range = if upper { b'a'..=b'z' } else { b'A'..=b'Z' };
        if !text.bytes().any(|b| range.contains(&b)) {
            give(frame, lo, hi, true);
            return 0;
        }
        let view = host(frame).made.push_with(text.as_bytes(), |bytes| {
            if upper { bytes.make_ascii_uppercase() } else { bytes.make_ascii_lowercase() }
        });
        give(frame, view.lo, view.hi, true);
    }
    0
}

/// Leaves a part of a string in the frame; `None` is null.
///
/// # Safety
/// `frame` is a frame, and the part will be alive as long as the string's origins.
unsafe fn give_part(frame: *mut u64, part: Option<&str>) {
    let view = part.map(|part| View::of(part.as_bytes()));
    let View { lo, hi } = view.unwrap_or_default();
    // SAFETY: by the caller's word.
    unsafe { give(frame, lo, hi, part.is_some()) };
}

/// Parts of strings, in the order of their numbers.
pub(crate) const PARTS: [flow_plan::catalogue::Func; 3] = [
    flow_plan::catalogue::Func::Trim,
    flow_plan::catalogue::Func::UrlHost,
    flow_plan::catalogue::Func::UrlPath,
];

/// A part of a string.
///
/// # Safety
/// Called by kernels only, with a view of living text.
pub(super) unsafe extern "C" fn flow_part(frame: *mut u64, part: u64, lo: u64, hi: u64) -> u64 {
    // SAFETY: by the caller's word.
    unsafe {
        let view = view(lo, hi);
        let text = text_of(&view);
        let found = guarded(|| match part {
            0 => Some(text.trim()),
            1 => url::host(text),
            _ => url::path(text),
        });
        give_part(frame, found.flatten());
        u64::from(found.is_none())
    }
}

/// Characters from `start` up to, without, `end`.
///
/// # Safety
/// Called by kernels only, with a view of living text.
pub(super) unsafe extern "C" fn flow_substring(
    frame: *mut u64,
    lo: u64,
    hi: u64,
    start: u64,
    end: u64,
) -> u64 {
    // SAFETY: by the caller's word.
    unsafe {
        let view = view(lo, hi);
        let text = text_of(&view);
        let found = guarded(|| string::substring(text, start as i64, end as i64));
        give_part(frame, found);
        u64::from(found.is_none())
    }
}

/// The character at a position.
///
/// # Safety
/// Called by kernels only, with a view of living text.
pub(super) unsafe extern "C" fn flow_char_at(frame: *mut u64, lo: u64, hi: u64, index: u64) -> u64 {
    // SAFETY: by the caller's word.
    unsafe {
        let view = view(lo, hi);
        let text = text_of(&view);
        let found = guarded(|| string::char_at(text, index as i64));
        give_part(frame, found.flatten());
        u64::from(found.is_none())
    }
}

/// One of the parts between separators; null if there are not so many.
///
/// # Safety
/// Called by kernels only, with views of living text.
pub(super) unsafe extern "C" fn flow_split_part(
    frame: *mut u64,
    a_lo: u64,
    a_hi: u64,
    b_lo: u64,
    b_hi: u64,
    index: u64,
) -> u64 {
    // SAFETY: by the caller's word.
    unsafe {
        let (a, b) = (view(a_lo, a_hi), view(b_lo, b_hi));
        let (text, separator) = (text_of(&a), text_of(&b));
        let found = match (separator.as_bytes(), usize::try_from(index as i64)) {
            // The usual case: one byte, found by a vector search.
            ([byte], Ok(index)) if byte.is_ascii() => byte_part(text, *byte, index),
            _ => guarded(|| string::split_part(text, separator, index as i64)).flatten(),
        };
        give_part(frame, found);
    }
    0
}

fn byte_part(text: &str, separator: u8, index: usize) -> Option<&str> {
    let mut ends = memchr::memchr_iter(separator, text.as_bytes());
    let start = match index.checked_sub(1) {
        Some(before) => ends.nth(before)? + 1,
        None => 0,
    };
    Some(&text[start..ends.next().unwrap_or(text.len())])
}

/// Position of the first occurrence in characters.
///
/// # Safety
/// Called by kernels only, with views of living text.
pub(super) unsafe extern "C" fn flow_index_of(
    frame: *mut u64,
    a_lo: u64,
    a_hi: u64,
    b_lo: u64,
    b_hi: u64,
) -> u64 {
    // SAFETY: by the caller's word.
    unsafe {
        let (a, b) = (view(a_lo, a_hi), view(b_lo, b_hi));
        let (text, part) = (text_of(&a), text_of(&b));
        let found = guarded(|| string::index_of(text, part)).flatten();
        give(frame, found.unwrap_or(0) as u64, 0, found.is_some());
    }
    0
}

/// Every occurrence replaced; an empty text occurs nowhere.
///
/// # Safety
/// Called by kernels only, with views of living text.
pub(super) unsafe extern "C" fn flow_replace(
    frame: *mut u64,
    a_lo: u64,
    a_hi: u64,
    from_lo: u64,
    from_hi: u64,
    to_lo: u64,
    to_hi: u64,
) -> u64 {
    // SAFETY: by the caller's word.
    unsafe {
        let (a, from, to) = (view(a_lo, a_hi), view(from_lo, from_hi), view(to_lo, to_hi));
        let (text, from, to) = (text_of(&a), text_of(&from), text_of(&to));
        if from.is_empty() || !text.contains(from) {
            give(frame, a_lo, a_hi, true);
        } else {
            let replaced = guarded(|| string::replace(text, from, to).ok()).flatten();
            give_text(frame, replaced.as_deref().unwrap_or_default().as_bytes());
            return u64::from(replaced.is_none());
        }
    }
    0
}

/// The hash of a string.
///
/// # Safety
/// Called by kernels only, with a view of living text.
pub(super) unsafe extern "C" fn flow_hash_text(_: *mut u64, lo: u64, hi: u64) -> u64 {
    let view = view(lo, hi);
    // SAFETY: by the caller's word.
    order::hash_str(unsafe { text_of(&view) })
}

/// Number of characters.
///
/// # Safety
/// Called by kernels only, with a view of living UTF-8.
pub(super) unsafe extern "C" fn flow_str_len(_: *mut u64, lo: u64, hi: u64) -> u64 {
    let view = view(lo, hi);
    // SAFETY: by the caller's word.
    let bytes = unsafe { view.bytes() };
    // Every character has one byte that does not continue another.
    bytes.iter().filter(|&&b| (b as i8) >= -0x40).count() as u64
}

/// Two strings joined.
///
/// # Safety
/// Called by kernels only, with views of living memory.
pub(super) unsafe extern "C" fn flow_concat(
    frame: *mut u64,
    a_lo: u64,
    a_hi: u64,
    b_lo: u64,
    b_hi: u64,
) -> u64 {
    let (a, b) = (view(a_lo, a_hi), view(b_lo, b_hi));
    // SAFETY: by the caller's word.
    unsafe {
        let (a, b) = (a.bytes(), b.bytes());
        if a.len() + b.len() > MAX_TEXT {
            give(frame, 0, 0, true);
            return 1;
        }
        let view = host(frame).made.push_two(a, b);
        give(frame, view.lo, view.hi, true);
    }
    0
}
