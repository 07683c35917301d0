//! What the figures should be.

use std::fmt::Write as _;

use crate::figures::{Report, short};

/// A goal: a figure, or its ratio to another, and the bound that it should keep.
struct Goal {
    what: &'static str,
    figure: &'static str,
    over: Option<&'static str>,
    bound: Bound,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

use Bound::{AtLeast, AtMost, Below};

const GOALS: [Goal; 17] = [
    goal("fresh decision over the native rule", "decision/fresh", Some("decision/native"), AtMost(3.0)),
    goal("fresh decision over regorus' hot machine", "decision/fresh", Some("decision/regorus"), AtMost(0.3)),
    goal("stock Rust guest over the native rule", "decision/fresh-stock", Some("decision/native"), AtMost(5.0)),
    goal("two threads over one", "decision/threads-2", Some("decision/threads-1"), AtLeast(1.8)),
    goal("p99 beside three loops over alone", "decision/p99-beside-loops", Some("decision/p99-alone"), AtMost(2.0)),
    goal("HTTP decision over the native rule", "http/decision", Some("http/native"), AtLeast(0.6)),
    goal("scaffold over native", "scaffold/sandbox", Some("scaffold/native"), AtMost(2.0)),
    goal("load of a compiled plugin, µs", "plugin/load", None, Below(100.0)),
    goal("anonymous memory of an idle plugin, KiB", "plugin/idle", None, AtMost(48.0)),
    goal("load of 1,000 plugins, s", "plugin/load-1000", None, Below(0.5)),
    goal("server ready, ms", "server/ready", None, Below(300.0)),
    goal("server's memory once ready, MiB", "server/memory", None, Below(64.0)),
    goal("HTTP preview over the native rule", "http/preview", Some("http/native"), AtLeast(0.6)),
    goal("SQLite: requests over commits", "store/sqlite-submit", Some("store/sqlite-commit"), AtLeast(0.5)),
    goal("PostgreSQL: requests over commits", "store/postgres-submit", Some("store/postgres-commit"), AtLeast(0.5)),
    goal("SQLite: any list over 100,000 resources to 1,000", "store/sqlite-list-growth", None, AtMost(2.0)),
    goal("PostgreSQL: any list over 100,000 resources to 1,000", "store/postgres-list-growth", None, AtMost(2.0)),
];

const fn goal(what: &'static str, figure: &'static str, over: Option<&'static str>, bound: Bound) -> Goal {
    Goal { what, figure, over, bound }
}

impl Goal {
    fn measured(&self, report: &Report) -> Option<f64> {
        let value = report.value(self.figure)?;
        match self.over {
            None => Some(value),
            Some(other) => Some(value / report.value(other)?),
        }
    }
}

impl Bound {
    fn is_kept(&self, value: f64) -> bool {
        match *self {
            AtMost(bound) => value <= bound,
            AtLeast(bound) => value >= bound,
            Below(bound) => value < bound,
        }
    }

    fn text(&self) -> String {
        match *self {
            AtMost(bound) => format!("≤ {bound}"),
            AtLeast(bound) => format!("≥ {bound}"),
            Below(bound) => format!("< {bound}"),
        }
    }
}

/// The goals that have something measured, as a Markdown table.
pub(crate) fn table(report: &Report) -> String {
    let mut table = String::from("\n| goal | bound | measured | met |\n|---|---:|---:|---|\n");
    for goal in &GOALS {
        let Some(value) = goal.measured(report) else { continue };
        let met = if goal.bound.is_kept(value) { "yes" } else { "**no**" };
        let _ = writeln!(table, "| {} | {} | {} | {met} |", goal.what, goal.bound.text(), short(value));
    }
    table
}
