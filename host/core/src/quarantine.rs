//! Quarantine: when a plugin has failed too often, it is not asked for a while, then tried with one call, and comes back
//! when that succeeds. (The pattern is the circuit breaker of M. Nygard, *Release It!*, chapter 5.)
//!
//! ```text
//! in ── N failures in the window ──▶ out ── the wait is over ──▶ probed ── answers ──▶ in
//!                                     ▲                             │
//!                                     └──── fails: twice the wait ──┘
//! ```

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// When a plugin is taken out, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct QuarantineRule {
    /// How many failures take it out. None is never.
    pub failures: u16,
    /// In how many seconds.
    pub window_seconds: u32,
    /// How long it is out the first time, in seconds; each failed probe doubles it.
    pub backoff_seconds: u32,
    /// The longest that it is out before it is probed again, in seconds.
    pub longest_seconds: u32,
}

impl Default for QuarantineRule {
    /// Five failures in a minute; out for five seconds at first and for ten minutes at most.
    fn default() -> Self {
        Self { failures: 5, window_seconds: 60, backoff_seconds: 5, longest_seconds: 600 }
    }
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// As always.
    In,
    /// As the one call that tells whether it works again.
    Probe,
    /// Not before this moment.
    Out {
        /// When it is probed.
        until: Timestamp,
    },
}

/// What a call changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// It is out now.
    Out {
        /// Until it is probed.
        until: Timestamp,
    },
    /// It is in again.
    Back,
}

/// One plugin's standing.
#[derive(Debug, Clone, Default)]
pub struct Quarantine {
    /// The failures in the window, the oldest first; never more than the rule counts.
    recent: VecDeque<Timestamp>,
    out: Option<Out>,
}

/// That it is out.
#[derive(Debug, Clone, Copy)]
struct Out {
    since: Timestamp,
    until: Timestamp,
    wait: SignedDuration,
}

impl Quarantine {
    /// Whether a call may be made now. A probe that never ends, such as one whose caller went away, is followed by
    /// another after the same wait.
    pub fn admit(&mut self, now: Timestamp) -> Admission {
        match &mut self.out {
            None => Admission::In,
            Some(out) if now < out.until => Admission::Out { until: out.until },
            Some(out) => {
                out.until = after(now, out.wait);
                Admission::Probe
            }
        }
    }

    /// A call failed. What was let in before the plugin went out and fails late says nothing new.
    pub fn failed(&mut self, rule: &QuarantineRule, call: Admission, now: Timestamp) -> Option<Turned> {
        if let Some(out) = self.out {
            if call != Admission::Probe {
                return None;
            }
            let longest = seconds(rule.longest_seconds).max(seconds(rule.backoff_seconds));
            let wait = out.wait.checked_mul(2).unwrap_or(longest).min(longest);
            return Some(self.take_out(out.since, wait, now));
        }
        let oldest = now.checked_sub(seconds(rule.window_seconds)).unwrap_or(Timestamp::MIN);
        self.recent.retain(|failure| *failure > oldest);
        self.recent.push_back(now);
        if rule.failures == 0 || self.recent.len() < usize::from(rule.failures) {
            // No more than count are kept.
            while self.recent.len() >= usize::from(rule.failures.max(1)) {
                self.recent.pop_front();
            }
            return None;
        }
        self.recent.clear();
        Some(self.take_out(now, seconds(rule.backoff_seconds), now))
    }

    fn take_out(&mut self, since: Timestamp, wait: SignedDuration, now: Timestamp) -> Turned {
        let until = after(now, wait);
        self.out = Some(Out { since, until, wait });
        Turned::Out { until }
    }

    /// A probe told nothing, such as one whose input was refused: the next call is one again.
    pub fn undecided(&mut self, call: Admission, now: Timestamp) {
        if let (Some(out), Admission::Probe) = (&mut self.out, call) {
            out.until = now;
        }
    }

    /// A call was answered. Only a probe brings the plugin back: one that fails at some inputs answers others all the time.
    pub fn answered(&mut self, call: Admission) -> Option<Turned> {
        if call != Admission::Probe {
            return None;
        }
        self.out.take().map(|_| Turned::Back)
    }

    /// Since when it is out, and until when it is not asked.
    #[must_use]
    pub fn out(&self) -> Option<(Timestamp, Timestamp)> {
        self.out.map(|out| (out.since, out.until))
    }
}

fn seconds(count: u32) -> SignedDuration {
    SignedDuration::from_secs(count.into())
}

fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const RULE: QuarantineRule =
        QuarantineRule { failures: 3, window_seconds: 10, backoff_seconds: 4, longest_seconds: 10 };

    #[test]
    fn so_many_failures_in_the_window_take_it_out_and_fewer_do_not() {
        let mut quarantine = Quarantine::default();
        for second in [0, 6, 12, 18, 24] {
            assert_eq!(
                quarantine.failed(&RULE, Admission::In, at(second)),
                None,
                "two of three are in any ten seconds"
            );
        }
        assert_eq!(quarantine.failed(&RULE, Admission::In, at(25)), Some(Turned::Out { until: at(29) }));
        assert_eq!(quarantine.admit(at(28)), Admission::Out { until: at(29) });
        assert_eq!(quarantine.out(), Some((at(25), at(29))));
    }

    #[test]
    fn one_probe_at_a_time_and_each_that_fails_doubles_the_wait_up_to_the_longest() {
        let mut quarantine = Quarantine::default();
        for _ in 0..3 {
            quarantine.failed(&RULE, Admission::In, at(0));
        }
        assert_eq!(quarantine.admit(at(4)), Admission::Probe);
        assert_eq!(quarantine.admit(at(4)), Admission::Out { until: at(8) }, "the probe is under way");
        assert_eq!(quarantine.failed(&RULE, Admission::Probe, at(5)), Some(Turned::Out { until: at(13) }));
        assert_eq!(quarantine.admit(at(13)), Admission::Probe);
        assert_eq!(
            quarantine.failed(&RULE, Admission::Probe, at(13)),
            Some(Turned::Out { until: at(23) }),
            "ten seconds are the longest"
        );
        assert_eq!(quarantine.admit(at(23)), Admission::Probe);
        assert_eq!(quarantine.answered(Admission::Probe), Some(Turned::Back));
        assert_eq!(quarantine.admit(at(23)), Admission::In);
        assert_eq!(quarantine.failed(&RULE, Admission::In, at(24)), None, "what was before is forgotten");
    }

    #[test]
    fn a_probe_whose_end_nobody_hears_of_is_followed_by_another() {
        let mut quarantine = Quarantine::default();
        for _ in 0..3 {
            quarantine.failed(&RULE, Admission::In, at(0));
        }
        assert_eq!(quarantine.admit(at(4)), Admission::Probe);
        assert_eq!(quarantine.admit(at(8)), Admission::Probe);
    }

    #[test]
    fn after_a_probe_that_told_nothing_the_next_call_is_one() {
        let mut quarantine = Quarantine::default();
        for _ in 0..3 {
            quarantine.failed(&RULE, Admission::In, at(0));
        }
        assert_eq!(quarantine.admit(at(4)), Admission::Probe);
        quarantine.undecided(Admission::Probe, at(5));
        assert_eq!(quarantine.admit(at(5)), Admission::Probe);
        quarantine.undecided(Admission::In, at(5));
        assert_eq!(quarantine.admit(at(5)), Admission::Out { until: at(9) }, "only a probe can be undecided");
    }

    #[test]
    fn a_rule_without_failures_takes_nothing_out() {
        let rule = QuarantineRule { failures: 0, ..RULE };
        let mut quarantine = Quarantine::default();
        assert!((0..1_000).all(|_| quarantine.failed(&rule, Admission::In, at(0)).is_none()));
        assert!(quarantine.recent.len() <= 1, "and remembers nothing");
    }

    #[test]
    fn what_was_called_before_it_went_out_neither_brings_it_back_nor_keeps_it_out_longer() {
        let mut quarantine = Quarantine::default();
        for _ in 0..3 {
            quarantine.failed(&RULE, Admission::In, at(0));
        }
        assert_eq!(quarantine.failed(&RULE, Admission::In, at(1)), None);
        assert_eq!(quarantine.answered(Admission::In), None);
        assert_eq!(quarantine.out(), Some((at(0), at(4))));
    }

    proptest! {
        /// Whatever happens, it is never out longer than the longest wait without a probe, and never remembers more
        /// failures than it counts.
        #[test]
        fn it_is_always_probed_again(events in prop::collection::vec((0_i64..20, any::<bool>()), 1..200)) {
            let mut quarantine = Quarantine::default();
            let mut now = 0;
            for (passed, fails) in events {
                now += passed;
                let call = quarantine.admit(at(now));
                if let Admission::Out { until } = call {
                    prop_assert!(until <= at(now + 10));
                    continue;
                }
                if fails { quarantine.failed(&RULE, call, at(now)); } else { quarantine.answered(call); }
                prop_assert!(quarantine.recent.len() < 3);
            }
        }
    }
}
