//! How long an answer may take: nobody waits for a handler for ever, and none holds what others need for ever.
//!
//! A stream of events is an answer as soon as it begins. Bodies that come in have a time of their own (`extract`).

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::{Problem, ProblemKind};

/// Longer than what takes longest, which compiles a plugin that is published, and a little less than our own clients wait.
pub(crate) const LONGEST: Duration = Duration::from_secs(110);

/// Surrounds every route.
pub(crate) async fn answer_in_time(request: Request, next: Next) -> Result<Response, Problem> {
    tokio::time::timeout(LONGEST, next.run(request)).await.map_err(|_| {
        let detail = format!(
            "the answer took longer than {} s and was given up; look at whether it was done, and send a change again under \
             the same `Idempotency-Key`",
            LONGEST.as_secs()
        );
        Problem::new(ProblemKind::Unavailable, detail)
    })
}
