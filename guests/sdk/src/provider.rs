//! Providers: resources of one type, made, changed, watched and removed.
//!
//! Work is done in short steps. The host stores the state that a step returns before it calls the next, and a step
//! that is interrupted is called again with the state it was given before; so a step must have the same effect
//! however often it runs. The SDK reads specifications and states into the provider's own types.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::exports::macadam::plugin::provider as wit;
pub use crate::bindings::exports::macadam::plugin::provider::{
    ChangePlan, Effect, Health, ManagedResource, Output, OutputDescription, PlanStep, ResourceDescription,
};
use crate::host::secrets::SecretHandle;
use crate::plugin::read_settings;
use crate::{Error, Plugin, schema};

/// Makes resources of one type. The only kind with effects, through the capabilities it was granted.
pub trait Provider: Plugin {
    /// A request's specification.
    type Spec: DeserializeOwned;

    /// What a step leaves behind for the next.
    type State: Serialize + DeserializeOwned;

    /// What the provider makes.
    fn describe_resource() -> ResourceDescription;

    /// Says what the schema cannot say of a specification. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation.
    fn validate(_desired: &Desired<Self::Spec>, _settings: &Self::Settings) -> Result<(), Error> {
        Ok(())
    }

    /// Says what a change would do. Nothing is changed.
    ///
    /// # Errors
    /// Whatever keeps the provider from an answer.
    fn plan(change: &Change<Self::Spec>, settings: &Self::Settings) -> Result<Vec<PlanStep>, Error>;

    /// Makes the resource, or brings an existing one to the desired specification.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a later attempt may succeed.
    fn provision(
        desired: &Desired<Self::Spec>,
        step: &Step<Self::State>,
        settings: &Self::Settings,
    ) -> Result<Progress<Self::State>, Error>;

    /// Removes what `provision` made, also when it was interrupted half-way. What is already gone is a success. The
    /// specification is left as it is, since a resource must be removable whatever its specification says.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a later attempt may succeed.
    fn deprovision(
        current: &ManagedResource,
        step: &Step<Self::State>,
        settings: &Self::Settings,
    ) -> Result<Progress<Self::State>, Error>;

    /// Looks at the resource without changing it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when nothing can be seen now.
    fn check_health(current: &ManagedResource, settings: &Self::Settings) -> Result<Health, Error>;
}

/// A resource as it is wanted, its specification read.
#[derive(Debug, Clone)]
pub struct Desired<S> {
    /// The resource.
    pub resource: ManagedResource,
    /// Its specification.
    pub spec: S,
}

/// What a plan is made for.
#[derive(Debug, Clone)]
pub enum Change<S> {
    /// Making a resource that is not there.
    Create(Desired<S>),
    /// Bringing a resource from one specification to another.
    Update {
        /// As it shall be.
        desired: Desired<S>,
        /// As it is; a specification that can no longer be read is `None`.
        current: Option<S>,
    },
    /// Removing it.
    Remove(ManagedResource),
}

/// Where a step stands in its work.
#[derive(Debug, Clone)]
pub struct Step<S> {
    /// The same for every attempt at this work.
    pub idempotency_key: String,
    /// Counts from one, over all calls of this work.
    pub attempt: u32,
    /// What the last finished step returned; absent at the first.
    pub state: Option<S>,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<S> {
    /// All is done; this is what the requester gets.
    Done(Vec<Output>),
    /// Call again with this state.
    InProgress {
        /// What the next step needs to know.
        state: S,
        /// Not before this many milliseconds.
        poll_after_ms: u32,
        /// What is happening, in a few words for the requester.
        note: String,
    },
}

impl<S> Progress<S> {
    /// The next step may follow at once.
    pub fn next(state: S, note: impl Into<String>) -> Self {
        Self::InProgress { state, poll_after_ms: 0, note: note.into() }
    }
}

impl PlanStep {
    /// One line of a plan.
    pub fn new(effect: Effect, target: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { effect, target: target.into(), detail: detail.into() }
    }
}

impl Output {
    /// A value that whoever may see the resource sees.
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: wit::OutputValue::Text(value.into()) }
    }

    /// A secret, by its handle.
    pub fn secret(name: impl Into<String>, handle: &SecretHandle) -> Self {
        Self { name: name.into(), value: wit::OutputValue::Secret(handle.as_str().to_owned()) }
    }
}

