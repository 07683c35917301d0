//! Real concurrency: of many at once, exactly as many as there is room for.

use std::collections::BTreeSet;
use std::time::Duration;

use macadam_core::audit::Origin;
use macadam_core::lifecycle::RequestState;
use macadam_store::*;
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use super::world::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_forty_requests_for_five_places_exactly_five_pass() {
    let world = World::start().await;
    world.limit("shop", at_most(5)).await;
    let mut racing = JoinSet::new();
    for number in 0..40 {
        let world = world.clone();
        racing.spawn(async move { world.submit(&world.create("shop", &format!("db{number}"), 1)).await });
    }
    let results = racing.join_all().await;
    let passed = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(passed, 5, "no more than the quota, and no fewer");
    for refused in results.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, SubmitError::OverQuota(_)), "a race is lost for one reason only: {refused:?}");
    }
    assert_eq!(world.usage("shop").await.0, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_change_at_once_is_counted_as_it_is() {
    let world = World::start().await;
    let mut jobs = Vec::new();
    for number in 0..24 {
        world.taken(&world.create("shop", &format!("db{number}"), number % 3)).await;
        jobs.push((number, world.claimed().await));
    }
    let mut racing = JoinSet::new();
    for (number, job) in jobs {
        let world = world.clone();
        racing.spawn(async move {
            let end = if number % 4 == 0 { failed("no") } else { JobEnd::Done { outputs: vec![] } };
            world.finish(&job, end).await;
            world.taken(&world.create("shop", &format!("more{number}"), number % 3)).await;
        });
    }
    racing.join_all().await;
    assert_eq!(world.standing("shop").await.usage, world.counted("shop").await);
    assert_eq!(world.usage("shop").await.0, 18 + 24, "six of the first have failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sweeps_at_once_give_everything_back_that_was_reserved() {
    let world = World::start().await;
    for number in 0..24 {
        let new = world.create("shop", &format!("db{number}"), number % 3);
        world.taken(&world.needing(new, vec![need(&[], 1)])).await;
    }
    world.advance(WAIT);
    let mut racing = JoinSet::new();
    for _ in 0..4 {
        let world = world.clone();
        racing.spawn(async move { while !world.store.expire_pending(world.now(), 8).await.unwrap().is_empty() {} });
    }
    racing.join_all().await;
    assert_eq!(world.usage("shop").await, (0, Decimal::ZERO));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_one_name_one_gets_it() {
    let world = World::start().await;
    let mut racing = JoinSet::new();
    for _ in 0..32 {
        let world = world.clone();
        racing.spawn(async move { world.submit(&world.create("shop", "orders", 1)).await.is_ok() });
    }
    assert_eq!(racing.join_all().await.into_iter().filter(|passed| *passed).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_updates_at_once_one_is_taken() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 1)).await;
    let mut racing = JoinSet::new();
    for cost in 0..32 {
        let (world, orders) = (world.clone(), orders.clone());
        racing.spawn(async move { world.submit(&world.update(&orders, cost)).await });
    }
    let results = racing.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|r| r.as_ref().err()).all(|e| matches!(e, SubmitError::Busy { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_approvals_rejections_and_a_cancellation_at_once_one_decides() {
    for _ in 0..8 {
        let world = World::start().await;
        let new = world.needing(world.create("shop", "orders", 1), vec![need(&[], 1)]);
        world.taken(&new).await;
        let mut racing = JoinSet::new();
        for number in 0..12 {
            let (world, id) = (world.clone(), new.id);
            racing.spawn(async move {
                let who = format!("p{number}");
                match number % 3 {
                    0 => world.approve(id, &who).await.map(|_| RequestState::Queued),
                    1 => world
                        .store
                        .reject(id, &person(&who), &Origin::NONE, None, world.now())
                        .await
                        .map(|()| RequestState::Rejected),
                    _ => world
                        .store
                        .cancel(id, &person("ana"), &Origin::NONE, world.now())
                        .await
                        .map(|()| RequestState::Cancelled),
                }
            });
        }
        let (won, lost): (Vec<_>, Vec<_>) = racing.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "one of all that race decides: {won:?}");
        let state = won.into_iter().next().unwrap().unwrap();
        assert_eq!(world.request_of(new.id).await.state, state);
        for refused in lost.into_iter().filter_map(Result::err) {
            assert!(matches!(refused, ReviewError::NotPending { state: s } if s == state), "{refused:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_last_approvals_at_once_make_one_job() {
    let world = World::start().await;
    let new = world.needing(world.create("shop", "orders", 1), vec![need(&[], 2)]);
    world.taken(&new).await;
    let (one, two) = tokio::join!(world.approve(new.id, "bo"), world.approve(new.id, "cy"));
    let queued = [&one, &two].into_iter().filter(|o| matches!(o, Ok(ApproveOutcome::Queued { .. }))).count();
    assert_eq!(queued, 1, "one of the two was the last: {one:?}, {two:?}");
    assert!(world.claim("a").await.is_some() && world.claim("b").await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_get_each_job_once() {
    let world = World::start().await;
    for number in 0..20 {
        world.taken(&world.create("shop", &format!("db{number}"), 1)).await;
    }
    let mut racing = JoinSet::new();
    for worker in 0..8 {
        let world = world.clone();
        racing.spawn(async move {
            let mut got = Vec::new();
            while let Some(job) = world.claim(&format!("w{worker}")).await {
                got.push(job.lease.job());
            }
            got
        });
    }
    let all: Vec<_> = racing.join_all().await.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!((all.len(), distinct.len()), (20, 20), "every job was given, and none twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_ends_of_one_job_one_counts() {
    let world = World::start().await;
    world.taken(&world.create("shop", "orders", 1)).await;
    let job = world.claimed().await;
    let mut racing = JoinSet::new();
    for number in 0..16 {
        let (world, lease) = (world.clone(), job.lease);
        let end = if number % 2 == 0 { JobEnd::Done { outputs: vec![] } } else { failed("no") };
        racing.spawn(async move { world.store.finish(&lease, &end, world.now()).await.is_ok() });
    }
    assert_eq!(racing.join_all().await.into_iter().filter(|counted| *counted).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_is_dropped_half_way_is_done_whole_or_not_at_all() {
    let world = World::start().await;
    for number in 0..60 {
        let new = world.create("shop", &format!("db{number}"), 1);
        let patience = Duration::from_micros(number * 50);
        drop(tokio::time::timeout(patience, world.submit(&new)).await);
    }
    world.taken(&world.create("web", "next", 1)).await;
    world.store.verify_audit(None).await.unwrap();
    let filter = RequestFilter { team: Some(team_id("shop")), ..RequestFilter::default() };
    let requests = world.store.list_requests(&filter, PageRequest::first(100)).await.unwrap();
    assert_eq!(world.usage("shop").await.0 as usize, requests.len(), "each request has its resource");
    let mut jobs = 0;
    while world.claim("worker").await.is_some() {
        jobs += 1;
    }
    assert_eq!(jobs, requests.len() + 1, "and its job");
}
