//! What every handler has.

use std::sync::Arc;

use macadam_platform::Platform;

use crate::api::Streams;
use crate::metrics::Metrics;
use crate::people::PeopleFile;

/// What every handler has. Cheap to clone.
#[derive(Clone)]
pub struct ServerState {
    /// The use cases.
    pub(crate) platform: Platform,
    /// Who may sign in.
    pub(crate) people: Arc<PeopleFile>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether `/metrics` is for everybody who reaches the port.
    pub(crate) open_metrics: bool,
    /// How many streams of events each person has.
    pub(crate) streams: Streams,
}

impl ServerState {
    /// Joins the use cases with the people who may use them. With `open_metrics`, `/metrics` asks for no token: right
    /// on a loopback address, or behind a proxy that keeps others out.
    #[must_use]
    pub fn new(platform: Platform, people: Arc<PeopleFile>, open_metrics: bool) -> Self {
        let metrics = Arc::new(Metrics::new(platform.clone()));
        Self { platform, people, metrics, open_metrics, streams: Streams::default() }
    }
}
