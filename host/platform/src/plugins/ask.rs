//! Asking what is in force: one question, put to one version after the other until one answers.
//!
//! What a version does is noted whoever it is: a canary against its bounds, the active version against its quarantine.

use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::estimate::Estimate;
use macadam_core::plan::{Plan, Progress};
use macadam_core::quarantine::Turned;
use macadam_core::verdict::Verdict;
use macadam_runtime::clients::Generated;
use macadam_runtime::{Call, CallError};
use macadam_store::{NewAuditEntry, PairId};
use serde_json::{Value, json};

use crate::Platform;
use crate::decisions::{Asked, Entry, Said, Shadowing, said};
use crate::platform::random;
use crate::plugins::in_force::{About, InForce, Place, Silence, Turn, is_its_fault};
use crate::plugins::{Canary, Identity, Version};

/// Something that versions of one kind are asked.
pub(crate) trait Question<F>: Clone + Send + Sync + 'static {
    /// What they answer.
    type Answer: Said + Denies + Send + 'static;

    /// Puts it to a version.
    fn put(&self, version: &Version<F>) -> impl Future<Output = Call<Self::Answer>> + Send;

    /// The question as it is recorded.
    fn asked(&self, version: &Version<F>) -> Asked;
}

/// Whether an answer stops a request: what a canary is compared by.
pub(crate) trait Denies {
    fn denies(&self) -> bool {
        false
    }
}

impl Denies for Verdict {
    fn denies(&self) -> bool {
        matches!(self, Self::Deny { .. })
    }
}

impl Denies for Estimate {}
impl Denies for Generated {}
impl Denies for Plan {}
impl Denies for Progress {}
impl Denies for () {}

/// What came of a question.
pub(crate) struct Answered<F, T> {
    /// The answer, or why there is none.
    pub(crate) answer: Result<T, Silence>,
    /// Who gave it, or who should have.
    pub(crate) version: Arc<Version<F>>,
    /// The fuel of the last call.
    pub(crate) fuel: u64,
    /// Every call that was made for it.
    pub(crate) entries: Vec<Entry>,
}

