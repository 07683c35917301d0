//! Why somebody may not do something, and what it would take: found by asking the same rules about the same person with
//! one thing changed, another role or another team. So an explanation can never say something else than the rules do.
//!
//! What no policy may permit, the use cases ask themselves, such as whether an approver is in a group that is asked for. An
//! answer to somebody's question asks that, too.

use macadam_core::names::{EnvironmentName, NameError, Namespace, ResourceKey, TeamId, TemplateId};
use macadam_core::request::EnvironmentClass;
use macadam_core::service::Scope;
use macadam_store::RequestId;
use serde::Serialize;

use super::{Access, Action, Determining, PolicyEffect, Refused, Target, TargetKind};
use crate::provisioning::ProvisionError;
use crate::service_tokens::{makes_tokens, revokes_tokens};
use crate::{Caller, Platform, Role};

/// The answer to "may I?", with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// What would be done.
    pub action: Action,
    /// To what, in words.
    pub target: String,
    /// Whether it may be done.
    pub allowed: bool,
    /// Why, in one sentence.
    pub because: String,
    /// The policies that decided: those that permit, or those that forbid. None when nothing permits it, or when it is
    /// refused whatever policies permit.
    pub policies: Vec<Determining>,
    /// What it would take; nothing when it is allowed already, or when no role and no team would help.
    pub takes: Takes,
}

/// What somebody would need.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = WhatItTakes)]
pub struct Takes {
    /// Any of these roles would do.
    pub roles: Vec<Role>,
    /// Or to be a member of this team,
    pub team: Option<TeamId>,
    /// with any of these roles; with none if there are none.
    pub team_roles: Vec<Role>,
}

/// A question that somebody asks about themselves.
#[derive(Debug, Clone, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What would be done.
    pub action: Action,
    /// To which resource, `namespace/environment/type/name`; it need not exist.
    #[serde(default)]
    pub resource: Option<String>,
    /// To which request.
    #[serde(default)]
    pub request: Option<RequestId>,
    /// To which team's things; one's own when nothing is said.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// To which namespace of plugins.
    #[serde(default)]
    pub namespace: Option<Namespace>,
    /// From which golden path.
    #[serde(default)]
    pub template: Option<TemplateId>,
    /// In which environment, for a project.
    #[serde(default)]
    pub environment: Option<EnvironmentName>,
}

impl Access {
    /// What the rules say of something, and why.
    pub(super) fn explain(&self, caller: &Caller, action: Action, target: &Target) -> Explanation {
        let judgement = self.judge(caller, action, target);
        let mut explanation = Explanation {
            action,
            target: target.to_string(),
            allowed: judgement.allowed,
            because: String::new(),
            policies: judgement.by,
            takes: Takes::default(),
        };
        explanation.because = match (explanation.allowed, self.closed()) {
            (true, _) => permitted(&explanation.policies),
            (false, Some(why)) => format!("{why}; a platform admin mends that, and nothing is allowed until then"),
            (false, None) if !caller.has_scope_for(action.as_str()) => out_of_scope(action, caller),
            (false, None) if explanation.policies.is_empty() => {
                explanation.takes = self.takes(caller, action, target);
                missing(action, target, &explanation.takes)
            }
            (false, None) => forbidden(action, &explanation.policies),
        };
        explanation
    }

    fn takes(&self, caller: &Caller, action: Action, target: &Target) -> Takes {
        let suffices = |caller: &Caller, role: Role| {
            let roles = [caller.roles.as_slice(), &[role]].concat();
            self.allows(&Caller { roles, ..caller.clone() }, action, target)
        };
        let roles: Vec<_> = Role::ALL.into_iter().filter(|role| suffices(caller, *role)).collect();
        let Some(team) = target.team().filter(|team| **team != caller.team) else {
            return Takes { roles, ..Takes::default() };
        };
        let member = Caller { team: team.clone(), ..caller.clone() };
        if self.allows(&member, action, target) {
            return Takes { roles, team: Some(team.clone()), team_roles: Vec::new() };
        }
        let of_member = Role::ALL.into_iter().filter(|role| !roles.contains(role) && suffices(&member, *role));
        let team_roles: Vec<_> = of_member.collect();
        let team = (!team_roles.is_empty()).then(|| team.clone());
        Takes { roles, team, team_roles }
    }
}

fn permitted(by: &[Determining]) -> String {
    let names: Vec<_> = by.iter().map(|policy| policy.policy.as_str()).collect();
    format!("permitted by {}", names.join(", "))
}

fn out_of_scope(action: Action, caller: &Caller) -> String {
    let scopes: Vec<_> = caller.scopes.iter().flatten().map(Scope::as_str).collect();
    format!("this token is not for {} ({action}): its scopes are {}", action.doing(), scopes.join(", "))
}

