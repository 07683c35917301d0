//! The index of plugin packages on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::{PluginName, PluginRef};
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int};
use super::{Result, SqliteStore, commit, journal};
use crate::{PackageIndex, PackageIndexChange, PackageIndexError, PackageIndexRecord};

#[async_trait]
impl PackageIndex for SqliteStore {
    async fn package_index(&self, plugin: &PluginName) -> Result<Option<PackageIndexRecord>> {
        let query = sqlx::query("SELECT * FROM package_indexes WHERE plugin = $1").bind(plugin.as_str());
        query.fetch_optional(&mut *self.read().await?).await?.as_ref().map(to_index).transpose()
    }

    async fn package_indexes(&self) -> Result<Vec<PackageIndexRecord>> {
        let query = sqlx::query("SELECT * FROM package_indexes ORDER BY plugin");
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_index).collect()
    }

    async fn package_names(&self) -> Result<Vec<PluginName>> {
        let query = sqlx::query("SELECT plugin FROM package_indexes ORDER BY plugin");
        query.fetch_all(&mut *self.read().await?).await?.iter().map(|row| row.parsed("plugin")).collect()
    }

    async fn package_signatures(&self, plugin: &PluginRef) -> Result<Option<Vec<u8>>> {
        let query = sqlx::query("SELECT envelope FROM package_signatures WHERE plugin = $1 AND version = $2");
        let query = query.bind(plugin.name.as_str()).bind(plugin.version.to_string());
        let row = query.fetch_optional(&mut *self.read().await?).await?;
        Ok(row.map(|row| row.bytes_opt("envelope")).transpose()?.flatten())
    }

    async fn change_package_index(
        &self,
        change: &PackageIndexChange,
        now: Timestamp,
    ) -> Result<u64, PackageIndexError> {
        let mut tx = self.begin().await?;
        let written = match change.expected {
            None => sqlx::query(
                "INSERT INTO package_indexes (plugin, revision, document) VALUES ($1, 1, $2)
                 ON CONFLICT (plugin) DO NOTHING",
            ),
            Some(_) => sqlx::query(
                "UPDATE package_indexes SET revision = revision + 1, document = $2 WHERE plugin = $1 AND revision = $3",
            ),
        };
        let written = written.bind(change.plugin.as_str()).bind(change.document.as_str());
        let written = match change.expected {
            None => written,
            Some(revision) => written.bind(int(revision)),
        };
        if written.execute(&mut *tx).await.map_err(crate::StoreError::from)?.rows_affected() == 0 {
            return Err(PackageIndexError::Conflict { plugin: change.plugin.clone() });
        }
        for (version, envelope) in &change.signatures {
            sqlx::query(
                "INSERT INTO package_signatures (plugin, version, envelope) VALUES ($1, $2, $3)
                 ON CONFLICT (plugin, version) DO UPDATE SET envelope = excluded.envelope",
            )
            .bind(change.plugin.as_str())
            .bind(version.to_string())
            .bind(envelope)
            .execute(&mut *tx)
            .await
            .map_err(crate::StoreError::from)?;
        }
        if let Some(entry) = change.entry.clone() {
            journal::record(&mut tx, entry, now).await?;
        }
        commit(tx).await?;
        Ok(change.expected.unwrap_or_default() + 1)
    }
}

fn to_index(row: &SqliteRow) -> Result<PackageIndexRecord> {
    Ok(PackageIndexRecord {
        plugin: row.parsed("plugin")?,
        revision: row.count("revision")?,
        document: CanonicalJson::from_canonical(row.text("document")?),
    })
}
