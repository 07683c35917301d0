//! What the policy does instead of its work.
#![allow(clippy::panic, reason = "misbehaving is what this is for")]

use std::hint::black_box;

use crate::Act;
use crate::bindings::exports::macadam::plugin::approval_policy::{Approval, Verdict};
use crate::bindings::macadam::plugin::log::{Level, write};
use crate::bindings::macadam::plugin::types::Violation;

const MEGABYTE: usize = 1024 * 1024;

/// One turn of the loop of `slow` burns about this much fuel.
const FUEL_PER_TURN: u64 = 15;

pub(crate) fn perform(act: Act, spin: u64) -> Verdict {
    match act {
        Act::Allow => {}
        Act::Loop => loop {
            std::hint::spin_loop();
        },
        Act::LogLoop => loop {
            write(Level::Info, "still here");
        },
        Act::LogFlood => (0..1_000_000).for_each(|line| write(Level::Info, &format!("line {line}"))),
        Act::Memory => take_memory(),
        Act::MemoryQuiet => take_memory_quietly(),
        Act::MemoryCopy => copy_for_ever(),
        Act::Recurse => {
            black_box(down(0, black_box(u64::MAX)));
        }
        Act::Trap => trap(),
        Act::PanicSecret => panic!("password=hunter2"),
        Act::HugeOutput => return deny(huge_text()),
        // SAFETY: there is none; the host must not believe that a text is UTF-8 because a guest says so.
        Act::InvalidOutput => return deny(unsafe { String::from_utf8_unchecked(vec![b'o', b'k', 0xff, 0xfe]) }),
        Act::BadGroups => {
            let groups = vec!["No Such Group!".to_owned()];
            return Verdict::RequireApproval(Approval { reason: "because".to_owned(), groups, count: 0 });
        }
        Act::Slow => spin_for(spin),
    }
    Verdict::Allow
}

fn deny(message: String) -> Verdict {
    Verdict::Deny(vec![Violation { path: String::new(), message }])
}

fn take_memory() {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; MEGABYTE]));
    }
}

fn take_memory_quietly() {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut more: Vec<u8> = Vec::new();
        if more.try_reserve_exact(MEGABYTE).is_err() {
            return;
        }
        more.resize(MEGABYTE, 1);
        taken.push(black_box(more));
    }
}

/// Within one buffer, so that it fits into a small memory.
fn copy_for_ever() {
    let mut buffer = vec![1_u8; 8 * MEGABYTE];
    loop {
        let end = buffer.len() - 1;
        black_box(&mut buffer).copy_within(..end, 1);
    }
}

/// Work is left to do after the call, so that it cannot become a loop.
#[inline(never)]
fn down(depth: u64, end: u64) -> u64 {
    if depth == end { depth } else { down(depth + 1, end).wrapping_mul(31) ^ depth }
}

#[cfg(target_arch = "wasm32")]
fn trap() {
    std::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() {
    std::process::abort()
}

/// 100 MB, or the largest half, quarter and so on of it that there is memory for.
fn huge_text() -> String {
    let mut size = 100 * MEGABYTE;
    let mut text = String::new();
    while text.try_reserve_exact(size).is_err() {
        size /= 2;
    }
    (0..size).for_each(|_| text.push('x'));
    text
}

fn spin_for(millions: u64) {
    let mut turns = millions * 1_000_000 / FUEL_PER_TURN;
    while turns > 0 {
        turns = black_box(turns) - 1;
    }
}
