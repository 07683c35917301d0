//! Whose turn it is: nobody takes every place, and nobody waits for ever.

use std::collections::{BTreeMap, VecDeque};

use macadam_core::names::PluginName;
use macadam_store::*;
use proptest::prelude::*;

use super::world::*;

fn provider(name: &str) -> PluginName {
    name.parse().unwrap()
}

fn made_by(mut new: NewRequest, provider: &str) -> NewRequest {
    if let Change::Create { desired, .. } = &mut new.change {
        desired.provider.plugin =
            serde_json::from_value(serde_json::json!({ "name": provider, "version": "1.0.0" })).unwrap();
    }
    new
}

#[tokio::test]
async fn a_team_and_a_provider_have_no_more_at_work_than_they_may() {
    let world = World::start().await;
    for number in 0..3 {
        world.taken(&made_by(world.create("shop", &format!("slow{number}"), 1), "acme/slow")).await;
        world.taken(&made_by(world.create("web", &format!("quick{number}"), 1), "acme/quick")).await;
        world.advance(1);
    }
    let mut limits = JobLimits { per_team: 2, per_provider: 3, ..JobLimits::NONE };
    limits.providers.insert(provider("acme/slow"), 1);
    let mut claimed = Vec::new();
    while let Some(job) = world.claim_within("w", &limits).await {
        claimed.push(job);
    }
    let of = |team: &str| claimed.iter().filter(|job| job.request.team.as_str() == team).count();
    assert_eq!((of("shop"), of("web")), (1, 2), "the slow provider has one place, a team two");

    limits.teams.insert(team_id("web"), 3);
    assert_eq!(world.claim_within("w", &limits).await.unwrap().request.team, team_id("web"), "one team's own limit");
    assert!(world.claim_within("w", &limits).await.is_none());
    let slow = claimed.iter().find(|job| job.request.team.as_str() == "shop").unwrap();
    world.finish(slow, JobEnd::Done { outputs: vec![] }).await;
    assert_eq!(
        world.claim_within("w", &limits).await.unwrap().request.team,
        team_id("shop"),
        "its place is free again"
    );
}

#[tokio::test]
async fn a_worker_that_vanished_takes_no_place_for_ever() {
    let world = World::start().await;
    world.taken(&world.create("shop", "a", 1)).await;
    world.taken(&world.create("shop", "b", 1)).await;
    let limits = JobLimits { per_team: 1, ..JobLimits::NONE };
    assert!(world.claim_within("w", &limits).await.is_some());
    assert!(world.claim_within("w", &limits).await.is_none());
    world.advance(LEASE);
    assert!(world.claim_within("w", &limits).await.is_some(), "its lease has run out");
    assert!(world.claim_within("w", &limits).await.is_none(), "and the place is taken again");
}

#[tokio::test]
async fn one_worker_serves_a_team_that_comes_later_before_the_rest_of_a_long_queue() {
    let world = World::start().await;
    for number in 0..10 {
        world.taken(&world.create("shop", &format!("db{number}"), 1)).await;
    }
    let first = world.claimed().await;
    world.advance(1);
    world.taken(&world.create("web", "late", 1)).await;
    world.finish(&first, JobEnd::Done { outputs: vec![] }).await;
    let next = world.claimed().await;
    assert_eq!(next.request.team, team_id("web"), "whoever was served longest ago goes first");
}

/// What somebody does: a team asks for something, or a worker that has a job ends it.
#[derive(Debug, Clone)]
enum Deed {
    Ask { team: u8 },
    Claim,
    End { which: u8 },
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        // The first team asks far more often than the others.
        3 => Just(Deed::Ask { team: 0 }),
        2 => (0..4_u8).prop_map(|team| Deed::Ask { team }),
        4 => Just(Deed::Claim),
        4 => any::<u8>().prop_map(|which| Deed::End { which }),
    ]
}

/// Whoever waits and has nothing at work is served before any team is served twice.
async fn waits_no_longer_than_a_round(deeds: Vec<Deed>) {
    let world = World::start().await;
    let teams = ["shop", "web", "ops", "data"];
    for name in ["ops", "data"] {
        world.limit(name, macadam_core::standing::TeamLimits::default()).await;
    }
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut at_work, mut waits) = (VecDeque::<ClaimedJob>::new(), BTreeMap::<&str, usize>::new());
    for (number, deed) in deeds.into_iter().enumerate() {
        world.advance(1);
        match deed {
            Deed::Ask { team } => {
                let team = teams[usize::from(team)];
                world.taken(&world.create(team, &format!("db{number}"), 1)).await;
                *waiting.entry(team).or_default() += 1;
            }
            Deed::Claim if at_work.len() < 3 => {
                let Some(job) = world.claim("w").await else { continue };
                let served = teams.into_iter().find(|team| job.request.team.as_str() == *team).unwrap();
                for team in teams {
                    let idle = !at_work.iter().any(|job| job.request.team.as_str() == team);
                    let waits = waits.entry(team).or_default();
                    *waits = if team != served && idle && waiting.get(team).is_some_and(|n| *n > 0) {
                        *waits + 1
                    } else {
                        0
                    };
                    assert!(*waits < teams.len(), "{team} was passed over {waits} times with nothing at work");
                }
                *waiting.entry(served).or_default() -= 1;
                at_work.push_back(job);
            }
            Deed::Claim => {}
            Deed::End { which } => {
                if at_work.is_empty() {
                    continue;
                }
                let job = at_work.remove(usize::from(which) % at_work.len()).unwrap();
                world.store.heartbeat(&job.lease, world.later(LEASE)).await.unwrap();
                world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
            }
        }
        for job in &at_work {
            world.store.heartbeat(&job.lease, world.later(LEASE)).await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_team_starves_another(deeds in proptest::collection::vec(any_deed(), 20..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(waits_no_longer_than_a_round(deeds));
    }
}
