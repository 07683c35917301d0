//! Looking at what was recorded. What a team's requests held is that team's; whoever may look at others' leaves a trace.

use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::{BindingName, TeamId};
use macadam_store::{DecisionFilter, DecisionRecord, DifferenceRecord, NewAuditEntry, PageRequest};
use serde::Serialize;
use serde_json::{Value, json};

use crate::authorization::{Action, Target};
use crate::provisioning::ProvisionError;
use crate::{Caller, Platform};

/// A decision with what the plugin was given.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DecisionDetail {
    /// The decision.
    #[serde(flatten)]
    pub record: DecisionRecord,
    /// The input, as the plugin got it.
    #[schema(value_type = serde_json::Value)]
    pub given: Option<CanonicalJson>,
    /// The settings, as the plugin got them.
    #[schema(value_type = serde_json::Value)]
    pub given_settings: Option<CanonicalJson>,
}

impl Platform {
    /// The decisions that the caller may see, in the order in which they were recorded, without what the plugins were
    /// given.
    ///
    /// # Errors
    /// [`ProvisionError::Forbidden`] when those of a team are asked for that the caller may not see, or there is no team
    /// of which they may.
    pub async fn decisions(
        &self,
        caller: &Caller,
        mut filter: DecisionFilter,
        page: PageRequest<u64>,
    ) -> Result<Vec<DecisionRecord>, ProvisionError> {
        match &filter.team {
            Some(team) => self.authorize(caller, Action::DecisionRead, &Target::Team(team.clone()))?,
            None => {
                let seen = self.some_teams_for::<ProvisionError>(caller, Action::DecisionRead).await?;
                filter.teams = seen.into_filter();
            }
        }
        self.recorder().flush().await;
        Ok(self.store().decisions(&filter, page).await?)
    }

    /// Where the shadow of a binding said something else than the answer that counted.
    ///
    /// # Errors
    /// [`ProvisionError::Forbidden`] says who may.
    pub async fn differences(
        &self,
        caller: &Caller,
        binding: &BindingName,
        page: PageRequest<u64>,
    ) -> Result<Vec<DifferenceRecord>, ProvisionError> {
        self.authorize(caller, Action::DecisionCompare, &Target::Platform)?;
        self.recorder().flush().await;
        Ok(self.store().differences(binding, page).await?)
    }

    /// One decision, with what the plugin was given.
    ///
    /// # Errors
    /// [`ProvisionError::NotFound`] when there is none, or it is not the caller's to see.
    pub async fn decision(&self, caller: &Caller, seq: u64, now: Timestamp) -> Result<DecisionDetail, ProvisionError> {
        self.is_in_scope(caller, Action::DecisionRead)?;
        let none = || ProvisionError::NotFound(format!("decision {seq}"));
        self.recorder().flush().await;
        let record = self.store().decision(seq).await?.ok_or_else(none)?;
        if !self.may(caller, Action::DecisionRead, &Target::Team(record.team.clone())) {
            return Err(none());
        }
        if record.team != caller.team {
            let data = json!({"team": record.team, "binding": record.binding});
            self.note(caller, "decision.read", format!("decisions/{seq}"), Some(&record.team), data, now).await?;
        }
        let given = self.store().decision_text(&record.input).await?;
        let given_settings = self.store().decision_text(&record.settings).await?;
        Ok(DecisionDetail { record, given, given_settings })
    }

    /// Leaves a trace of something that changed nothing, in the stream of the team whose it is.
    pub(super) async fn note(
        &self,
        caller: &Caller,
        action: &str,
        subject: String,
        of: Option<&TeamId>,
        data: Value,
        now: Timestamp,
    ) -> Result<(), ProvisionError> {
        let entry = NewAuditEntry::new(action, subject).by(caller.by()).with(data);
        let entry = of.iter().fold(entry, |entry, team| entry.of_team(team));
        self.store().append_audit(&entry, now).await?;
        Ok(())
    }
}
