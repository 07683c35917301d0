//! Projects from golden paths: asked for, looked at, fetched.

use axum::extract::State;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::lifecycle::RequestState;
use macadam_platform::scaffolding::{CreateScaffold, ScaffoldView, Scaffolded};
use macadam_store::ScaffoldId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ServerState;
use crate::api::SignedIn;
use crate::api::paths::Id;
use crate::document::Bytes;
use crate::document::problems::{Conflict, Denied};
use crate::extract::{Json, has_already};
use crate::problem::Problem;

/// A project that was taken, and where to look.
#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedScaffold)]
struct Accepted {
    #[serde(flatten)]
    scaffolded: Scaffolded,
    links: Links,
}

/// Where to follow the project, and to fetch it.
#[derive(Serialize, ToSchema)]
#[schema(as = ScaffoldLinks)]
struct Links {
    scaffold: String,
    archive: String,
    request: String,
}

/// Generates a project from a golden path.
#[utoipa::path(
    post, path = "/scaffolds", operation_id = "scaffolds.create", tag = "scaffolds",
    request_body(content = CreateScaffold),
    responses(
        (
            status = 201, body = Accepted,
            description = "The project can be fetched.",
            headers(
                ("Location" = String, description = "The project."),
            ),
        ),
        (
            status = 202, body = Accepted,
            description = "The project waits for approval.",
            headers(
                ("Location" = String, description = "The project."),
            ),
        ),
        Denied,
        Conflict,
    ),
)]
pub(super) async fn create(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Json(wish): Json<CreateScaffold>,
) -> Result<Response, Problem> {
    accepted(state.platform.scaffold(&caller, wish, Timestamp::now()).await?)
}

/// The answer to a wish for a project that was taken.
pub(super) fn accepted(scaffolded: Scaffolded) -> Result<Response, Problem> {
    let done = scaffolded.submitted.state == RequestState::Succeeded;
    let status = if done { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let scaffold = format!("/api/v1/scaffolds/{}", scaffolded.scaffold.id);
    let location = HeaderValue::from_str(&scaffold).map_err(|error| Problem::internal(&error))?;
    let links = Links {
        archive: format!("{scaffold}/archive"),
        request: format!("/api/v1/requests/{}", scaffolded.submitted.request),
        scaffold,
    };
    let body = axum::Json(Accepted { scaffolded, links });
    Ok((status, [(header::LOCATION, location)], body).into_response())
}

/// One project, and whether it may be handed out.
#[utoipa::path(
    get, path = "/scaffolds/{id}", operation_id = "scaffolds.get", tag = "scaffolds",
    params(Id<ScaffoldId>),
    responses(
        (status = 200, description = "The project.", body = ScaffoldView),
    ),
)]
pub(super) async fn get(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<ScaffoldId>,
) -> Result<axum::Json<ScaffoldView>, Problem> {
    Ok(axum::Json(state.platform.scaffold_view(&caller, id).await?))
}

/// A project's archive, once it may be handed out.
#[utoipa::path(
    get, path = "/scaffolds/{id}/archive", operation_id = "scaffolds.archive", tag = "scaffolds",
    params(
        Id<ScaffoldId>,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what the client has."),
    ),
    responses(
        (
            status = 200, body = Bytes, content_type = "application/gzip",
            description = "The archive.",
            headers(
                ("ETag" = String, description = "Its digest."),
                ("Repr-Digest" = String, description = "Its digest as RFC 9530 has it."),
                ("Digest" = String, description = "Its digest as RFC 3230 has it."),
                ("Content-Disposition" = String, description = "Its file name."),
            ),
        ),
        (status = 304, description = "It is the one that `If-None-Match` names."),
        Conflict,
    ),
)]
pub(super) async fn archive(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Id(id): Id<ScaffoldId>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let (scaffold, bytes) = state.platform.scaffold_archive(&caller, id).await?;
    let mut headers = HeaderMap::new();
    for (name, value) in describe(&scaffold.archive, &file_name(&scaffold.answers)) {
        headers.insert(name, HeaderValue::from_str(&value).map_err(|error| Problem::internal(&error))?);
    }
    let etag = headers.get(header::ETAG).and_then(|etag| etag.to_str().ok());
    if etag.is_some_and(|etag| has_already(&asked, etag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, bytes).into_response())
}

fn describe(digest: &Digest, file: &str) -> [(HeaderName, String); 5] {
    let sha256 = STANDARD.encode(digest.as_bytes());
    [
        (header::CONTENT_TYPE, "application/gzip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}.tar.gz\"")),
        (header::ETAG, format!("\"{digest}\"")),
        (HeaderName::from_static("repr-digest"), format!("sha-256=:{sha256}:")),
        (HeaderName::from_static("digest"), format!("sha-256={sha256}")),
    ]
}

/// A project's name is a slug, so it needs no quoting.
fn file_name(answers: &serde_json::Value) -> String {
    let name = answers.pointer("/parameters/name").and_then(serde_json::Value::as_str);
    let name = name.and_then(|name| macadam_core::names::ResourceName::new(name).ok());
    name.map_or_else(|| "project".to_owned(), |name| name.to_string())
}
