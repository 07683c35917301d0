//! Delivering: workers that claim a webhook which may have something to be told, tell it, and keep what came of it.
//!
//! Receivers may take their time, and a team may have many that do. So that its events wait and nobody else's, a team has
//! some of a host's places and never all, and whoever has a place gives it up after a round.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::{SignedDuration, Timestamp};
use macadam_core::signature::WebhookSecret;
use macadam_store::{Attempted, ClaimedWebhook, DeliveryId, DeliveryRecord, OutboxEvent, WebhookError, WebhookRecord};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Platform;
use crate::events::CloudEvent;
use crate::leased::worker_name;
use crate::platform::random;
use crate::vault::{SealError, Sealer, scope};
use crate::webhooks::address;
use crate::webhooks::send::{AT_ONCE, Message, Outcome, Purpose};

/// How many of the webhooks that a host tells at once are one team's at most.
const PER_TEAM: u32 = 4;

/// How long a worker holds a webhook without a word: an attempt takes ten seconds at most.
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How long workers sleep at most: retries, and what other hosts tell, begin within this.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How many events are read at once.
const BATCH: u32 = 200;

/// How many events a webhook is told before it is another one's turn, and for how long; an attempt that has begun is waited
/// for.
const ROUND: usize = 50;
const LONGEST_ROUND: Duration = Duration::from_secs(30);

/// The wait after the first failure, and the longest; in between it doubles, and up to as much again is added by chance,
/// so that those who failed together do not come back together.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60 * 60);

/// The workers that tell webhooks.
pub struct Deliverers {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Deliverers {
    /// Starts them.
    #[must_use]
    pub fn start(platform: Platform) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(work(platform, stop.clone(), tasks.clone()));
        Self { stop, tasks }
    }

    /// Claims nothing more, and waits until the attempts under way have ended.
    pub async fn drain(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn work(platform: Platform, stop: CancellationToken, tasks: TaskTracker) {
    let (places, ended) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Notify::new()));
    let worker = worker_name();
    let mut latest = platform.feed().latest();
    while !stop.is_cancelled() {
        latest.mark_unchanged();
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let now = Timestamp::now();
        match platform.store().claim_webhook(&worker, PER_TEAM, now, later(now, LEASE)).await {
            Ok(Some(held)) => {
                let (platform, stop, ended) = (platform.clone(), stop.clone(), Arc::clone(&ended));
                tasks.spawn(async move {
                    let id = held.webhook.id;
                    match tell(&platform, held, &stop).await {
                        Ok(()) => {}
                        Err(WebhookError::LeaseLost { .. }) => {
                            tracing::info!(webhook = %id, "a webhook was changed, or another worker has it");
                        }
                        Err(error) => tracing::error!(%error, webhook = %id, "what came of an attempt was not kept"),
                    }
                    drop(place);
                    // Another of the team's may have waited for this place, or the same one has more to be told.
                    ended.notify_one();
                });
            }
            Ok(None) => {
                drop(place);
                sleep(&mut latest, &ended, &stop).await;
            }
            Err(error) => {
                tracing::error!(%error, "webhooks cannot be claimed");
                tokio::time::sleep(LONGEST_SLEEP).await;
            }
        }
    }
}

