//! The keys to the secrets of a backup: read as hosts read them, and compared with what the backup is sealed under. Without
//! one of them some secrets would open for nobody, and the host that is restored would not start.

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
    /// The key in a file, or without one what the data directory's host has, and the host's other keys. `there` is the
    /// data directory's own file.
    pub(super) fn find(given: Option<&Path>, there: &Path, set_up: &SetUp) -> anyhow::Result<Self> {
        let of_host = set_up.key()?;
        let key = match given {
            Some(given) => same_as_of_host(given, of_host, there)?,
            None => of_host.with_context(|| {
                format!(
                    "the secrets in a backup open only with the key of its host; name that with --key, or put it at {}",
                    there.display()
                )
            })?,
        };
        let held = std::iter::once(key_id(&key)).chain(set_up.other_keys()?).collect();
        // A host that has its key from elsewhere would not look at master.key.
        Ok(Self { new: of_host.is_none().then_some(key), held })
    }

    /// Refuses to go on without each key that something in a store is sealed under, as a host that starts does. A store
    /// of before keys had ids says nothing of them.
    pub(super) async fn must_open(&self, database: &Path) -> anyhow::Result<()> {
        let store = SqliteStore::open(database).await?;
        let known = store.sealing_keys().await;
        store.close().await;
        let known = known?;
        let missing = known.missing(&self.held);
        ensure!(
            missing.is_empty() || missing.len() < known.in_use.len(),
            "this is not the key to the secrets of the backup: they are sealed under the key {}, and it is {}; name with \
             --key the one that its host had",
            list(&missing),
            list(&self.held)
        );
        ensure!(
            missing.is_empty(),
            "secrets of the backup are also sealed under the key {}, which is not here, and its host would not start; \
             give that key as well, with MACADAM_OTHER_MASTER_KEYS, `other-master-key-envs` or `other-master-key-files`, \
             as the host had it",
            list(&missing)
        );
        Ok(())
    }
}

/// The key in a file, which must be the host's own where that has one.
fn same_as_of_host(given: &Path, of_host: Option<[u8; KEY_BYTES]>, there: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    let key = read(given)?;
    ensure!(
        of_host.is_none_or(|of_host| of_host == key),
        "{} is another key than this host has, from MACADAM_MASTER_KEY, its configuration or {}; let it have this one, or \
         move away what gives the other",
        given.display(),
        there.display()
    );
    Ok(key)
}

/// A key in a file: as bytes, digits or base64.
fn read(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    parse_key(&bytes).with_context(|| path.display().to_string())
}

fn list(keys: &[SealingKeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn keys(bytes: &[u8]) -> Keys {
        Keys { new: None, held: bytes.iter().map(|byte| key_id(&[*byte; KEY_BYTES])).collect() }
    }

    #[tokio::test]
    async fn a_backup_from_while_its_key_was_replaced_takes_both_keys() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("backup.db");
        let store = SqliteStore::open(&database).await.unwrap();
        for holds in [keys(&[1]), keys(&[2, 1])] {
            store.adopt_sealing_key(holds.held[0], &holds.held, Timestamp::now()).await.unwrap();
        }
        store.close().await;
        for (holds, missing) in [(keys(&[1]), 2), (keys(&[2]), 1)] {
            let refused = holds.must_open(&database).await.unwrap_err().to_string();
            let missing = key_id(&[missing; KEY_BYTES]).to_string();
            assert!(refused.contains(&missing) && refused.contains("other-master-key-files"), "{refused}");
        }
        let refused = keys(&[3]).must_open(&database).await.unwrap_err().to_string();
        assert!(refused.contains("not the key to the secrets"), "{refused}");
        keys(&[1, 2]).must_open(&database).await.unwrap();
    }

    #[test]
    fn a_key_that_is_given_must_be_the_one_that_the_configuration_gives_and_is_not_written_then() {
        let directory = tempfile::tempdir().unwrap();
        let (given, there) = (directory.path().join("given"), directory.path().join("master.key"));
        fs::write(&given, [7; KEY_BYTES]).unwrap();
        let find = |config: &str| {
            fs::write(directory.path().join("macadam.toml"), config).unwrap();
            Keys::find(Some(&given), &there, &SetUp::read(directory.path(), None).unwrap())
        };
        assert_eq!(find("").unwrap().new, Some([7; KEY_BYTES]), "nothing else gives it");
        let program = |byte: &str| format!("master-key-command = ['echo', '{}']", byte.repeat(KEY_BYTES));
        let others = format!("other-master-key-commands = [['echo', '{}']]", "08".repeat(KEY_BYTES));
        let same = find(&format!("{}\n{others}", program("07"))).unwrap();
        assert_eq!((same.new, same.held), (None, keys(&[7, 8]).held));
        let refused = find(&program("09")).err().unwrap().to_string();
        assert!(refused.contains("another key"), "{refused}");
    }
}
