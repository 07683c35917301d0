//! One call into a component, from admission to usage report.
//!
//! ```text
//! admission ─▶ fresh store: fuel, deadline, limits ─▶ instance ─▶ the function ─▶ answer or typed failure ─▶ usage
//! ```
//!
//! A call runs where it was made, on the worker of its caller, for as long as it is short. A call that does more work
//! than a slice moves to the slow lane ([`Lanes`]), so that a guest in a loop never holds a worker that others wait for.

pub(crate) mod failure;
mod lanes;
mod limiter;
mod state;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use macadam_core::limits::Usage;
use macadam_core::violation::Violation;
use tracing::{Instrument as _, Span};
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Store, UpdateDeadline};

pub use lanes::Lanes;
pub(crate) use state::CallState;
pub use state::Scope;

use crate::errors::{CallError, CallFailure, PluginError};
use crate::plugin::LoadedPlugin;

/// What a call came to.
#[derive(Debug)]
pub struct Call<T> {
    /// The value, or why there is none.
    pub outcome: Result<T, CallError>,
    /// What it used; all zero when it was not admitted.
    pub usage: Usage,
}

impl<T> Call<T> {
    /// A call that need not be made: the host can tell that the plugin refuses its input.
    #[must_use]
    pub fn refused(plugin: &LoadedPlugin, violations: Vec<Violation>) -> Self {
        let refusal = CallFailure::Plugin(PluginError::Invalid(violations));
        Self { outcome: Err(CallError::new(plugin.identity.clone(), refusal)), usage: Usage::default() }
    }

    /// The call with an answer that the host could not use after all.
    #[must_use]
    pub fn unusable(self, plugin: &LoadedPlugin, reason: String) -> Self {
        let error = CallError::new(plugin.identity.clone(), CallFailure::InvalidOutput { reason });
        Self { outcome: Err(error), usage: self.usage }
    }

    /// The call with its value turned into another.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Call<U> {
        Call { outcome: self.outcome.map(turn), usage: self.usage }
    }
}

/// The instance of one call, and the shard it is in: where an export stands is known for each shard.
pub(crate) struct Entered {
    pub(crate) instance: Instance,
    pub(crate) shard: usize,
    pub(crate) pre: InstancePre<CallState>,
}

/// The future of a guest function: borrows the store it runs in.
pub(crate) type GuestCall<'a, T> = Pin<Box<dyn Future<Output = wasmtime::Result<Result<T, CallFailure>>> + Send + 'a>>;

/// Runs one call: `invoke` is handed the store and the instance, calls the guest's function and turns its answer into
/// the host's types. What it captures must be owned, since the call may move to another thread.
pub(crate) async fn run<T, F>(plugin: &Arc<LoadedPlugin>, lanes: &Lanes, scope: Scope, invoke: F) -> Call<T>
where
    T: Measured + Send + 'static,
    F: for<'a> FnOnce(&'a mut Store<CallState>, Entered) -> GuestCall<'a, T> + Send + 'static,
{
    let permit = match plugin.admission.enter().await {
        Ok(permit) => permit,
        Err(failure) => {
            let usage = Usage::default();
            plugin.note(&usage, true);
            return Call { outcome: Err(CallError::new(plugin.identity.clone(), failure)), usage };
        }
    };
    let span = tracing::info_span!("plugin_call", plugin = %plugin.identity, kind = plugin.kind.as_str());
    let trace = trace_of(plugin);
    let body = in_fresh_instance(Arc::clone(plugin), scope, invoke).instrument(span).instrument(trace.clone());
    let (result, usage) = lanes.run(plugin.overran.load(Ordering::Relaxed), body).await;
    trace.record("macadam.plugin.fuel", usage.fuel);
    trace.record("macadam.plugin.peak_memory", usage.peak_memory);
    let failed = result.as_ref().err().filter(|failure| !failure.is_refusal());
    if let Some(failure) = failed {
        trace.record("otel.status_code", "ERROR");
        trace.record("error.type", failure.as_str());
    }
    drop(permit);
    plugin.overran.store(usage.fuel > lanes::MUCH_FUEL, Ordering::Relaxed);
    plugin.note(&usage, failed.is_some());
    Call { outcome: result.map_err(|failure| CallError::new(plugin.identity.clone(), failure)), usage }
}

