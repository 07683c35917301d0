//! Changing what there is: one change of one plugin's index at a time, kept together with its audit entry.

use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::{PersonId, PluginName, PluginRef};
use macadam_registry::index::{Named, join_signatures};
use macadam_registry::signature::{Envelope, Statement};
use macadam_registry::{Deprecation, IndexError, Notice, Package, Published, Releases, Scope};
use macadam_store::{By, NewAuditEntry, PackageIndexChange, PackageIndexError, StoreError};
use semver::Version;
use serde_json::{Map, Value};

use super::{Packages, PackagesError, unreadable};

/// How often a change is tried that others get ahead of: each time another one got through.
const ATTEMPTS: u32 = 20;

/// On whose account packages change, and what the audit log is to keep of it beside.
#[derive(Debug, Clone)]
pub(in crate::plugins) struct Account {
    pub(in crate::plugins) actor: Option<PersonId>,
    pub(in crate::plugins) origin: Origin,
    pub(in crate::plugins) data: Map<String, Value>,
}

impl Account {
    /// The host's own.
    pub(super) fn of_host(data: Map<String, Value>) -> Self {
        Self { actor: None, origin: Origin::NONE, data }
    }

    fn by(&self) -> By<'_> {
        By { person: self.actor.as_ref(), origin: &self.origin }
    }
}

/// What a change comes to.
pub(super) struct Step<T> {
    /// The answer to whoever asked.
    pub(super) answer: T,
    /// Whether the document is another one now.
    pub(super) changed: bool,
    /// What the audit log is to call it; nothing when it is none.
    pub(super) action: Option<&'static str>,
    /// Signatures that are to be kept, by their versions.
    pub(super) signatures: Vec<(Version, Vec<u8>)>,
}

impl<T> Step<T> {
    /// A change under a name, if it is one.
    fn named(action: &'static str, changed: bool, answer: T) -> Self {
        Self { answer, changed, action: changed.then_some(action), signatures: Vec::new() }
    }
}

impl Packages {
    /// Publishes a package with its signatures. A version's bytes never change: the same again are a success.
    pub(in crate::plugins) async fn publish(
        &self,
        package: &Package,
        envelope: Option<&Envelope>,
        account: &Account,
        now: Timestamp,
    ) -> Result<Published, PackagesError> {
        let plugin = package.reference();
        let scope = Scope::from(&plugin);
        self.put(package).await?;
        let published = self.change(&scope, account, now, |releases, kept| {
            let named = releases.name(package, now)?;
            let signatures = to_be_kept(package, envelope, kept)?;
            let action = match named {
                Named::New => Some("plugin.publish"),
                Named::Later | Named::Already if signatures.is_some() => Some("plugin.sign"),
                // What follows `-dev` versions runs this one from now on.
                Named::Later => Some("plugin.publish"),
                Named::Already => None,
            };
            let answer = if named == Named::New { Published::New } else { Published::Already };
            let signatures = signatures.map(|bytes| (plugin.version.clone(), bytes)).into_iter().collect();
            Ok(Step { answer, changed: named != Named::Already, action, signatures })
        });
        let published = published.await?;
        // A host that stood still for longer than sweeps wait has put a package that is old; it still has the bytes.
        let failed = |source| PackagesError::blob(plugin.clone(), source);
        if !self.blobs.has(&package.digest()).await.map_err(failed)? {
            self.put(package).await?;
        }
        Ok(published)
    }

    pub(super) async fn put(&self, package: &Package) -> Result<(), PackagesError> {
        let put = self.blobs.put(package.archive().to_vec()).await;
        put.map(drop).map_err(|source| PackagesError::blob(package.reference(), source))
    }

    /// Takes a version out of what queries find, or puts it back.
    pub(in crate::plugins) async fn yank(
        &self,
        plugin: &PluginRef,
        yanked: bool,
        account: &Account,
        now: Timestamp,
    ) -> Result<(), PackagesError> {
        let action = if yanked { "plugin.yank" } else { "plugin.unyank" };
        self.change_known(&Scope::from(plugin), account, now, |releases, _| {
            Ok(Step::named(action, releases.set_yanked(&plugin.version, yanked)?, ()))
        })
        .await
    }

