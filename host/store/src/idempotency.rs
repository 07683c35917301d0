//! Idempotency keys: what was answered to a request with a key of the client's own, so that it can be answered again.
//!
//! A key is taken before the work begins, and the answer is put to it when the work is done. In between one try *holds* it,
//! and says so again and again; one that is not heard of in time has lost it to whoever asks next.
//!
//! ```text
//! taken ──▶ the work's transaction, which leaves its effect with the key ──▶ answered
//!   ▲                    │ the holder was not heard of                          │
//!   └── given up         └──▶ inherited, with the effect if there is one ───────┘
//! ```
//!
//! The transaction that does the work does two things to the key's row: it leaves there what was done, and it fails when
//! somebody else holds the key by now. So who inherits a key knows whether the work was done, and who lost it can not do it
//! a second time. This is done where everything is that a change leaves behind, with its audit entry.
//!
//! Answers are sealed before they come here: some of them show a secret.

use async_trait::async_trait;
use jiff::Timestamp;
pub use macadam_core::audit::HeldKey;
use macadam_core::digest::Digest;

use crate::{Sealed, StoreError};

/// A try at a request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The key, and who holds it: a name that no other try has.
    pub held: HeldKey,
    /// The digest of what is asked for; the same key with another one is a mistake.
    pub asked: Digest,
    /// When the holder is taken for dead, unless it is [heard of](IdempotencyKeys::renew_key).
    pub until: Timestamp,
}

/// What there was under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Nothing was done: it is held by whoever asked, and the work can begin.
    Taken,
    /// Somebody did the work and was not heard of again. It is held by whoever asked, who has only to answer.
    Inherited {
        /// The subject of the first audit entry of what was done, such as `requests/…`.
        effect: String,
    },
    /// Somebody is at work on the same request.
    UnderWay,
    /// The same request was answered.
    Answered(Sealed),
    /// The key was used for another request.
    UsedForAnother,
}

/// The idempotency keys.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Takes a key that nobody holds, or says what there is. Of many at once one takes it.
    async fn take_key(&self, request: &KeyedRequest, now: Timestamp) -> Result<KeyState, StoreError>;

    /// Says that the holder is alive, until a moment. Nothing changes when somebody else holds the key; gives whether it is
    /// still held.
    async fn renew_key(&self, held: &HeldKey, until: Timestamp) -> Result<bool, StoreError>;

    /// Puts the answer to a key. Nothing changes when somebody else holds it; gives whether it was put.
    async fn keep_answer(&self, held: &HeldKey, answer: &Sealed) -> Result<bool, StoreError>;

    /// Gives a key up without an answer: it can be used again, or be inherited when something was done under it. Nothing
    /// changes when somebody else holds it, or it has an answer.
    async fn free_key(&self, held: &HeldKey, now: Timestamp) -> Result<(), StoreError>;

    /// Removes keys that were taken before a moment: a key is a promise for a while, not for ever.
    async fn forget_idempotency_keys(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// What a row says to whoever asks; `None` when its holder is gone, and the key can be taken over.
pub(crate) fn state(asked: bool, answer: Option<Vec<u8>>, until: Timestamp, now: Timestamp) -> Option<KeyState> {
    match answer {
        _ if !asked => Some(KeyState::UsedForAnother),
        Some(answer) => Some(KeyState::Answered(Sealed::new(answer))),
        None if until > now => Some(KeyState::UnderWay),
        None => None,
    }
}

/// What whoever takes a key over finds.
pub(crate) fn taken_over(effect: Option<String>) -> KeyState {
    effect.map_or(KeyState::Taken, |effect| KeyState::Inherited { effect })
}
