//! `organisation.toml`: the teams, environments and namespaces, put into the store at each start.

use std::collections::BTreeSet;

use anyhow::Context as _;
use jiff::Timestamp;
use macadam_core::request::Environment;
use macadam_core::standing::Team;
use macadam_server::people::PeopleFile;
use macadam_store::{By, NewNamespace, Store};
use serde::Deserialize;

use crate::serve::config::read_toml;
use crate::serve::data::DataDir;

/// What a new data directory starts with.
pub(super) const DEFAULT: &str = include_str!("organisation.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Organisation {
    #[serde(default)]
    teams: Vec<Team>,
    #[serde(default)]
    environments: Vec<Environment>,
    #[serde(default)]
    namespaces: Vec<NewNamespace>,
}

/// Reads the file, puts what is in it into the store, and warns of people whose team is not there.
pub(super) async fn put(data: &DataDir, store: &dyn Store, people: Option<&PeopleFile>) -> anyhow::Result<()> {
    let Organisation { teams, environments, namespaces } = read_toml(&data.first_organisation()?)?;
    let now = Timestamp::now();
    for team in &teams {
        store.put_team(team, None, now).await.with_context(|| format!("the team {} cannot be kept", team.name))?;
    }
    for environment in &environments {
        let kept = store.put_environment(environment, None, now).await;
        kept.with_context(|| format!("the environment {} cannot be kept", environment.name))?;
    }
    for namespace in &namespaces {
        let kept = store.put_namespace(namespace, By::HOST, now).await;
        kept.with_context(|| format!("the namespace {} cannot be kept", namespace.name))?;
    }
    let known: BTreeSet<_> = store.teams().await?.into_iter().map(|team| team.name).collect();
    let people = people.map(PeopleFile::current);
    let callers = people.iter().flat_map(|people| people.callers());
    for caller in callers.filter(|caller| !known.contains(&caller.team)) {
        tracing::warn!(person = %caller.person, team = %caller.team, "this person's team is not in organisation.toml");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use macadam_core::request::EnvironmentClass;
    use macadam_store::{Environments as _, SqliteStore, Teams as _};

    #[tokio::test]
    async fn what_a_new_host_starts_with_is_kept_with_its_limits() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        data.first_people().unwrap();
        let people = PeopleFile::open(&data.people()).unwrap();
        let store = SqliteStore::open(&data.database()).await.unwrap();
        put(&data, &store, Some(&people)).await.unwrap();
        put(&data, &store, Some(&people)).await.unwrap();
        let payments = store.team(&"payments".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(payments.limits.max_resources, Some(20));
        assert_eq!(payments.limits.monthly_budget.unwrap().to_string(), "500");
        let prod = store.environment(&"prod".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(prod.class, EnvironmentClass::Production);
        for caller in people.current().callers() {
            assert!(store.team(&caller.team).await.unwrap().is_some(), "the first people have teams");
        }
    }
}
