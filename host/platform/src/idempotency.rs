//! Requests that may come again: the same key, the same question, the same answer.
//!
//! Whoever answers a request with a key of the client's own first asks [`Platform::keyed`] whether it was answered before.
//! If not they hold the key, do the work as a [caller that holds it](held_by), say [again and again](Platform::renew_key)
//! that they are alive, and [keep](Platform::keep_answer) the answer or [give the key up](Platform::free_key). The answer is
//! bytes that nothing here looks into, and is sealed before the store has it: it may show a secret that is shown only once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use macadam_core::audit::{HeldKey, Origin};
use macadam_core::digest::Digest;
use macadam_store::{KeyState, KeyedRequest, StoreError};

use crate::platform::random;
use crate::vault::SealError;
use crate::{Caller, Platform};

/// How long an answer is kept: longer than any client retries, shorter than for ever.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How long a key is held without its holder being heard of: long enough for a host that is out of breath, short enough
/// for a client that waits.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(15);

/// How often the holder of a key says that it is alive.
pub const RENEWED_EVERY: Duration = Duration::from_secs(4);

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
    /// The same request was done, by a host that could not answer any more. The caller holds the key now, to answer.
    Inherited {
        /// The key.
        request: KeyedRequest,
        /// The subject of what was done, as the audit log has it.
        effect: String,
    },
    /// The same request is being worked on.
    UnderWay,
    /// What the same request was answered.
    Answered(Vec<u8>),
    /// The key was used for another request.
    UsedForAnother,
}

impl Platform {
    /// Takes a key for a request, or says what there is under it. Whoever holds it has to be
    /// [heard of](Self::renew_key).
    ///
    /// # Errors
    /// [`KeyError`]; nothing is held.
    pub async fn keyed(&self, caller: &Caller, key: &str, asked: Digest, now: Timestamp) -> Result<Keyed, KeyError> {
        let held = HeldKey { caller: caller.person.clone(), key: key.to_owned(), holder: hex::encode(random()?) };
        let request = KeyedRequest { held, asked, until: until(now) };
        Ok(match self.store().take_key(&request, now).await? {
            KeyState::Taken => Keyed::Held(request),
            KeyState::UnderWay => Keyed::UnderWay,
            KeyState::Inherited { effect } => Keyed::Inherited { request, effect },
            KeyState::UsedForAnother => Keyed::UsedForAnother,
            KeyState::Answered(sealed) => {
                Keyed::Answered(self.parts.vault.sealer().open(&scope_of(&request), &sealed)?)
            }
        })
    }

    /// Says that the holder of a key is alive; gives whether it still holds it.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn renew_key(&self, request: &KeyedRequest, now: Timestamp) -> Result<bool, KeyError> {
        Ok(self.store().renew_key(&request.held, until(now)).await?)
    }

    /// Keeps the answer to a request whose key is held; gives whether it still is.
    ///
    /// # Errors
    /// [`KeyError`]; nothing is kept.
    pub async fn keep_answer(&self, request: &KeyedRequest, answer: &[u8]) -> Result<bool, KeyError> {
        let sealed = self.parts.vault.sealer().seal(&scope_of(request), answer)?;
        Ok(self.store().keep_answer(&request.held, &sealed).await?)
    }

    /// Gives up a key that is held: the same request may be tried again, or answered if it was done.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn free_key(&self, request: &KeyedRequest, now: Timestamp) -> Result<(), KeyError> {
        Ok(self.store().free_key(&request.held, now).await?)
    }
}

/// Somebody who does what they do under a key that is held: no change of theirs counts when it is not any more.
#[must_use]
pub fn held_by(caller: Caller, request: &KeyedRequest) -> Caller {
    Caller { origin: Origin { held: Some(request.held.clone()), ..caller.origin }, ..caller }
}

fn until(now: Timestamp) -> Timestamp {
    now.checked_add(HELD_FOR).unwrap_or(Timestamp::MAX)
}

/// An answer opens only as the answer to the very question that it was given to.
fn scope_of(request: &KeyedRequest) -> String {
    format!("answer/{}/{}/{}", request.held.caller, request.asked, request.held.key)
}
