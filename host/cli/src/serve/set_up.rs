//! How the host of a data directory is set up, as far as a backup has to know it: where its store is, and the key to its
//! secrets. Nothing is made that is not there.

use std::path::Path;

use macadam_platform::vault::KEY_BYTES;
use macadam_store::SealingKeyId;

use crate::serve::config::Config;
use crate::serve::data::DataDir;
use crate::serve::key::{KeyPlace, MasterKeys};

/// The variable that counts over the configuration's `database`.
const DATABASE: &str = "MACADAM_DATABASE";

/// How a host is set up.
pub(crate) struct SetUp {
    data: DataDir,
    config: Config,
}

impl SetUp {
    /// Reads the configuration that is named, or the data directory's. Where there is none, a host would have set nothing.
    pub(crate) fn read(data: &Path, config: Option<&Path>) -> anyhow::Result<Self> {
        let data = DataDir::open(data)?;
        let of_data = data.join("macadam.toml");
        let config = match config {
            Some(path) => Config::read(path)?,
            None if of_data.is_file() => Config::read(&of_data)?,
            None => Config::default(),
        };
        Ok(Self { data, config })
    }

    /// Whether the store is a database on a server, by what is said and not by whether it can be reached.
    pub(crate) fn is_on_a_server(&self) -> bool {
        let Config { database, database_url_env, database_url_file, .. } = &self.config;
        database.is_some()
            || database_url_env.is_some()
            || database_url_file.is_some()
            || std::env::var_os(DATABASE).is_some()
    }

    /// Whether the blobs are where `blobs.url` says; a directory `blobs` of the data directory is then none of this host's.
    pub(crate) fn has_blobs_elsewhere(&self) -> bool {
        self.config.blobs.is_elsewhere()
    }

    /// The key that secrets are sealed with, wherever the host has it from; `None` when its first start would make it.
    pub(crate) fn key(&self) -> anyhow::Result<Option<[u8; KEY_BYTES]>> {
        KeyPlace::of(&self.data, &self.config)?.there()
    }

    /// The ids of the keys that the host holds beside its key.
    pub(crate) fn other_keys(&self) -> anyhow::Result<Vec<SealingKeyId>> {
        MasterKeys::other_ids(&self.data, &self.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_on_a_server_as_soon_as_the_configuration_says_so_in_whatever_way() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("macadam.toml");
        for (config, expected) in [
            ("", false),
            ("database = 'postgres://u@h/d'", true),
            ("database-url-env = 'MACADAM_NOT_SET'", true),
            ("database-url-file = 'nowhere'", true),
        ] {
            std::fs::write(&file, config).unwrap();
            let named = SetUp::read(directory.path(), Some(&file)).unwrap();
            let found = SetUp::read(directory.path(), None).unwrap();
            assert_eq!([named.is_on_a_server(), found.is_on_a_server()], [expected; 2], "{config}");
        }
    }

    #[test]
    fn a_key_is_looked_for_where_the_host_has_it_and_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let set_up = SetUp::read(directory.path(), None).unwrap();
        assert_eq!((set_up.key().unwrap(), set_up.other_keys().unwrap()), (None, vec![]));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is made");
        let [digits, other] = ["07", "08"].map(|byte| byte.repeat(KEY_BYTES));
        let program =
            format!("master-key-command = ['echo', '{digits}']\nother-master-key-commands = [['echo', '{other}']]");
        std::fs::write(directory.path().join("macadam.toml"), program).unwrap();
        let set_up = SetUp::read(directory.path(), None).unwrap();
        assert_eq!(set_up.key().unwrap(), Some([7; KEY_BYTES]));
        let id = macadam_platform::vault::key_id(&[8; KEY_BYTES]);
        assert_eq!(set_up.other_keys().unwrap(), [id]);
    }
}