impl OutputDescription {
    /// What a requester gets under a name.
    pub fn new(name: impl Into<String>, description: impl Into<String>, secret: bool) -> Self {
        Self { name: name.into(), description: description.into(), secret }
    }
}

fn read_desired<P: Provider>(resource: ManagedResource) -> Result<Desired<P::Spec>, Error> {
    match serde_json::from_str(&resource.request.spec) {
        Ok(spec) => Ok(Desired { resource, spec }),
        Err(error) => {
            let mut violations = schema::check(&P::describe_resource().spec_schema, &resource.request.spec);
            for violation in &mut violations {
                violation.path.insert_str(0, "/spec");
            }
            if violations.is_empty() {
                Err(Error::invalid("/spec", error.to_string()))
            } else {
                Err(Error::Invalid(violations))
            }
        }
    }
}

fn read_step<S: DeserializeOwned>(step: wit::Step) -> Result<Step<S>, Error> {
    let state = step.state.map(|state| serde_json::from_str(&state)).transpose();
    let state = state.map_err(|error| Error::failed(format!("the state of the last step cannot be read: {error}")))?;
    Ok(Step { idempotency_key: step.idempotency_key, attempt: step.attempt, state })
}

fn write_progress<S: Serialize>(progress: Progress<S>) -> Result<wit::Progress, Error> {
    match progress {
        Progress::Done(outputs) => Ok(wit::Progress::Done(outputs)),
        Progress::InProgress { state, poll_after_ms, note } => {
            let state = serde_json::to_string(&state);
            let state = state.map_err(|error| Error::failed(format!("the state cannot be written: {error}")))?;
            Ok(wit::Progress::InProgress(wit::Continuation { state, poll_after_ms, note }))
        }
    }
}

pub(crate) fn validate<P: Provider>(desired: ManagedResource, settings: &str) -> Result<(), Error> {
    P::validate(&read_desired::<P>(desired)?, &read_settings::<P>(settings)?)
}

pub(crate) fn plan<P: Provider>(
    desired: Option<ManagedResource>,
    current: Option<ManagedResource>,
    settings: &str,
) -> Result<ChangePlan, Error> {
    let change = match (desired, current) {
        (Some(desired), None) => Change::Create(read_desired::<P>(desired)?),
        (Some(desired), Some(current)) => {
            let current = serde_json::from_str(&current.request.spec).ok();
            Change::Update { desired: read_desired::<P>(desired)?, current }
        }
        (None, Some(current)) => Change::Remove(current),
        (None, None) => return Err(Error::failed("a plan needs a desired or a current resource")),
    };
    let steps = P::plan(&change, &read_settings::<P>(settings)?)?;
    Ok(ChangePlan { steps })
}

pub(crate) fn provision<P: Provider>(
    desired: ManagedResource,
    step: wit::Step,
    settings: &str,
) -> Result<wit::Progress, Error> {
    write_progress(P::provision(&read_desired::<P>(desired)?, &read_step(step)?, &read_settings::<P>(settings)?)?)
}

pub(crate) fn deprovision<P: Provider>(
    current: &ManagedResource,
    step: wit::Step,
    settings: &str,
) -> Result<wit::Progress, Error> {
    write_progress(P::deprovision(current, &read_step(step)?, &read_settings::<P>(settings)?)?)
}

pub(crate) fn check_health<P: Provider>(current: &ManagedResource, settings: &str) -> Result<Health, Error> {
    P::check_health(current, &read_settings::<P>(settings)?)
}
