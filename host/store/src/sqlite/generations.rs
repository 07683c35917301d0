//! Generations on SQLite. The database is one process's own, so nobody tells and nobody listens.

use async_trait::async_trait;

use super::row::{Columns, one_row};
use super::{Conn, Result, SqliteStore};
use crate::{Changes, Generations, Listener};

#[async_trait]
impl Changes for SqliteStore {
    async fn generations(&self) -> Result<Generations> {
        let query = sqlx::query(
            "SELECT b.generation AS bindings, n.generation AS namespaces
             FROM bindings_generation b, namespaces_generation n",
        );
        let row = query.fetch_one(&mut *self.read().await?).await?;
        Ok(Generations { bindings: row.count("bindings")?, namespaces: row.count("namespaces")? })
    }

    async fn listen(&self) -> Result<Option<Box<dyn Listener>>> {
        Ok(None)
    }
}

/// Counts a change of a namespace.
pub(super) async fn next_of_namespaces(conn: &mut Conn) -> Result<()> {
    let query = sqlx::query("UPDATE namespaces_generation SET generation = generation + 1");
    one_row("generation of the namespaces", &query.execute(conn).await?)
}
