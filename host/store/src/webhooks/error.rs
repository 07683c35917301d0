//! Why a webhook is not made or changed, and why the word of a worker that held it does not count.

use macadam_core::names::TeamId;

use crate::{StoreError, WebhookId};

/// Why a webhook is not made or changed; nothing was.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no such webhook.
    #[error("there is no webhook {0}")]
    NotFound(
        /// The id that was given.
        WebhookId,
    ),
    /// The team is not known.
    #[error("there is no team {0}; ask an administrator to add it")]
    UnknownTeam(
        /// Its name.
        TeamId,
    ),
    /// The team has as many as it may have.
    #[error("team {team} has {most} webhooks already; delete one, or let one take more types of events")]
    TooMany {
        /// The team.
        team: TeamId,
        /// How many it may have.
        most: u32,
    },
    /// Somebody else has it by now, or it was changed.
    #[error("the lease on webhook {webhook} is lost; whoever has it now goes on with it")]
    LeaseLost {
        /// The webhook.
        webhook: WebhookId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
