//! `log`: lines for the people who run the host, bounded in number and length. It never waits, so it is not async.

use crate::call::CallState;
use crate::clients::v0_1::bindings::macadam::plugin::log::{Host, Level};

/// What a line may have, in bytes. A line is one thought; longer ones are cut at a character.
const MAX_LINE: usize = 2_048;

/// How many lines a call may still write.
#[derive(Debug)]
pub(crate) struct LogBudget {
    left: u32,
    kept: u32,
    dropped: u32,
}

impl LogBudget {
    pub(crate) fn new(lines: u32) -> Self {
        Self { left: lines, kept: 0, dropped: 0 }
    }

    pub(crate) fn kept(&self) -> u32 {
        self.kept
    }

    pub(crate) fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Takes one line's place; counts the line as dropped when there is none.
    pub(crate) fn take(&mut self) -> bool {
        if self.left == 0 {
            self.dropped = self.dropped.saturating_add(1);
            return false;
        }
        self.left -= 1;
        self.kept += 1;
        true
    }
}

impl Host for CallState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        if self.log.take() {
            let (plugin, line) = (&self.plugin.identity, clean(&message));
            match level {
                Level::Debug => tracing::debug!(target: "macadam::plugin", %plugin, "{line}"),
                Level::Info => tracing::info!(target: "macadam::plugin", %plugin, "{line}"),
                Level::Warn => tracing::warn!(target: "macadam::plugin", %plugin, "{line}"),
                Level::Error => tracing::error!(target: "macadam::plugin", %plugin, "{line}"),
            }
        }
        Ok(())
    }
}

/// Cuts a line to length and takes out what would forge further lines or steer a terminal.
pub(crate) fn clean(message: &str) -> String {
    let mut end = message.len().min(MAX_LINE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let kept = message.get(..end).unwrap_or_default();
    kept.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_forge_another_and_has_an_end() {
        assert_eq!(clean("a\nERROR forged\u{1b}[2J"), "a ERROR forged [2J");
        let long = "é".repeat(MAX_LINE);
        assert!(clean(&long).len() <= MAX_LINE && !clean(&long).is_empty());
    }

    #[test]
    fn lines_beyond_the_limit_are_counted_not_kept() {
        let mut budget = LogBudget::new(2);
        let kept = (0..5).filter(|_| budget.take()).count();
        assert_eq!((kept, budget.kept(), budget.dropped()), (2, 2, 3));
    }
}
