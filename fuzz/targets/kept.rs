//! An answer that is kept under an idempotency key: what was answered once is answered again, to the letter.
#![no_main]

use std::sync::LazyLock;

use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

#[path = "../../host/server/src/idempotency/kept.rs"]
mod kept;

use kept::Kept;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

/// The answer as somebody gets it who asks again; of headers, what is kept.
fn again(kept: &[u8]) -> Option<Kept> {
    let (parts, body) = Kept::open(kept).and_then(Kept::again).ok()?.into_parts();
    Some(Kept::of(&parts, RUNTIME.block_on(body.collect()).unwrap().to_bytes()))
}

fuzz_target!(|bytes: &[u8]| {
    let Some(first) = again(bytes) else { return };
    let body = bytes.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default();
    let closed = first.close().unwrap();
    assert!(closed.ends_with(body), "the body is what it was");
    assert_eq!(again(&closed).as_ref(), Some(&first), "it is the same however often it is asked for");
});
