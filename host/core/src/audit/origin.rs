//! From where something was asked: what the server knows of the connection and the request.

use std::net::IpAddr;

use crate::names::PersonId;
use crate::trace::TraceParent;

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
    /// The trace of the HTTP request, for what is done for it later; it is not recorded.
    pub trace: Option<TraceParent>,
    /// The key that it is done under. What is recorded is not this, but that the key has been used.
    pub held: Option<HeldKey>,
}

/// An idempotency key, held by one try at a request. A change that is made under it counts only as long as that try holds
/// it: who slept for so long that another took the key over changes nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldKey {
    /// Whose key it is. Equal keys of different people are different keys.
    pub caller: PersonId,
    /// The client's own key.
    pub key: String,
    /// Which try holds it.
    pub holder: String,
}

impl Origin {
    /// Nowhere: what the platform does by itself.
    pub const NONE: Self = Self { address: None, request_id: None, credential: None, trace: None, held: None };
}
