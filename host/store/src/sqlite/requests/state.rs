//! Moving a request from one state to another.

use jiff::Timestamp;
use macadam_core::lifecycle::RequestState;
use serde_json::json;

use super::super::row::{micros, one_row};
use super::super::{Conn, Result, journal};
use crate::{By, JobId, RequestRecord};

/// A move to a state.
pub(in super::super) struct Move<'a> {
    /// Where to.
    pub(in super::super) to: RequestState,
    /// Who does it.
    pub(in super::super) by: By<'a>,
    /// Its job from now on, when it gets one.
    pub(in super::super) job: Option<JobId>,
    /// What is said about it.
    pub(in super::super) text: Option<&'a str>,
}

impl Move<'static> {
    /// A move by the platform that needs no words.
    pub(in super::super) const fn to(to: RequestState) -> Self {
        Self { to, by: By::HOST, job: None, text: None }
    }
}

/// Moves a request, on condition that it is still where the record says; recorded and told.
pub(in super::super) async fn move_to(
    conn: &mut Conn,
    request: &RequestRecord,
    step: &Move<'_>,
    now: Timestamp,
) -> Result<()> {
    let moved = sqlx::query(
        "UPDATE requests
         SET state = $3, updated_at = $4, expires_at = NULL, job_id = coalesce($5, job_id), failure = $6
         WHERE id = $1 AND state = $2",
    )
    .bind(request.id.to_string())
    .bind(request.state.as_str())
    .bind(step.to.as_str())
    .bind(micros(now))
    .bind(step.job.map(|job| job.to_string()))
    .bind(step.text)
    .execute(&mut *conn)
    .await?;
    one_row("request", &moved)?;
    let more = json!({ "from": request.state, "to": step.to, "text": step.text, "job": step.job });
    journal::record_request(conn, step.by, &format!("request.{}", step.to), request, more, now).await
}
