//! Preview: what would happen, and nothing happens. Nothing is recorded either: it is a question, not a decision.

use jiff::Timestamp;
use macadam_core::names::ResourceKey;
use macadam_core::request::Action;
use serde::Serialize;

use crate::provisioning::decide::Purpose;
use crate::provisioning::{Ask, Decided, ProvisionError};
use crate::{Caller, Platform};

/// What would happen.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// To what.
    pub resource: ResourceKey,
    /// What.
    pub action: Action,
    /// The specification with every default filled in.
    pub spec: serde_json::Value,
    /// Cost, verdicts, plan and digest.
    #[serde(flatten)]
    pub decided: Decided,
}

impl Platform {
    /// Decides a request without running it: plan, cost and every verdict, bound together by one digest.
    ///
    /// # Errors
    /// [`ProvisionError::Invalid`] names each field that the provider or the schema refused; nothing was changed.
    #[tracing::instrument(target = "macadam::trace", name = "preview", skip_all)]
    pub async fn preview(&self, caller: &Caller, ask: Ask, now: Timestamp) -> Result<Preview, ProvisionError> {
        let valid = self.validate(caller, ask, Purpose::Preview, now).await?;
        let decided = self.decide(caller, &valid, Purpose::Preview, now).await?;
        let spec = serde_json::from_str(valid.request.spec.get())?;
        Ok(Preview { resource: valid.key, action: valid.request.action, spec, decided })
    }
}
