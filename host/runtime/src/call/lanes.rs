//! The fast and the slow lane.
//!
//! A call starts on its caller's worker, without a spawn or a switch. A guest that is found at work at two ticks of the
//! epoch in a row yields, and its call goes on in the slow lane: threads of their own with the lowest priority, which the
//! system runs when the workers leave time. A plugin whose last call did much work starts there. So a guest in a loop
//! costs a worker one slice now and then, whatever its fuel budget, and calls of other plugins keep their latency.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::thread::ThreadId;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// The fuel above which a plugin's next call starts in the slow lane: some ten milliseconds of work, a thousand times what
/// a decision takes and four times what a project of thirty files does.
pub(crate) const MUCH_FUEL: u64 = 20_000_000;

/// The processor time between two ticks from which a guest counts as at work.
const AT_WORK: Duration = Duration::from_millis(1);

/// Tells, tick by tick, whether a guest keeps its thread busy.
///
/// What counts is the thread's processor time and not the clock: a thread that was merely not running is nothing the
/// guest did. Fuel would not tell either, since compiled code keeps its count in a register between calls. Nothing is
/// measured before the first tick, so a call that is over by then pays nothing.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    seen: Option<(ThreadId, Duration)>,
}

impl Slice {
    /// Called at a tick, on the guest's thread. After a yes it begins anew.
    pub(crate) fn is_used_up(&mut self) -> bool {
        let (thread, used) = (std::thread::current().id(), processor_time());
        match self.seen {
            Some((same, before)) if same == thread && used.saturating_sub(before) >= AT_WORK => {
                self.seen = None;
                true
            }
            Some((same, _)) if same == thread => false,
            _ => {
                self.seen = Some((thread, used));
                false
            }
        }
    }
}

/// What the current thread has used of a processor since it started.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

thread_local! {
    /// Whether the guest that this thread polls has just yielded for having used up its slice.
    static OVERRUN: Cell<bool> = const { Cell::new(false) };
}

/// Called by the guest's epoch callback, on the thread that polls it.
pub(crate) fn mark_overrun() {
    OVERRUN.set(true);
}

/// The slow lane's threads.
#[derive(Debug)]
pub struct Lanes {
    slow: Option<Runtime>,
}

impl Lanes {
    /// Starts the slow lane with as many threads as there are workers: they have the lowest priority, so they only take
    /// what workers leave.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn start(workers: usize) -> std::io::Result<Self> {
        let slow = Builder::new_multi_thread()
            .worker_threads(workers.max(1))
            .thread_name("slow-lane")
            .on_thread_start(lower_priority)
            .enable_all()
            .build()?;
        Ok(Self { slow: Some(slow) })
    }

    /// Runs a call to its end. Dropping the returned future ends the call, in whichever lane it is.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        start_slow: bool,
        call: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let mut call = Box::pin(call);
        if !start_slow {
            let first = std::future::poll_fn(|context| {
                OVERRUN.set(false);
                match call.as_mut().poll(context) {
                    Poll::Ready(value) => Poll::Ready(Some(value)),
                    Poll::Pending if OVERRUN.get() => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            });
            if let Some(value) = first.await {
                return value;
            }
        }
        match &self.slow {
            Some(slow) => {
                let mut moved = pin!(AbortOnDropHandle::new(slow.spawn(call)));
                match moved.as_mut().await {
                    Ok(value) => value,
                    // The call panicked in the host's code: go on panicking here, where a caller sees it.
                    Err(error) => match error.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        // The lane was shut down under the call; so is everything else.
                        Err(_) => std::future::pending().await,
                    },
                }
            }
            None => call.await,
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        // A runtime must not be dropped within another one's worker; this way nobody waits.
        if let Some(slow) = self.slow.take() {
            slow.shutdown_background();
        }
    }
}

fn lower_priority() {
    // 19 is the lowest (setpriority(2)). Refused or not supported, the lane still works, only with less effect.
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), 19) {
        tracing::debug!(%error, "the slow lane keeps its priority");
    }
}
