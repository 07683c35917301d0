//! The tokens of services: who may call without being a person, for how long, and what for.
//!
//! A token itself is never here, only its sha256: it is random, so that is as good as a slow hash. A token ends by its
//! time or by being revoked, and stays known for good: whoever made a service's token stands behind what it asked for.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::names::{NameError, PersonId, TeamId};
use macadam_core::service::Scope;
use serde_json::{Value, json};

use crate::row::digest;
use crate::{By, NewAuditEntry, PageRequest, ServiceTokenId, StoreError};

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct NewServiceToken {
    /// Its id.
    pub id: ServiceTokenId,
    /// The sha256 of the token.
    pub hash: Digest,
    /// Whose service it is.
    pub team: TeamId,
    /// What the service is called within its team.
    pub name: String,
    /// The words of its roles.
    pub roles: Vec<String>,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Who makes it; `None` is the operator of the host.
    pub created_by: Option<PersonId>,
    /// From where.
    pub origin: Origin,
}

impl NewServiceToken {
    /// Who makes it, and from where.
    pub(crate) fn by(&self) -> By<'_> {
        By { person: self.created_by.as_ref(), origin: &self.origin }
    }
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ServiceToken)]
pub struct ServiceTokenRecord {
    /// Its id.
    pub id: ServiceTokenId,
    /// Whose service it is.
    pub team: TeamId,
    /// What the service is called within its team.
    pub name: String,
    /// The words of its roles.
    pub roles: Vec<String>,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Who made it; nobody's is the operator's of the host.
    pub created_by: Option<PersonId>,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<PersonId>,
    /// When it was last used, to a minute or so.
    pub last_used_at: Option<Timestamp>,
}

impl ServiceTokenRecord {
    /// The service's id, in the place of a person's.
    ///
    /// # Errors
    /// When the kept name is none, which nothing here writes.
    pub fn service(&self) -> Result<PersonId, NameError> {
        PersonId::of_service(&self.team, &self.name)
    }
}

/// Why a token was not made or changed; nothing was.
#[derive(Debug, thiserror::Error)]
pub enum ServiceTokenError {
    /// The team is not known.
    #[error("there is no team {0}; ask an administrator to add it")]
    UnknownTeam(
        /// Its name.
        TeamId,
    ),
    /// There is no such token.
    #[error("there is no service token {0}; list the tokens")]
    NotFound(
        /// Its id.
        ServiceTokenId,
    ),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is recorded of a token that was made.
pub(crate) fn made(new: &NewServiceToken) -> Value {
    let NewServiceToken { team, name, roles, scopes, expires_at, .. } = new;
    json!({ "team": team, "name": name, "roles": roles, "scopes": scopes, "expires_at": expires_at })
}

/// What is recorded of a change of a token: in its team's stream, since whoever calls for the team is the team's concern.
/// The digests are of what a record shows, which is neither the token nor its hash.
pub(crate) fn change(
    by: By<'_>,
    action: &str,
    before: Option<&ServiceTokenRecord>,
    after: &ServiceTokenRecord,
    data: Value,
) -> Result<NewAuditEntry, StoreError> {
    let entry = NewAuditEntry::new(action, format!("service-tokens/{}", after.id)).by(by).of_team(&after.team);
    // That a token is used is no change of it: what is there before one is what there was after the last.
    let unused = |token: &ServiceTokenRecord| ServiceTokenRecord { last_used_at: None, ..token.clone() };
    let (before, after) = (before.map(unused), unused(after));
    Ok(entry.changed(digest("service token", before)?, digest("service token", Some(after))?).with(data))
}

/// How long a use that is noted stands for those that follow, in seconds: a busy token must not be a busy row.
pub const USE_NOTED_FOR: i64 = 60;

/// The tokens of services. Making and revoking leave an audit entry, under `None` for the operator of the host.
#[async_trait]
pub trait ServiceTokens: Send + Sync {
    /// Keeps a new token.
    ///
    /// # Errors
    /// [`ServiceTokenError::UnknownTeam`].
    async fn add_service_token(
        &self,
        new: &NewServiceToken,
        now: Timestamp,
    ) -> Result<ServiceTokenRecord, ServiceTokenError>;

    /// One token.
    async fn service_token(&self, id: ServiceTokenId) -> Result<Option<ServiceTokenRecord>, StoreError>;

    /// The token with a hash, also one that has ended.
    async fn service_token_by_hash(&self, hash: &Digest) -> Result<Option<ServiceTokenRecord>, StoreError>;

    /// Tokens, of any of some teams or of all, the newest first.
    async fn service_tokens(
        &self,
        teams: Option<&[TeamId]>,
        page: PageRequest<ServiceTokenId>,
    ) -> Result<Vec<ServiceTokenRecord>, StoreError>;

    /// Everybody who ever made a token of a service.
    async fn service_makers(&self, team: &TeamId, name: &str) -> Result<Vec<PersonId>, StoreError>;

    /// Notes that a token is used, unless one within the last [`USE_NOTED_FOR`] seconds was.
    async fn note_service_token_use(&self, id: ServiceTokenId, now: Timestamp) -> Result<(), StoreError>;

    /// Ends a token now. Again changes nothing.
    ///
    /// # Errors
    /// [`ServiceTokenError::NotFound`].
    async fn revoke_service_token(
        &self,
        id: ServiceTokenId,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<ServiceTokenRecord, ServiceTokenError>;
}
