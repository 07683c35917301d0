//! Asking a provider: which version makes a new resource, what it would do, and what its calls say about it.
//!
//! A new resource is made by whoever's turn it is and stays with that version. One that exists is its version's, and
//! nobody stands in for it.

use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::plan::{Plan, ProviderResource};
use macadam_core::request::Action;
use macadam_runtime::Call;
use macadam_store::ProviderPin;

use crate::Platform;
use crate::decisions::{Entry, PlanQuestion};
use crate::plugins::ask::{Denies, entry};
use crate::plugins::in_force::{About, Silence, Turn, is_its_fault};
use crate::plugins::{ActivateError, InForce, Provider, Version};
use crate::provisioning::ProvisionError;
use crate::provisioning::validate::{Valid, kept, refused};

/// A version of a provider, and the binding under which its calls are noted.
#[derive(Clone)]
pub(crate) struct Made {
    /// The version.
    pub(crate) version: Arc<Version<Provider>>,
    /// The binding of its name, if there is one.
    pub(crate) line: Option<Arc<InForce<Provider>>>,
}

/// A turn whose call is noted under a binding.
pub(crate) type Watched<'a> = (&'a InForce<Provider>, Turn<'a, Provider>);

impl Made {
    /// The turn of the version under its binding. `None` when it is not one of those that are watched.
    pub(crate) fn turn(&self, now: Timestamp) -> Result<Option<Watched<'_>>, Silence> {
        let Some(line) = self.line.as_deref() else { return Ok(None) };
        if Arc::ptr_eq(&line.active, &self.version) {
            return line.active_turn(now).map(|turn| Some((line, turn)));
        }
        Ok(line.turn_beside(&self.version).map(|turn| (line, turn)))
    }
}

impl Platform {
    /// The version that a resource is pinned to.
    pub(crate) async fn made_by(&self, pin: &ProviderPin) -> Result<Made, ActivateError> {
        let version = self.plugins().pinned(pin).await?;
        let table = self.plugins().active();
        let of_name = |line: &&Arc<InForce<Provider>>| line.active.identity.plugin.name == pin.plugin.name;
        let line = table.providers.values().find(of_name).cloned();
        Ok(Made { version, line })
    }

    /// The version that makes a new resource: the first whose turn it is that takes the wish. What it says of the wish
    /// counts; what is its own fault goes on to the next.
    pub(crate) async fn choose_provider<T>(
        &self,
        line: &Arc<InForce<Provider>>,
        about: About<'_>,
        wish: impl Fn(&Version<Provider>) -> Result<(Arc<ProviderResource>, T), ProvisionError>,
    ) -> Result<(Made, T), ProvisionError> {
        let (mut turns, mut last) = (line.turns(about), None);
        while let Some(turn) = turns.next() {
            let version = turn.version;
            let (resource, wished) = wish(version)?;
            let call = version.face.client.validate(resource, Arc::clone(&version.settings)).await;
            self.heed(line, &turn, &call, about.now);
            match call.outcome {
                Ok(()) => {
                    let made = Made { version: Arc::clone(version), line: Some(Arc::clone(line)) };
                    return Ok((made, wished));
                }
                Err(error) if !is_its_fault(&error) => return Err(refused(error)),
                Err(error) => {
                    turns.failed(&turn, &error);
                    last = Some(error);
                }
            }
        }
        Err(turns.silence(last).into())
    }

    /// What the provider will do.
    pub(crate) async fn plan(&self, valid: &Valid, about: About<'_>) -> Result<(Plan, Option<Entry>), ProvisionError> {
        let current = valid.current.as_ref().map(|record| kept(record, &valid.environment, valid.request.action));
        let desired = (valid.request.action != Action::Delete).then(|| valid.as_provider_sees_it());
        let question = PlanQuestion { desired, current };
        let (call, recorded) = self.planned(&valid.made, &question, about).await?;
        Ok((call.outcome?, recorded))
    }

    async fn planned(
        &self,
        made: &Made,
        question: &PlanQuestion,
        about: About<'_>,
    ) -> Result<(Call<Plan>, Option<Entry>), Silence> {
        let turn = made.turn(about.now)?;
        let PlanQuestion { desired, current } = question.clone();
        let version = &made.version;
        let call = version.face.client.plan(desired, current, Arc::clone(&version.settings)).await;
        let mut recorded = None;
        if let Some((line, turn)) = turn {
            self.heed(line, &turn, &call, about.now);
            recorded = about.recorded.then(|| entry(line, &turn, question, &call, about.now));
        }
        Ok((call, recorded))
    }

    /// Notes what a call into a provider says about it. The call may have taken long.
    pub(crate) fn heed_call<T: Denies>(&self, turn: Option<Watched<'_>>, call: &Call<T>) {
        if let Some((line, turn)) = turn {
            self.heed(line, &turn, call, Timestamp::now());
        }
    }
}
