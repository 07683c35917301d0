//! The tokens of services: made by people for their team, shown once, with no more rights than their maker has.
//!
//! A service is not a person. It asks for things and looks at them, in the limits of its token's scopes; it never decides
//! on a request, and whoever made a token of it does not approve what it asks for, since that would be their own request.
//!
//! A service is a member of its team, and an administrator who makes a token for a team need not be: such a token is for
//! nothing that only members may do (`OF_MEMBERS`), or it would give its maker what they may not have.

use jiff::{SignedDuration, Timestamp};
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::names::TeamId;
use macadam_core::service::{Scope, service_name};
use macadam_core::violation::Violation;
use macadam_store::{
    NewServiceToken, PageRequest, RequestRecord, ServiceTokenError, ServiceTokenId, ServiceTokenRecord, StoreError,
};

use crate::authorization::{Action, Target};
use crate::platform::random;
use crate::provisioning::ProvisionError;
use crate::secret_token::{SERVICE_PREFIX, SecretToken};
use crate::{Caller, Credential, Platform, Role};

/// How long a token may last, in days: a year and a day, so that a yearly replacement can overlap.
pub const MAX_DAYS: i64 = 366;

/// What members may do to what is their team's, and administrators of other teams may not.
const OF_MEMBERS: [Action; 3] = [Action::ResourceUse, Action::DecisionRead, Action::AuditRead];

/// A wish for a token.
#[derive(Debug, Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateServiceToken)]
pub struct WishedServiceToken {
    /// What the service is called within its team.
    pub name: String,
    /// Whose service it is; the maker's team when nothing is said.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// What it may do.
    pub roles: Vec<Role>,
    /// What the token may be used for.
    pub scopes: Vec<Scope>,
    /// How long it lasts.
    pub expires_in_days: i64,
}

