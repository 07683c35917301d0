//! Publishing plugins: an archive comes in, is checked, and can be had from then on; a version is yanked and put back.

use axum::Json as JsonBody;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use macadam_core::names::{PluginName, PluginRef};
use macadam_platform::plugins::{MAX_PACKAGE, PublishedVersion};

use crate::ServerState;
use crate::api::SignedIn;
use crate::extract::read_up_to;
use crate::problem::{Problem, ProblemKind};

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
const SIGNATURE: &str = "macadam-signature";

fn signature(headers: &HeaderMap) -> Result<Option<Vec<u8>>, Problem> {
    let Some(value) = headers.get(SIGNATURE) else { return Ok(None) };
    let refuse = || Problem::new(ProblemKind::Malformed, format!("the header {SIGNATURE} is not base64"));
    BASE64_STANDARD.decode(value.as_bytes()).map(Some).map_err(|_| refuse())
}

/// The version that a path names: `/plugins/NAMESPACE/NAME/VERSION`.
fn version(namespace: &str, name: &str, version: &str) -> Result<PluginRef, Problem> {
    let none = |error: String| Problem::new(ProblemKind::NotFound, error);
    let name = PluginName::new(format!("{namespace}/{name}")).map_err(|error| none(error.to_string()))?;
    let version = version.parse().map_err(|error| none(format!("{version} is not a version: {error}")))?;
    Ok(PluginRef { name, version })
}

type Parts = Path<(String, String, String)>;

pub(super) async fn yank(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path((namespace, name, text)): Parts,
) -> Result<StatusCode, Problem> {
    state.platform.yank(&caller, &version(&namespace, &name, &text)?, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn unyank(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    Path((namespace, name, text)): Parts,
) -> Result<StatusCode, Problem> {
    state.platform.yank(&caller, &version(&namespace, &name, &text)?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
