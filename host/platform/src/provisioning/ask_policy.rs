//! Asking one policy: the active version, or its canary for the requests that are the canary's.
//!
//! A canary that gives no verdict never hurts a request: the active version is asked instead, and the canary goes.

use std::sync::Arc;

use macadam_core::limits::Usage;
use macadam_core::verdict::{PolicyVerdict, Verdict};
use macadam_runtime::CallError;
use macadam_runtime::clients::{PolicyClient, PolicyInput};
use macadam_store::{DecisionRole, PairId};

use crate::Platform;
use crate::decisions::{Asked, Entry, said};
use crate::platform::random;
use crate::plugins::{ActivePolicy, CanaryArm, Identity, Sticky};
use crate::provisioning::Explained;
use crate::provisioning::decide::{Matter, instead};

/// A version under a binding, as it is asked.
struct Version<'a> {
    policy: &'a ActivePolicy,
    identity: &'a Identity,
    settings: &'a Arc<str>,
    client: &'a PolicyClient,
    role: DecisionRole,
}

impl Platform {
    /// Asks a policy, and gives its answer with every call that was made for it.
    pub(super) async fn ask(
        &self,
        matter: &Matter<'_>,
        policy: &ActivePolicy,
        input: Arc<PolicyInput>,
    ) -> (Explained, Vec<Entry>) {
        let mut entries = Vec::new();
        if let Some(canary) = policy.canary.as_ref().filter(|canary| is_the_canarys(canary, policy, matter)) {
            let version = Version {
                policy,
                identity: &canary.arm.identity,
                settings: &canary.arm.settings,
                client: &canary.arm.client,
                role: DecisionRole::Canary,
            };
            let (outcome, usage, entry) = version.ask(&input).await;
            entries.push(entry);
            self.watch(policy, canary, &outcome, &usage, matter);
            if let Ok(verdict) = outcome {
                return (version.explained(verdict, None, usage), entries);
            }
        }
        let version = Version {
            policy,
            identity: &policy.identity,
            settings: &policy.settings,
            client: &policy.client,
            role: DecisionRole::Active,
        };
        let (outcome, usage, entry) = version.ask(&input).await;
        entries.push(entry);
        if let Some(canary) = &policy.canary {
            canary.watch.active(&usage, outcome.is_err(), denies(&outcome));
        }
        let (verdict, error) = match outcome {
            Ok(verdict) => (verdict, None),
            Err(error) => (instead(policy, &error), Some(error.to_string())),
        };
        (version.explained(verdict, error, usage), entries)
    }

    /// Takes down what a canary did, and takes the canary out if it broke a bound.
    fn watch(
        &self,
        policy: &ActivePolicy,
        canary: &CanaryArm,
        outcome: &Result<Verdict, CallError>,
        usage: &Usage,
        matter: &Matter<'_>,
    ) {
        let broken = canary.watch.canary(&canary.rule.bounds, usage, outcome.is_err(), denies(outcome));
        let Some(mut why) = broken else { return };
        if let Err(error) = outcome {
            why = format!("{why} (the last: {})", error.failure());
        }
        let (platform, binding, version) = (self.clone(), policy.binding.clone(), canary.rule.version.clone());
        let now = matter.now;
        tokio::spawn(async move { platform.plugins().end_canary(&binding, &version, &why, now).await });
    }
}

impl Version<'_> {
    async fn ask(&self, input: &Arc<PolicyInput>) -> (Result<Verdict, CallError>, Usage, Entry) {
        let call = self.client.evaluate(Arc::clone(input), Arc::clone(self.settings)).await;
        let shadow = self.policy.shadow.clone().filter(|_| call.outcome.is_ok());
        // Without randomness the answers are not joined, which is less than not answering.
        let pair = shadow.as_ref().and_then(|_| Some(PairId::new(input.context().now, random().ok()?)));
        let entry = Entry {
            binding: self.policy.binding.clone(),
            identity: self.identity.clone(),
            settings: Arc::clone(self.settings),
            asked: Asked::Policy(Arc::clone(input)),
            outcome: said(&call.outcome),
            usage: call.usage,
            role: self.role,
            shadow,
            pair,
            difference: None,
        };
        (call.outcome, call.usage, entry)
    }

    fn explained(&self, verdict: Verdict, error: Option<String>, usage: Usage) -> Explained {
        Explained {
            verdict: PolicyVerdict { plugin: self.identity.plugin.clone(), verdict, error },
            component: self.identity.component,
            settings: self.identity.settings,
            fuel: usage.fuel,
        }
    }
}

/// Whether a request is the canary's: by its team, or by what it is about, so that previews and retries meet it too.
fn is_the_canarys(canary: &CanaryArm, policy: &ActivePolicy, matter: &Matter<'_>) -> bool {
    match canary.rule.sticky {
        Sticky::Team => canary.rule.takes(&policy.binding, matter.team.as_str()),
        Sticky::Request => canary.rule.takes(&policy.binding, &matter.subject()),
    }
}

fn denies(outcome: &Result<Verdict, CallError>) -> bool {
    matches!(outcome, Ok(Verdict::Deny { .. }))
}
