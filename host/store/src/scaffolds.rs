//! Generated projects: where a project came from and which archive it is. The archive itself is kept elsewhere, by its
//! digest.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::names::{PluginRef, TemplateId};
use macadam_core::project::FileMode;

use crate::{RequestId, ScaffoldId, StoreError};

/// A project that was generated, as it comes in with its request.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Scaffold {
    /// Its id.
    pub id: ScaffoldId,
    /// The golden path.
    pub template: TemplateId,
    /// The generator's name and version.
    pub plugin: PluginRef,
    /// The generator itself.
    pub plugin_digest: Digest,
    /// The answers it was generated from, as JSON.
    pub answers: serde_json::Value,
    /// The archive.
    pub archive: Digest,
    /// The archive's size in bytes.
    pub archive_size: u64,
    /// What is in it.
    pub files: Vec<ScaffoldFile>,
    /// What the requester should know.
    pub warnings: Vec<String>,
}

/// What [`Scaffolds::archives`] reads of a project's document. Read here and not by the database, whose functions refuse
/// a document with `\u0000` in it, and one at a time, since there may be many.
#[derive(serde::Deserialize)]
pub(crate) struct OfArchive {
    pub(crate) archive: Digest,
}

/// One file of a project.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ScaffoldFile {
    /// Relative, with `/`.
    pub path: String,
    /// How it may be used.
    pub mode: FileMode,
    /// Its size in bytes.
    pub size: u64,
}

/// A project as it is kept.
#[derive(Debug, Clone)]
pub struct ScaffoldRecord {
    /// The project.
    pub scaffold: Scaffold,
    /// The request that asked for it; whether it may be handed out is that request's state.
    pub request: RequestId,
    /// When it was generated.
    pub created_at: Timestamp,
}

/// The generated projects.
#[async_trait]
pub trait Scaffolds: Send + Sync {
    /// One project.
    async fn scaffold(&self, id: ScaffoldId) -> Result<Option<ScaffoldRecord>, StoreError>;

    /// The archives of all projects that are or may yet be handed out, each once, and of those whose requests ended
    /// otherwise than well at a time or later. These are never handed out, but a backup from before their end names them.
    async fn archives(&self, ended_since: Timestamp) -> Result<Vec<Digest>, StoreError>;
}
