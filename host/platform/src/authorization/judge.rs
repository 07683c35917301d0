//! One question: may this caller do this, to that? Answered by Cedar, from the rules in force.
//!
//! A policy can fail while it is asked, such as when a sum overflows, and Cedar then goes on as if it were not there. For a
//! `permit` that is right. A `forbid` might have forbidden just this, so here one that fails forbids.
//!
//! A question is small: the caller with their roles, the target with its team, and the action with its group. Nothing is
//! looked up, so asking costs microseconds and can be done at every step that needs it.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    Policy, PolicySet, Request, Response, RestrictedExpression,
};

use super::rules::{BuiltIn, BuiltInError, Rules, action_uid};
use super::{Action, Target};
use crate::Caller;

/// What a policy has to do with an answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = DeterminingPolicy)]
pub struct Determining {
    /// Its id: of a default policy, or the name that an administrator gave it.
    pub policy: String,
    /// Whether it permits or forbids.
    pub effect: PolicyEffect,
    /// What its `@because` says.
    pub because: Option<String>,
}

/// Whether a policy permits or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyEffect {
    /// It permits.
    Permit,
    /// It forbids, which counts over whatever permits.
    Forbid,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) allowed: bool,
    /// What decided: the permits of a yes, the forbids of a no; nothing when nothing permits.
    pub(super) by: Vec<Determining>,
}

/// Puts questions to Cedar.
pub(super) struct Judge {
    authorizer: Authorizer,
    types: Types,
    /// The entity of each action, with the group that it is in.
    actions: HashMap<Action, Entity>,
}

/// The names of the schema's types.
struct Types {
    person: EntityTypeName,
    role: EntityTypeName,
    team: EntityTypeName,
    platform: EntityTypeName,
    namespace: EntityTypeName,
    resource: EntityTypeName,
    request: EntityTypeName,
    project: EntityTypeName,
}

/// What went wrong with a question is a mistake in this program: the answer is no.
type Asked<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

impl Judge {
    pub(super) fn new(built_in: &BuiltIn) -> Result<Self, BuiltInError> {
        let wrong = |error: &dyn std::fmt::Display| BuiltInError::of(error);
        let entities = built_in.schema().action_entities().map_err(|error| wrong(&error))?;
        let mut actions = HashMap::new();
        for action in Action::ALL {
            let uid = action_uid(*action)?;
            let entity = entities.get(&uid).ok_or_else(|| wrong(&format_args!("{action} is not declared")))?;
            actions.insert(*action, entity.clone());
        }
        let types = Types::new().map_err(|error| wrong(&error))?;
        Ok(Self { authorizer: Authorizer::new(), types, actions })
    }

    /// Whether a caller may do something. What cannot be asked is refused.
    pub(super) fn allows(&self, rules: &Rules, caller: &Caller, action: Action, target: &Target) -> bool {
        self.ask(rules, caller, action, target).is_some_and(|answer| answer.allows())
    }

    /// The same, with the policies that decided.
    pub(super) fn judge(&self, rules: &Rules, caller: &Caller, action: Action, target: &Target) -> Judgement {
        let refused = Judgement { allowed: false, by: Vec::new() };
        self.ask(rules, caller, action, target).map_or(refused, |answer| answer.judgement())
    }

