//! What a request is about, found in the transaction that will change it.

use macadam_core::digest::Digest;
use macadam_core::estimate::Estimate;
use macadam_core::lifecycle::ResourceState;
use macadam_core::money::Money;
use macadam_core::names::{ResourceKey, TeamId};
use macadam_core::standing::{Reservation, Standing};
use rust_decimal::Decimal;

use super::super::row::digest;
use super::super::{Conn, resources};
use crate::resources::{WHO_HAS, is_free};
use crate::{
    Change, Desired, JobPhase, NewRequest, ProviderPin, ResourceId, ResourceRecord, Scaffold, StoreError, Subject,
    SubmitError,
};

type Result<T> = std::result::Result<T, SubmitError>;

/// A request's change, with the resource that it concerns as it is now.
pub(super) enum Target<'a> {
    New { id: ResourceId, key: &'a ResourceKey, desired: &'a Desired },
    Changed { resource: Box<ResourceRecord>, desired: &'a Desired },
    Removed { resource: Box<ResourceRecord> },
    Project(&'a Scaffold),
}

impl<'a> Target<'a> {
    /// Finds the target of a request, provided that the request fits it.
    pub(super) async fn fitting(conn: &mut Conn, change: &'a Change) -> Result<Self> {
        match change {
            Change::Create { resource, key, desired } => {
                free(conn, key).await?;
                Ok(Self::New { id: *resource, key, desired })
            }
            Change::Update { resource, revision, desired } => {
                let resource = at_rest(conn, *resource, *revision).await?;
                match resource.state {
                    ResourceState::Ready => Ok(Self::Changed { resource, desired }),
                    state => Err(SubmitError::NotReady { key: resource.key, state }),
                }
            }
            Change::Delete { resource, revision } => {
                Ok(Self::Removed { resource: at_rest(conn, *resource, *revision).await? })
            }
            Change::Scaffold(scaffold) => Ok(Self::Project(scaffold)),
        }
    }

    /// Finds the target of a request that will not touch it.
    pub(super) async fn any(conn: &mut Conn, change: &'a Change) -> Result<Self> {
        match change {
            Change::Create { resource, key, desired } => Ok(Self::New { id: *resource, key, desired }),
            Change::Update { resource, desired, .. } => {
                Ok(Self::Changed { resource: existing(conn, *resource).await?, desired })
            }
            Change::Delete { resource, .. } => Ok(Self::Removed { resource: existing(conn, *resource).await? }),
            Change::Scaffold(scaffold) => Ok(Self::Project(scaffold)),
        }
    }

    /// Whose quota it is about.
    pub(super) fn team<'b>(&'b self, new: &'b NewRequest) -> &'b TeamId {
        match self {
            Self::New { .. } | Self::Project(_) => &new.actor.team,
            Self::Changed { resource, .. } | Self::Removed { resource } => &resource.team,
        }
    }

    /// What it is to be.
    pub(super) const fn desired(&self) -> Option<&'a Desired> {
        match self {
            Self::New { desired, .. } | Self::Changed { desired, .. } => Some(desired),
            Self::Removed { .. } | Self::Project(_) => None,
        }
    }

    /// Who does it; nobody has to for a project.
    pub(super) fn provider(&self) -> Option<&ProviderPin> {
        match self {
            Self::New { desired, .. } => Some(&desired.provider),
            Self::Changed { resource, .. } | Self::Removed { resource } => Some(&resource.desired.provider),
            Self::Project(_) => None,
        }
    }

    /// The digests of what there is and of what there is to be, for the audit log.
    pub(super) fn digests(&self) -> Result<(Option<Digest>, Option<Digest>)> {
        let before = match self {
            Self::New { .. } | Self::Project(_) => None,
            Self::Changed { resource, .. } | Self::Removed { resource } => Some(&resource.desired),
        };
        Ok((digest("resource", before)?, digest("resource", self.desired())?))
    }

    /// What it adds to its team's usage.
    pub(super) fn reservation(&self, standing: &Standing) -> Option<Reservation> {
        match self {
            Self::New { key, desired, .. } => {
                let resource_type = Some(key.resource_type.clone());
                Some(Reservation { resource_type, monthly: monthly(desired, standing) })
            }
            Self::Changed { resource, desired } => {
                let after = monthly(desired, standing);
                // Costs in two currencies have no difference, so the whole new cost has to fit.
                let before = Some(resource.monthly).filter(|before| before.currency == after.currency);
                let amount = after.amount.saturating_sub(before.map_or(Decimal::ZERO, |before| before.amount));
                Some(Reservation { resource_type: None, monthly: Money { amount, ..after } })
            }
            Self::Removed { .. } | Self::Project(_) => None,
        }
    }

    /// The job that does it; a project is there already.
    pub(super) const fn phase(&self) -> Option<JobPhase> {
        match self {
            Self::New { .. } | Self::Changed { .. } => Some(JobPhase::Provision),
            Self::Removed { .. } => Some(JobPhase::Deprovision),
            Self::Project(_) => None,
        }
    }

    /// What the request's record says that it is about; a denied one names nothing that was not there before.
    pub(super) fn subject(&self, denied: bool) -> Subject {
        match self {
            Self::New { id, key, .. } => Subject::Resource { id: (!denied).then_some(*id), key: (*key).clone() },
            Self::Changed { resource, .. } | Self::Removed { resource } => {
                Subject::Resource { id: Some(resource.id), key: resource.key.clone() }
            }
            Self::Project(scaffold) => {
                Subject::Scaffold { id: (!denied).then_some(scaffold.id), template: scaffold.template.clone() }
            }
        }
    }
}

/// What a resource will cost. Without an estimate nothing is known to be added; policies have seen that.
pub(super) fn monthly(desired: &Desired, standing: &Standing) -> Money {
    let unknown = Money { currency: standing.team.currency, amount: Decimal::ZERO };
    desired.estimate.as_ref().map_or(unknown, Estimate::monthly_money)
}

/// Makes sure that a name can be given, in an environment that exists.
async fn free(conn: &mut Conn, key: &ResourceKey) -> Result<()> {
    let query = sqlx::query(WHO_HAS).bind(key.namespace.as_str()).bind(key.environment.as_str());
    let query = query.bind(key.resource_type.as_str()).bind(key.name.as_str());
    is_free(&query.fetch_one(conn).await.map_err(StoreError::from)?, key)
}

/// A live resource on which nothing is under way, at the revision that the requester has seen.
async fn at_rest(conn: &mut Conn, id: ResourceId, revision: u64) -> Result<Box<ResourceRecord>> {
    let resource = existing(conn, id).await?;
    if !resource.state.is_live() {
        return Err(SubmitError::NotFound { resource: id });
    }
    if let Some(request) = resource.open_request {
        return Err(SubmitError::Busy { key: resource.key, request });
    }
    if resource.revision != revision {
        return Err(SubmitError::Stale { key: resource.key, expected: revision, actual: resource.revision });
    }
    Ok(resource)
}

async fn existing(conn: &mut Conn, id: ResourceId) -> Result<Box<ResourceRecord>> {
    let found = resources::by_id(conn, id).await?;
    found.map(Box::new).ok_or(SubmitError::NotFound { resource: id })
}
