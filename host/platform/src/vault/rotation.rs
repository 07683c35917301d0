//! Replacing the key that secrets are sealed with, while hosts run.
//!
//! The store says which key is the current one; each host that holds it seals under it, whichever key its own
//! configuration names first ([`Platform::follow_sealing_keys`]). So hosts with the old and with the new configuration
//! work side by side, as long as all of them hold both keys. What is under an earlier key is sealed anew by one host, in
//! small batches; a value that somebody changes meanwhile is left to the next round. When nothing is left under a key, and
//! every host has had the time to follow, the store retires it: it can be taken away. What was kept unsealed by versions
//! before is sealed in the same way.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use macadam_store::{Resealed, SealedPlace, SealedValue, SealingKeyId, SealingKeySet, StoreError};

use super::{Followed, SealError, scope};
use crate::Platform;

/// Values that are sealed anew in one transaction: few, since writers wait for each other.
const BATCH: u32 = 100;

/// How long after a key became the current one hosts may still seal under the one before: they look every few seconds,
/// and what was sealed just before has to be written as well.
const FOLLOWING: SignedDuration = SignedDuration::from_secs(30);

/// How many values that do not open are named.
const NAMED: usize = 3;

/// What a round of sealing anew came to.
#[derive(Debug, Default)]
pub struct Rotation {
    key: Option<SealingKeyId>,
    resealed: u64,
    retired: Vec<SealingKeyId>,
    left: Vec<SealingKeyId>,
    stuck: Vec<String>,
}

impl Rotation {
    /// How many values were sealed anew.
    #[must_use]
    pub fn resealed(&self) -> u64 {
        self.resealed
    }

    /// The keys that nothing is sealed under any more.
    #[must_use]
    pub fn retired(&self) -> &[SealingKeyId] {
        &self.retired
    }

    /// The values that do not open, and therefore stay as they are.
    #[must_use]
    pub fn stuck(&self) -> &[String] {
        &self.stuck
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values sealed anew", self.resealed)?;
        if let Some(key) = self.key {
            write!(f, " under the key {key}")?;
        }
        if !self.retired.is_empty() {
            write!(f, "; nothing is left under {}, which can be taken away", list(&self.retired))?;
        }
        if !self.left.is_empty() {
            write!(f, "; {} is still in use", list(&self.left))?;
        }
        if !self.stuck.is_empty() {
            let named: Vec<&str> = self.stuck.iter().take(NAMED).map(String::as_str).collect();
            write!(f, "; {} do not open and keep their key in use", self.stuck.len())?;
            write!(
                f,
                " (remove what they belong to, or give the webhook another secret or address): {}",
                named.join("; ")
            )?;
        }
        Ok(())
    }
}

fn list(keys: &[SealingKeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Platform {
    /// From now on, seals under the key that is the store's current one, which another host may have brought.
    ///
    /// # Errors
    /// When the store fails; the key is as it was.
    pub async fn follow_sealing_keys(&self) -> Result<Followed, StoreError> {
        let keys = self.store().sealing_keys().await?;
        let followed = self.parts.vault.sealer().follow(&keys);
        if let Followed::Changed(key) = followed {
            tracing::info!(%key, "secrets are sealed under another key from now on");
        }
        Ok(followed)
    }

    /// Seals anew what is under keys that were replaced, and retires those that nothing is left under.
    ///
    /// # Errors
    /// When the store fails; what was sealed anew by then is.
    pub(crate) async fn rotate_sealing_keys(&self, now: Timestamp) -> Result<Rotation, StoreError> {
        let keys = self.store().sealing_keys().await?;
        let sealer = self.parts.vault.sealer();
        let _ = sealer.follow(&keys);
        let Some(current) = keys.current().filter(|key| key.id == sealer.current()) else {
            return Ok(Rotation::default());
        };
        let mut rotation = Rotation { key: Some(current.id), ..Rotation::default() };
        self.reseal_all(current.id, &mut rotation).await?;
        let followed = current.since.checked_add(FOLLOWING).is_ok_and(|until| until <= now);
        self.retire_all(&keys, followed, now, &mut rotation).await?;
        Ok(rotation)
    }

    async fn reseal_all(&self, key: SealingKeyId, rotation: &mut Rotation) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let values = self.store().sealed_under_others(key, after.as_ref(), BATCH).await?;
            let Some(last) = values.last() else { return Ok(()) };
            after = Some(last.place.clone());
            let mut anew = Vec::with_capacity(values.len());
            for value in values {
                match self.reseal(&value) {
                    Ok(to) => anew.push(Resealed { value, to }),
                    Err(error) => rotation.stuck.push(format!("{}: {error}", value.place)),
                }
            }
            rotation.resealed += self.store().reseal(key, &anew, Timestamp::now()).await?;
        }
    }

    fn reseal(&self, value: &SealedValue) -> Result<macadam_store::Sealed, SealError> {
        let (sealer, scope) = (self.parts.vault.sealer(), scope::of_place(&value.place));
        match value.place {
            SealedPlace::PlainWebhookUrl(_) => sealer.seal(&scope, value.sealed.as_bytes()),
            _ => sealer.seal(&scope, &sealer.open(&scope, &value.sealed)?),
        }
    }

    async fn retire_all(
        &self,
        keys: &SealingKeySet,
        followed: bool,
        now: Timestamp,
        rotation: &mut Rotation,
    ) -> Result<(), StoreError> {
        for key in keys.replaced() {
            if followed && self.store().retire_sealing_key(key.id, now).await? {
                tracing::info!(key = %key.id, "nothing is sealed under this key any more; it can be taken away");
                rotation.retired.push(key.id);
            } else {
                rotation.left.push(key.id);
            }
        }
        Ok(())
    }
}
