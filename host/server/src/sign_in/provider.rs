//! One identity provider: its keys, kept and renewed.
//!
//! ```text
//! keys are fresh ──▶ used          three quarters of their time are over ──▶ used, and renewed beside it
//! all of their time is over, since nobody came meanwhile ──▶ renewed; the token waits
//! a token names a key that is not there ──▶ renewed, not more often than every two seconds; the token waits
//! the provider does not answer ──▶ used for as long as `stale-keys-hours` says, then nobody of it gets in
//! ```
//!
//! A provider that changes its keys refuses nobody: the first token with a new key waits for the new set. Whoever sends
//! made-up key ids makes this host ask every two seconds at most, and only so many of them wait. A request for keys is a
//! task of its own: whoever hangs up meanwhile takes nothing from the others who wait for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use macadam_jwt::{Key, NoKey, Unverified, verify};
use macadam_platform::Caller;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::time::Instant;

use super::fetch::{self, Fetched};
use super::settings::{OidcSettings, SettingsError};
use super::{SignInError, refuse};

/// How much time is between two requests for keys at least.
const PAUSE: Duration = Duration::from_secs(2);

/// How many tokens with an unknown key may wait for a new set at once.
const WAITING: usize = 4096;

/// One identity provider.
pub(super) struct Provider {
    settings: OidcSettings,
    agent: ureq::Agent,
    fetched: ArcSwapOption<Fetched>,
    /// When the last request for keys began; held while one is under way.
    asking: Arc<Mutex<Option<Instant>>>,
    /// Whether the last request gave no keys, so that nobody waits for keys who can do without.
    unanswered: AtomicBool,
    waiting: Semaphore,
    pause: Duration,
}

impl Provider {
    pub(super) fn new(settings: OidcSettings) -> Result<Self, SettingsError> {
        settings.check()?;
        let agent = fetch::agent(&settings)?;
        let (fetched, asking) = (ArcSwapOption::empty(), Arc::default());
        let (unanswered, waiting) = (AtomicBool::new(false), Semaphore::new(WAITING));
        Ok(Self { settings, agent, fetched, asking, unanswered, waiting, pause: PAUSE })
    }

    /// The same with another pause between two requests for keys.
    #[cfg(test)]
    pub(super) fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    pub(super) fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// Who the bearer of a token is.
    pub(super) async fn caller(
        self: &Arc<Self>,
        token: &str,
        read: &Unverified,
        now: Timestamp,
    ) -> Result<Caller, SignInError> {
        let algorithm = read.algorithm;
        if !self.settings.algorithms.contains(&algorithm) {
            return Err(refuse(format_args!("its algorithm {algorithm:?} does not count for this issuer")));
        }
        let key = self.key(read, now).await?;
        if !verify(token, &key, algorithm) {
            return Err(refuse("its signature is not the issuer's"));
        }
        self.settings.caller(&read.claims, now)
    }

    /// The key that a token means, of the set that there is or of the next one.
    async fn key(self: &Arc<Self>, read: &Unverified, now: Timestamp) -> Result<Key, SignInError> {
        let arrived = Instant::now();
        if self.is_over(now) {
            self.renew_first(now).await;
        } else {
            self.renew_beside(now);
        }
        let found = match self.find(read, now) {
            // An issuer that names no key may have put another one in its place.
            None | Some(Err(NoKey::Unknown | NoKey::Unnamed)) => self.find_in_next(read, now, arrived).await?,
            Some(found) => found,
        };
        found.map_err(|why| {
            refuse(match why {
                NoKey::Unknown => "its issuer has no such key (`kid`)",
                NoKey::Unfit => "the key that it names is not for its algorithm",
                NoKey::Unnamed => "it does not say by which key it is signed (`kid`)",
            })
        })
    }

    /// The key that a token means, of the set that there is; nothing when there is none that may be used.
    fn find(&self, read: &Unverified, now: Timestamp) -> Option<Result<Key, NoKey>> {
        let fetched = self.fetched.load_full()?;
        let stale = SignedDuration::from_hours(i64::from(self.settings.stale_keys_hours));
        let usable = now.duration_since(fetched.at) <= fetched.fresh_for.max(stale);
        usable.then(|| fetched.keys.find(read.key_id.as_deref(), read.algorithm).cloned())
    }

