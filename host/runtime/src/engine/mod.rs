//! The engines that run components: three profiles, and for each one engine per worker thread.
//!
//! Page faults and memory-map system calls are most of what a fresh instance costs, and they take one lock per process.
//! So the pool keeps pages resident and resets them with one `ioctl`, and each worker thread has an engine of its own,
//! whose free lists nobody else touches. A component is compiled once and mapped into each shard.

mod profile;
mod shape;
mod ticker;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;
use wasmtime::Engine;

pub use profile::Profile;
pub use shape::{Shape, ShapeError};

/// More shards than this buy nothing: each costs a pool of its own and a mapping of every component.
const MAX_SHARDS: usize = 4;

/// One profile's engines, with the places in their pools.
#[derive(Debug)]
pub struct Shards {
    engines: Vec<Engine>,
    places: Arc<Semaphore>,
}

impl Shards {
    fn start(profile: Profile, count: usize) -> Result<Self, wasmtime::Error> {
        let config = profile.config();
        let engines = (0..count).map(|_| Engine::new(&config)).collect::<Result<Vec<_>, _>>()?;
        for engine in &engines {
            ticker::watch(engine);
        }
        Ok(Self { engines, places: Arc::new(Semaphore::new(profile.slots() as usize)) })
    }

    /// The engines, in the order of their shards.
    #[must_use]
    pub fn engines(&self) -> &[Engine] {
        &self.engines
    }

    /// The places for calls in each pool.
    #[must_use]
    pub fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }
}

/// All engines. A profile's engines start when the first component needs them.
#[derive(Debug)]
pub struct Engines {
    shards: usize,
    profiles: [OnceLock<Shards>; Profile::ALL.len()],
}

impl Engines {
    /// Engines for a number of worker threads.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self { shards: workers.clamp(1, MAX_SHARDS), profiles: [const { OnceLock::new() }; Profile::ALL.len()] }
    }

    /// One profile's engines.
    ///
    /// # Errors
    /// When the engine cannot start, such as on a machine with too little address space.
    pub fn of(&self, profile: Profile) -> Result<&Shards, wasmtime::Error> {
        let slot = self.profiles.get(profile as usize).ok_or_else(|| wasmtime::Error::msg("no such profile"))?;
        if let Some(shards) = slot.get() {
            return Ok(shards);
        }
        let started = Shards::start(profile, self.shards)?;
        Ok(slot.get_or_init(|| started))
    }
}

/// The shard of the current thread: threads are dealt out in turn and keep theirs.
pub(crate) fn shard_of_this_thread(shards: usize) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    MINE.with(|mine| mine % shards.max(1))
}
