//! What a policy or an estimator is asked about in a test, and the host functions that tell it.

use std::cell::RefCell;
use std::rc::Rc;

use crate::{Actor, Cost, CostLine, ResourceRequest, Team, TypeUsage};

/// A context that a test has made: what the host will tell a policy.
#[derive(Debug, Clone)]
pub struct GivenContext {
    pub(super) request: ResourceRequest,
    pub(super) cost: Option<Cost>,
    pub(super) lines: Vec<CostLine>,
    pub(super) team: Team,
    pub(super) types: Vec<(String, TypeUsage)>,
    pub(super) actor: Actor,
    pub(super) now: String,
}

enum Asked {
    Policy(Box<GivenContext>),
    Estimator(ResourceRequest),
}

thread_local! {
    static ASKED: RefCell<Option<Rc<Asked>>> = const { RefCell::new(None) };
}

/// Asks a policy: while it works, the host's functions tell of this context.
pub(super) fn asking_policy<T>(context: &GivenContext, call: impl FnOnce() -> T) -> T {
    asking(Asked::Policy(Box::new(context.clone())), call)
}

/// The same for an estimator, which has a request only.
pub(super) fn asking_estimator<T>(request: &ResourceRequest, call: impl FnOnce() -> T) -> T {
    asking(Asked::Estimator(request.clone()), call)
}

fn asking<T>(asked: Asked, call: impl FnOnce() -> T) -> T {
    /// Puts back what was asked before, also when the plugin panics.
    struct Before(Option<Rc<Asked>>);
    impl Drop for Before {
        fn drop(&mut self) {
            ASKED.set(self.0.take());
        }
    }
    let _before = Before(ASKED.replace(Some(Rc::new(asked))));
    call()
}

fn at_hand() -> Option<Rc<Asked>> {
    ASKED.with_borrow(Clone::clone)
}

/// A host ends the call of a plugin that asks when there is nothing to ask about; so does this one.
#[allow(clippy::panic, reason = "a test has to fail here")]
fn nothing_asked(interface: &str) -> ! {
    panic!("there is no {interface} to ask about; see macadam_sdk::testing::evaluate and estimate")
}

fn with_request<T>(look: impl FnOnce(&ResourceRequest) -> T) -> T {
    match at_hand().as_deref() {
        Some(Asked::Policy(context)) => look(&context.request),
        Some(Asked::Estimator(request)) => look(request),
        None => nothing_asked("request"),
    }
}

fn with_context<T>(look: impl FnOnce(&GivenContext) -> T) -> T {
    match at_hand().as_deref() {
        Some(Asked::Policy(context)) => look(context),
        Some(Asked::Estimator(_)) | None => nothing_asked("context"),
    }
}

/// The host's functions on a request.
pub(crate) mod request {
    use super::with_request;
    use crate::{Action, Environment, EnvironmentClass};

    pub(crate) fn action() -> Action {
        with_request(|request| request.action)
    }

    pub(crate) fn resource_type() -> String {
        with_request(|request| request.resource_type.clone())
    }

    pub(crate) fn name() -> String {
        with_request(|request| request.name.clone())
    }

    pub(crate) fn environment() -> Environment {
        with_request(|request| request.environment.clone())
    }

    pub(crate) fn environment_class() -> EnvironmentClass {
        with_request(|request| request.environment.class)
    }

    pub(crate) fn spec() -> String {
        with_request(|request| request.spec.clone())
    }

    pub(crate) fn tag(key: &str) -> Option<String> {
        let find =
            |tags: &[(String, String)]| tags.iter().find(|(have, _)| have == key).map(|(_, value)| value.clone());
        with_request(|request| find(&request.tags))
    }

    pub(crate) fn tags() -> Vec<(String, String)> {
        with_request(|request| request.tags.clone())
    }
}

/// The host's functions on a context.
pub(crate) mod context {
    use super::with_context;
    use crate::{Actor, Cost, CostLine, Team, TypeUsage};

    pub(crate) fn cost() -> Option<Cost> {
        with_context(|context| context.cost.clone())
    }

    pub(crate) fn cost_lines() -> Vec<CostLine> {
        with_context(|context| context.lines.clone())
    }

    pub(crate) fn team() -> Team {
        with_context(|context| context.team.clone())
    }

    pub(crate) fn type_usage(resource_type: &str) -> TypeUsage {
        let of_type = |(name, usage): &(String, TypeUsage)| (name == resource_type).then_some(*usage);
        with_context(|context| context.types.iter().find_map(of_type).unwrap_or(TypeUsage { used: 0, max: None }))
    }

    pub(crate) fn actor() -> Actor {
        with_context(|context| context.actor.clone())
    }

    pub(crate) fn now() -> String {
        with_context(|context| context.now.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{context as given_context, request as given_request};
    use super::{asking_estimator, asking_policy, context, request};

    #[test]
    fn what_was_asked_before_is_at_hand_again_afterwards() {
        let (outer, inner) = (given_context().tag("owner", "a").build(), given_request().tag("owner", "b").build());
        asking_policy(&outer, || {
            assert_eq!(request::tag("owner").as_deref(), Some("a"));
            asking_estimator(&inner, || assert_eq!(request::tag("owner").as_deref(), Some("b")));
            assert_eq!(request::tag("owner").as_deref(), Some("a"));
        });
    }

    #[test]
    #[should_panic(expected = "there is no context to ask about")]
    fn an_estimator_that_asks_for_a_context_is_ended_as_by_a_host() {
        asking_estimator(&given_request().build(), context::now);
    }

    #[test]
    #[should_panic(expected = "there is no request to ask about")]
    fn who_asks_outside_of_a_call_is_ended_as_by_a_host() {
        request::name();
    }
}
