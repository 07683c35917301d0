//! Asking a provider: which version makes a new resource, what it would do, and what its calls say about it.
//!
//! A new resource is made by whoever's turn it is and stays with that version. One that exists is its version's, and
//! nobody stands in for it.

use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::plan::{Plan, ProviderResource};
use macadam_core::request::Action;
use macadam_runtime::{Call, CallError, CallFailure, PluginError};
use macadam_store::ProviderPin;

use crate::Platform;
use crate::decisions::{Entry, PlanQuestion};
use crate::plugins::ask::{Denies, Question as _, entry};
use crate::plugins::in_force::{About, Place, Silence, Turn, is_its_fault};
use crate::plugins::{ActivateError, InForce, Provider, Quarantined, Version};
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

/// What a provider would do, and the call as it is recorded.
pub(crate) type Planned = (Plan, Option<Entry>);

/// Who makes a new resource, and how the wish looks to it.
pub(crate) struct Chosen<T> {
    pub(crate) made: Made,
    pub(crate) wished: T,
    pub(crate) planned: Planned,
}

/// A turn whose call is noted under a binding.
pub(crate) type Watched<'a> = (&'a InForce<Provider>, Turn<'a, Provider>);

impl Made {
    /// Whether the version is asked now; nothing is admitted by looking.
    pub(crate) fn check_in(&self, now: Timestamp) -> Result<(), Silence> {
        let Some(line) = self.line.as_deref().filter(|line| Arc::ptr_eq(&line.active, &self.version)) else {
            return Ok(());
        };
        match line.standing.quarantined() {
            Some(Quarantined { until, error, .. }) if now < until => {
                Err(Silence::Quarantined { plugin: Box::new(line.active.identity.clone()), until, error })
            }
            _ => Ok(()),
        }
    }

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

    /// The version that makes a new resource: the first whose turn it is that takes the wish and can say what it would do.
    /// What it says of the wish counts; what is its own fault goes on to the next, and whatever fails in a canary does.
    pub(crate) async fn choose_provider<T>(
        &self,
        line: &Arc<InForce<Provider>>,
        about: About<'_>,
        wish: impl Fn(&Version<Provider>) -> Result<(Arc<ProviderResource>, T), ProvisionError>,
    ) -> Result<Chosen<T>, ProvisionError> {
        let (mut turns, mut last) = (line.turns(about), None);
        while let Some(turn) = turns.next() {
            let version = turn.version;
            let (resource, wished) = wish(version).inspect_err(|_| line.not_asked(&turn, about.now))?;
            match self.in_its_turn(line, &turn, resource, about).await {
                Ok(planned) => {
                    let made = Made { version: Arc::clone(version), line: Some(Arc::clone(line)) };
                    return Ok(Chosen { made, wished, planned });
                }
                Err(error) if is_for_the_requester(&turn, &error) => return Err(refused(error)),
                Err(error) => {
                    turns.failed(&turn, &error);
                    last = Some(error);
                }
            }
        }
        Err(turns.silence(last).into())
    }

    /// Asks one version whether it takes a new resource, and what it would do.
    async fn in_its_turn(
        &self,
        line: &InForce<Provider>,
        turn: &Turn<'_, Provider>,
        resource: Arc<ProviderResource>,
        about: About<'_>,
    ) -> Result<Planned, CallError> {
        let (client, settings) = (&turn.version.face.client, &turn.version.settings);
        let taken = client.validate(Arc::clone(&resource), Arc::clone(settings)).await;
        self.heed(line, turn, &taken, about.recorded);
        taken.outcome?;
        let question = PlanQuestion { desired: Some(resource), current: None };
        let call = question.put(turn.version).await;
        self.heed(line, turn, &call, about.recorded);
        let recorded = about.recorded.then(|| entry(line, turn, &question, &call, about.now));
        Ok((call.outcome?, recorded))
    }

    /// What the provider will do.
    pub(crate) async fn plan(&self, valid: &Valid, about: About<'_>) -> Result<Planned, ProvisionError> {
        if let Some(planned) = &valid.planned {
            return Ok(planned.clone());
        }
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
            self.heed(line, &turn, &call, about.recorded);
            recorded = about.recorded.then(|| entry(line, &turn, question, &call, about.now));
        }
        Ok((call, recorded))
    }

    /// Notes what a call into a provider says about it.
    pub(crate) fn heed_call<T: Denies>(&self, turn: Option<Watched<'_>>, call: &Call<T>, recorded: bool) {
        if let Some((line, turn)) = turn {
            self.heed(line, &turn, call, recorded);
        }
    }
}

/// Whether a failure is the answer. A canary's is only when it says something about the wish.
fn is_for_the_requester(turn: &Turn<'_, Provider>, error: &CallError) -> bool {
    let about_the_wish = matches!(error.failure(), CallFailure::Plugin(PluginError::Invalid(_)));
    about_the_wish || (turn.place != Place::Canary && !is_its_fault(error))
}
