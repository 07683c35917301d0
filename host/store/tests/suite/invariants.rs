//! Whatever people and workers do, in whatever order: what must always hold, holds.

use std::collections::BTreeMap;

use macadam_core::audit::Origin;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::retry::ErrorClass;
use macadam_store::*;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::world::*;

/// Something that somebody does. Numbers pick among what is there when it is done.
#[derive(Debug, Clone)]
enum Deed {
    Create { name: u8, cost: u8, approvals: u8 },
    Update { which: u8, cost: u8, approvals: u8 },
    Delete { which: u8, approvals: u8 },
    Approve { which: u8, who: u8 },
    Reject { which: u8 },
    Cancel { which: u8 },
    CancelJob { which: u8 },
    RetryJob { which: u8 },
    Claim,
    Work { which: u8, how: u8 },
    Wait { seconds: u16 },
    Sweep,
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..5_u8, 0..40_u8, 0..3_u8).prop_map(|(name, cost, approvals)| Deed::Create { name, cost, approvals }),
        3 => (any::<u8>(), 0..40_u8, 0..2_u8).prop_map(|(which, cost, approvals)| Deed::Update { which, cost, approvals }),
        2 => (any::<u8>(), 0..2_u8).prop_map(|(which, approvals)| Deed::Delete { which, approvals }),
        4 => (any::<u8>(), 0..3_u8).prop_map(|(which, who)| Deed::Approve { which, who }),
        1 => any::<u8>().prop_map(|which| Deed::Reject { which }),
        1 => any::<u8>().prop_map(|which| Deed::Cancel { which }),
        1 => any::<u8>().prop_map(|which| Deed::CancelJob { which }),
        1 => any::<u8>().prop_map(|which| Deed::RetryJob { which }),
        6 => Just(Deed::Claim),
        6 => (any::<u8>(), any::<u8>()).prop_map(|(which, how)| Deed::Work { which, how }),
        1 => (0..5000_u16).prop_map(|seconds| Deed::Wait { seconds }),
        1 => Just(Deed::Sweep),
    ]
}

/// What has been done so far.
#[derive(Default)]
struct History {
    requests: Vec<RequestId>,
    resources: Vec<ResourceId>,
    /// Also leases that are lost by now: stale workers try as well.
    claims: Vec<ClaimedJob>,
    /// Requests that are final, as they were when they became so.
    final_requests: BTreeMap<RequestId, String>,
}

fn pick<T: Clone>(from: &[T], which: u8) -> Option<T> {
    (!from.is_empty()).then(|| from[usize::from(which) % from.len()].clone())
}

/// Names differ in their types, and one is another team's, so that usage has several places to be in.
fn wish(world: &World, name: u8, cost: u8) -> NewRequest {
    let team = if name == 4 { "web" } else { "shop" };
    let mut new = world.create(team, &format!("db{name}"), cost.into());
    if let Change::Create { key, .. } = &mut new.change
        && name % 2 == 1
    {
        key.resource_type = "local-directory".parse().unwrap();
    }
    new
}

async fn submit(world: &World, history: &mut History, new: NewRequest, approvals: u8) {
    let new = match approvals {
        0 => new,
        people => world.needing(new, vec![need(&[], u32::from(people))]),
    };
    match world.submit(&new).await {
        Ok(taken) => {
            history.requests.push(taken.request);
            history.resources.extend(taken.resource.filter(|id| !history.resources.contains(id)));
        }
        Err(SubmitError::Store(error)) => panic!("a refusal must be typed: {error}"),
        Err(_) => {}
    }
}

fn must_be_typed(result: Result<(), ReviewError>) {
    if let Err(ReviewError::Store(error)) = result {
        panic!("a refusal must be typed: {error}");
    }
}

fn intervened<T>(result: &Result<T, InterveneError>) -> bool {
    if let Err(InterveneError::Store(error)) = result {
        panic!("a refusal must be typed: {error}");
    }
    result.is_ok()
}

async fn perform(world: &World, history: &mut History, deed: Deed) {
    match deed {
        Deed::Create { name, cost, approvals } => {
            submit(world, history, wish(world, name, cost), approvals).await;
        }
        Deed::Update { which, cost, approvals } => {
            if let Some(id) = pick(&history.resources, which) {
                let of = world.resource(id).await;
                submit(world, history, world.update(&of, cost.into()), approvals).await;
            }
        }
        Deed::Delete { which, approvals } => {
            if let Some(id) = pick(&history.resources, which) {
                let of = world.resource(id).await;
                submit(world, history, world.delete(&of), approvals).await;
            }
        }
        Deed::Approve { which, who } => {
            if let Some(id) = pick(&history.requests, which) {
                must_be_typed(world.approve(id, ["ana", "bo", "cy"][usize::from(who)]).await.map(drop));
            }
        }
        Deed::Reject { which } => {
            if let Some(id) = pick(&history.requests, which) {
                must_be_typed(world.store.reject(id, &person("bo"), &Origin::NONE, None, world.now()).await);
            }
        }
        Deed::Cancel { which } => {
            if let Some(id) = pick(&history.requests, which) {
                must_be_typed(world.store.cancel(id, &person("ana"), &Origin::NONE, world.now()).await);
            }
        }
        Deed::CancelJob { which } => {
            if let Some(job) = pick(&history.claims, which) {
                intervened(&world.store.cancel_job(job.lease.job(), somewhere(&person("ana")), world.now()).await);
            }
        }
        Deed::RetryJob { which } => {
            if let Some(job) = pick(&history.claims, which)
                && intervened(&world.store.retry_job(job.lease.job(), somewhere(&person("ada")), world.now()).await)
            {
                // The one way out of an end.
                history.final_requests.remove(&job.request.id);
            }
        }
        Deed::Claim => history.claims.extend(world.claim("worker").await),
        Deed::Work { which, how } => {
            if let Some(job) = pick(&history.claims, which) {
                work(world, &job, how).await;
            }
        }
        Deed::Wait { seconds } => world.advance(seconds.into()),
        Deed::Sweep => drop(world.store.expire_pending(world.now(), 10).await.unwrap()),
    }
}

