//! What every handler has.

use std::sync::Arc;

use macadam_platform::Platform;

use crate::api::Streams;
use crate::bodies::Bodies;
use crate::cross_origin::AllowedOrigin;
use crate::metrics::Metrics;
use crate::origin::TrustedProxies;
use crate::rate_limits::{RateLimitSettings, RateLimits};
use crate::sign_in::Authenticator;

/// What every handler has. Cheap to clone.
#[derive(Clone)]
pub struct ServerState {
    /// The use cases.
    pub(crate) platform: Platform,
    /// What finds out who is calling.
    pub(crate) authenticator: Authenticator,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether `/metrics` is for everybody who reaches the port.
    pub(crate) open_metrics: bool,
    /// How many streams of events each person has.
    pub(crate) streams: Streams,
    /// Who is believed when they say for whom they ask.
    pub(crate) proxies: Arc<TrustedProxies>,
    /// Who has asked for how much.
    pub(crate) rate_limits: Arc<RateLimits>,
    /// The room that bodies share.
    pub(crate) bodies: Arc<Bodies>,
    /// Pages of which origins may call.
    pub(crate) origins: Arc<[AllowedOrigin]>,
}

impl ServerState {
    /// Joins the use cases with what says who may use them. With `open_metrics`, `/metrics` asks for no token: right
    /// on a loopback address, or behind a proxy that keeps others out.
    #[must_use]
    pub fn new(platform: Platform, authenticator: Authenticator, open_metrics: bool) -> Self {
        let metrics = Arc::new(Metrics::new(platform.clone()));
        let (streams, proxies) = (Streams::default(), Arc::default());
        let rate_limits = Arc::new(RateLimits::new(&RateLimitSettings::default()));
        let (bodies, origins) = (Arc::default(), Arc::default());
        Self { platform, authenticator, metrics, open_metrics, streams, proxies, rate_limits, bodies, origins }
    }

    /// Lets in as much as an administrator has set.
    #[must_use]
    pub fn limited(mut self, settings: &RateLimitSettings) -> Self {
        self.rate_limits = Arc::new(RateLimits::new(settings));
        self
    }

    /// Lets pages of some origins call.
    #[must_use]
    pub fn open_to(mut self, origins: Vec<AllowedOrigin>) -> Self {
        self.origins = origins.into();
        self
    }

    /// Believes some proxies when they say for whom they ask.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = Arc::new(proxies);
        self
    }
}
