//! Where the allocator's blocks lie: plain arithmetic on addresses, so that it is tested natively.
//!
//! Blocks are handed out one behind the other. Only the last one can be given back or resized where it is, which is
//! what temporary strings and vectors that are being filled ask for; any other stays until the instance goes.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The size of a WebAssembly page in bytes.
pub(crate) const PAGE: usize = 65_536;

/// The memory that an arena lies in.
pub(crate) trait Memory {
    /// The first address that the linker has put nothing at.
    fn base(&self) -> usize;

    /// How many pages there are.
    fn pages(&self) -> usize;

    /// Adds pages; `false` when the host refuses.
    fn grow(&self, pages: usize) -> bool;
}

/// `top` is the first free byte and `end` the first that is not ours; both are zero before the first use. The atomics
/// are plain loads and stores in a module without threads, and spare the two of them their `unsafe`.
pub(crate) struct Arena<M> {
    memory: M,
    top: AtomicUsize,
    end: AtomicUsize,
}

impl<M: Memory> Arena<M> {
    pub(crate) const fn new(memory: M) -> Self {
        Self { memory, top: AtomicUsize::new(0), end: AtomicUsize::new(0) }
    }

    /// The address of a new block; `None` when there is no memory for it. The alignment is a power of two, and the
    /// size is not zero: `GlobalAlloc` never asks for nothing, and a block without bytes could not be told from the end
    /// of the one before it.
    pub(crate) fn place(&self, size: usize, align: usize) -> Option<usize> {
        let mut top = self.top.load(Relaxed);
        if top == 0 {
            top = self.memory.base();
            self.end.store(self.memory.pages() * PAGE, Relaxed);
        }
        let start = top.checked_add(align - 1)? & !(align - 1);
        self.extend_to(start.checked_add(size)?)?;
        Some(start)
    }

    /// Takes a block back when it is the last.
    pub(crate) fn give_back(&self, start: usize, size: usize) {
        if self.is_last(start, size) {
            self.top.store(start, Relaxed);
        }
    }

    /// Resizes a block where it is; `false` when it has to move or there is no memory for it.
    pub(crate) fn resize(&self, start: usize, size: usize, new_size: usize) -> bool {
        if self.is_last(start, size) {
            return start.checked_add(new_size).is_some_and(|top| self.extend_to(top).is_some());
        }
        new_size <= size
    }

    fn is_last(&self, start: usize, size: usize) -> bool {
        start + size == self.top.load(Relaxed)
    }

    fn extend_to(&self, top: usize) -> Option<()> {
        if top > self.end.load(Relaxed) {
            self.grow(top)?;
        }
        self.top.store(top, Relaxed);
        Some(())
    }

    /// Doubles the memory, so that a call that needs much grows it seldom; near the limit takes just what it needs.
    #[cold]
    fn grow(&self, top: usize) -> Option<()> {
        let have = self.memory.pages();
        let need = (top - have * PAGE).div_ceil(PAGE);
        if !self.memory.grow(need.max(have)) && !self.memory.grow(need) {
            return None;
        }
        self.end.store(self.memory.pages() * PAGE, Relaxed);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    const BASE: usize = 70_001;

    struct Pages {
        now: Cell<usize>,
        limit: usize,
    }

    impl Memory for Pages {
        fn base(&self) -> usize {
            BASE
        }

        fn pages(&self) -> usize {
            self.now.get()
        }

        fn grow(&self, pages: usize) -> bool {
            let fits = self.now.get() + pages <= self.limit;
            self.now.set(if fits { self.now.get() + pages } else { self.now.get() });
            fits
        }
    }

    fn arena(limit: usize) -> Arena<Pages> {
        Arena::new(Pages { now: Cell::new(2), limit })
    }

    #[test]
    fn what_fits_behind_the_linkers_data_needs_no_growth() {
        let arena = arena(2);
        assert_eq!(arena.place(2 * PAGE - BASE, 1), Some(BASE), "the slack of the last page is used up to its end");
        assert_eq!(arena.place(1, 1), None, "and then there is no more");
    }

    #[test]
    fn near_the_limit_the_last_page_can_still_be_had() {
        let arena = arena(3);
        assert!(arena.place(PAGE, 8).is_some(), "doubling is refused, one page is not");
        assert_eq!(arena.place(PAGE, 8), None);
        assert!(arena.place(8, 8).is_some(), "a refusal takes nothing away");
    }

    #[test]
    fn a_size_that_wraps_around_is_refused() {
        let arena = arena(16);
        let start = arena.place(8, 8).unwrap();
        assert_eq!(arena.place(usize::MAX - 8, 8), None);
        assert!(!arena.resize(start, 8, usize::MAX - 8));
        assert!(arena.resize(start, 8, 16), "a refusal takes nothing away");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Place { size: usize, align: u32 },
        GiveBack { which: usize },
        Resize { which: usize, size: usize },
    }

    /// What `GlobalAlloc` may be asked for: no block is ever empty.
    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1_usize..5_000, 0_u32..5).prop_map(|(size, align)| Step::Place { size, align }),
            (0_usize..8).prop_map(|which| Step::GiveBack { which }),
            (0_usize..8, 1_usize..9_000).prop_map(|(which, size)| Step::Resize { which, size }),
        ]
    }

    proptest! {
        #[test]
        fn live_blocks_are_aligned_inside_of_memory_and_never_overlap(steps in proptest::collection::vec(step(), 1..60)) {
            let arena = arena(8);
            let mut live: Vec<(usize, usize)> = Vec::new();
            for step in steps {
                match step {
                    Step::Place { size, align } => {
                        if let Some(start) = arena.place(size, 1 << align) {
                            prop_assert_eq!(start % (1 << align), 0);
                            live.push((start, size));
                        }
                    }
                    Step::GiveBack { which } if which < live.len() => {
                        let (start, size) = live.remove(live.len() - 1 - which);
                        arena.give_back(start, size);
                    }
                    Step::Resize { which, size: new_size } if which < live.len() => {
                        let index = live.len() - 1 - which;
                        let (start, size) = live[index];
                        if arena.resize(start, size, new_size) {
                            live[index].1 = new_size;
                        }
                    }
                    Step::GiveBack { .. } | Step::Resize { .. } => {}
                }
                let mut sorted = live.clone();
                sorted.sort_unstable();
                prop_assert!(sorted.iter().all(|(start, size)| *start >= BASE && start + size <= arena.memory.pages() * PAGE));
                prop_assert!(sorted.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{sorted:?} overlap");
            }
        }
    }
}
