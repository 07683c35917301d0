//! The ids of sealing keys on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;

use super::row::{Columns, micros};
use super::{Conn, Result, SqliteStore, commit};
use crate::SealingKeys;

#[async_trait]
impl SealingKeys for SqliteStore {
    async fn sealing_keys(&self) -> Result<Vec<String>> {
        all(&mut *self.read().await?).await
    }

    async fn first_sealing_key(&self, id: &str, now: Timestamp) -> Result<Vec<String>> {
        let mut tx = self.begin().await?;
        let mut known = all(&mut tx).await?;
        if known.is_empty() {
            let query = sqlx::query("INSERT INTO sealing_keys (id, since) VALUES ($1, $2)").bind(id).bind(micros(now));
            query.execute(&mut *tx).await?;
            known.push(id.to_owned());
        }
        commit(tx).await?;
        Ok(known)
    }
}

async fn all(conn: &mut Conn) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT id FROM sealing_keys ORDER BY since, id").fetch_all(conn).await?;
    rows.iter().map(|row| row.text("id")).collect()
}
