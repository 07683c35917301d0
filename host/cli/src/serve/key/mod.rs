//! The key that secrets are sealed with: from the environment, from a file or a program that somebody names, or from
//! `master.key` in the data directory, which is made at the first start.
//!
//! Hosts on one database need the same key. The database knows its id, so that a host with another one is told at its
//! start, before it seals what the others cannot open. While a key is being replaced, a host holds others as well: the
//! next one before it is the key, and the former one until nothing is sealed under it.

mod source;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use macadam_platform::Platform;
use macadam_platform::vault::{Followed, KEY_BYTES, Sealer, key_id};
use macadam_store::{SealingKeyId, SealingKeySet, Store};

use crate::serve::config::Config;
use crate::serve::data::DataDir;
use crate::serve::key::source::{DataDirFile, File, KeySource, Program, Variable};

/// The variable that counts over everything else.
const VARIABLE: &str = "MACADAM_MASTER_KEY";

/// The variable that adds other keys, with commas or spaces in between.
const OTHERS: &str = "MACADAM_OTHER_MASTER_KEYS";

/// A key that secrets are sealed with.
pub(super) struct MasterKey([u8; KEY_BYTES]);

/// The key that secrets are sealed with, and others that they may be sealed under as well.
pub(super) struct MasterKeys {
    key: MasterKey,
    others: Vec<MasterKey>,
}

/// Where the key is: what gives it, and makes one in the data directory where that may be done.
pub(super) struct KeyPlace(Box<dyn KeySource>);

impl KeyPlace {
    /// Where the key is said to be.
    pub(super) fn of(data: &DataDir, config: &Config) -> anyhow::Result<Self> {
        if std::env::var_os(VARIABLE).is_some() {
            return Ok(Self(Box::new(Variable(VARIABLE.to_owned()))));
        }
        let Config { master_key_env, master_key_file, master_key_command, .. } = config;
        Ok(Self(match (master_key_env, master_key_file, master_key_command) {
            (None, None, None) => Box::new(DataDirFile(data.master_key())),
            (Some(name), None, None) => Box::new(Variable(name.clone())),
            (None, Some(path), None) => Box::new(File(data.join(path))),
            (None, None, Some(program)) => Box::new(Program(program.clone())),
            _ => bail!("write one of `master-key-env`, `master-key-file` and `master-key-command`"),
        }))
    }

    /// The key, if it is there; none is made.
    pub(super) fn there(&self) -> anyhow::Result<Option<[u8; KEY_BYTES]>> {
        Ok(self.0.key()?.map(|key| key.0))
    }

    /// The key, made on first use.
    fn open(&self, data: &DataDir) -> anyhow::Result<MasterKey> {
        match self.0.key()? {
            Some(key) => Ok(key),
            None => Ok(MasterKey(data.new_master_key()?)),
        }
    }

    /// Refuses to go on without the key to the secrets in a database that is in use: one that is made now opens none.
    pub(super) fn must_be_there(&self, data: &DataDir, place: &str) -> anyhow::Result<()> {
        if self.0.key()?.is_none() {
            bail!(
                "{place} is in use, and the key to its secrets, {}, is not here; copy it from the host that uses the \
                 database, put it back from a backup, or name it with {VARIABLE}, `master-key-env`, `master-key-file` or \
                 `master-key-command`",
                data.master_key().display()
            );
        }
        Ok(())
    }
}

impl MasterKey {
    fn id(&self) -> SealingKeyId {
        key_id(&self.0)
    }

    /// The key as bytes, as `master.key` has it, or as a text.
    fn from_bytes(bytes: &[u8]) -> anyhow::Result<Self> {
        match <[u8; KEY_BYTES]>::try_from(bytes) {
            // Random bytes are not all characters that can be typed: what is, is a password or half a key's digits.
            Ok(key) if !key.iter().all(u8::is_ascii_graphic) => Ok(Self(key)),
            Ok(_) => anyhow::bail!(
                "it is {KEY_BYTES} characters, and no random bytes; where secrets are sealed with them already, write them \
                 as base64 (`base64 < FILE`) and replace that key then, and otherwise write the output of \
                 `openssl rand -base64 32`"
            ),
            _ => Self::from_text(std::str::from_utf8(bytes).unwrap_or_default()),
        }
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
}

impl MasterKeys {
    /// The key, made on first use, and the others.
    pub(super) fn open(place: &KeyPlace, data: &DataDir, config: &Config) -> anyhow::Result<Self> {
        let others = Self::others(data, config)?;
        Ok(Self { key: place.open(data)?, others })
    }

    /// The ids of the other keys, wherever the key itself comes from.
    pub(super) fn other_ids(data: &DataDir, config: &Config) -> anyhow::Result<Vec<SealingKeyId>> {
        Ok(Self::others(data, config)?.iter().map(MasterKey::id).collect())
    }

