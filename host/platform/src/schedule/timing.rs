//! When something runs next.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use macadam_core::retry::{RetryRule, part};

/// A tenth of an interval is left to chance, so that hosts and tasks that started together do not stay together; never
/// more than this.
const MOST_JITTER: SignedDuration = SignedDuration::from_secs(60);

/// How far hosts' clocks may be from each other before a run is taken for one that a wrong clock has told.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(10 * 60);

/// After a run that failed: in seconds at first, and every quarter of an hour at last.
const AFTER_FAILURE: RetryRule = RetryRule {
    first: SignedDuration::from_secs(5),
    longest: SignedDuration::from_secs(15 * 60),
    tries: u32::MAX,
    age: SignedDuration::MAX,
};

/// When something runs.
#[derive(Debug, Clone)]
pub enum Timing {
    /// So long after the end of the last run, and a little more.
    Every(Duration),
    /// At the minutes that a cron expression names, in UTC, and a little later.
    Cron(Box<Cron>),
    /// As soon as there is something to do; looked at so often.
    WhenDue(Duration),
}

/// A text that is no cron expression.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no cron expression: {reason}; write minute, hour, day, month and weekday, such as \"0 3 * * *\"")]
pub struct TimingError {
    text: String,
    reason: String,
}

impl FromStr for Timing {
    type Err = TimingError;

    /// Reads a cron expression.
    fn from_str(text: &str) -> Result<Self, TimingError> {
        let wrong = |error: croner::errors::CronError| TimingError { text: text.to_owned(), reason: error.to_string() };
        Cron::from_str(text).map(|cron| Self::Cron(Box::new(cron))).map_err(wrong)
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => write!(f, "every {} s", interval.as_secs()),
            Self::Cron(cron) => write!(f, "cron {} UTC", cron.pattern),
            Self::WhenDue(interval) => write!(f, "when due, within {} s", interval.as_secs()),
        }
    }
}

impl Timing {
    /// When the first run is, on hosts that have never run it.
    pub(crate) fn first(&self, now: Timestamp, random: u64) -> Timestamp {
        match self {
            Self::Every(interval) => later(now, part(signed(*interval).min(MOST_JITTER), random)),
            Self::Cron(_) => self.next(now, random),
            Self::WhenDue(_) => now,
        }
    }

    /// When the next run is after one that has just ended.
    pub(crate) fn next(&self, now: Timestamp, random: u64) -> Timestamp {
        match self {
            Self::Every(interval) => {
                let interval = signed(*interval);
                later(later(now, interval), part((interval / 10).min(MOST_JITTER), random))
            }
            Self::Cron(cron) => {
                let found = cron.find_next_occurrence(&now.to_zoned(TimeZone::UTC), false);
                // An expression that names no moment any more, such as a day that never is, waits for ever.
                let at = found.map_or(Timestamp::MAX, |at| at.timestamp());
                later(at, part(MOST_JITTER / 2, random))
            }
            Self::WhenDue(interval) => later(now, signed(*interval)),
        }
    }

    /// The latest that a next run can be, whatever the last one came to, unless the clock that told it was ahead.
    pub(crate) fn latest(&self, now: Timestamp) -> Timestamp {
        let next = self.next(later(now, CLOCKS_DIFFER), 0);
        let more = match self {
            Self::WhenDue(_) => AFTER_FAILURE.longest,
            Self::Every(_) | Self::Cron(_) => MOST_JITTER,
        };
        later(next, more)
    }

    /// When it is tried again after a run that failed.
    pub(crate) fn after_failure(&self, failures: u32, now: Timestamp, random: u64) -> Timestamp {
        let soon = later(now, AFTER_FAILURE.wait(failures, random).max(SignedDuration::from_secs(1)));
        match self {
            // It would be looked at within the next seconds anyway, and fail again.
            Self::WhenDue(_) => soon,
            Self::Every(_) | Self::Cron(_) => soon.min(self.next(now, random)),
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_interval_counts_from_the_end_of_the_last_run_with_up_to_a_tenth_more() {
        let hourly = Timing::Every(Duration::from_secs(3600));
        let now = at("2026-01-01T00:00:00Z");
        for random in [0, 1, 12_345_678, u64::MAX] {
            let next = hourly.next(now, random);
            assert!(next >= at("2026-01-01T01:00:00Z") && next <= at("2026-01-01T01:01:00Z"), "{next}");
        }
    }

    #[test]
    fn a_cron_expression_names_minutes_in_utc_and_missed_ones_are_not_made_up_for() {
        let nightly: Timing = "0 3 * * *".parse().unwrap();
        assert_eq!(nightly.next(at("2026-01-01T00:00:00Z"), 0), at("2026-01-01T03:00:00Z"));
        assert_eq!(
            nightly.next(at("2026-01-09T03:00:00Z"), 0),
            at("2026-01-10T03:00:00Z"),
            "once, however long it was"
        );
        assert_eq!(nightly.to_string(), "cron 0 3 * * * UTC");
    }

    #[test]
    fn what_is_no_cron_expression_is_refused_with_an_example() {
        for text in ["", "soon", "61 * * * *", "0 3 * *"] {
            let refused = text.parse::<Timing>().unwrap_err().to_string();
            assert!(refused.contains("0 3 * * *"), "{refused}");
        }
    }

    #[test]
    fn after_a_failure_the_next_try_is_sooner_than_the_next_run_and_later_each_time() {
        let (now, hourly) = (at("2026-01-01T00:00:00Z"), Timing::Every(Duration::from_secs(3600)));
        let longest = |failures| (0..10_000).map(|n| hourly.after_failure(failures, now, n * 65_537)).max().unwrap();
        assert!(longest(0) <= at("2026-01-01T00:00:05Z"));
        assert!(longest(3) > longest(0) && longest(30) <= at("2026-01-01T00:15:00Z"));
        let minutely = Timing::Every(Duration::from_secs(60));
        assert!(minutely.after_failure(30, now, u64::MAX) <= minutely.next(now, u64::MAX));
    }

    #[test]
    fn no_run_that_a_clock_like_this_one_told_is_later_than_the_latest() {
        let now = at("2026-01-01T02:59:58Z");
        let timings = [
            Timing::Every(Duration::from_secs(1)),
            Timing::Every(Duration::from_secs(7 * 24 * 60 * 60)),
            Timing::WhenDue(Duration::from_secs(1)),
            "0 3 * * *".parse().unwrap(),
        ];
        for timing in timings {
            let latest = timing.latest(now);
            for random in [0, 59_999_999, 899_999_999, u64::MAX] {
                // Of a host whose clock is five seconds ahead.
                let told = now + SignedDuration::from_secs(5);
                let runs =
                    [timing.first(told, random), timing.next(told, random), timing.after_failure(30, told, random)];
                assert!(runs.iter().all(|run| *run <= latest), "{timing}: {runs:?} after {latest}");
            }
            let ahead = timing.next(now + SignedDuration::from_hours(48), 0);
            assert!(ahead > latest, "{timing}: two days ahead");
        }
    }
}
