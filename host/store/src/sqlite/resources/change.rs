//! How requests and jobs change a resource. Every function is one conditional change, and writes the transition and the
//! event when the state is another one after it.

use jiff::{SignedDuration, Timestamp};
use macadam_core::lifecycle::ResourceState;
use macadam_core::money::Money;
use macadam_core::names::{ResourceKey, TeamId};
use macadam_core::plan::Output;
use serde_json::json;

use super::super::row::{int, json, micros, one_row};
use super::super::writes::Writes;
use super::super::{Conn, Result, journal};
use crate::{Desired, RequestId, ResourceId, ResourceRecord};

/// What a change of a resource is part of.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Cause {
    pub(in super::super) request: RequestId,
    pub(in super::super) now: Timestamp,
}

/// A resource that does not exist yet.
pub(in super::super) struct NewResource<'a> {
    pub(in super::super) id: ResourceId,
    pub(in super::super) key: &'a ResourceKey,
    pub(in super::super) team: &'a TeamId,
    pub(in super::super) desired: &'a Desired,
    pub(in super::super) reserved: Money,
}

/// Writes a resource that is to be made, with its cost reserved.
pub(in super::super) fn insert(writes: &mut Writes, new: &NewResource<'_>, cause: Cause) -> Result<()> {
    let free = Money { amount: rust_decimal::Decimal::ZERO, ..new.reserved };
    let no_outputs: [Output; 0] = [];
    let row = writes.row(
        "resources (id, namespace, environment, type, name, team, state, desired, monthly, pending_monthly, outputs,
                    revision, open_request, created_at, updated_at)",
    );
    let row = row.set(new.id.to_string()).set(new.key.namespace.as_str()).set(new.key.environment.as_str());
    let row = row.set(new.key.resource_type.as_str()).set(new.key.name.as_str()).set(new.team.as_str());
    let row = row.set(ResourceState::Creating.as_str()).set(json("desired state", new.desired)?);
    let row = row.set(json("cost", &free)?).set(json("cost", &new.reserved)?).set(json("outputs", &no_outputs)?);
    let row = row.set(0).set(cause.request.to_string()).set(micros(cause.now)).set(micros(cause.now));
    row.end();
    transition(writes, new.id, new.key, None, ResourceState::Creating, cause)
}

/// Holds a resource for a request, with the cost that it will have afterwards.
pub(in super::super) async fn reserve(
    conn: &mut Conn,
    resource: &ResourceRecord,
    pending: Option<Money>,
    cause: Cause,
) -> Result<()> {
    let held = sqlx::query(
        "UPDATE resources SET open_request = $2, pending_monthly = $3, updated_at = $4
         WHERE id = $1 AND open_request IS NULL AND revision = $5 AND state = $6",
    )
    .bind(resource.id.to_string())
    .bind(cause.request.to_string())
    .bind(pending.map(|money| json("cost", &money)).transpose()?)
    .bind(micros(cause.now))
    .bind(int(resource.revision))
    .bind(resource.state.as_str())
    .execute(conn)
    .await?;
    one_row("resource", &held)
}

/// Moves a resource to another state while its request goes on.
pub(in super::super) async fn move_to(
    conn: &mut Conn,
    resource: &ResourceRecord,
    to: ResourceState,
    cause: Cause,
) -> Result<()> {
    if resource.state == to {
        return Ok(());
    }
    let moved = sqlx::query(
        "UPDATE resources SET state = $3, updated_at = $4 WHERE id = $1 AND state = $2 AND open_request = $5",
    )
    .bind(resource.id.to_string())
    .bind(resource.state.as_str())
    .bind(to.as_str())
    .bind(micros(cause.now))
    .bind(cause.request.to_string())
    .execute(&mut *conn)
    .await?;
    one_row("resource", &moved)?;
    note(conn, resource.id, &resource.key, Some(resource.state), to, cause).await
}

/// Lets go of a resource whose request came to nothing: what was reserved is free again. A resource that was never
/// finished and is still there (`keep_cost`) goes on counting with what it was to cost.
pub(in super::super) async fn release(
    conn: &mut Conn,
    resource: &ResourceRecord,
    to: ResourceState,
    keep_cost: bool,
    cause: Cause,
) -> Result<()> {
    let monthly = resource.pending_monthly.filter(|_| keep_cost).unwrap_or(resource.monthly);
    let released = sqlx::query(
        "UPDATE resources
         SET state = $3, monthly = $4, pending_monthly = NULL, open_request = NULL, updated_at = $5
         WHERE id = $1 AND state = $2 AND open_request = $6",
    )
    .bind(resource.id.to_string())
    .bind(resource.state.as_str())
    .bind(to.as_str())
    .bind(json("cost", &monthly)?)
    .bind(micros(cause.now))
    .bind(cause.request.to_string())
    .execute(&mut *conn)
    .await?;
    one_row("resource", &released)?;
    note(conn, resource.id, &resource.key, Some(resource.state), to, cause).await
}

/// Makes a resource what its request asked for. Its time to live counts from here.
pub(in super::super) async fn become_ready(
    conn: &mut Conn,
    resource: &ResourceRecord,
    desired: &Desired,
    outputs: &[Output],
    cause: Cause,
) -> Result<()> {
    let ready = sqlx::query(
        "UPDATE resources
         SET state = 'ready', desired = $3, outputs = $4, monthly = $5, pending_monthly = NULL, open_request = NULL,
             revision = revision + 1, ready_at = $6, expires_at = $7, updated_at = $6
         WHERE id = $1 AND state = $2 AND open_request = $8",
    )
    .bind(resource.id.to_string())
    .bind(resource.state.as_str())
    .bind(json("desired state", desired)?)
    .bind(json("outputs", &outputs)?)
    .bind(json("cost", &resource.pending_monthly.unwrap_or(resource.monthly))?)
    .bind(micros(cause.now))
    .bind(expiry(desired.ttl_seconds, cause.now).map(micros))
    .bind(cause.request.to_string())
    .execute(&mut *conn)
    .await?;
    one_row("resource", &ready)?;
    note(conn, resource.id, &resource.key, Some(resource.state), ResourceState::Ready, cause).await
}

/// A time to live that ends after the last representable moment is for ever.
fn expiry(ttl_seconds: Option<u64>, now: Timestamp) -> Option<Timestamp> {
    let ttl = i64::try_from(ttl_seconds?).ok()?;
    now.checked_add(SignedDuration::from_secs(ttl)).ok()
}

async fn note(
    conn: &mut Conn,
    id: ResourceId,
    key: &ResourceKey,
    from: Option<ResourceState>,
    to: ResourceState,
    cause: Cause,
) -> Result<()> {
    if from == Some(to) {
        return Ok(());
    }
    let mut writes = Writes::default();
    transition(&mut writes, id, key, from, to, cause)?;
    writes.run(conn).await
}

fn transition(
    writes: &mut Writes,
    id: ResourceId,
    key: &ResourceKey,
    from: Option<ResourceState>,
    to: ResourceState,
    cause: Cause,
) -> Result<()> {
    let row = writes.row("resource_transitions (resource_id, at, from_state, to_state, request_id)");
    let row = row.set(id.to_string()).set(micros(cause.now)).set(from.map(ResourceState::as_str));
    row.set(to.as_str()).set(cause.request.to_string()).end();
    let data = json!({
        "resource": key.to_string(), "resource_id": id, "team": key.namespace, "from": from, "to": to,
        "request": cause.request,
    });
    journal::tell_with(writes, &format!("resource.{to}"), format!("resources/{key}"), data, cause.now)
}
