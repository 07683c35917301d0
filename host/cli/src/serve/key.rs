//! The key that secrets are sealed with: from the environment, from a file that somebody names, or from `master.key` in
//! the data directory, which is made at the first start.
//!
//! Hosts on one database need the same key. The database knows its id, so that a host with another one is told at its
//! start, before it seals what the others cannot open.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use macadam_platform::vault::{KEY_BYTES, Sealer, key_id};
use macadam_store::Store;

use crate::serve::config::Config;
use crate::serve::data::{DataDir, check_private};

/// The variable that counts over everything else.
const VARIABLE: &str = "MACADAM_MASTER_KEY";

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyPlace {
    /// In a variable of the environment.
    Variable(String),
    /// In a file that somebody has made.
    File(PathBuf),
    /// In the data directory, where one is made if there is none.
    DataDir,
}

/// The key that secrets are sealed with.
pub(super) struct MasterKey([u8; KEY_BYTES]);

impl KeyPlace {
    /// Where the key is said to be.
    pub(super) fn of(data: &DataDir, config: &Config) -> anyhow::Result<Self> {
        if std::env::var_os(VARIABLE).is_some() {
            return Ok(Self::Variable(VARIABLE.to_owned()));
        }
        match (&config.master_key_env, &config.master_key_file) {
            (None, None) => Ok(Self::DataDir),
            (Some(name), None) => Ok(Self::Variable(name.clone())),
            (None, Some(path)) => Ok(Self::File(data.join(path))),
            (Some(_), Some(_)) => bail!("write one of `master-key-env` and `master-key-file`"),
        }
    }

    /// The key; `None` when it is to be made, which only the data directory's is.
    fn find(&self, data: &DataDir) -> anyhow::Result<Option<MasterKey>> {
        match self {
            Self::Variable(name) => {
                let text = std::env::var(name);
                let text =
                    text.with_context(|| format!("the variable {name} of the environment cannot be read; set it"));
                let key = MasterKey::from_text(&text?);
                key.map(Some).with_context(|| format!("the variable {name}"))
            }
            Self::File(path) => {
                let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
                // Orchestrators mount secrets for a group.
                check_private(path, 0o007)?;
                MasterKey::from_file(&bytes).map(Some).with_context(|| path.display().to_string())
            }
            Self::DataDir => in_data_dir(&data.master_key()),
        }
    }

    /// The key, made on first use.
    pub(super) fn open(&self, data: &DataDir) -> anyhow::Result<MasterKey> {
        match self.find(data)? {
            Some(key) => Ok(key),
            None => Ok(MasterKey(data.new_master_key()?)),
        }
    }

    /// Refuses to go on without the key to the secrets in a database that is in use: one that is made now opens none.
    pub(super) fn must_be_there(&self, data: &DataDir, place: &str) -> anyhow::Result<()> {
        if self.find(data)?.is_none() {
            bail!(
                "{place} is in use, and the key to its secrets, {}, is not here; copy it from the host that uses the \
                 database, put it back from a backup, or name it with {VARIABLE}, `master-key-env` or `master-key-file`",
                data.master_key().display()
            );
        }
        Ok(())
    }
}

fn in_data_dir(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    check_private(path, 0o077)?;
    let length = bytes.len();
    let key = bytes.try_into().map_err(|_| {
        anyhow::anyhow!("{} has {length} bytes instead of {KEY_BYTES}; put it back from a backup", path.display())
    })?;
    Ok(Some(MasterKey(key)))
}

impl MasterKey {
    /// The key as bytes, as `master.key` has it, or as a text.
    fn from_file(bytes: &[u8]) -> anyhow::Result<Self> {
        if let Ok(key) = bytes.try_into() {
            return Ok(Self(key));
        }
        Self::from_text(std::str::from_utf8(bytes).unwrap_or_default())
    }

    /// The key as 64 hexadecimal digits or as base64. What is wrong with it is told without it.
    fn from_text(text: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        let decoded = match text.len() {
            64 => hex(text),
            _ => BASE64_STANDARD.decode(text).ok(),
        };
        decoded.and_then(|bytes| bytes.try_into().ok()).map(Self).with_context(|| {
            format!("it is no key: write {KEY_BYTES} random bytes as base64, such as from `openssl rand -base64 32`")
        })
    }

    /// What seals with it.
    pub(super) fn sealer(&self) -> Sealer {
        Sealer::new(&self.0)
    }

