//! One call as it is recorded.

use std::sync::Arc;

use futures::future::BoxFuture;
use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use macadam_core::limits::Usage;
use macadam_core::names::{BindingName, TeamId};
use macadam_core::plan::ProviderResource;
use macadam_core::project::Answers;
use macadam_core::request::Request;
use macadam_runtime::CallError;
use macadam_runtime::clients::{Generated, PolicyInput};
use macadam_store::{DecisionKind, DecisionOutcome, DecisionRole, Difference, NewDecision, PairId, RequestId};
use serde::Serialize;
use serde_json::json;

use crate::decisions::in_short;
use crate::plugins::Identity;

/// What a plugin was asked.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// For a verdict.
    Policy(Arc<PolicyInput>),
    /// For a price.
    Estimate(Arc<Request>),
    /// For a project.
    Generate(Arc<Answers>),
    /// For a plan.
    Plan(PlanQuestion),
}

impl Asked {
    fn kind(&self) -> DecisionKind {
        match self {
            Self::Policy(_) => DecisionKind::Policy,
            Self::Estimate(_) => DecisionKind::Estimate,
            Self::Generate(_) => DecisionKind::Generate,
            Self::Plan(_) => DecisionKind::Plan,
        }
    }

    fn document(&self) -> Result<CanonicalJson, serde_json::Error> {
        match self {
            Self::Policy(input) => CanonicalJson::new(input.context()),
            Self::Estimate(request) => CanonicalJson::new(request),
            Self::Generate(answers) => CanonicalJson::new(answers),
            Self::Plan(question) => question.document(),
        }
    }
}

/// What a provider is asked for a plan about.
#[derive(Debug, Clone)]
pub(crate) struct PlanQuestion {
    /// What there is to be; `None` to remove it.
    pub(crate) desired: Option<Arc<ProviderResource>>,
    /// What there is; `None` to make it.
    pub(crate) current: Option<Arc<ProviderResource>>,
}

impl PlanQuestion {
    fn document(&self) -> Result<CanonicalJson, serde_json::Error> {
        CanonicalJson::new(&json!({"desired": self.desired.as_deref(), "current": self.current.as_deref()}))
    }

    /// The question that was recorded.
    pub(crate) fn read(document: &CanonicalJson) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        struct Recorded {
            desired: Option<ProviderResource>,
            current: Option<ProviderResource>,
        }
        let Recorded { desired, current } = document.read()?;
        Ok(Self { desired: desired.map(Arc::new), current: current.map(Arc::new) })
    }
}

/// A call and what came of it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) binding: BindingName,
    pub(crate) identity: Identity,
    pub(crate) settings: Arc<str>,
    pub(crate) asked: Asked,
    pub(crate) outcome: DecisionOutcome,
    pub(crate) usage: Usage,
    pub(crate) role: DecisionRole,
    /// Who is asked the same once the answer is given.
    pub(crate) shadow: Option<Shadowing>,
    pub(crate) pair: Option<PairId>,
    pub(crate) difference: Option<Difference>,
}

/// A version that is asked the same, and whose answer does not count.
#[derive(Clone)]
pub(crate) struct Shadowing {
    pub(crate) identity: Identity,
    pub(crate) settings: Arc<str>,
    pub(crate) put: Arc<dyn Fn() -> BoxFuture<'static, (DecisionOutcome, Usage)> + Send + Sync>,
}

impl Entry {
    /// What the shadow says to the same.
    pub(crate) async fn shadowed(&self, pair: PairId) -> Option<Self> {
        let shadow = self.shadow.as_ref()?;
        let (outcome, usage) = (shadow.put)().await;
        let difference =
            (outcome != self.outcome).then(|| Difference { from: in_short(&self.outcome), to: in_short(&outcome) });
        Some(Self {
            binding: self.binding.clone(),
            identity: shadow.identity.clone(),
            settings: Arc::clone(&shadow.settings),
            asked: self.asked.clone(),
            outcome,
            usage,
            role: DecisionRole::Shadow,
            shadow: None,
            pair: Some(pair),
            difference,
        })
    }

