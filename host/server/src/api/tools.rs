//! Tools for people who ask, and who write plugins and pipelines: a manifest looked over, a document made, and the command
//! line to download.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json as JsonBody;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::names::{PluginName, ResourceType, TemplateId};
use macadam_core::violation::Violation;
use macadam_platform::plugins::ActivateError;
use macadam_platform::tools::{Config, ConfigError, ConfigFor, check_manifest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use tokio::sync::OnceCell;
use utoipa::{IntoParams, ToSchema};

use crate::ServerState;
use crate::document::problems::NotFound;
use crate::extract::{Json, MAX_BODY, Params, from_value, has_already, read_up_to};
use crate::fields::Fields;
use crate::problem::{Problem, ProblemKind};
use crate::refusals::out_of_reach;

/// What there is to say about a manifest.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckedManifest)]
pub(super) struct Checked {
    /// Whether a package with it can be made.
    valid: bool,
    /// What is wrong, field by field.
    violations: Vec<Violation>,
    /// What it says, as far as a registry lists it; nothing when something is wrong.
    manifest: Option<Listed>,
}

/// What a registry lists of a plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedManifest)]
pub(super) struct Listed {
    name: String,
    version: String,
    kind: PluginKind,
    contract: String,
    summary: String,
}

/// Looks over a plugin's manifest, the text of its `plugin.toml`, and names everything that is wrong with it.
#[utoipa::path(
    post, path = "/tools/validate/manifest", operation_id = "tools.validate-manifest", tag = "tools",
    request_body(content = String, content_type = "application/toml", description = "The manifest, in TOML."),
    responses(
        (status = 200, description = "What there is to say about it.", body = Checked),
    ),
)]
pub(super) async fn manifest(request: Request) -> Result<JsonBody<Checked>, Problem> {
    let body = read_up_to(request, MAX_BODY).await?;
    let not_text = |_| Problem::new(ProblemKind::Malformed, "the manifest is not UTF-8; send the text of plugin.toml");
    Ok(JsonBody(match check_manifest(std::str::from_utf8(&body).map_err(not_text)?) {
        Err(violations) => Checked { valid: false, violations, manifest: None },
        Ok(manifest) => Checked {
            valid: true,
            violations: Vec::new(),
            manifest: Some(Listed {
                name: manifest.name.to_string(),
                version: manifest.version.to_string(),
                kind: manifest.kind,
                contract: manifest.contract.to_string(),
                summary: manifest.summary,
            }),
        },
    }))
}

/// Makes the document that somebody has to write: the specification of a resource, the parameters of a project, the settings
/// or the manifest of a plugin. What is known is filled in and checked; what is to be filled in is named.
#[utoipa::path(
    post, path = "/tools/generate/config", operation_id = "tools.generate-config", tag = "tools",
    request_body(content = ConfigFor),
    responses(
        (status = 200, description = "The document, and everything that can be written in it.", body = Config),
        NotFound,
    ),
)]
pub(super) async fn config(
    State(state): State<ServerState>,
    Json(Fields(body)): Json<Fields>,
) -> Result<JsonBody<Config>, Problem> {
    Ok(JsonBody(state.platform.generate_config(wanted(body)?).await?))
}

/// What is asked for a resource, without the word that says so, as the others below: read by themselves, what is wrong with
/// them is named by its field, which `serde` does not know of one of several.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForResource {
    #[serde(rename = "type")]
    resource_type: ResourceType,
    #[serde(default)]
    values: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForProject {
    template: TemplateId,
    #[serde(default)]
    values: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForSettings {
    plugin: String,
    #[serde(default)]
    values: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForManifest {
    name: PluginName,
    kind: PluginKind,
}

fn wanted(mut body: Map<String, Value>) -> Result<ConfigFor, Problem> {
    let what = body.remove("for");
    let body = Value::Object(body);
    match what.as_ref().and_then(Value::as_str) {
        Some("resource") => {
            let ForResource { resource_type, values } = from_value(body)?;
            Ok(ConfigFor::Resource { resource_type, values })
        }
        Some("project") => {
            let ForProject { template, values } = from_value(body)?;
            Ok(ConfigFor::Project { template, values })
        }
        Some("settings") => {
            let ForSettings { plugin, values } = from_value(body)?;
            Ok(ConfigFor::Settings { plugin, values })
        }
        Some("manifest") => {
            let ForManifest { name, kind } = from_value(body)?;
            Ok(ConfigFor::Manifest { name, kind })
        }
        _ => Err(Problem::invalid(&[Violation::new("/for", "write resource, project, settings or manifest")])),
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Unknown(detail) => Self::new(ProblemKind::NotFound, detail),
            ConfigError::Invalid(violations) => Self::invalid(&violations),
            ConfigError::Plugin(ActivateError::Query(error)) => {
                Self::invalid(&[Violation::new("/plugin", error.to_string())])
            }
            ConfigError::Plugin(ActivateError::Packages(error)) => error.into(),
            ConfigError::Plugin(error) => {
                out_of_reach(error).unwrap_or_else(|error| Self::new(ProblemKind::Invalid, error.to_string()))
            }
        }
    }
}

/// For which machine.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Platform {
    /// The operating system, such as `linux`; that of the server when nothing is said.
    #[serde(default = "here_os")]
    os: String,
    /// The processor, such as `x86_64` or `aarch64`; that of the server when nothing is said.
    #[serde(default = "here_arch")]
    arch: String,
}

