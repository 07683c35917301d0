//! Two teams, two environments and a clock that only moves when it is told to; requests in the users' words.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;
use macadam_core::approvals::Approver;
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::estimate::Estimate;
use macadam_core::money::Currency;
use macadam_core::names::{PersonId, ResourceKey, TeamId};
use macadam_core::project::FileMode;
use macadam_core::request::{Actor, Environment, EnvironmentClass};
use macadam_core::retry::ErrorClass;
use macadam_core::standing::{Standing, Team, TeamLimits, TeamUsage};
use macadam_core::verdict::ApprovalNeed;
use macadam_store::*;
use rust_decimal::Decimal;
use serde_json::json;

use crate::TestStore;

/// 2026-01-01T00:00:00Z, in seconds.
const START: i64 = 1_767_225_600;

/// How long workers hold a job here, in seconds.
pub const LEASE: i64 = 60;

/// How long a pending request waits here, in seconds.
pub const WAIT: i64 = 3600;

#[derive(Clone)]
pub struct World {
    pub store: Arc<TestStore>,
    clock: Arc<AtomicI64>,
    ids: Arc<AtomicU64>,
}

/// A person, from somewhere.
pub fn somewhere(person: &PersonId) -> ByPerson<'_> {
    ByPerson { person, origin: &Origin::NONE }
}

pub fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

pub fn team_id(name: &str) -> TeamId {
    name.parse().unwrap()
}

/// The key of a team's database in the development environment.
pub fn key(team: &str, name: &str) -> ResourceKey {
    format!("{team}/dev/postgres-database/{name}").parse().unwrap()
}

pub fn need(groups: &[&str], count: u32) -> ApprovalNeed {
    let groups = groups.iter().map(|group| group.parse().unwrap()).collect();
    ApprovalNeed { reason: "production".into(), groups, count }
}

pub fn team(name: &str, limits: TeamLimits) -> Team {
    Team { name: team_id(name), members: vec![], cost_center: None, contacts: vec![], currency: Currency::USD, limits }
}

pub fn desired(monthly: u64) -> Desired {
    let line = ("storage".to_owned(), "GB-month".to_owned(), Decimal::from(monthly), Some(Decimal::ONE));
    Desired {
        spec: serde_json::value::to_raw_value(&json!({ "size": monthly })).unwrap(),
        tags: BTreeMap::from([("owner".to_owned(), "ana".to_owned())]),
        ttl_seconds: None,
        estimate: Some(Estimate::add_up(Currency::USD, [line]).unwrap()),
        provider: ProviderPin {
            plugin: serde_json::from_value(json!({ "name": "macadam/postgres", "version": "1.0.0" })).unwrap(),
            digest: Digest::of(b"provider"),
            settings: "1".into(),
        },
    }
}

impl World {
    /// Teams `shop` and `web` without limits, environments `dev` and `prod`.
    pub async fn start() -> Self {
        Self::on(TestStore::fresh().await).await
    }

    pub async fn on(store: TestStore) -> Self {
        let world =
            Self { store: Arc::new(store), clock: Arc::new(AtomicI64::new(START)), ids: Arc::new(AtomicU64::new(0)) };
        for name in ["shop", "web"] {
            world.limit(name, TeamLimits::default()).await;
        }
        for (name, class) in [("dev", EnvironmentClass::Development), ("prod", EnvironmentClass::Production)] {
            let name = name.parse().unwrap();
            let environment = Environment { name, class, region: None, default_ttl_seconds: None };
            world.store.put_environment(&environment, None, world.now()).await.unwrap();
        }
        world
    }

