//! The first step: is it a request at all? Everything that names a field is found here, before any policy is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::names::ResourceKey;
use macadam_core::plan::ProviderResource;
use macadam_core::request::{Action, Environment, Request};
use macadam_core::violation::Violation;
use macadam_runtime::CallError;
use macadam_store::{Change, Desired, ProviderPin, ResourceId, ResourceRecord};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::authorization::{Action as May, Target};
use crate::plugins::in_force::About;
use crate::plugins::{Identity, Provider, Version};
use crate::provisioning::ask_provider::{Chosen, Made, Planned};
use crate::provisioning::decide::{Purpose, subject};
use crate::provisioning::{Ask, CreateResource, DeleteResource, ProvisionError, UpdateResource};
use crate::{Caller, Platform};

/// A request that is well-formed: what the next steps decide on.
pub(crate) struct Valid {
    /// The resource, new or not.
    pub(crate) id: ResourceId,
    /// Where it is.
    pub(crate) key: ResourceKey,
    /// As plugins see it.
    pub(crate) request: Arc<Request>,
    /// The resource as it is; `None` for a new one.
    pub(crate) current: Option<ResourceRecord>,
    /// What makes it.
    pub(crate) made: Made,
    /// What that will do, when it was asked already.
    pub(crate) planned: Option<Planned>,
    /// How long it is to live.
    pub(crate) ttl_seconds: Option<u64>,
    /// The environment it is in.
    pub(crate) environment: Environment,
    /// The revision the request was made for.
    pub(crate) revision: u64,
}

/// The longest life that can be asked for: ten years, in seconds. Longer means for ever.
const MAX_TTL: u64 = 10 * 365 * 24 * 60 * 60;

