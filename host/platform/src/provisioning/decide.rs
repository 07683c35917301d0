//! The decision: what it costs, what every policy says, what will be done, and one digest over it.
//!
//! Nothing is written here, so a preview and a submission are the same up to this point.

use std::sync::Arc;

use futures::future::join_all;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::estimate::Estimate;
use macadam_core::money::Money;
use macadam_core::names::{BindingName, GroupName, TeamId};
use macadam_core::plan::Plan;
use macadam_core::request::{Action, PolicyContext, Request};
use macadam_core::standing::{Reservation, Standing};
use macadam_core::verdict::{ApprovalNeed, OnError, Outcome, PolicyVerdict, Verdict, combine};
use macadam_core::violation::Violation;
use macadam_runtime::clients::{PolicyClient, PolicyInput};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::authorization::Action as May;
use crate::decisions::{Entry, Trail};
use crate::plugins::in_force::{About, Silence};
use crate::plugins::{ActiveTable, Identity, InForce, PluginStatus, RequestShape};
use crate::provisioning::ProvisionError;
use crate::provisioning::questions::{Judge, Price};
use crate::provisioning::validate::Valid;
use crate::{Caller, Platform};

/// What a request costs, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "cost", rename_all = "kebab-case")]
pub enum Cost {
    /// An estimator priced it.
    Estimated(Estimate),
    /// Nobody did, or the one who should failed. Never the same as free.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl Cost {
    /// The estimate, when there is one.
    #[must_use]
    pub fn estimate(&self) -> Option<&Estimate> {
        match self {
            Self::Estimated(estimate) => Some(estimate),
            Self::Unknown { .. } => None,
        }
    }
}

/// One policy's answer, with exactly what gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Explained {
    /// The answer.
    #[serde(flatten)]
    pub verdict: PolicyVerdict,
    /// The component that gave it.
    pub component: Digest,
    /// Its settings.
    pub settings: Digest,
    /// The fuel that it took; asked again, it takes the same.
    pub fuel: u64,
}

/// What was decided about a request, whole.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Decided {
    /// What it costs.
    pub cost: Cost,
    /// What every policy said.
    pub verdicts: Vec<Explained>,
    /// What that means.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What will be done.
    pub plan: Plan,
    /// What approvals are bound to.
    pub digest: Digest,
    /// Every call that was made for it, for the decision log.
    #[serde(skip)]
    pub(crate) trail: Trail,
}

/// What the digest covers: what will be done and by what, but neither the time nor the usage of the moment.
#[derive(Serialize)]
struct Covered<'a> {
    action: Action,
    team: &'a TeamId,
    request: &'a Request,
    ttl_seconds: Option<u64>,
    plan: &'a Plan,
    provider: Option<&'a Identity>,
    /// Name and version, component and settings, in the order of the names.
    policies: Vec<(String, Digest, Digest)>,
    needs: &'a [ApprovalNeed],
}

/// What policies decide on, whatever it is a request for.
pub(crate) struct Matter<'a> {
    caller: &'a Caller,
    team: &'a TeamId,
    request: &'a Arc<Request>,
    table: &'a ActiveTable,
    /// What it is about, for people.
    subject: String,
    now: Timestamp,
    purpose: Purpose,
}

/// What a decision is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be shown; a question and not a decision.
    Preview,
    /// To be kept, with every call that was made for it.
    Submission,
}

impl Purpose {
    /// What somebody does who asks for this: the thing itself, or a look at what it would come to.
    pub(crate) fn action(self, asked: May) -> May {
        match self {
            Self::Preview => May::ResourcePreview,
            Self::Submission => asked,
        }
    }

    /// Whether what is said goes to the decision log.
    pub(crate) fn is_recorded(self) -> bool {
        self == Self::Submission
    }
}

impl<'a> Matter<'a> {
    pub(crate) fn new(
        caller: &'a Caller,
        team: &'a TeamId,
        request: &'a Arc<Request>,
        table: &'a ActiveTable,
        purpose: Purpose,
        now: Timestamp,
    ) -> Self {
        let Request { resource_type, name, environment, .. } = request.as_ref();
        let subject = subject(team, environment.name.as_str(), resource_type, name);
        Self { caller, team, request, table, subject, now, purpose }
    }

