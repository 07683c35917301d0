//! Which keys the secrets of this store are sealed under, by their ids.
//!
//! The store holds no key. It knows the ids, so that a host that comes with another key is told before it does anything:
//! it could open nothing that is here, and what it seals the other hosts could not open.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::StoreError;

/// The ids of the keys that secrets are sealed under.
#[async_trait]
pub trait SealingKeys: Send + Sync {
    /// Every id, the oldest first.
    async fn sealing_keys(&self) -> Result<Vec<String>, StoreError>;

    /// Keeps an id if there is none yet, and gives all that there are then: of two hosts that start at once on an empty
    /// store, one is first.
    async fn first_sealing_key(&self, id: &str, now: Timestamp) -> Result<Vec<String>, StoreError>;
}
