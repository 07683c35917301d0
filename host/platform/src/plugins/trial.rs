//! Trying a version on live requests: as a canary, whose answers count for some of them, or as a shadow, whose answers
//! count for none.
//!
//! Which requests a canary gets follows from their team or from what they are about, so a preview, the request after it
//! and a retry meet the same version. What it does is watched against the bounds of its binding, beside what the active
//! version does in the same time.

use std::sync::atomic::{AtomicU64, Ordering};

use macadam_core::digest::Digest;
use macadam_core::limits::Usage;
use macadam_core::names::BindingName;
use semver::Version;

/// A version that gets some of the requests.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Canary {
    /// Which version of the binding's plugin.
    #[schema(value_type = String, example = "1.2.3")]
    pub version: Version,
    /// How many of a hundred.
    pub weight: Weight,
    /// What keeps to one version.
    #[serde(default)]
    pub sticky: Sticky,
    /// When it is taken out again.
    #[serde(default)]
    pub bounds: Bounds,
}

/// A version that is asked beside the active one; nothing that it says counts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Shadow {
    /// Which version of the binding's plugin.
    #[schema(value_type = String, example = "1.2.3")]
    pub version: Version,
}

/// A percentage, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Weight(u8);

impl utoipa::PartialSchema for Weight {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Integer)
            .minimum(Some(0))
            .maximum(Some(100))
            .description(Some("A percentage, 0 to 100."))
            .into()
    }
}

impl utoipa::ToSchema for Weight {}

impl TryFrom<u8> for Weight {
    type Error = String;
    fn try_from(percent: u8) -> Result<Self, String> {
        if percent <= 100 { Ok(Self(percent)) } else { Err(format!("{percent} is no weight; write 0 to 100")) }
    }
}

impl From<Weight> for u8 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

/// What keeps to one version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sticky {
    /// All requests of a team.
    #[default]
    Team,
    /// All requests about one thing, such as one resource.
    Request,
}

/// When a canary is taken out again. One failure is enough unless more are allowed.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bounds {
    /// How many calls may fail: trap, run out of fuel or time, answer nothing that can be used.
    pub failures: u64,
    /// How many calls of both versions it takes before they are compared.
    pub calls: u64,
    /// How many times the active version's mean time it may take.
    pub slower: Option<f64>,
    /// How many more of a hundred requests it may deny.
    pub denials: Option<f64>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { failures: 0, calls: 20, slower: None, denials: None }
    }
}

impl Canary {
    /// Whether a request is the canary's. The binding's name goes in, so that the canaries of two bindings do not meet in
    /// the same requests.
    #[must_use]
    pub fn takes(&self, binding: &BindingName, key: &str) -> bool {
        let digest = Digest::of(format!("{binding}\n{key}").as_bytes());
        let number = digest.as_bytes().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % 100 < u64::from(self.weight.0)
    }
}

/// What one version did while both were watched.
#[derive(Debug, Default)]
struct Tally {
    calls: AtomicU64,
    failures: AtomicU64,
    denials: AtomicU64,
    wall_ns: AtomicU64,
}

impl Tally {
    fn note(&self, usage: &Usage, failed: bool, denied: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(u64::from(failed), Ordering::Relaxed);
        self.denials.fetch_add(u64::from(denied), Ordering::Relaxed);
        self.wall_ns.fetch_add(usage.wall_ns, Ordering::Relaxed);
    }

    fn of(&self, counter: impl Fn(&Self) -> &AtomicU64) -> f64 {
        counter(self).load(Ordering::Relaxed) as f64
    }

    fn share(&self, counter: impl Fn(&Self) -> &AtomicU64) -> f64 {
        self.of(counter) / self.of(|tally| &tally.calls).max(1.0)
    }
}

/// Watches a canary beside the active version, from when the canary began.
#[derive(Debug, Default)]
pub struct Watch {
    active: Tally,
    canary: Tally,
}

impl Watch {
    /// A call of the active version.
    pub fn active(&self, usage: &Usage, failed: bool, denied: bool) {
        self.active.note(usage, failed, denied);
    }

