//! `sql`: statements on databases that an administrator has connected.
//!
//! A statement arrives as parts, and each is quoted here as what it is, so a name or value can never become a statement.
//! A secret goes in as the verifier that PostgreSQL stores anyway (RFC 5803), so that it shows in no server log. A
//! connection with superuser rights is refused when it is made: a provider needs `CREATEDB CREATEROLE`, no more.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt as _;
use macadam_core::postgres_address;
use postgres_protocol::escape::{escape_identifier, escape_literal};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Either, Row as _, ValueRef as _};

use crate::call::CallState;
use crate::call::failure::Stop;
use crate::capabilities::{granted, within_deadline};
use crate::clients::v0_1::bindings::macadam::plugin::sql::{Endpoint, Error, Host, Part, Refusal};

/// The rows one query may return.
const MAX_ROWS: usize = 1_000;

/// The bytes all values of one query may have together.
const MAX_ROW_BYTES: usize = 1024 * 1024;

/// The connections kept open to one database.
const MAX_CONNECTIONS: u32 = 4;

/// A database that an administrator has connected.
#[derive(Debug)]
pub struct SqlConnection {
    pool: PgPool,
    /// Whether any connection turned out to be a superuser's; then none of them is used.
    superuser: Arc<AtomicBool>,
    host: String,
    port: u16,
}

/// A connection's address that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the address of the SQL connection is not valid: {0}")]
pub struct BadAddress(String);

impl SqlConnection {
    /// Prepares a connection; it is made when it is first used. The address is a `postgres://` URL.
    ///
    /// # Errors
    /// [`BadAddress`] without the address itself, which may hold a password.
    pub fn new(url: &str) -> Result<Self, BadAddress> {
        postgres_address::check(url).map_err(BadAddress)?;
        let options = PgConnectOptions::from_str(url).map_err(|error| BadAddress(error.to_string()))?;
        let (host, port) = (options.get_host().to_owned(), options.get_port());
        let superuser = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&superuser);
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| Box::pin(note_superuser(connection, Arc::clone(&noted))))
            .connect_lazy_with(options);
        Ok(Self { pool, superuser, host, port })
    }

    async fn run(&self, statement: String) -> Result<Ran, Error> {
        let mut connection = self.pool.acquire().await.map_err(|error| refusal(&error))?;
        if self.superuser.load(Ordering::Relaxed) {
            let why = "the SQL connection is a superuser, which no plugin may have; an administrator must set up a role \
                       with CREATEDB CREATEROLE instead";
            return Err(Error::Unavailable(why.to_owned()));
        }
        // Every part was quoted by `render`; the text parts are the plugin author's own SQL.
        let mut results = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_many(&mut *connection);
        let mut ran = Ran::default();
        while let Some(result) = results.try_next().await.map_err(|error| refusal(&error))? {
            match result {
                Either::Left(done) => ran.affected += done.rows_affected(),
                Either::Right(row) => ran.take(&row)?,
            }
        }
        Ok(ran)
    }
}

/// Asked on every new connection, since a role's rights may change. An error here would only make the pool try again
/// until its time is up, and lose the reason.
async fn note_superuser(connection: &mut PgConnection, superuser: Arc<AtomicBool>) -> Result<(), sqlx::Error> {
    let query = "select rolsuper from pg_catalog.pg_roles where rolname = current_user";
    let is_superuser: bool = sqlx::query_scalar(query).fetch_one(connection).await?;
    superuser.fetch_or(is_superuser, Ordering::Relaxed);
    Ok(())
}

#[derive(Default)]
struct Ran {
    affected: u64,
    rows: Vec<Vec<Option<String>>>,
    bytes: usize,
}

impl Ran {
    fn take(&mut self, row: &PgRow) -> Result<(), Error> {
        let values = (0..row.len()).map(|column| text_of(row, column)).collect::<Result<Vec<_>, _>>();
        let values = values.map_err(|error| refusal(&error))?;
        self.bytes += values.iter().flatten().map(String::len).sum::<usize>();
        if self.rows.len() >= MAX_ROWS || self.bytes > MAX_ROW_BYTES {
            // 54000, program_limit_exceeded, is PostgreSQL's own code for this.
            let message = format!("the query returns more than {MAX_ROWS} rows or {MAX_ROW_BYTES} bytes");
            return Err(Error::Refused(Refusal { code: "54000".to_owned(), message }));
        }
        self.rows.push(values);
        Ok(())
    }
}