    fn others(data: &DataDir, config: &Config) -> anyhow::Result<Vec<MasterKey>> {
        let sources = config.other_master_key_envs.iter().map(|name| Variable(name.clone()).key());
        let sources = sources.chain(config.other_master_key_files.iter().map(|path| File(data.join(path)).key()));
        let sources = sources.chain(config.other_master_key_commands.iter().map(|all| Program(all.clone()).key()));
        let mut others: Vec<MasterKey> = sources.filter_map(Result::transpose).collect::<anyhow::Result<_>>()?;
        if let Some(text) = std::env::var_os(OTHERS) {
            let text = text.to_str().with_context(|| {
                format!("the variable {OTHERS} of the environment cannot be read; set it, as digits or base64")
            })?;
            others.extend(several(text).with_context(|| format!("the variable {OTHERS}"))?);
        }
        Ok(others)
    }

    /// What seals with them.
    pub(super) fn sealer(&self) -> Sealer {
        let others: Vec<_> = self.others.iter().map(|key| key.0).collect();
        Sealer::with_others(&self.key.0, &others)
    }

    /// Refuses a store with secrets under keys that are not here. The key becomes the store's if it has none yet, or if
    /// it is a new one and those that it has are here as well.
    pub(super) async fn check(&self, store: &dyn Store) -> anyhow::Result<()> {
        let held = self.sealer().held();
        let known = store.adopt_sealing_key(self.key.id(), &held, Timestamp::now()).await?;
        let missing = known.missing(&held);
        if missing.len() == known.in_use.len() {
            bail!(
                "the secrets of this database are sealed under the key {}, and this host has the key {}; give it the \
                 same key: copy master.key from a host that uses the database, or name it with {VARIABLE}, \
                 `master-key-env`, `master-key-file` or `master-key-command`",
                list(&missing),
                self.key.id()
            );
        }
        if !missing.is_empty() {
            bail!(
                "secrets of this database are sealed under the key {}, which this host does not have; give it that key \
                 as well, with {OTHERS}, `other-master-key-envs` or `other-master-key-files`, until the schedule \
                 `master-key` says that nothing is left under it",
                list(&missing)
            );
        }
        self.tell(&known);
        Ok(())
    }

