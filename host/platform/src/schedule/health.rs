//! Health checks: providers look at what they made, now and then, and what they see is kept.
//!
//! A look is a call into a provider and, behind it, into somebody's system. So a run looks at a few resources of each
//! provider and no more, some at once; a provider with thousands of resources takes longer to come round, and keeps
//! nobody else's from being looked at.

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use macadam_core::plan::Health;
use macadam_core::request::Action;
use macadam_runtime::CallFailure;
use macadam_store::{HealthState, ResourceRecord};

use super::{Task, TaskError, Timing};
use crate::Platform;
use crate::provisioning::validate::kept;

/// How often there is a run while anything is due.
const PAUSE: Duration = Duration::from_secs(15);

/// Resources of one provider that one run looks at: with the pause, eighty a minute.
const PER_PROVIDER: u32 = 20;

/// Resources that one run looks at.
const PER_RUN: u32 = 200;

/// Looks at once.
const AT_ONCE: usize = 4;

/// What a provider says there is kept up to this length, in characters.
const LONGEST_MESSAGE: usize = 500;

/// Looks at ready resources.
pub(super) struct HealthChecks;

/// What became of one look.
enum Looked {
    Same,
    Changed,
    /// The host had no room for the call, which says nothing about the resource.
    NoRoom,
}

#[async_trait]
impl Task for HealthChecks {
    fn name(&self) -> &'static str {
        "health-checks"
    }

    fn timing(&self, _: &Platform) -> Timing {
        Timing::WhenDue(PAUSE)
    }

    async fn is_due(&self, platform: &Platform, now: Timestamp) -> Result<bool, TaskError> {
        Ok(!due(platform, now, 1, 1).await?.is_empty())
    }

    async fn run(&self, platform: &Platform, now: Timestamp) -> Result<String, TaskError> {
        let due = due(platform, now, PER_PROVIDER, PER_RUN).await?;
        let all = due.len();
        let looks = due.into_iter().map(|resource| look(platform, resource));
        let looked: Vec<_> = futures::stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        let looked: Vec<Looked> = looked.into_iter().collect::<Result<_, TaskError>>()?;
        let count = |of: fn(&Looked) -> bool| looked.iter().filter(|looked| of(looked)).count();
        let (changed, no_room) =
            (count(|looked| matches!(looked, Looked::Changed)), count(|looked| matches!(looked, Looked::NoRoom)));
        Ok(format!("{all} looked at, {changed} changed, {no_room} put off"))
    }
}

async fn due(
    platform: &Platform,
    now: Timestamp,
    per_provider: u32,
    limit: u32,
) -> Result<Vec<ResourceRecord>, TaskError> {
    let Some(interval) = platform.settings().health_checks else { return Ok(Vec::new()) };
    let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
    let since = now.checked_sub(interval).unwrap_or(Timestamp::MIN);
    let due = platform.store().due_for_check(since, per_provider, limit).await;
    due.map_err(|error| TaskError::of(&error))
}

async fn look(platform: &Platform, resource: ResourceRecord) -> Result<Looked, TaskError> {
    let (state, message) = match see(platform, &resource).await {
        Some(seen) => seen,
        None => return Ok(Looked::NoRoom),
    };
    let message = message.map(|message| message.chars().take(LONGEST_MESSAGE).collect::<String>());
    let kept = platform.store().record_health(resource.id, state, message.as_deref(), Timestamp::now()).await;
    let changed = kept.map_err(|error| TaskError::of(&error))?;
    if changed {
        tracing::info!(resource = %resource.key, state = state.as_str(), "a resource's health has changed");
    }
    Ok(if changed { Looked::Changed } else { Looked::Same })
}

/// What the provider sees. A provider that cannot look says nothing about the resource but that nobody knows.
async fn see(platform: &Platform, record: &ResourceRecord) -> Option<(HealthState, Option<String>)> {
    let unknown = |why: &dyn std::fmt::Display| Some((HealthState::Unknown, Some(why.to_string())));
    let environment = match platform.environment_of(&record.key).await {
        Ok(environment) => environment,
        Err(error) => return unknown(&error),
    };
    let made = match platform.made_by(&record.desired.provider).await {
        Ok(made) => made,
        Err(error) => return unknown(&error),
    };
    if let Err(silence) = made.check_in(Timestamp::now()) {
        return unknown(&silence);
    }
    let resource = kept(record, &environment, Action::Create);
    let version = &made.version;
    match version.face.client.check_health(resource, version.settings.clone()).await.outcome {
        Ok(Health::Healthy) => Some((HealthState::Healthy, None)),
        Ok(Health::Degraded(why)) => Some((HealthState::Degraded, Some(why))),
        Ok(Health::Unhealthy(why)) => Some((HealthState::Unhealthy, Some(why))),
        Err(error) if matches!(error.failure(), CallFailure::Overloaded { .. }) => None,
        Err(error) => unknown(&error),
    }
}
