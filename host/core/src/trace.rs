//! A place in a trace, as it is handed on: `traceparent` of W3C Trace Context, <https://www.w3.org/TR/trace-context/>.
//!
//! Work that is done later, maybe elsewhere, is a trace of its own and names by this the one that it comes from.

use std::fmt;
use std::str::FromStr;

/// A span of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: u128,
    /// The span.
    pub span: u64,
    /// What else is said of it; the lowest bit is whether it is sampled.
    pub flags: u8,
}

/// It is no `traceparent` of version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not 00-TRACE-SPAN-FLAGS in hexadecimal digits")]
pub struct TraceParentError;

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl FromStr for TraceParent {
    type Err = TraceParentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |from: usize, to: usize| text.get(from..to).ok_or(TraceParentError);
        let trace = u128::from_str_radix(part(3, 35)?, 16).map_err(|_| TraceParentError)?;
        let span = u64::from_str_radix(part(36, 52)?, 16).map_err(|_| TraceParentError)?;
        let flags = u8::from_str_radix(part(53, 55)?, 16).map_err(|_| TraceParentError)?;
        let read = Self { trace, span, flags };
        // Written again it is the same: its dashes are there, its letters small, and nothing is before or after it.
        if read.to_string() == text && trace != 0 && span != 0 { Ok(read) } else { Err(TraceParentError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_specification_shows_is_read_and_written_as_it_is_and_nothing_else_is_read() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(text.parse::<TraceParent>().map(|read| read.to_string()).as_deref(), Ok(text));
        for other in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-011",
        ] {
            assert_eq!(other.parse::<TraceParent>(), Err(TraceParentError), "{other}");
        }
    }
}
