//! From the domain's types to the contract's, borrowed: nothing is copied before it is copied into the guest.
//!
//! No version of the contract has changed these types yet, so this one file is compiled against the bindings of each.

use macadam_core::plan::{ProviderResource, Step};
use macadam_core::request::{Action, EnvironmentClass, Request};

use super::Environment;
use super::bindings::exports::macadam::plugin::provider;
use super::bindings::macadam::plugin::types;

/// A request's tags, borrowed.
pub(crate) fn tags(request: &Request) -> Vec<(&str, &str)> {
    request.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

pub(crate) fn request<'a>(request: &'a Request, tags: &'a [(&'a str, &'a str)]) -> types::Request<'a> {
    let environment = &request.environment;
    types::Request {
        action: match request.action {
            Action::Create => types::Action::Create,
            Action::Update => types::Action::Update,
            Action::Delete => types::Action::Delete,
            Action::Scaffold => types::Action::Scaffold,
        },
        resource_type: &request.resource_type,
        name: &request.name,
        environment: Environment {
            name: environment.name.as_str(),
            class: match environment.class {
                EnvironmentClass::Development => types::EnvironmentClass::Development,
                EnvironmentClass::Staging => types::EnvironmentClass::Staging,
                EnvironmentClass::Production => types::EnvironmentClass::Production,
            },
            region: environment.region.as_deref(),
        },
        spec: request.spec.get(),
        tags,
    }
}

pub(crate) fn managed<'a>(
    resource: &'a ProviderResource,
    tags: &'a [(&'a str, &'a str)],
) -> provider::ManagedResource<'a> {
    provider::ManagedResource {
        id: &resource.id,
        namespace: resource.namespace.as_str(),
        request: request(&resource.request, tags),
    }
}

pub(crate) fn step(step: &Step) -> provider::Step<'_> {
    provider::Step { idempotency_key: &step.idempotency_key, attempt: step.attempt, state: step.state.as_deref() }
}
