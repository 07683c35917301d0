//! Where the store is: in a file of the data directory, or in a PostgreSQL database that somebody names.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use macadam_store::{PostgresSettings, PostgresStore, SqliteStore, Store};
use serde::Deserialize;

use crate::serve::config::{Config, SqlAddress};
use crate::serve::connections::address_of;
use crate::serve::data::DataDir;
use crate::serve::key::{KeyPlace, MasterKeys};

/// The address of a database. It may hold a password, and is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct DatabaseUrl(String);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl")
    }
}

impl FromStr for DatabaseUrl {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        // What is wrong with it is told later: the command line's own errors repeat what was typed.
        Ok(Self(text.to_owned()))
    }
}

/// The store, opened.
pub(super) enum OpenStore {
    /// In the data directory.
    Sqlite(SqliteStore),
    /// On a server.
    Postgres(PostgresStore),
}

impl OpenStore {
    /// The store as the platform knows it.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// Ends every connection.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

/// Opens the store: at the address of the command line, or of the configuration, or in the data directory; and the key to
/// its secrets.
pub(super) async fn open(
    data: &DataDir,
    config: &Config,
    url: Option<&DatabaseUrl>,
) -> anyhow::Result<(OpenStore, MasterKeys)> {
    let place = KeyPlace::of(data, config)?;
    let Some(settings) = chosen(data, config, url)? else {
        // The key comes first: it must be made before the database that needs it is.
        let key = MasterKeys::open(&place, data, config)?;
        let store = SqliteStore::open(&data.database()).await?;
        key.check(&store).await?;
        return Ok((OpenStore::Sqlite(store), key));
    };
    let store = PostgresStore::open(&settings).await?;
    // A database without teams is new. In any other there may be secrets, and a key that is made now opens none of them.
    if !macadam_store::Teams::teams(&store).await?.is_empty() {
        place.must_be_there(data, &settings.place())?;
    }
    let key = MasterKeys::open(&place, data, config)?;
    key.check(&store).await?;
    if data.database().exists() {
        let path = data.database();
        tracing::warn!(path = %path.display(), "the store is on a server; what is in this file is not used");
    }
    Ok((OpenStore::Postgres(store), key))
}

/// The database that was chosen, unless it is the file.
fn chosen(data: &DataDir, config: &Config, url: Option<&DatabaseUrl>) -> anyhow::Result<Option<PostgresSettings>> {
    let (url, place) = match url {
        Some(DatabaseUrl(url)) => (url.clone(), "`--database` or MACADAM_DATABASE"),
        None => match configured(data, config)? {
            Some(configured) => configured,
            None => return Ok(None),
        },
    };
    let settings = PostgresSettings::new(&url).context(place)?;
    Ok(Some(settings.connections(config.database_connections)))
}

/// The address that the configuration says or points at, and which of its fields does.
fn configured(data: &DataDir, config: &Config) -> anyhow::Result<Option<(String, &'static str)>> {
    let address = SqlAddress {
        url: config.database.as_ref().map(|DatabaseUrl(url)| url.clone()),
        url_env: config.database_url_env.clone(),
        url_file: config.database_url_file.clone(),
    };
    let field = match (&address.url, &address.url_env, &address.url_file) {
        (None, None, None) => return Ok(None),
        (Some(_), None, None) => "`database` of the configuration",
        (None, Some(_), None) => "`database-url-env` of the configuration",
        (None, None, Some(_)) => "`database-url-file` of the configuration",
        _ => bail!("write one of `database`, `database-url-env` and `database-url-file`"),
    };
    Ok(Some((address_of(data, &address).context(field)?, field)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(config: &str, url: Option<&str>) -> Result<Option<String>, String> {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        std::fs::write(data.join("address"), "postgres://from-file:hunter2@h/d\n").unwrap();
        std::fs::write(data.join("nonsense"), "hunter2\n").unwrap();
        let config: Config = toml::from_str(config).unwrap();
        let url = url.map(|url| url.parse::<DatabaseUrl>().unwrap());
        let chosen = chosen(&data, &config, url.as_ref());
        chosen.map(|settings| settings.map(|settings| settings.place())).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn the_store_is_a_file_unless_one_address_says_otherwise() {
        assert_eq!(place("", None), Ok(None));
        let of = |user: &str| Ok(Some(format!("postgres://{user}@h:5432/d")));
        assert_eq!(place("database = 'postgres://from-config:hunter2@h/d'", None), of("from-config"));
        assert_eq!(place("database-url-file = 'address'", None), of("from-file"));
        let both = place("database-url-file = 'address'", Some("postgres://typed:hunter2@h/d"));
        assert_eq!(both, of("typed"), "the command line counts over the configuration");
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_with_its_place_and_without_its_password() {
        for (config, url, part) in [
            ("database = 'postgres://a'\ndatabase-url-env = 'B'", None, "write one of `database`"),
            ("database-url-env = 'MACADAM_NOT_SET'", None, "MACADAM_NOT_SET"),
            ("database-url-file = 'nowhere'", None, "nowhere cannot be read"),
            ("database-url-file = 'nonsense'", None, "`database-url-file` of the configuration"),
            ("database = 'mysql://u:hunter2@h/d'", None, "`database` of the configuration"),
            ("", Some("mysql://u:hunter2@h/d"), "--database"),
            ("", Some("postgres://u:hun?ter2=hunter2@h/d"), "%3F"),
            ("", Some("postgres://u@h/d?pasword=hunter2"), "pasword"),
            ("", Some("postgres://u:hunter2@h:port/d"), "postgres://USER"),
        ] {
            let refused = place(config, url).unwrap_err();
            assert!(refused.contains(part), "{part:?} is missing in: {refused}");
            assert!(!refused.contains("hunter2") && !refused.contains("ter2"), "{refused}");
        }
        let url: DatabaseUrl = "postgres://u:hunter2@h/d".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_an_error_and_not_a_new_file() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let config: Config = toml::from_str("database = 'postgres://u:hunter2@127.0.0.1:1/d'").unwrap();
        let Err(refused) = open(&data, &config, None).await else { panic!("nothing listens there") };
        let said = format!("{refused:#}");
        assert!(said.contains("u@127.0.0.1:1/d") && !said.contains("hunter2"), "{said}");
        assert!(!data.database().exists() && !data.join("master.key").exists());
    }
}
