//! The statements, each of which may be run again.

use macadam_sdk::host::secrets::SecretHandle;
use macadam_sdk::host::sql::{Connection, Endpoint, Refusal, SqlError, Statement};
use macadam_sdk::{Error, Health};

use crate::Settings;
use crate::names::Identity;

/// What PostgreSQL calls a refusal for want of a right (its manual, appendix A).
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// A server, and the names of one resource on it.
pub(crate) struct Server<'a> {
    connection: Connection<'a>,
    identity: &'a Identity,
}

/// Whether a statement was refused for want of a right.
fn is_unprivileged(ended: &Result<u64, SqlError>) -> bool {
    matches!(ended, Err(SqlError::Refused(refusal)) if refusal.code == INSUFFICIENT_PRIVILEGE)
}

/// What PostgreSQL says to the slower one of two: what it would make is there by now (duplicate_object,
/// duplicate_database, and unique_violation when both were at it at once), or was changed under its hands, which is an
/// internal error to PostgreSQL and has no code of its own.
fn was_overtaken(refusal: &Refusal) -> bool {
    ["42710", "42P04", "23505"].contains(&refusal.code.as_str())
        || refusal.code == "XX000" && refusal.message.contains("concurrently")
}

/// Whose a role or database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It is not there.
    Nobody,
    /// It is this resource's.
    Us,
    /// It has the name and not the mark.
    Somebody,
}

/// What the catalog says of a database.
struct Database {
    owner: String,
    allows_connections: bool,
}

impl<'a> Server<'a> {
    pub(crate) fn connected(settings: &'a Settings, identity: &'a Identity) -> Self {
        Self { connection: Connection::named(&settings.connection), identity }
    }

    pub(crate) fn endpoint(&self) -> Result<Endpoint, Error> {
        Ok(self.connection.endpoint()?)
    }

    pub(crate) fn role_owner(&self) -> Result<Owner, Error> {
        let query =
            Statement::new("select shobj_description(oid, 'pg_authid') from pg_catalog.pg_roles where rolname = ")
                .literal(self.name());
        let rows = self.connection.query(&query)?;
        let Some(row) = rows.into_iter().next() else { return Ok(Owner::Nobody) };
        let mark = row.into_iter().next().flatten();
        Ok(if mark.as_deref() == Some(self.identity.mark()) { Owner::Us } else { Owner::Somebody })
    }

    pub(crate) fn database_owner(&self) -> Result<Owner, Error> {
        Ok(match self.database()? {
            None => Owner::Nobody,
            Some(database) if database.owner == self.name() => Owner::Us,
            Some(_) => Owner::Somebody,
        })
    }

    /// Makes the role, or makes sure that the one that is there has the password that the requester is told.
    pub(crate) fn make_role(&self, password: &SecretHandle) -> Result<(), Error> {
        match self.role_owner()? {
            Owner::Somebody => return Err(self.taken("role")),
            Owner::Us => {
                let alter = Statement::new("alter role ").identifier(self.name()).text(" login password ");
                self.execute(&alter.verifier(password))?;
            }
            Owner::Nobody => {
                // One statement, so that there is never a role without its mark.
                let create = Statement::new("do $macadam$ begin create role ")
                    .identifier(self.name())
                    .text(" login password ")
                    .verifier(password)
                    .text("; comment on role ")
                    .identifier(self.name())
                    .text(" is ")
                    .literal(self.identity.mark())
                    .text("; end $macadam$");
                self.execute(&create)?;
            }
        }
        // Without being a member, a role that is no superuser may not make databases for another one.
        let join = Statement::new("grant ").identifier(self.name()).text(" to current_user");
        self.execute(&join)?;
        Ok(())
    }

    pub(crate) fn make_database(&self) -> Result<(), Error> {
        match self.database_owner()? {
            Owner::Us => return Ok(()),
            Owner::Somebody => return Err(self.taken("database")),
            Owner::Nobody => {}
        }
        // From template0, which nobody has added anything to.
        let create = Statement::new("create database ")
            .identifier(self.name())
            .text(" owner ")
            .identifier(self.name())
            .text(" template template0");
        self.execute_as_owner(&create)
    }

