//! From where something was asked: what the server knows of the connection and the request.

use std::net::IpAddr;

/// What somebody proved with who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// A person's token of the file of people.
    Token,
    /// A token of a service.
    ServiceToken,
    /// A token that an identity provider signed.
    Oidc,
}

impl Credential {
    /// The credential's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::ServiceToken => "service-token",
            Self::Oidc => "oidc",
        }
    }
}

/// From where something was asked. Nothing of it is known for what the platform does by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The id of the HTTP request, which the server's log has as well.
    pub request_id: Option<String>,
    /// By which kind of credential.
    pub credential: Option<Credential>,
}

impl Origin {
    /// Nowhere: what the platform does by itself.
    pub const NONE: Self = Self { address: None, request_id: None, credential: None };
}
