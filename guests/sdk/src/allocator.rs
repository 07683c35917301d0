//! Memory that is handed out once and hardly ever taken back.
//!
//! The host makes a fresh instance for every call and drops it afterwards, memory and all, so keeping lists of free
//! blocks would be work for nobody. What a call needs usually fits behind the data that the linker laid out, so the
//! allocator starts there, at `__heap_base`, and grows the memory only when that is used up: growing is a system call
//! in the host, and the first thing that makes a fresh call slow. An instance with this allocator must not serve one
//! call after another, and the custom section `macadam-sdk` tells hosts that it is inside.
#![allow(unsafe_code, reason = "an allocator cannot be written without; every use says why it is right")]

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32::{memory_grow, memory_size};
use std::ptr;

use crate::arena::{Arena, Memory};

unsafe extern "C" {
    /// Where the linker says that the heap starts; only its address means anything.
    static __heap_base: u8;
}

struct LinearMemory;

impl Memory for LinearMemory {
    fn base(&self) -> usize {
        (&raw const __heap_base).addr()
    }

    fn pages(&self) -> usize {
        memory_size(0)
    }

    fn grow(&self, pages: usize) -> bool {
        memory_grow(0, pages) != usize::MAX
    }
}

struct Bump(Arena<LinearMemory>);

#[global_allocator]
static ALLOCATOR: Bump = Bump(Arena::new(LinearMemory));

// SAFETY: the arena's blocks lie between `__heap_base` and the end of the memory, where the linker put nothing, and do
// not overlap while they are live. The module has no threads.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.0.place(layout.size(), layout.align()) {
            Some(start) => ptr::with_exposed_provenance_mut(start),
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.0.give_back(block.addr(), layout.size());
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if self.0.resize(block.addr(), layout.size(), new_size) {
            return block;
        }
        // SAFETY: the caller promises that `new_size`, rounded up to the alignment, does not overflow.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both blocks are valid for the smaller size, and a new block overlaps no live one.
            unsafe { ptr::copy_nonoverlapping(block, new, layout.size().min(new_size)) };
        }
        new
    }
}
