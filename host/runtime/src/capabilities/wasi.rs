//! `wasi:*` 0.2 for components of other toolchains: a world in which nothing is there, and time passes only for those
//! who wait. A component that was built with the SDK imports none of it.
//!
//! Everything is the same in every call, so that equal input gives equal output: the clock starts at the same moment, a
//! wait ends at once and moves the clock on, random numbers follow from one seed, and there is no environment, file or
//! socket. What goes to standard output and error becomes lines of the log, under the same limits.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

use crate::call::CallState;

/// When every call begins for a component that asks: 2026-01-01T00:00:00Z. The moment of a request is in its context.
const BEGINNING: Duration = Duration::from_secs(1_767_225_600);

/// Where every call's random numbers begin.
const SEED: u64 = 0x6d61_6361_6461_6d00;

/// What is kept of standard output and error together, in bytes.
const MAX_OUTPUT: usize = 64 * 1024;

/// The virtual world of one call.
pub(crate) struct VirtualWasi {
    context: WasiCtx,
    table: ResourceTable,
    clock: VirtualClock,
    output: CappedOutput,
}

impl VirtualWasi {
    fn new() -> Self {
        let (clock, output) = (VirtualClock::default(), CappedOutput::default());
        let context = WasiCtx::builder()
            .wall_clock(clock.clone())
            .monotonic_clock(clock.clone())
            .secure_random(SmallRng::seed_from_u64(SEED))
            .insecure_random(SmallRng::seed_from_u64(SEED))
            .insecure_random_seed(SEED.into())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .stdout(output.clone())
            .stderr(output.clone())
            .build();
        Self { context, table: ResourceTable::new(), clock, output }
    }

    /// What was written, line by line.
    pub(crate) fn lines(&self) -> Vec<String> {
        let written = self.output.written.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).lines().map(str::to_owned).collect()
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let world = self.wasi.get_or_insert_with(|| Box::new(VirtualWasi::new()));
        WasiCtxView { ctx: &mut world.context, table: &mut world.table }
    }
}

/// Links the virtual world, its clock in the place of one that really waits.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<CallState, VirtualClocks>(linker, |state| {
        let world = state.wasi.get_or_insert_with(|| Box::new(VirtualWasi::new()));
        ClockView { clock: &world.clock, table: &mut world.table }
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Time that passes only when somebody waits, in nanoseconds since the call began.
#[derive(Debug, Clone, Default)]
struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    fn elapsed(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn advance_to(&self, moment: u64) {
        self.0.fetch_max(moment, Ordering::Relaxed);
    }
}

impl HostMonotonicClock for VirtualClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.elapsed()
    }
}

impl HostWallClock for VirtualClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        BEGINNING.saturating_add(Duration::from_nanos(self.elapsed()))
    }
}

struct VirtualClocks;

impl HasData for VirtualClocks {
    type Data<'a> = ClockView<'a>;
}

struct ClockView<'a> {
    clock: &'a VirtualClock,
    table: &'a mut ResourceTable,
}

impl monotonic_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.elapsed())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let wait = self.table.push(Wait { clock: self.clock.clone(), until: when })?;
        subscribe(self.table, wait)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_instant(self.clock.elapsed().saturating_add(duration))
    }
}

/// A wait that is over as soon as somebody looks: looking is what moves the clock.
struct Wait {
    clock: VirtualClock,
    until: u64,
}

#[async_trait::async_trait]
impl Pollable for Wait {
    async fn ready(&mut self) {
        self.clock.advance_to(self.until);
    }
}

/// Standard output and error, kept up to a size; what comes after is dropped.
#[derive(Debug, Clone, Default)]
struct CappedOutput {
    written: Arc<Mutex<Vec<u8>>>,
}

impl IsTerminal for CappedOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for CappedOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for CappedOutput {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_OUTPUT.saturating_sub(written.len()).min(bytes.len());
        written.extend_from_slice(bytes.get(..room).unwrap_or_default());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
