//! Timing contenders in turns: a burst of calls each, again and again, so that whatever else the machine does hits all of
//! them alike. A contender's figure is the median of all its calls.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::figures::Report;

/// How long one contender's turn is: long enough to be warm, short enough for many turns.
const TURN: Duration = Duration::from_millis(3);

/// The most calls in a turn.
const MAX_CALLS: usize = 2_000;

/// Something whose calls are timed.
pub(crate) trait Contender {
    /// Makes so many calls and takes down the nanoseconds of each.
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()>;
}

/// A native function is a contender.
pub(crate) struct Native<F>(pub(crate) F);

impl<T, F: FnMut() -> anyhow::Result<T>> Contender for Native<F> {
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()> {
        for _ in 0..calls {
            let started = Instant::now();
            let value = std::hint::black_box((self.0)()?);
            into.push(nanoseconds(started));
            drop(value);
        }
        Ok(())
    }
}

/// The nanoseconds since then.
pub(crate) fn nanoseconds(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

struct Entry<'a> {
    name: String,
    contender: Box<dyn Contender + 'a>,
    calls: usize,
    nanoseconds: Vec<u64>,
}

/// Contenders that take turns.
#[derive(Default)]
pub(crate) struct Race<'a> {
    entries: Vec<Entry<'a>>,
}

impl<'a> Race<'a> {
    /// Lets a contender in.
    pub(crate) fn enter(&mut self, name: &str, contender: impl Contender + 'a) {
        let contender = Box::new(contender);
        self.entries.push(Entry { name: name.to_owned(), contender, calls: 1, nanoseconds: Vec::new() });
    }

    /// Warms everybody up, and lets them take turns until the time is over.
    pub(crate) fn run(mut self, time: Duration) -> anyhow::Result<Results> {
        for entry in &mut self.entries {
            entry.warm_up().with_context(|| entry.name.clone())?;
        }
        let begin = Instant::now();
        while begin.elapsed() < time {
            for entry in &mut self.entries {
                entry.turn().with_context(|| entry.name.clone())?;
            }
        }
        let median = |entry: Entry<'_>| (entry.name, median(entry.nanoseconds) / 1_000.0);
        Ok(Results(self.entries.into_iter().map(median).collect()))
    }
}

impl Entry<'_> {
    fn warm_up(&mut self) -> anyhow::Result<()> {
        let (begin, mut spent) = (Instant::now(), Vec::new());
        while begin.elapsed() < 20 * TURN {
            self.contender.burst(if spent.is_empty() { 1 } else { 50 }, &mut spent)?;
        }
        let typical = median(spent).max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
        let calls = (TURN.as_nanos() as f64 / typical) as usize;
        self.calls = calls.clamp(1, MAX_CALLS);
        Ok(())
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        // The first calls find the caches full of the others' data; they are made and not counted.
        let from = self.nanoseconds.len();
        self.contender.burst(self.calls, &mut self.nanoseconds)?;
        self.nanoseconds.drain(from..from + self.calls / 10);
        Ok(())
    }
}

/// The medians, in microseconds.
pub(crate) struct Results(Vec<(String, f64)>);

impl Results {
    /// Takes one of them up into the report.
    pub(crate) fn report(&self, name: &str, ratio_to: Option<&'static str>, report: &mut Report) {
        if let Some((_, value)) = self.0.iter().find(|(entry, _)| entry == name) {
            report.add(name, *value, "µs", ratio_to);
        }
    }
}

/// The middle one, as a number; zero of none.
pub(crate) fn median<T: PartialOrd + Copy + IntoF64>(mut values: Vec<T>) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).map_or(0.0, |value| value.into_f64())
}

/// What a median is taken of.
pub(crate) trait IntoF64 {
    /// The number.
    fn into_f64(self) -> f64;
}

impl IntoF64 for u64 {
    fn into_f64(self) -> f64 {
        self as f64
    }
}

impl IntoF64 for f64 {
    fn into_f64(self) -> f64 {
        self
    }
}
