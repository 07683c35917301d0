//! The store on SQLite: the suite that every store passes, and what only a file can do.

#![allow(unreachable_pub, reason = "a test binary has nobody to export to")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

#[path = "../suite/mod.rs"]
mod suite;

mod audit;
mod backup;
mod file;
mod power;

use std::ops::Deref;
use std::path::{Path, PathBuf};

use macadam_store::{SqliteStore, Store};
use tempfile::TempDir;

/// A store in a folder of its own, which goes with it.
pub struct TestStore {
    store: Box<dyn Store>,
    folder: TempDir,
}

impl TestStore {
    /// An empty one.
    pub async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Box::new(SqliteStore::open(&database(folder.path())).await.unwrap());
        Self { store, folder }
    }

    /// Its file.
    pub fn path(&self) -> PathBuf {
        database(self.folder.path())
    }
}

fn database(folder: &Path) -> PathBuf {
    folder.join("macadam.db")
}

impl Deref for TestStore {
    type Target = dyn Store;
    fn deref(&self) -> &Self::Target {
        self.store.as_ref()
    }
}