fn text_of(row: &PgRow, column: usize) -> Result<Option<String>, sqlx::Error> {
    let value = row.try_get_raw(column)?;
    if value.is_null() {
        return Ok(None);
    }
    // The simple query protocol sends every value as text.
    Ok(Some(value.as_str().map_err(sqlx::Error::Decode)?.to_owned()))
}

fn refusal(error: &sqlx::Error) -> Error {
    match error.as_database_error() {
        // Class 08 is connection trouble, 53 a lack of resources, 57P the server going down (appendix A of the manual).
        Some(refused) => {
            let code = refused.code().unwrap_or_default().into_owned();
            match code.as_str() {
                code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
                    Error::Unavailable(refused.message().to_owned())
                }
                _ => Error::Refused(Refusal { code, message: refused.message().to_owned() }),
            }
        }
        None => {
            let said = error.to_string();
            Error::Unavailable(postgres_address::instead_of(&said).map_or(said, str::to_owned))
        }
    }
}

impl CallState {
    async fn render(&mut self, statement: Vec<Part>) -> wasmtime::Result<Result<String, Error>> {
        let mut sql = String::new();
        for part in statement {
            match part {
                Part::Text(text) => sql.push_str(&text),
                Part::Identifier(name) => sql.push_str(&escape_identifier(&name)),
                Part::Literal(value) => sql.push_str(&escape_literal(&value)),
                Part::Verifier(handle) => match self.verifier(&handle).await? {
                    Ok(verifier) => sql.push_str(&escape_literal(&verifier)),
                    Err(error) => return Ok(Err(error)),
                },
            }
            // A NUL ends the text in PostgreSQL's protocol, which would cut the statement.
            if sql.contains('\0') {
                let message = "a statement may not contain a NUL character".to_owned();
                return Ok(Err(Error::Refused(Refusal { code: "22021".to_owned(), message })));
            }
        }
        Ok(Ok(sql))
    }

    async fn verifier(&mut self, handle: &str) -> wasmtime::Result<Result<String, Error>> {
        let denied = || wasmtime::Error::from(Stop::Capability("secrets".to_owned()));
        let vault = self.plugin.grants.secrets.clone().ok_or_else(denied)?;
        let scope = self.scope.id().ok_or_else(denied)?.to_owned();
        match within_deadline(self, "secrets open", vault.open(&scope, handle)).await? {
            Ok(secret) => Ok(Ok(postgres_protocol::password::scram_sha_256(secret.as_bytes()))),
            Err(error) => Ok(Err(Error::Unavailable(error.to_string()))),
        }
    }

    async fn run_sql(&mut self, connection: &str, statement: Vec<Part>) -> wasmtime::Result<Result<Ran, Error>> {
        let connection = granted(&self.plugin.grants.sql, "sql", connection)?;
        match self.render(statement).await? {
            Ok(sql) => within_deadline(self, "sql", connection.run(sql)).await,
            Err(error) => Ok(Err(error)),
        }
    }
}

impl Host for CallState {
    async fn endpoint_of(&mut self, connection: String) -> wasmtime::Result<Result<Endpoint, Error>> {
        let connection = granted(&self.plugin.grants.sql, "sql", &connection)?;
        Ok(Ok(Endpoint { host: connection.host.clone(), port: connection.port }))
    }

    async fn execute(&mut self, connection: String, statement: Vec<Part>) -> wasmtime::Result<Result<u64, Error>> {
        Ok(self.run_sql(&connection, statement).await?.map(|ran| ran.affected))
    }

    async fn query(
        &mut self,
        connection: String,
        statement: Vec<Part>,
    ) -> wasmtime::Result<Result<Vec<Vec<Option<String>>>, Error>> {
        Ok(self.run_sql(&connection, statement).await?.map(|ran| ran.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_not_told_the_key_of_a_connection_that_the_driver_cannot_read() {
        let told = |said: &str| match refusal(&sqlx::Error::Configuration(said.into())) {
            Error::Unavailable(told) => told,
            other => panic!("nobody has refused: {other:?}"),
        };
        let key = told("missing section end marker: [104, 117, 110]");
        assert!(key.contains("PGSSLKEY") && !key.contains("104"), "{key}");
        assert!(told("no keys found pem file").contains("no keys found"));
    }
}
