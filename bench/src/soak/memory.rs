//! The memory of the program over time, and the verdict: what it holds at the end over what it held when it had settled.
//!
//! Resident memory is what an operator sees and pays for; the anonymous part of it is what the program has asked for
//! itself, without files that are mapped. Neither may grow. A median over a window keeps one moment, such as a
//! collection of old entries, from deciding.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::host::Host;
use super::site::Site;
use crate::figures::{say, short};
use crate::race::median;
use crate::server::memory_kib;

/// How often the memory is looked at.
const EVERY: Duration = Duration::from_secs(10);

/// How many of those make a line.
const SAMPLES_A_LINE: usize = 6;

/// After what time everything is there that a host at work holds: caches are filled, threads have their stacks.
const SETTLED: Duration = Duration::from_secs(10 * 60);

/// Of what time a median is taken.
const WINDOW: Duration = Duration::from_secs(2 * 60);

/// How much more there may be at the end.
const BOUND: f64 = 1.10;

/// What Linux counts processor time in (`USER_HZ`), the same on every architecture that it runs on today.
const TICKS_A_SECOND: f64 = 100.0;

/// The memory at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    at: Duration,
    resident_mib: f64,
    anonymous_mib: f64,
}

/// Looks at the program until the time is over, and says every minute what it sees.
///
/// # Errors
/// When the program ends by itself, or answers so wrongly that it is useless to go on.
pub(super) fn watch(host: &mut Host, site: &Site, time: Duration) -> anyhow::Result<Vec<Sample>> {
    let (begin, mut samples) = (Instant::now(), Vec::new());
    let mut before = (site.tally.total(), processor_seconds(host.id())?, begin);
    while begin.elapsed() < time {
        std::thread::sleep(EVERY.min(time.saturating_sub(begin.elapsed())));
        ensure!(!host.has_ended()?, "the server ended by itself\n{}", host.log());
        ensure!(!site.tally.is_hopeless(), "{}\n{}", site.tally.complaints(), host.log());
        let sample = Sample {
            at: begin.elapsed(),
            resident_mib: memory_kib(host.id(), "VmRSS")? / 1024.0,
            anonymous_mib: memory_kib(host.id(), "RssAnon")? / 1024.0,
        };
        samples.push(sample);
        if samples.len().is_multiple_of(SAMPLES_A_LINE) {
            let now = (site.tally.total(), processor_seconds(host.id())?, Instant::now());
            let seconds = now.2.duration_since(before.2).as_secs_f64();
            let (rate, busy) = ((now.0 - before.0) as f64 / seconds, (now.1 - before.1) / seconds);
            say(&line(&sample, host.id(), rate, busy));
            before = now;
        }
    }
    Ok(samples)
}

fn line(sample: &Sample, process: u32, rate: f64, busy: f64) -> String {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
    format!(
        "minute {:>3}: {:>6} MiB resident, {:>6} anonymous, {files} files, {} answers/s, {:.0} % of a core",
        (sample.at.as_secs() + 30) / 60,
        short(sample.resident_mib),
        short(sample.anonymous_mib),
        short(rate),
        busy * 100.0,
    )
}

/// The processor time that a process has had.
fn processor_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Fields are counted from behind the name, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("the name of a process is in parentheses")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_A_SECOND)
}

/// What the memory was when it had settled, and what it is at the end.
#[derive(Debug)]
pub(super) struct Verdict {
    settled_at: Duration,
    ended_at: Duration,
    resident_mib: (f64, f64),
    anonymous_mib: (f64, f64),
}

impl Verdict {
    /// Judges by the samples of a run that was to take so long. A run too short to settle is judged by its own first
    /// third, which says less.
    pub(super) fn of(samples: &[Sample], time: Duration) -> anyhow::Result<Self> {
        let settled_at = SETTLED.min(time / 3);
        let window = WINDOW.min(settled_at);
        let within = |from: Duration, to: Duration| -> Vec<Sample> {
            samples.iter().copied().filter(|sample| from <= sample.at && sample.at <= to + EVERY).collect()
        };
        let settled = within(settled_at - window / 2, settled_at + window / 2);
        let end = within(time - window, time);
        ensure!(!settled.is_empty() && !end.is_empty(), "there are too few samples to judge by");
        let both = |of: fn(&Sample) -> f64| {
            let middle = |samples: &[Sample]| median(samples.iter().map(of).collect());
            (middle(&settled), middle(&end))
        };
        Ok(Self {
            settled_at,
            ended_at: time,
            resident_mib: both(|sample| sample.resident_mib),
            anonymous_mib: both(|sample| sample.anonymous_mib),
        })
    }

    /// Fails when there is more than there may be.
    pub(super) fn must_hold(&self) -> anyhow::Result<()> {
        for (what, (settled, end)) in [("resident", self.resident_mib), ("anonymous", self.anonymous_mib)] {
            let ratio = end / settled;
            ensure!(ratio <= BOUND, "the {what} memory has grown to {ratio:.2} times what it was, over {BOUND}");
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = |time: Duration| short(time.as_secs_f64() / 60.0);
        let (settled, ended) = (minutes(self.settled_at), minutes(self.ended_at));
        writeln!(f, "| memory | after {settled} minutes | after {ended} minutes | ratio |\n|---|---:|---:|---:|")?;
        for (what, (settled, end)) in [("resident", self.resident_mib), ("anonymous", self.anonymous_mib)] {
            writeln!(f, "| {what} | {} MiB | {} MiB | {:.3} |", short(settled), short(end), end / settled)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(memory: impl Fn(u64) -> f64) -> Vec<Sample> {
        let sample = |seconds| Sample {
            at: Duration::from_secs(seconds),
            resident_mib: memory(seconds),
            anonymous_mib: memory(seconds) / 2.0,
        };
        (1..=360).map(|tens| sample(tens * 10)).collect()
    }

    #[test]
    fn what_fills_up_before_it_has_settled_is_no_leak_and_what_goes_on_growing_is() {
        let hour = Duration::from_secs(3_600);
        let fills_up = samples(|seconds| 50.0 + seconds.min(480) as f64 / 10.0);
        assert!(Verdict::of(&fills_up, hour).unwrap().must_hold().is_ok(), "it was full after eight minutes");
        let grows = samples(|seconds| 50.0 + seconds as f64 / 100.0);
        let error = Verdict::of(&grows, hour).unwrap().must_hold().unwrap_err();
        assert!(error.to_string().contains("1.5"), "the growth is told: {error}");
    }

    #[test]
    fn a_moment_in_which_much_is_held_decides_nothing() {
        let moment = samples(|seconds| if seconds == 3_560 { 500.0 } else { 50.0 });
        assert!(Verdict::of(&moment, Duration::from_secs(3_600)).unwrap().must_hold().is_ok());
    }
}
