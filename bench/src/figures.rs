//! The figures: what was measured, what it is compared with, and why something could not be measured.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    /// Group and contender, such as `decision/fresh`.
    pub(crate) name: String,
    /// The median; none when it was not measured.
    pub(crate) value: Option<f64>,
    /// What the value counts.
    pub(crate) unit: &'static str,
    /// The figure that it is compared with.
    pub(crate) ratio_to: Option<&'static str>,
    /// This value over the other's.
    pub(crate) ratio: Option<f64>,
}

/// All figures of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) figures: Vec<Figure>,
    #[serde(skip)]
    notes: Vec<String>,
}

impl Report {
    /// Takes up a figure. What it is compared with must be there already.
    pub(crate) fn add(&mut self, name: &str, value: f64, unit: &'static str, ratio_to: Option<&'static str>) {
        let ratio = ratio_to.and_then(|other| self.value(other)).map(|other| value / other);
        self.figures.push(Figure { name: name.to_owned(), value: Some(value), unit, ratio_to, ratio });
    }

    /// Says that something was not measured, and why.
    pub(crate) fn skip(&mut self, name: &str, unit: &'static str, ratio_to: Option<&'static str>, why: &str) {
        self.figures.push(Figure { name: name.to_owned(), value: None, unit, ratio_to, ratio: None });
        self.note(format!("{name} was not measured: {why}"));
    }

    /// Adds a line below the table.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// A figure's value, if it was measured.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name)?.value
    }

    /// The figures as a Markdown table, ratios first.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from("\n| figure | ratio | to | value |\n|---|---:|---|---:|\n");
        for figure in &self.figures {
            let ratio = figure.ratio.map(|ratio| format!("{}x", short(ratio))).unwrap_or_default();
            let value = figure.value.map(|value| format!("{} {}", short(value), figure.unit));
            let value = value.unwrap_or_else(|| "not measured".to_owned());
            let _ =
                writeln!(table, "| {} | {ratio} | {} | {value} |", figure.name, figure.ratio_to.unwrap_or_default());
        }
        for note in &self.notes {
            let _ = write!(table, "\n{note}");
        }
        table
    }
}

/// A number with three digits that count.
pub(crate) fn short(number: f64) -> String {
    let digits = match number.abs() {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        _ => 2,
    };
    format!("{number:.digits$}")
}

/// Prints a line. A reader that has gone away is no error of ours.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_was_not_measured_is_there_with_no_value() {
        let mut report = Report::default();
        report.add("decision/native", 2.0, "µs", None);
        report.add("decision/fresh", 5.0, "µs", Some("decision/native"));
        report.skip("decision/foreign", "µs", Some("decision/native"), "it is not built");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["figures"][1]["ratio"], 2.5);
        assert_eq!(json["figures"][2]["value"], serde_json::Value::Null, "a reader sees that nothing was measured");
        assert!(report.table().contains("it is not built"), "and people see why");
    }
}
