//! What can be had: publishing, yanking and deprecating, each by those who may, and each with its trace.
//!
//! The index of packages and the audit log are in one store, and a change and its entry are one transaction: there is
//! neither a version that nobody has published nor an entry of something that did not happen. What changes nothing, such
//! as the same bytes again, leaves no entry.

use std::collections::BTreeSet;

use jiff::Timestamp;
use macadam_core::names::{Namespace, PluginName, PluginRef};
use macadam_registry::signature::{Envelope, KeyId, Signature, Verified};
use macadam_registry::{Deprecation, Notice, Package, Published, Releases, Scope};
use serde_json::{Map, Value, json};

use crate::authorization::{Action, Target};
use crate::plugins::packages::Account;
use crate::plugins::{ActivateError, GovernError, PublishError, PublishedVersion};
use crate::{Caller, Platform};

/// A wish to say that something should not be used any more.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deprecate {
    /// Why, in one line.
    pub message: String,
    /// What to use instead: `namespace/name` or `namespace/name@1.2.3`.
    #[serde(default)]
    pub successor: Option<String>,
}

impl Platform {
    /// Publishes a package. It becomes active nowhere, except where a binding follows what is published.
    ///
    /// # Errors
    /// [`GovernError`]; what can be had is as it was.
    pub async fn publish(
        &self,
        caller: &Caller,
        archive: Vec<u8>,
        signature: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<PublishedVersion, GovernError> {
        let loader = self.plugins().loader();
        let package = loader.read_package(archive).await?;
        self.authorize_plugin(caller, Action::PluginPublish, &package.manifest().name).await?;
        let envelope = signature.map(Envelope::from_bytes).transpose()?;
        let trusted = loader.trusted(&package, envelope.as_ref()).await;
        let verified = trusted.map_err(ActivateError::from).map_err(PublishError::from)?;
        loader.check(&package).await?;
        let published = self.put(caller, package, envelope, &verified, now).await?;
        if !published.already {
            tracing::info!(plugin = %published.plugin, person = %caller.person, "published");
            self.plugins().follow(&published.plugin, now).await;
        }
        Ok(published)
    }

    /// Keeps a checked package, and its signatures.
    async fn put(
        &self,
        caller: &Caller,
        package: Package,
        envelope: Option<Envelope>,
        verified: &Verified,
        now: Timestamp,
    ) -> Result<PublishedVersion, GovernError> {
        let (packages, account) = (self.plugins().packages(), account(caller, publication(&package, verified)));
        let published = packages.publish(&package, envelope.as_ref(), &account, now).await?;
        let deprecated = packages.deprecation(&Scope::from(&package.reference())).await?;
        Ok(PublishedVersion::of(&package, published == Published::Already, deprecated))
    }

    /// Takes a version out of what ranges find, or puts it back.
    ///
    /// # Errors
    /// [`GovernError::Packages`] when there is no such version.
    pub async fn yank(
        &self,
        caller: &Caller,
        plugin: &PluginRef,
        yanked: bool,
        now: Timestamp,
    ) -> Result<(), GovernError> {
        self.authorize_plugin(caller, Action::PluginYank, &plugin.name).await?;
        let account = account(caller, self.what_is_known(&Scope::from(plugin)).await?);
        Ok(self.plugins().packages().yank(plugin, yanked, &account, now).await?)
    }

    /// Says that a version or a plugin should not be used any more. Nothing that runs stops, and ranges find what they
    /// found. Answers what holds now.
    ///
    /// # Errors
    /// [`GovernError::Notice`] names what is wrong with the wish, [`GovernError::Packages`] says what there is.
    pub async fn deprecate(
        &self,
        caller: &Caller,
        scope: &Scope,
        wish: &Deprecate,
        now: Timestamp,
    ) -> Result<Option<Deprecation>, GovernError> {
        self.authorize_plugin(caller, Action::PluginDeprecate, &scope.name).await?;
        let notice = Notice::new(&wish.message, wish.successor.as_deref())?;
        let mut data = self.what_is_known(scope).await?;
        data.insert("message".to_owned(), json!(notice.message()));
        data.insert("successor".to_owned(), json!(notice.successor()));
        Ok(self.plugins().packages().deprecate(scope, &notice, &account(caller, data), now).await?)
    }

    /// Undoes [`Platform::deprecate`] for just what it was said of. Answers what holds now: a version is still
    /// deprecated when its plugin is.
    ///
    /// # Errors
    /// [`GovernError::Packages`] when there is no such version.
    pub async fn undeprecate(
        &self,
        caller: &Caller,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Option<Deprecation>, GovernError> {
        self.authorize_plugin(caller, Action::PluginDeprecate, &scope.name).await?;
        let account = account(caller, self.what_is_known(scope).await?);
        Ok(self.plugins().packages().undeprecate(scope, &account, now).await?)
    }

    /// A plugin's versions, oldest first.
    ///
    /// # Errors
    /// [`GovernError::Packages`] says which plugins there are.
    pub async fn versions(&self, name: &PluginName) -> Result<Releases, GovernError> {
        Ok(self.plugins().packages().releases(name).await?)
    }

    /// What is known of a version, for its trace: whose keys are beside it was judged when it was published.
    async fn what_is_known(&self, scope: &Scope) -> Result<Map<String, Value>, GovernError> {
        let (mut data, packages) = (Map::new(), self.plugins().packages());
        let Scope { name, version: Some(version) } = scope.clone() else { return Ok(data) };
        let plugin = PluginRef { name, version };
        let digest = packages.release(&plugin).await?.map(|release| release.digest);
        data.insert("package".to_owned(), json!(digest));
        // Signatures that cannot be read keep nobody from yanking what they are beside.
        let signed_by = packages.signature(&plugin).await.ok().map(|kept| signers(kept.as_ref()));
        data.insert("signed_by".to_owned(), json!(signed_by));
        Ok(data)
    }

    /// Makes sure that somebody may do something to a plugin, by whose namespace it is in.
    async fn authorize_plugin(&self, caller: &Caller, action: Action, plugin: &PluginName) -> Result<(), GovernError> {
        let name = Namespace::from(plugin);
        let team = self.store().namespace(&name).await?.map(|namespace| namespace.team);
        Ok(self.authorize(caller, action, &Target::Namespace { name, team })?)
    }
}

fn account(caller: &Caller, data: Map<String, Value>) -> Account {
    Account { actor: Some(caller.person.clone()), origin: caller.origin.clone(), data }
}

fn publication(package: &Package, verified: &Verified) -> Map<String, Value> {
    let manifest = package.manifest();
    let signed_by: &[KeyId] = match verified {
        Verified::Unsigned => &[],
        Verified::Signed { keys } => keys,
    };
    let facts = [
        ("package", json!(package.digest())),
        ("component", json!(package.component().digest())),
        ("kind", json!(manifest.kind)),
        ("signed_by", json!(signed_by)),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn signers(envelope: Option<&Envelope>) -> BTreeSet<KeyId> {
    envelope.into_iter().flat_map(Envelope::signatures).map(Signature::key).collect()
}
