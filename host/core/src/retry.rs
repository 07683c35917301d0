//! Trying again: which failures are worth it, when, and for how long.
//!
//! A failure has a class, decided where it happens. What follows from the class is decided here and nowhere else: a wait
//! that doubles up to a bound and of which a random part is taken ("full jitter", M. Brooker, *Exponential Backoff And
//! Jitter*, 2015), so that what failed together does not come back together. Whoever said when to come back is not asked
//! before. It ends with so many tries, or when it has gone on for too long.

use jiff::{SignedDuration, Timestamp};

/// Why an attempt came to nothing, as far as it matters for what follows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schema(as = JobErrorClass)]
pub enum ErrorClass {
    /// Something that is needed does not answer now. Trying again may help.
    Passing,
    /// Nothing was tried: whoever is needed is not to be asked before a moment, such as a plugin in quarantine.
    NotBefore,
    /// Nothing was tried: the host itself had no room.
    Overloaded,
    /// It will fail however often it is tried.
    Final,
    /// The worker vanished in the middle, with its process or without.
    LeaseLost,
}

impl ErrorClass {
    /// Every class.
    pub const ALL: [Self; 5] = [Self::Passing, Self::NotBefore, Self::Overloaded, Self::Final, Self::LeaseLost];

    /// The class's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::NotBefore => "not-before",
            Self::Overloaded => "overloaded",
            Self::Final => "final",
            Self::LeaseLost => "lease-lost",
        }
    }

    /// Whether it uses up a try. What was not tried does not.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Passing | Self::Final | Self::LeaseLost)
    }
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its class.
    pub class: ErrorClass,
    /// What happened, for people.
    pub message: String,
    /// When a retry has a fair chance, where somebody said so.
    pub not_before: Option<Timestamp>,
}

impl Failure {
    /// A failure about which nobody said when to come back.
    #[must_use]
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), not_before: None }
    }

    /// The same, not to be tried again before a moment.
    #[must_use]
    pub fn not_before(self, moment: Timestamp) -> Self {
        Self { not_before: Some(moment), ..self }
    }
}

/// What has failed in a row before this failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    /// How often, as far as it counts.
    pub failures: u32,
    /// When the first of them was, counting or not.
    pub since: Option<Timestamp>,
}

/// When, how often and for how long something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryRule {
    /// The longest wait after the first failure; each further one doubles it.
    pub first: SignedDuration,
    /// The longest wait at all.
    pub longest: SignedDuration,
    /// How many tries there are, the first one included.
    pub tries: u32,
    /// How long it goes on, from the first failure in a row.
    pub age: SignedDuration,
}

impl Default for RetryRule {
    /// Ten tries in about five minutes; what does not use up tries, such as a quarantine, for a day.
    fn default() -> Self {
        Self {
            first: SignedDuration::from_secs(1),
            longest: SignedDuration::from_secs(120),
            tries: 10,
            age: SignedDuration::from_hours(24),
        }
    }
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another try, at this moment.
    Again(Timestamp),
    /// No other try.
    GiveUp(GaveUp),
}

/// Why there is no other try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaveUp {
    /// It would fail again.
    Final,
    /// All tries are used up.
    Tries,
    /// It has gone on for too long.
    Age,
}

impl RetryRule {
    /// What follows from a failure. `random` decides where in the wait the next try is; any number will do.
    #[must_use]
    pub fn next(&self, failure: &Failure, before: Before, now: Timestamp, random: u64) -> Next {
        if failure.class == ErrorClass::Final {
            return Next::GiveUp(GaveUp::Final);
        }
        if failure.class.counts() && before.failures.saturating_add(1) >= self.tries {
            return Next::GiveUp(GaveUp::Tries);
        }
        let end = later(before.since.unwrap_or(now), self.age);
        if end <= now {
            return Next::GiveUp(GaveUp::Age);
        }
        let at = later(now, self.wait(before.failures, random)).max(failure.not_before.unwrap_or(now));
        // The last try is at the very end, whatever anybody said: one more look before giving up.
        Next::Again(at.min(end))
    }

    /// A random part of the wait after so many failures.
    #[must_use]
    pub fn wait(&self, failures: u32, random: u64) -> SignedDuration {
        let doubled = i32::try_from(1_u64.checked_shl(failures.min(30)).unwrap_or(u64::MAX)).unwrap_or(i32::MAX);
        let bound = self.first.checked_mul(doubled).unwrap_or(self.longest).min(self.longest);
        part(bound, random)
    }
}

