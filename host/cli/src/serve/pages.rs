//! The size of the memory's pages: the server has small ones only.
//!
//! The allocator asks the kernel for huge pages, and many kernels give them unasked. A page of two megabytes stays whole
//! while a single value in it is in use. A server makes and drops many small values from many threads, so such pages were
//! most of what it held: under mixed load, 85 MiB for 4 MiB of values, and 40 MiB with small pages only.

/// Has the kernel give this process no huge pages. Where that cannot be had, the server only takes more memory.
#[cfg(target_os = "linux")]
pub(super) fn small_only() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "the kernel goes on giving huge pages");
    }
}

/// Other systems give none unasked.
#[cfg(not(target_os = "linux"))]
pub(super) fn small_only() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_gives_no_huge_pages_from_then_on() {
        small_only();
        assert!(rustix::thread::transparent_huge_pages_are_disabled().unwrap());
    }
}
