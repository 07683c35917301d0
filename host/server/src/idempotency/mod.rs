//! `Idempotency-Key`: a request that comes again under the client's own key is answered as the first time, and is not done
//! twice, over a restart and whichever replica it comes to.
//!
//! ```text
//! no key ──────────────────────────────────────────────▶ the handler
//! a key ─▶ body read, digest of what is asked ─▶ new ──▶ the handler, in a task of its own ─▶ answer kept, sealed
//!                                              ├▶ done, not answered ─▶ the answer made again ─▶ kept, sealed
//!                                              ├▶ answered before ─▶ that answer, `Idempotent-Replayed: true`
//!                                              ├▶ under way ───────▶ 409, `Retry-After`
//!                                              └▶ another request ─▶ 422
//! ```
//!
//! The handler has a task of its own because a client that lost patience takes its connection with it, and with that the
//! handler in the middle of its work. What is not kept is what may be otherwise in a while: failures of the server, too
//! many requests, a body that did not arrive. Then the key can be used again.
//!
//! While the handler works its host says that it is alive. Where a host died, the same request is done by whoever is asked
//! next, unless it was done: the store knows, and does not let a host that only slept do it as well. What is left is to
//! answer what was done, in `api::made_again`.

mod kept;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::response::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::violation::Violation;
use macadam_platform::authorization::Action;
use macadam_platform::idempotency::{KeyError, Keyed, RENEWED_EVERY, held_by};
use macadam_platform::{Caller, Platform};
use macadam_store::{KeyedRequest, StoreError};
use tracing::Instrument as _;

use crate::ServerState;
use crate::api::{SIGNATURE, SignedIn, made_again};
use crate::bodies::Room;
use crate::deadline::LONGEST;
use crate::extract::{most, read_up_to};
use crate::problem::{Problem, ProblemKind};
use kept::Kept;

/// The header that carries the client's own key.
pub(crate) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is one that was given before.
static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The most that a key has: what fits the ids that clients make up, with room.
pub(crate) const MAX_KEY: usize = 255;

/// When to ask again for an answer that is under way. Most take less.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The most that a kept answer has. A larger one is no answer to a change but a list.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Surrounds every route; only changes with a key are anything special.
pub(crate) async fn answer_once(
    state: ServerState,
    action: Action,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let Some(key) = key(request.headers())?.filter(|_| changes) else { return Ok(next.run(request).await) };
    let caller = request.extensions().get::<SignedIn>().map(|signed_in| signed_in.0.clone());
    let caller = caller.ok_or_else(|| Problem::new(ProblemKind::Unauthenticated, "nobody is signed in"))?;
    let room = request.extensions().get::<Arc<Room>>().cloned();
    let (request, asked) = asked(&caller, action, request).await?;
    // From here on nobody who hangs up stops it in the middle: a key that is taken is answered or given up.
    let answer = async move {
        let _for_as_long_as_the_body_is_here = room;
        match state.platform.keyed(&caller, &key, asked, Timestamp::now()).await? {
            Keyed::Held(held) => {
                let mut request = request;
                request.extensions_mut().insert(SignedIn(held_by(caller, &held)));
                work(&state.platform, &held, next.run(request)).await
            }
            Keyed::Inherited { request: held, effect } => {
                let answer = made_again::answer(&state.platform, &caller, action, &effect);
                let answer = async { replayed(answer.await.unwrap_or_else(Problem::into_response)) };
                work(&state.platform, &held, answer).await
            }
            Keyed::Answered(kept) => {
                let answer = Kept::open(&kept).and_then(Kept::again);
                answer.map(replayed).map_err(|error| Problem::internal(&error))
            }
            Keyed::UnderWay => Err(under_way()),
            Keyed::UsedForAnother => Err(used_for_another()),
        }
    };
    match tokio::spawn(answer.in_current_span()).await {
        Ok(answer) => answer,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => Err(Problem::internal(&error)),
    }
}

fn under_way() -> Problem {
    let detail = "the request with this `Idempotency-Key` is still under way; send it again in a moment";
    Problem::new(ProblemKind::Conflict, detail).retry_after(ASK_AGAIN)
}

fn used_for_another() -> Problem {
    Problem::invalid(&[Violation::new(
        "Idempotency-Key",
        "was used for another request; send a new key with a new request, and the same method, path, headers and body with \
         one that comes again",
    )])
}

