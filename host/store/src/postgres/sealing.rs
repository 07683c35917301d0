//! The ids of sealing keys on PostgreSQL.

use async_trait::async_trait;
use jiff::Timestamp;

use super::row::{At, Columns};
use super::tx::Lock;
use super::{Conn, PostgresStore, Result};
use crate::SealingKeys;

#[async_trait]
impl SealingKeys for PostgresStore {
    async fn sealing_keys(&self) -> Result<Vec<String>> {
        all(&mut *self.read().await?).await
    }

    async fn first_sealing_key(&self, id: &str, now: Timestamp) -> Result<Vec<String>> {
        let mut tx = self.begin().await?;
        tx.lock(Lock::SealingKeys).await?;
        let mut known = all(&mut tx).await?;
        if known.is_empty() {
            let query = sqlx::query("INSERT INTO sealing_keys (id, since) VALUES ($1, $2)").bind(id).bind(At(now));
            query.execute(&mut *tx).await?;
            known.push(id.to_owned());
        }
        tx.commit(now).await?;
        Ok(known)
    }
}

async fn all(conn: &mut Conn) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT id FROM sealing_keys ORDER BY since, id").fetch_all(conn).await?;
    rows.iter().map(|row| row.text("id")).collect()
}
