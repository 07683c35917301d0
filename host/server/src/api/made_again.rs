//! Answers to what was done by a host that died before it could answer: made again from what is kept.
//!
//! Requests for resources and projects are kept with all that was said of them. Of other changes the answer is gone, and may
//! have been the only one to show a secret; then what was done is named, so that its client need not wonder.

use axum::response::Response;
use macadam_platform::authorization::Action;
use macadam_platform::{Caller, Platform};
use macadam_store::RequestId;

use crate::api::{resources, scaffolds};
use crate::problem::{Problem, ProblemKind};

/// The answer to a route's action of which the audit log has an effect.
pub(crate) async fn answer(
    platform: &Platform,
    caller: &Caller,
    action: Action,
    effect: &str,
) -> Result<Response, Problem> {
    let request = effect.strip_prefix("requests/").and_then(|id| id.parse::<RequestId>().ok());
    match (action, request) {
        (Action::ResourceCreate | Action::ResourceUpdate | Action::ResourceDelete, Some(request)) => {
            resources::accepted(platform.submitted(caller, request).await?)
        }
        (Action::ProjectCreate, Some(request)) => {
            scaffolds::accepted(platform.scaffolded(caller, request).await?)
        }
        _ => Err(Problem::new(
            ProblemKind::Conflict,
            format!(
                "the request with this `Idempotency-Key` was done, and its host stopped before it could answer; look at \
                 {effect}, which the audit log names, and do not send it again"
            ),
        )
        .with("effect", effect.into())),
    }
}
