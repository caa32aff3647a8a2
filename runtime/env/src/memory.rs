//! The allocator of the `flow` binary, made for few page faults: they were a fifth of a check of a script, and they are
//! what a second worker pays twice. What is small comes from mimalloc, which keeps it in huge pages; what is large comes
//! from the system, because only the kernel can grow a table of many megabytes without copying it (`mremap`), and is asked
//! for in huge pages from a few megabytes on. docs/performance.md tells what that gained.
#![allow(unsafe_code)]

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout, System};

/// From this size in bytes on, the system gives the memory. With 1 MiB the word count took 10 to 25 MB more and was no faster.
const LARGE: usize = 64 << 10;
/// From this size in bytes on, huge pages are asked for: at worst, the last one of them is not used.
const HUGE: usize = 4 << 20;

/// From this size in bytes on, the system's memory is fresh, and its zeros are nobody's work (glibc never takes more from a
/// heap). Below, it may have been used before: the system would write the zeros before anyone asks for huge pages.
const FRESH: usize = 32 << 20;

/// To be named by a binary as its `#[global_allocator]`.
pub struct Memory;

// SAFETY: who gave a piece follows from its layout's size alone, which the caller gives again when it returns the piece;
// both allocators keep the contract.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's contract is the same.
            unsafe { MiMalloc.alloc(layout) }
        } else {
            // SAFETY: the same.
            in_huge_pages(unsafe { System.alloc(layout) }, layout.size())
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's contract is the same.
            unsafe { MiMalloc.alloc_zeroed(layout) }
        } else if layout.size() < FRESH {
            // SAFETY: the same.
            let piece = in_huge_pages(unsafe { System.alloc(layout) }, layout.size());
            if !piece.is_null() {
                // SAFETY: it has so many bytes.
                unsafe { piece.write_bytes(0, layout.size()) };
            }
            piece
        } else {
            // SAFETY: the same.
            in_huge_pages(unsafe { System.alloc_zeroed(layout) }, layout.size())
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if layout.size() < LARGE {
            // SAFETY: a piece of this size was given by mimalloc.
            unsafe { MiMalloc.dealloc(piece, layout) }
        } else {
            // SAFETY: a piece of this size was given by the system.
            unsafe { System.dealloc(piece, layout) }
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match (layout.size() < LARGE, size < LARGE) {
            // SAFETY: given by mimalloc and to be given by it.
            (true, true) => unsafe { MiMalloc.realloc(piece, layout, size) },
            // SAFETY: given by the system and to be given by it.
            (false, false) => in_huge_pages(unsafe { System.realloc(piece, layout, size) }, size),
            // SAFETY: the caller's contract holds for `layout`, and says that `size` fits its alignment.
            _ => unsafe { self.moved(piece, layout, size) },
        }
    }
}

impl Memory {
    /// A piece that grows or shrinks over the border goes to the other allocator.
    ///
    /// # Safety
    /// As of [`GlobalAlloc::realloc`].
    unsafe fn moved(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: `realloc` asks the caller for a size that does not overflow with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the size is not zero, which the caller promises.
        let new = unsafe { self.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both pieces have at least the smaller size, and are not the same.
            unsafe { std::ptr::copy_nonoverlapping(piece, new, layout.size().min(size)) };
            // SAFETY: the piece is the caller's, of this layout.
            unsafe { self.dealloc(piece, layout) };
        }
        new
    }
}

/// Asks for huge pages behind a piece. That is a wish: what comes of it changes nothing but the time.
#[cfg(target_os = "linux")]
fn in_huge_pages(piece: *mut u8, size: usize) -> *mut u8 {
    const PAGE: usize = 2 << 20;
    if size >= HUGE && !piece.is_null() {
        let from = (piece as usize).next_multiple_of(PAGE);
        let until = (piece as usize + size) / PAGE * PAGE;
        if from < until {
            // SAFETY: the range lies within the piece, and the advice does not change what it holds.
            unsafe { libc::madvise(from as *mut libc::c_void, until - from, libc::MADV_HUGEPAGE) };
        }
    }
    piece
}

#[cfg(not(target_os = "linux"))]
fn in_huge_pages(piece: *mut u8, _: usize) -> *mut u8 {
    piece
}

#[cfg(test)]
mod tests {
    use super::{HUGE, LARGE, Memory};
    use std::alloc::{GlobalAlloc, Layout};

    /// Between the bytes that are looked at.
    const STEP: usize = 1021;

    /// Takes a piece, writes to it, changes its size, and looks whether what it held is still there.
    fn resized(from: usize, to: usize, align: usize) -> bool {
        let layout = Layout::from_size_align(from, align).unwrap();
        // SAFETY: sizes are not zero; the piece is written within its size and given back with its layout.
        unsafe {
            let piece = Memory.alloc(layout);
            (0..from).step_by(STEP).for_each(|at| piece.add(at).write((at % 251) as u8));
            let piece = Memory.realloc(piece, layout, to);
            let same = (0..from.min(to)).step_by(STEP).all(|at| piece.add(at).read() == (at % 251) as u8);
            let aligned = (piece as usize).is_multiple_of(align);
            Memory.dealloc(piece, Layout::from_size_align(to, align).unwrap());
            same && aligned
        }
    }

    #[test]
    fn a_piece_that_changes_its_size_over_any_border_keeps_what_it_holds() {
        let sizes = [1, 100, LARGE - 1, LARGE, LARGE + 1, HUGE - 1, HUGE, 3 * HUGE + 5];
        for from in sizes {
            for to in sizes {
                for align in [1, 16, 4096] {
                    assert!(resized(from, to, align), "from {from} to {to} bytes, alignment {align}");
                }
            }
        }
    }

    #[test]
    fn zeroed_pieces_are_zero_though_their_memory_was_used_before() {
        for size in [64, LARGE - 1, LARGE, HUGE] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            for _ in 0..4 {
                // SAFETY: the size is not zero; the piece is used within it and given back with its layout.
                unsafe {
                    let piece = Memory.alloc_zeroed(layout);
                    assert!((0..size).step_by(STEP).all(|at| piece.add(at).read() == 0), "{size} bytes");
                    piece.write_bytes(0xff, size);
                    Memory.dealloc(piece, layout);
                }
            }
        }
    }
}
