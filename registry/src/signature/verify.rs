//! The decision whether a package's signature holds.

use jiff::Timestamp;
use macadam_core::names::PluginRef;

use super::{Envelope, KeyId, KeyState, Signature, SignatureError, SignaturePolicy, Statement, TrustedKeys};
use crate::package::Package;

/// What is known of who vouches for a package.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verified {
    /// Nobody does, and nobody has to.
    Unsigned,
    /// These keys of the namespace do, all of them active; at least one.
    Signed {
        /// By their names, in the envelope's order.
        keys: Vec<KeyId>,
    },
}

/// Decides whether a package may be taken, as the module's introduction tells.
///
/// # Errors
/// [`SignatureError`] names what is wrong. Of several signatures that do not count, the one is named that should have
/// counted most: one that an active key did not make, then one by a revoked key, then foreign ones.
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

/// The active keys that signed the envelope's statement, whatever package it is of.
fn valid_signers(envelope: &Envelope, keys: &TrustedKeys, plugin: &PluginRef) -> Result<Vec<KeyId>, SignatureError> {
    let message = envelope.signed_bytes();
    let mut judged: Vec<Judged<'_>> =
        envelope.signatures().iter().map(|signature| judge(signature, &message, keys)).collect();
    let valid: Vec<KeyId> = judged.iter().filter_map(Judged::counts).collect();
    if !valid.is_empty() {
        return Ok(valid);
    }
    judged.sort_by_key(Judged::weight);
    let plugin = Box::new(plugin.clone());
    Err(match judged.first() {
        Some(Judged::Bad(key)) => SignatureError::Bad { plugin, key: *key },
        Some(Judged::Revoked { key, at, reason }) => {
            SignatureError::Revoked { plugin, key: *key, at: *at, reason: (*reason).to_owned() }
        }
        _ => SignatureError::Foreign { plugin, signers: envelope.signatures().iter().map(Signature::key).collect() },
    })
}

/// What one signature is worth.
enum Judged<'a> {
    Counts(KeyId),
    Bad(KeyId),
    Revoked { key: KeyId, at: Timestamp, reason: &'a str },
    Foreign,
}

impl Judged<'_> {
    fn counts(&self) -> Option<KeyId> {
        if let Self::Counts(key) = self { Some(*key) } else { None }
    }

    /// The least is named first.
    fn weight(&self) -> u8 {
        match self {
            Self::Counts(_) | Self::Bad(_) => 0,
            Self::Revoked { .. } => 1,
            Self::Foreign => 2,
        }
    }
}

fn judge<'a>(signature: &Signature, message: &[u8], keys: &'a TrustedKeys) -> Judged<'a> {
    let key = signature.key();
    let Some(trusted) = keys.get(key) else { return Judged::Foreign };
    match (&trusted.state, trusted.public.signed(message, signature.bytes())) {
        (_, false) => Judged::Bad(key),
        (KeyState::Active, true) => Judged::Counts(key),
        (KeyState::Revoked { at, reason }, true) => Judged::Revoked { key, at: *at, reason },
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
