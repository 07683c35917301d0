//! How many answers there were of each kind, and those that should not have been.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many complaints are kept with their text; a host that is broken would give as many as there are requests.
const KEPT: usize = 20;

/// The answers, counted by method and status.
#[derive(Debug, Default)]
pub(super) struct Tally {
    answers: Mutex<BTreeMap<(String, u16), u64>>,
    unexpected: AtomicUsize,
    complaints: Mutex<Vec<String>>,
}

impl Tally {
    /// Counts an answer.
    pub(super) fn count(&self, method: &str, status: u16) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry((method.to_owned(), status)).or_default() += 1;
    }

    /// Takes down that something was not as it should be.
    pub(super) fn complain(&self, complaint: String) {
        self.unexpected.fetch_add(1, Ordering::Relaxed);
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if complaints.len() < KEPT {
            complaints.push(complaint);
        }
    }

    /// How often something was not as it should be.
    pub(super) fn unexpected(&self) -> usize {
        self.unexpected.load(Ordering::Relaxed)
    }

    /// Whether it is useless to go on.
    pub(super) fn is_hopeless(&self) -> bool {
        self.unexpected() >= KEPT
    }

    /// What was not as it should be.
    pub(super) fn complaints(&self) -> String {
        let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{} answers were not as they should be:\n{}", self.unexpected(), complaints.join("\n"))
    }

    /// How many answers there were.
    pub(super) fn total(&self) -> u64 {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// The answers as a Markdown table.
    pub(super) fn table(&self) -> String {
        let mut table = String::from("\n| method | status | answers |\n|---|---:|---:|\n");
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for ((method, status), count) in answers.iter() {
            let _ = writeln!(table, "| {method} | {status} | {count} |");
        }
        table
    }
}
