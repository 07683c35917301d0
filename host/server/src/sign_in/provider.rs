//! One identity provider: its keys, kept and renewed.
//!
//! ```text
//! keys are fresh ──▶ used          three quarters of their time are over ──▶ used, and renewed beside it
//! a token names a key that is not there ──▶ renewed, not more often than every two seconds; the token waits
//! the provider does not answer ──▶ used for as long as `stale-keys-hours` says, then nobody of it gets in
//! ```
//!
//! A provider that changes its keys refuses nobody: the first token with a new key waits for the new set. Whoever sends
//! made-up key ids makes this host ask every two seconds at most, and only so many of them wait.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Validation, decode};
use macadam_platform::Caller;
use tokio::sync::{Mutex, Semaphore};

use super::claims::Claims;
use super::fetch::{self, Fetched};
use super::jws::{Unverified, refuse};
use super::keys::{Key, NoKey};
use super::settings::{OidcSettings, SettingsError};
use super::strict::StrictObject;
use super::{SignInError, verifier};

pub(super) use super::fetch::is_safe_address;

/// How much time is between two requests for keys at least.
const PAUSE: Duration = Duration::from_secs(2);

/// How many tokens with an unknown key may wait for a new set at once.
const WAITING: usize = 100;

/// One identity provider.
pub(super) struct Provider {
    settings: OidcSettings,
    agent: ureq::Agent,
    fetched: ArcSwapOption<Fetched>,
    /// When the last request for keys began; held while one is under way.
    asking: Mutex<Option<tokio::time::Instant>>,
    waiting: Semaphore,
    pause: Duration,
}

impl Provider {
    pub(super) fn new(settings: OidcSettings) -> Result<Self, SettingsError> {
        settings.check()?;
        verifier::install();
        let agent = fetch::agent(&settings)?;
        let (fetched, asking) = (ArcSwapOption::empty(), Mutex::new(None));
        Ok(Self { settings, agent, fetched, asking, waiting: Semaphore::new(WAITING), pause: PAUSE })
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
        let mut validation = Validation::new(algorithm);
        // Claims are looked at below, with the time that the caller says.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let verified = decode::<StrictObject>(token, key.decoding(), &validation);
        let StrictObject(all) = verified.map_err(|_| refuse("its signature is not the issuer's"))?.claims;
        Claims { all: &all, settings: &self.settings }.caller(now)
    }

    /// The key that a token means, of the set that there is or of the next one.
    async fn key(self: &Arc<Self>, read: &Unverified, now: Timestamp) -> Result<Key, SignInError> {
        let find = |fetched: &Fetched| fetched.keys.find(read.key_id.as_deref(), read.algorithm).cloned();
        let (seen, found) = match self.usable(now) {
            Some(fetched) => (Some(fetched.at), find(&fetched)),
            None => (None, Err(NoKey::Unknown)),
        };
        let found = match found {
            // An issuer that names no key may have put another one in its place.
            Err(NoKey::Unknown | NoKey::Unnamed) => match self.newer_than(seen, now).await? {
                Some(fetched) => find(&fetched),
                None => found,
            },
            found => found,
        };
        found.map_err(|why| {
            refuse(match why {
                NoKey::Unknown => "its issuer has no such key (`kid`)",
                NoKey::Unfit => "the key that it names is not for its algorithm",
                NoKey::Unnamed => "it does not say by which key it is signed (`kid`)",
            })
        })
    }

    /// The keys that there are, unless they are too old. Those that will be old soon are renewed meanwhile.
    fn usable(self: &Arc<Self>, now: Timestamp) -> Option<Arc<Fetched>> {
        let fetched = self.fetched.load_full()?;
        let age = now.duration_since(fetched.at);
        if age >= fetched.fresh_for * 3 / 4 {
            let this = Arc::clone(self);
            let seen = fetched.at;
            tokio::spawn(async move {
                // Others who found the same are not worth waiting for.
                if let Ok(asking) = this.asking.try_lock() {
                    this.ask(asking, Some(seen), now).await;
                }
            });
        }
        let most = SignedDuration::from_hours(i64::from(self.settings.stale_keys_hours));
        (age <= fetched.fresh_for.max(most)).then_some(fetched)
    }

    /// A set of keys that is newer than the one that was seen, if the provider has one to give.
    async fn newer_than(&self, seen: Option<Timestamp>, now: Timestamp) -> Result<Option<Arc<Fetched>>, SignInError> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(SignInError::Unavailable("too many tokens wait for the keys of their issuer".to_owned()));
        };
        let asking = self.asking.lock().await;
        self.ask(asking, seen, now).await;
        let newest = self.fetched.load_full();
        let most = SignedDuration::from_hours(i64::from(self.settings.stale_keys_hours));
        match newest {
            Some(fetched) if now.duration_since(fetched.at) <= fetched.fresh_for.max(most) => Ok(Some(fetched)),
            _ => {
                let issuer = &self.settings.issuer;
                Err(SignInError::Unavailable(format!("the keys of {issuer} cannot be had now; the log says why")))
            }
        }
    }

    /// Asks the provider, unless somebody did since `seen`, after a pause since the last time.
    async fn ask(
        &self,
        mut last: tokio::sync::MutexGuard<'_, Option<tokio::time::Instant>>,
        seen: Option<Timestamp>,
        now: Timestamp,
    ) {
        if self.fetched.load().as_ref().map(|fetched| fetched.at) != seen {
            return;
        }
        if let Some(last) = *last {
            tokio::time::sleep_until(last + self.pause).await;
        }
        *last = Some(tokio::time::Instant::now());
        let (agent, issuer) = (self.agent.clone(), self.settings.issuer.clone());
        let fetched = tokio::task::spawn_blocking(move || fetch::keys(&agent, &issuer, now)).await;
        match fetched.map_err(|error| error.to_string()).and_then(|fetched| fetched) {
            Ok(fetched) => self.fetched.store(Some(Arc::new(fetched))),
            Err(error) => {
                let issuer = &self.settings.issuer;
                tracing::warn!(issuer, error, "the keys of an identity provider could not be renewed");
            }
        }
    }
}
