//! The platform: everything the use cases need, joined.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use macadam_blobs::Blobs;
use macadam_core::names::ScheduleName;
use macadam_core::project::ProjectLimits;
use macadam_core::retry::RetryRule;
use macadam_core::verdict::WhenNoPolicyApplies;
use macadam_store::{JobLimits, Store};
use tokio::sync::Notify;

use crate::authorization::Access;
use crate::counted::Counted;
use crate::decisions::Recorder;
use crate::events::Feed;
use crate::plugins::Plugins;
use crate::schedule::Timing;
use crate::vault::Vault;
use crate::webhooks::Courier;

/// How many jobs run at once unless something else is set.
const WORKERS: usize = 8;

/// What an administrator can set about the use cases.
#[derive(Debug, Clone)]
pub struct PlatformSettings {
    /// What counts when no policy applies to a request.
    pub when_no_policy_applies: WhenNoPolicyApplies,
    /// How long a request waits for approval.
    pub approval_wait: Duration,
    /// How long a worker holds a job without a word; after a crash, this is how long others wait to take it over.
    pub lease: Duration,
    /// How many jobs run at once.
    pub workers: usize,
    /// How many jobs of one team, and of one provider, may be at work at once, over all hosts.
    pub job_limits: JobLimits,
    /// When a step that failed is tried again, and when what was done is undone instead.
    pub retry: RetryRule,
    /// How long a provider may say that it is not done yet.
    pub longest_work: Duration,
    /// For how long it is kept what attempts at jobs came to.
    pub job_history: Duration,
    /// How often a provider looks at each ready resource; `None` is never.
    pub health_checks: Option<Duration>,
    /// When schedules run for which an administrator has set it.
    pub schedules: BTreeMap<ScheduleName, Timing>,
    /// How large a generated project may be.
    pub project: ProjectLimits,
}

impl Default for PlatformSettings {
    fn default() -> Self {
        Self {
            when_no_policy_applies: WhenNoPolicyApplies::Deny,
            approval_wait: Duration::from_secs(7 * 24 * 60 * 60),
            lease: Duration::from_secs(15),
            workers: WORKERS,
            job_limits: Self::fair_limits(WORKERS),
            retry: RetryRule::default(),
            longest_work: Duration::from_secs(7 * 24 * 60 * 60),
            job_history: Duration::from_secs(90 * 24 * 60 * 60),
            health_checks: Some(Duration::from_secs(5 * 60)),
            schedules: BTreeMap::new(),
            project: ProjectLimits::default(),
        }
    }
}

impl PlatformSettings {
    /// Limits that leave room for others: three quarters of so many places, so that neither one team nor one slow
    /// provider takes them all.
    #[must_use]
    pub fn fair_limits(workers: usize) -> JobLimits {
        let most = u32::try_from(workers - workers / 4).unwrap_or(u32::MAX).max(1);
        JobLimits { per_team: most, per_provider: most, ..JobLimits::NONE }
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
    /// Who may do what.
    pub access: Access,
    /// What everybody who follows events listens to.
    pub feed: Feed,
    /// What sends messages to webhooks.
    pub courier: Courier,
    /// What an administrator has set.
    pub settings: PlatformSettings,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    pub(crate) parts: Arc<PlatformParts>,
    /// Wakes the workers when there is a job.
    pub(crate) work: Arc<Notify>,
    counted: Arc<Counted>,
    /// What signs the heads of the audit log, and who has read it lately.
    pub(crate) audit: Arc<crate::audit::Desk>,
}

impl Platform {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: PlatformParts) -> Self {
        Self { parts: Arc::new(parts), work: Arc::default(), counted: Arc::default(), audit: Arc::default() }
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

    /// What this process has done since it started.
    #[must_use]
    pub fn counted(&self) -> &Counted {
        &self.counted
    }

    /// What everybody who follows events listens to.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.parts.feed
    }

    /// What sends messages to webhooks.
    pub(crate) fn courier(&self) -> &Courier {
        &self.parts.courier
    }

    pub(crate) fn settings(&self) -> &PlatformSettings {
        &self.parts.settings
    }
}

/// A random number for a wait. Where there is no randomness, the whole wait will do.
pub(crate) fn random_number() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX)
}

/// Ten random bytes for an id.
pub(crate) fn random() -> std::io::Result<[u8; 10]> {
    let mut bytes = [0_u8; 10];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}