    /// The calls that were made, with what they were about.
    pub(crate) fn trail(&self, entries: impl Iterator<Item = Entry>) -> Trail {
        Trail { team: self.team.clone(), subject: self.subject.clone(), entries: entries.collect() }
    }

    fn about(&self) -> About<'_> {
        About { team: self.team, subject: &self.subject, now: self.now, recorded: self.purpose.is_recorded() }
    }

    fn shape(&self) -> RequestShape<'_> {
        RequestShape { request: self.request, team: self.team }
    }
}

/// What a request is about, for people.
pub(crate) fn subject(team: &TeamId, environment: &str, resource_type: &str, name: &str) -> String {
    format!("{team}/{environment}/{resource_type}/{name}")
}

impl Platform {
    /// Decides a request on a resource.
    #[tracing::instrument(target = "macadam::trace", name = "decide", skip_all)]
    pub(crate) async fn decide(
        &self,
        caller: &Caller,
        valid: &Valid,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Decided, ProvisionError> {
        let table = self.plugins().active();
        let team = valid.current.as_ref().map_or(&caller.team, |current| &current.team);
        let matter = Matter::new(caller, team, &valid.request, &table, purpose, now);
        let ((cost, priced), planned) = futures::join!(self.estimate(&matter), self.plan(valid, matter.about()));
        let (plan, planned) = planned?;
        let standing = self.standing(&matter).await?;
        let room = fits(&standing, valid, &cost);
        let (verdicts, asked) = self.verdicts(&matter, &cost, standing).await;
        let mut outcome = self.combined(&matter, &verdicts);
        if let Err(violations) = room {
            outcome = denied_also(outcome, violations);
        }
        let digest = cover(&matter, &verdicts, &outcome, &plan, Some(&valid.made.version.identity), valid.ttl_seconds)?;
        let trail = matter.trail(priced.into_iter().chain(planned).chain(asked));
        Ok(Decided { cost, verdicts, outcome, plan, digest, trail })
    }

    /// Prices a request with the first estimator that applies.
    pub(crate) async fn estimate(&self, matter: &Matter<'_>) -> (Cost, Vec<Entry>) {
        let Some(line) = matter.table.estimators.iter().find(|line| line.applies.to(matter.shape())) else {
            return (Cost::Unknown { reason: "no cost estimator applies to this request".to_owned() }, Vec::new());
        };
        let answered = self.ask(line, matter.about(), &Price(Arc::clone(matter.request))).await;
        let cost = match answered.answer {
            Ok(estimate) => Cost::Estimated(estimate),
            Err(silence) => {
                tracing::warn!(%silence, "the cost is unknown");
                Cost::Unknown { reason: silence.to_string() }
            }
        };
        (cost, answered.entries)
    }

    /// Asks every policy that applies, all at once.
    pub(crate) async fn verdicts(
        &self,
        matter: &Matter<'_>,
        cost: &Cost,
        standing: Standing,
    ) -> (Vec<Explained>, Vec<Entry>) {
        let applying = matter.table.policies.iter().filter(|line| line.applies.to(matter.shape()));
        let question = Judge(PolicyInput::new(PolicyContext {
            request: Request::clone(matter.request),
            cost: cost.estimate().cloned(),
            standing,
            actor: matter.caller.actor(),
            now: matter.now,
        }));
        let answers = join_all(applying.map(|line| self.judged(line, matter.about(), &question))).await;
        let (explained, entries): (Vec<_>, Vec<Vec<_>>) = answers.into_iter().unzip();
        (explained, entries.into_iter().flatten().collect())
    }

    /// Asks one policy, and says what counts.
    async fn judged(
        &self,
        line: &InForce<PolicyClient>,
        about: About<'_>,
        question: &Judge,
    ) -> (Explained, Vec<Entry>) {
        let answered = self.ask(line, about, question).await;
        let (verdict, error) = match answered.answer {
            Ok(verdict) => (verdict, None),
            Err(silence) => (instead(&line.binding, line.on_error, &silence), Some(silence.to_string())),
        };
        let identity = &answered.version.identity;
        let verdict = PolicyVerdict { plugin: identity.plugin.clone(), verdict, error };
        let (component, settings) = (identity.component, identity.settings);
        (Explained { verdict, component, settings, fuel: answered.fuel }, answered.entries)
    }

    pub(crate) fn combined(&self, matter: &Matter<'_>, verdicts: &[Explained]) -> Outcome {
        let verdicts: Vec<_> = verdicts.iter().map(|explained| explained.verdict.clone()).collect();
        let outcome = combine(&verdicts, self.settings().when_no_policy_applies);
        matter.table.missing_policies(matter.shape()).fold(outcome, |outcome, missing| held(outcome, missing))
    }

    /// What the team has and may have now: read once for a decision, for its policies and for whether there is room.
    pub(crate) async fn standing(&self, matter: &Matter<'_>) -> Result<Standing, ProvisionError> {
        let team = matter.team;
        let message = || format!("there is no team {team}; ask an administrator to add it");
        self.store().standing(team).await?.ok_or_else(|| ProvisionError::Forbidden(message()))
    }
}

/// Whether the team has room for it now. The same is checked again where it is reserved.
fn fits(standing: &Standing, valid: &Valid, cost: &Cost) -> Result<(), Vec<Violation>> {
    if valid.request.action == Action::Delete {
        return Ok(());
    }
    let unknown = Money { currency: standing.team.currency, amount: Decimal::ZERO };
    let monthly = cost.estimate().map_or(unknown, Estimate::monthly_money);
    let now = valid.current.as_ref().map_or(Decimal::ZERO, |current| current.monthly.amount);
    let added = Money { amount: monthly.amount - now, ..monthly };
    let resource_type = valid.current.is_none().then(|| valid.key.resource_type.clone());
    standing.admit(&Reservation { resource_type, monthly: added })
}

/// What counts instead of an answer: a guardrail that is down holds.
fn instead(binding: &BindingName, on_error: OnError, silence: &Silence) -> Verdict {
    tracing::warn!(%binding, %silence, "a policy gave no verdict");
    match on_error {
        OnError::Deny | OnError::LastGood => {
            Verdict::Deny { violations: vec![Violation::new("", format!("the policy {silence}"))] }
        }
        // The reason is part of what people approve: the same for every failure, so that the next one changes nothing.
        OnError::RequireApproval => Verdict::RequireApproval(ApprovalNeed {
            reason: format!("the policy {binding} gives no verdict now, so a person decides"),
            groups: Vec::<GroupName>::new(),
            count: 1,
        }),
    }
}

/// The outcome while a policy is not in force: as if it had failed.
fn held(outcome: Outcome, missing: &PluginStatus) -> Outcome {
    let Some(error) = missing.failure() else { return outcome };
    let reason = format!("the policy {} is not active: {error}; ask an administrator", missing.binding.plugin);
    match (missing.binding.on_error, outcome) {
        (OnError::Deny | OnError::LastGood, outcome) => denied_also(outcome, vec![Violation::new("", reason)]),
        (OnError::RequireApproval, Outcome::Allowed { warnings }) => {
            let needs = vec![ApprovalNeed { reason, groups: Vec::new(), count: 1 }];
            Outcome::ApprovalRequired { needs, warnings }
        }
        (OnError::RequireApproval, Outcome::ApprovalRequired { mut needs, warnings }) => {
            needs.push(ApprovalNeed { reason, groups: Vec::new(), count: 1 });
            Outcome::ApprovalRequired { needs, warnings }
        }
        (OnError::RequireApproval, denied @ Outcome::Denied { .. }) => denied,
    }
}

pub(crate) fn denied_also(outcome: Outcome, more: Vec<Violation>) -> Outcome {
    let mut violations = match outcome {
        Outcome::Denied { violations } => violations,
        _ => Vec::new(),
    };
    for violation in more {
        if !violations.contains(&violation) {
            violations.push(violation);
        }
    }
    Outcome::Denied { violations }
}

pub(crate) fn cover(
    matter: &Matter<'_>,
    verdicts: &[Explained],
    outcome: &Outcome,
    plan: &Plan,
    provider: Option<&Identity>,
    ttl_seconds: Option<u64>,
) -> Result<Digest, ProvisionError> {
    let plugin = |each: &Explained| (each.verdict.plugin.to_string(), each.component, each.settings);
    let mut policies: Vec<_> = verdicts.iter().map(plugin).collect();
    policies.sort();
    let needs = match outcome {
        Outcome::ApprovalRequired { needs, .. } => needs.as_slice(),
        _ => &[],
    };
    let (team, request) = (matter.team, matter.request);
    let action = request.action;
    Ok(Digest::of_json(&Covered { action, team, request, ttl_seconds, plan, provider, policies, needs })?)
}
