//! The ticker: one thread that moves every engine's epoch on, so that a guest is stopped at its next loop or call.
//!
//! It holds engines weakly and ends by itself when none is left.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

/// How far apart ticks are. A guest that overruns is noticed within two; at 2 ms the thread itself costs less than one
/// part in a thousand of a core.
pub(crate) const TICK: Duration = Duration::from_millis(2);

static ENGINES: Mutex<Ticker> = Mutex::new(Ticker { engines: Vec::new(), running: false });

struct Ticker {
    engines: Vec<EngineWeak>,
    running: bool,
}

/// Moves this engine's epoch on from now until it is dropped.
pub(crate) fn watch(engine: &Engine) {
    let mut ticker = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    ticker.engines.push(engine.weak());
    if !ticker.running {
        // Without the thread nothing would end a loop before its fuel does, so a failure shows as such.
        ticker.running = std::thread::Builder::new().name("epoch-ticker".to_owned()).spawn(tick).is_ok();
        if !ticker.running {
            tracing::error!("the epoch ticker could not be started; deadlines inside guests are not enforced");
        }
    }
}

fn tick() {
    loop {
        std::thread::sleep(TICK);
        let mut ticker = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
        ticker.engines.retain(|engine| engine.upgrade().map(|engine| engine.increment_epoch()).is_some());
        if ticker.engines.is_empty() {
            ticker.running = false;
            return;
        }
    }
}
