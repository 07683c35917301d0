//! The registry for those who must not wait for a disk: every call runs on a thread that may block.
//!
//! A caller that goes away does not stop what it began: a change is made whole or not at all, as the registry promises.

use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::names::{PluginName, PluginRef};
use macadam_registry::index::Wanted;
use macadam_registry::signature::Envelope;
use macadam_registry::{
    Deprecation, IndexError, Notice, Package, Published, Registry, Release, Releases, Scope, VersionQuery,
};
use tokio::sync::{Mutex, MutexGuard};

/// The packages that there are.
#[derive(Debug, Clone)]
pub struct Packages {
    registry: Arc<Registry>,
    changing: Arc<Mutex<()>>,
}

/// Why a registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// It refuses, or failed.
    #[error(transparent)]
    Registry(#[from] IndexError),
    /// The work was cut off.
    #[error("the registry's work was cut off: {0}")]
    CutOff(#[from] tokio::task::JoinError),
}

impl PackagesError {
    /// Whether there is no such plugin or version.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Registry(IndexError::UnknownPlugin { .. } | IndexError::NoSuchVersion { .. }))
    }
}

impl Packages {
    /// The packages of a registry.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, changing: Arc::default() }
    }

    /// Lets one at a time look and then change, so that nobody changes what another one has just looked at. It holds in
    /// this process; against others, and for the files, there are the registry's own locks.
    pub(super) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// The release that a query names.
    ///
    /// # Errors
    /// As for [`Registry::resolve`].
    pub async fn resolve(&self, query: &VersionQuery) -> Result<(PluginRef, Release), PackagesError> {
        let query = query.clone();
        self.apart(move |registry| registry.resolve(&query)).await
    }

    /// One version's release, if it is there; one that was yanked is.
    ///
    /// # Errors
    /// [`PackagesError`] when the index cannot be read.
    pub async fn release(&self, plugin: &PluginRef) -> Result<Option<Release>, PackagesError> {
        let query = VersionQuery { name: plugin.name.clone(), wanted: Wanted::Exact(plugin.version.clone()) };
        match self.resolve(&query).await {
            Ok((_, release)) => Ok(Some(release)),
            Err(error) if error.is_unknown() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A plugin's releases, oldest version first.
    ///
    /// # Errors
    /// As for [`Registry::versions`].
    pub async fn versions(&self, name: &PluginName) -> Result<Vec<Release>, PackagesError> {
        self.releases(name).await.map(Releases::into_vec)
    }

    /// A plugin's releases, with what was said of all of them.
    ///
    /// # Errors
    /// As for [`Registry::releases`].
    pub async fn releases(&self, name: &PluginName) -> Result<Releases, PackagesError> {
        let name = name.clone();
        self.apart(move |registry| registry.releases(&name)).await
    }

    /// A version's package, read again and compared with the digest in the index.
    ///
    /// # Errors
    /// As for [`Registry::fetch`].
    pub async fn fetch(&self, plugin: &PluginRef) -> Result<Package, PackagesError> {
        let PluginRef { name, version } = plugin.clone();
        self.apart(move |registry| registry.fetch(&name, &version)).await
    }

    /// The signatures of a version, if it has some.
    ///
    /// # Errors
    /// As for [`Registry::signature`].
    pub async fn signature(&self, plugin: &PluginRef) -> Result<Option<Envelope>, PackagesError> {
        let PluginRef { name, version } = plugin.clone();
        self.apart(move |registry| registry.signature(&name, &version)).await
    }

    /// Publishes a package, and keeps its signatures beside it.
    ///
    /// # Errors
    /// As for [`Registry::publish`] and [`Registry::put_signature`].
    pub async fn publish(
        &self,
        package: Package,
        envelope: Option<Envelope>,
        now: Timestamp,
    ) -> Result<(Package, Published), PackagesError> {
        self.apart(move |registry| {
            let published = registry.publish(&package, now)?;
            let PluginRef { name, version } = package.reference();
            if let Some(envelope) = envelope {
                registry.put_signature(&name, &version, &envelope)?;
            }
            Ok((package, published))
        })
        .await
    }

    /// Takes a version out of what queries find.
    ///
    /// # Errors
    /// As for [`Registry::yank`].
    pub async fn yank(&self, plugin: &PluginRef) -> Result<(), PackagesError> {
        let PluginRef { name, version } = plugin.clone();
        self.apart(move |registry| registry.yank(&name, &version)).await
    }

    /// Undoes [`Packages::yank`].
    ///
    /// # Errors
    /// As for [`Registry::unyank`].
    pub async fn unyank(&self, plugin: &PluginRef) -> Result<(), PackagesError> {
        let PluginRef { name, version } = plugin.clone();
        self.apart(move |registry| registry.unyank(&name, &version)).await
    }

    /// Says that a version or a plugin should not be used any more; answers whether that changed anything.
    ///
    /// # Errors
    /// As for [`Registry::deprecate`].
    pub async fn deprecate(&self, scope: &Scope, notice: &Notice, now: Timestamp) -> Result<bool, PackagesError> {
        let (scope, notice) = (scope.clone(), notice.clone());
        self.apart(move |registry| registry.deprecate(&scope, &notice, now)).await
    }

    /// What [`Packages::deprecate`] would answer; nothing is changed.
    ///
    /// # Errors
    /// As for [`Registry::deprecate`].
    pub async fn would_deprecate(&self, scope: &Scope, notice: &Notice) -> Result<bool, PackagesError> {
        let (scope, notice) = (scope.clone(), notice.clone());
        self.apart(move |registry| registry.would_deprecate(&scope, &notice)).await
    }

    /// Undoes [`Packages::deprecate`]; answers whether that changed anything.
    ///
    /// # Errors
    /// As for [`Registry::undeprecate`].
    pub async fn undeprecate(&self, scope: &Scope) -> Result<bool, PackagesError> {
        let scope = scope.clone();
        self.apart(move |registry| registry.undeprecate(&scope)).await
    }

    /// The notice that was given of just a plugin, or just a version.
    ///
    /// # Errors
    /// As for [`Registry::said_of`].
    pub async fn said_of(&self, scope: &Scope) -> Result<Option<Deprecation>, PackagesError> {
        let scope = scope.clone();
        self.apart(move |registry| registry.said_of(&scope)).await
    }

    /// The notice that holds for a plugin, or for a version: its own or its plugin's.
    ///
    /// # Errors
    /// As for [`Registry::deprecation`].
    pub async fn deprecation(&self, scope: &Scope) -> Result<Option<Deprecation>, PackagesError> {
        let Scope { name, version } = scope.clone();
        match version {
            Some(version) => self.apart(move |registry| registry.deprecation(&PluginRef { name, version })).await,
            None => self.said_of(scope).await,
        }
    }

    /// The versions that some queries name, each with the notice that holds for it; nothing where none does, and where
    /// the registry cannot say: a notice is advice, and what it is about must not fail for want of it.
    pub async fn deprecated(&self, queries: Vec<VersionQuery>) -> Vec<Option<(PluginRef, Deprecation)>> {
        let none = vec![None; queries.len()];
        let found = self.apart(move |registry| {
            let all = queries.iter().map(|query| match deprecated(registry, query) {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(%query, %error, "nobody can say whether it is deprecated");
                    None
                }
            });
            Ok(all.collect())
        });
        found.await.unwrap_or(none)
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, PackagesError> {
        let registry = Arc::clone(&self.registry);
        Ok(tokio::task::spawn_blocking(move || work(&registry)).await??)
    }
}

fn deprecated(registry: &Registry, query: &VersionQuery) -> Result<Option<(PluginRef, Deprecation)>, IndexError> {
    let releases = registry.releases(&query.name)?;
    let release = query.wanted.pick(releases.as_slice());
    Ok(release.and_then(|release| {
        let plugin = PluginRef { name: query.name.clone(), version: release.version.clone() };
        releases.deprecation(release).map(|said| (plugin, said.clone()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::mpsc;
    use std::time::Duration;

    const INDEX: &str = r#"{"plugin": "acme/rule", "releases": [{
        "version": "1.0.0", "kind": "approval-policy", "contract": "0.1.0", "summary": "A rule.",
        "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "published": "2026-01-01T00:00:00Z"}]}"#;

    fn plugin(version: &str) -> PluginRef {
        PluginRef { name: "acme/rule".parse().unwrap(), version: version.parse().unwrap() }
    }

    fn packages() -> (tempfile::TempDir, Packages) {
        let directory = tempfile::tempdir().unwrap();
        let registry = Registry::open(directory.path()).unwrap();
        fs::create_dir(directory.path().join("index/acme")).unwrap();
        fs::write(directory.path().join("index/acme/rule.json"), INDEX).unwrap();
        (directory, Packages::new(Arc::new(registry)))
    }

    #[tokio::test]
    async fn a_thread_that_serves_requests_goes_on_while_the_registry_waits() {
        let (directory, packages) = packages();
        let lock = fs::File::create(directory.path().join("index/acme/rule.lock")).unwrap();
        lock.lock().unwrap();
        let (tell, told) = mpsc::channel();
        // Lets go when it is told to, which the only thread of this test can do while the registry waits; or else late.
        let holder = std::thread::spawn(move || {
            let in_time = told.recv_timeout(Duration::from_secs(20)).is_ok();
            drop(lock);
            in_time
        });
        let plugin = plugin("1.0.0");
        let (yanked, told) = tokio::join!(packages.yank(&plugin), async { tell.send(()) });
        assert!(yanked.is_ok() && told.is_ok());
        assert!(holder.join().unwrap(), "the thread was held up by the registry's lock");
        assert!(packages.release(&plugin).await.unwrap().unwrap().yanked);
    }

    #[tokio::test]
    async fn a_version_that_is_not_there_is_no_failure_and_a_damaged_index_is_one() {
        let (directory, packages) = packages();
        assert!(packages.release(&plugin("1.0.0")).await.unwrap().is_some());
        assert!(packages.release(&plugin("2.0.0")).await.unwrap().is_none());
        assert!(packages.versions(&"acme/none".parse().unwrap()).await.unwrap_err().is_unknown());
        fs::write(directory.path().join("index/acme/rule.json"), "{").unwrap();
        let damaged = packages.release(&plugin("1.0.0")).await.unwrap_err();
        assert!(matches!(damaged, PackagesError::Registry(IndexError::Corrupt { .. })), "{damaged}");
    }

    #[tokio::test]
    async fn what_is_said_is_told_in_the_order_of_the_questions_and_what_cannot_be_asked_is_left_out() {
        let (_directory, packages) = packages();
        let scope: Scope = "acme/rule@1.0.0".parse().unwrap();
        let notice = Notice::new("old", None).unwrap();
        assert!(packages.deprecate(&scope, &notice, Timestamp::UNIX_EPOCH).await.unwrap());
        let queries = ["acme/none", "acme/rule@^1", "acme/rule@9.0.0"].map(|query| query.parse().unwrap());
        let found = packages.deprecated(queries.to_vec()).await;
        let told: Vec<_> = found.iter().map(|found| found.as_ref().map(|(plugin, _)| plugin.to_string())).collect();
        assert_eq!(told, [None, Some("acme/rule@1.0.0".to_owned()), None]);
    }
}
