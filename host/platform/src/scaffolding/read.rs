//! Reading: what golden paths there are, and the projects that were made.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::PluginRef;
use macadam_core::project::Template;
use macadam_store::{RequestId, RequestRecord, Scaffold, ScaffoldId, ScaffoldRecord};
use serde::Serialize;

use crate::authorization::Action;
use crate::plugins::{Generator, InForce};
use crate::provisioning::ProvisionError;
use crate::{Caller, Platform};

/// A golden path, with the plugin that offers it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TemplateView {
    /// What it offers.
    #[serde(flatten)]
    pub template: Template,
    /// Which plugin version.
    pub plugin: PluginRef,
}

/// A project, and whether it may be handed out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ScaffoldView {
    /// The project.
    #[serde(flatten)]
    pub scaffold: Scaffold,
    /// Its request.
    pub request: RequestId,
    /// Where that stands.
    pub state: RequestState,
    /// When it was generated.
    pub created_at: Timestamp,
}

impl Platform {
    /// Every golden path.
    #[must_use]
    pub fn templates(&self) -> Vec<TemplateView> {
        let table = self.plugins().active();
        let view = |line: &Arc<InForce<Generator>>| TemplateView {
            template: line.active.face.template.clone(),
            plugin: line.active.identity.plugin.clone(),
        };
        table.generators.values().map(view).collect()
    }

    /// One project.
    ///
    /// # Errors
    /// [`ProvisionError::NotFound`] also for one that belongs to others.
    pub async fn scaffold_view(&self, caller: &Caller, id: ScaffoldId) -> Result<ScaffoldView, ProvisionError> {
        let (record, request) = self.visible_scaffold(caller, id).await?;
        let ScaffoldRecord { scaffold, created_at, .. } = record;
        Ok(ScaffoldView { scaffold, request: request.id, state: request.state, created_at })
    }

    /// A project's archive, once it may be handed out.
    ///
    /// # Errors
    /// [`ProvisionError::Conflict`] while it waits for approval, or when it was rejected.
    pub async fn scaffold_archive(&self, caller: &Caller, id: ScaffoldId) -> Result<(Scaffold, Bytes), ProvisionError> {
        let (record, request) = self.visible_scaffold(caller, id).await?;
        if request.state != RequestState::Succeeded {
            let message = format!("the project is {} and is not handed out", request.state);
            return Err(ProvisionError::Conflict(message));
        }
        let bytes = self.parts.blobs.get(&record.scaffold.archive).await?;
        Ok((record.scaffold, bytes))
    }

    async fn visible_scaffold(
        &self,
        caller: &Caller,
        id: ScaffoldId,
    ) -> Result<(ScaffoldRecord, RequestRecord), ProvisionError> {
        self.is_in_scope(caller, Action::RequestRead)?;
        let unknown = || ProvisionError::NotFound(format!("scaffold {id}"));
        let record = self.store().scaffold(id).await?.ok_or_else(unknown)?;
        let request = self.store().request(record.request).await?.ok_or_else(unknown)?;
        let target = self.request_target(&request).await?;
        if !self.may(caller, Action::RequestRead, &target) {
            return Err(unknown());
        }
        Ok((record, request))
    }
}
