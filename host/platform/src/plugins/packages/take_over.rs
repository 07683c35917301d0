//! Taking over a registry that was made in a directory: by `macadam plugin pack`, by an earlier version of this host, or
//! by a pipeline that fills data directories.
//!
//! It happens at every start and is the same done twice: only what the index lacks is taken. What the index has counts,
//! so a version that was yanked here stays yanked whatever the directory says; and the directory is never written to.

use jiff::Timestamp;
use macadam_core::names::{PluginName, PluginRef};
use macadam_registry::{IndexError, Package, Registry, Releases, Scope};
use serde_json::json;

use super::change::{Account, Step};
use super::{Packages, PackagesError};

/// What was taken over.
#[derive(Debug, Default)]
pub struct TakenOver {
    /// The versions that are new here.
    pub new: Vec<PluginRef>,
    /// What could not be taken, and why; the rest was.
    pub left: Vec<String>,
}

/// What a directory has of one plugin.
struct Found {
    releases: Releases,
    packages: Vec<Package>,
    signatures: Vec<(semver::Version, Vec<u8>)>,
    left: Vec<String>,
}

impl Packages {
    /// Takes over what a registry's directory has and the index lacks.
    ///
    /// # Errors
    /// [`PackagesError`] when the directory cannot be read, or what is there cannot be kept.
    pub async fn take_over(&self, registry: Registry, now: Timestamp) -> Result<TakenOver, PackagesError> {
        let listed = registry.clone();
        let names = tokio::task::spawn_blocking(move || listed.names()).await??;
        let mut taken = TakenOver::default();
        for name in names {
            self.take_over_one(&registry, &name, now, &mut taken).await?;
        }
        Ok(taken)
    }

    async fn take_over_one(
        &self,
        registry: &Registry,
        name: &PluginName,
        now: Timestamp,
        taken: &mut TakenOver,
    ) -> Result<(), PackagesError> {
        let (_, here) = self.looked_up(name).await?;
        let (registry, wanted) = (registry.clone(), name.clone());
        let found = match tokio::task::spawn_blocking(move || find(&registry, &wanted, &here)).await? {
            Ok(found) => found,
            Err(error) => {
                taken.left.push(format!("{name}: {error}"));
                return Ok(());
            }
        };
        for package in &found.packages {
            self.put(package).await?;
        }
        let packages: Vec<_> = found.packages.iter().map(|package| package.digest().to_string()).collect();
        let data = json!({ "from": "a registry's directory", "packages": packages });
        let account = Account::of_host(data.as_object().cloned().unwrap_or_default());
        let scope = Scope { name: name.clone(), version: None };
        let new = self.change(&scope, &account, now, |releases, _| {
            let before = releases.clone();
            let new = releases.take_over(&found.releases);
            // Also when only a `-dev` version was published later there, and is the one that counts here from now on.
            let changed = before != *releases;
            let action = changed.then_some("plugin.take-over");
            let is_new = |version: &semver::Version| new.iter().any(|plugin| plugin.version == *version);
            let signatures = found.signatures.iter().filter(|(version, _)| is_new(version)).cloned().collect();
            Ok(Step { changed, action, signatures, answer: new })
        });
        taken.new.extend(new.await?);
        taken.left.extend(found.left);
        Ok(())
    }
}

/// Reads what is to be taken over: all of the index but releases whose packages cannot be used, and the packages that are
/// not here.
fn find(registry: &Registry, name: &PluginName, here: &Releases) -> Result<Found, IndexError> {
    let there = registry.releases(name)?;
    let (mut packages, mut signatures, mut left, mut unusable) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for release in there.as_slice() {
        let plugin = PluginRef { name: name.clone(), version: release.version.clone() };
        if let Some(kept) = here.as_slice().iter().find(|kept| kept.version == release.version) {
            if kept.digest != release.digest {
                left.push(format!("{plugin} is published already with other contents; raise the version"));
            }
            continue;
        }
        let read = registry.fetch(name, &release.version);
        match read.and_then(|package| Ok((package, registry.signature(name, &release.version)?))) {
            Ok((package, envelope)) => {
                packages.push(package);
                signatures.extend(envelope.map(|envelope| (release.version.clone(), envelope.to_bytes())));
            }
            Err(error) => {
                left.push(error.to_string());
                unusable.push(release.version.clone());
            }
        }
    }
    let releases = there.without(&unusable);
    Ok(Found { releases, packages, signatures, left })
}
