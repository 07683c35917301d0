//! The key to the secrets of a backup: read as hosts read it, and compared with what the backup is sealed under. Under
//! another key the secrets would open for nobody, and the host that is restored would not start.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use macadam_platform::vault::{KEY_BYTES, key_id};
use macadam_store::{SealingKeyId, SealingKeys as _, SqliteStore};

use crate::serve::{SetUp, parse_key};

/// The keys that a restored store will have.
pub(super) struct Keys {
    /// The key that has to be written to the data directory, where it is not yet.
    pub(super) new: Option<[u8; KEY_BYTES]>,
    held: Vec<SealingKeyId>,
}

impl Keys {
    /// The key in a file, or without one what the data directory's host has. `there` is the data directory's own file.
    pub(super) fn find(given: Option<&Path>, there: &Path, set_up: &SetUp) -> anyhow::Result<Self> {
        let Some(given) = given else {
            let held = set_up.held()?.with_context(|| {
                format!(
                    "the secrets in a backup open only with the key of its host; name that with --key, or put it at {}",
                    there.display()
                )
            })?;
            return Ok(Self { new: None, held });
        };
        let key = read(given)?;
        let is_there = there.exists();
        ensure!(
            !is_there || read(there)? == key,
            "{} is another key than {}; move it away",
            there.display(),
            given.display()
        );
        Ok(Self { new: (!is_there).then_some(key), held: vec![key_id(&key)] })
    }

    /// Refuses to go on with keys that open nothing in a store. A store of before keys had ids says nothing of them.
    pub(super) async fn must_open(&self, database: &Path) -> anyhow::Result<()> {
        let store = SqliteStore::open(database).await?;
        let known = store.sealing_keys().await;
        store.close().await;
        let in_use: Vec<SealingKeyId> = known?.in_use.iter().map(|key| key.id).collect();
        ensure!(
            in_use.is_empty() || self.held.iter().any(|id| in_use.contains(id)),
            "this is not the key to the secrets of the backup: they are sealed under the key {}, and it is {}; name with \
             --key the one that its host had",
            list(&in_use),
            list(&self.held)
        );
        Ok(())
    }
}

/// A key in a file: as bytes, digits or base64.
fn read(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    parse_key(&bytes).with_context(|| path.display().to_string())
}

fn list(keys: &[SealingKeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
