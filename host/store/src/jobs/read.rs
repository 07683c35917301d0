//! Rows to jobs, whichever database they come from; and who has as much at work as may be.

use std::collections::BTreeMap;

use macadam_core::names::{PluginName, TeamId};

use super::{AttemptRecord, Cancellation, JobLimits, JobRecord};
use crate::StoreError;
use crate::row::Columns;

type Result<T> = std::result::Result<T, StoreError>;

/// The most of a note that an attempt's record keeps: what a plugin says there is for people.
const LONGEST_NOTE: usize = 1_000;

/// A job of a query that has joined its request.
pub(crate) fn to_job(row: &impl Columns) -> Result<JobRecord> {
    Ok(JobRecord {
        id: row.parsed("id")?,
        request: row.parsed("request_id")?,
        action: row.word("action")?,
        requester: row.parsed("person")?,
        resource: row.parsed("resource_id")?,
        resource_key: row.parsed("resource_key")?,
        team: row.parsed("team")?,
        provider: row.parsed("provider")?,
        phase: row.word("phase")?,
        state: row.word("state")?,
        attempt: row.count("attempt")?,
        failures: row.count("failures")?,
        failing_since: row.time_opt("failing_since")?,
        run_after: row.time("run_after")?,
        worker: row.text_opt("worker")?,
        lease_until: row.time_opt("lease_until")?,
        note: row.text_opt("note")?,
        error: row.text_opt("error")?,
        error_class: row.word_opt("error_class")?,
        cancelled: to_cancellation(row)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// Who has taken a job back.
pub(crate) fn to_cancellation(row: &impl Columns) -> Result<Option<Cancellation>> {
    let by = row.parsed_opt("cancelled_by")?;
    Ok(by.zip(row.time_opt("cancelled_at")?).map(|(by, at)| Cancellation { by, at }))
}

pub(crate) fn to_attempt(row: &impl Columns) -> Result<AttemptRecord> {
    Ok(AttemptRecord {
        claim: row.count("fence")?,
        phase: row.word("phase")?,
        attempt: row.count("attempt")?,
        worker: row.text("worker")?,
        started_at: row.time("started_at")?,
        ended_at: row.time_opt("ended_at")?,
        outcome: row.word_opt("outcome")?,
        error_class: row.word_opt("error_class")?,
        note: row.text_opt("note")?,
    })
}

/// A note as an attempt's record keeps it; an empty one is none.
pub(crate) fn short(note: &str) -> Option<String> {
    (!note.is_empty()).then(|| note.chars().take(LONGEST_NOTE).collect())
}

/// Teams and providers that have as many jobs at work as they may.
#[derive(Debug, Default)]
pub(crate) struct Full {
    pub(crate) teams: Vec<String>,
    pub(crate) providers: Vec<String>,
}

impl Full {
    /// From rows of `team`, `provider` and `at_work`.
    pub(crate) fn among<R: Columns>(busy: &[R], limits: &JobLimits) -> Result<Self> {
        let (mut teams, mut providers) = (BTreeMap::<TeamId, u32>::new(), BTreeMap::<PluginName, u32>::new());
        for row in busy {
            let at_work: u32 = row.count("at_work")?;
            *teams.entry(row.parsed("team")?).or_default() += at_work;
            *providers.entry(row.parsed("provider")?).or_default() += at_work;
        }
        teams.retain(|team, at_work| *at_work >= limits.of_team(team));
        providers.retain(|provider, at_work| *at_work >= limits.of_provider(provider));
        Ok(Self {
            teams: teams.into_keys().map(String::from).collect(),
            providers: providers.into_keys().map(|provider| provider.to_string()).collect(),
        })
    }
}