impl Platform {
    /// Puts a question to what is in force under a binding.
    pub(crate) async fn ask<F, Q>(&self, line: &InForce<F>, about: About<'_>, question: &Q) -> Answered<F, Q::Answer>
    where
        F: Send + Sync + 'static,
        Q: Question<F>,
    {
        let (mut turns, mut entries, mut fuel) = (line.turns(about), Vec::new(), 0);
        let (mut version, mut last) = (&line.active, None);
        while let Some(turn) = turns.next() {
            version = turn.version;
            let call = question.put(version).await;
            fuel = call.usage.fuel;
            self.heed(line, &turn, &call, about.recorded);
            if about.recorded {
                entries.push(entry(line, &turn, question, &call, about.now));
            }
            match call.outcome {
                Ok(answer) => return Answered { answer: Ok(answer), version: Arc::clone(version), fuel, entries },
                Err(error) => {
                    turns.failed(&turn, &error);
                    last = Some(error);
                }
            }
        }
        let silence = turns.silence(last);
        // Whoever is out is who should have answered, and not a canary that was asked before.
        let version = if matches!(silence, Silence::Quarantined { .. }) { &line.active } else { version };
        Answered { answer: Err(silence), version: Arc::clone(version), fuel, entries }
    }

    /// Notes what a version did in its turn, and acts on what that means. What is not on record, such as a preview, puts
    /// nothing into quarantine: nobody could tell later who did it, and with what.
    pub(crate) fn heed<F, T: Denies>(&self, line: &InForce<F>, turn: &Turn<'_, F>, call: &Call<T>, recorded: bool) {
        let fault = call.outcome.as_ref().err().filter(|error| is_its_fault(error));
        let counts = call.outcome.is_ok() || fault.is_some();
        let denied = call.outcome.as_ref().is_ok_and(Denies::denies);
        match (turn.place, &line.canary) {
            (Place::Canary, Some(canary)) if counts => {
                let broken = canary.watch.canary(&canary.rule.bounds, &call.usage, fault.is_some(), denied);
                if let Some(why) = broken {
                    self.end_canary(line, &canary.rule, why, fault, Timestamp::now());
                }
            }
            (Place::Active(admission), canary) => {
                if let Some(canary) = canary.as_ref().filter(|_| counts) {
                    canary.watch.active(&call.usage, fault.is_some(), denied);
                }
                let turned = match fault {
                    Some(error) if recorded => {
                        line.standing.failed(admission, &error.failure().to_string(), Timestamp::now())
                    }
                    // The wait that began with the probe goes on.
                    Some(_) => None,
                    None if counts => line.standing.answered(admission),
                    None => {
                        line.standing.undecided(admission, Timestamp::now());
                        None
                    }
                };
                if let Some(turned) = turned {
                    self.tell_quarantine(&line.active.identity, line.binding.as_str(), turned, fault, Timestamp::now());
                }
            }
            _ => {}
        }
    }

    fn end_canary<F>(
        &self,
        line: &InForce<F>,
        rule: &Canary,
        mut why: String,
        fault: Option<&CallError>,
        now: Timestamp,
    ) {
        if let Some(error) = fault {
            why = format!("{why} (the last: {})", error.failure());
        }
        let (platform, binding, rule) = (self.clone(), line.binding.clone(), rule.clone());
        tokio::spawn(async move { platform.plugins().end_canary(&binding, &rule, &why, now).await });
    }

    /// Says in log and audit that a version went into quarantine or came back.
    fn tell_quarantine(
        &self,
        version: &Identity,
        binding: &str,
        turned: Turned,
        fault: Option<&CallError>,
        now: Timestamp,
    ) {
        let plugin = &version.plugin;
        let (action, data) = match turned {
            Turned::Out { until } => {
                let error = fault.map(|error| error.failure().to_string());
                tracing::warn!(%binding, %plugin, %until, error, "a plugin is in quarantine: it failed too often");
                ("binding.quarantined", json!({"plugin": plugin, "until": until, "error": error}))
            }
            Turned::Back => {
                tracing::info!(%binding, %plugin, "a plugin is back from quarantine: it answers again");
                ("binding.back-from-quarantine", json!({"plugin": plugin}))
            }
        };
        self.note_for_the_host(action, format!("bindings/{binding}"), data, now);
    }

    /// An audit entry of the host's own, written off the answer's path.
    fn note_for_the_host(&self, action: &str, subject: String, data: Value, now: Timestamp) {
        let entry = NewAuditEntry::new(action, subject).with(data);
        let platform = self.clone();
        tokio::spawn(async move {
            if let Err(error) = platform.store().append_audit(&entry, now).await {
                tracing::error!(%error, action = entry.action, subject = entry.subject, "no audit entry was written");
            }
        });
    }
}

/// One turn as the decision log takes it.
pub(crate) fn entry<F, Q>(
    line: &InForce<F>,
    turn: &Turn<'_, F>,
    question: &Q,
    call: &Call<Q::Answer>,
    now: Timestamp,
) -> Entry
where
    F: Send + Sync + 'static,
    Q: Question<F>,
{
    let shadow = line.shadow.as_ref().filter(|_| call.outcome.is_ok());
    // Without randomness the answers are not joined, which is less than not answering.
    let pair = shadow.and_then(|_| Some(PairId::new(now, random().ok()?)));
    Entry {
        binding: line.binding.clone(),
        identity: turn.version.identity.clone(),
        settings: Arc::clone(&turn.version.settings),
        asked: question.asked(turn.version),
        outcome: said(&call.outcome),
        usage: call.usage,
        role: turn.place.role(),
        shadow: shadow.map(|version| shadowing(version, question)),
        pair,
        difference: None,
    }
}

/// The same question to a version whose answer does not count.
fn shadowing<F, Q>(version: &Arc<Version<F>>, question: &Q) -> Shadowing
where
    F: Send + Sync + 'static,
    Q: Question<F>,
{
    let (question, asked) = (question.clone(), Arc::clone(version));
    let put = move || {
        let (question, asked) = (question.clone(), Arc::clone(&asked));
        let ask = async move {
            let call = question.put(&asked).await;
            (said(&call.outcome), call.usage)
        };
        Box::pin(ask) as futures::future::BoxFuture<'static, _>
    };
    Shadowing { identity: version.identity.clone(), settings: Arc::clone(&version.settings), put: Arc::new(put) }
}