fn here_os() -> String {
    std::env::consts::OS.to_owned()
}

fn here_arch() -> String {
    std::env::consts::ARCH.to_owned()
}

/// The command line, of the same version as this server: the very program that answers.
#[utoipa::path(
    get, path = "/tools/cli/download", operation_id = "tools.download-cli", tag = "tools",
    params(
        Platform,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the program that the client has."),
    ),
    responses(
        (
            status = 200, description = "The program.", body = Vec<u8>, content_type = "application/octet-stream",
            headers(
                ("ETag" = String, description = "Its digest."),
                ("Repr-Digest" = String, description = "Its digest as RFC 9530 has it."),
                ("Content-Disposition" = String, description = "Its file name."),
            ),
        ),
        (status = 304, description = "It is the one that `If-None-Match` names."),
        NotFound,
    ),
)]
pub(super) async fn download(Params(wanted): Params<Platform>, asked: HeaderMap) -> Result<Response, Problem> {
    let (os, arch) = (here_os(), here_arch());
    if (&wanted.os, &wanted.arch) != (&os, &arch) {
        let detail = format!(
            "this server has the command line for {os} on {arch} only, not for {} on {}; build it there, or take it from a \
             release",
            wanted.os, wanted.arch
        );
        let there = json!([{"os": os, "arch": arch}]);
        return Err(Problem::new(ProblemKind::NotFound, detail).with("available", there));
    }
    let program = Program::running().await?;
    let headers = program.headers().map_err(|error| Problem::internal(&error))?;
    if headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).is_some_and(|tag| has_already(&asked, tag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, program.read().await?).into_response())
}

/// The program that runs.
struct Program {
    path: PathBuf,
    digest: Digest,
    length: u64,
}

/// A piece that is read and sent at once.
const PIECE: usize = 256 * 1024;

impl Program {
    /// It is read through once, the first time that somebody asks.
    async fn running() -> Result<Arc<Self>, Problem> {
        static RUNNING: OnceCell<Arc<Program>> = OnceCell::const_new();
        let read = async || tokio::task::spawn_blocking(Self::look).await.map_err(std::io::Error::other)?.map(Arc::new);
        RUNNING.get_or_try_init(read).await.cloned().map_err(|error| Problem::internal(&error))
    }

    fn look() -> std::io::Result<Self> {
        // On Linux this is the file that was started, also when another has been put in its place since.
        let own = Path::new("/proc/self/exe");
        let path = if own.exists() { own.to_owned() } else { std::env::current_exe()? };
        let (mut file, mut piece) = (std::fs::File::open(&path)?, vec![0; PIECE]);
        let (mut hashed, mut length) = (Sha256::new(), 0_u64);
        loop {
            let read = file.read(&mut piece)?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            hashed.update(bytes);
            length += bytes.len() as u64;
        }
        Ok(Self { path, digest: Digest::from_bytes(hashed.finalize().into()), length })
    }

    fn headers(&self) -> Result<HeaderMap, header::InvalidHeaderValue> {
        let sha256 = STANDARD.encode(self.digest.as_bytes());
        let file = if cfg!(windows) { "macadam.exe" } else { "macadam" };
        Ok(HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (header::CONTENT_LENGTH, HeaderValue::from(self.length)),
            (header::CONTENT_DISPOSITION, HeaderValue::try_from(format!("attachment; filename=\"{file}\""))?),
            (header::ETAG, HeaderValue::try_from(format!("\"{}\"", self.digest))?),
            (HeaderName::from_static("repr-digest"), HeaderValue::try_from(format!("sha-256=:{sha256}:"))?),
        ]))
    }

    /// Its bytes, a piece at a time: there is no need to have all of it in memory for each who asks.
    async fn read(&self) -> Result<Body, Problem> {
        let file = tokio::fs::File::open(&self.path).await.map_err(|error| Problem::internal(&error))?;
        let pieces = futures::stream::try_unfold(file, async |mut file| {
            let mut piece = Vec::with_capacity(PIECE);
            let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece).await?;
            Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
        });
        Ok(Body::from_stream(pieces))
    }
}