async fn work(world: &World, job: &ClaimedJob, how: u8) {
    let (store, lease, now) = (&world.store, &job.lease, world.now());
    let result = match how % 10 {
        0..=2 => store.finish(lease, &JobEnd::Done { outputs: vec![] }, now).await.map(drop),
        3 => store.finish(lease, &failed("no"), now).await.map(drop),
        4 => store.finish(lease, &abandoned("half"), now).await.map(drop),
        5 => store.save_step(lease, &Sealed::new(*b"state"), world.later(3), "working", now).await,
        6 => store.retry_later(lease, &passing("down", world.later(3)), now).await,
        7 => store.begin_undo(lease, "broken", Some(ErrorClass::Final), now).await,
        8 => store.begin_work(lease, now).await,
        _ => {
            let decision = world.needing(world.create("shop", "unused", 0), vec![need(&[], 1)]).decision;
            store.redecide(lease, &decision, now).await.map(drop)
        }
    };
    if let Err(JobError::Store(error)) = result {
        panic!("a refusal must be typed: {error}");
    }
}

async fn check(world: &World, history: &mut History) {
    let filter = ResourceFilter { include_gone: true, ..ResourceFilter::default() };
    let resources = world.store.list_resources(&filter, PageRequest::first(1000)).await.unwrap();
    let requests = world.store.list_requests(&RequestFilter::default(), PageRequest::first(1000)).await.unwrap();
    usage_equals_a_recount(world, &resources).await;
    open_requests_and_resources_agree(&resources, &requests);
    final_requests_do_not_change(history, &requests);
}

async fn usage_equals_a_recount(world: &World, resources: &[ResourceRecord]) {
    for team in ["shop", "web"] {
        assert_eq!(world.standing(team).await.usage, world.counted(team).await, "usage must equal what is there");
    }
    let live: Vec<_> = resources.iter().filter(|resource| resource.state.is_live()).collect();
    let (resources, committed) = world.usage("shop").await;
    assert!(resources <= 3 && committed <= Decimal::from(80), "no order of events gets past a limit");
    let mut names: Vec<_> = live.iter().map(|resource| resource.key.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), live.len(), "a name belongs to one live resource");
}

fn open_requests_and_resources_agree(resources: &[ResourceRecord], requests: &[RequestRecord]) {
    for resource in resources {
        let open: Vec<_> = requests
            .iter()
            .filter(|request| request.subject.resource() == Some(resource.id) && !request.state.is_final())
            .map(|request| request.id)
            .collect();
        assert!(open.len() <= 1, "at most one open request: {open:?}");
        assert_eq!(resource.open_request, open.first().copied(), "a resource knows its open request");
        let holds = matches!(resource.state, ResourceState::Creating | ResourceState::Updating);
        assert!(!holds || resource.open_request.is_some(), "{} without a request would stay for ever", resource.state);
    }
}

fn final_requests_do_not_change(history: &mut History, requests: &[RequestRecord]) {
    for request in requests.iter().filter(|request| request.state.is_final()) {
        let now = format!("{request:?}");
        let then = history.final_requests.entry(request.id).or_insert_with(|| now.clone());
        assert_eq!(*then, now, "a final request never changes");
    }
}

async fn run(deeds: Vec<Deed>) {
    let world = World::start().await;
    let mut limits = at_most(3);
    limits.monthly_budget = Some(Decimal::from(80));
    world.limit("shop", limits).await;
    let mut history = History::default();
    for deed in deeds {
        perform(&world, &mut history, deed).await;
        world.advance(1);
        check(&world, &mut history).await;
    }
    world.store.verify_audit(None).await.unwrap();
    drain(&world).await;
    check(&world, &mut history).await;
}

/// Whatever was done, everything that is open can be brought to an end.
async fn drain(world: &World) {
    world.advance(100_000);
    world.store.expire_pending(world.now(), 100).await.unwrap();
    while let Some(job) = world.claim("last").await {
        world.finish(&job, failed("closing time")).await;
    }
    assert_eq!(world.store.next_wakeup(world.now()).await.unwrap(), None);
    let requests = world.store.list_requests(&RequestFilter::default(), PageRequest::first(1000)).await.unwrap();
    let open: Vec<RequestState> = requests.iter().map(|r| r.state).filter(|state| !state.is_final()).collect();
    assert!(open.is_empty(), "nothing may be stuck: {open:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_usage_names_and_final_requests_stay_right(
        deeds in proptest::collection::vec(any_deed(), 1..60)
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(deeds));
    }
}
