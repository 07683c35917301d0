//! Buckets that fill by the clock, one for each key, in bounded memory.
//!
//! The generic cell rate algorithm (ITU-T I.371): of a bucket nothing is kept but the moment at which it will be full
//! again. A bucket that is full needs no memory at all, so those are what goes when there are too many.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How fast buckets fill, and how much they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// The time in which one more fits.
    pub(super) every: Duration,
    /// How many fit at once.
    pub(super) burst: u32,
}

impl Rate {
    /// In how long an empty bucket is full.
    pub(super) fn window(self) -> Duration {
        self.every.saturating_mul(self.burst)
    }
}

/// What there is in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// So many more fit now, and in so long it is full again.
    Left(u32, Duration),
    /// Nothing is left; the next fits in a while.
    Empty(Duration),
}

/// How often buckets that are full again are looked for, at most: looking takes time for each of them.
const SWEEP: Duration = Duration::from_secs(1);

/// A bucket for each key.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    rate: Rate,
    most: usize,
    inner: Mutex<Inner<K>>,
}

#[derive(Debug)]
struct Inner<K> {
    full_at: HashMap<K, Instant>,
    swept: Option<Instant>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// Buckets for so many keys at most.
    pub(super) fn new(rate: Rate, most: usize) -> Self {
        Self { rate, most, inner: Mutex::new(Inner { full_at: HashMap::new(), swept: None }) }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes one out of a bucket, if one is left.
    pub(super) fn take(&self, key: K, now: Instant) -> Level {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = inner.full_at.get(&key).copied().unwrap_or(now).max(now);
        let after = full_at + self.rate.every;
        let level = self.level(after, now);
        if matches!(level, Level::Left(..)) && inner.has_room_for(&key, self.most, now) {
            inner.full_at.insert(key, after);
        }
        level
    }

    /// What a bucket has that is full at a moment.
    fn level(&self, full_at: Instant, now: Instant) -> Level {
        let missing = full_at.saturating_duration_since(now);
        match self.rate.window().checked_sub(missing) {
            Some(left) => {
                let left = left.as_nanos().checked_div(self.rate.every.as_nanos()).unwrap_or_default();
                Level::Left(u32::try_from(left).unwrap_or(u32::MAX), missing)
            }
            None => Level::Empty(missing.saturating_sub(self.rate.window())),
        }
    }
}

impl<K: Hash + Eq> Inner<K> {
    /// Whether a key may have a bucket. Where everybody's is in use, a newcomer is not counted: to refuse them would let
    /// whoever has many addresses shut everybody out.
    fn has_room_for(&mut self, key: &K, most: usize, now: Instant) -> bool {
        if self.full_at.len() < most || self.full_at.contains_key(key) {
            return true;
        }
        if self.swept.is_some_and(|swept| now.saturating_duration_since(swept) < SWEEP) {
            return false;
        }
        self.swept = Some(now);
        self.full_at.retain(|_, full_at| *full_at > now);
        self.full_at.len() < most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { every: Duration::from_secs(1), burst: 3 };

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_one_at_a_time() {
        let (buckets, start) = (Buckets::new(RATE, 10), Instant::now());
        let seconds = |number| start + Duration::from_secs(number);
        let left = |level| if let Level::Left(left, _) = level { Some(left) } else { None };
        let burst: Vec<_> = (0..3).map(|_| left(buckets.take("a", start))).collect();
        assert_eq!(burst, [Some(2), Some(1), Some(0)]);
        assert_eq!(buckets.take("a", start), Level::Empty(Duration::from_secs(1)));
        assert_eq!(left(buckets.take("a", seconds(1))), Some(0));
        assert_eq!(left(buckets.take("b", seconds(1))), Some(2), "another's is another bucket");
        assert_eq!(left(buckets.take("a", seconds(60))), Some(2), "it never holds more than its burst");
    }

    #[test]
    fn there_are_never_more_buckets_than_the_most_and_full_ones_make_room() {
        let (buckets, start) = (Buckets::new(RATE, 2), Instant::now());
        for key in 0..100 {
            assert!(matches!(buckets.take(key, start), Level::Left(2, _)), "who is not counted is let in");
        }
        let kept = |buckets: &Buckets<i32>| buckets.inner.lock().unwrap().full_at.keys().copied().collect::<Vec<_>>();
        assert_eq!(kept(&buckets).len(), 2);
        buckets.take(7, start + Duration::from_secs(2));
        assert_eq!(kept(&buckets), [7], "those that were full again are gone");
    }
}