    fn about(&self, trail: &Trail, request: RequestId) -> Result<NewDecision, serde_json::Error> {
        Ok(NewDecision {
            kind: self.asked.kind(),
            role: self.role,
            team: trail.team.clone(),
            binding: self.binding.clone(),
            plugin: self.identity.plugin.clone(),
            component: self.identity.component,
            contract: self.identity.contract.clone(),
            settings: CanonicalJson::from_canonical(Arc::clone(&self.settings)),
            input: self.asked.document()?,
            request: Some(request),
            subject: trail.subject.clone(),
            outcome: self.outcome.clone(),
            usage: self.usage,
            pair: self.pair,
            difference: self.difference.clone(),
        })
    }
}

/// Every call that was made for one decision.
#[derive(Clone)]
pub(crate) struct Trail {
    pub(crate) team: TeamId,
    /// What it was about, for people.
    pub(crate) subject: String,
    pub(crate) entries: Vec<Entry>,
}

impl std::fmt::Debug for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trail").field("subject", &self.subject).field("calls", &self.entries.len()).finish()
    }
}

impl Trail {
    /// Asks the shadows what was asked, and gives what they say. Nobody waits for it.
    pub(crate) async fn shadows(&self) -> Self {
        let asked = self.entries.iter().filter_map(|entry| Some((entry, entry.pair?)));
        let said = futures::future::join_all(asked.map(|(entry, pair)| entry.shadowed(pair))).await;
        Self { entries: said.into_iter().flatten().collect(), ..self.clone() }
    }

    pub(crate) fn has_shadows(&self) -> bool {
        self.entries.iter().any(|entry| entry.shadow.is_some())
    }

    /// The calls as the log takes them.
    pub(crate) fn of(&self, request: RequestId) -> Result<Vec<NewDecision>, serde_json::Error> {
        self.entries.iter().map(|entry| entry.about(self, request)).collect()
    }
}

/// How a call ended, as it is recorded.
pub(crate) fn said<T: Said>(outcome: &Result<T, CallError>) -> DecisionOutcome {
    match outcome {
        Ok(answer) => match answer.document() {
            Ok(document) => DecisionOutcome::Answered(document),
            Err(error) => failed("unwritable", error.to_string()),
        },
        Err(error) => failed(error.failure().as_str(), error.failure().to_string()),
    }
}

fn failed(kind: &str, message: String) -> DecisionOutcome {
    DecisionOutcome::Failed { kind: kind.to_owned(), message }
}

/// An answer that can be recorded.
pub(crate) trait Said {
    /// The answer as it is recorded.
    fn document(&self) -> Result<CanonicalJson, serde_json::Error>;
}

impl Said for macadam_core::verdict::Verdict {
    fn document(&self) -> Result<CanonicalJson, serde_json::Error> {
        CanonicalJson::new(self)
    }
}

impl Said for macadam_core::estimate::Estimate {
    fn document(&self) -> Result<CanonicalJson, serde_json::Error> {
        CanonicalJson::new(self)
    }
}

impl Said for macadam_core::plan::Plan {
    fn document(&self) -> Result<CanonicalJson, serde_json::Error> {
        CanonicalJson::new(self)
    }
}

/// A file of a project, by what it is; the bytes are in the archive.
#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
    mode: macadam_core::project::FileMode,
    digest: Digest,
}

impl Said for Generated {
    fn document(&self) -> Result<CanonicalJson, serde_json::Error> {
        let files = self.files.iter();
        let files: Vec<_> =
            files.map(|file| File { path: &file.path, mode: file.mode, digest: Digest::of(&file.bytes) }).collect();
        CanonicalJson::new(&json!({"files": files, "warnings": self.warnings}))
    }
}