    fn tell(&self, known: &SealingKeySet) {
        let (mine, current) = (self.key.id(), known.current().map_or_else(|| self.key.id(), |key| key.id));
        tracing::info!(key = %current, "the key that secrets are sealed with");
        if mine != current {
            tracing::warn!(
                key = %mine, instead = %current,
                "the key of this host was replaced, and does not come back; name the one that replaced it with \
                 {VARIABLE}, `master-key-env` or `master-key-file`"
            );
        }
        for key in self.others.iter().map(MasterKey::id).filter(|id| known.retired.contains(id)) {
            tracing::info!(%key, "nothing is sealed under this key any more; it can be taken away");
        }
    }
}

/// Seals under the key that another host may have brought, and says once when that is not here; gives which that is.
pub(super) async fn follow(platform: &Platform, told: Option<SealingKeyId>) -> Option<SealingKeyId> {
    match platform.follow_sealing_keys().await {
        Ok(Followed::Missing(key)) => {
            if told != Some(key) {
                tracing::error!(
                    %key,
                    "other hosts seal secrets under a key that this host does not have, and it cannot open them; give it \
                     that key with {OTHERS}, `other-master-key-envs` or `other-master-key-files`, and restart it"
                );
            }
            Some(key)
        }
        Ok(Followed::Same | Followed::Changed(_)) => None,
        Err(error) => {
            tracing::error!(%error, "it is not known whether the key was replaced; secrets are sealed as they were");
            told
        }
    }
}

/// A key as it is written in a file: as bytes, hexadecimal digits or base64.
///
/// # Errors
/// When it is none; it is not repeated.
pub(crate) fn parse_key(bytes: &[u8]) -> anyhow::Result<[u8; KEY_BYTES]> {
    MasterKey::from_bytes(bytes).map(|key| key.0)
}

fn several(text: &str) -> anyhow::Result<Vec<MasterKey>> {
    let each = text.split(|separator: char| separator == ',' || separator.is_whitespace());
    each.filter(|text| !text.is_empty()).map(MasterKey::from_text).collect()
}

fn list(keys: &[SealingKeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    digits?.chunks(2).map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn data() -> (tempfile::TempDir, DataDir) {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        (directory, data)
    }

    fn all_from_config(data: &DataDir, config: &str) -> Result<MasterKeys, String> {
        let config: Config = toml::from_str(config).unwrap();
        let keys = KeyPlace::of(data, &config).and_then(|place| MasterKeys::open(&place, data, &config));
        keys.map_err(|error| format!("{error:#}"))
    }

    fn from_config(data: &DataDir, config: &str) -> Result<MasterKey, String> {
        all_from_config(data, config).map(|keys| keys.key)
    }

    fn in_data_dir(data: &DataDir) -> KeyPlace {
        KeyPlace::of(data, &Config::default()).unwrap()
    }

    fn keys(key: u8, others: &[u8]) -> MasterKeys {
        MasterKeys { key: MasterKey([key; 32]), others: others.iter().map(|byte| MasterKey([*byte; 32])).collect() }
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
        assert!(in_data_dir(&data).must_be_there(&data, "postgres://u@h/d").is_ok());
    }

    #[test]
    fn a_key_that_cannot_be_used_is_refused_with_its_place_and_never_shown() {
        let (_directory, data) = data();
        fs::write(data.join("key"), "hunter2").unwrap();
        fs::set_permissions(data.join("key"), PermissionsExt::from_mode(0o600)).unwrap();
        for (name, text) in [("half", "0123456789abcdef".repeat(2)), ("password", "hunter2-".repeat(4))] {
            fs::write(data.join(name), text).unwrap();
            fs::set_permissions(data.join(name), PermissionsExt::from_mode(0o600)).unwrap();
        }
        fs::write(data.join("open"), [7; 32]).unwrap();
        fs::set_permissions(data.join("open"), PermissionsExt::from_mode(0o644)).unwrap();
        for (config, part) in [
            ("master-key-env = 'A'\nmaster-key-file = 'b'", "write one of"),
            ("master-key-env = 'MACADAM_NOT_SET'", "MACADAM_NOT_SET"),
            ("master-key-file = 'nowhere'", "nowhere cannot be read"),
            ("master-key-file = 'key'", "openssl rand"),
            ("master-key-file = 'half'", "openssl rand"),
            ("master-key-file = 'password'", "openssl rand"),
            ("master-key-file = 'open'", "chmod"),
            ("master-key-file = 'key'\nmaster-key-command = ['cat', 'key']", "write one of"),
            ("master-key-command = []", "no name"),
            ("master-key-command = ['sh', '-c', 'echo hunter2']", "openssl rand"),
            ("other-master-key-commands = [['sh', '-c', 'exit 2']]", "it failed"),
            ("other-master-key-envs = ['MACADAM_NOT_SET']", "MACADAM_NOT_SET"),
            ("other-master-key-files = ['nowhere']", "nowhere cannot be read"),
            ("other-master-key-files = ['key']", "openssl rand"),
            ("other-master-key-files = ['open']", "chmod"),
        ] {
            let Err(refused) = from_config(&data, config) else { panic!("{config} is refused") };
            assert!(refused.contains(part) && !refused.contains("hunter2"), "{part:?} is missing in: {refused}");
        }
        assert!(!data.master_key().exists(), "none is made in its place");
        let refused = in_data_dir(&data).must_be_there(&data, "postgres://u@h/d").unwrap_err().to_string();
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
        let gone = refused();
        assert!(gone.contains("backup") && gone.contains("MACADAM_MASTER_KEY"), "a new key would open nothing: {gone}");
        assert!(!path.exists());
    }

    #[test]
    fn other_keys_are_read_as_the_key_is_and_a_text_may_have_several() {
        let (_directory, data) = data();
        fs::write(data.join("next"), [7; 32]).unwrap();
        fs::set_permissions(data.join("next"), PermissionsExt::from_mode(0o600)).unwrap();
        let program = format!("other-master-key-commands = [['cat', '{}']]", data.join("next").display());
        for config in ["other-master-key-files = ['next']", &program] {
            let keys = all_from_config(&data, config).unwrap();
            assert_eq!(keys.sealer().held(), [keys.key.id(), key_id(&[7; 32])]);
        }
        let text = format!("{}, {}\n", "07".repeat(32), BASE64_STANDARD.encode([8; 32]));
        let read: Vec<_> = several(&text).unwrap().iter().map(|key| key.0).collect();
        assert_eq!(read, [[7; 32], [8; 32]]);
        assert!(several("hunter2").is_err_and(|error| !error.to_string().contains("hunter2")));
        assert!(several("").unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_store_takes_another_key_only_from_a_host_that_has_the_former_one_as_well() {
        let (_directory, data) = data();
        let store = macadam_store::SqliteStore::open(&data.database()).await.unwrap();
        keys(1, &[]).check(&store).await.unwrap();
        keys(1, &[2]).check(&store).await.unwrap();
        let refused = keys(2, &[]).check(&store).await.unwrap_err().to_string();
        assert!(refused.contains(&key_id(&[1; 32]).to_string()) && refused.contains("MACADAM_MASTER_KEY"), "{refused}");
        keys(2, &[1]).check(&store).await.unwrap();
        for (host, missing) in [(keys(2, &[]), 1), (keys(1, &[]), 2)] {
            let refused = host.check(&store).await.unwrap_err().to_string();
            let missing = key_id(&[missing; 32]).to_string();
            assert!(refused.contains(&missing) && refused.contains("other-master-key-files"), "{refused}");
        }
        keys(1, &[2]).check(&store).await.unwrap();
        let current = macadam_store::SealingKeys::sealing_keys(&store).await.unwrap().current().unwrap();
        assert_eq!(current.id, key_id(&[2; 32]), "an old configuration does not bring the former key back");
    }
}
