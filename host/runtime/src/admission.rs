//! Admission: how many calls may be inside one plugin, and inside the pool, at once.
//!
//! A call that finds no room waits up to a bounded time and is then refused with `Overloaded`, which carries the time
//! after which a retry has a fair chance. Nothing behind this module ever sees a full pool, so the allocator's own "too
//! many instances" error would be a bug here, not a load problem.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::errors::CallFailure;

/// One plugin's places, within those of its pool.
#[derive(Debug)]
pub struct Admission {
    plugin: Arc<Semaphore>,
    pool: Arc<Semaphore>,
    longest_wait: Duration,
    /// How many wait; each holds one clone meanwhile.
    waiting: Arc<()>,
}

/// A place in both; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    _plugin: OwnedSemaphorePermit,
    _pool: OwnedSemaphorePermit,
}

impl Admission {
    /// Places for one plugin in a pool it shares.
    #[must_use]
    pub fn new(concurrency: u32, pool: Arc<Semaphore>, longest_wait: Duration) -> Self {
        Self { plugin: Arc::new(Semaphore::new(concurrency as usize)), pool, longest_wait, waiting: Arc::new(()) }
    }

    /// How many calls wait for a place now.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        // One is this plugin's own.
        (Arc::strong_count(&self.waiting) as u64).saturating_sub(1)
    }

    /// Takes a place, waiting for one if need be.
    ///
    /// # Errors
    /// [`CallFailure::Overloaded`] when there was none for as long as a call may wait.
    pub async fn enter(&self) -> Result<Permit, CallFailure> {
        if let (Ok(plugin), Ok(pool)) = (self.plugin.clone().try_acquire_owned(), self.pool.clone().try_acquire_owned())
        {
            return Ok(Permit { _plugin: plugin, _pool: pool });
        }
        let _waiting = Arc::clone(&self.waiting);
        // The plugin's place comes first: calls that queue for one busy plugin hold nothing of the pool meanwhile.
        let both = async {
            let plugin = self.plugin.clone().acquire_owned().await.ok()?;
            let pool = self.pool.clone().acquire_owned().await.ok()?;
            Some(Permit { _plugin: plugin, _pool: pool })
        };
        match tokio::time::timeout(self.longest_wait, both).await {
            Ok(Some(permit)) => Ok(permit),
            Ok(None) | Err(_) => Err(CallFailure::Overloaded { retry_after: self.longest_wait }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_over_the_limit_waits_and_is_then_refused_with_a_retry_hint() {
        let admission = Admission::new(1, Arc::new(Semaphore::new(8)), Duration::from_millis(50));
        let held = admission.enter().await.unwrap();
        assert_eq!(admission.waiting(), 0);
        let refused = {
            let mut second = std::pin::pin!(admission.enter());
            assert!(futures::poll!(second.as_mut()).is_pending());
            assert_eq!(admission.waiting(), 1, "it is counted while it waits");
            second.await.unwrap_err()
        };
        assert_eq!(admission.waiting(), 0, "and not when it was refused");
        assert!(matches!(refused, CallFailure::Overloaded { retry_after } if retry_after.as_millis() == 50));
        drop(held);
        assert!(admission.enter().await.is_ok(), "a place that was given back can be taken again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_for_its_plugin_holds_no_place_of_the_pool() {
        let pool = Arc::new(Semaphore::new(2));
        let busy = Admission::new(1, pool.clone(), Duration::from_secs(1));
        let other = Admission::new(1, pool, Duration::from_secs(1));
        let _inside = busy.enter().await.unwrap();
        let waiting = tokio::spawn(async move { busy.enter().await });
        tokio::task::yield_now().await;
        assert!(other.enter().await.is_ok(), "another plugin must not wait because one has a queue");
        waiting.abort();
    }
}
