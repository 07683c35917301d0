//! Events: a page of them, or a stream that goes on for as long as the client listens.
//!
//! A stream is server-sent events (the HTML standard's `text/event-stream`): `id` is an event's place, `data` the
//! CloudEvent. A client that comes back with `Last-Event-ID` goes on where it stopped. Each stream has a task that reads
//! no faster than its client takes; one that takes nothing for half a minute is let go, and so is every stream after a
//! while, so that its client signs in anew. Its token is looked at again and again meanwhile: one that counts no more
//! has no stream for longer than a few seconds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json as JsonBody;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use macadam_core::names::{PersonId, TeamId};
use macadam_core::violation::Violation;
use macadam_platform::Credential;
use macadam_platform::authorization::{Action, Target};
use macadam_platform::events::{CloudEvent, EventFilter, EventPage, EventsError, Follower};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::ServerState;
use crate::api::{SignedIn, bearer};
use crate::document::problems::{Gone, TooManyRequests};
use crate::extract::{Params, described_header, limit};
use crate::problem::{Problem, ProblemKind};
use crate::sign_in::SignInError;

/// How many streams one person may have.
const STREAMS: usize = 10;

/// How often a stream says that it is alive, and how far it has looked.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a client may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a stream goes on.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How often the token of a stream is looked at. That reads one row of the store, or verifies one signature.
const LOOK: Duration = Duration::from_secs(5);

/// How many messages wait for a client.
const WAITING: usize = 16;

/// What a client is told to wait before it comes back.
const RETRY: Duration = Duration::from_secs(2);

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which events to show.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventParams {
    /// Those whose type starts with this.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Those whose subject starts with this.
    subject: Option<String>,
    /// Those of one team.
    team: Option<TeamId>,
    /// Those after this one.
    after: Option<u64>,
    /// How many a page has.
    limit: Option<u32>,
}

impl IntoParams for LastEventId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let number = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{1,19}$")).examples(["42"]);
        vec![described_header("Last-Event-ID", "The `id` of the last event that the client has seen.", number)]
    }
}

/// The last event that a client has seen, as browsers say it.
#[derive(Debug)]
pub(super) struct LastEventId(Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(&LAST_EVENT_ID) else { return Ok(Self(None)) };
        let place = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        let malformed = || {
            let detail = "`Last-Event-ID` is the `id` of an event that this server has sent, which is a number";
            Problem::new(ProblemKind::Malformed, detail)
        };
        place.map(|place| Self(Some(place))).ok_or_else(malformed)
    }
}

/// Events, as a page or, with `Accept: text/event-stream`, as a stream that goes on.
#[utoipa::path(
    get, path = "/events", operation_id = "events.list", tag = "events",
    params(LastEventId, EventParams),
    responses(
        (
            status = 200,
            description = "A page of events; or the stream, each event a CloudEvent in `data` with its place as `id`.",
            content((EventPage = "application/json"), (String = "text/event-stream")),
        ),
        Gone,
        TooManyRequests,
    ),
)]
pub(super) async fn events(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
    LastEventId(last): LastEventId,
    Params(params): Params<EventParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let EventParams { event_type, subject, team, after, limit: asked } = params;
    let hears_of = |team: &TeamId| state.platform.may(&caller, Action::EventRead, &Target::Team(team.clone()));
    if team.is_none() {
        state.platform.authorize(&caller, Action::EventRead, &Target::Team(caller.team.clone()))?;
    }
    if let Some(team) = team.as_ref().filter(|team| !hears_of(team)) {
        let message = format!("there is no team {team} whose events you may see");
        return Err(Problem::invalid(&[Violation::new("team", message)]));
    }
    // A client that comes back repeats its address, and knows better by now where it was.
    let after = last.or(after);
    let filter = EventFilter { event_type, subject, team };
    if !wants_stream(&headers) {
        let limit = limit(asked)? as usize;
        let page = state.platform.events(&caller, &filter, after.unwrap_or(0), limit).await?;
        return Ok(JsonBody(page).into_response());
    }
    let place = state.streams.enter(&caller.person)?;
    let token = Token { text: bearer(&headers)?.to_owned(), left: left(&caller.credential, Timestamp::now()) };
    let follower = state.platform.follow(&caller, filter, after).await?;
    Ok(stream(state, follower, place, token))
}

/// Whether the client asks for a stream.
fn wants_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().is_some_and(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
    })
}

fn stream(state: ServerState, follower: Follower, place: Place, token: Token) -> Response {
    let (send, receive) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        // A client that goes away, or a host that stops, needs no word.
        tokio::select! {
            () = feed(follower, &send) => {}
            () = send.closed() => {}
            () = tokio::time::sleep(token.left) => {}
            () = refused(&state, &token.text) => {
                tracing::info!(person = %place.person, "a stream of events ends, since its token counts no more");
            }
        }
        drop(place);
    });
    let buffering = (HeaderName::from_static("x-accel-buffering"), "no");
    ([buffering], Sse::new(ReceiverStream::new(receive))).into_response()
}

/// By what a stream was opened.
struct Token {
    text: String,
    /// How long the stream may go on.
    left: Duration,
}

/// How long a stream may go on that is opened now: not beyond the end of its token.
fn left(credential: &Credential, now: Timestamp) -> Duration {
    let end = match credential {
        Credential::DevelopmentToken => return LONGEST,
        Credential::ServiceToken { expires_at, .. } | Credential::Oidc { expires_at, .. } => *expires_at,
    };
    // What is over its end already is let in by its provider's leeway: looks at the token find out for how long.
    let left = Duration::try_from(end.duration_since(now)).ok().filter(|left| !left.is_zero());
    left.map_or(LONGEST, |left| left.min(LONGEST))
}

