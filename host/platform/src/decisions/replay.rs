//! Replay: what a candidate would have said to what was asked before.
//!
//! The recorded inputs go to the candidate one by one, a page at a time, so that memory does not grow with the log, and
//! the report says where to go on. The version that was recorded says again exactly what it said, with the same fuel.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::limits::{LimitOverrides, Usage};
use macadam_core::names::{BindingName, PluginRef, TeamId};
use macadam_core::project::Answers;
use macadam_core::request::{PolicyContext, Request};
use macadam_registry::VersionQuery;
use macadam_runtime::clients::PolicyInput;
use macadam_store::{
    DecisionFilter, DecisionKind, DecisionOutcome, DecisionRole, PageRequest, RecordedCall, RequestId, StoreError,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::authorization::{Action, Refused, Target};
use crate::decisions::{PlanQuestion, in_short, said};
use crate::plugins::{ActivateError, Candidate, CandidateClient, Identity};
use crate::provisioning::ProvisionError;
use crate::{Caller, Platform};

/// How many calls are in memory at once.
const PAGE: u32 = 200;

/// How many calls one replay makes at most; the next goes on where it ended.
const MOST: u64 = 5_000;

/// How many groups are told apart, and how many examples each has.
const GROUPS: usize = 100;
const EXAMPLES: usize = 5;

/// What to replay, and through what.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The candidate: `namespace/name@version`.
    pub plugin: String,
    /// Its settings, over its own defaults; those that were recorded when nothing is said.
    #[serde(default)]
    pub settings: Option<Map<String, Value>>,
    /// Only what was asked under one binding.
    #[serde(default)]
    pub binding: Option<BindingName>,
    /// Only what was asked about one team's requests.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// Only what was recorded since.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Only what was recorded after this decision: where the last replay ended.
    #[serde(default)]
    pub after: Option<u64>,
    /// How many calls at most.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The person may not do this.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The candidate cannot be loaded, or its settings are wrong.
    #[error("the candidate cannot be asked: {0}")]
    Candidate(#[from] ActivateError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A trace of it could not be left.
    #[error(transparent)]
    Trace(#[from] ProvisionError),
}

/// What is alike about some calls, and which they are.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = ReplayGroup)]
pub struct Group {
    /// What was said then.
    pub from: String,
    /// What the candidate says.
    pub to: String,
    /// How many calls.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// One call.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = ReplayExample)]
pub struct Example {
    /// The recorded decision.
    pub decision: u64,
    /// The request that it was about.
    pub request: Option<RequestId>,
    /// The same, for people.
    pub subject: String,
}

/// What all calls together took, then and now.
#[derive(Debug, Clone, Copy, Default, Serialize, utoipa::ToSchema)]
#[schema(as = ReplayTotals)]
pub struct Fuel {
    /// As it was recorded.
    pub recorded: u64,
    /// By the candidate.
    pub candidate: u64,
}

impl Fuel {
    fn add(&mut self, recorded: u64, candidate: u64) {
        self.recorded = self.recorded.saturating_add(recorded);
        self.candidate = self.candidate.saturating_add(candidate);
    }
}

/// Exactly who was asked.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = ReplayCandidate)]
pub struct Candidacy {
    /// Name and version.
    pub plugin: PluginRef,
    /// The package.
    pub package: Digest,
    /// The component in it.
    pub component: Digest,
    /// The contract that it was built for.
    pub contract: String,
    /// Its settings; nothing when each call had those that were recorded with it.
    pub settings: Option<Digest>,
}

impl Candidacy {
    fn of(candidate: &Candidate) -> Self {
        let Identity { plugin, package, component, contract, settings } = candidate.identity().clone();
        let settings = candidate.settings().map(|_| settings);
        Self { plugin, package, component, contract, settings }
    }
}

/// What came of it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ReplayReport {
    /// The candidate.
    pub candidate: Candidacy,
    /// How many calls were made.
    pub asked: u64,
    /// How many were answered as they were then.
    pub same: u64,
    /// How many were answered otherwise.
    pub different: u64,
    /// How many failed that had not.
    pub failed: u64,
    /// What differs or failed, the most frequent first.
    pub groups: Vec<Group>,
    /// Fuel.
    pub fuel: Fuel,
    /// Wall time in nanoseconds. The machine may have been busier then, or now.
    pub wall_ns: Fuel,
    /// The last decision that was looked at; go on after it.
    pub last: Option<u64>,
    /// Whether there are more after it.
    pub more: bool,
}

impl Platform {
    /// Asks a candidate what was asked before. Nothing becomes active, and nothing is recorded but a trace.
    ///
    /// # Errors
    /// [`ReplayError`] when the caller may not, or the candidate cannot be asked.
    pub async fn replay(&self, caller: &Caller, wish: Replay, now: Timestamp) -> Result<ReplayReport, ReplayError> {
        self.authorize(caller, Action::DecisionReplay, &Target::Platform)?;
        let query: VersionQuery = wish.plugin.parse().map_err(ActivateError::Query)?;
        let limits = self.limits_under(wish.binding.as_ref());
        let candidate = self.plugins().loader().candidate(&query, wish.settings.as_ref(), limits).await?;
        let data = json!({"plugin": candidate.identity().plugin.to_string(), "team": wish.team, "since": wish.since});
        self.note(caller, "decision.replayed", format!("plugins/{}", query.name), None, data, now).await?;
        self.recorder().flush().await;
        let filter = DecisionFilter {
            kind: Some(kind_of(&candidate)),
            // Under another name the candidate is compared with what the binding had.
            plugin: wish.binding.is_none().then(|| query.name.clone()),
            binding: wish.binding,
            team: wish.team,
            since: wish.since,
            ..DecisionFilter::default()
        };
        self.ask_again(&candidate, &filter, wish.after, wish.limit.unwrap_or(MOST).min(MOST)).await
    }

    /// What calls under a binding may use, so that a candidate meets the same bounds.
    fn limits_under(&self, binding: Option<&BindingName>) -> LimitOverrides {
        let table = self.plugins().active();
        binding.and_then(|name| table.binding(name)).map(|status| status.binding.limits).unwrap_or_default()
    }

    async fn ask_again(
        &self,
        candidate: &Candidate,
        filter: &DecisionFilter,
        after: Option<u64>,
        most: u64,
    ) -> Result<ReplayReport, ReplayError> {
        let mut tally = Tally::new(Candidacy::of(candidate), after);
        loop {
            let limit = u32::try_from(most.saturating_sub(tally.report.asked)).unwrap_or(PAGE).min(PAGE);
            let page = PageRequest { after: tally.report.last, limit: limit.max(1) };
            let calls = self.store().recorded_calls(filter, page).await?;
            let full = calls.len() as u64 == u64::from(page.limit);
            if limit == 0 {
                tally.report.more = !calls.is_empty();
                return Ok(tally.done());
            }
            for call in calls {
                // What a shadow said never counted.
                if call.decision.role != DecisionRole::Shadow {
                    let (outcome, usage) = ask(candidate, &call).await;
                    tally.note(&call, &outcome, usage);
                }
                tally.report.last = Some(call.decision.seq);
            }
            if !full {
                return Ok(tally.done());
            }
        }
    }
}

fn kind_of(candidate: &Candidate) -> DecisionKind {
    match candidate.kind() {
        PluginKind::ApprovalPolicy => DecisionKind::Policy,
        PluginKind::CostEstimator => DecisionKind::Estimate,
        PluginKind::TemplateGenerator => DecisionKind::Generate,
        PluginKind::Provider => DecisionKind::Plan,
    }
}

/// Asks one question again.
async fn ask(candidate: &Candidate, call: &RecordedCall) -> (DecisionOutcome, Usage) {
    let settings = candidate.settings().unwrap_or_else(|| Arc::from(call.settings.as_str()));
    match &candidate.client {
        CandidateClient::Policy(client) => match call.input.read::<PolicyContext>() {
            Ok(context) => {
                let call = client.evaluate(PolicyInput::new(context), settings).await;
                (said(&call.outcome), call.usage)
            }
            Err(error) => unreadable(&error),
        },
        CandidateClient::Estimator(client) => match call.input.read::<Request>() {
            Ok(request) => {
                let call = client.estimate(Arc::new(request), settings).await;
                (said(&call.outcome), call.usage)
            }
            Err(error) => unreadable(&error),
        },
        CandidateClient::Generator(client) => match call.input.read::<Answers>() {
            Ok(answers) => {
                let call = client.generate(Arc::new(answers), settings).await;
                (said(&call.outcome), call.usage)
            }
            Err(error) => unreadable(&error),
        },
        // It is asked what it would do, and has no grants to do it with.
        CandidateClient::Provider(client) => match PlanQuestion::read(&call.input) {
            Ok(PlanQuestion { desired, current }) => {
                let call = client.plan(desired, current, settings).await;
                (said(&call.outcome), call.usage)
            }
            Err(error) => unreadable(&error),
        },
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> (DecisionOutcome, Usage) {
    let message = format!("what was recorded cannot be read: {error}");
    (DecisionOutcome::Failed { kind: "unreadable".to_owned(), message }, Usage::default())
}

struct Tally {
    report: ReplayReport,
    groups: BTreeMap<(String, String), Group>,
}

impl Tally {
    fn new(candidate: Candidacy, after: Option<u64>) -> Self {
        let report = ReplayReport {
            candidate,
            asked: 0,
            same: 0,
            different: 0,
            failed: 0,
            groups: Vec::new(),
            fuel: Fuel::default(),
            wall_ns: Fuel::default(),
            last: after,
            more: false,
        };
        Self { report, groups: BTreeMap::new() }
    }

    fn note(&mut self, call: &RecordedCall, outcome: &DecisionOutcome, usage: Usage) {
        let (report, then) = (&mut self.report, &call.decision);
        report.asked += 1;
        report.fuel.add(then.usage.fuel, usage.fuel);
        report.wall_ns.add(then.usage.wall_ns, usage.wall_ns);
        if *outcome == then.outcome {
            report.same += 1;
            return;
        }
        match outcome {
            DecisionOutcome::Failed { .. } => report.failed += 1,
            DecisionOutcome::Answered(_) => report.different += 1,
        }
        let mut key = (in_short(&then.outcome), in_short(outcome));
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&key) {
            key = ("other answers".to_owned(), "other answers".to_owned());
        }
        let (from, to) = key.clone();
        let group = self.groups.entry(key).or_insert(Group { from, to, count: 0, examples: Vec::new() });
        group.count += 1;
        if group.examples.len() < EXAMPLES {
            let (request, subject) = (then.request, then.subject.clone());
            group.examples.push(Example { decision: then.seq, request, subject });
        }
    }

    fn done(self) -> ReplayReport {
        let mut groups: Vec<_> = self.groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        ReplayReport { groups, ..self.report }
    }
}