    pub(crate) fn let_only_the_owner_connect(&self, connection_limit: Option<u32>) -> Result<(), Error> {
        let database = || self.identity.name();
        let comment = Statement::new("comment on database ").identifier(database()).text(" is ");
        self.execute_as_owner(&comment.literal(self.identity.mark()))?;
        let revoke = Statement::new("revoke all on database ").identifier(database()).text(" from public");
        self.execute_as_owner(&revoke)?;
        // -1 is PostgreSQL's word for no limit.
        let limit = connection_limit.map_or(-1, i64::from);
        let limit = Statement::new("alter database ").identifier(database()).text(" connection limit ").integer(limit);
        self.execute_as_owner(&limit)
    }

    /// Runs a statement that takes being a member of the role.
    ///
    /// A session keeps the memberships that it has looked up, and can keep them without one that was granted while it
    /// looked (`roles_is_member_of` in PostgreSQL's acl.c stores what it has read after the notice of the change came).
    /// It goes on so until the next change, so this makes one, of what is right already.
    fn execute_as_owner(&self, statement: &Statement) -> Result<(), Error> {
        let ended = self.connection.execute(statement);
        if !is_unprivileged(&ended) {
            return self.judged(ended);
        }
        self.renew_membership()?;
        let ended = self.connection.execute(statement);
        if is_unprivileged(&ended) {
            return Err(Error::unavailable("the database does not know yet who is a member of whom"));
        }
        self.judged(ended)
    }

    fn execute(&self, statement: &Statement) -> Result<(), Error> {
        self.judged(self.connection.execute(statement))
    }

    /// What has become of a statement. Another host may have been at work on the same resource until a moment ago, one that
    /// fell asleep over it and woke up: what it did between the look and the statement is found by looking again.
    fn judged(&self, ended: Result<u64, SqlError>) -> Result<(), Error> {
        match ended {
            Err(SqlError::Refused(refusal)) if was_overtaken(&refusal) => {
                Err(Error::unavailable(format!("somebody else was at work on {} at the same time", self.name())))
            }
            ended => Ok(ended.map(|_| ())?),
        }
    }

    fn renew_membership(&self) -> Result<(), Error> {
        let renew = Statement::new("do $macadam$ begin revoke ")
            .identifier(self.name())
            .text(" from current_user; grant ")
            .identifier(self.name())
            .text(" to current_user; end $macadam$");
        self.execute(&renew)?;
        Ok(())
    }

    pub(crate) fn drop_database(&self) -> Result<(), Error> {
        let drop = Statement::new("drop database if exists ").identifier(self.name()).text(" with (force)");
        self.execute_as_owner(&drop)
    }

    pub(crate) fn drop_role(&self) -> Result<(), Error> {
        self.execute(&Statement::new("drop role if exists ").identifier(self.name()))?;
        Ok(())
    }

    pub(crate) fn health(&self) -> Result<Health, Error> {
        let name = self.name();
        let Some(database) = self.database()? else {
            return Ok(Health::Unhealthy(format!("database {name} is gone")));
        };
        Ok(match (database.owner == name, database.allows_connections, self.role_owner()?) {
            (false, _, _) => Health::Unhealthy(format!("database {name} belongs to {}", database.owner)),
            (true, false, _) => Health::Degraded(format!("database {name} takes no connections")),
            (true, true, Owner::Us) => Health::Healthy,
            (true, true, _) => Health::Degraded(format!("role {name} has lost its mark")),
        })
    }

    fn database(&self) -> Result<Option<Database>, Error> {
        let query = Statement::new(
            "select pg_get_userbyid(datdba), datallowconn::text from pg_catalog.pg_database where datname = ",
        );
        let row = self.connection.query(&query.literal(self.name()))?.into_iter().next();
        let Some(row) = row else { return Ok(None) };
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let (owner, allows) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        Ok(Some(Database { owner, allows_connections: allows == "true" }))
    }

    fn name(&self) -> &str {
        self.identity.name()
    }

    fn taken(&self, what: &str) -> Error {
        Error::failed(format!("{what} {} is there already and belongs to somebody else", self.name()))
    }
}
