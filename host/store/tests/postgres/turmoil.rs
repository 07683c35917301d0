//! Everything at once, from several replicas: refusals are typed, nobody sees the database fail, and the books balance.

use macadam_core::audit::Origin;
use macadam_core::lifecycle::RequestState;
use macadam_core::retry::ErrorClass;
use macadam_store::*;
use rust_decimal::Decimal;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::task::JoinSet;

use crate::suite::world::*;

/// Numbers that only look random, so that a run that fails is the same the next time, as far as the server lets it.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        from.get(usize::try_from(self.roll(from.len().max(1) as u64)).unwrap()).cloned()
    }
}

fn typed<T>(result: Result<T, ReviewError>) {
    if let Err(ReviewError::Store(error)) = result {
        panic!("a refusal must be typed: {error:?}");
    }
}

async fn submit(store: &PostgresStore, world: &World, new: NewRequest, dice: &mut Dice) {
    let new = if dice.roll(2) == 0 { world.needing(new, vec![need(&[], 1)]) } else { new };
    if let Err(SubmitError::Store(error)) = store.submit(&new, world.now()).await {
        panic!("a refusal must be typed: {error:?}");
    }
}

async fn review(store: &PostgresStore, world: &World, dice: &mut Dice) {
    let filter = RequestFilter { state: Some(RequestState::PendingApproval), ..RequestFilter::default() };
    let pending = store.list_requests(&filter, PageRequest::first(20)).await.unwrap();
    let Some(request) = dice.pick(&pending) else { return };
    match dice.roll(6) {
        0 => typed(store.reject(request.id, &person("bo"), &Origin::NONE, None, world.now()).await),
        1 => typed(store.cancel(request.id, &person("ana"), &Origin::NONE, world.now()).await),
        2 => drop(store.expire_pending(world.later(WAIT), 5).await.unwrap()),
        _ => typed(store.approve(&world.approval(request.id, "bo", &[]), world.now()).await),
    }
}

async fn work(store: &PostgresStore, world: &World, dice: &mut Dice) {
    // Sometimes long after, so that leases run out under those who hold them.
    let now = world.later(i64::try_from(dice.roll(3)).unwrap() * LEASE);
    let Some(job) =
        store.claim("w", &JobLimits::NONE, now, now + jiff::SignedDuration::from_secs(LEASE)).await.unwrap()
    else {
        return;
    };
    let lease = &job.lease;
    let ended = match dice.roll(10) {
        0 => store.save_step(lease, &Sealed::new(*b"s"), now, "on it", now).await,
        1 => store.retry_later(lease, &passing("down", now), now).await,
        2 => store.begin_undo(lease, "broken", Some(ErrorClass::Final), now).await,
        3 => store.heartbeat(lease, world.later(LEASE)).await,
        4 => store.finish(lease, &failed("no"), now).await.map(drop),
        5 => {
            let decision = world.needing(world.create("shop", "unused", 0), vec![need(&[], 1)]).decision;
            store.redecide(lease, &decision, now).await.map(drop)
        }
        6 => store.finish(lease, &abandoned("half"), now).await.map(drop),
        7 => store.begin_work(lease, now).await,
        _ => store.finish(lease, &JobEnd::Done { outputs: vec![] }, now).await.map(drop),
    };
    if let Err(JobError::Store(error)) = ended {
        panic!("a refusal must be typed: {error:?}");
    }
}

/// Takes jobs back, and has dead ones tried again, whatever others do to them meanwhile.
async fn intervene(store: &PostgresStore, world: &World, dice: &mut Dice) {
    let jobs = store.list_jobs(&JobFilter::default(), PageRequest::first(40)).await.unwrap();
    let Some(job) = dice.pick(&jobs) else { return };
    let intervened = match dice.roll(2) {
        0 => store.cancel_job(job.id, somewhere(&person("ana")), world.now()).await.map(drop),
        _ => store.retry_job(job.id, somewhere(&person("ada")), world.now()).await,
    };
    if let Err(InterveneError::Store(error)) = intervened {
        panic!("a refusal must be typed: {error:?}");
    }
}

async fn somebody(store: PostgresStore, world: World, seed: u64) {
    let mut dice = Dice(seed);
    for _ in 0..60 {
        let live = store.list_resources(&ResourceFilter::default(), PageRequest::first(100)).await.unwrap();
        let of = dice.pick(&live);
        match (dice.roll(10), of) {
            (0, Some(of)) => submit(&store, &world, world.update(&of, dice.roll(30)), &mut dice).await,
            (1, Some(of)) => submit(&store, &world, world.delete(&of), &mut dice).await,
            (2, _) => {
                let (name, cost) = (format!("db{}", dice.roll(6)), dice.roll(30));
                submit(&store, &world, world.create(["shop", "web"][dice.roll(2) as usize], &name, cost), &mut dice)
                    .await;
            }
            (3 | 4, _) => review(&store, &world, &mut dice).await,
            (5 | 6, _) => intervene(&store, &world, &mut dice).await,
            _ => work(&store, &world, &mut dice).await,
        }
    }
}

async fn deadlocks(world: &World) -> i64 {
    let mut connection = PgConnection::connect(&world.store.database.url()).await.unwrap();
    let query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_replicas_do_at_once_nobody_sees_the_database_fail_and_the_books_balance() {
    let world = World::start().await;
    for team in ["shop", "web"] {
        let mut limits = at_most(4);
        limits.monthly_budget = Some(Decimal::from(80));
        world.limit(team, limits).await;
    }
    let (mut turmoil, mut replicas) = (JoinSet::new(), Vec::new());
    for number in 0..4 {
        let replica = world.store.replica().await;
        for seed in 3 * number..3 * number + 3 {
            turmoil.spawn(somebody(replica.clone(), world.clone(), seed));
        }
        replicas.push(replica);
    }
    turmoil.join_all().await;
    // Connections that end say what they have counted.
    for replica in replicas {
        replica.close().await;
    }
    assert_eq!(deadlocks(&world).await, 0, "locks are taken in one order, so that nobody waits in a circle");
    world.store.verify_audit(None).await.unwrap();
    for team in ["shop", "web"] {
        let (resources, committed) = world.usage(team).await;
        assert!(resources <= 4 && committed <= Decimal::from(80), "{team}: {resources} for {committed}");
        assert_eq!(world.standing(team).await.usage, world.counted(team).await, "{team}");
    }
    let live = world.store.list_resources(&ResourceFilter::default(), PageRequest::first(100)).await.unwrap();
    for resource in live {
        let Some(open) = resource.open_request else { continue };
        assert!(!world.request_of(open).await.state.is_final(), "{} is held by a request that is over", resource.key);
    }
    world.advance(100_000);
    world.store.expire_pending(world.now(), 100).await.unwrap();
    while let Some(job) = world.claim("last").await {
        world.finish(&job, failed("closing time")).await;
    }
    assert_eq!(world.store.next_wakeup(world.now()).await.unwrap(), None, "everything can be brought to an end");
}
