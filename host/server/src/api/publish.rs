//! Publishing plugins: an archive comes in, is checked, and can be had from then on; a version is yanked and put back,
//! deprecated and no longer.

use axum::Json as JsonBody;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::names::{NameError, PluginName, PluginRef};
use macadam_platform::plugins::{Deprecate, Deprecation, MAX_PACKAGE, PublishedVersion, Release, Releases, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ServerState;
use crate::api::SignedIn;
use crate::api::paths::{PluginPath, VersionPath};
use crate::document::Bytes;
use crate::document::problems::Conflict;
use crate::extract::{Json, read_up_to};
use crate::problem::{Problem, ProblemKind};

/// Publishes a package: it is checked whole, and becomes active nowhere by itself.
#[utoipa::path(
    post, path = "/plugins", operation_id = "plugins.publish", tag = "plugins",
    params(("macadam-signature" = Option<String>, Header, description = "The package's DSSE envelope in base64.")),
    request_body(
        content = Bytes, content_type = "application/gzip",
        description = "The package, a `tar.gz` as `macadam plugin pack` makes it.",
    ),
    responses(
        (status = 200, description = "The very same bytes were there already.", body = PublishedVersion),
        (status = 201, description = "The version can be had from now on.", body = PublishedVersion),
        Conflict,
    ),
)]
pub(super) async fn publish(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    request: Request,
) -> Result<(StatusCode, JsonBody<PublishedVersion>), Problem> {
    let signature = signature(request.headers())?;
    let archive = read_up_to(request, MAX_PACKAGE).await?;
    let (archive, signature) = (archive.into(), signature.as_deref());
    let published = state.platform.publish(&caller, archive, signature, Timestamp::now()).await?;
    let status = if published.already { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, JsonBody(published)))
}

/// Where a package's DSSE envelope is: base64 in a header, since the body is the package.
pub(crate) const SIGNATURE: &str = "macadam-signature";

fn signature(headers: &HeaderMap) -> Result<Option<Vec<u8>>, Problem> {
    let Some(value) = headers.get(SIGNATURE) else { return Ok(None) };
    let refuse = || Problem::new(ProblemKind::Malformed, format!("the header {SIGNATURE} is not base64"));
    BASE64_STANDARD.decode(value.as_bytes()).map(Some).map_err(|_| refuse())
}

/// One version of a plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginVersion)]
pub(super) struct VersionView {
    version: String,
    kind: PluginKind,
    contract: String,
    summary: String,
    package: Digest,
    published: Timestamp,
    yanked: bool,
    /// What holds for it: what was said of it, or of all versions.
    deprecated: Option<Deprecation>,
}

/// A plugin's versions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginVersions)]
pub(super) struct VersionsView {
    name: PluginName,
    /// What was said of all versions.
    deprecated: Option<Deprecation>,
    /// Oldest version first.
    items: Vec<VersionView>,
}

impl VersionsView {
    fn of(releases: &Releases) -> Self {
        let view = |release: &Release| VersionView {
            version: release.version.to_string(),
            kind: release.kind,
            contract: release.contract.to_string(),
            summary: release.summary.clone(),
            package: release.digest,
            published: release.published,
            yanked: release.yanked,
            deprecated: releases.deprecation(release).cloned(),
        };
        let items = releases.as_slice().iter().map(view).collect();
        Self { name: releases.plugin().clone(), deprecated: releases.deprecated().cloned(), items }
    }
}

/// A plugin's versions, the oldest first.
#[utoipa::path(
    get, path = "/plugins/{namespace}/{name}", operation_id = "plugins.versions", tag = "plugins",
    params(PluginPath),
    responses(
        (status = 200, description = "What the registry has of it.", body = VersionsView),
    ),
)]
pub(super) async fn versions(
    State(state): State<ServerState>,
    Path((namespace, name)): Pair,
) -> Result<JsonBody<VersionsView>, Problem> {
    let releases = state.platform.versions(&plugin(&namespace, &name)?).await?;
    Ok(JsonBody(VersionsView::of(&releases)))
}

/// The plugin that a path names. A name that cannot be is one that does not exist.
fn plugin(namespace: &str, name: &str) -> Result<PluginName, Problem> {
    let none = |error: NameError| Problem::new(ProblemKind::NotFound, error.to_string());
    PluginName::new(format!("{namespace}/{name}")).map_err(none)
}

/// The version that a path names: `/plugins/NAMESPACE/NAME/VERSION`.
fn version(namespace: &str, name: &str, version: &str) -> Result<PluginRef, Problem> {
    let name = plugin(namespace, name)?;
    let none = |error| Problem::new(ProblemKind::NotFound, format!("{version} is not a version: {error}"));
    let version = version.parse().map_err(none)?;
    Ok(PluginRef { name, version })
}

