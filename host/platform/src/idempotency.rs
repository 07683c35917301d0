//! Requests that may come again: the same key, the same question, the same answer.
//!
//! Whoever answers a request with a key of the client's own first asks [`Platform::keyed`] whether it was answered before.
//! If not they hold the key, do the work, and [keep](Platform::keep_answer) the answer or [give the key
//! up](Platform::free_key). The answer is bytes that nothing here looks into, and is sealed before the store has it: it may
//! show a secret that is shown only once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use macadam_core::digest::Digest;
use macadam_store::{KeyState, KeyedRequest, StoreError};

use crate::platform::random;
use crate::vault::SealError;
use crate::{Caller, Platform};

/// How long an answer is kept: longer than any client retries, shorter than for ever.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Why nobody can say what is under a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is kept does not open.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(#[from] std::io::Error),
}

/// What there was under a key.
#[derive(Debug)]
pub enum Keyed {
    /// Nothing; the caller holds it now.
    Held(KeyedRequest),
    /// The same request is being worked on.
    UnderWay,
    /// Whoever worked on the same request was not heard of again.
    Interrupted,
    /// What the same request was answered.
    Answered(Vec<u8>),
    /// The key was used for another request.
    UsedForAnother,
}

impl Platform {
    /// Takes a key for a request, or says what there is under it. Whoever holds it has to be done within a time.
    ///
    /// # Errors
    /// [`KeyError`]; nothing is held.
    pub async fn keyed(
        &self,
        caller: &Caller,
        key: &str,
        asked: Digest,
        within: Duration,
        now: Timestamp,
    ) -> Result<Keyed, KeyError> {
        let within = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
        let request = KeyedRequest {
            caller: caller.person.clone(),
            key: key.to_owned(),
            asked,
            holder: hex::encode(random()?),
            until: now.checked_add(within).unwrap_or(Timestamp::MAX),
        };
        Ok(match self.store().take_key(&request, now).await? {
            KeyState::Taken => Keyed::Held(request),
            KeyState::UnderWay => Keyed::UnderWay,
            KeyState::Interrupted => Keyed::Interrupted,
            KeyState::UsedForAnother => Keyed::UsedForAnother,
            KeyState::Answered(sealed) => {
                Keyed::Answered(self.parts.vault.sealer().open(&scope_of(&request), &sealed)?)
            }
        })
    }

    /// Keeps the answer to a request whose key is held.
    ///
    /// # Errors
    /// [`KeyError`]; nothing is kept.
    pub async fn keep_answer(&self, request: &KeyedRequest, answer: &[u8]) -> Result<(), KeyError> {
        let sealed = self.parts.vault.sealer().seal(&scope_of(request), answer)?;
        if !self.store().keep_answer(request, &sealed).await? {
            tracing::warn!(caller = %request.caller, "an answer came too late to be kept under its idempotency key");
        }
        Ok(())
    }

    /// Gives up a key that is held: the same request may be tried again.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn free_key(&self, request: &KeyedRequest) -> Result<(), KeyError> {
        Ok(self.store().free_key(request).await?)
    }
}

/// An answer opens only as the answer to the very question that it was given to.
fn scope_of(request: &KeyedRequest) -> String {
    format!("answer/{}/{}/{}", request.caller, request.asked, request.key)
}