/// Waits for an event, for the end of a round, for the time of a retry, or for the end.
async fn sleep(latest: &mut tokio::sync::watch::Receiver<u64>, ended: &Notify, stop: &CancellationToken) {
    let told = async {
        if latest.changed().await.is_err() {
            // The feed has ended, and this host soon will.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = told => {}
        () = ended.notified() => {}
        () = tokio::time::sleep(LONGEST_SLEEP) => {}
        () = stop.cancelled() => {}
    }
}

/// A row of attempts that failed, with nothing that arrived in between.
#[derive(Debug, Clone, Copy, Default)]
struct Failing {
    attempts: u32,
    /// When the first of them was.
    since: Option<Timestamp>,
}

/// Tells a webhook of what it takes, one event after the other, until one does not arrive or it is others' turn.
async fn tell(platform: &Platform, held: ClaimedWebhook, stop: &CancellationToken) -> Result<(), WebhookError> {
    let ClaimedWebhook { lease, webhook } = held;
    let mut cursor = webhook.cursor;
    let mut failing = Failing { attempts: webhook.failures, since: webhook.failing_since };
    let events = platform.store().events_since(cursor, BATCH).await?;
    let (begun, mut told) = (Instant::now(), 0);
    for event in events {
        if is_others_turn(told, begun.elapsed()) || stop.is_cancelled() {
            break;
        }
        if webhook.takes(&event) {
            let (attempt, outcome) = attempt(platform, &webhook, &event, failing.attempts).await;
            let now = Timestamp::now();
            if attempt.error.is_some() {
                let disable_after = platform.courier().settings().disable_after;
                return match verdict(failing.since, disable_after, &attempt, &outcome) {
                    Some(reason) => {
                        tracing::warn!(webhook = %webhook.id, team = %webhook.team, reason, "a webhook is disabled");
                        platform.store().disable_webhook(&lease, &attempt, &reason, now).await
                    }
                    None => {
                        let next_attempt = next_attempt(failing.attempts, outcome.not_before, now);
                        platform.store().keep_attempt(&lease, &attempt, Attempted::Failed { next_attempt }).await
                    }
                };
            }
            let means = Attempted::Arrived { lease_until: later(now, LEASE) };
            platform.store().keep_attempt(&lease, &attempt, means).await?;
            // The next failure is the first of another row, though the webhook was claimed in this one.
            (failing, told) = (Failing::default(), told + 1);
        }
        cursor = event.seq;
    }
    platform.store().release_webhook(&lease, cursor, Timestamp::now()).await
}

/// Whether a round is over in which so many events arrived.
fn is_others_turn(told: usize, took: Duration) -> bool {
    told >= ROUND || took >= LONGEST_ROUND
}

/// One attempt at one event.
async fn attempt(
    platform: &Platform,
    webhook: &WebhookRecord,
    event: &OutboxEvent,
    failures: u32,
) -> (DeliveryRecord, Outcome) {
    let at = Timestamp::now();
    let told = CloudEvent::of(event, platform.feed().source());
    let outcome = send(platform, webhook, Purpose::Event, format!("evt_{}", event.seq), &told, at).await;
    let number = failures.saturating_add(1);
    let (took, status, error) = (outcome.took, outcome.status, outcome.error.clone());
    match &error {
        None => tracing::debug!(webhook = %webhook.id, event = event.seq, attempt = number, "told a webhook"),
        Some(error) => {
            tracing::info!(webhook = %webhook.id, event = event.seq, attempt = number, error, "a webhook was not told");
        }
    }
    let record = DeliveryRecord {
        id: delivery_id(at),
        webhook: webhook.id,
        event: Some(event.seq),
        event_type: event.event_type.clone(),
        attempt: number,
        at,
        took,
        status,
        error,
    };
    (record, outcome)
}

/// An id for the history. Without randomness its time has to do.
pub(super) fn delivery_id(at: Timestamp) -> DeliveryId {
    DeliveryId::new(at, random().unwrap_or_default())
}

/// Signs and sends.
pub(super) async fn send(
    platform: &Platform,
    webhook: &WebhookRecord,
    purpose: Purpose,
    id: String,
    event: &CloudEvent,
    at: Timestamp,
) -> Outcome {
    let secrets = match secrets(platform.parts.vault.sealer(), webhook, at) {
        Ok(secrets) => secrets,
        Err(error @ SealError::MissingKey(_)) => return Outcome::unsent(format!("the webhook's secret: {error}")),
        Err(error) => return Outcome::unsent(format!("the webhook's secret: {error}; rotate it")),
    };
    let url = match address::open(platform.parts.vault.sealer(), webhook) {
        Ok(url) => url,
        Err(error) => return Outcome::unsent(format!("the webhook's address: {error}")),
    };
    match serde_json::to_vec(event) {
        Ok(body) => platform.courier().send(Message { purpose, url, id, at, body, secrets }).await,
        Err(error) => Outcome::unsent(format!("the event cannot be written: {error}")),
    }
}

/// What is signed with: the secret, and the one before while receivers may still have that.
fn secrets(sealer: &Sealer, webhook: &WebhookRecord, now: Timestamp) -> Result<Vec<WebhookSecret>, SealError> {
    let open = |sealed| {
        let opened = sealer.open(&scope::of_webhook(webhook.id), sealed)?;
        WebhookSecret::new(opened).map_err(|_| SealError::DoesNotOpen)
    };
    let mut secrets = vec![open(&webhook.secret)?];
    if let Some(previous) = webhook.previous.as_ref().filter(|previous| previous.until > now) {
        secrets.push(open(&previous.secret)?);
    }
    Ok(secrets)
}

/// Why a webhook is to be disabled after an attempt that failed, if it is; `since` is when the row of failures before that
/// attempt began.
fn verdict(
    since: Option<Timestamp>,
    disable_after: Duration,
    attempt: &DeliveryRecord,
    outcome: &Outcome,
) -> Option<String> {
    if outcome.is_gone() {
        return Some("the receiver answered 410 Gone: it wants to be told of nothing more".to_owned());
    }
    let since = since?;
    let after = SignedDuration::try_from(disable_after).unwrap_or(SignedDuration::MAX);
    let failing = attempt.at.duration_since(since);
    let why = attempt.error.as_deref().unwrap_or_default();
    (failing >= after)
        .then(|| format!("nothing has arrived since {since}, in {} attempts; lastly: {why}", attempt.attempt))
}

/// When to try again: by the rule, and not before the receiver wants it.
fn next_attempt(failures: u32, not_before: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let waits = ExponentialBuilder::new()
        .with_min_delay(FIRST_RETRY)
        .with_max_delay(LONGEST_RETRY)
        .without_max_times()
        .with_jitter()
        .build();
    // After some thirty failures the wait is the longest anyway.
    let wait = waits.into_iter().nth(failures.min(30) as usize).unwrap_or(LONGEST_RETRY);
    let by_rule = later(now, SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_hours(1)));
    not_before.map_or(by_rule, |not_before| by_rule.max(not_before))
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use macadam_store::WebhookId;

    use super::*;

    fn failed(at: Timestamp) -> (DeliveryRecord, Outcome) {
        let outcome = Outcome::unsent("no answer".to_owned());
        let record = DeliveryRecord {
            id: delivery_id(at),
            webhook: WebhookId::new(at, [0; 10]),
            event: Some(1),
            event_type: "macadam.request.queued".to_owned(),
            attempt: 7,
            at,
            took: outcome.took,
            status: None,
            error: outcome.error.clone(),
        };
        (record, outcome)
    }

    #[test]
    fn a_webhook_is_disabled_for_a_row_of_failures_that_lasted_and_never_for_the_first_of_one() {
        let since: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let after = |since, at| {
            let (attempt, outcome) = failed(at);
            verdict(since, Duration::from_secs(60), &attempt, &outcome)
        };
        assert_eq!(after(Some(since), later(since, SignedDuration::from_secs(59))), None);
        let reason = after(Some(since), later(since, SignedDuration::from_secs(60))).unwrap();
        assert!(reason.contains("in 7 attempts; lastly: no answer"), "{reason}");
        assert_eq!(after(None, later(since, SignedDuration::from_secs(60))), None, "something has just arrived");
    }

    #[test]
    fn a_receiver_that_is_gone_is_told_nothing_more_from_its_first_answer_on() {
        let (attempt, outcome) = failed("2026-01-02T03:04:05Z".parse().unwrap());
        let gone = Outcome { status: Some(410), ..outcome };
        assert!(verdict(None, Duration::from_secs(60), &attempt, &gone).is_some_and(|reason| reason.contains("410")));
    }

    #[test]
    fn a_round_is_over_after_so_many_events_or_so_much_time() {
        assert!(!is_others_turn(0, Duration::ZERO) && !is_others_turn(ROUND - 1, LONGEST_ROUND / 2));
        assert!(is_others_turn(ROUND, Duration::ZERO), "a quick receiver");
        assert!(is_others_turn(1, LONGEST_ROUND), "a slow one");
    }

    #[test]
    fn waits_grow_up_to_an_hour_with_chance_in_them_and_never_undercut_the_receiver() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let wait = |failures| next_attempt(failures, None, now).duration_since(now).as_secs_f64();
        for (failures, least) in [(0, 1.0), (1, 2.0), (5, 32.0), (11, 2048.0), (12, 3600.0), (1_000_000, 3600.0)] {
            let all: Vec<f64> = (0..50).map(|_| wait(failures)).collect();
            assert!(all.iter().all(|wait| (least..=least * 2.0 + 0.001).contains(wait)), "{failures}: {all:?}");
            assert!(all.iter().any(|wait| (wait - all[0]).abs() > 1e-6), "those who failed together come back apart");
        }
        let asked = later(now, SignedDuration::from_hours(5));
        assert_eq!(next_attempt(0, Some(asked), now), asked);
        assert!(next_attempt(20, Some(later(now, SignedDuration::from_secs(1))), now) > later(now, LEASE));
    }
}
