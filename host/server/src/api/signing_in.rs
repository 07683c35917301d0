//! How one signs in to this host: what a client needs before it has a token, and so for everybody.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ServerState;
use crate::sign_in::TokenKind;

/// The ways to sign in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WaysToSignIn)]
pub(super) struct Ways {
    /// Whether the tokens of development count.
    development: bool,
    /// The identity providers that the command line can sign in with.
    oidc: Vec<Oidc>,
}

/// One identity provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IdentityProvider)]
struct Oidc {
    issuer: String,
    /// As which client; null where the command line cannot sign in.
    client_id: Option<String>,
    /// What to ask for.
    scopes: Vec<String>,
    /// For which API to want an access token, if the provider has to be told.
    resource: Option<String>,
    /// Which of the tokens to send here.
    send: TokenKind,
}

/// How one signs in to this host; asks for no token.
#[utoipa::path(
    get, path = "/sign-in", operation_id = "sign-in.ways", tag = "catalog", security(()),
    responses(
        (status = 200, description = "The ways to sign in.", body = Ways),
    ),
)]
pub(super) async fn ways(State(state): State<ServerState>) -> Json<Ways> {
    let oidc = state.authenticator.issuers().map(|settings| Oidc {
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
        scopes: settings.scopes.clone(),
        resource: settings.resource.clone(),
        send: settings.send,
    });
    Json(Ways { development: state.authenticator.is_in_development(), oidc: oidc.collect() })
}
