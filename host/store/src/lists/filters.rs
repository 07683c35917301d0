//! From what somebody asks for to the ways that lead there.

use std::collections::BTreeSet;

use macadam_core::selector::{Is, Requirement, Selector};

use super::tables::{Index, Part, Table};
use super::{List, Stretch, Test, Walked, Way};

/// How many stretches of all ways may be looked at for a list: enough for a tag with as many values as a selector may name,
/// of what is live and of what is gone. Beyond, such as in more teams, rows are gone through without an index.
const STRETCHES: usize = 128;

/// How long a query by a way may be, in values: SQLite has all of them in each stretch.
const WORDS: usize = 16_384;

/// Where in an index something is.
type Place = Vec<(&'static str, String)>;

/// What somebody asks for, as it is being put together.
pub(super) struct Filters {
    table: &'static Table,
    parts: &'static [Part],
    values: Vec<String>,
    tests: Vec<Test>,
    /// Whether no row can pass.
    nothing: bool,
}

impl Filters {
    /// Everything in some parts of a table, from where a page begins.
    pub(super) fn new(table: &'static Table, parts: &'static [Part], after: Option<String>) -> Self {
        // Before or after every id, so that a first page is asked for in the same words as others.
        let start = if table.newest_first { "g" } else { "" };
        let values = vec![after.unwrap_or_else(|| start.to_owned())];
        Self { table, parts, values, tests: Vec::new(), nothing: false }
    }

    /// Narrows it to one of some values in a column, if there is something to narrow it to.
    pub(super) fn column(&mut self, name: &'static str, any_of: Option<Vec<String>>) {
        let Some(any_of) = any_of else { return };
        self.nothing |= any_of.is_empty();
        let any_of = self.bind_all(any_of);
        self.tests.push(Test::Column { name, any_of });
    }

    /// Narrows it to what a selector takes.
    pub(super) fn tags(&mut self, selector: &Selector) {
        for Requirement { key, is } in selector.requirements() {
            let key = self.bind(key.clone());
            let is = match is {
                Is::There => Is::There,
                Is::Absent => Is::Absent,
                Is::OneOf(values) => Is::OneOf(self.bind_all(values.clone())),
                Is::NoneOf(values) => Is::NoneOf(self.bind_all(values.clone())),
            };
            self.tests.push(Test::Tag(Requirement { key, is }));
        }
    }

    /// The list, or nothing when no row can pass.
    pub(super) fn list(self) -> Option<List> {
        if self.nothing {
            return None;
        }
        let by_tags: Vec<Way> = (0..).zip(&self.tests).filter_map(|(number, test)| self.by_tag(number, test)).collect();
        let mut ways = narrowest(self.by_columns(&by_tags).into_iter().chain(by_tags).collect());
        let first = ways.next().unwrap_or_else(|| self.through_all());
        let others = ways.collect();
        Some(List { table: self.table, values: self.values, tests: self.tests, first, others })
    }

    /// Takes a value, and gives what stands for it.
    fn bind(&mut self, value: String) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// Takes values, each once: a stretch must not be gone twice.
    fn bind_all(&mut self, values: Vec<String>) -> Vec<String> {
        let distinct: BTreeSet<String> = values.into_iter().collect();
        distinct.into_iter().map(|value| self.bind(value)).collect()
    }

    /// The test of a column, by its number, with what stands for the values.
    fn test_of(&self, column: &str) -> Option<(usize, &[String])> {
        let mut tests = (0..).zip(&self.tests);
        tests.find_map(|(number, test)| match test {
            Test::Column { name, any_of } if *name == column => Some((number, any_of.as_slice())),
            _ => None,
        })
    }

    /// The ways by columns, but for those that meet everything that another one meets.
    fn by_columns(&self, by_tags: &[Way]) -> Vec<Way> {
        let mut covered: Vec<Vec<usize>> = by_tags.iter().map(|way| way.covers.clone()).collect();
        let mut ways = Vec::new();
        for index in self.table.by_columns {
            let Some(way) = self.by(index) else { continue };
            let less = |other: &Vec<usize>| way.covers.iter().all(|test| other.contains(test));
            if !covered.iter().any(less) {
                covered.push(way.covers.clone());
                ways.push(way);
            }
        }
        ways
    }

    fn by(&self, index: &Index) -> Option<Way> {
        let tests = index.columns.iter().map(|column| self.test_of(column)).collect::<Option<Vec<_>>>()?;
        let (covers, values): (Vec<usize>, Vec<&[String]>) = tests.into_iter().unzip();
        self.way(Walked::Rows, index, &values, covers)
    }

    /// The way by a tag that has to be there. With teams it is the way by both, since what one team has is rarely what
    /// all others have.
    fn by_tag(&self, number: usize, test: &Test) -> Option<Way> {
        let Test::Tag(Requirement { key, is }) = test else { return None };
        let key = std::slice::from_ref(key);
        match is {
            Is::There => self.way(Walked::Tags, &self.table.by_key, &[key], vec![number]),
            Is::OneOf(values) => {
                let by_team = self.test_of("team").and_then(|(team, teams)| {
                    self.way(Walked::Tags, &self.table.by_team, &[teams, key, values], vec![number, team])
                });
                by_team.or_else(|| self.way(Walked::Tags, &self.table.by_value, &[key, values], vec![number]))
            }
            Is::Absent | Is::NoneOf(_) => None,
        }
    }

    /// The way by an index, for each combination of values of its columns; nothing when those are too many.
    fn way(&self, walked: Walked, index: &Index, values: &[&[String]], covers: Vec<usize>) -> Option<Way> {
        let count = values.iter().fold(self.parts.len(), |count, values| count.saturating_mul(values.len()));
        if count > STRETCHES || count.saturating_mul(self.values.len()) > WORDS {
            return None;
        }
        let mut places = vec![Vec::new()];
        for (column, values) in index.columns.iter().zip(values) {
            let and = |before: &Place, value: &String| [before.as_slice(), &[(*column, value.clone())]].concat();
            let all = |before: &Place| values.iter().map(|value| and(before, value)).collect::<Vec<_>>();
            places = places.iter().flat_map(all).collect();
        }
        let mut stretches = Vec::new();
        for part in self.parts {
            let (index, of_tags, of_rows) = (index.of(*part)?, part.of_tags(walked), part.of_rows(walked));
            let places = places.iter().map(|place| place.iter().cloned().chain(of_tags.clone()).collect());
            stretches.extend(places.map(|place| Stretch { walked, index, place, part: of_rows }));
        }
        Some(Way { stretches, covers })
    }

    /// The way through everything, when no filter has one.
    fn through_all(&self) -> Way {
        let stretches = self.parts.iter().map(|part| Stretch {
            walked: Walked::Rows,
            index: if *part == Part::Gone { self.table.all_gone } else { self.table.all },
            place: Vec::new(),
            part: part.of_rows(Walked::Rows),
        });
        Way { stretches: stretches.collect(), covers: Vec::new() }
    }
}

/// As many ways as may be looked at together, those first that are the least work.
fn narrowest(mut ways: Vec<Way>) -> impl Iterator<Item = Way> {
    ways.sort_by_key(|way| way.stretches.len());
    let mut stretches = 0;
    ways.into_iter().take_while(move |way| {
        stretches += way.stretches.len();
        stretches <= STRETCHES
    })
}
