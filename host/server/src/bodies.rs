//! Bodies in memory: how much of them there may be at once, whoever sends them.
//!
//! ```text
//! a body's head ─▶ may they at all? ─▶ small ───────────────────▶ the route
//!                         │            large ─▶ room for it ────▶ the route, in a task that holds the room to its end
//!                         └─▶ 403             └▶ none in a while ─▶ 503, `Retry-After`
//! ```
//!
//! A body is read whole before it is understood, and with an `Idempotency-Key` even before anybody asks who may do what it
//! says. Each has a limit of its own (`extract`); that of all of them together is here.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use macadam_core::names::PersonId;
use macadam_platform::authorization::Action;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use crate::ServerState;
use crate::api::SignedIn;
use crate::extract::{most, read_past};
use crate::problem::{Problem, ProblemKind};

/// How much all bodies that are held at once have, in KiB: eight packages of the largest size, or some hundred documents.
/// A package takes up to twice its size again where it is unpacked, so all of it together stays below a gigabyte.
const ROOM: u32 = 256 * 1024;

/// How much of that one person has, or one service: room is taken by what is to come, and whoever says that much is coming and
/// sends nothing must not keep everybody else out.
const EACH: u32 = ROOM / 2;

/// Up to so many bytes a body needs no room: a thousand of them are what two packages are, and specifications and decisions
/// are not to wait for packages.
const SMALL: u64 = 64 * 1024;

/// How long a body waits for room: what others need to get through, and not so long that those who wait pile up.
const PATIENCE: Duration = Duration::from_secs(2);

/// The room that bodies share.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// A permit for each KiB.
    room: Arc<Semaphore>,
    /// The KiB that each has, of those who have any, and the most that one may have.
    had: Arc<Mutex<HashMap<PersonId, u32>>>,
    each: u32,
    patience: Duration,
}

/// Room for a body, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    _of_all: OwnedSemaphorePermit,
    _of_one: Option<Share>,
}

/// What somebody has of the room.
#[derive(Debug)]
struct Share {
    had: Arc<Mutex<HashMap<PersonId, u32>>>,
    person: PersonId,
    kib: u32,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut had = self.had.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kib) = had.get_mut(&self.person) {
            *kib = kib.saturating_sub(self.kib);
            if *kib == 0 {
                had.remove(&self.person);
            }
        }
    }
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(ROOM, EACH, PATIENCE)
    }
}

impl Bodies {
    /// Room for so many KiB, of which each has so many at most, and for which a body waits so long.
    pub(crate) fn new(kib: u32, each: u32, patience: Duration) -> Self {
        Self { room: Arc::new(Semaphore::new(kib as usize)), had: Arc::default(), each, patience }
    }

    /// Room for so many bytes of somebody's; none is needed for a few.
    async fn hold(&self, whose: Option<&PersonId>, bytes: u64) -> Result<Option<Room>, Problem> {
        if bytes <= SMALL {
            return Ok(None);
        }
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let of_one = whose.map(|person| self.share(person, kib)).transpose()?;
        match tokio::time::timeout(self.patience, Arc::clone(&self.room).acquire_many_owned(kib)).await {
            Ok(Ok(of_all)) => Ok(Some(Room { _of_all: of_all, _of_one: of_one })),
            _ => {
                tracing::warn!(kib, "there is no room for another body");
                let detail = "the server has as many large bodies in memory as it may; send this one again in a moment";
                Err(Problem::new(ProblemKind::Unavailable, detail))
            }
        }
    }

    fn share(&self, person: &PersonId, kib: u32) -> Result<Share, Problem> {
        let mut had = self.had.lock().unwrap_or_else(PoisonError::into_inner);
        let all = had.get(person).copied().unwrap_or_default().saturating_add(kib);
        if all > self.each {
            let detail =
                "as much as one may send at once is on its way from you; send this one when another is answered";
            return Err(Problem::new(ProblemKind::Unavailable, detail));
        }
        had.insert(person.clone(), all);
        Ok(Share { had: Arc::clone(&self.had), person: person.clone(), kib })
    }

    /// How many KiB there is room for now.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.room.available_permits()
    }
}

/// Surrounds every route; only large bodies and packages are anything special.
pub(crate) async fn hold_body(
    state: ServerState,
    action: Action,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let bytes = coming(request.body(), most(action));
    let caller = request.extensions().get::<SignedIn>();
    let held = match may_send(&state, action, caller) {
        Ok(()) => state.bodies.hold(caller.map(|SignedIn(caller)| &caller.person), bytes).await,
        Err(problem) => Err(problem),
    };
    match held {
        Ok(None) => Ok(next.run(request).await),
        Ok(Some(held)) => Ok(run_holding(held, request, next).await),
        Err(problem) => {
            read_past(request.into_body(), most(action)).await;
            Err(problem)
        }
    }
}

/// How many bytes a body will have in memory. One that says that it is too large is refused unread; one that does not say
/// how large it is may have as much as the route takes.
fn coming(body: &Body, most: usize) -> u64 {
    let most = most as u64;
    match body.size_hint().upper() {
        Some(bytes) if bytes > most => 0,
        Some(bytes) => bytes,
        None => most,
    }
}

/// Whether somebody may send a body at all. Where a package would be published is in the package, and packages are what
/// takes most: whoever may publish nowhere is told so before theirs is read.
fn may_send(state: &ServerState, action: Action, caller: Option<&SignedIn>) -> Result<(), Problem> {
    match caller {
        Some(SignedIn(caller)) if action == Action::PluginPublish => {
            Ok(state.platform.authorize_somewhere(caller, action)?)
        }
        _ => Ok(()),
    }
}

/// Answers in a task of its own: what is made of a body stays in memory until the handler is done, also when the client
/// hangs up before that, and so does the room for it.
async fn run_holding(room: Room, mut request: Request, next: Next) -> Response {
    let held = Arc::new(room);
    // Whoever goes on with it after that, as under an idempotency key, takes this along.
    request.extensions_mut().insert(Arc::clone(&held));
    let answer = async move {
        let answer = next.run(request).await;
        drop(held);
        answer
    };
    match tokio::spawn(answer.in_current_span()).await {
        Ok(answer) => answer,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => Problem::internal(&error).into_response(),
    }
}