/// A random part of a time: each microsecond of it as likely as any other.
#[must_use]
pub fn part(of: SignedDuration, random: u64) -> SignedDuration {
    let micros = u64::try_from(of.as_micros()).unwrap_or(0);
    let chosen = random.checked_rem(micros.saturating_add(1)).unwrap_or(0);
    SignedDuration::from_micros(i64::try_from(chosen).unwrap_or(i64::MAX))
}

fn later(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seconds(count: i64) -> SignedDuration {
        SignedDuration::from_secs(count)
    }

    const RULE: RetryRule = RetryRule {
        first: SignedDuration::from_secs(1),
        longest: SignedDuration::from_secs(8),
        tries: 4,
        age: SignedDuration::from_secs(100),
    };

    fn passing() -> Failure {
        Failure::new(ErrorClass::Passing, "down")
    }

    #[test]
    fn the_wait_doubles_up_to_the_longest_and_a_random_part_of_it_is_taken() {
        let longest =
            |failures| (0..20_000).map(|random| RULE.wait(failures, random * 997)).max().unwrap().as_secs_f64();
        for (failures, bound) in [(0, 1.0), (1, 2.0), (2, 4.0), (3, 8.0), (4, 8.0), (200, 8.0)] {
            let found = longest(failures);
            assert!(found <= bound && found > bound * 0.9, "after {failures} failures: {found} of {bound}");
        }
        assert_eq!(RULE.wait(3, 0), SignedDuration::ZERO, "the whole wait is random, from nothing on");
    }

    #[test]
    fn what_is_final_is_not_tried_again_and_the_rest_so_often() {
        let last = Before { failures: 3, since: Some(at(0)) };
        let end = Failure::new(ErrorClass::Final, "no");
        assert_eq!(RULE.next(&end, Before::default(), at(0), 0), Next::GiveUp(GaveUp::Final));
        assert_eq!(RULE.next(&passing(), last, at(1), 0), Next::GiveUp(GaveUp::Tries));
        for class in [ErrorClass::NotBefore, ErrorClass::Overloaded] {
            let untried = Failure::new(class, "busy");
            assert_eq!(RULE.next(&untried, last, at(1), 0), Next::Again(at(1)), "what was not tried uses up no try");
        }
    }

    #[test]
    fn whoever_said_when_to_come_back_is_not_asked_before() {
        let told = passing().not_before(at(60));
        assert_eq!(RULE.next(&told, Before::default(), at(0), 5), Next::Again(at(60)));
    }

    #[test]
    fn it_ends_with_age_and_the_last_try_is_at_the_very_end() {
        let since = Before { failures: 0, since: Some(at(0)) };
        let told = Failure::new(ErrorClass::NotBefore, "quarantined").not_before(at(1_000_000));
        assert_eq!(RULE.next(&told, since, at(40), 0), Next::Again(at(100)), "a plugin cannot put it off for ever");
        assert_eq!(RULE.next(&told, since, at(100), 0), Next::GiveUp(GaveUp::Age));
    }

    #[test]
    fn a_class_is_written_as_it_is_read() {
        for class in ErrorClass::ALL {
            assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{}\"", class.as_str()));
        }
    }

    proptest! {
        /// Whatever fails in whatever way, it is over after the age, and no try comes before it may.
        #[test]
        fn every_row_of_failures_comes_to_an_end(
            classes in prop::collection::vec((0..5_usize, any::<u64>(), 0..400_i64), 1..400)
        ) {
            let (mut now, mut before) = (at(0), Before::default());
            for (class, random, told) in classes {
                let class = ErrorClass::ALL[class];
                let failure = Failure::new(class, "x").not_before(now + seconds(told));
                before.since = before.since.or(Some(now));
                match RULE.next(&failure, before, now, random) {
                    Next::GiveUp(_) => return Ok(()),
                    Next::Again(next) => {
                        prop_assert!(next >= now && next <= at(100));
                        now = next;
                    }
                }
                before.failures += u32::from(class.counts());
                prop_assert!(before.failures < RULE.tries);
            }
        }
    }
}