    /// Says that a version or a plugin should not be used any more, and answers what holds then.
    pub(in crate::plugins) async fn deprecate(
        &self,
        scope: &Scope,
        notice: &Notice,
        account: &Account,
        now: Timestamp,
    ) -> Result<Option<Deprecation>, PackagesError> {
        self.releases(&scope.name).await?;
        if let Some(successor) = notice.successor() {
            let there = match self.releases(&successor.name).await {
                Err(PackagesError::Registry(unknown)) => Err(unknown),
                other => Ok(other?),
            };
            notice.check_successor(scope, there)?;
        }
        self.change_known(scope, account, now, |releases, _| {
            let changed = releases.deprecate(scope, notice, now)?;
            Ok(Step::named("plugin.deprecate", changed, releases.holds_for(scope)?.cloned()))
        })
        .await
    }

    /// Undoes [`Packages::deprecate`] for just what it was said of, and answers what holds then.
    pub(in crate::plugins) async fn undeprecate(
        &self,
        scope: &Scope,
        account: &Account,
        now: Timestamp,
    ) -> Result<Option<Deprecation>, PackagesError> {
        self.change_known(scope, account, now, |releases, _| {
            let changed = releases.undeprecate(scope)?;
            Ok(Step::named("plugin.undeprecate", changed, releases.holds_for(scope)?.cloned()))
        })
        .await
    }

    /// Changes what is said of a plugin that there is.
    async fn change_known<T>(
        &self,
        scope: &Scope,
        account: &Account,
        now: Timestamp,
        step: impl Fn(&mut Releases, Option<&[u8]>) -> Result<Step<T>, IndexError>,
    ) -> Result<T, PackagesError> {
        self.releases(&scope.name).await?;
        self.change(scope, account, now, step).await
    }

    /// Changes what is said of a plugin, with the audit entry of it. When others get ahead, it is looked at again.
    pub(super) async fn change<T>(
        &self,
        scope: &Scope,
        account: &Account,
        now: Timestamp,
        step: impl Fn(&mut Releases, Option<&[u8]>) -> Result<Step<T>, IndexError>,
    ) -> Result<T, PackagesError> {
        for _ in 0..ATTEMPTS {
            let (expected, mut releases) = self.looked_up(&scope.name).await?;
            // After the index: whoever changes signatures changes its revision, too.
            let kept = match &scope.version {
                Some(version) => self.kept_signatures(&scope.name, version).await?,
                None => None,
            };
            let written =
                |releases: &Releases| CanonicalJson::new(releases).map_err(|error| unreadable(&scope.name, &error));
            let before = expected.map(|_| written(&releases)).transpose()?;
            let Step { answer, changed, action, signatures } = step(&mut releases, kept.as_deref())?;
            if !changed && signatures.is_empty() {
                return Ok(answer);
            }
            let document = written(&releases)?;
            let entry = action.map(|action| {
                let entry = NewAuditEntry::new(action, format!("plugins/{scope}")).by(account.by());
                let before = before.as_ref().map(CanonicalJson::digest);
                entry.changed(before, Some(document.digest())).with(Value::Object(account.data.clone()))
            });
            let change = PackageIndexChange { plugin: scope.name.clone(), expected, document, signatures, entry };
            match self.store.change_package_index(&change, now).await {
                Ok(_) => return Ok(answer),
                Err(PackageIndexError::Conflict { .. }) => {}
                Err(PackageIndexError::Store(error)) => return Err(error.into()),
            }
        }
        Err(PackagesError::Busy { plugin: scope.name.clone() })
    }

    async fn kept_signatures(&self, name: &PluginName, version: &Version) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.package_signatures(&PluginRef { name: name.clone(), version: version.clone() }).await
    }
}

/// The signatures that are to be kept of a package from now on, if they are others than those that are.
fn to_be_kept(
    package: &Package,
    offered: Option<&Envelope>,
    kept: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, IndexError> {
    let Some(offered) = offered else { return Ok(None) };
    // What is damaged cannot be kept, and who signs again means to replace it.
    let readable = kept.and_then(|bytes| Envelope::from_bytes(bytes).ok());
    let all = join_signatures(&package.reference(), &Statement::of(package), readable, offered)?.to_bytes();
    Ok((kept != Some(all.as_slice())).then_some(all))
}