    /// Refuses a store whose secrets are sealed under other keys, and leaves the id in one that has none yet.
    pub(super) async fn check(&self, store: &dyn Store) -> anyhow::Result<()> {
        let id = key_id(&self.0);
        let known = store.first_sealing_key(&id, Timestamp::now()).await?;
        anyhow::ensure!(
            known.contains(&id),
            "the secrets of this database are sealed under the key {}, and this host has the key {id}; give it the same \
             key: copy master.key from a host that uses the database, or name it with {VARIABLE}, `master-key-env` or \
             `master-key-file`",
            known.join(", ")
        );
        tracing::info!(key = id, "the key that secrets are sealed with");
        Ok(())
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    digits?.chunks(2).map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn data() -> (tempfile::TempDir, DataDir) {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        (directory, data)
    }

    fn from_config(data: &DataDir, config: &str) -> Result<MasterKey, String> {
        let config: Config = toml::from_str(config).unwrap();
        KeyPlace::of(data, &config).and_then(|place| place.open(data)).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_key_is_made_once_and_read_as_bytes_digits_or_base64() {
        let (_directory, data) = data();
        let made = from_config(&data, "").unwrap().0;
        assert_eq!(from_config(&data, "").unwrap().0, made, "it is made once");
        let digits = made.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        for (name, bytes) in [
            ("raw", made.to_vec()),
            ("hex", digits.into_bytes()),
            ("b64", format!("{}\n", BASE64_STANDARD.encode(made)).into_bytes()),
        ] {
            fs::write(data.join(name), bytes).unwrap();
            fs::set_permissions(data.join(name), PermissionsExt::from_mode(0o440)).unwrap();
            let read = from_config(&data, &format!("master-key-file = \"{name}\"")).unwrap();
            assert_eq!(read.0, made, "{name}");
        }
        assert!(KeyPlace::DataDir.must_be_there(&data, "postgres://u@h/d").is_ok());
    }

    #[test]
    fn a_key_that_cannot_be_used_is_refused_with_its_place_and_never_shown() {
        let (_directory, data) = data();
        fs::write(data.join("key"), "hunter2").unwrap();
        fs::set_permissions(data.join("key"), PermissionsExt::from_mode(0o600)).unwrap();
        fs::write(data.join("open"), [7; 32]).unwrap();
        fs::set_permissions(data.join("open"), PermissionsExt::from_mode(0o644)).unwrap();
        for (config, part) in [
            ("master-key-env = 'A'\nmaster-key-file = 'b'", "write one of"),
            ("master-key-env = 'MACADAM_NOT_SET'", "MACADAM_NOT_SET"),
            ("master-key-file = 'nowhere'", "nowhere cannot be read"),
            ("master-key-file = 'key'", "openssl rand"),
            ("master-key-file = 'open'", "chmod"),
        ] {
            let Err(refused) = from_config(&data, config) else { panic!("{config} is refused") };
            assert!(refused.contains(part) && !refused.contains("hunter2"), "{part:?} is missing in: {refused}");
        }
        assert!(!data.master_key().exists(), "none is made in its place");
        let refused = KeyPlace::DataDir.must_be_there(&data, "postgres://u@h/d").unwrap_err().to_string();
        assert!(refused.contains("postgres://u@h/d") && refused.contains("master-key-file"), "{refused}");
    }

    #[test]
    fn the_data_directorys_key_that_is_gone_damaged_or_open_to_others_is_not_used_and_not_replaced() {
        let (_directory, data) = data();
        from_config(&data, "").unwrap();
        let path = data.master_key();
        let refused = || from_config(&data, "").err().unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(refused().contains("chmod 600"));
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(refused().contains("backup"));
        fs::remove_file(&path).unwrap();
        fs::write(data.database(), b"").unwrap();
        assert!(refused().contains("backup"), "a new key would open nothing");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_store_takes_only_the_key_that_it_had_first() {
        let (_directory, data) = data();
        let store = macadam_store::SqliteStore::open(&data.database()).await.unwrap();
        MasterKey([1; 32]).check(&store).await.unwrap();
        MasterKey([1; 32]).check(&store).await.unwrap();
        let refused = MasterKey([2; 32]).check(&store).await.unwrap_err().to_string();
        assert!(refused.contains(&key_id(&[1; 32])) && refused.contains("MACADAM_MASTER_KEY"), "{refused}");
    }
}
