//! What is counted, in Prometheus' terms: base units, and counters that end in `_total`.
//!
//! Labels come from closed sets: the matched route and not the path, so that no client makes new series. What plugins
//! have used is counted where they run, and read from there at each scrape.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use macadam_platform::Platform;
use macadam_platform::plugins::WALL_BOUNDS;
use macadam_store::JobTotals;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

mod work;

/// Upper bounds in seconds. A decision takes milliseconds; the rest is there to show when it does not.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct Plugin {
    plugin: String,
    version: String,
    kind: String,
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Route, Counter>,
    durations: Family<Route, Histogram>,
    queue: work::Queue,
    ready: Gauge,
}

impl Metrics {
    pub(crate) fn new(platform: Platform) -> Self {
        let mut registry = Registry::with_prefix("macadam");
        let requests = Family::<Route, Counter>::default();
        let durations = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register("http_requests", "HTTP requests that were answered", requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to its answer's head",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register_collector(Box::new(work::Work(platform.clone())));
        let queue = work::Queue::register(&mut registry);
        let ready: Gauge = Gauge::default();
        registry.register("ready", "Whether the host can serve, as its readiness says", ready.clone());
        registry.register_collector(Box::new(Plugins(platform)));
        Self { registry, requests, durations, queue, ready }
    }

    /// Counts one answered request.
    pub(crate) fn served(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = if is_known(method) { method.as_str() } else { "other" };
        let labels = Route { method: method.to_owned(), route: route.to_owned(), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Takes in how much there is to do, which the store knows.
    pub(crate) fn note_jobs(&self, totals: &JobTotals, now: Timestamp) {
        self.queue.note(totals, now);
    }

    /// Takes in whether the host can serve, which takes more than what is counted here.
    pub(crate) fn note_ready(&self, is_ready: bool) {
        self.ready.set(i64::from(is_ready));
    }

    /// Everything as text.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A client can send any word as a method.
fn is_known(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::POST | Method::PUT | Method::DELETE | Method::HEAD | Method::OPTIONS)
        || *method == Method::PATCH
}

/// What plugins have used since they were loaded.
struct Plugins(Platform);

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plugins")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    action: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, Copy, Default)]
struct Used {
    calls: u64,
    failures: u64,
    fuel: u64,
    seconds: f64,
    /// How many calls took up to each of [`WALL_BOUNDS`] and more than the one before; the last ones took longer.
    wall: [u64; WALL_BOUNDS.len() + 1],
    waiting: u64,
}

impl Plugins {
    /// By plugin: one that is bound twice is one series. Also what is tried beside the active version, what stands in for
    /// it and what resources are pinned to, each under its own version.
    fn used(&self) -> BTreeMap<Plugin, Used> {
        let mut all = BTreeMap::<_, Used>::new();
        for plugin in self.0.plugins().loaded() {
            let labels = Plugin {
                plugin: plugin.identity().name.to_string(),
                version: plugin.identity().version.to_string(),
                kind: plugin.kind().to_string(),
            };
            let (usage, used) = (plugin.usage(), all.entry(labels).or_default());
            used.calls += usage.calls;
            used.failures += usage.failures;
            used.fuel += usage.fuel;
            used.seconds += Duration::from_nanos(usage.wall_ns).as_secs_f64();
            used.waiting += usage.waiting;
            for (sum, count) in used.wall.iter_mut().zip(usage.wall) {
                *sum += count;
            }
        }
        all
    }
}

impl Collector for Plugins {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let active = self.0.plugins().active();
        let quarantined = ConstGauge::new(i64::try_from(active.quarantined().count()).unwrap_or(i64::MAX));
        let help = "How many bindings have their active version in quarantine";
        let gauge = encoder.encode_descriptor("plugins_quarantined", help, None, quarantined.metric_type())?;
        quarantined.encode(gauge)?;
        let used = self.used();
        let mut counter = |name, help, unit: Option<&Unit>, of: &dyn Fn(&Used, MetricEncoder) -> fmt::Result| {
            let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
            used.iter().try_for_each(|(labels, used)| of(used, family.encode_family(labels)?))
        };
        counter("plugin_calls", "Calls into a plugin", None, &|used, to| ConstCounter::new(used.calls).encode(to))?;
        counter("plugin_call_failures", "Calls into a plugin that gave no answer", None, &|used, to| {
            ConstCounter::new(used.failures).encode(to)
        })?;
        counter("plugin_fuel", "Fuel that a plugin has burned", None, &|used, to| {
            ConstCounter::new(used.fuel).encode(to)
        })?;
        self.encode_durations(&mut encoder, &used)?;
        self.encode_decisions(&mut encoder)
    }
}

impl Plugins {
    fn encode_durations(&self, encoder: &mut DescriptorEncoder, used: &BTreeMap<Plugin, Used>) -> fmt::Result {
        let (name, help) = ("plugin_call_duration", "Time that a call into a plugin took");
        let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (labels, used) in used {
            let bounds = WALL_BOUNDS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(used.wall).collect();
            let mut of_plugin = family.encode_family(labels)?;
            of_plugin.encode_histogram::<NoLabelSet>(used.seconds, used.wall.iter().sum(), &buckets, None)?;
        }
        let help = "Calls that wait for a place in a plugin now";
        let mut family = encoder.encode_descriptor("plugin_calls_waiting", help, None, MetricType::Gauge)?;
        used.iter().try_for_each(|(labels, used)| {
            ConstGauge::new(i64::try_from(used.waiting).unwrap_or(i64::MAX)).encode(family.encode_family(labels)?)
        })
    }

    fn encode_decisions(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let help = "Requests that were decided and recorded";
        let mut family = encoder.encode_descriptor("requests_decided", help, None, MetricType::Counter)?;
        for ((action, outcome), count) in self.0.counted().decided() {
            let labels = Decided { action, outcome };
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        let help = "Calls into plugins that could not be written to the decision log, and are not in it";
        let lost = encoder.encode_descriptor("decisions_lost", help, None, MetricType::Counter)?;
        ConstCounter::new(self.0.recorder().lost()).encode(lost)
    }
}
