//! Generations on PostgreSQL, told by `NOTIFY` with the commit that raises them.
//!
//! Who listens has a connection of their own, outside of the pool: it is held for as long as the process lives, and must
//! not be one of those that requests wait for.

use async_trait::async_trait;
use sqlx::postgres::{PgListener, PgPoolOptions};

use super::row::{Columns, one_row};
use super::{Conn, PostgresStore, Result};
use crate::{Changes, Generations, Listener, StoreError};

/// The channel. Hosts with tables in another schema of the same database hear each other, and then look in vain.
const CHANNEL: &str = "macadam_changes";

#[async_trait]
impl Changes for PostgresStore {
    async fn generations(&self) -> Result<Generations> {
        let query = sqlx::query(
            "SELECT b.generation AS bindings, n.generation AS namespaces
             FROM bindings_generation b, namespaces_generation n",
        );
        let row = query.fetch_one(&mut *self.read().await?).await?;
        Ok(Generations { bindings: row.count("bindings")?, namespaces: row.count("namespaces")? })
    }

    async fn listen(&self) -> Result<Option<Box<dyn Listener>>> {
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(super::open::PATIENCE);
        let pool = pool.connect_with(self.options.as_ref().clone()).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Box::new(Heard(listener))))
    }
}

struct Heard(PgListener);

#[async_trait]
impl Listener for Heard {
    async fn told(&mut self) -> Result<()> {
        // The driver would connect again by itself, as often as it takes; here it is said, since what was told between
        // is lost, and since a server that is away must not be asked without a pause.
        match self.0.try_recv().await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Database("the connection that listens was cut".into())),
        }
    }
}

/// Tells, with the commit, that something has changed.
pub(super) async fn tell(conn: &mut Conn) -> Result<()> {
    sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(conn).await?;
    Ok(())
}

/// Counts a change of a namespace, and tells it.
pub(super) async fn next_of_namespaces(conn: &mut Conn) -> Result<()> {
    let query = sqlx::query("UPDATE namespaces_generation SET generation = generation + 1");
    one_row("generation of the namespaces", &query.execute(&mut *conn).await?)?;
    tell(conn).await
}
