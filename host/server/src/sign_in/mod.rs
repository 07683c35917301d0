//! Sign-in: a bearer token becomes a [`Caller`], or a refusal that says why.
//!
//! ```text
//! mcs_…  ─▶ a service, by the hash of its token in the store
//! ey….…  ─▶ a person, by a JWT of an identity provider ─▶ strictly read ─▶ key ─▶ signature ─▶ claims ─▶ team and roles
//! else   ─▶ a person of the file of people, in development mode only
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `settings` | what an administrator says about a provider |
//! | `provider`, `fetch`, `discovery` | a provider's keys: found, fetched, kept, renewed |
//! | `claims` | what a verified token says, and who that is here |
//!
//! How a token is taken apart before anything of it is believed, and how its signature is verified, is [`macadam_jwt`].

mod claims;
mod discovery;
mod fetch;
mod provider;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use macadam_platform::secret_token::SERVICE_PREFIX;
use macadam_platform::service_tokens::ServiceRefused;
use macadam_platform::{Caller, Platform};

pub use settings::{ClaimNames, GroupMeaning, OidcSettings, SettingsError, TokenKind};

use crate::people::PeopleFile;
use crate::problem::{Problem, ProblemKind};
use provider::Provider;

/// Why a token lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// It does not count.
    #[error("{0}")]
    Refused(String),
    /// Whether it counts cannot be found out now.
    #[error("{0}")]
    Unavailable(String),
    /// The store failed.
    #[error("{0}")]
    Internal(String),
}

impl From<ServiceRefused> for SignInError {
    fn from(refused: ServiceRefused) -> Self {
        match refused {
            ServiceRefused::Store(error) if error.passes() => Self::Unavailable(error.to_string()),
            ServiceRefused::Store(error) => Self::Internal(error.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<macadam_jwt::Refused> for SignInError {
    fn from(refused: macadam_jwt::Refused) -> Self {
        Self::Refused(refused.to_string())
    }
}

/// A token is not taken, and why.
fn refuse(why: impl std::fmt::Display) -> SignInError {
    macadam_jwt::Refused::because(why).into()
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused(why) => Self::new(ProblemKind::Unauthenticated, why),
            SignInError::Unavailable(why) => Self::new(ProblemKind::Unavailable, why),
            SignInError::Internal(cause) => Self::internal(&cause),
        }
    }
}

/// Finds out who the bearer of a token is. Cheap to clone.
#[derive(Clone, Default)]
pub struct Authenticator {
    people: Option<Arc<PeopleFile>>,
    providers: Arc<[Arc<Provider>]>,
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let issuers: Vec<_> = self.issuers().map(|settings| &settings.issuer).collect();
        f.debug_struct("Authenticator")
            .field("development", &self.people.is_some())
            .field("issuers", &issuers)
            .finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Lets people in by the tokens of these identity providers, services by theirs, and nobody else.
    ///
    /// # Errors
    /// [`SettingsError`] names the provider, the key and the remedy.
    pub fn new(providers: Vec<OidcSettings>) -> Result<Self, SettingsError> {
        let mut all: Vec<Arc<Provider>> = Vec::with_capacity(providers.len());
        for settings in providers {
            if all.iter().any(|there| there.settings().issuer == settings.issuer) {
                let remedy = "there are two of this issuer; write one, with both audiences".to_owned();
                return Err(SettingsError { issuer: settings.issuer, key: "issuer", remedy });
            }
            all.push(Arc::new(Provider::new(settings)?));
        }
        Ok(Self { people: None, providers: all.into() })
    }

    /// The same in development mode: the people of a file get in as well.
    #[must_use]
    pub fn with_development_people(self, people: Arc<PeopleFile>) -> Self {
        Self { people: Some(people), ..self }
    }

    /// Whether development tokens count.
    #[must_use]
    pub fn is_in_development(&self) -> bool {
        self.people.is_some()
    }

    /// The identity providers whose tokens count.
    pub fn issuers(&self) -> impl Iterator<Item = &OidcSettings> {
        self.providers.iter().map(|provider| provider.settings())
    }

    /// Who the bearer of a token is.
    ///
    /// # Errors
    /// [`SignInError`] says why the token lets nobody in.
    pub async fn caller(&self, platform: &Platform, token: &str, now: Timestamp) -> Result<Caller, SignInError> {
        if token.starts_with(SERVICE_PREFIX) {
            return Ok(platform.service_with_token(token, now).await?);
        }
        if macadam_jwt::is_jwt(token) {
            return self.person(token, now).await;
        }
        let known = self.people.as_ref().and_then(|people| people.current().with_token(token).cloned());
        known.ok_or_else(|| SignInError::Refused(self.unknown()))
    }

    async fn person(&self, token: &str, now: Timestamp) -> Result<Caller, SignInError> {
        let read = macadam_jwt::read(token)?;
        let provider = self.providers.iter().find(|provider| provider.settings().issuer == read.issuer);
        let Some(provider) = provider else {
            return Err(refuse("its issuer is not one that this host trusts; GET /api/v1/sign-in names those"));
        };
        provider.caller(token, &read, now).await
    }

    fn unknown(&self) -> String {
        if self.people.is_some() {
            return "this token is not known; ask for a new one".to_owned();
        }
        "this token is not known; sign in with `macadam login`, or use a service's token. Tokens out of tokens.txt only \
         count on a host in development mode"
            .to_owned()
    }
}
