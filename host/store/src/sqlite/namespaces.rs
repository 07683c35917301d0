//! Namespaces and their keys on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::{Namespace, TeamId};
use serde_json::json;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, micros, one_row};
use super::{Conn, Result, SqliteStore, commit, journal, teams};
use crate::namespaces::change;
use crate::{By, NamespaceError, NamespaceKey, NamespaceRecord, Namespaces, NewNamespace, NewNamespaceKey, Revocation};

#[async_trait]
impl Namespaces for SqliteStore {
    async fn namespace(&self, name: &Namespace) -> Result<Option<NamespaceRecord>> {
        let mut tx = self.snapshot().await?;
        by_name(&mut tx, name).await
    }

    async fn namespaces(&self) -> Result<Vec<NamespaceRecord>> {
        let mut tx = self.snapshot().await?;
        let rows = sqlx::query("SELECT * FROM namespaces ORDER BY name").fetch_all(&mut *tx).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            found.push(to_namespace(&mut tx, row).await?);
        }
        Ok(found)
    }

    async fn put_namespace(
        &self,
        new: &NewNamespace,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<NamespaceRecord, NamespaceError> {
        let mut tx = self.begin().await?;
        let before = by_name(&mut tx, &new.name).await?;
        let action = match &before {
            Some(there) if there.team != new.team => {
                return Err(NamespaceError::Owned { name: there.name.clone(), team: there.team.clone() });
            }
            Some(there) if there.signatures == new.signatures => return Ok(there.clone()),
            Some(_) => "namespace.changed",
            None => "namespace.created",
        };
        must_be_known(&mut tx, &new.team).await?;
        write(&mut tx, new, now).await?;
        let changed = named(&mut tx, &new.name).await?;
        let entry =
            change(by, action, before.as_ref(), &changed, json!({ "team": new.team, "signatures": new.signatures }))?;
        journal::record(&mut tx, entry, now).await?;
        commit(tx).await?;
        Ok(changed)
    }

    async fn transfer_namespace(
        &self,
        name: &Namespace,
        from: &TeamId,
        to: &TeamId,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<NamespaceRecord, NamespaceError> {
        let mut tx = self.begin().await?;
        let there = named(&mut tx, name).await?;
        if there.team != *from {
            return Err(NamespaceError::Owned { name: there.name, team: there.team });
        }
        must_be_known(&mut tx, to).await?;
        if from == to {
            return Ok(there);
        }
        give(&mut tx, name, from, to, now).await?;
        let changed = named(&mut tx, name).await?;
        let entry = change(by, "namespace.transferred", Some(&there), &changed, json!({ "from": from, "to": to }))?;
        journal::record(&mut tx, entry, now).await?;
        commit(tx).await?;
        Ok(changed)
    }

    async fn add_namespace_key(
        &self,
        name: &Namespace,
        key: &NewNamespaceKey,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<NamespaceRecord, NamespaceError> {
        let mut tx = self.begin().await?;
        let there = named(&mut tx, name).await?;
        if has_key(&there, key)? {
            return Ok(there);
        }
        insert_key(&mut tx, name, key, now).await?;
        touch(&mut tx, name, now).await?;
        let changed = named(&mut tx, name).await?;
        let entry = change(by, "namespace.key-added", Some(&there), &changed, json!({ "key": key }))?;
        journal::record(&mut tx, entry, now).await?;
        commit(tx).await?;
        Ok(changed)
    }

    async fn revoke_namespace_key(
        &self,
        name: &Namespace,
        id: &str,
        reason: &str,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<NamespaceRecord, NamespaceError> {
        let mut tx = self.begin().await?;
        let there = named(&mut tx, name).await?;
        match there.key(id) {
            None => return Err(NamespaceError::NoSuchKey { namespace: name.clone(), id: id.to_owned() }),
            Some(key) if key.revoked.is_some() => return Ok(there),
            Some(_) => {}
        }
        end_key(&mut tx, name, id, reason, now).await?;
        touch(&mut tx, name, now).await?;
        let changed = named(&mut tx, name).await?;
        let entry =
            change(by, "namespace.key-revoked", Some(&there), &changed, json!({ "key": id, "reason": reason }))?;
        journal::record(&mut tx, entry, now).await?;
        commit(tx).await?;
        Ok(changed)
    }
}

/// Whether a key is there as it is to be added.
fn has_key(there: &NamespaceRecord, key: &NewNamespaceKey) -> Result<bool, NamespaceError> {
    let Some(kept) = there.keys.iter().find(|kept| kept.id == key.id || kept.public_key == key.public_key) else {
        return Ok(false);
    };
    let (namespace, id) = (there.name.clone(), kept.id.clone());
    if kept.id != key.id || kept.public_key != key.public_key {
        return Err(NamespaceError::KeyExists { namespace, id });
    }
    if kept.revoked.is_some() {
        return Err(NamespaceError::KeyRevoked { namespace, id });
    }
    Ok(true)
}

async fn must_be_known(conn: &mut Conn, team: &TeamId) -> Result<(), NamespaceError> {
    let known = teams::has_team(conn, team).await?;
    known.then_some(()).ok_or_else(|| NamespaceError::UnknownTeam(team.clone()))
}

async fn write(conn: &mut Conn, new: &NewNamespace, now: Timestamp) -> Result<()> {
    let written = sqlx::query(
        "INSERT INTO namespaces (name, team, signatures, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (name) DO UPDATE SET signatures = excluded.signatures, updated_at = excluded.updated_at
         WHERE namespaces.team = excluded.team",
    )
    .bind(new.name.as_str())
    .bind(new.team.as_str())
    .bind(new.signatures.as_str())
    .bind(micros(now))
    .execute(conn)
    .await?;
    one_row("namespace", &written)
}

async fn give(conn: &mut Conn, name: &Namespace, from: &TeamId, to: &TeamId, now: Timestamp) -> Result<()> {
    let given = sqlx::query("UPDATE namespaces SET team = $3, updated_at = $4 WHERE name = $1 AND team = $2")
        .bind(name.as_str())
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(micros(now))
        .execute(conn)
        .await?;
    one_row("namespace", &given)
}

async fn insert_key(conn: &mut Conn, name: &Namespace, key: &NewNamespaceKey, now: Timestamp) -> Result<()> {
    sqlx::query("INSERT INTO namespace_keys (namespace, id, public_key, added_at) VALUES ($1, $2, $3, $4)")
        .bind(name.as_str())
        .bind(&key.id)
        .bind(&key.public_key)
        .bind(micros(now))
        .execute(conn)
        .await?;
    Ok(())
}

async fn end_key(conn: &mut Conn, name: &Namespace, id: &str, reason: &str, now: Timestamp) -> Result<()> {
    let revoked = sqlx::query(
        "UPDATE namespace_keys SET revoked_at = $3, revoke_reason = $4
         WHERE namespace = $1 AND id = $2 AND revoked_at IS NULL",
    )
    .bind(name.as_str())
    .bind(id)
    .bind(micros(now))
    .bind(reason)
    .execute(conn)
    .await?;
    one_row("namespace key", &revoked)
}

/// A change of its keys is a change of the namespace.
async fn touch(conn: &mut Conn, name: &Namespace, now: Timestamp) -> Result<()> {
    let query = sqlx::query("UPDATE namespaces SET updated_at = $2 WHERE name = $1");
    one_row("namespace", &query.bind(name.as_str()).bind(micros(now)).execute(conn).await?)
}

async fn named(conn: &mut Conn, name: &Namespace) -> Result<NamespaceRecord, NamespaceError> {
    by_name(conn, name).await?.ok_or_else(|| NamespaceError::NotFound(name.clone()))
}

async fn by_name(conn: &mut Conn, name: &Namespace) -> Result<Option<NamespaceRecord>> {
    let query = sqlx::query("SELECT * FROM namespaces WHERE name = $1").bind(name.as_str());
    match query.fetch_optional(&mut *conn).await? {
        Some(row) => Ok(Some(to_namespace(conn, &row).await?)),
        None => Ok(None),
    }
}

async fn to_namespace(conn: &mut Conn, row: &SqliteRow) -> Result<NamespaceRecord> {
    let name: Namespace = row.parsed("name")?;
    let keys = sqlx::query("SELECT * FROM namespace_keys WHERE namespace = $1 ORDER BY added_at, id")
        .bind(name.as_str())
        .fetch_all(conn)
        .await?;
    Ok(NamespaceRecord {
        name,
        team: row.parsed("team")?,
        signatures: row.word("signatures")?,
        keys: keys.iter().map(to_key).collect::<Result<_>>()?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn to_key(row: &SqliteRow) -> Result<NamespaceKey> {
    let revoked = row.time_opt("revoked_at")?.zip(row.text_opt("revoke_reason")?);
    Ok(NamespaceKey {
        id: row.text("id")?,
        public_key: row.text("public_key")?,
        added_at: row.time("added_at")?,
        revoked: revoked.map(|(at, reason)| Revocation { at, reason }),
    })
}
