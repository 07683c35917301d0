//! What can be granted: the databases and directories of the configuration, and the vault.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use macadam_core::names::GrantName;
use macadam_platform::plugins::HostGrants;
use macadam_platform::vault::Vault;
use macadam_runtime::capabilities::files::FilesRoot;
use macadam_runtime::capabilities::sql::SqlConnection;

use crate::serve::config::{Connections, SqlAddress};
use crate::serve::data::DataDir;

/// The directory that there is without being set up.
const WORKSPACES: &str = "workspaces";

/// Opens everything that can be granted. Databases are connected to when they are first used.
pub(super) fn open(data: &DataDir, connections: &Connections, vault: Arc<Vault>) -> anyhow::Result<HostGrants> {
    let mut grants = HostGrants { secrets: Some(vault), ..HostGrants::default() };
    for (name, address) in &connections.sql {
        let place = format!("`connections.sql.{name}`");
        let url = address_of(data, address).with_context(|| place.clone())?;
        // The URL may hold a password, so that what is wrong with it is told without it.
        grants.sql.insert(name.clone(), Arc::new(SqlConnection::new(&url).context(place)?));
    }
    for (name, path) in roots(data, connections)? {
        let open = |path: PathBuf| {
            std::fs::create_dir_all(&path)?;
            let path = std::fs::canonicalize(path)?;
            FilesRoot::open(&path, path.display().to_string())
        };
        let root = open(path).with_context(|| format!("the directory of `connections.files.{name}` cannot be used"))?;
        grants.files.insert(name, Arc::new(root));
    }
    Ok(grants)
}

fn roots(data: &DataDir, connections: &Connections) -> anyhow::Result<BTreeMap<GrantName, PathBuf>> {
    let mut roots = BTreeMap::from([(GrantName::new(WORKSPACES)?, data.join(WORKSPACES))]);
    roots.extend(connections.files.iter().map(|(name, files)| (name.clone(), data.join(&files.path))));
    Ok(roots)
}

/// The address of a database, from where it is said to be.
pub(super) fn address_of(data: &DataDir, address: &SqlAddress) -> anyhow::Result<String> {
    match address {
        SqlAddress { url: Some(url), url_env: None, url_file: None } => Ok(url.clone()),
        // The system's own error repeats what is in the variable when that is no UTF-8.
        SqlAddress { url: None, url_env: Some(name), url_file: None } => std::env::var(name)
            .ok()
            .with_context(|| format!("the variable {name} of the environment cannot be read; set it, as UTF-8")),
        SqlAddress { url: None, url_env: None, url_file: Some(path) } => {
            let path = data.join(path);
            let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            Ok(text.trim().to_owned())
        }
        _ => bail!("write one of `url`, `url-env` and `url-file`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: Option<&str>, env: Option<&str>, file: Option<&str>) -> SqlAddress {
        let text = |text: Option<&str>| text.map(str::to_owned);
        SqlAddress { url: text(url), url_env: text(env), url_file: file.map(PathBuf::from) }
    }

    #[test]
    fn an_address_is_in_one_of_three_places() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        std::fs::write(data.join("url"), "postgres://f\n").unwrap();
        assert_eq!(address_of(&data, &address(Some("postgres://u"), None, None)).unwrap(), "postgres://u");
        assert_eq!(address_of(&data, &address(None, None, Some("url"))).unwrap(), "postgres://f");
        for wrong in [
            address(None, None, None),
            address(Some("a"), Some("b"), None),
            address(None, Some("MACADAM_NOT_SET"), None),
        ] {
            assert!(address_of(&data, &wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_workspaces_are_there_unless_they_are_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let none = Connections::default();
        assert_eq!(roots(&data, &none).unwrap().values().next(), Some(&data.join("workspaces")));
        let elsewhere: Connections = toml::from_str("files.workspaces.path = '/srv/w'\nfiles.more.path = 'm'").unwrap();
        let roots = roots(&data, &elsewhere).unwrap();
        assert_eq!(roots.values().cloned().collect::<Vec<_>>(), [data.join("m"), PathBuf::from("/srv/w")]);
    }
}
