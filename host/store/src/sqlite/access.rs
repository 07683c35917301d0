//! Access policies on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use serde_json::json;

use super::row::{Columns, int, micros};
use super::{Conn, Result, SqliteStore, commit, journal};
use crate::access::{check_expected, to_policy};
use crate::{
    AccessPolicies, AccessPolicyChange, AccessPolicyError, AccessPolicySet, Attribution, By, NewAuditEntry, StoreError,
};

#[async_trait]
impl AccessPolicies for SqliteStore {
    async fn access_policies(&self) -> Result<AccessPolicySet> {
        set(&mut *self.snapshot().await?).await
    }

    async fn access_generation(&self) -> Result<u64> {
        generation(&mut *self.read().await?).await
    }

    async fn change_access_policy(
        &self,
        change: &AccessPolicyChange,
        why: &Attribution,
        now: Timestamp,
    ) -> Result<AccessPolicySet, AccessPolicyError> {
        let mut tx = self.begin().await?;
        if generation(&mut tx).await? != change.generation {
            return Err(AccessPolicyError::Stale);
        }
        apply(&mut tx, change, why, now).await?;
        let set = set(&mut tx).await?;
        commit(tx).await?;
        Ok(set)
    }
}

async fn apply(
    conn: &mut Conn,
    change: &AccessPolicyChange,
    why: &Attribution,
    now: Timestamp,
) -> Result<(), AccessPolicyError> {
    let query = sqlx::query("SELECT text, revision FROM access_policies WHERE name = $1").bind(change.name.as_str());
    let kept = query.fetch_optional(&mut *conn).await.map_err(StoreError::from)?;
    let (text, revision) = match &kept {
        Some(row) => (row.text_opt("text")?, row.count::<u64>("revision")?),
        None => (None, 0),
    };
    check_expected(change, text.is_some().then_some(revision))?;
    if text == change.text {
        return Ok(());
    }
    write(conn, change, revision + 1, why, now).await?;
    let action = if change.text.is_some() { "access-policy.changed" } else { "access-policy.removed" };
    let data = json!({"policy": change.name, "revision": revision + 1, "text": change.text, "reason": why.reason});
    let subject = format!("access-policies/{}", change.name);
    let by = By { person: why.actor.as_ref(), origin: &why.origin };
    let digest = |text: &String| Digest::of(text.as_bytes());
    let entry = NewAuditEntry::new(action, subject).by(by);
    let entry = entry.changed(text.as_ref().map(digest), change.text.as_ref().map(digest)).with(data);
    Ok(journal::record(conn, entry, now).await?)
}

async fn write(
    conn: &mut Conn,
    change: &AccessPolicyChange,
    revision: u64,
    why: &Attribution,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO access_policies (name, text, revision, actor, reason, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (name) DO UPDATE SET text = excluded.text, revision = excluded.revision, actor = excluded.actor,
             reason = excluded.reason, at = excluded.at",
    )
    .bind(change.name.as_str())
    .bind(change.text.as_deref())
    .bind(int(revision))
    .bind(why.actor.as_ref().map(macadam_core::names::PersonId::as_str))
    .bind(&why.reason)
    .bind(micros(now))
    .execute(&mut *conn)
    .await?;
    sqlx::query("UPDATE access_generation SET generation = generation + 1").execute(conn).await?;
    Ok(())
}

async fn generation(conn: &mut Conn) -> Result<u64> {
    sqlx::query("SELECT generation FROM access_generation").fetch_one(conn).await?.count("generation")
}

async fn set(conn: &mut Conn) -> Result<AccessPolicySet> {
    let generation = generation(&mut *conn).await?;
    let query = sqlx::query("SELECT * FROM access_policies WHERE text IS NOT NULL ORDER BY name");
    let policies = query.fetch_all(conn).await?.iter().map(to_policy).collect::<Result<_>>()?;
    Ok(AccessPolicySet { generation, policies })
}