    /// The same of a set that is asked for after the token came. Everybody who came before a request is answered by it,
    /// whether it gave keys or not.
    async fn find_in_next(
        self: &Arc<Self>,
        read: &Unverified,
        now: Timestamp,
        arrived: Instant,
    ) -> Result<Result<Key, NoKey>, SignInError> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(SignInError::Unavailable("too many tokens wait for the keys of their issuer".to_owned()));
        };
        let last = Arc::clone(&self.asking).lock_owned().await;
        if let Some(Ok(key)) = self.find(read, now) {
            return Ok(Ok(key));
        }
        if last.is_none_or(|began| began <= arrived) {
            self.ask_to_the_end(last, now).await;
        } else {
            drop(last);
        }
        self.find(read, now).ok_or_else(|| {
            let issuer = &self.settings.issuer;
            SignInError::Unavailable(format!("the keys of {issuer} cannot be had now; the log says why"))
        })
    }

    /// Whether the time is over for which the keys can be used without asking, and the provider has not failed to answer
    /// since.
    fn is_over(&self, now: Timestamp) -> bool {
        let fetched = self.fetched.load();
        let over = fetched.as_ref().is_some_and(|fetched| now.duration_since(fetched.at) >= fetched.fresh_for);
        over && !self.unanswered.load(Ordering::Relaxed)
    }

    /// Renews keys whose time is over before they are used: after a quiet night, one of them may have been withdrawn
    /// long ago.
    async fn renew_first(self: &Arc<Self>, now: Timestamp) {
        // When too many wait, those who come do without.
        let Ok(_place) = self.waiting.try_acquire() else { return };
        let last = Arc::clone(&self.asking).lock_owned().await;
        // Whoever was faster has asked for everybody.
        if self.is_over(now) {
            self.ask_to_the_end(last, now).await;
        }
    }

    /// Renews keys that will be old soon, while they are used.
    fn renew_beside(self: &Arc<Self>, now: Timestamp) {
        let due = move |this: &Self| {
            let fetched = this.fetched.load();
            fetched.as_ref().is_some_and(|fetched| now.duration_since(fetched.at) >= fetched.fresh_for * 3 / 4)
        };
        if !due(self) {
            return;
        }
        let this = Arc::clone(self);
        tokio::spawn(async move {
            // Whoever holds the lock is asking already.
            let Ok(mut last) = this.asking.try_lock() else { return };
            if due(&this) {
                this.ask(&mut last, now).await;
            }
        });
    }

    /// Asks the provider, and does so to the end when whoever wants to know waits no more: those who came before the
    /// request do not ask again, and would be refused if its answer were lost with the one who began it.
    async fn ask_to_the_end(self: &Arc<Self>, mut last: OwnedMutexGuard<Option<Instant>>, now: Timestamp) {
        let this = Arc::clone(self);
        let asked = tokio::spawn(async move { this.ask(&mut last, now).await }).await;
        if let Err(error) = asked {
            let issuer = &self.settings.issuer;
            tracing::error!(issuer, %error, "a request for the keys of an identity provider broke off");
        }
    }

    /// Asks the provider, after a pause since the last time. What there is stays when it does not answer.
    async fn ask(&self, last: &mut Option<Instant>, now: Timestamp) {
        if let Some(began) = *last {
            tokio::time::sleep_until(began + self.pause).await;
        }
        *last = Some(Instant::now());
        let (agent, issuer) = (self.agent.clone(), self.settings.issuer.clone());
        let fetched = tokio::task::spawn_blocking(move || fetch::keys(&agent, &issuer, now)).await;
        let fetched = fetched.map_err(|error| error.to_string()).and_then(|fetched| fetched);
        self.unanswered.store(fetched.is_err(), Ordering::Relaxed);
        match fetched {
            Ok(fetched) => self.fetched.store(Some(Arc::new(fetched))),
            Err(error) => {
                let issuer = &self.settings.issuer;
                tracing::warn!(issuer, error, "the keys of an identity provider could not be renewed");
            }
        }
    }
}
