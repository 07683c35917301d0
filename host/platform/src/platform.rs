//! The platform: everything the use cases need, joined.

use std::sync::Arc;
use std::time::Duration;

use macadam_blobs::Blobs;
use macadam_core::project::ProjectLimits;
use macadam_core::verdict::WhenNoPolicyApplies;
use macadam_store::Store;
use tokio::sync::Notify;

use crate::decisions::Recorder;
use crate::plugins::Plugins;
use crate::vault::Vault;

/// What an administrator can set about the use cases.
#[derive(Debug, Clone, Copy)]
pub struct PlatformSettings {
    /// What counts when no policy applies to a request.
    pub when_no_policy_applies: WhenNoPolicyApplies,
    /// How long a request waits for approval.
    pub approval_wait: Duration,
    /// How long a worker holds a job without a word; after a crash, this is how long others wait to take it over.
    pub lease: Duration,
    /// How many jobs run at once.
    pub workers: usize,
    /// How often in a row a step may fail for a passing reason before what was done is undone.
    pub max_failures: u32,
    /// How large a generated project may be.
    pub project: ProjectLimits,
}

impl Default for PlatformSettings {
    fn default() -> Self {
        Self {
            when_no_policy_applies: WhenNoPolicyApplies::Deny,
            approval_wait: Duration::from_secs(7 * 24 * 60 * 60),
            lease: Duration::from_secs(15),
            workers: 8,
            max_failures: 8,
            project: ProjectLimits::default(),
        }
    }
}

/// The parts a platform is joined from.
pub struct PlatformParts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What is active.
    pub plugins: Plugins,
    /// Where secrets are sealed.
    pub vault: Arc<Vault>,
    /// Where packages and generated archives are kept.
    pub blobs: Blobs,
    /// What writes the decision log.
    pub recorder: Recorder,
    /// What an administrator has set.
    pub settings: PlatformSettings,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    pub(crate) parts: Arc<PlatformParts>,
    /// Wakes the workers when there is a job.
    pub(crate) work: Arc<Notify>,
}

impl Platform {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: PlatformParts) -> Self {
        Self { parts: Arc::new(parts), work: Arc::new(Notify::new()) }
    }

    /// Where everything is kept.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    /// What is active.
    #[must_use]
    pub fn plugins(&self) -> &Plugins {
        &self.parts.plugins
    }

    /// What writes the decision log.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.parts.recorder
    }

    pub(crate) fn settings(&self) -> &PlatformSettings {
        &self.parts.settings
    }
}

/// Ten random bytes for an id.
pub(crate) fn random() -> std::io::Result<[u8; 10]> {
    let mut bytes = [0_u8; 10];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}