    fn ask<'a>(&self, rules: &'a Rules, caller: &Caller, action: Action, target: &Target) -> Option<Answer<'a>> {
        let put = self.put(rules, caller, action, target).inspect_err(|error| {
            tracing::error!(%action, %target, %error, "a question about access cannot be put; it is refused");
        });
        put.ok()
    }

    fn put<'a>(&self, rules: &'a Rules, caller: &Caller, action: Action, target: &Target) -> Asked<Answer<'a>> {
        let asked = self.actions.get(&action).ok_or("the action is not declared")?;
        let (principal, resource) = (self.principal(caller)?, self.resource(target)?);
        let request = Request::new(principal.uid(), asked.uid(), resource.uid(), Context::empty(), None)?;
        let entities = Entities::from_entities([principal, resource, asked.clone()], None)?;
        let policies = rules.policies.get(&action).ok_or("the action has no policies")?;
        let response = self.authorizer.is_authorized(&request, policies, &entities);
        for error in response.diagnostics().errors() {
            tracing::error!(%action, %target, %error, "an access policy fails; one that forbids counts, one that permits not");
        }
        Ok(Answer { policies, response })
    }

    fn principal(&self, caller: &Caller) -> Asked<Entity> {
        let types = &self.types;
        let roles = caller.roles.iter().map(|role| uid(&types.role, role.as_str())).collect();
        let groups = caller.groups.iter().map(|group| text(group.as_str()));
        let attributes = HashMap::from([
            ("team".to_owned(), RestrictedExpression::new_entity_uid(uid(&types.team, caller.team.as_str()))),
            ("groups".to_owned(), RestrictedExpression::new_set(groups)),
            ("service".to_owned(), RestrictedExpression::new_bool(caller.is_service())),
        ]);
        Ok(Entity::new(uid(&types.person, caller.person.as_str()), attributes, roles)?)
    }

    fn resource(&self, target: &Target) -> Asked<Entity> {
        let types = &self.types;
        let owner = target.team().map(|team| uid(&types.team, team.as_str())).into_iter().collect::<HashSet<_>>();
        let entity = match target {
            Target::Platform => Entity::new_no_attrs(uid(&types.platform, "macadam"), owner),
            Target::Team(team) => Entity::new_no_attrs(uid(&types.team, team.as_str()), HashSet::new()),
            Target::Namespace { name, .. } => Entity::new_no_attrs(uid(&types.namespace, name.as_str()), owner),
            Target::Resource { key, class, .. } => {
                let attributes = [
                    ("namespace", text(key.namespace.as_str())),
                    ("environment", text(key.environment.as_str())),
                    ("class", text(&class.to_string())),
                    ("type", text(key.resource_type.as_str())),
                    ("name", text(key.name.as_str())),
                ];
                Entity::new(uid(&types.resource, &key.to_string()), keyed(attributes), owner)?
            }
            Target::Request { id, requester, action, environment, .. } => {
                let person = uid(&types.person, requester.as_str());
                let mut attributes = keyed([
                    ("requester", RestrictedExpression::new_entity_uid(person)),
                    ("action", text(action.as_str())),
                ]);
                if let Some((environment, class)) = environment {
                    let place = [("environment", text(environment.as_str())), ("class", text(&class.to_string()))];
                    attributes.extend(keyed(place));
                }
                Entity::new(uid(&types.request, &id.to_string()), attributes, owner)?
            }
            Target::Project { template, environment, class, .. } => {
                let attributes = [
                    ("template", text(template.as_str())),
                    ("environment", text(environment.as_str())),
                    ("class", text(&class.to_string())),
                ];
                Entity::new(uid(&types.project, template.as_str()), keyed(attributes), owner)?
            }
        };
        Ok(entity)
    }
}

/// What Cedar said, with the policies that were asked.
struct Answer<'a> {
    policies: &'a PolicySet,
    response: Response,
}

impl Answer<'_> {
    fn allows(&self) -> bool {
        self.response.decision() == Decision::Allow && self.failed_forbids().next().is_none()
    }

    fn judgement(&self) -> Judgement {
        let reasons = self.response.diagnostics().reason().filter_map(|id| self.policies.policy(id));
        // A permit is no reason for a no.
        let decided_on_this = |policy: &&Policy| self.allows() || policy.effect() == Effect::Forbid;
        let mut by: Vec<_> =
            reasons.filter(decided_on_this).chain(self.failed_forbids()).map(Determining::of).collect();
        by.sort_by(|a, b| a.policy.cmp(&b.policy));
        Judgement { allowed: self.allows(), by }
    }

    fn failed_forbids(&self) -> impl Iterator<Item = &Policy> {
        let failed = self.response.diagnostics().errors().map(|error| match error {
            AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
        });
        failed.filter_map(|id| self.policies.policy(id)).filter(|policy| policy.effect() == Effect::Forbid)
    }
}

impl Determining {
    fn of(policy: &Policy) -> Self {
        Self {
            policy: policy.id().to_string(),
            effect: match policy.effect() {
                Effect::Permit => PolicyEffect::Permit,
                Effect::Forbid => PolicyEffect::Forbid,
            },
            because: policy.annotation("because").map(str::to_owned),
        }
    }
}

impl Types {
    fn new() -> Asked<Self> {
        Ok(Self {
            person: named("Person")?,
            role: named("Role")?,
            team: named("Team")?,
            platform: named("Platform")?,
            namespace: named("Namespace")?,
            resource: named("Resource")?,
            request: named("Request")?,
            project: named("Project")?,
        })
    }
}

fn named(name: &str) -> Asked<EntityTypeName> {
    Ok(name.parse()?)
}

fn uid(of: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn keyed<const N: usize>(attributes: [(&str, RestrictedExpression); N]) -> HashMap<String, RestrictedExpression> {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
