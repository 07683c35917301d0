//! Sealing and opening, under one of several keys.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): its 24-byte nonces may be random, so no counter has to survive a crash.
//! What a secret belongs to is authenticated with it: a sealed text moved to another scope does not open. A sealed text
//! says which key it is under; what is from before there were several keys does not, and is tried with each.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use macadam_core::digest::Digest;
use macadam_store::{Sealed, SealingKeyId, SealingKeySet};

const NONCE_BYTES: usize = 24;

/// The length of a sealing key.
pub const KEY_BYTES: usize = 32;

/// The id of a sealing key: the first bytes of a digest of it. It tells nothing of a key that is random, and is kept in
/// the store, so that hosts with different keys find out.
#[must_use]
pub fn key_id(key: &[u8; KEY_BYTES]) -> SealingKeyId {
    // Nothing else is ever digested under this label, so no other digest of the key is its id.
    let labelled = [b"macadam sealing key id\0".as_slice(), key].concat();
    SealingKeyId::new(Digest::of(&labelled).as_bytes().first_chunk().copied().unwrap_or_default())
}

/// A key that a host holds.
struct Held {
    id: SealingKeyId,
    cipher: XChaCha20Poly1305,
}

impl Held {
    fn open(&self, scope: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::DoesNotOpen)?;
        let payload = Payload { msg: sealed, aad: scope.as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::DoesNotOpen)
    }
}

/// Seals under one key, and opens what is under any that the host holds. Clones share which key that is.
#[derive(Clone)]
pub struct Sealer {
    held: Arc<[Arc<Held>]>,
    current: Arc<ArcSwap<Held>>,
    /// Whether something may be sealed under a key that was replaced, and this host holds all that it takes to seal it
    /// anew.
    rotates: Arc<AtomicBool>,
}

/// Why something is not sealed, or does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The system gives no randomness.
    #[error("the system gives no randomness to seal with; look at the machine")]
    NoRandomness,
    /// It was not sealed like this.
    #[error("a sealed value does not open: it is damaged, was moved, or was sealed under another key")]
    DoesNotOpen,
    /// It is under a key that this host does not hold.
    #[error(
        "a value is sealed under the key {0}, which this host does not have; give the host that key, in \
         MACADAM_OTHER_MASTER_KEYS, `other-master-key-envs` or `other-master-key-files`, and restart it"
    )]
    MissingKey(
        /// The key's id.
        SealingKeyId,
    ),
}

/// What a look at the store's keys meant for what is sealed from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// Nothing.
    Same,
    /// It is sealed under this key.
    Changed(SealingKeyId),
    /// It should be sealed under this key, which the host does not hold.
    Missing(SealingKeyId),
}