/// Why a service's token lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum ServiceRefused {
    /// There is none like it.
    #[error("this service token is not known; make one with `macadam token create`")]
    Unknown,
    /// Its time is over.
    #[error("the service token {id} expired at {at}; make a new one with `macadam token create`")]
    Expired {
        /// Which.
        id: ServiceTokenId,
        /// When.
        at: Timestamp,
    },
    /// It was revoked.
    #[error("the service token {id} was revoked at {at}; make a new one with `macadam token create`")]
    Revoked {
        /// Which.
        id: ServiceTokenId,
        /// When.
        at: Timestamp,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Platform {
    /// Makes a token for a service. The token itself is in the answer and nowhere else.
    ///
    /// # Errors
    /// Refused for services, for roles and scopes that the maker does not have, for other teams but by administrators,
    /// and for scopes that give somebody from outside what only members of the team may do.
    pub async fn create_service_token(
        &self,
        caller: &Caller,
        wish: &WishedServiceToken,
        now: Timestamp,
    ) -> Result<(ServiceTokenRecord, SecretToken), ProvisionError> {
        let team = wish.team.clone().unwrap_or_else(|| caller.team.clone());
        self.authorize(caller, Action::ServiceTokenCreate, &Target::Team(team.clone()))?;
        may_make(caller, wish)?;
        leaves_to_members(caller, &team, &wish.scopes)?;
        let secret = SecretToken::generate(SERVICE_PREFIX)?;
        let new = NewServiceToken {
            created_by: Some(caller.person.clone()),
            origin: caller.origin.clone(),
            ..checked(wish, team, &secret, now)?
        };
        let kept = self.store().add_service_token(&new, now).await?;
        tracing::info!(token = %kept.id, team = %kept.team, service = kept.name, person = %caller.person, "token made");
        Ok((kept, secret))
    }

    /// The tokens of the teams whose tokens the caller may see: their own, and all for administrators.
    ///
    /// # Errors
    /// Refused for whoever may see those of no team.
    pub async fn service_tokens(
        &self,
        caller: &Caller,
        page: PageRequest<ServiceTokenId>,
    ) -> Result<Vec<ServiceTokenRecord>, ProvisionError> {
        let seen = self.some_teams_for::<ProvisionError>(caller, Action::ServiceTokenRead).await?;
        Ok(self.store().service_tokens(seen.into_filter().as_deref(), page).await?)
    }

    /// Ends a token now and for good.
    ///
    /// # Errors
    /// Refused for services, but for their own token; what belongs to another team is not found.
    pub async fn revoke_service_token(
        &self,
        caller: &Caller,
        id: ServiceTokenId,
        now: Timestamp,
    ) -> Result<ServiceTokenRecord, ProvisionError> {
        let unknown = || ProvisionError::NotFound(format!("service token {id}"));
        let record = self.store().service_token(id).await?.ok_or_else(unknown)?;
        let own = matches!(caller.credential, Credential::ServiceToken { id: used, .. } if used == id);
        // Whatever a token is for, who holds it may give it up.
        if !self.may(caller, Action::ServiceTokenRevoke, &Target::Team(record.team.clone())) && !own {
            return Err(unknown());
        }
        if !own {
            revokes_tokens(caller)?;
        }
        let revoked = self.store().revoke_service_token(id, caller.by(), now).await?;
        tracing::info!(token = %id, person = %caller.person, "token revoked");
        Ok(revoked)
    }

    /// The service that a token is of.
    ///
    /// # Errors
    /// [`ServiceRefused`] says why the token does not count.
    pub async fn service_with_token(&self, token: &str, now: Timestamp) -> Result<Caller, ServiceRefused> {
        let found = self.store().service_token_by_hash(&Digest::of(token.as_bytes())).await?;
        let record = found.ok_or(ServiceRefused::Unknown)?;
        if let Some(at) = record.revoked_at {
            return Err(ServiceRefused::Revoked { id: record.id, at });
        }
        if now >= record.expires_at {
            return Err(ServiceRefused::Expired { id: record.id, at: record.expires_at });
        }
        let caller = to_caller(&record)?;
        let noted = SignedDuration::from_secs(macadam_store::USE_NOTED_FOR);
        if record.last_used_at.is_none_or(|at| at + noted <= now) {
            // Whether a use can be noted decides nothing: a full disk must not lock services out.
            if let Err(error) = self.store().note_service_token_use(record.id, now).await {
                tracing::warn!(%error, token = %record.id, "the use of a token could not be noted");
            }
        }
        Ok(caller)
    }

    /// Makes sure that the caller may approve a request as far as services are concerned: they are people, and no token
    /// of the service that asks is of their making.
    pub(crate) async fn is_another_person(
        &self,
        caller: &Caller,
        request: Option<&RequestRecord>,
    ) -> Result<(), ProvisionError> {
        if caller.is_service() {
            let why = "people decide on requests, and this token is a service's";
            return Err(ProvisionError::Forbidden(why.to_owned()));
        }
        let Some((team, name)) = request.and_then(|request| request.actor.person.service()) else { return Ok(()) };
        if self.store().service_makers(&team, name).await?.contains(&caller.person) {
            let why = format!(
                "the service {team}/{name} asks with a token of your making, so this is your own request; somebody else \
                 has to approve it"
            );
            return Err(ProvisionError::Forbidden(why));
        }
        Ok(())
    }
}

/// A token that the operator of a host makes, who has the store itself at hand, for a first administrator.
///
/// # Errors
/// When the wish is wrong, the team is not known or the store fails.
pub async fn bootstrap(
    store: &dyn macadam_store::Store,
    wish: &WishedServiceToken,
    now: Timestamp,
) -> Result<(ServiceTokenRecord, SecretToken), ProvisionError> {
    let secret = SecretToken::generate(SERVICE_PREFIX)?;
    let Some(team) = wish.team.clone() else {
        return Err(ProvisionError::invalid("/team", "say whose service it is"));
    };
    let new = checked(wish, team, &secret, now)?;
    Ok((store.add_service_token(&new, now).await?, secret))
}

/// Makes sure that whoever makes a token is a person, or a stolen one would live for ever by those it makes.
pub(crate) fn makes_tokens(caller: &Caller) -> Result<(), ProvisionError> {
    if caller.is_service() {
        let why = "people make tokens, and this token is a service's";
        return Err(ProvisionError::Forbidden(why.to_owned()));
    }
    Ok(())
}

/// Whether somebody may revoke tokens that are not their own.
pub(crate) fn revokes_tokens(caller: &Caller) -> Result<(), ProvisionError> {
    if caller.is_service() {
        return Err(ProvisionError::Forbidden("a service revokes no token but its own".to_owned()));
    }
    Ok(())
}

fn may_make(caller: &Caller, wish: &WishedServiceToken) -> Result<(), ProvisionError> {
    makes_tokens(caller)?;
    let refuse = |why: String| Err(ProvisionError::Forbidden(why));
    if let Some(role) = wish.roles.iter().find(|role| !gives(caller, **role)) {
        return refuse(format!("you have not the role {}, so your token cannot have it", role.as_str()));
    }
    let held = |scope: &Scope| caller.scopes.as_ref().is_none_or(|own| own.iter().any(|own| own.includes(scope)));
    match wish.scopes.iter().find(|scope| !held(scope)) {
        Some(scope) => refuse(format!("you have not the scope {scope}, so your token cannot have it")),
        None => Ok(()),
    }
}

/// Whether somebody may give a role to a service. Administrators build, publish and administrate for any team, and so may
/// their services; what auditors read is not theirs to read.
fn gives(caller: &Caller, role: Role) -> bool {
    caller.is(role) || (caller.is(Role::PlatformAdmin) && role != Role::Auditor)
}

/// Makes sure that whoever is not of a team gets nothing by a token that is for its members.
fn leaves_to_members(caller: &Caller, team: &TeamId, scopes: &[Scope]) -> Result<(), ProvisionError> {
    if caller.team == *team {
        return Ok(());
    }
    let wrong: Vec<_> = scopes.iter().filter_map(|scope| for_members(scope, team)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(ProvisionError::Invalid(wrong)) }
}

/// What is wrong with a scope in a token that somebody makes who is not of the team.
fn for_members(scope: &Scope, team: &TeamId) -> Option<Violation> {
    let action = OF_MEMBERS.into_iter().find(|action| scope.covers(action.as_str()))?;
    let why = format!(
        "{scope} covers {action}, and {} is for members of team {team}; name single scopes without it, such as \
         `resource.read`, or have a member of {team} make the token",
        action.doing()
    );
    Some(Violation::new("/scopes", why))
}

fn checked(
    wish: &WishedServiceToken,
    team: TeamId,
    secret: &SecretToken,
    now: Timestamp,
) -> Result<NewServiceToken, ProvisionError> {
    let mut wrong = Vec::new();
    if let Err(error) = service_name(&wish.name) {
        wrong.push(Violation::new("/name", error.to_string()));
    }
    if wish.roles.is_empty() {
        wrong.push(Violation::new("/roles", "name at least one role, such as `developer`"));
    }
    if wish.roles.contains(&Role::Approver) {
        wrong.push(Violation::new("/roles", "a service never decides on requests; leave out `approver`"));
    }
    if wish.scopes.is_empty() {
        wrong
            .push(Violation::new("/scopes", "name what the token is for, such as `resource.*`, or `*` for everything"));
    }
    wrong.extend(wish.scopes.iter().enumerate().filter_map(|(index, scope)| covers_nothing(index, scope)));
    if !(1..=MAX_DAYS).contains(&wish.expires_in_days) {
        wrong.push(Violation::new("/expires_in_days", format!("write 1 to {MAX_DAYS}")));
    }
    if !wrong.is_empty() {
        return Err(ProvisionError::Invalid(wrong));
    }
    let mut roles: Vec<_> = wish.roles.iter().map(|role| role.as_str().to_owned()).collect();
    let mut scopes = wish.scopes.clone();
    roles.sort_unstable();
    roles.dedup();
    scopes.sort_unstable();
    scopes.dedup();
    Ok(NewServiceToken {
        id: ServiceTokenId::new(now, random()?),
        hash: Digest::of(secret.reveal().as_bytes()),
        team,
        name: wish.name.clone(),
        roles,
        scopes,
        expires_at: now + SignedDuration::from_hours(24 * wish.expires_in_days),
        created_by: None,
        origin: Origin::NONE,
    })
}

/// What is wrong with a scope that no action is in: it is mistyped, and the token would be refused where it is used.
fn covers_nothing(index: usize, scope: &Scope) -> Option<Violation> {
    let covers = Action::ALL.iter().any(|action| scope.covers(action.as_str()));
    let message = || format!("no action is {scope}; `macadam access actions` lists those there are");
    (!covers).then(|| Violation::new(format!("/scopes/{index}"), message()))
}

fn to_caller(record: &ServiceTokenRecord) -> Result<Caller, StoreError> {
    let corrupt = |detail: String| StoreError::Corrupt { what: "service token".to_owned(), detail };
    let role = |word: &String| serde_json::from_value(serde_json::Value::String(word.clone()));
    let roles = record.roles.iter().map(role).collect::<Result<Vec<Role>, _>>();
    Ok(Caller {
        origin: Origin::NONE,
        person: record.service().map_err(|error| corrupt(error.to_string()))?,
        team: record.team.clone(),
        roles: roles.map_err(|error| corrupt(error.to_string()))?,
        groups: Vec::new(),
        scopes: Some(record.scopes.clone()),
        credential: Credential::ServiceToken { id: record.id, expires_at: record.expires_at },
    })
}

impl From<ServiceTokenError> for ProvisionError {
    fn from(error: ServiceTokenError) -> Self {
        let detail = error.to_string();
        match error {
            ServiceTokenError::UnknownTeam(_) => Self::invalid("/team", detail),
            ServiceTokenError::NotFound(id) => Self::NotFound(format!("service token {id}")),
            ServiceTokenError::Store(error) => error.into(),
        }
    }
}
