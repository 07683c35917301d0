//! What every change leaves behind.

use macadam_core::digest::Digest;
use macadam_store::*;
use serde_json::json;

use super::world::*;

async fn kinds(world: &World, since: u64) -> Vec<String> {
    world.store.events_since(since, 100).await.unwrap().into_iter().map(|event| event.event_type).collect()
}

#[tokio::test]
async fn a_request_leaves_its_whole_story() {
    let world = World::start().await;
    let (audit, seen) = (world.store.audit_head().await.unwrap().seq, world.store.events_since(0, 100).await.unwrap());
    let new = world.needing(world.create("shop", "orders", 1), vec![need(&[], 1)]);
    world.taken(&new).await;
    world.approve(new.id, "bo").await.unwrap();
    let job = world.claimed().await;
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;

    let story: Vec<_> = world.store.audit_since(audit, 100).await.unwrap();
    let said: Vec<_> = story.iter().map(|e| (e.actor.as_deref(), e.action.as_str())).collect();
    assert_eq!(
        said,
        [
            (Some("ana"), "request.pending-approval"),
            (Some("bo"), "request.approved"),
            (None, "request.queued"),
            (None, "request.running"),
            (None, "request.succeeded"),
        ]
    );
    assert_eq!(story[0].data.value()["resource"], json!(key("shop", "orders").to_string()));
    let told = kinds(&world, seen.last().unwrap().seq).await;
    assert_eq!(
        told,
        [
            "macadam.resource.creating",
            "macadam.request.pending-approval",
            "macadam.request.approved",
            "macadam.request.queued",
            "macadam.request.running",
            "macadam.request.succeeded",
            "macadam.resource.ready",
        ]
    );
    assert_eq!(world.store.verify_audit(None).await.unwrap(), world.store.audit_head().await.unwrap().seq);
}

#[tokio::test]
async fn others_can_add_their_own_entries_and_events() {
    let world = World::start().await;
    let entry = NewAuditEntry::new("plugin.activated", "plugins/macadam/naming").by(Some(&person("root")));
    let entry = entry.with(json!({ "version": "1.2.0", "weight": 0.1 }));
    let head = world.store.append_audit(&entry, world.now()).await.unwrap();
    let stored = world.store.audit_since(head.seq - 1, 10).await.unwrap().remove(0);
    assert_eq!((stored.hash, stored.data.value()), (head.hash.to_string(), entry.data.clone()));
    let event =
        NewEvent { event_type: "macadam.plugin.activated".into(), subject: entry.subject.clone(), data: entry.data };
    let seq = world.store.append_event(&event, world.now()).await.unwrap();
    assert_eq!(world.store.events_since(seq - 1, 10).await.unwrap()[0].time, world.now());
    world.store.verify_audit(Some(head)).await.unwrap();
}

#[tokio::test]
async fn a_head_that_was_kept_shows_a_log_that_was_cut_or_rewritten() {
    let world = World::start().await;
    let head = world.store.audit_head().await.unwrap();
    world.store.verify_audit(Some(head)).await.unwrap();
    let cut = world.store.verify_audit(Some(AuditHead { seq: head.seq + 1, ..head })).await.unwrap_err();
    assert!(matches!(cut, AuditError::Broken { seq, .. } if seq == head.seq + 1), "{cut:?}");
    let rewritten = world.store.verify_audit(Some(AuditHead { hash: Digest::of(b"x"), ..head })).await.unwrap_err();
    assert!(matches!(rewritten, AuditError::Broken { .. }), "{rewritten:?}");
}
