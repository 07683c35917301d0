//! Writing a request for the first time.

use macadam_core::lifecycle::ResourceState;

use super::super::row::{At, json};
use super::super::{Conn, Result};
use crate::{RequestRecord, Subject};

/// Writes a request as it is. The record is what a reader will get back.
pub(super) async fn insert(conn: &mut Conn, request: &RequestRecord) -> Result<()> {
    let (resource, key, scaffold, template) = match &request.subject {
        Subject::Resource { id, key } => (id.map(|id| id.to_string()), Some(key.to_string()), None, None),
        Subject::Scaffold { id, template } => (None, None, id.map(|id| id.to_string()), Some(template.to_string())),
    };
    sqlx::query(
        "INSERT INTO requests (id, action, state, team, person, actor, resource_id, resource_key, found_state,
                               scaffold_id, template, document, desired, provider, decision, digest, needs,
                               reservation, job_id, failure, created_at, updated_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23)",
    )
    .bind(request.id.to_string())
    .bind(request.action.as_str())
    .bind(request.state.as_str())
    .bind(request.team.as_str())
    .bind(request.actor.person.as_str())
    .bind(json("actor", &request.actor)?)
    .bind(resource)
    .bind(key)
    .bind(request.found.map(ResourceState::as_str))
    .bind(scaffold)
    .bind(template)
    .bind(json("document", &request.document)?)
    .bind(request.desired.as_ref().map(|desired| json("desired state", desired)).transpose()?)
    .bind(request.desired.as_ref().map(|desired| json("provider", &desired.provider)).transpose()?)
    .bind(json("decision", &request.decision)?)
    .bind(request.digest.to_string())
    .bind(json("needs", &request.needs)?)
    .bind(request.reservation.as_ref().map(|reservation| json("reservation", reservation)).transpose()?)
    .bind(request.job.map(|job| job.to_string()))
    .bind(request.failure.as_deref())
    .bind(At(request.created_at))
    .bind(At(request.updated_at))
    .bind(request.expires_at.map(At))
    .execute(conn)
    .await?;
    Ok(())
}
