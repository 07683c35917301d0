//! What an administrator says about an identity provider: `[[sign-in.oidc]]` of the configuration.

use std::path::PathBuf;

use macadam_core::names::{GroupName, TeamId};
use macadam_jwt::{Algorithm, AlgorithmFamily};
use macadam_platform::Role;
use serde::Deserialize;

use super::discovery::is_safe_address;

/// One identity provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OidcSettings {
    /// Its issuer, as it stands in its tokens, to the letter.
    pub issuer: String,
    /// Whom tokens have to be for: one of these must be among a token's `aud`.
    pub audience: Vec<String>,
    /// As which client the command line signs in; without one, it does not.
    #[serde(default)]
    pub client_id: Option<String>,
    /// What the command line asks for. `offline_access` is what gives a refresh token.
    #[serde(default = "cli_scopes")]
    pub scopes: Vec<String>,
    /// Where the command line says for which API it wants an access token (RFC 8707), if the provider has to be told.
    #[serde(default)]
    pub resource: Option<String>,
    /// Which of the tokens that it gets the command line sends: the access token, if that is a JWT, or the ID token.
    #[serde(default)]
    pub send: TokenKind,
    /// Which algorithms count.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// By how many seconds the clocks of host and provider may differ.
    #[serde(default = "leeway")]
    pub leeway_seconds: u32,
    /// How long keys are used when the provider does not answer.
    #[serde(default = "stale_hours")]
    pub stale_keys_hours: u32,
    /// Certificates of authorities to trust in the place of the public ones, as PEM; absolute, or below the data directory.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What people are called here, before what the provider says, so that two providers' names stay apart.
    #[serde(default)]
    pub person_prefix: String,
    /// What everybody has whom this provider lets in.
    #[serde(default)]
    pub default_roles: Vec<Role>,
    /// Where in a token is what.
    #[serde(default)]
    pub claims: ClaimNames,
    /// What the provider's groups mean here.
    #[serde(default)]
    pub groups: Vec<GroupMeaning>,
}

/// One of the tokens that a provider gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// The one that is for APIs.
    #[default]
    AccessToken,
    /// The one that says who somebody is, for the client.
    IdToken,
}

/// Where in a token is what: the name of a claim, or a JSON Pointer such as `/realm_access/roles`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClaimNames {
    /// Who it is.
    pub person: String,
    /// Their team.
    pub team: Option<String>,
    /// Roles, by the words that they have here; other words mean nothing.
    pub roles: Option<String>,
    /// Groups whose approvals they can give, by the names that these have here.
    pub approval_groups: Option<String>,
    /// The provider's groups, which mean what `groups` says.
    pub groups: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let (person, groups) = ("sub".to_owned(), "groups".to_owned());
        Self { person, team: None, roles: None, approval_groups: None, groups }
    }
}

/// What being in one of the provider's groups means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupMeaning {
    /// The group, as the provider calls it.
    pub group: String,
    /// The team of its members. Of several, the one that is written first counts.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// What its members may do.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// The groups whose approvals its members can give.
    #[serde(default)]
    pub approval_groups: Vec<GroupName>,
}

fn cli_scopes() -> Vec<String> {
    ["openid", "profile", "offline_access"].map(str::to_owned).to_vec()
}

fn algorithms() -> Vec<Algorithm> {
    vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::PS256]
}

fn leeway() -> u32 {
    60
}

fn stale_hours() -> u32 {
    24
}

/// The most that clocks may be said to differ.
const MAX_LEEWAY: u32 = 300;

/// The most that keys may be said to be used without an answer: a week.
const MAX_STALE_HOURS: u32 = 168;

/// Why what is said about an identity provider cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("[[sign-in.oidc]] of {issuer}: `{key}`: {remedy}")]
pub struct SettingsError {
    pub(super) issuer: String,
    pub(super) key: &'static str,
    pub(super) remedy: String,
}

impl OidcSettings {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// [`SettingsError`] names the issuer, the key and the remedy.
    pub fn check(&self) -> Result<(), SettingsError> {
        // A password or a token in it is refused, and not said again. It may have a slash in it, so what could be before or
        // behind one is looked for everywhere.
        let issuer = if self.issuer.contains(['@', '?', '#']) { "an issuer" } else { &self.issuer };
        let wrong =
            |key, remedy: &str| Err(SettingsError { issuer: issuer.to_owned(), key, remedy: remedy.to_owned() });
        if self.issuer.contains('@') {
            return wrong("issuer", "leave out the name or password before the `@`; everybody is told the issuer");
        }
        if !is_safe_address(&self.issuer) || self.issuer.contains(['?', '#']) {
            return wrong(
                "issuer",
                "write the https:// address that stands in the provider's tokens as `iss`; plain \
                                    http:// only for a provider on a loopback address",
            );
        }
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return wrong("audience", "name at least one; a token for somebody else must not count here");
        }
        if self.algorithms.is_empty() {
            return wrong("algorithms", "name at least one, or leave it out");
        }
        if self.algorithms.iter().any(|algorithm| algorithm.family() == AlgorithmFamily::Hmac) {
            return wrong(
                "algorithms",
                "HS256, HS384 and HS512 need a shared secret and never count; name RS256, PS256, \
                                        ES256, EdDSA or their like",
            );
        }
        if self.leeway_seconds > MAX_LEEWAY {
            return wrong("leeway-seconds", "write 0 to 300");
        }
        if self.stale_keys_hours > MAX_STALE_HOURS {
            return wrong("stale-keys-hours", "write 0 to 168 (a week)");
        }
        if self.claims.person.is_empty() || self.claims.groups.is_empty() {
            return wrong("claims", "`person` and `groups` name a claim");
        }
        if self.claims.team.is_none() && self.groups.iter().all(|meaning| meaning.team.is_none()) {
            return wrong(
                "claims",
                "nobody would have a team; name the claim with it as `team`, or write \
                                    [[sign-in.oidc.groups]] with `group` and `team`",
            );
        }
        Ok(())
    }
}
