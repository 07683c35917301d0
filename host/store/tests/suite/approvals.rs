//! Approving, rejecting, cancelling: what counts and what is refused.

use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_store::*;
use rust_decimal::Decimal;

use super::world::*;

#[tokio::test]
async fn the_last_approval_that_is_missing_lets_the_request_go_ahead() {
    let world = World::start().await;
    let new = world.needing(world.create("shop", "orders", 5), vec![need(&[], 1), need(&["security"], 1)]);
    let taken = world.taken(&new).await;
    assert_eq!((taken.state, taken.job), (RequestState::PendingApproval, None));
    assert!(world.claim("worker").await.is_none(), "a pending request makes no work");

    let first = world.store.approve(&world.approval(new.id, "sy", &["security"]), world.now()).await.unwrap();
    assert!(matches!(&first, ApproveOutcome::StillPending { missing } if missing.len() == 1), "{first:?}");
    let last = world.approval(new.id, "bo", &[]);
    let outcome = world.store.approve(&last, world.now()).await.unwrap();
    assert_eq!(outcome, ApproveOutcome::Queued { job: last.job }, "a security person serves the rarer need");

    let request = world.request_of(new.id).await;
    assert_eq!((request.state, request.job, request.expires_at), (RequestState::Queued, Some(last.job), None));
    let people: Vec<_> = world.store.approvals(new.id).await.unwrap();
    assert_eq!(people.len(), 2);
    assert_eq!(people[0].comment.as_deref(), Some("fine"));
    assert_eq!(world.claimed().await.lease.job(), last.job);
}

#[tokio::test]
async fn an_approval_that_does_not_count_is_refused_with_its_reason_and_changes_nothing() {
    let world = World::start().await;
    let new = world.needing(world.create("shop", "orders", 5), vec![need(&["dba"], 2)]);
    world.taken(&new).await;
    let approve = async |who: &str, groups: &[&str], digest: &[u8]| {
        let approval = Approval { digest: Digest::of(digest), ..world.approval(new.id, who, groups) };
        world.store.approve(&approval, world.now()).await
    };
    let refused = approve("ana", &["dba"], b"1").await.unwrap_err();
    assert!(matches!(refused, ReviewError::OwnRequest(_)), "nobody approves their own request: {refused:?}");
    let refused = approve("bo", &["security"], b"1").await.unwrap_err();
    assert!(matches!(refused, ReviewError::NotAnApprover(_)), "{refused:?}");
    let refused = approve("bo", &["dba"], b"2").await.unwrap_err();
    assert!(matches!(refused, ReviewError::DigestChanged { current } if current == Digest::of(b"1")), "{refused:?}");
    assert!(world.store.approvals(new.id).await.unwrap().is_empty(), "a refused approval must change nothing");

    approve("bo", &["dba"], b"1").await.unwrap();
    let refused = approve("bo", &["dba"], b"1").await.unwrap_err();
    assert!(matches!(refused, ReviewError::AlreadyApproved(_)), "one person counts once: {refused:?}");
    approve("cy", &["dba"], b"1").await.unwrap();
    let refused = approve("di", &["dba"], b"1").await.unwrap_err();
    assert!(matches!(refused, ReviewError::NotPending { state: RequestState::Queued }), "{refused:?}");
    let unknown = RequestId::new(world.now(), world.random());
    assert!(matches!(world.approve(unknown, "bo").await.unwrap_err(), ReviewError::NotFound(_)));
}

#[tokio::test]
async fn one_more_approver_for_a_need_that_is_met_does_not_count() {
    let world = World::start().await;
    let new = world.needing(world.create("shop", "orders", 5), vec![need(&["dba"], 1), need(&["security"], 1)]);
    world.taken(&new).await;
    world.store.approve(&world.approval(new.id, "bo", &["dba"]), world.now()).await.unwrap();
    let refused = world.store.approve(&world.approval(new.id, "cy", &["dba"]), world.now()).await.unwrap_err();
    assert!(matches!(refused, ReviewError::NotAnApprover(_)), "{refused:?}");
}

#[tokio::test]
async fn approving_too_late_is_refused_also_before_anybody_has_swept() {
    let world = World::start().await;
    let new = world.needing(world.create("shop", "orders", 5), vec![need(&[], 1)]);
    world.taken(&new).await;
    world.advance(WAIT);
    let refused = world.approve(new.id, "bo").await.unwrap_err();
    assert!(matches!(refused, ReviewError::NotPending { state: RequestState::Expired }), "{refused:?}");
}