fn forbidden(action: Action, by: &[Determining]) -> String {
    let forbids = by.iter().filter(|policy| policy.effect == PolicyEffect::Forbid);
    let said = forbids.map(|policy| match &policy.because {
        Some(because) => because.clone(),
        None => format!("{} is forbidden by the access policy {}", action.doing(), policy.policy),
    });
    said.collect::<Vec<_>>().join("; ")
}

fn missing(action: Action, target: &Target, takes: &Takes) -> String {
    let Takes { roles, team, team_roles } = takes;
    let mut ways = Vec::new();
    if let Some(team) = team {
        let with = if team_roles.is_empty() { String::new() } else { format!(" with the role {}", any_of(team_roles)) };
        ways.push(format!("is for members of team {team}{with}"));
    }
    if !roles.is_empty() {
        ways.push(format!("takes the role {}", any_of(roles)));
    }
    if ways.is_empty() {
        ways.push("is for nobody, as the access policies are".to_owned());
    }
    let nobodys = match target {
        Target::Namespace { name, team: None } => {
            format!("; nobody owns the namespace {name}, ask a platform admin to give it to a team")
        }
        _ => String::new(),
    };
    format!("{} {}{nobodys}", action.doing(), ways.join("; or it "))
}

fn any_of(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" or ")
}

impl Platform {
    /// Answers a question about oneself. Nothing is done.
    ///
    /// # Errors
    /// [`ProvisionError::Invalid`] when the target does not fit the action; [`ProvisionError::NotFound`] for a request
    /// that the caller may not see.
    pub async fn explain_access(&self, caller: &Caller, question: Question) -> Result<Explanation, ProvisionError> {
        self.authorize(caller, Action::AccessExplain, &Target::Platform)?;
        let action = question.action;
        let target = self.target_of(caller, question).await?;
        let explanation = self.access().explain(caller, action, &target);
        if !explanation.allowed {
            return Ok(explanation);
        }
        match self.allowed_besides(caller, action, &target).await {
            Ok(()) => Ok(explanation),
            Err(ProvisionError::Forbidden(because)) => {
                Ok(Explanation { allowed: false, because, policies: Vec::new(), ..explanation })
            }
            Err(error) => Err(error),
        }
    }

    /// What the use cases ask besides the policies, since no policy may permit it.
    async fn allowed_besides(&self, caller: &Caller, action: Action, target: &Target) -> Result<(), ProvisionError> {
        match (action, target) {
            (Action::ServiceTokenCreate, _) => makes_tokens(caller),
            // Its own it may give up, which nobody asks about.
            (Action::ServiceTokenRevoke, _) => revokes_tokens(caller),
            (Action::RequestApprove, Target::Request { id, .. }) => self.could_approve(caller, *id).await,
            (Action::RequestCancel, Target::Request { id, .. }) => self.could_cancel(caller, *id).await,
            _ => Ok(()),
        }
    }

    async fn target_of(&self, caller: &Caller, question: Question) -> Result<Target, ProvisionError> {
        let Question { action, resource, request, team, namespace, template, environment } = question;
        let needs =
            |field: &str, what: &str| ProvisionError::invalid(field, format!("{action} is done to {what}; name it"));
        match action.on() {
            TargetKind::Platform => Ok(Target::Platform),
            TargetKind::Team => Ok(Target::Team(team.unwrap_or_else(|| caller.team.clone()))),
            TargetKind::Resource => {
                let text = resource.ok_or_else(|| needs("resource", "a resource"))?;
                let wrong = |error: NameError| ProvisionError::invalid("resource", error.to_string());
                let key: ResourceKey = text.parse().map_err(wrong)?;
                // A resource's namespace is its team's name, so nothing has to be looked up that could be probed.
                let team = key.namespace.as_str().parse().map_err(wrong)?;
                let class = self.class_of("resource", &key.environment).await?;
                Ok(Target::Resource { key, team, class })
            }
            TargetKind::Request => {
                let id = request.ok_or_else(|| needs("request", "a request"))?;
                Ok(self.visible_target(caller, id).await?.1)
            }
            TargetKind::Namespace => {
                let name = namespace.ok_or_else(|| needs("namespace", "a namespace"))?;
                let team = self.store().namespace(&name).await?.map(|record| record.team);
                Ok(Target::Namespace { name, team })
            }
            TargetKind::Project => {
                let template = template.ok_or_else(|| needs("template", "a golden path"))?;
                let place = environment.ok_or_else(|| needs("environment", "a project in an environment"))?;
                let class = self.class_of("environment", &place).await?;
                let team = team.unwrap_or_else(|| caller.team.clone());
                Ok(Target::Project { template, team, environment: place, class })
            }
        }
    }
}

impl Platform {
    async fn class_of(&self, field: &str, place: &EnvironmentName) -> Result<EnvironmentClass, ProvisionError> {
        let Some(found) = self.store().environment(place).await? else {
            return Err(ProvisionError::no_environment(field, place, &self.store().environments().await?));
        };
        Ok(found.class)
    }
}

impl From<Refused> for ProvisionError {
    fn from(refused: Refused) -> Self {
        Self::Forbidden(refused.to_string())
    }
}
