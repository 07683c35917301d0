//! What one call into a plugin may use, and what it used.

use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// The bounds of one call. Each has a default that suits its kind, may be set in the plugin's manifest, and is capped
/// by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Units of work: about one per WebAssembly instruction and one per byte copied in bulk.
    pub fuel: u64,
    /// Wall time from admission to answer, waiting for host calls included, in milliseconds.
    pub deadline_ms: u64,
    /// Linear memory, all of a component's memories together, in bytes.
    pub memory_bytes: u64,
    /// All text and bytes of an answer together, in bytes.
    pub output_bytes: u64,
    /// Log lines that are kept; further ones are counted and dropped.
    pub log_lines: u32,
    /// Calls inside the plugin at once; further ones wait.
    pub concurrency: u32,
}

impl Limits {
    /// What a plugin may use when its manifest says nothing: a decision costs about 20,000 fuel and a 20-file project
    /// about 2 million, so these leave room of two orders of magnitude and still end a loop within a second or so.
    pub const DEFAULT: Self = Self {
        fuel: 200_000_000,
        deadline_ms: 2_000,
        memory_bytes: 16 * MIB,
        output_bytes: MIB,
        log_lines: 100,
        concurrency: 32,
    };

    /// The most that a host gives when its configuration says nothing.
    pub const CAP: Self = Self {
        fuel: 20_000_000_000,
        deadline_ms: 30_000,
        memory_bytes: 256 * MIB,
        output_bytes: 32 * MIB,
        log_lines: 1_000,
        concurrency: 256,
    };

    /// These limits, none above the cap.
    #[must_use]
    pub fn capped(self, cap: &Self) -> Self {
        Self {
            fuel: self.fuel.min(cap.fuel),
            deadline_ms: self.deadline_ms.min(cap.deadline_ms),
            memory_bytes: self.memory_bytes.min(cap.memory_bytes),
            output_bytes: self.output_bytes.min(cap.output_bytes),
            log_lines: self.log_lines.min(cap.log_lines),
            concurrency: self.concurrency.min(cap.concurrency).max(1),
        }
    }

    /// The deadline as a duration.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Limits as a manifest or configuration writes them: each may be left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitOverrides {
    /// See [`Limits::fuel`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// See [`Limits::deadline_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// See [`Limits::memory_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// See [`Limits::output_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// See [`Limits::log_lines`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u32>,
    /// See [`Limits::concurrency`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

impl LimitOverrides {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The base with what is set here in its place.
    #[must_use]
    pub fn over(&self, base: Limits) -> Limits {
        Limits {
            fuel: self.fuel.unwrap_or(base.fuel),
            deadline_ms: self.deadline_ms.unwrap_or(base.deadline_ms),
            memory_bytes: self.memory_bytes.unwrap_or(base.memory_bytes),
            output_bytes: self.output_bytes.unwrap_or(base.output_bytes),
            log_lines: self.log_lines.unwrap_or(base.log_lines),
            concurrency: self.concurrency.unwrap_or(base.concurrency),
        }
    }
}

/// What one call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = CallUsage)]
pub struct Usage {
    /// Fuel that was burned; equal input to an equal component burns equal fuel.
    pub fuel: u64,
    /// Wall time in nanoseconds, waiting for admission not included.
    pub wall_ns: u64,
    /// The most linear memory at any time, in bytes.
    pub peak_memory: u64,
    /// Text and bytes of the answer.
    pub output_bytes: u64,
    /// Log lines kept.
    pub log_lines: u32,
    /// Log lines dropped.
    pub log_dropped: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_cannot_raise_a_limit_above_the_hosts_cap() {
        let greedy = LimitOverrides { fuel: Some(u64::MAX), concurrency: Some(u32::MAX), ..Default::default() };
        let limits = greedy.over(Limits::DEFAULT).capped(&Limits::CAP);
        assert_eq!((limits.fuel, limits.concurrency), (Limits::CAP.fuel, Limits::CAP.concurrency));
        assert_eq!(limits.memory_bytes, Limits::DEFAULT.memory_bytes, "what is not set keeps its default");
    }
}