impl Platform {
    #[tracing::instrument(target = "macadam::trace", name = "validate", skip_all)]
    pub(crate) async fn validate(
        &self,
        caller: &Caller,
        ask: Ask,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Valid, ProvisionError> {
        match ask {
            Ask::Create(wish) => self.validate_create(caller, wish, purpose, now).await,
            Ask::Update(wish) => self.validate_update(caller, wish, purpose, now).await,
            Ask::Delete(wish) => self.validate_delete(caller, wish, purpose).await,
        }
    }

    async fn validate_create(
        &self,
        caller: &Caller,
        wish: CreateResource,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Valid, ProvisionError> {
        let Some(environment) = self.store().environment(&wish.environment).await? else {
            let known = self.store().environments().await?;
            return Err(ProvisionError::no_environment("/environment", &wish.environment, &known));
        };
        let key = ResourceKey {
            namespace: caller.namespace(),
            environment: wish.environment.clone(),
            resource_type: wish.resource_type.clone(),
            name: wish.name.clone(),
        };
        let target = Target::Resource { key: key.clone(), team: caller.team.clone(), class: environment.class };
        self.authorize(caller, purpose.action(May::ResourceCreate), &target)?;
        let active = self.plugins().active();
        let line = active.providers.get(&wish.resource_type).ok_or_else(|| {
            let known: Vec<_> = active.providers.keys().map(macadam_core::names::ResourceType::as_str).collect();
            let message = format!("there is no resource type {}; there are: {}", wish.resource_type, known.join(", "));
            ProvisionError::invalid("/type", message)
        })?;
        let ttl_seconds = wish.ttl_seconds.or(environment.default_ttl_seconds);
        let CreateResource { spec, tags, .. } = wish;
        let id = ResourceId::new(now, crate::platform::random()?);
        // Which version makes it decides which defaults its specification has.
        let as_taken = |version: &Version<Provider>| {
            let spec = check(&version.face, spec.clone(), &tags, ttl_seconds)?;
            let request = as_request(Action::Create, &key, &environment, spec, tags.clone());
            Ok((as_provider_sees_it(id, &key, &request), request))
        };
        let subject = subject(&caller.team, key.environment.as_str(), key.resource_type.as_str(), key.name.as_str());
        let about = About { team: &caller.team, subject: &subject, now, recorded: purpose.is_recorded() };
        let Chosen { made, wished: request, planned } = self.choose_provider(line, about, as_taken).await?;
        let planned = Some(planned);
        Ok(Valid { id, key, request, current: None, made, planned, ttl_seconds, environment, revision: 0 })
    }

    async fn validate_update(
        &self,
        caller: &Caller,
        wish: UpdateResource,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Valid, ProvisionError> {
        let action = purpose.action(May::ResourceUpdate);
        let (current, environment, made) = self.existing(caller, action, &wish.key).await?;
        let tags = wish.tags.unwrap_or_else(|| current.desired.tags.clone());
        let ttl_seconds = wish.ttl_seconds.or(current.desired.ttl_seconds);
        let spec = match wish.spec {
            Some(spec) => spec,
            None => serde_json::from_str(current.desired.spec.get())?,
        };
        let spec = check(&made.version.face, spec, &tags, ttl_seconds)?;
        let request = as_request(Action::Update, &wish.key, &environment, spec, tags);
        let (id, revision) = (current.id, wish.revision.unwrap_or(current.revision));
        let valid = Valid {
            id,
            key: wish.key,
            request,
            current: Some(current),
            made,
            planned: None,
            ttl_seconds,
            environment,
            revision,
        };
        self.ask_its_provider(valid, purpose, now).await
    }

    async fn validate_delete(
        &self,
        caller: &Caller,
        wish: DeleteResource,
        purpose: Purpose,
    ) -> Result<Valid, ProvisionError> {
        let action = purpose.action(May::ResourceDelete);
        let (current, environment, made) = self.existing(caller, action, &wish.key).await?;
        let spec = current.desired.spec.clone();
        let request = as_request(Action::Delete, &wish.key, &environment, spec, current.desired.tags.clone());
        let (id, revision) = (current.id, wish.revision.unwrap_or(current.revision));
        Ok(Valid {
            id,
            key: wish.key,
            request,
            current: Some(current),
            made,
            planned: None,
            ttl_seconds: None,
            environment,
            revision,
        })
    }

    /// A resource that the caller may change, with its environment and the provider that made it.
    async fn existing(
        &self,
        caller: &Caller,
        action: May,
        key: &ResourceKey,
    ) -> Result<(ResourceRecord, Environment, Made), ProvisionError> {
        let (current, environment) = self.visible_resource(caller, key).await?;
        self.authorize(caller, action, &Target::resource(&current, environment.class))?;
        let made = self.made_by(&current.desired.provider).await?;
        Ok((current, environment, made))
    }

    pub(crate) async fn environment_of(&self, key: &ResourceKey) -> Result<Environment, ProvisionError> {
        let found = self.store().environment(&key.environment).await?;
        found.ok_or_else(|| ProvisionError::Internal(format!("environment {} is gone", key.environment)))
    }

    /// What a schema cannot say, the provider says itself.
    async fn ask_its_provider(&self, valid: Valid, purpose: Purpose, now: Timestamp) -> Result<Valid, ProvisionError> {
        let version = &valid.made.version;
        let desired = valid.as_provider_sees_it();
        let turn = valid.made.turn(now)?;
        let call = version.face.client.validate(desired, Arc::clone(&version.settings)).await;
        self.heed_call(turn, &call, purpose.is_recorded());
        match call.outcome {
            Ok(()) => Ok(valid),
            Err(error) => Err(refused(error)),
        }
    }
}

impl Valid {
    /// The resource with this request.
    pub(crate) fn as_provider_sees_it(&self) -> Arc<ProviderResource> {
        as_provider_sees_it(self.id, &self.key, &self.request)
    }

    /// What it is to become, once its cost is known.
    pub(crate) fn change(&self, estimate: Option<macadam_core::estimate::Estimate>) -> Change {
        let desired = Desired {
            spec: self.request.spec.clone(),
            tags: self.request.tags.clone(),
            ttl_seconds: self.ttl_seconds,
            estimate,
            provider: pin(&self.made.version.identity),
        };
        match self.request.action {
            Action::Delete => Change::Delete { resource: self.id, revision: self.revision },
            Action::Update => Change::Update { resource: self.id, revision: self.revision, desired },
            Action::Create | Action::Scaffold => Change::Create { resource: self.id, key: self.key.clone(), desired },
        }
    }
}

fn as_provider_sees_it(id: ResourceId, key: &ResourceKey, request: &Request) -> Arc<ProviderResource> {
    Arc::new(ProviderResource {
        id: id.to_string(),
        namespace: key.namespace.clone(),
        request: Request::clone(request),
    })
}

pub(crate) fn pin(identity: &Identity) -> ProviderPin {
    ProviderPin { plugin: identity.plugin.clone(), digest: identity.component, settings: identity.settings.to_string() }
}

/// A resource as it is kept, as its provider sees it.
pub(crate) fn kept(record: &ResourceRecord, environment: &Environment, action: Action) -> Arc<ProviderResource> {
    let Desired { spec, tags, .. } = &record.desired;
    let request = as_request(action, &record.key, environment, spec.clone(), tags.clone());
    Arc::new(ProviderResource {
        id: record.id.to_string(),
        namespace: record.key.namespace.clone(),
        request: Arc::unwrap_or_clone(request),
    })
}

pub(crate) fn as_request(
    action: Action,
    key: &ResourceKey,
    environment: &Environment,
    spec: Box<RawValue>,
    tags: BTreeMap<String, String>,
) -> Arc<Request> {
    Arc::new(Request {
        action,
        resource_type: key.resource_type.to_string(),
        name: key.name.to_string(),
        environment: environment.clone(),
        spec,
        tags,
    })
}

fn check(
    provider: &Provider,
    spec: Value,
    tags: &BTreeMap<String, String>,
    ttl_seconds: Option<u64>,
) -> Result<Box<RawValue>, ProvisionError> {
    let mut violations = tag_violations(tags);
    if ttl_seconds.is_some_and(|ttl| ttl == 0 || ttl > MAX_TTL) {
        let message = format!("a life time has 1 to {MAX_TTL} seconds; leave it out for one without end");
        violations.push(Violation::new("/ttl_seconds", message));
    }
    match provider.spec.complete("/spec", spec) {
        // Sorted keys make equal specifications equal texts, in digests as in a provider's eyes.
        Ok(spec) if violations.is_empty() => Ok(to_raw_value(&spec)?),
        Ok(_) => Err(ProvisionError::Invalid(violations)),
        Err(more) => {
            violations.extend(more);
            Err(ProvisionError::Invalid(violations))
        }
    }
}

const MAX_TAGS: usize = 50;
const MAX_TAG: usize = 256;

/// Tags travel into labels, logs and files of many systems, so they are short and printable.
pub(crate) fn tag_violations(tags: &BTreeMap<String, String>) -> Vec<Violation> {
    let mut violations = Vec::new();
    if tags.len() > MAX_TAGS {
        violations.push(Violation::new("/tags", format!("at most {MAX_TAGS} tags are allowed")));
    }
    for (key, value) in tags {
        let key_is_good = (1..=63).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
        let pointer = format!("/tags/{}", key.replace('~', "~0").replace('/', "~1"));
        if !key_is_good {
            let message = "a tag's key has 1 to 63 letters, digits and the characters . _ - /";
            violations.push(Violation::new(pointer.clone(), message));
        }
        if value.len() > MAX_TAG || value.chars().any(char::is_control) {
            let message = format!("a tag's value has at most {MAX_TAG} bytes and no control characters");
            violations.push(Violation::new(pointer, message));
        }
    }
    violations
}

/// A provider's refusal, as the requester reads it.
pub(crate) fn refused(error: CallError) -> ProvisionError {
    match ProvisionError::from(error) {
        ProvisionError::Invalid(violations) => ProvisionError::Invalid(below_spec(violations)),
        other => other,
    }
}

/// A provider's violations point into the specification, unless it points into the request as a whole.
fn below_spec(violations: Vec<Violation>) -> Vec<Violation> {
    let below = |mut violation: Violation| {
        if !violation.path.starts_with("/spec") && !violation.path.starts_with("/tags") {
            violation.path = format!("/spec{}", violation.path);
        }
        violation
    };
    violations.into_iter().map(below).collect()
}