    pub async fn limit(&self, name: &str, limits: TeamLimits) {
        self.store.put_team(&team(name, limits), None, self.now()).await.unwrap();
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    pub fn later(&self, seconds: i64) -> Timestamp {
        Timestamp::from_second(self.clock.load(Ordering::SeqCst) + seconds).unwrap()
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn random(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        // The first bits of the random part become version and variant bits, so the counter goes last.
        bytes[2..].copy_from_slice(&self.ids.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        bytes
    }

    fn request(&self, who: &str, team: &str, change: Change) -> NewRequest {
        NewRequest {
            id: RequestId::new(self.now(), self.random()),
            actor: Actor { person: person(who), team: team_id(team), roles: vec!["developer".into()] },
            origin: Origin::NONE,
            document: json!({ "asked": "politely" }),
            change,
            decision: Decision { record: json!({ "outcome": "allowed" }), digest: Digest::of(b"1"), approval: None },
            job: JobId::new(self.now(), self.random()),
        }
    }

    /// Ana of a team asks for a database.
    pub fn create(&self, team: &str, name: &str, monthly: u64) -> NewRequest {
        let resource = ResourceId::new(self.now(), self.random());
        self.request("ana", team, Change::Create { resource, key: key(team, name), desired: desired(monthly) })
    }

    pub fn update(&self, of: &ResourceRecord, monthly: u64) -> NewRequest {
        let change = Change::Update { resource: of.id, revision: of.revision, desired: desired(monthly) };
        self.request("ana", of.team.as_str(), change)
    }

    pub fn delete(&self, of: &ResourceRecord) -> NewRequest {
        self.request("ana", of.team.as_str(), Change::Delete { resource: of.id, revision: of.revision })
    }

    pub fn scaffold(&self, team: &str) -> NewRequest {
        let file = ScaffoldFile { path: "README.md".into(), mode: FileMode::Regular, size: 3 };
        let scaffold = Scaffold {
            id: ScaffoldId::new(self.now(), self.random()),
            template: "rest-api".parse().unwrap(),
            plugin: serde_json::from_value(json!({ "name": "macadam/rest-api", "version": "2.1.0" })).unwrap(),
            plugin_digest: Digest::of(b"generator"),
            answers: json!({ "name": "orders" }),
            archive: Digest::of(b"archive"),
            archive_size: 1024,
            files: vec![file],
            warnings: vec!["no licence".into()],
        };
        self.request("ana", team, Change::Scaffold(Box::new(scaffold)))
    }

    /// The same request, waiting for people.
    pub fn needing(&self, mut new: NewRequest, needs: Vec<ApprovalNeed>) -> NewRequest {
        new.decision.approval = Some(PendingApproval { needs, expires_at: self.later(WAIT) });
        new
    }

    pub async fn submit(&self, new: &NewRequest) -> Result<Submitted, SubmitError> {
        self.store.submit(new, self.now()).await
    }

    /// A request that must be taken.
    pub async fn taken(&self, new: &NewRequest) -> Submitted {
        self.submit(new).await.unwrap_or_else(|refused| panic!("the request must be taken: {refused}"))
    }

    pub fn approval(&self, request: RequestId, who: &str, groups: &[&str]) -> Approval {
        Approval {
            request,
            approver: Approver {
                person: person(who),
                groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
            },
            origin: Origin::NONE,
            digest: Digest::of(b"1"),
            comment: Some("fine".into()),
            job: JobId::new(self.now(), self.random()),
        }
    }

    pub async fn approve(&self, request: RequestId, who: &str) -> Result<ApproveOutcome, ReviewError> {
        self.store.approve(&self.approval(request, who, &[]), self.now()).await
    }

    pub async fn claim(&self, worker: &str) -> Option<ClaimedJob> {
        self.claim_within(worker, &JobLimits::NONE).await
    }

    pub async fn claim_within(&self, worker: &str, limits: &JobLimits) -> Option<ClaimedJob> {
        self.store.claim(worker, limits, self.now(), self.later(LEASE)).await.unwrap()
    }

    /// Claims the one job there is.
    pub async fn claimed(&self) -> ClaimedJob {
        self.claim("worker").await.expect("there must be a job to claim")
    }

    pub async fn finish(&self, job: &ClaimedJob, end: JobEnd) -> Finished {
        self.store.finish(&job.lease, &end, self.now()).await.unwrap()
    }

    /// Takes a request that needs nobody and runs it to its end.
    pub async fn done(&self, new: &NewRequest) -> ResourceRecord {
        let submitted = self.taken(new).await;
        let job = self.claimed().await;
        self.finish(&job, JobEnd::Done { outputs: vec![] }).await;
        self.resource(submitted.resource.unwrap()).await
    }

    pub async fn resource(&self, id: ResourceId) -> ResourceRecord {
        self.store.resource(id).await.unwrap().expect("the resource must be there")
    }

    pub async fn request_of(&self, id: RequestId) -> RequestRecord {
        self.store.request(id).await.unwrap().expect("the request must be there")
    }

    /// Where the audit log and the outbox end.
    pub async fn marks(&self) -> (u64, u64) {
        let told = self.store.events_since(0, 10_000).await.unwrap().last().map_or(0, |event| event.seq);
        (self.store.audit_head().await.unwrap().seq, told)
    }

    /// What was audited after a place.
    pub async fn actions_since(&self, audit: u64) -> Vec<String> {
        self.store.audit_since(audit, 1000).await.unwrap().into_iter().map(|entry| entry.action).collect()
    }

    /// What was told after a place, without the prefix that every event has.
    pub async fn told_since(&self, seq: u64) -> Vec<String> {
        let events = self.store.events_since(seq, 1000).await.unwrap();
        events.iter().map(|event| event.event_type.strip_prefix(EVENT_TYPE_PREFIX).unwrap().to_owned()).collect()
    }

    pub async fn standing(&self, team: &str) -> Standing {
        self.store.standing(&team_id(team)).await.unwrap().expect("the team must be there")
    }

    /// How many resources a team has, and what they cost.
    pub async fn usage(&self, team: &str) -> (u32, Decimal) {
        let usage = self.standing(team).await.usage;
        (usage.resources(), usage.committed)
    }

    /// What a team has, counted from each of its resources.
    pub async fn counted(&self, team: &str) -> TeamUsage {
        let filter = ResourceFilter { team: Some(team_id(team)), ..ResourceFilter::default() };
        let mut counted = TeamUsage::default();
        for resource in self.store.list_resources(&filter, PageRequest::first(1000)).await.unwrap() {
            let cost = resource.monthly.amount;
            *counted.by_type.entry(resource.key.resource_type).or_default() += 1;
            counted.committed += resource.pending_monthly.map_or(cost, |pending| pending.amount.max(cost));
        }
        counted
    }
}

/// A failure that may pass, with the next try at a moment.
pub fn passing(error: &str, run_after: Timestamp) -> Setback<'_> {
    Setback { class: ErrorClass::Passing, error, run_after }
}

pub fn abandoned(error: &str) -> JobEnd {
    JobEnd::Abandoned { error: error.into(), class: ErrorClass::Final }
}

pub fn failed(error: &str) -> JobEnd {
    JobEnd::Failed { error: error.into() }
}

pub fn at_most(resources: u32) -> TeamLimits {
    TeamLimits { max_resources: Some(resources), ..TeamLimits::default() }
}

pub fn budget(monthly: u64) -> TeamLimits {
    TeamLimits { monthly_budget: Some(Decimal::from(monthly)), ..TeamLimits::default() }
}
