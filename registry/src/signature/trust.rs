//! Whose signatures count, and whether one is needed: what the host decides for a namespace.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use macadam_core::names::Namespace;

use super::{Identity, KeyId, Signer, TrustError, TrustRoot};

/// Whether the packages of a namespace need a signature. There is no default: whoever asks has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignaturePolicy {
    /// A package without an envelope is taken; one with an envelope must be signed well.
    Optional,
    /// A package without a good signature is not taken.
    Required,
}

/// A key of a namespace, or an identity that counts like one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrustedKey {
    /// Who signs.
    pub signer: Signer,
    /// Whether its signatures count.
    pub state: KeyState,
}

/// Whether a key's signatures count.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, tag = "is")]
pub enum KeyState {
    /// They do.
    Active,
    /// They do not any more, whenever they were made.
    Revoked {
        /// Since when, for people.
        at: Timestamp,
        /// Why, for people.
        reason: String,
    },
}

/// The keys of one namespace. A key that was revoked stays among them, so that what it signed is refused by name and it
/// cannot come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKeys {
    namespace: Namespace,
    keys: BTreeMap<KeyId, TrustedKey>,
    root: Option<TrustRoot>,
}

impl TrustedKeys {
    /// The keys of a namespace that has none yet.
    #[must_use]
    pub fn none_of(namespace: Namespace) -> Self {
        Self { namespace, keys: BTreeMap::new(), root: None }
    }

    /// The keys of a namespace as they were kept somewhere. Of a key that is there twice, a revocation counts.
    #[must_use]
    pub fn new(namespace: Namespace, keys: impl IntoIterator<Item = TrustedKey>) -> Self {
        let mut trusted = Self::none_of(namespace);
        for key in keys {
            let there = trusted.keys.entry(key.signer.id()).or_insert_with(|| key.clone());
            if there.state == KeyState::Active {
                *there = key;
            }
        }
        trusted
    }

    /// The same keys, with what sigstore bundles by the identities among them are verified by. Without it, none of
    /// their signatures counts.
    #[must_use]
    pub fn by_root(mut self, root: Option<TrustRoot>) -> Self {
        self.root = root;
        self
    }

    pub(super) fn root(&self) -> Option<&TrustRoot> {
        self.root.as_ref()
    }

    /// The identities, revoked ones too.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.keys.values().filter_map(|key| match &key.signer {
            Signer::Identity(identity) => Some(identity),
            Signer::Key(_) => None,
        })
    }

    /// Whose keys these are.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The keys, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedKey> {
        self.keys.values()
    }

    /// The key of a name.
    #[must_use]
    pub fn get(&self, id: KeyId) -> Option<&TrustedKey> {
        self.keys.get(&id)
    }

    /// Lets a key's signatures count from now on. One that counts already is a success.
    ///
    /// # Errors
    /// [`TrustError::WasRevoked`] when it was revoked: what leaked once is not secret again.
    pub fn trust(&mut self, signer: impl Into<Signer>) -> Result<(), TrustError> {
        let signer = signer.into();
        let key = signer.id();
        match self.keys.entry(key).or_insert(TrustedKey { signer, state: KeyState::Active }).state {
            KeyState::Active => Ok(()),
            KeyState::Revoked { .. } => Err(TrustError::WasRevoked { key, namespace: self.namespace.clone() }),
        }
    }

    /// Lets a key's signatures count no more. One that was revoked before keeps its first time and reason.
    ///
    /// # Errors
    /// [`TrustError::Unknown`] when the namespace has no such key.
    pub fn revoke(&mut self, key: KeyId, at: Timestamp, reason: impl Into<String>) -> Result<(), TrustError> {
        let unknown = || TrustError::Unknown { key, namespace: self.namespace.clone() };
        let there = self.keys.get_mut(&key).ok_or_else(unknown)?;
        if there.state == KeyState::Active {
            there.state = KeyState::Revoked { at, reason: reason.into() };
        }
        Ok(())
    }
}

impl fmt::Display for SignaturePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Optional => "optional",
            Self::Required => "required",
        })
    }
}

impl FromStr for SignaturePolicy {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        [Self::Optional, Self::Required]
            .into_iter()
            .find(|policy| policy.to_string() == text)
            .ok_or_else(|| TrustError::NotAPolicy { text: text.chars().take(80).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SigningKey;

    fn team() -> Namespace {
        Namespace::new("macadam").unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn revoked(second: i64, reason: &str) -> KeyState {
        KeyState::Revoked { at: at(second), reason: reason.into() }
    }

    #[test]
    fn a_revoked_key_does_not_come_back() {
        let key = SigningKey::generate().unwrap().public();
        let mut keys = TrustedKeys::none_of(team());
        keys.trust(key.clone()).unwrap();
        keys.trust(key.clone()).unwrap();
        keys.revoke(key.id(), at(5), "leaked").unwrap();
        assert!(matches!(keys.trust(key.clone()), Err(TrustError::WasRevoked { .. })));
        keys.revoke(key.id(), at(9), "once more").unwrap();
        assert_eq!(keys.get(key.id()).unwrap().state, revoked(5, "leaked"), "the first time and reason are kept");
        let stranger = SigningKey::generate().unwrap().id();
        assert!(matches!(keys.revoke(stranger, at(1), ""), Err(TrustError::Unknown { .. })));
    }

    #[test]
    fn what_is_trusted_goes_from_thread_to_thread() {
        fn goes<T: Send + Sync + 'static>() {}
        // A host loads plugins on any of its threads, in every build.
        goes::<TrustedKeys>();
        goes::<TrustRoot>();
    }

    #[test]
    fn of_a_key_that_is_kept_twice_the_revocation_counts() {
        let signer = Signer::from(SigningKey::generate().unwrap().public());
        let active = TrustedKey { signer: signer.clone(), state: KeyState::Active };
        let gone = TrustedKey { signer: signer.clone(), state: revoked(5, "leaked") };
        for kept in [[active.clone(), gone.clone()], [gone.clone(), active]] {
            let keys = TrustedKeys::new(team(), kept);
            assert_eq!(keys.iter().collect::<Vec<_>>(), [&gone]);
        }
    }

    #[test]
    fn keys_and_policies_are_read_back_as_they_were_kept() {
        let signer = Signer::from(SigningKey::generate().unwrap().public());
        for state in [KeyState::Active, revoked(5, "leaked")] {
            let key = TrustedKey { signer: signer.clone(), state };
            let text = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<TrustedKey>(&text).unwrap(), key, "{text}");
        }
        for policy in [SignaturePolicy::Optional, SignaturePolicy::Required] {
            assert_eq!(policy.to_string().parse::<SignaturePolicy>().unwrap(), policy);
        }
        assert!("off".parse::<SignaturePolicy>().is_err());
    }
}
