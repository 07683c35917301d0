//! A database on this machine's disk that keeps what it has committed: a file, or a PostgreSQL server with `fsync` on.
//!
//! The store opens it as it does for a host. Beside that there are connections to the same database without anything of
//! Macadam's in between: for the floor, and to fill the tables.

use std::path::Path;
use std::sync::Arc;

use macadam_store::{PostgresSettings, PostgresStore, SqliteStore, Store};
use macadam_tests::postgres::Postgres;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tempfile::TempDir;

/// As many connections as a host has unless somebody says otherwise.
const CONNECTIONS: u32 = 16;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Kind {
    /// Its word in the names of figures.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Where databases are made.
pub(super) enum Place {
    /// In a directory.
    Directory(TempDir),
    /// On a server.
    Server(Postgres),
}

/// Connections to a database as it is.
pub(super) enum Raw {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Place {
    /// A directory, or a server that has been started.
    pub(super) async fn start(kind: Kind) -> anyhow::Result<Self> {
        Ok(match kind {
            Kind::Sqlite => Self::Directory(tempfile::tempdir()?),
            Kind::Postgres => Self::Server(Postgres::start_durable().await),
        })
    }

    /// Makes a database, and opens it as the store and as it is.
    pub(super) async fn database(&self, name: &str) -> anyhow::Result<(Arc<dyn Store>, Raw)> {
        match self {
            Self::Directory(directory) => {
                let file = directory.path().join(format!("{name}.db"));
                let store = SqliteStore::open(&file).await?;
                Ok((Arc::new(store), Raw::Sqlite(file_as_it_is(&file).await?)))
            }
            Self::Server(server) => {
                server.query(&format!("create database {name}")).await;
                let url = server.superuser_url().replace("/postgres", &format!("/{name}"));
                let store = PostgresStore::open(&PostgresSettings::new(&url)?.connections(CONNECTIONS)).await?;
                let raw = PgPoolOptions::new().max_connections(CONNECTIONS).connect(&url).await?;
                Ok((Arc::new(store), Raw::Postgres(raw)))
            }
        }
    }
}

/// One connection with what the store asks of SQLite: a write-ahead log, and the disk's word for each commit. More
/// connections would commit no faster, since one writes at a time.
async fn file_as_it_is(file: &Path) -> anyhow::Result<SqlitePool> {
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    Ok(SqlitePoolOptions::new().max_connections(1).connect_with(options).await?)
}

impl Raw {
    /// Runs some statements.
    pub(super) async fn run(&self, sql: String) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(pool) => sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop)?,
            Self::Postgres(pool) => sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop)?,
        }
        Ok(())
    }

    /// Commits a row of a few hundred bytes, and nothing else.
    pub(super) async fn commit_one(&self, text: &str) -> anyhow::Result<()> {
        const INSERT: &str = "INSERT INTO bench_commits (text) VALUES ($1)";
        match self {
            Self::Sqlite(pool) => sqlx::query(INSERT).bind(text).execute(pool).await.map(drop)?,
            Self::Postgres(pool) => sqlx::query(INSERT).bind(text).execute(pool).await.map(drop)?,
        }
        Ok(())
    }

    /// Makes the table for that.
    pub(super) async fn make_the_table(&self) -> anyhow::Result<()> {
        let id = match self {
            Self::Sqlite(_) => "INTEGER PRIMARY KEY",
            Self::Postgres(_) => "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        };
        self.run(format!("CREATE TABLE bench_commits (id {id}, text text NOT NULL)")).await
    }
}