/// Comes back when a token counts no more. While nobody can say whether it does, as when the database is away, it does:
/// to end all streams would not end what its bearer knows, and they would all come back at once.
async fn refused(state: &ServerState, token: &str) {
    loop {
        tokio::time::sleep(state.streams.look).await;
        let caller = state.authenticator.caller(&state.platform, token, Timestamp::now()).await;
        if matches!(caller, Err(SignInError::Refused(_))) {
            return;
        }
    }
}

/// Sends events for as long as the client takes them.
async fn feed(mut follower: Follower, send: &mpsc::Sender<Result<Event, Infallible>>) {
    let start = here(&follower).retry(RETRY);
    if !taken(send, start).await {
        return;
    }
    loop {
        let message = match tokio::time::timeout(KEEP_ALIVE, follower.next()).await {
            Ok(Ok(Some(event))) => told(&event),
            Ok(Ok(None)) => return,
            Ok(Err(error)) => {
                tracing::error!(%error, "events cannot be read; a stream ends");
                return;
            }
            Err(_) => here(&follower),
        };
        if !taken(send, message).await {
            return;
        }
    }
}

async fn taken(send: &mpsc::Sender<Result<Event, Infallible>>, message: Event) -> bool {
    match send.send_timeout(Ok(message), PATIENCE).await {
        Ok(()) => true,
        Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
            tracing::info!("a client takes events too slowly, and is let go");
            false
        }
        Err(mpsc::error::SendTimeoutError::Closed(_)) => false,
    }
}

fn told(event: &CloudEvent) -> Event {
    // A CloudEvent is always JSON; an event without data is passed over by every client.
    let id = event.id.clone();
    Event::default().id(&id).json_data(event).unwrap_or_else(|_| Event::default().id(id))
}

/// A message that clients do not show: it keeps the connection open, and says how far events have been looked at, so
/// that a client who wants few of them does not fall behind.
fn here(follower: &Follower) -> Event {
    Event::default().id(follower.place().to_string()).comment("here")
}

/// How many streams each person has.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    open: Arc<Mutex<HashMap<PersonId, usize>>>,
    /// How often the token of each is looked at.
    look: Duration,
}

impl Default for Streams {
    fn default() -> Self {
        Self { open: Arc::default(), look: LOOK }
    }
}

/// One of a person's streams, for as long as it lives.
#[derive(Debug)]
struct Place {
    streams: Streams,
    person: PersonId,
}

impl Streams {
    /// The same with more or fewer looks at their tokens.
    #[cfg(test)]
    pub(crate) fn looked_at_every(self, look: Duration) -> Self {
        Self { look, ..self }
    }

    fn enter(&self, person: &PersonId) -> Result<Place, Problem> {
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.entry(person.clone()).or_default();
        if *open >= STREAMS {
            let detail = format!("{person} has {STREAMS} streams of events open already; close one, or share one");
            return Err(Problem::new(ProblemKind::TooManyRequests, detail));
        }
        *open += 1;
        Ok(Place { streams: self.clone(), person: person.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.get_mut(&self.person) {
            *open -= 1;
            if *open == 0 {
                all.remove(&self.person);
            }
        }
    }
}

impl From<EventsError> for Problem {
    fn from(error: EventsError) -> Self {
        let detail = error.to_string();
        match error {
            EventsError::Gone { range, .. } | EventsError::Ahead { range, .. } => Self::new(ProblemKind::Gone, detail)
                .with("oldest", json!(range.oldest.to_string()))
                .with("latest", json!(range.latest.to_string())),
            EventsError::Stopping => Self::new(ProblemKind::Unavailable, detail),
            EventsError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_so_many_streams_and_one_that_ends_makes_room() {
        let (streams, person) = (Streams::default(), "dana".parse::<PersonId>().unwrap());
        let mut open: Vec<_> = (0..STREAMS).map(|_| streams.enter(&person).unwrap()).collect();
        let refused = streams.enter(&person).unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::TooManyRequests);
        streams.enter(&"olga".parse().unwrap()).expect("others have their own");
        open.pop();
        streams.enter(&person).expect("one has ended");
        drop(open);
        assert!(streams.open.lock().unwrap().is_empty(), "nothing is kept of those who have left");
    }

    #[test]
    fn a_stream_goes_on_no_longer_than_its_token() {
        let now = Timestamp::from_second(1_767_225_600).unwrap();
        let until = |seconds: i64| {
            let expires_at = now + jiff::SignedDuration::from_secs(seconds);
            left(&Credential::Oidc { issuer: "https://id.example".to_owned(), expires_at }, now)
        };
        assert_eq!(until(60), Duration::from_secs(60), "it ends with its token");
        assert_eq!(until(24 * 3600), LONGEST, "its client signs in anew now and then");
        assert_eq!(until(-10), LONGEST, "what the leeway lets in ends when a look at the token says so, not at once");
        assert_eq!(left(&Credential::DevelopmentToken, now), LONGEST);
    }

    #[test]
    fn a_stream_is_what_whoever_asks_for_it_gets() {
        for (accept, stream) in [
            ("text/event-stream", true),
            ("application/json, text/event-stream;q=0.5", true),
            ("*/*", false),
            ("application/json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_stream(&headers), stream, "{accept}");
        }
    }
}
