//! What can be granted to plugins, by name: databases and directories, and where each is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use macadam_core::names::GrantName;
use serde::Deserialize;

/// What can be granted, by name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::serve) struct Connections {
    /// Databases.
    pub(in crate::serve) sql: BTreeMap<GrantName, SqlAddress>,
    /// Directories.
    pub(in crate::serve) files: BTreeMap<GrantName, FilesPath>,
}

/// Where a database's address is; one of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table with `url`, `url-env` or `url-file`")]
pub(in crate::serve) struct SqlAddress {
    /// Here.
    pub(in crate::serve) url: Option<String>,
    /// In a variable of the environment.
    pub(in crate::serve) url_env: Option<String>,
    /// In a file.
    pub(in crate::serve) url_file: Option<PathBuf>,
}

impl std::fmt::Debug for SqlAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("SqlAddress")
            .field("url_env", &self.url_env)
            .field("url_file", &self.url_file)
            .finish_non_exhaustive()
    }
}

/// Where a directory is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::serve) struct FilesPath {
    /// Absolute, or below the data directory.
    pub(in crate::serve) path: PathBuf,
}