impl Sealer {
    /// A sealer with a key of 32 random bytes.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self::with_others(key, &[])
    }

    /// A sealer that holds other keys as well, to open what is sealed under them.
    #[must_use]
    pub fn with_others(key: &[u8; KEY_BYTES], others: &[[u8; KEY_BYTES]]) -> Self {
        let hold = |key: &[u8; KEY_BYTES]| {
            Arc::new(Held { id: key_id(key), cipher: XChaCha20Poly1305::new(&Key::from(*key)) })
        };
        let current = hold(key);
        let others = others.iter().map(hold).filter(|other| other.id != current.id);
        let held = std::iter::once(Arc::clone(&current)).chain(others).collect();
        Self { held, current: Arc::new(ArcSwap::new(current)), rotates: Arc::default() }
    }

    /// The keys that it holds.
    #[must_use]
    pub fn held(&self) -> Vec<SealingKeyId> {
        self.held.iter().map(|held| held.id).collect()
    }

    /// The key that it seals under.
    #[must_use]
    pub fn current(&self) -> SealingKeyId {
        self.current.load().id
    }

    /// From now on, seals under the key that is the current one of a store.
    #[must_use]
    pub fn follow(&self, keys: &SealingKeySet) -> Followed {
        let rotates = !keys.replaced().is_empty() && keys.missing(&self.held()).is_empty();
        self.rotates.store(rotates, Ordering::Relaxed);
        let Some(id) = keys.current().map(|key| key.id).filter(|id| *id != self.current()) else {
            return Followed::Same;
        };
        match self.find(id) {
            Some(held) => {
                self.current.store(Arc::clone(held));
                Followed::Changed(id)
            }
            None => Followed::Missing(id),
        }
    }

    /// Whether there was something to be sealed anew, and this host can, when it last looked at the store's keys.
    pub(crate) fn rotates(&self) -> bool {
        self.rotates.load(Ordering::Relaxed)
    }

    fn find(&self, id: SealingKeyId) -> Option<&Arc<Held>> {
        self.held.iter().find(|held| held.id == id)
    }

    /// Seals a text to a scope.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, scope: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let payload = Payload { msg: plain, aad: scope.as_bytes() };
        let held = self.current.load();
        let sealed = held.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::NoRandomness)?;
        Ok(Sealed::under(held.id, &[nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what was sealed to a scope.
    ///
    /// # Errors
    /// [`SealError`] when it was not sealed like this.
    pub fn open(&self, scope: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        match sealed.parts() {
            (Some(id), sealed) => self.find(id).ok_or(SealError::MissingKey(id))?.open(scope, sealed),
            (None, sealed) => {
                let opened = self.held.iter().find_map(|held| held.open(scope, sealed).ok());
                opened.ok_or(SealError::DoesNotOpen)
            }
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use macadam_store::SealingKeyRecord;

    fn current(key: &[u8; KEY_BYTES]) -> SealingKeySet {
        let record = SealingKeyRecord { id: key_id(key), since: Timestamp::UNIX_EPOCH };
        SealingKeySet { in_use: vec![record], retired: vec![] }
    }

    #[test]
    fn a_sealed_text_opens_only_whole_in_its_scope_and_with_its_key() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal("a", b"hunter2").unwrap();
        assert!(!sealed.as_bytes().windows(7).any(|part| part == b"hunter2"), "the text must not show");
        assert_eq!(sealer.open("a", &sealed).unwrap(), b"hunter2");
        assert!(sealer.open("b", &sealed).is_err(), "it belongs to its scope");
        assert!(Sealer::new(&[8; 32]).open("a", &sealed).is_err(), "and to its key");
        for index in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[index] ^= 1;
            assert!(sealer.open("a", &Sealed::new(bytes)).is_err(), "byte {index} was changed");
        }
        assert!(sealer.open("a", &Sealed::new(vec![0; 5])).is_err());
    }

    #[test]
    fn equal_texts_do_not_look_equal_when_sealed() {
        let sealer = Sealer::new(&[7; 32]);
        assert_ne!(sealer.seal("a", b"x").unwrap(), sealer.seal("a", b"x").unwrap());
    }

    #[test]
    fn what_is_under_another_key_opens_with_it_and_what_is_new_is_under_the_first() {
        let (old, new) = (Sealer::new(&[1; 32]), Sealer::with_others(&[2; 32], &[[1; 32], [2; 32]]));
        assert_eq!(new.held(), [key_id(&[2; 32]), key_id(&[1; 32])], "each once");
        let before = old.seal("a", b"x").unwrap();
        assert_eq!(new.open("a", &before).unwrap(), b"x");
        let after = new.seal("a", b"x").unwrap();
        assert_eq!(after.parts().0, Some(key_id(&[2; 32])));
        let missing = old.open("a", &after).unwrap_err();
        assert_eq!(missing, SealError::MissingKey(key_id(&[2; 32])));
        assert!(missing.to_string().contains("MACADAM_OTHER_MASTER_KEYS"), "{missing}");
    }

    #[test]
    fn what_does_not_say_its_key_is_tried_with_each() {
        let old = Sealer::new(&[1; 32]);
        let unmarked = Sealed::new(old.seal("a", b"x").unwrap().parts().1);
        assert_eq!(Sealer::with_others(&[2; 32], &[[1; 32]]).open("a", &unmarked).unwrap(), b"x");
        assert_eq!(Sealer::new(&[2; 32]).open("a", &unmarked), Err(SealError::DoesNotOpen));
    }

    #[test]
    fn a_host_follows_the_key_of_the_store_if_it_holds_it() {
        let sealer = Sealer::with_others(&[1; 32], &[[2; 32]]);
        assert_eq!(sealer.follow(&SealingKeySet::default()), Followed::Same);
        assert_eq!(sealer.follow(&current(&[3; 32])), Followed::Missing(key_id(&[3; 32])));
        assert_eq!(sealer.current(), key_id(&[1; 32]));
        let clone = sealer.clone();
        assert_eq!(sealer.follow(&current(&[2; 32])), Followed::Changed(key_id(&[2; 32])));
        assert_eq!(sealer.follow(&current(&[2; 32])), Followed::Same);
        assert_eq!(clone.seal("a", b"x").unwrap().parts().0, Some(key_id(&[2; 32])), "and its clones with it");
    }
}
