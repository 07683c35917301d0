//! How much one token, one team, and one address without a token may ask for.
//!
//! ```text
//! request ─▶ who is it? ─▶ the token's bucket ─▶ the team's bucket ─▶ the route
//!              │ nobody               429, `RateLimit`
//!              └▶ the address's bucket ─▶ 401, or 429 when it is empty
//! ```
//!
//! The limits keep one that runs wild from what the others need; nobody who works meets them. Each host counts for
//! itself, so several hosts let through several times as much. `/healthz`, `/readyz` and whatever else takes no token are
//! not counted.
//!
//! `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers, as of its tenth version.

mod buckets;

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use macadam_core::names::TeamId;
use macadam_platform::{Caller, Credential};

use crate::problem::{Problem, ProblemKind};
use buckets::{Buckets, Level, Rate};

/// The most buckets of one kind: some ten megabytes, when all of them are in use.
const MOST: usize = 100_000;

/// How often, and how much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateLimit {
    /// How many a minute, for as long as one likes; 0 is no limit.
    pub per_minute: u32,
    /// How many at once.
    pub burst: u32,
}

/// What an administrator can set about how much is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RateLimitSettings {
    /// Requests of one person, or with one token of a service.
    pub token: RateLimit,
    /// Requests of everybody of one team together.
    pub team: RateLimit,
    /// Requests from one address that nobody is signed in for.
    pub failures: RateLimit,
}

impl Default for RateLimitSettings {
    /// A hundred requests in each second are more than a person with a script that polls, and less than what one host can
    /// do.
    fn default() -> Self {
        Self {
            token: RateLimit { per_minute: 6_000, burst: 1_000 },
            team: RateLimit { per_minute: 30_000, burst: 5_000 },
            failures: RateLimit { per_minute: 60, burst: 60 },
        }
    }
}

/// The headers that say how much is left.
pub(crate) static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The headers that say how much there is.
pub(crate) static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Whose a bucket is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    /// All tokens of a person together: who signs in again is the same one.
    Person(String),
    /// One token of a service.
    Service(String),
}

/// Who has asked for how much.
#[derive(Debug)]
pub(crate) struct RateLimits {
    token: Option<Buckets<Holder>>,
    team: Option<Buckets<TeamId>>,
    failures: Option<Buckets<IpAddr>>,
}

/// Headers that say where a caller stands.
pub(crate) type Standing = HeaderMap;

impl RateLimits {
    pub(crate) fn new(settings: &RateLimitSettings) -> Self {
        Self { token: buckets(settings.token), team: buckets(settings.team), failures: buckets(settings.failures) }
    }

    /// Counts a failure to sign in, and gives what it is answered with: that there are too many, when there are. A token
    /// that counts is let in all the same, since others may be behind the same address.
    pub(crate) fn failed(&self, why: Problem, address: Option<IpAddr>, now: Instant) -> Problem {
        let taken = self.failures.as_ref().zip(address).map(|(failures, address)| failures.take(one(address), now));
        let Some(Level::Empty(wait)) = taken else { return why };
        let detail = "too many requests from this address were sent without a token that counts; send one that does, or try \
                      again a little later";
        Problem::new(ProblemKind::TooManyRequests, detail).retry_after(wait)
    }

    /// Counts a request of somebody who is signed in, and says where they stand.
    pub(crate) fn admit(&self, caller: &Caller, now: Instant) -> Result<Standing, Problem> {
        let holder = match &caller.credential {
            Credential::ServiceToken { id, .. } => Holder::Service(id.to_string()),
            _ => Holder::Person(caller.person.to_string()),
        };
        let token = self.token.as_ref().map(|buckets| (Counted::Token, buckets.rate(), buckets.take(holder, now)));
        // A token that may not ask takes nothing from its team.
        let refused = token.as_ref().is_some_and(|(.., level)| matches!(level, Level::Empty(_)));
        let team = self.team.as_ref().filter(|_| !refused);
        let team = team.map(|buckets| (Counted::Team, buckets.rate(), buckets.take(caller.team.clone(), now)));
        let all: Vec<_> = token.into_iter().chain(team).collect();
        let standing = standing(&all);
        let empty = all.iter().find_map(|(counted, rate, level)| match level {
            Level::Empty(wait) => Some((counted, rate, *wait)),
            Level::Left(..) => None,
        });
        match empty {
            None => Ok(standing),
            Some((counted, rate, wait)) => Err(too_many(*counted, *rate, wait).with_headers(standing)),
        }
    }
}

/// What is counted, by the name that its policy has.
#[derive(Debug, Clone, Copy)]
enum Counted {
    Token,
    Team,
}

impl Counted {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Team => "team",
        }
    }
}

fn too_many(counted: Counted, rate: Rate, wait: Duration) -> Problem {
    let whose = match counted {
        Counted::Token => "this token",
        Counted::Team => "your team",
    };
    let (burst, seconds) = (rate.burst, seconds(rate.window()));
    let detail = format!(
        "{whose} has asked for more than {burst} in {seconds} s; ask again after `Retry-After`, less often, or follow \
         GET /api/v1/events instead of asking again and again"
    );
    Problem::new(ProblemKind::TooManyRequests, detail).retry_after(wait)
}

fn standing(all: &[(Counted, Rate, Level)]) -> Standing {
    let policy = all
        .iter()
        .map(|(counted, rate, _)| format!("\"{}\";q={};w={}", counted.as_str(), rate.burst, seconds(rate.window())));
    let left = all.iter().map(|(counted, _, level)| match level {
        Level::Left(left, full) => format!("\"{}\";r={left};t={}", counted.as_str(), seconds(*full)),
        Level::Empty(wait) => format!("\"{}\";r=0;t={}", counted.as_str(), seconds(*wait)),
    });
    let headers = [(&RATE_LIMIT_POLICY, policy.collect::<Vec<_>>()), (&RATE_LIMIT, left.collect())];
    let written = |(name, items): (&HeaderName, Vec<String>)| {
        let value = HeaderValue::try_from(items.join(", ")).ok().filter(|value| !value.is_empty())?;
        Some((name.clone(), value))
    };
    headers.into_iter().filter_map(written).collect()
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn buckets<K: std::hash::Hash + Eq>(limit: RateLimit) -> Option<Buckets<K>> {
    let every = Duration::from_secs(60).checked_div(limit.per_minute)?;
    Some(Buckets::new(Rate { every, burst: limit.burst.max(1) }, MOST))
}

/// An address as one that somebody has: of IPv6 everybody has a whole network of 64 bits.
fn one(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}
