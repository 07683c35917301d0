//! What can be had: publishing, yanking and deprecating, each by those who may, and each with its trace.
//!
//! The registry is files and the audit log is the store, so no transaction holds both. The entry is written *first*, as
//! what somebody set about: `plugin.publish`, not `plugin.published`. A crash between the two then leaves a trace of
//! something that did not happen, which a look at the registry tells, and never a version that nobody has published.
//! Written afterwards, a crash would leave just that, until somebody happens to publish the same bytes again. What the
//! registry refuses after all is told by a second entry, `plugin.publish.failed`. Whether there is anything to do is
//! looked at before, so that what changes nothing leaves no entry.

use std::collections::BTreeSet;

use jiff::Timestamp;
use macadam_core::names::{Namespace, PluginName, PluginRef};
use macadam_registry::index::Wanted;
use macadam_registry::signature::{Envelope, KeyId, Signature, Verified};
use macadam_registry::{Deprecation, Notice, Package, Published, Releases, Scope, VersionQuery};
use macadam_store::NewAuditEntry;
use serde_json::{Map, Value, json};

use crate::authorization::{Action, Target};
use crate::plugins::{ActivateError, GovernError, PackagesError, PublishError, PublishedVersion};
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
    /// [`GovernError`]; the registry is as it was.
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

    /// Puts a checked package into the registry, and its signatures beside it.
    async fn put(
        &self,
        caller: &Caller,
        package: Package,
        envelope: Option<Envelope>,
        verified: &Verified,
        now: Timestamp,
    ) -> Result<PublishedVersion, GovernError> {
        let (packages, plugin) = (self.plugins().packages(), package.reference());
        let _one_at_a_time = packages.changing().await;
        let action = match packages.release(&plugin).await? {
            None => Some("plugin.publish"),
            Some(there) if there.digest != package.digest() => None,
            Some(_) if self.is_signed_anew(&plugin, verified).await => Some("plugin.sign"),
            Some(_) => None,
        };
        let work = packages.publish(package.clone(), envelope, now);
        let (_, published) = match action {
            Some(action) => {
                let data = publication(&package, verified);
                self.traced(caller, action, &Scope::from(&plugin), data, now, work).await?
            }
            None => work.await?,
        };
        let deprecated = packages.deprecation(&Scope::from(&plugin)).await?;
        Ok(PublishedVersion::of(&package, published == Published::Already, deprecated))
    }

    /// Whether a key vouches for a version that did not before.
    async fn is_signed_anew(&self, plugin: &PluginRef, verified: &Verified) -> bool {
        let Verified::Signed { keys } = verified else { return false };
        match self.plugins().packages().signature(plugin).await {
            Ok(kept) => {
                let kept = signers(kept.as_ref());
                keys.iter().any(|key| !kept.contains(key))
            }
            // What is damaged is replaced.
            Err(_) => true,
        }
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
        let packages = self.plugins().packages();
        let _one_at_a_time = packages.changing().await;
        let exactly = VersionQuery { name: plugin.name.clone(), wanted: Wanted::Exact(plugin.version.clone()) };
        if packages.resolve(&exactly).await?.1.yanked == yanked {
            return Ok(());
        }
        let scope = Scope::from(plugin);
        let data = self.what_is_known(&scope).await?;
        match yanked {
            true => self.traced(caller, "plugin.yank", &scope, data, now, packages.yank(plugin)).await,
            false => self.traced(caller, "plugin.unyank", &scope, data, now, packages.unyank(plugin)).await,
        }
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
        let packages = self.plugins().packages();
        let _one_at_a_time = packages.changing().await;
        if packages.would_deprecate(scope, &notice).await? {
            let mut data = self.what_is_known(scope).await?;
            data.insert("message".to_owned(), json!(notice.message()));
            data.insert("successor".to_owned(), json!(notice.successor()));
            let work = packages.deprecate(scope, &notice, now);
            self.traced(caller, "plugin.deprecate", scope, data, now, work).await?;
        }
        Ok(packages.deprecation(scope).await?)
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
        let packages = self.plugins().packages();
        let _one_at_a_time = packages.changing().await;
        if packages.said_of(scope).await?.is_some() {
            let data = self.what_is_known(scope).await?;
            self.traced(caller, "plugin.undeprecate", scope, data, now, packages.undeprecate(scope)).await?;
        }
        Ok(packages.deprecation(scope).await?)
    }

    /// A plugin's versions, oldest first.
    ///
    /// # Errors
    /// [`GovernError::Packages`] says which plugins there are.
    pub async fn versions(&self, name: &PluginName) -> Result<Releases, GovernError> {
        Ok(self.plugins().packages().releases(name).await?)
    }

    /// Leaves a trace of what somebody sets about, and then does it.
    async fn traced<T>(
        &self,
        caller: &Caller,
        action: &str,
        scope: &Scope,
        mut data: Map<String, Value>,
        now: Timestamp,
        work: impl Future<Output = Result<T, PackagesError>>,
    ) -> Result<T, GovernError> {
        let entry = NewAuditEntry::new(action, format!("plugins/{scope}")).by(caller.by());
        let mut entry = entry.with(json!(data));
        self.store().append_audit(&entry, now).await?;
        let error = match work.await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        data.insert("reason".to_owned(), json!(error.to_string()));
        (entry.action, entry.data) = (format!("{action}.failed"), json!(data));
        if let Err(untold) = self.store().append_audit(&entry, now).await {
            tracing::error!(action, plugin = %scope, %untold, "what was set about failed, and the audit log lacks that");
        }
        Err(error.into())
    }

    /// What the registry knows of a version, for its trace: whose keys are beside it was judged when it was published.
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
