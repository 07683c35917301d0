//! Writing a request for the first time.

use macadam_core::lifecycle::ResourceState;

use super::super::Result;
use super::super::row::{At, json};
use super::super::writes::Writes;
use crate::{RequestRecord, Subject};

/// Writes a request as it is. The record is what a reader will get back.
pub(super) fn insert(writes: &mut Writes, request: &RequestRecord) -> Result<()> {
    let (resource, key, scaffold, template) = match &request.subject {
        Subject::Resource { id, key } => (id.map(|id| id.to_string()), Some(key.to_string()), None, None),
        Subject::Scaffold { id, template } => (None, None, id.map(|id| id.to_string()), Some(template.to_string())),
    };
    let desired = request.desired.as_ref();
    let provider = desired.map(|desired| json("provider", &desired.provider)).transpose()?;
    let desired = desired.map(|desired| json("desired state", desired)).transpose()?;
    let reservation = request.reservation.as_ref().map(|reservation| json("reservation", reservation)).transpose()?;
    let row = writes.row(
        "requests (id, action, state, team, person, actor, resource_id, resource_key, found_state, scaffold_id, template,
                   document, desired, provider, decision, digest, needs, reservation, job_id, failure, created_at,
                   updated_at, expires_at)",
    );
    let row = row.set(request.id.to_string()).set(request.action.as_str()).set(request.state.as_str());
    let row = row.set(request.team.as_str()).set(request.actor.person.as_str()).set(json("actor", &request.actor)?);
    let row = row.set(resource).set(key).set(request.found.map(ResourceState::as_str)).set(scaffold).set(template);
    let row = row.set(json("document", &request.document)?).set(desired).set(provider);
    let row = row.set(json("decision", &request.decision)?).set(request.digest.to_string());
    let row = row.set(json("needs", &request.needs)?).set(reservation).set(request.job.map(|job| job.to_string()));
    let row = row.set(request.failure.as_deref()).set(At(request.created_at)).set(At(request.updated_at));
    row.set(request.expires_at.map(At)).end();
    Ok(())
}
