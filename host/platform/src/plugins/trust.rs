//! Whose signatures count: a namespace's keys and its policy, asked for whenever a version is published or loaded.
//!
//! Whether a signature is needed is the host's to say, per namespace, and never the package's. When a key is revoked or a
//! policy changes, what is active is checked again at once: what does not hold any more goes out, as a plugin that fails
//! does, and its binding's fallback answers.

use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::names::Namespace;
use macadam_registry::Package;
use macadam_registry::signature::{
    self, Envelope, KeyState, SignatureError, SignaturePolicy, Signer, TrustRoot, TrustedKey, TrustedKeys, Verified,
};
use macadam_store::{
    NamespaceError, NamespaceRecord, NewNamespace, NewNamespaceKey, SignaturePolicy as KeptPolicy, StoreError,
};

use crate::authorization::{Action, Target};
use crate::plugins::{ActivateError, GovernError, Loader, PluginStatus, Plugins, Trials};
use crate::{Caller, Platform};

/// Why it is not known whether a package may be trusted, or known that it may not.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The signature is missing or wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A key that is kept cannot be read.
    #[error("the key {id} of the namespace {namespace} cannot be read; revoke it and add it again")]
    Key {
        /// Whose.
        namespace: Namespace,
        /// Which.
        id: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Loader {
    /// The same loader, with what sigstore bundles are verified by.
    #[must_use]
    pub fn by_root(mut self, root: Option<TrustRoot>) -> Self {
        self.trust_root = root;
        self
    }

    /// Checks a package's signatures against the keys and the policy that its namespace has now.
    ///
    /// # Errors
    /// [`TrustError::Signature`] says what is wrong with them.
    pub async fn trusted(&self, package: &Package, envelope: Option<&Envelope>) -> Result<Verified, TrustError> {
        let name = package.manifest().name.namespace();
        let Ok(namespace) = name.parse::<Namespace>() else { return Ok(Verified::Unsigned) };
        let (keys, policy) = match self.store.namespace(&namespace).await? {
            Some(record) => (keys_of(&record)?, policy_of(record.signatures)),
            None => (TrustedKeys::none_of(namespace), SignaturePolicy::Optional),
        };
        let keys = keys.by_root(self.trust_root.clone());
        Ok(signature::verify(package, envelope, &keys, policy)?)
    }

    /// The same for a version in the registry, with the signatures that are kept beside it.
    pub(super) async fn trusted_as_kept(&self, package: &Package) -> Result<Verified, ActivateError> {
        let envelope = self.packages.signature(&package.reference()).await?;
        Ok(self.trusted(package, envelope.as_ref()).await?)
    }
}

fn policy_of(kept: KeptPolicy) -> SignaturePolicy {
    match kept {
        KeptPolicy::Optional => SignaturePolicy::Optional,
        KeptPolicy::Required => SignaturePolicy::Required,
    }
}

fn keys_of(record: &NamespaceRecord) -> Result<TrustedKeys, TrustError> {
    let key = |kept: &macadam_store::NamespaceKey| {
        let unreadable = |_| TrustError::Key { namespace: record.name.clone(), id: kept.id.clone() };
        let signer = kept.public_key.parse::<Signer>().map_err(unreadable)?;
        let state = match &kept.revoked {
            None => KeyState::Active,
            Some(revoked) => KeyState::Revoked { at: revoked.at, reason: revoked.reason.clone() },
        };
        Ok(TrustedKey { signer, state })
    };
    let keys = record.keys.iter().map(key).collect::<Result<Vec<_>, TrustError>>()?;
    Ok(TrustedKeys::new(record.name.clone(), keys))
}

impl Plugins {
    /// Looks again at everything active of a namespace: what is not trusted any more goes out, and what is again comes
    /// back. What cannot be looked at is out as well.
    async fn look_again(&self, namespace: &Namespace) {
        let _one_at_a_time = self.changing.lock().await;
        let table = self.active();
        let of_it = |status: &&Arc<PluginStatus>| {
            status.binding.query().is_ok_and(|query| query.name.namespace() == namespace.as_str())
        };
        let mut changed = crate::plugins::ActiveTable::of(table.status.clone());
        for status in table.status.iter().filter(of_it) {
            let now = self.looked_at(status).await;
            // What is as it was keeps its counts.
            if !now.is_like(status) {
                changed = changed.with(&Arc::new(now));
            }
        }
        self.kept.forget();
        self.put_in_force(changed);
    }

    /// A binding as it is loaded now. Compiled and kept, that is quick, and looks at the signatures as they count now.
    async fn looked_at(&self, status: &PluginStatus) -> PluginStatus {
        let record = match self.store.binding(&status.name).await {
            Ok(Some(record)) => record,
            Ok(None) => return status.failed("its binding is not kept any more; bind it again".to_owned()),
            Err(error) => return status.failed(format!("it is not known whether it may be trusted: {error}")),
        };
        match super::desired::read(&record.name, &record.spec) {
            Ok(spec) => self.loader.load(&record.name, record.revision, &spec, Trials::MayFail).await,
            Err(error) => status.failed(error.to_string()),
        }
    }
}

impl Platform {
    /// Every namespace with its keys.
    ///
    /// # Errors
    /// [`GovernError::Store`] when they cannot be read.
    pub async fn namespaces(&self) -> Result<Vec<NamespaceRecord>, GovernError> {
        Ok(self.store().namespaces().await?)
    }

    /// Claims a namespace for a team, or changes whether its packages must be signed.
    ///
    /// # Errors
    /// [`GovernError::Namespace`] when another team has it.
    pub async fn put_namespace(
        &self,
        caller: &Caller,
        wish: &NewNamespace,
        now: Timestamp,
    ) -> Result<NamespaceRecord, GovernError> {
        self.authorize(caller, Action::NamespaceChange, &Target::Platform)?;
        let record = self.store().put_namespace(wish, caller.by(), now).await?;
        self.plugins().look_again(&record.name).await;
        Ok(record)
    }

    /// Trusts a key or a keyless identity for a namespace. Its id is its own.
    ///
    /// # Errors
    /// [`GovernError`] when the text is neither, it was revoked before, or it is an identity and this build cannot
    /// verify what identities sign.
    pub async fn trust_key(
        &self,
        caller: &Caller,
        namespace: &Namespace,
        public_key: &str,
        now: Timestamp,
    ) -> Result<NamespaceRecord, GovernError> {
        self.authorize(caller, Action::NamespaceChange, &Target::Platform)?;
        let signer = public_key.parse::<Signer>()?.verifiable()?;
        let key = NewNamespaceKey { id: signer.id().to_string(), public_key: signer.to_string() };
        let record = self.store().add_namespace_key(namespace, &key, caller.by(), now).await?;
        self.plugins().look_again(namespace).await;
        Ok(record)
    }

    /// Ends the trust in a key, for good; what only it vouched for is out when this returns.
    ///
    /// # Errors
    /// [`GovernError::Namespace`] when there is no such key.
    pub async fn revoke_key(
        &self,
        caller: &Caller,
        namespace: &Namespace,
        id: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<NamespaceRecord, GovernError> {
        self.authorize(caller, Action::NamespaceChange, &Target::Platform)?;
        let record = self.store().revoke_namespace_key(namespace, id, reason, caller.by(), now).await?;
        self.plugins().look_again(namespace).await;
        Ok(record)
    }
}

impl From<NamespaceError> for GovernError {
    fn from(error: NamespaceError) -> Self {
        match error {
            NamespaceError::Store(error) => Self::Store(error),
            other => Self::Namespace(other),
        }
    }
}
