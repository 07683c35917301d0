//! Telling that what is active, or about to be, should not be used any more. Nothing is refused for it.

use std::collections::BTreeMap;

use macadam_core::names::BindingName;
use macadam_registry::index::Wanted;
use macadam_registry::{Deprecation, VersionQuery};
use semver::Version;

use crate::Platform;
use crate::plugins::{ActiveTable, Binding, BindingDifference, BindingSpec};

impl Platform {
    /// The bindings whose active version is deprecated, each with the notice.
    pub async fn deprecated_bindings(&self, active: &ActiveTable) -> BTreeMap<BindingName, Deprecation> {
        let identities = active.status.iter().filter_map(|status| Some((&status.name, &status.identity()?.plugin)));
        let (names, queries): (Vec<_>, Vec<_>) =
            identities.map(|(name, plugin)| (name.clone(), exactly(plugin.name.clone(), &plugin.version))).unzip();
        let found = self.plugins().packages().deprecated(queries).await;
        names.into_iter().zip(found).filter_map(|(name, found)| Some((name, found?.1))).collect()
    }

    /// A warning for each deprecated version that a binding names, those that are tried among them.
    pub async fn binding_warnings(&self, name: &BindingName, spec: &BindingSpec) -> Vec<String> {
        self.warnings(named(name, &spec.binding, spec.version.as_ref())).await
    }

    /// The same for each binding that some changes make or change.
    pub async fn difference_warnings(&self, differences: &[BindingDifference]) -> Vec<String> {
        let to = differences.iter().filter_map(|difference| Some((&difference.name, difference.to.as_ref()?)));
        self.warnings(to.flat_map(|(name, binding)| named(name, binding, None)).collect()).await
    }

    async fn warnings(&self, named: Vec<(BindingName, VersionQuery)>) -> Vec<String> {
        let (names, queries): (Vec<_>, Vec<_>) = named.into_iter().unzip();
        let found = self.plugins().packages().deprecated(queries).await;
        let warning = |(name, found): (BindingName, Option<_>)| {
            found.map(|(plugin, said): (_, Deprecation)| format!("{name}: {plugin} is deprecated: {said}"))
        };
        names.into_iter().zip(found).filter_map(warning).collect()
    }
}

/// The versions that a binding names: the one that its text means, its canary and its shadow.
fn named(name: &BindingName, binding: &Binding, version: Option<&Version>) -> Vec<(BindingName, VersionQuery)> {
    let Ok(text) = binding.query() else { return Vec::new() };
    let plugin = text.name.clone();
    let tried = [binding.canary.as_ref().map(|canary| &canary.version), binding.shadow.as_ref().map(|s| &s.version)];
    let meant = version.map_or(text, |version| exactly(plugin.clone(), version));
    let tried = tried.into_iter().flatten().map(|version| exactly(plugin.clone(), version));
    std::iter::once(meant).chain(tried).map(|query| (name.clone(), query)).collect()
}

fn exactly(name: macadam_core::names::PluginName, version: &Version) -> VersionQuery {
    VersionQuery { name, wanted: Wanted::Exact(version.clone()) }
}