    /// A call of the canary; says why it must go, if it must.
    #[must_use]
    pub fn canary(&self, bounds: &Bounds, usage: &Usage, failed: bool, denied: bool) -> Option<String> {
        self.canary.note(usage, failed, denied);
        let failures = self.canary.of(|tally| &tally.failures);
        if failures > bounds.failures as f64 {
            return Some(format!("{failures} of its calls failed, and {} may", bounds.failures));
        }
        let enough = |tally: &Tally| tally.of(|tally| &tally.calls) >= bounds.calls.max(1) as f64;
        if !enough(&self.active) || !enough(&self.canary) {
            return None;
        }
        let denials = |tally: &Tally| tally.share(|tally| &tally.denials) * 100.0;
        let (denies, denied) = (denials(&self.canary), denials(&self.active));
        if let Some(more) = bounds.denials.filter(|more| denies > denied + more) {
            return Some(format!(
                "it denies {denies:.0} of a hundred, the active version {denied:.0}; {more} more may be"
            ));
        }
        let mean = |tally: &Tally| tally.share(|tally| &tally.wall_ns);
        let slower = mean(&self.canary) / mean(&self.active).max(1.0);
        let bound = bounds.slower.filter(|bound| slower > *bound)?;
        Some(format!("it takes {slower:.1} times as long as the active version, and {bound} times is the bound"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(weight: u8) -> Canary {
        let (version, weight) = (Version::new(1, 0, 0), Weight::try_from(weight).unwrap());
        Canary { version, weight, sticky: Sticky::Request, bounds: Bounds::default() }
    }

    #[test]
    fn a_canary_gets_its_share_and_each_request_always_meets_the_same_version() {
        let binding: BindingName = "gate".parse().unwrap();
        for weight in [0, 1, 20, 50, 99, 100] {
            let canary = canary(weight);
            let taken = (0..10_000).filter(|request| canary.takes(&binding, &request.to_string())).count();
            let expected = usize::from(weight) * 100;
            assert!(taken.abs_diff(expected) < 200, "{weight} of a hundred are {taken} of ten thousand");
            assert_eq!(canary.takes(&binding, "one"), canary.takes(&binding, "one"));
        }
        let other: BindingName = "quota".parse().unwrap();
        let half = canary(50);
        let both = (0..10_000)
            .filter(|request| half.takes(&binding, &request.to_string()) && half.takes(&other, &request.to_string()))
            .count();
        assert!(both.abs_diff(2_500) < 250, "the canaries of two bindings are independent: {both}");
    }

    #[test]
    fn a_canary_goes_for_each_bound_that_it_breaks_and_for_no_other() {
        let usage = |wall_ns| Usage { wall_ns, ..Usage::default() };
        let bounds = Bounds { failures: 1, calls: 10, slower: Some(2.0), denials: Some(10.0) };
        let watch = Watch::default();
        for _ in 0..20 {
            watch.active(&usage(100), false, false);
            assert_eq!(watch.canary(&bounds, &usage(150), false, false), None);
        }
        assert_eq!(watch.canary(&bounds, &usage(150), true, false), None, "one failure is allowed");
        assert!(watch.canary(&bounds, &usage(150), true, false).unwrap().contains("failed"));

        let slow = Watch::default();
        let denying = Watch::default();
        for calls in 1..=10 {
            slow.active(&usage(100), false, false);
            denying.active(&usage(100), false, true);
            let (slow, denies) =
                (slow.canary(&bounds, &usage(201), false, false), denying.canary(&bounds, &usage(100), false, true));
            assert_eq!(slow.is_some(), calls == 10, "nothing is compared before there is enough of it");
            assert_eq!(denies, None, "both deny alike");
        }
        let strict = Watch::default();
        let reasons: Vec<_> = (0..10)
            .filter_map(|call| {
                strict.active(&usage(100), false, false);
                strict.canary(&bounds, &usage(100), false, call % 5 == 0)
            })
            .collect();
        assert!(reasons[0].contains("denies 20 of a hundred"), "{reasons:?}");
    }
}
