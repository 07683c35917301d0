//! Teams and environments as records.

use macadam_core::request::{Environment, EnvironmentClass};
use rust_decimal::Decimal;

use super::world::*;

#[tokio::test]
async fn the_same_record_again_changes_nothing_and_another_one_is_audited() {
    let world = World::start().await;
    let before = world.store.audit_head().await.unwrap();
    world.limit("shop", Default::default()).await;
    assert_eq!(world.store.audit_head().await.unwrap(), before, "seeding at every start must not fill the log");
    let changed = team("shop", at_most(3));
    world.store.put_team(&changed, Some(&person("root")), world.now()).await.unwrap();
    assert_eq!(world.store.team(&team_id("shop")).await.unwrap(), Some(changed));
    let entry = world.store.audit_since(before.seq, 10).await.unwrap().remove(0);
    assert_eq!((entry.actor.as_deref(), entry.action.as_str()), (Some("root"), "team.changed"));
    assert_eq!(world.store.teams().await.unwrap().len(), 2);
    assert_eq!(world.store.team(&team_id("nobody")).await.unwrap(), None);
    assert_eq!(world.store.standing(&team_id("nobody")).await.unwrap(), None);
}

#[tokio::test]
async fn an_environment_reads_back_as_it_was_put() {
    let world = World::start().await;
    let environment = Environment {
        name: "prod".parse().unwrap(),
        class: EnvironmentClass::Production,
        region: Some("eu-central-1".into()),
        default_ttl_seconds: Some(86400),
    };
    world.store.put_environment(&environment, None, world.now()).await.unwrap();
    assert_eq!(world.store.environment(&environment.name).await.unwrap(), Some(environment));
    assert_eq!(world.store.environments().await.unwrap().len(), 2);
}

#[tokio::test]
async fn costs_are_added_exactly() {
    let world = World::start().await;
    for number in 0..10 {
        let mut new = world.create("shop", &format!("db{number}"), 0);
        if let macadam_store::Change::Create { desired, .. } = &mut new.change {
            desired.estimate.as_mut().unwrap().monthly = Decimal::new(1, 1);
        }
        world.taken(&new).await;
    }
    assert_eq!(world.usage("shop").await.1, Decimal::ONE, "ten times a tenth is one, which floats do not know");
}
