//! What a policy may base its verdict on beside the request.

use std::marker::PhantomData;

pub use crate::bindings::macadam::plugin::context::{
    Line as CostLine, Requester as Actor, Standing as Team, Total as Cost, Usage as TypeUsage,
};
use crate::host::imports::context as asked;
use crate::{Decimal, Error, Request, decimal};

/// What a policy decides on. It holds nothing: each method asks the host, and what is not asked for is never copied.
/// The answers are the same throughout a call, so keep what you need twice.
#[derive(Debug)]
pub struct Context {
    request: Request,
    _at_hand: PhantomData<()>,
}

impl Context {
    /// Only while a policy evaluates.
    pub(crate) const fn at_hand() -> Self {
        Self { request: Request::at_hand(), _at_hand: PhantomData }
    }

    /// The request.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// What the request will cost a month; `None` when no estimator knows.
    #[must_use]
    pub fn cost(&self) -> Option<Cost> {
        asked::cost()
    }

    /// What the cost is made of; empty when no estimator knows.
    #[must_use]
    pub fn cost_lines(&self) -> Vec<CostLine> {
        asked::cost_lines()
    }

    /// What the requesting team has and may have, without the request at hand.
    #[must_use]
    pub fn team(&self) -> Team {
        asked::team()
    }

    /// The same for one resource type; none and no limit for a type that the team neither uses nor is limited in.
    #[must_use]
    pub fn type_usage(&self, resource_type: &str) -> TypeUsage {
        asked::type_usage(resource_type)
    }

    /// Who asks.
    #[must_use]
    pub fn actor(&self) -> Actor {
        asked::actor()
    }

    /// When the request was made (RFC 3339, UTC). The sandbox has no clock of its own.
    #[must_use]
    pub fn now(&self) -> String {
        asked::now()
    }
}

impl Cost {
    /// The monthly cost, exactly.
    ///
    /// # Errors
    /// [`Error::Failed`] when the host broke the contract.
    pub fn monthly_exact(&self) -> Result<Decimal, Error> {
        decimal::from_host(&self.monthly, "monthly cost")
    }
}

impl Team {
    /// The monthly cost of what the team has now, exactly.
    ///
    /// # Errors
    /// [`Error::Failed`] when the host broke the contract.
    pub fn committed_exact(&self) -> Result<Decimal, Error> {
        decimal::from_host(&self.committed, "committed cost")
    }

    /// The most the team may commit a month, exactly.
    ///
    /// # Errors
    /// [`Error::Failed`] when the host broke the contract.
    pub fn monthly_budget_exact(&self) -> Result<Option<Decimal>, Error> {
        self.monthly_budget.as_deref().map(|budget| decimal::from_host(budget, "monthly budget")).transpose()
    }
}
