//! Schedules on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::ScheduleName;
use serde_json::json;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, int, micros};
use super::{Result, SqliteStore, commit, journal};
use crate::schedules::to_schedule;
use crate::{
    ByPerson, DueSchedule, NewAuditEntry, RunEnd, ScheduleError, ScheduleLease, ScheduleRecord, Schedules, StoreError,
};

#[async_trait]
impl Schedules for SqliteStore {
    async fn know_schedule(&self, name: &ScheduleName, timing: &str, first: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO schedules (name, timing, next_run_at, fence, failures) VALUES ($1, $2, $3, 0, 0)
             ON CONFLICT (name) DO UPDATE SET timing = excluded.timing, next_run_at = excluded.next_run_at
             WHERE schedules.timing <> excluded.timing",
        )
        .bind(name.as_str())
        .bind(timing)
        .bind(micros(first))
        .execute(&mut *tx)
        .await?;
        commit(tx).await
    }

    async fn claim_schedule(
        &self,
        name: &ScheduleName,
        worker: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<DueSchedule>> {
        let mut tx = self.begin().await?;
        let claimed = sqlx::query(
            "UPDATE schedules
             SET fence = fence + 1, worker = $2, lease_until = $4, last_started_at = $3,
                 failures = failures + CASE WHEN worker IS NULL THEN 0 ELSE 1 END,
                 last_ended_at = CASE WHEN worker IS NULL THEN last_ended_at ELSE $3 END,
                 last_outcome = CASE WHEN worker IS NULL THEN last_outcome ELSE 'lost' END
             WHERE name = $1 AND next_run_at <= $3 AND (worker IS NULL OR lease_until <= $3)
             RETURNING fence, failures",
        )
        .bind(name.as_str())
        .bind(worker)
        .bind(micros(now))
        .bind(micros(lease_until))
        .fetch_optional(&mut *tx)
        .await?;
        let due = |row: SqliteRow| -> Result<DueSchedule> {
            let lease = ScheduleLease { name: name.clone(), fence: row.count("fence")? };
            Ok(DueSchedule { lease, failures: row.count("failures")? })
        };
        let claimed = claimed.map(due).transpose()?;
        commit(tx).await?;
        Ok(claimed)
    }

    async fn hold_schedule(&self, lease: &ScheduleLease, lease_until: Timestamp) -> Result<(), ScheduleError> {
        let mut tx = self.begin().await?;
        let held = sqlx::query(
            "UPDATE schedules SET lease_until = $3 WHERE name = $1 AND fence = $2 AND worker IS NOT NULL RETURNING name",
        )
        .bind(lease.name.as_str())
        .bind(int(lease.fence))
        .bind(micros(lease_until))
        .fetch_optional(&mut *tx)
        .await;
        held_by(lease, held)?;
        Ok(commit(tx).await?)
    }

    async fn end_run(&self, lease: &ScheduleLease, end: &RunEnd<'_>, now: Timestamp) -> Result<(), ScheduleError> {
        let mut tx = self.begin().await?;
        let ended = sqlx::query(
            "UPDATE schedules
             SET worker = NULL, lease_until = NULL, last_ended_at = $3, last_outcome = $4, last_note = $5,
                 next_run_at = CASE WHEN next_run_at > last_started_at THEN min(next_run_at, $6) ELSE $6 END,
                 failures = CASE $4 WHEN 'succeeded' THEN 0 ELSE failures + 1 END
             WHERE name = $1 AND fence = $2 AND worker IS NOT NULL RETURNING name",
        )
        .bind(lease.name.as_str())
        .bind(int(lease.fence))
        .bind(micros(now))
        .bind(end.outcome.as_str())
        .bind(end.note)
        .bind(micros(end.next_run_at))
        .fetch_optional(&mut *tx)
        .await;
        held_by(lease, ended)?;
        Ok(commit(tx).await?)
    }

    async fn run_schedule(&self, name: &ScheduleName, by: ByPerson<'_>, now: Timestamp) -> Result<(), ScheduleError> {
        let mut tx = self.begin().await?;
        // A run that is under way may have passed what it is asked for: there is another one after it.
        let asked = sqlx::query(
            "UPDATE schedules
             SET next_run_at = CASE WHEN worker IS NULL THEN min(next_run_at, $2)
                                    ELSE max($2, last_started_at + 1) END
             WHERE name = $1",
        );
        let asked = asked.bind(name.as_str()).bind(micros(now)).execute(&mut *tx).await.map_err(StoreError::from)?;
        if asked.rows_affected() == 0 {
            return Err(ScheduleError::NotFound(name.clone()));
        }
        let data = json!({ "schedule": name });
        let entry = NewAuditEntry::new("schedule.run-requested", format!("schedules/{name}")).by(by);
        journal::record(&mut tx, entry.with(data), now).await?;
        Ok(commit(tx).await?)
    }

    async fn bring_forward(&self, name: &ScheduleName, latest: Timestamp, to: Timestamp) -> Result<bool> {
        let mut tx = self.begin().await?;
        let brought = sqlx::query(
            "UPDATE schedules SET next_run_at = $3 WHERE name = $1 AND next_run_at > $2 AND worker IS NULL",
        );
        let brought = brought.bind(name.as_str()).bind(micros(latest)).bind(micros(to)).execute(&mut *tx).await?;
        commit(tx).await?;
        Ok(brought.rows_affected() > 0)
    }

    async fn schedules(&self) -> Result<Vec<ScheduleRecord>> {
        let rows = sqlx::query("SELECT * FROM schedules ORDER BY name").fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_schedule).collect()
    }
}

fn held_by(lease: &ScheduleLease, found: sqlx::Result<Option<SqliteRow>>) -> Result<(), ScheduleError> {
    let found = found.map_err(StoreError::from)?;
    found.map(drop).ok_or_else(|| ScheduleError::LeaseLost(lease.name.clone()))
}
