//! Helpers on strings.

use super::{give, host};
use flow_data::View;

/// The largest string a kernel joins.
const LARGEST: usize = u32::MAX as usize;

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
        if a.len() + b.len() > LARGEST {
            give(frame, 0, 0, true);
            return 1;
        }
        let view = host(frame).made.push_two(a, b);
        give(frame, view.lo, view.hi, true);
    }
    0
}
