//! Idempotency keys: what was answered to a request with a key of the client's own, so that it can be answered again.
//!
//! A key is taken before the work begins, and the answer is put to it when the work is done. In between it is *held*, for
//! no longer than a moment that the holder names: after that the holder is gone, and nobody can say what it did. Such a
//! key is never given to somebody else, because the work may have been done.
//!
//! Answers are sealed before they come here: some of them show a secret.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::names::PersonId;

use crate::{Sealed, StoreError};

/// A request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Whose key it is. Equal keys of different people are different keys.
    pub caller: PersonId,
    /// The client's own key.
    pub key: String,
    /// The digest of what is asked for; the same key with another one is a mistake.
    pub asked: Digest,
    /// Who works on it; different for each try.
    pub holder: String,
    /// When the holder is taken for dead.
    pub until: Timestamp,
}

/// What there was under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Nothing: it is held by whoever asked, and the work can begin.
    Taken,
    /// Somebody is at work on the same request.
    UnderWay,
    /// Somebody was at work on the same request, and was not heard of in time.
    Interrupted,
    /// The same request was answered.
    Answered(Sealed),
    /// The key was used for another request.
    UsedForAnother,
}

/// The idempotency keys.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Takes a key that nobody has used, or says what there is. Of many at once one takes it.
    async fn take_key(&self, request: &KeyedRequest, now: Timestamp) -> Result<KeyState, StoreError>;

    /// Puts the answer to a key. Nothing changes when somebody else holds it; gives whether it was put.
    async fn keep_answer(&self, request: &KeyedRequest, answer: &Sealed) -> Result<bool, StoreError>;

    /// Gives a key up without an answer, so that it can be used again. Nothing changes when somebody else holds it, or it
    /// has an answer.
    async fn free_key(&self, request: &KeyedRequest) -> Result<(), StoreError>;

    /// Removes keys that were taken before a moment: a key is a promise for a while, not for ever.
    async fn forget_idempotency_keys(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// What a row says to whoever asks.
pub(crate) fn state(asked: bool, answer: Option<Vec<u8>>, until: Timestamp, now: Timestamp) -> KeyState {
    match answer {
        _ if !asked => KeyState::UsedForAnother,
        Some(answer) => KeyState::Answered(Sealed::new(answer)),
        None if until > now => KeyState::UnderWay,
        None => KeyState::Interrupted,
    }
}
