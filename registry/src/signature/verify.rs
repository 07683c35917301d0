//! The decision whether a package's signature holds.

use jiff::Timestamp;
use macadam_core::names::PluginRef;

use super::{
    Bundle, Envelope, Identity, KeyId, KeyState, KeylessError, Signature, SignatureError, SignaturePolicy, Signer,
    Statement, TrustedKey, TrustedKeys, keyless,
};
use crate::package::Package;

/// What is known of who vouches for a package.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verified {
    /// Nobody does, and nobody has to.
    Unsigned,
    /// These keys and identities of the namespace do, all of them active; at least one.
    Signed {
        /// By their names, in the envelope's order, keys first.
        keys: Vec<KeyId>,
    },
}

/// Decides whether a package may be taken, as the module's introduction tells.
///
/// # Errors
/// [`SignatureError`] names what is wrong. Of several signatures that do not count, the one is named that should have
/// counted most: one that an active key did not make or a bundle that does not hold, then one by who was revoked, then
/// one that cannot be verified here, then foreign ones.
pub fn verify(
    package: &Package,
    envelope: Option<&Envelope>,
    keys: &TrustedKeys,
    policy: SignaturePolicy,
) -> Result<Verified, SignatureError> {
    let plugin = package.reference();
    if plugin.name.namespace() != keys.namespace().as_str() {
        let namespace = keys.namespace().clone();
        return Err(SignatureError::OtherNamespace { plugin: Box::new(plugin.name), namespace });
    }
    match (envelope, policy) {
        (None, SignaturePolicy::Optional) => Ok(Verified::Unsigned),
        (None, SignaturePolicy::Required) => Err(SignatureError::Missing { plugin: Box::new(plugin) }),
        (Some(envelope), _) => {
            let signed_by = valid_signers(envelope, keys, &plugin)?;
            must_be_of(package, envelope.statement())?;
            Ok(Verified::Signed { keys: signed_by })
        }
    }
}

/// The active keys and identities that signed the envelope's statement, whatever package it is of.
fn valid_signers(envelope: &Envelope, keys: &TrustedKeys, plugin: &PluginRef) -> Result<Vec<KeyId>, SignatureError> {
    let message = envelope.signed_bytes();
    let signatures = envelope.signatures().iter().map(|signature| judge(signature, &message, keys));
    let mut judged: Vec<Judged> =
        signatures.chain(envelope.bundles().iter().map(|bundle| judge_bundle(bundle, keys))).collect();
    let valid: Vec<KeyId> = judged.iter().filter_map(Judged::counts).collect();
    if !valid.is_empty() {
        return Ok(valid);
    }
    judged.sort_by_key(Judged::weight);
    let signers = || envelope.signatures().iter().map(Signature::key).collect();
    let plugin = Box::new(plugin.clone());
    Err(match judged.into_iter().next() {
        Some(Judged::Bad(key)) => SignatureError::Bad { plugin, key },
        Some(Judged::Unproven(source)) => SignatureError::Keyless { plugin, source },
        Some(Judged::Revoked { signer: Who::Key(key), at, reason }) => {
            SignatureError::Revoked { plugin, key, at, reason }
        }
        Some(Judged::Revoked { signer: Who::Identity(identity), at, reason }) => {
            SignatureError::RevokedIdentity { plugin, identity, at, reason }
        }
        Some(Judged::ForeignIdentity { identity, trusted: Some(trusted) }) => {
            SignatureError::WrongIssuer { plugin, identity, trusted }
        }
        Some(Judged::ForeignIdentity { identity, trusted: None }) => {
            SignatureError::ForeignIdentity { plugin, identity }
        }
        Some(Judged::NoIdentities) => SignatureError::NoIdentities { plugin },
        Some(Judged::Counts(_) | Judged::Foreign) | None => SignatureError::Foreign { plugin, signers: signers() },
    })
}

/// What one signature is worth.
enum Judged {
    Counts(KeyId),
    Bad(KeyId),
    Unproven(KeylessError),
    Revoked { signer: Who, at: Timestamp, reason: String },
    ForeignIdentity { identity: Box<Identity>, trusted: Option<String> },
    Foreign,
    NoIdentities,
}

/// Who made it.
enum Who {
    Key(KeyId),
    Identity(Box<Identity>),
}

impl Judged {
    fn counts(&self) -> Option<KeyId> {
        if let Self::Counts(key) = self { Some(*key) } else { None }
    }

    /// The least is named first.
    fn weight(&self) -> u8 {
        match self {
            Self::Unproven(KeylessError::NotBuilt | KeylessError::NoRoot) => 2,
            Self::Counts(_) | Self::Bad(_) | Self::Unproven(_) => 0,
            Self::Revoked { .. } => 1,
            Self::ForeignIdentity { .. } => 3,
            Self::Foreign => 4,
            Self::NoIdentities => 5,
        }
    }
}

fn judge(signature: &Signature, message: &[u8], keys: &TrustedKeys) -> Judged {
    let key = signature.key();
    let Some(trusted) = keys.get(key) else { return Judged::Foreign };
    // An identity's name on a key's signature names no key.
    let Signer::Key(public) = &trusted.signer else { return Judged::Foreign };
    match (&trusted.state, public.signed(message, signature.bytes())) {
        (_, false) => Judged::Bad(key),
        (KeyState::Active, true) => Judged::Counts(key),
        (KeyState::Revoked { at, reason }, true) => {
            Judged::Revoked { signer: Who::Key(key), at: *at, reason: reason.clone() }
        }
    }
}

fn judge_bundle(bundle: &Bundle, keys: &TrustedKeys) -> Judged {
    // Where no identity is trusted, nothing that could be proven of a bundle would make it count.
    if keys.identities().next().is_none() {
        return Judged::NoIdentities;
    }
    let Some(root) = keys.root() else {
        return Judged::Unproven(if keyless::KEYLESS { KeylessError::NoRoot } else { KeylessError::NotBuilt });
    };
    match root.signer(bundle) {
        Ok(identity) => judge_identity(identity, keys),
        Err(error) => Judged::Unproven(error),
    }
}

/// What the good signature of somebody is worth.
fn judge_identity(identity: Identity, keys: &TrustedKeys) -> Judged {
    let key = identity.id();
    match keys.get(key).map(|trusted| &trusted.state) {
        Some(KeyState::Active) => Judged::Counts(key),
        Some(KeyState::Revoked { at, reason }) => {
            Judged::Revoked { signer: Who::Identity(Box::new(identity)), at: *at, reason: reason.clone() }
        }
        None => {
            let namesake = |trusted: &TrustedKey| match (&trusted.signer, &trusted.state) {
                (Signer::Identity(there), KeyState::Active) if there.subject() == identity.subject() => {
                    Some(there.issuer().to_owned())
                }
                _ => None,
            };
            let trusted = keys.iter().find_map(namesake);
            Judged::ForeignIdentity { identity: Box::new(identity), trusted }
        }
    }
}

/// A valid signature says nothing of any package but its own.
fn must_be_of(package: &Package, signed: &Statement) -> Result<(), SignatureError> {
    match signed.difference(&Statement::of(package)) {
        None => Ok(()),
        Some(difference) => Err(SignatureError::Replayed {
            signed: Box::new(signed.plugin()),
            offered: Box::new(package.reference()),
            difference,
        }),
    }
}