/// The client's key, when there is one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let good = |key: &&str| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = value.to_str().ok().filter(good).filter(|_| values.next().is_none()).ok_or_else(|| {
        let detail = format!("`Idempotency-Key` is one of 1 to {MAX_KEY} visible ASCII characters without spaces");
        Problem::new(ProblemKind::Malformed, detail)
    })?;
    Ok(Some(key.to_owned()))
}

/// Reads the body, and makes a digest of everything that says what is asked: by whom, where, on which condition, what, and
/// signed by whom.
/// The team and what the token may be used for count, so that an answer is not given to a token that may not have it.
async fn asked(caller: &Caller, action: Action, request: Request) -> Result<(Request, Digest), Problem> {
    let (parts, body) = request.into_parts();
    let declared = parts.headers.clone();
    let mut reading = Request::new(body);
    *reading.headers_mut() = declared;
    let body = read_up_to(reading, most(action)).await?;
    let condition = parts.headers.get(header::IF_MATCH).map(HeaderValue::as_bytes);
    let about = (
        (caller.team.as_str(), &caller.scopes),
        (parts.method.as_str(), parts.uri.path_and_query().map(PathAndQuery::as_str), condition),
        Digest::of(&body),
    );
    // Only where there is one: the digests of all other requests are those that hosts of earlier versions made.
    let asked = match parts.headers.get(SIGNATURE).map(HeaderValue::as_bytes) {
        Some(signature) => Digest::of_json(&(about, signature)),
        None => Digest::of_json(&about),
    };
    let asked = asked.map_err(|error| Problem::internal(&error))?;
    Ok((Request::from_parts(parts, Body::from(body)), asked))
}

/// Waits for an answer while the key is held, and keeps it.
async fn work(
    platform: &Platform,
    held: &KeyedRequest,
    answer: impl Future<Output = Response>,
) -> Result<Response, Problem> {
    let answer = async {
        tokio::select! {
            answer = answer => answer,
            never = stay_alive(platform, held) => match never {},
        }
    };
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(answer) => keep(platform, held, answer).await,
        Err(panic) => {
            give_up(platform, held).await;
            resume_unwind(panic)
        }
    }
}

/// Says that the key's holder is alive, as long as a handler may take. One that takes longer may lose the key, and then
/// finds out from the store.
async fn stay_alive(platform: &Platform, held: &KeyedRequest) -> Infallible {
    let renewing = async {
        loop {
            tokio::time::sleep(RENEWED_EVERY).await;
            match platform.renew_key(held, Timestamp::now()).await {
                Ok(true) => {}
                Ok(false) => return tracing::warn!(caller = %held.held.caller, "an idempotency key was lost"),
                Err(error) => tracing::warn!(%error, "an idempotency key cannot be renewed"),
            }
        }
    };
    let _ = tokio::time::timeout(LONGEST, renewing).await;
    std::future::pending().await
}

async fn keep(platform: &Platform, held: &KeyedRequest, answer: Response) -> Result<Response, Problem> {
    if may_differ(answer.status()) {
        give_up(platform, held).await;
        return Ok(answer);
    }
    let (parts, body) = read(answer).await?;
    let kept = if body.len() > MAX_ANSWER {
        let detail = "the request with this `Idempotency-Key` was done, and its answer was too large to be kept; look at \
                      what became of it";
        let (parts, body) = read(Problem::new(ProblemKind::Conflict, detail).into_response()).await?;
        Kept::of(&parts, body).close()
    } else {
        Kept::of(&parts, body.clone()).close()
    };
    let kept = kept.map_err(|error| Problem::internal(&error))?;
    match platform.keep_answer(held, &kept).await {
        Ok(true) => {}
        // What was refused was refused because of what the one who took the request over did, such as taking the name.
        Ok(false) if !parts.status.is_success() => return Err(StoreError::KeyLost.into()),
        Ok(false) => tracing::warn!(caller = %held.held.caller, "an answer came too late to be kept"),
        // The work is done; for a client that comes again the answer is made again.
        Err(error) => tracing::error!(%error, "an answer cannot be kept under its idempotency key"),
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn read(answer: Response) -> Result<(Parts, Bytes), Problem> {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|error| Problem::internal(&error))?;
    Ok((parts, body))
}

async fn give_up(platform: &Platform, held: &KeyedRequest) {
    if let Err(error) = platform.free_key(held, Timestamp::now()).await {
        tracing::error!(%error, "an idempotency key cannot be given up; it is free again when keys are forgotten");
    }
}

/// Whether the same request may be answered otherwise in a while, through nothing that the client changes.
fn may_differ(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// Marks an answer to what was done before.
fn replayed(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    response
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}