type Pair = Path<(String, String)>;
type Parts = Path<(String, String, String)>;

/// Yanks a version: queries pass it over; what runs goes on.
#[utoipa::path(
    post, path = "/plugins/{namespace}/{name}/{version}/yank", operation_id = "plugins.yank", tag = "plugins",
    params(VersionPath),
    responses(
        (status = 204, description = "Done; there is nothing to say."),
        Conflict,
    ),
)]
pub(super) async fn yank(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path((namespace, name, text)): Parts,
) -> Result<StatusCode, Problem> {
    state.platform.yank(&caller, &version(&namespace, &name, &text)?, true, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a yanked version back.
#[utoipa::path(
    delete, path = "/plugins/{namespace}/{name}/{version}/yank", operation_id = "plugins.unyank", tag = "plugins",
    params(VersionPath),
    responses(
        (status = 204, description = "Done; there is nothing to say."),
        Conflict,
    ),
)]
pub(super) async fn unyank(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path((namespace, name, text)): Parts,
) -> Result<StatusCode, Problem> {
    state.platform.yank(&caller, &version(&namespace, &name, &text)?, false, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What holds for a plugin or a version now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeprecationState)]
pub(super) struct DeprecationView {
    name: PluginName,
    /// Nothing when all versions are meant.
    version: Option<String>,
    /// For a version, what was said of it or of its plugin.
    deprecated: Option<Deprecation>,
}

impl DeprecationView {
    fn of(scope: Scope, deprecated: Option<Deprecation>) -> JsonBody<Self> {
        let version = scope.version.map(|version| version.to_string());
        JsonBody(Self { name: scope.name, version, deprecated })
    }
}

/// Says that a plugin should not be used any more, and what to use instead.
#[utoipa::path(
    put, path = "/plugins/{namespace}/{name}/deprecation", operation_id = "plugins.deprecate", tag = "plugins",
    params(PluginPath),
    request_body(content = Deprecate),
    responses(
        (status = 200, description = "What holds now.", body = DeprecationView),
    ),
)]
pub(super) async fn deprecate_plugin(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path((namespace, name)): Pair,
    Json(wish): Json<Deprecate>,
) -> Result<JsonBody<DeprecationView>, Problem> {
    let scope = Scope { name: plugin(&namespace, &name)?, version: None };
    let said = state.platform.deprecate(&caller, &scope, &wish, Timestamp::now()).await?;
    Ok(DeprecationView::of(scope, said))
}

/// Says that one version should not be used any more.
#[utoipa::path(
    put, path = "/plugins/{namespace}/{name}/{version}/deprecation",
    operation_id = "plugins.versions.deprecate", tag = "plugins",
    params(VersionPath),
    request_body(content = Deprecate),
    responses(
        (status = 200, description = "What holds now.", body = DeprecationView),
    ),
)]
pub(super) async fn deprecate_version(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path((namespace, name, text)): Parts,
    Json(wish): Json<Deprecate>,
) -> Result<JsonBody<DeprecationView>, Problem> {
    let scope = Scope::from(&version(&namespace, &name, &text)?);
    let said = state.platform.deprecate(&caller, &scope, &wish, Timestamp::now()).await?;
    Ok(DeprecationView::of(scope, said))
}

/// Takes a plugin's deprecation back.
#[utoipa::path(
    delete, path = "/plugins/{namespace}/{name}/deprecation", operation_id = "plugins.undeprecate", tag = "plugins",
    params(PluginPath),
    responses(
        (status = 200, description = "What holds now.", body = DeprecationView),
    ),
)]
pub(super) async fn undeprecate_plugin(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path((namespace, name)): Pair,
) -> Result<JsonBody<DeprecationView>, Problem> {
    let scope = Scope { name: plugin(&namespace, &name)?, version: None };
    let said = state.platform.undeprecate(&caller, &scope, Timestamp::now()).await?;
    Ok(DeprecationView::of(scope, said))
}

/// Takes a version's own deprecation back.
#[utoipa::path(
    delete, path = "/plugins/{namespace}/{name}/{version}/deprecation",
    operation_id = "plugins.versions.undeprecate", tag = "plugins",
    params(VersionPath),
    responses(
        (status = 200, description = "What holds now.", body = DeprecationView),
    ),
)]
pub(super) async fn undeprecate_version(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path((namespace, name, text)): Parts,
) -> Result<JsonBody<DeprecationView>, Problem> {
    let scope = Scope::from(&version(&namespace, &name, &text)?);
    let said = state.platform.undeprecate(&caller, &scope, Timestamp::now()).await?;
    Ok(DeprecationView::of(scope, said))
}
