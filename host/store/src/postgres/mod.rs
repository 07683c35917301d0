//! The store on PostgreSQL, for several replicas of the host on one database.
//!
//! What SQLite has from its one writer is made of locks here; [`tx`] says which, and in which order. Where numbers are
//! promised to become visible in their order (audit log, outbox, decision log), they are given under a lock that is held
//! until the commit: a sequence would give them in order, and commits would come in another.
//!
//! Readers take no locks and see the last commit.

mod access;
mod audit;
mod bindings;
mod decisions;
mod generations;
mod health;
mod idempotency;
mod jobs;
mod journal;
mod lists;
mod namespaces;
mod open;
mod outbox;
mod packages;
mod requests;
mod resources;
mod row;
mod scaffolds;
mod schedules;
mod sealing;
mod secrets;
mod service_tokens;
mod teams;
mod tx;
mod webhooks;
mod writes;

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{Postgres, Transaction};
use tokio::sync::watch;

pub use open::PostgresSettings;

use crate::StoreError;
use tx::Tx;

type Conn = PgConnection;
type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The store in one PostgreSQL database. Clones share their connections; so do, through the database, other processes.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: PgPool,
    /// Says that this process has committed events.
    told: watch::Sender<()>,
    /// For a connection outside of the pool.
    options: Arc<PgConnectOptions>,
}

impl PostgresStore {
    /// Ends every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<Tx> {
        Ok(Tx::new(self.pool.begin().await?, self.told.clone()))
    }

    /// A connection for one statement, which is a transaction of its own.
    async fn read(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }

    /// A reader for several queries that have to agree with each other. Dropping it ends it.
    async fn snapshot(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }
}
