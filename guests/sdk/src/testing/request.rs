//! Requests and resources from sensible defaults.

use crate::{Action, Environment, EnvironmentClass, ManagedResource, ResourceRequest};

/// Starts with a request to create a `postgres-database` named `orders` in the development environment `dev`.
#[must_use]
pub fn request() -> RequestBuilder {
    RequestBuilder {
        request: ResourceRequest {
            action: Action::Create,
            resource_type: "postgres-database".to_owned(),
            name: "orders".to_owned(),
            environment: Environment { name: "dev".to_owned(), class: EnvironmentClass::Development, region: None },
            spec: "{}".to_owned(),
            tags: Vec::new(),
        },
    }
}

/// A request in the making.
#[derive(Debug, Clone)]
pub struct RequestBuilder {
    request: ResourceRequest,
}

impl RequestBuilder {
    /// What the request wants to do.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.request.action = action;
        self
    }

    /// What it is about.
    #[must_use]
    pub fn resource_type(mut self, resource_type: &str) -> Self {
        resource_type.clone_into(&mut self.request.resource_type);
        self
    }

    /// The resource's name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.request.name);
        self
    }

    /// Where it lives.
    #[must_use]
    pub fn environment(mut self, name: &str, class: EnvironmentClass) -> Self {
        self.request.environment = Environment { name: name.to_owned(), class, region: None };
        self
    }

    /// The specification, a JSON text.
    #[must_use]
    pub fn spec(mut self, json: &str) -> Self {
        json.clone_into(&mut self.request.spec);
        self
    }

    /// One more tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.request.tags.push((key.to_owned(), value.to_owned()));
        self.request.tags.sort();
        self
    }

    /// The request.
    #[must_use]
    pub fn build(self) -> ResourceRequest {
        self.request
    }

    /// A resource of the team `payments` that the request is about.
    #[must_use]
    pub fn resource(self, id: &str) -> ManagedResource {
        ManagedResource { id: id.to_owned(), namespace: "payments".to_owned(), request: self.request }
    }
}
