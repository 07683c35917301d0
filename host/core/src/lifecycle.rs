//! The states of requests, resources and jobs.
//!
//! ```text
//! request   denied
//!           pending-approval ──▶ queued ──▶ running ──▶ succeeded | failed
//!                  │                └──────────┴──▶ cancelled
//!                  └──▶ rejected | expired | cancelled
//! resource  (absent) ──▶ creating ──▶ ready ⇄ updating
//!                            └─▶ failed        └──▶ deleting ──▶ deleted
//! job       queued ⇄ running ──▶ succeeded | failed | cancelled
//!              ▲        └──▶ dead
//!              └─ mended ─────┘
//! ```
//!
//! A job is *dead* when the work could neither be finished nor undone. Its request has failed; when an administrator has
//! the job tried again, both are queued once more.
//!
//! Every change is a conditional update in the store: the state it leaves is part of the condition, so two that race
//! cannot both succeed.

use std::fmt;
use std::str::FromStr;

macro_rules! state {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The state's word, in the API as in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;
            fn from_str(text: &str) -> Result<Self, UnknownState> {
                Self::ALL.iter().copied().find(|state| state.as_str() == text)
                    .ok_or_else(|| UnknownState { what: stringify!($name), text: text.to_owned() })
            }
        }
    };
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}")]
pub struct UnknownState {
    what: &'static str,
    text: String,
}

state! {
    /// Where a request stands.
    RequestState {
        /// Refused by policy, quota or budget; recorded, final.
        Denied = "denied",
        /// Waits for people.
        PendingApproval = "pending-approval",
        /// May go ahead; its job waits for a worker.
        Queued = "queued",
        /// A worker is at it.
        Running = "running",
        /// Done; final.
        Succeeded = "succeeded",
        /// Could not be done, and what was half done is undone; final.
        Failed = "failed",
        /// Refused by a person; final.
        Rejected = "rejected",
        /// Nobody approved in time; final.
        Expired = "expired",
        /// Taken back; what was half done is undone; final.
        Cancelled = "cancelled",
    }
}

impl RequestState {
    /// Whether nothing will happen to the request any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::PendingApproval | Self::Queued | Self::Running)
    }
}

state! {
    /// Where a resource stands.
    ResourceState {
        /// Asked for and not there yet.
        Creating = "creating",
        /// There and usable.
        Ready = "ready",
        /// There and being changed.
        Updating = "updating",
        /// Being removed.
        Deleting = "deleting",
        /// Gone.
        Deleted = "deleted",
        /// Could not be made; nothing is left of it.
        Failed = "failed",
    }
}

impl ResourceState {
    /// Whether the resource holds its name and its share of the team's quota.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::Deleted | Self::Failed)
    }
}

state! {
    /// Where a job stands.
    JobState {
        /// Waits for a worker or for its time.
        Queued = "queued",
        /// Leased by a worker.
        Running = "running",
        /// Done; final.
        Succeeded = "succeeded",
        /// Given up, and nothing is left of it; final.
        Failed = "failed",
        /// Taken back, and nothing is left of it; final.
        Cancelled = "cancelled",
        /// Could neither be finished nor undone: something may be left. Final, unless an administrator has it tried again.
        Dead = "dead",
    }
}

impl JobState {
    /// Whether no worker will take it up by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_the_same_way_in_the_api_and_in_the_store() {
        for state in RequestState::ALL {
            assert_eq!(serde_json::to_string(state).unwrap(), format!("\"{state}\""));
            assert_eq!(state.as_str().parse::<RequestState>().unwrap(), *state);
        }
        for state in ResourceState::ALL {
            assert_eq!(serde_json::to_string(state).unwrap(), format!("\"{state}\""));
        }
        assert!("ready ".parse::<ResourceState>().is_err());
    }
}