/// The span for traces; host calls are below it. Free when nobody wants any.
fn trace_of(plugin: &LoadedPlugin) -> Span {
    tracing::info_span!(
        target: "macadam::trace", "plugin", otel.name = format_args!("plugin {}", plugin.identity.name),
        macadam.plugin.name = %plugin.identity.name, macadam.plugin.version = %plugin.identity.version,
        macadam.plugin.kind = plugin.kind.as_str(), macadam.plugin.fuel = tracing::field::Empty,
        macadam.plugin.peak_memory = tracing::field::Empty, error.type = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    )
}

async fn in_fresh_instance<T, F>(plugin: Arc<LoadedPlugin>, scope: Scope, invoke: F) -> (Result<T, CallFailure>, Usage)
where
    T: Measured + Send,
    F: for<'a> FnOnce(&'a mut Store<CallState>, Entered) -> GuestCall<'a, T> + Send,
{
    let started = Instant::now();
    let (shard, pre) = plugin.mapped.here();
    let mut store = match new_store(&plugin, pre.engine(), scope, started) {
        Ok(store) => store,
        Err(error) => return (Err(CallFailure::Host(format!("{error:#}"))), Usage::default()),
    };
    let result = match pre.instantiate_async(&mut store).await {
        Ok(instance) => invoke(&mut store, Entered { instance, shard, pre: pre.clone() }).await,
        Err(error) => Err(error),
    };
    let result = match result {
        Ok(answer) => answer,
        Err(error) => Err(failure::classify(&error, &plugin)),
    };
    store.data_mut().log_output();
    let output_bytes = result.as_ref().map_or(0, Measured::bytes);
    let usage = usage_of(&store, &plugin, started, output_bytes);
    let limit = plugin.limits.output_bytes;
    let result = if output_bytes > limit { Err(CallFailure::OutputTooLarge { limit }) } else { result };
    (result, usage)
}

fn new_store(
    plugin: &Arc<LoadedPlugin>,
    engine: &wasmtime::Engine,
    scope: Scope,
    started: Instant,
) -> wasmtime::Result<Store<CallState>> {
    let limits = plugin.limits;
    let mut store = Store::new(engine, CallState::new(Arc::clone(plugin), scope, started));
    store.limiter(|state| &mut state.limiter);
    store.set_fuel(limits.fuel)?;
    // Lifting refuses what is larger before it copies it; text may be lifted twice over by nested lists' headers.
    store.set_hostcall_fuel(usize::try_from(limits.output_bytes).unwrap_or(usize::MAX));
    store.set_epoch_deadline(1);
    let mut slice = lanes::Slice::default();
    store.epoch_deadline_callback(move |_| {
        if started.elapsed() > limits.deadline() {
            return Err(failure::Stop::Deadline.into());
        }
        if slice.is_used_up() {
            lanes::mark_overrun();
            return Ok(UpdateDeadline::Yield(1));
        }
        Ok(UpdateDeadline::Continue(1))
    });
    Ok(store)
}

fn usage_of(store: &Store<CallState>, plugin: &LoadedPlugin, started: Instant, output_bytes: u64) -> Usage {
    let state = store.data();
    Usage {
        fuel: plugin.limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0)),
        wall_ns: u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        peak_memory: state.limiter.peak_memory(),
        output_bytes,
        log_lines: state.log.kept(),
        log_dropped: state.log.dropped(),
    }
}

/// How large an answer is: its text and bytes, without the headers of lists and records.
pub(crate) trait Measured {
    fn bytes(&self) -> u64;
}
