//! What ends by the clock: resources whose life time is over, and requests that nobody approved.

use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::names::PersonId;
use macadam_core::request::Actor;
use macadam_core::verdict::Outcome;
use macadam_store::{Change, Decision, JobId, NewRequest, RequestId, ResourceRecord, SubmitError};
use serde_json::json;

use crate::Platform;
use crate::platform::random;
use crate::provisioning::ProvisionError;

/// How many are ended at a time; the rest follows at once.
const BATCH: u32 = 100;

/// Who removes what has expired. The name is reserved: nobody signs in under it.
pub const SYSTEM: &str = "macadam-expiry";

impl Platform {
    /// Ends what has expired, a batch at a time, and says how much that was.
    ///
    /// # Errors
    /// When the store fails; what was ended before stays so.
    pub async fn expire(&self, now: Timestamp) -> Result<usize, ProvisionError> {
        let pending = self.store().expire_pending(now, BATCH).await?;
        let due = self.store().due_for_expiry(now, BATCH).await?;
        let mut ended = pending.len();
        for resource in due {
            match self.remove_expired(&resource, now).await {
                Ok(()) => ended += 1,
                // Its owner was quicker.
                Err(SubmitError::Busy { .. } | SubmitError::NotFound { .. } | SubmitError::Stale { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if ended > 0 {
            self.work.notify_waiters();
        }
        Ok(ended)
    }

    /// Removes a resource as its life time says, which was decided when it was granted: no policy is asked again.
    async fn remove_expired(&self, resource: &ResourceRecord, now: Timestamp) -> Result<(), SubmitError> {
        let internal = |detail: String| SubmitError::Store(macadam_store::StoreError::Database(detail.into()));
        let random = || random().map_err(|error| internal(error.to_string()));
        let person = PersonId::new(SYSTEM).map_err(|error| internal(error.to_string()))?;
        let outcome = Outcome::Allowed { warnings: Vec::new() };
        let record = json!({"outcome": outcome.as_str(), "reason": "its life time is over", "plan": {"steps": []}});
        let digest = Digest::of(record.to_string().as_bytes());
        let new = NewRequest {
            id: RequestId::new(now, random()?),
            actor: Actor { person, team: resource.team.clone(), roles: Vec::new() },
            origin: Origin::NONE,
            document: json!({"resource": resource.key, "action": "delete", "reason": "expired"}),
            change: Change::Delete { resource: resource.id, revision: resource.revision },
            decision: Decision { record, digest, approval: None },
            job: JobId::new(now, random()?),
        };
        let submitted = self.store().submit(&new, now).await?;
        tracing::info!(resource = %resource.key, request = %submitted.request, "a resource has expired");
        Ok(())
    }
}
