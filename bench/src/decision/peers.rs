//! Other policy engines, in a program of their own that takes orders: so nobody who builds Macadam builds them too.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context as _;
use macadam_core::verdict::Verdict;
use serde_json::json;

use crate::race::Contender;
use crate::rule::{self, SETTINGS};

/// What it measures.
pub(super) const NAMES: [&str; 4] =
    ["decision/regorus", "decision/regorus-parsed", "decision/regorus-interpreter", "decision/cedar"];

/// The program, which has checked that its engines decide as the rule does.
pub(super) struct Peers {
    talk: RefCell<Talk>,
    child: RefCell<Child>,
}

struct Talk {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peers {
    /// Starts it on the document that is decided. It runs on the same core.
    pub(super) fn start(program: &Path, document: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let (orders, answers) = (child.stdin.take().context("its input")?, child.stdout.take().context("its output")?);
        let mut talk = Talk { orders, answers: BufReader::new(answers).lines() };
        let checks = super::cases().into_iter().map(|context| {
            let document = serde_json::to_string(&context)?;
            let passes = rule::by_value(&document, SETTINGS)? == Verdict::Allow;
            Ok((document, passes))
        });
        let checks = checks.collect::<anyhow::Result<Vec<_>>>()?;
        talk.say(&json!({"document": document, "settings": SETTINGS, "checks": checks}))?;
        talk.hear::<Vec<String>>().context("the other engines do not decide as the rule does")?;
        Ok(Self { talk: RefCell::new(talk), child: RefCell::new(child) })
    }

    /// Each engine.
    pub(super) fn contenders(&self) -> impl Iterator<Item = (&'static str, Peer<'_>)> {
        NAMES.into_iter().map(|name| (name, Peer { name, peers: self }))
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let mut child = self.child.borrow_mut();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Talk {
    fn say(&mut self, words: &serde_json::Value) -> anyhow::Result<()> {
        writeln!(self.orders, "{words}")?;
        Ok(self.orders.flush()?)
    }

    fn hear<T: serde::de::DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let line = self.answers.next().context("the program has ended")??;
        Ok(serde_json::from_str(&line)?)
    }
}

/// One engine.
pub(super) struct Peer<'a> {
    name: &'static str,
    peers: &'a Peers,
}

impl Contender for Peer<'_> {
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()> {
        let mut talk = self.peers.talk.borrow_mut();
        talk.say(&json!({"run": self.name, "calls": calls}))?;
        into.extend(talk.hear::<Vec<u64>>()?);
        Ok(())
    }
}
