//! Makes databases, each with a role of its own, on a PostgreSQL server.
//!
//! Work is done in three steps, each of which looks at what is there before it does anything, so that it may be
//! interrupted and called again: the role, the database that it owns, and who may connect. The role's password is made
//! and kept by the host; this plugin has its handle, and PostgreSQL the verifier.
//!
//! The role carries a mark in its comment, `macadam:` and the resource's id, set in the same transaction that makes the
//! role. A database is known by its owner. What bears the right name and not the mark is somebody else's: it is an
//! error to make it and nothing to remove.

mod names;
mod server;

use macadam_sdk::host::secrets::{self, SecretHandle};
use macadam_sdk::{
    Change, Desired, Effect, Error, Health, ManagedResource, Output, OutputDescription, PlanStep, Plugin, Progress,
    Provider, ResourceDescription, Step, export_provider,
};
use names::Identity;
use serde::{Deserialize, Serialize};
use server::{Owner, Server};

/// The provider.
pub struct PostgresDatabase;

/// What an administrator decides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    connection: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { connection: "main".to_owned() }
    }
}

/// What a requester decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    #[serde(default = "ten")]
    storage_gb: u32,
    connection_limit: Option<u32>,
}

fn ten() -> u32 {
    10
}

/// What is done when a step is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "kebab-case")]
pub enum State {
    /// The role is there and ours.
    Role {
        /// Its password.
        password: SecretHandle,
    },
    /// So is the database.
    Database {
        /// The role's password.
        password: SecretHandle,
    },
}

impl Plugin for PostgresDatabase {
    type Settings = Settings;
    const SUMMARY: &'static str = "Makes databases, each with a role of its own, on a PostgreSQL server.";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

impl Provider for PostgresDatabase {
    type Spec = Spec;
    type State = State;

    fn describe_resource() -> ResourceDescription {
        ResourceDescription {
            resource_type: "postgres-database".to_owned(),
            title: "A PostgreSQL database with a role of its own".to_owned(),
            spec_schema: include_str!("../spec.schema.json").to_owned(),
            outputs: vec![
                OutputDescription::new("host", "The server's host", false),
                OutputDescription::new("port", "The server's port", false),
                OutputDescription::new("database", "The database's name", false),
                OutputDescription::new("username", "The role that owns the database", false),
                OutputDescription::new("password", "The role's password", true),
            ],
        }
    }

    fn plan(change: &Change<Spec>, _settings: &Settings) -> Result<Vec<PlanStep>, Error> {
        Ok(match change {
            Change::Create(desired) => creation(desired),
            Change::Update { desired, current } => update(desired, current.as_ref()),
            Change::Remove(current) => removal(current),
        })
    }

    fn provision(desired: &Desired<Spec>, step: &Step<State>, settings: &Settings) -> Result<Progress<State>, Error> {
        let identity = Identity::of(&desired.resource);
        let server = Server::connected(settings, &identity);
        match &step.state {
            None => {
                let password = secrets::generate("password")?;
                server.make_role(&password)?;
                Ok(Progress::next(State::Role { password }, format!("role {} is made", identity.name())))
            }
            Some(State::Role { password }) => {
                server.make_database()?;
                let note = format!("database {} is made", identity.name());
                Ok(Progress::next(State::Database { password: password.clone() }, note))
            }
            Some(State::Database { password }) => {
                server.let_only_the_owner_connect(desired.spec.connection_limit)?;
                Ok(Progress::Done(outputs(&server, &identity, password)?))
            }
        }
    }

    fn deprovision(
        current: &ManagedResource,
        _step: &Step<State>,
        settings: &Settings,
    ) -> Result<Progress<State>, Error> {
        let identity = Identity::of(current);
        let server = Server::connected(settings, &identity);
        // Without the role there is no database of ours either: the role goes last, and a role that owns a database
        // cannot go.
        if server.role_owner()? == Owner::Us {
            if server.database_owner()? == Owner::Us {
                server.drop_database()?;
            }
            server.drop_role()?;
        }
        Ok(Progress::Done(Vec::new()))
    }

    fn check_health(current: &ManagedResource, settings: &Settings) -> Result<Health, Error> {
        let identity = Identity::of(current);
        Server::connected(settings, &identity).health()
    }
}

fn outputs(server: &Server<'_>, identity: &Identity, password: &SecretHandle) -> Result<Vec<Output>, Error> {
    let endpoint = server.endpoint()?;
    Ok(vec![
        Output::text("host", endpoint.host),
        Output::text("port", endpoint.port.to_string()),
        Output::text("database", identity.name()),
        Output::text("username", identity.name()),
        Output::secret("password", password),
    ])
}

fn role(resource: &ManagedResource) -> String {
    format!("role {}", Identity::of(resource).name())
}

fn database(resource: &ManagedResource) -> String {
    format!("database {}", Identity::of(resource).name())
}

fn connections(spec: &Spec) -> String {
    match spec.connection_limit {
        Some(limit) => format!("only its role may connect, {limit} at once"),
        None => "only its role may connect".to_owned(),
    }
}

fn creation(desired: &Desired<Spec>) -> Vec<PlanStep> {
    let (resource, spec) = (&desired.resource, &desired.spec);
    vec![
        PlanStep::new(Effect::Create, role(resource), "with a generated password"),
        PlanStep::new(Effect::Create, database(resource), format!("for {} GB, owned by the role", spec.storage_gb)),
        PlanStep::new(Effect::Change, database(resource), connections(spec)),
    ]
}

fn update(desired: &Desired<Spec>, current: Option<&Spec>) -> Vec<PlanStep> {
    let (resource, spec) = (&desired.resource, &desired.spec);
    let mut steps = vec![PlanStep::new(Effect::Keep, role(resource), "with its password")];
    if current.is_none_or(|current| current.storage_gb != spec.storage_gb) {
        let detail = format!("priced for {} GB; its data stays where it is", spec.storage_gb);
        steps.push(PlanStep::new(Effect::Change, database(resource), detail));
    }
    if current.is_none_or(|current| current.connection_limit != spec.connection_limit) {
        steps.push(PlanStep::new(Effect::Change, database(resource), connections(spec)));
    }
    if steps.len() == 1 {
        steps.push(PlanStep::new(Effect::Keep, database(resource), "nothing changes"));
    }
    steps
}

fn removal(current: &ManagedResource) -> Vec<PlanStep> {
    vec![
        PlanStep::new(Effect::Remove, database(current), "with all its data; open connections are ended"),
        PlanStep::new(Effect::Remove, role(current), "with its password"),
    ]
}

export_provider!(PostgresDatabase);

#[cfg(test)]
mod tests;