#[tokio::test]
async fn the_requester_cancels_and_others_reject() {
    let world = World::start().await;
    let new = world.needing(world.create("shop", "orders", 5), vec![need(&[], 1)]);
    world.taken(&new).await;
    let refused = world.store.reject(new.id, &person("ana"), &Origin::NONE, None, world.now()).await.unwrap_err();
    assert!(matches!(refused, ReviewError::OwnRequest(_)), "{refused:?}");
    let refused = world.store.cancel(new.id, &person("bo"), &Origin::NONE, world.now()).await.unwrap_err();
    assert!(matches!(refused, ReviewError::NotRequester { .. }), "{refused:?}");
    world.store.reject(new.id, &person("bo"), &Origin::NONE, Some("too large"), world.now()).await.unwrap();
    let request = world.request_of(new.id).await;
    assert_eq!((request.state, request.failure.as_deref()), (RequestState::Rejected, Some("too large")));
}

#[tokio::test]
async fn a_create_that_nobody_wants_any_more_frees_its_name_and_quota() {
    let world = World::start().await;
    world.limit("shop", at_most(1)).await;
    let endings = [RequestState::Rejected, RequestState::Cancelled, RequestState::Expired];
    for (round, ending) in endings.into_iter().enumerate() {
        let new = world.needing(world.create("shop", "orders", 5), vec![need(&[], 1)]);
        let id = world.taken(&new).await.resource.unwrap();
        assert_eq!(world.usage("shop").await, (1, Decimal::from(5)), "round {round}: what waits is reserved");
        end(&world, new.id, ending).await;
        assert_eq!(world.request_of(new.id).await.state, ending);
        let resource = world.resource(id).await;
        assert_eq!((resource.state, resource.open_request), (ResourceState::Deleted, None));
        assert_eq!(world.usage("shop").await, (0, Decimal::ZERO), "{ending}: what was reserved must be free again");
        refuse_everything(&world, new.id, ending).await;
    }
}

#[tokio::test]
async fn an_update_or_delete_that_nobody_wants_any_more_leaves_the_resource_as_it_was() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 5)).await;
    for ending in [RequestState::Rejected, RequestState::Cancelled, RequestState::Expired] {
        for change in [world.update(&orders, 50), world.delete(&orders)] {
            let new = world.needing(change, vec![need(&[], 1)]);
            world.taken(&new).await;
            end(&world, new.id, ending).await;
            let after = world.resource(orders.id).await;
            assert_eq!((after.state, after.open_request), (ResourceState::Ready, None));
            assert_eq!((after.pending_monthly, after.revision), (None, orders.revision));
            assert_eq!(world.usage("shop").await.1, Decimal::from(5));
        }
    }
}

#[tokio::test]
async fn only_what_is_overdue_expires() {
    let world = World::start().await;
    let early = world.needing(world.create("shop", "orders", 5), vec![need(&[], 1)]);
    world.taken(&early).await;
    world.advance(10);
    let late = world.needing(world.create("shop", "stock", 5), vec![need(&[], 1)]);
    world.taken(&late).await;
    world.advance(WAIT - 10);
    assert_eq!(world.store.expire_pending(world.now(), 10).await.unwrap(), [early.id]);
    assert_eq!(world.store.expire_pending(world.now(), 10).await.unwrap(), [], "and only once");
    assert_eq!(world.request_of(late.id).await.state, RequestState::PendingApproval);
}

#[tokio::test]
async fn the_last_approval_of_a_project_finishes_it() {
    let world = World::start().await;
    let new = world.needing(world.scaffold("shop"), vec![need(&[], 1)]);
    world.taken(&new).await;
    assert_eq!(world.approve(new.id, "bo").await.unwrap(), ApproveOutcome::Succeeded);
    assert_eq!(world.request_of(new.id).await.state, RequestState::Succeeded);
    assert!(world.claim("worker").await.is_none(), "a project makes no work");
}

async fn end(world: &World, request: RequestId, ending: RequestState) {
    match ending {
        RequestState::Rejected => {
            world.store.reject(request, &person("bo"), &Origin::NONE, None, world.now()).await.unwrap();
        }
        RequestState::Cancelled => {
            world.store.cancel(request, &person("ana"), &Origin::NONE, world.now()).await.unwrap();
        }
        _ => {
            world.advance(WAIT);
            assert_eq!(world.store.expire_pending(world.now(), 10).await.unwrap(), [request]);
        }
    }
}

async fn refuse_everything(world: &World, request: RequestId, ending: RequestState) {
    let refusals = [
        world.approve(request, "bo").await.unwrap_err(),
        world.store.reject(request, &person("bo"), &Origin::NONE, None, world.now()).await.unwrap_err(),
        world.store.cancel(request, &person("ana"), &Origin::NONE, world.now()).await.unwrap_err(),
    ];
    for refused in refusals {
        assert!(matches!(refused, ReviewError::NotPending { state } if state == ending), "{ending}: {refused:?}");
    }
}
