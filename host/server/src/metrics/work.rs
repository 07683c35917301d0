//! What is counted of jobs and of what is done by the clock.
//!
//! How much there is to do is asked of the store at each scrape, and is the same whichever host is asked. What was done
//! is counted by each host for itself.

use std::fmt;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use macadam_core::lifecycle::JobState;
use macadam_platform::{Platform, Tally};
use macadam_store::JobTotals;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: String,
}

#[derive(Debug, Clone, EncodeLabelSet)]
struct Attempt {
    phase: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, EncodeLabelSet)]
struct Run {
    schedule: String,
    outcome: &'static str,
}

/// How much there is to do.
#[derive(Default)]
pub(super) struct Queue {
    jobs: Family<InState, Gauge>,
    age: Gauge<f64, AtomicU64>,
}

impl Queue {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let queue = Self::default();
        let help = "Jobs that wait, that a worker has, and that are dead: an administrator has to look at those";
        registry.register("jobs", help, queue.jobs.clone());
        let help = "How long the job has been waiting that could have run for longest";
        registry.register_with_unit("job_queue_age", help, Unit::Seconds, queue.age.clone());
        queue
    }

    pub(super) fn note(&self, totals: &JobTotals, now: Timestamp) {
        let JobTotals { queued, running, dead, oldest } = totals;
        for (state, count) in [(JobState::Queued, queued), (JobState::Running, running), (JobState::Dead, dead)] {
            let labels = InState { state: state.to_string() };
            self.jobs.get_or_create(&labels).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        self.age.set(oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0)));
    }
}

/// What this host has done.
pub(super) struct Work(pub(super) Platform);

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

impl Collector for Work {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let attempts: Vec<_> = self.0.counted().attempts().into_iter().collect();
        let attempts: Vec<_> =
            attempts.into_iter().map(|((phase, outcome), tally)| (Attempt { phase, outcome }, tally)).collect();
        family(
            &mut encoder,
            ["job_attempts", "Steps of jobs", "job_attempt", "Time spent in steps of jobs"],
            &attempts,
        )?;
        let runs = self.0.counted().runs().into_iter();
        let runs: Vec<_> = runs.map(|((schedule, outcome), tally)| (Run { schedule, outcome }, tally)).collect();
        let names = ["schedule_runs", "Runs of what is done by the clock", "schedule_run", "Time spent in such runs"];
        family(&mut encoder, names, &runs)
    }
}

/// How often, and how long together: two families with the same labels.
fn family<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder,
    [count, count_help, time, time_help]: [&str; 4],
    tallies: &[(L, Tally)],
) -> fmt::Result {
    let mut counts = encoder.encode_descriptor(count, count_help, None, MetricType::Counter)?;
    for (labels, tally) in tallies {
        ConstCounter::new(tally.count).encode(counts.encode_family(labels)?)?;
    }
    let mut times = encoder.encode_descriptor(time, time_help, Some(&Unit::Seconds), MetricType::Counter)?;
    for (labels, tally) in tallies {
        ConstCounter::new(tally.seconds).encode(times.encode_family(labels)?)?;
    }
    Ok(())
}
