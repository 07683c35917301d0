//! Schedules on PostgreSQL.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::ScheduleName;
use serde_json::json;
use sqlx::postgres::PgRow;

use super::row::{At, Columns, int, plain};
use super::{PostgresStore, Result, journal};
use crate::schedules::to_schedule;
use crate::{
    ByPerson, DueSchedule, NewAuditEntry, RunEnd, ScheduleError, ScheduleLease, ScheduleRecord, Schedules, StoreError,
};

#[async_trait]
impl Schedules for PostgresStore {
    async fn know_schedule(&self, name: &ScheduleName, timing: &str, first: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO schedules (name, timing, next_run_at, fence, failures) VALUES ($1, $2, $3, 0, 0)
             ON CONFLICT (name) DO UPDATE SET timing = excluded.timing, next_run_at = excluded.next_run_at
             WHERE schedules.timing <> excluded.timing",
        )
        .bind(name.as_str())
        .bind(timing)
        .bind(At(first))
        .execute(&mut *self.read().await?)
        .await?;
        Ok(())
    }

    async fn claim_schedule(
        &self,
        name: &ScheduleName,
        worker: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<DueSchedule>> {
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
        .bind(At(now))
        .bind(At(lease_until))
        .fetch_optional(&mut *self.read().await?)
        .await?;
        let due = |row: PgRow| -> Result<DueSchedule> {
            let lease = ScheduleLease { name: name.clone(), fence: row.count("fence")? };
            Ok(DueSchedule { lease, failures: row.count("failures")? })
        };
        claimed.map(due).transpose()
    }

    async fn hold_schedule(&self, lease: &ScheduleLease, lease_until: Timestamp) -> Result<(), ScheduleError> {
        let held = sqlx::query(
            "UPDATE schedules SET lease_until = $3 WHERE name = $1 AND fence = $2 AND worker IS NOT NULL RETURNING name",
        )
        .bind(lease.name.as_str())
        .bind(int(lease.fence))
        .bind(At(lease_until))
        .fetch_optional(&mut *self.read().await?)
        .await;
        held_by(lease, held)
    }

    async fn end_run(&self, lease: &ScheduleLease, end: &RunEnd<'_>, now: Timestamp) -> Result<(), ScheduleError> {
        let ended = sqlx::query(
            "UPDATE schedules
             SET worker = NULL, lease_until = NULL, last_ended_at = $3, last_outcome = $4, last_note = $5,
                 next_run_at = CASE WHEN next_run_at > last_started_at THEN least(next_run_at, $6) ELSE $6 END,
                 failures = CASE $4 WHEN 'succeeded' THEN 0 ELSE failures + 1 END
             WHERE name = $1 AND fence = $2 AND worker IS NOT NULL RETURNING name",
        )
        .bind(lease.name.as_str())
        .bind(int(lease.fence))
        .bind(At(now))
        .bind(end.outcome.as_str())
        .bind(plain(end.note))
        .bind(At(end.next_run_at))
        .fetch_optional(&mut *self.read().await?)
        .await;
        held_by(lease, ended)
    }

    async fn run_schedule(&self, name: &ScheduleName, by: ByPerson<'_>, now: Timestamp) -> Result<(), ScheduleError> {
        let mut tx = self.begin().await?;
        // A run that is under way may have passed what it is asked for: there is another one after it.
        let asked = sqlx::query(
            "UPDATE schedules
             SET next_run_at = CASE WHEN worker IS NULL THEN least(next_run_at, $2)
                                    ELSE greatest($2, last_started_at + interval '1 microsecond') END
             WHERE name = $1",
        );
        let asked = asked.bind(name.as_str()).bind(At(now)).execute(&mut *tx).await.map_err(StoreError::from)?;
        if asked.rows_affected() == 0 {
            return Err(ScheduleError::NotFound(name.clone()));
        }
        let data = json!({ "schedule": name });
        let entry = NewAuditEntry::new("schedule.run-requested", format!("schedules/{name}")).by(by);
        journal::record(&mut tx, entry.with(data));
        tx.commit(now).await?;
        Ok(())
    }

    async fn bring_forward(&self, name: &ScheduleName, latest: Timestamp, to: Timestamp) -> Result<bool> {
        let brought = sqlx::query(
            "UPDATE schedules SET next_run_at = $3 WHERE name = $1 AND next_run_at > $2 AND worker IS NULL",
        );
        let brought = brought.bind(name.as_str()).bind(At(latest)).bind(At(to));
        Ok(brought.execute(&mut *self.read().await?).await?.rows_affected() > 0)
    }

    async fn schedules(&self) -> Result<Vec<ScheduleRecord>> {
        let rows = sqlx::query("SELECT * FROM schedules ORDER BY name").fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(to_schedule).collect()
    }
}

fn held_by(lease: &ScheduleLease, found: sqlx::Result<Option<PgRow>>) -> Result<(), ScheduleError> {
    let found = found.map_err(StoreError::from)?;
    found.map(drop).ok_or_else(|| ScheduleError::LeaseLost(lease.name.clone()))
}
