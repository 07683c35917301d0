//! From ways to SQL.
//!
//! Which index is gone, and that rows come in its order without being sorted, is not left to the databases' planners. SQLite
//! is told (`INDEXED BY`, `CROSS JOIN`). PostgreSQL cannot be told, and is asked for an order that only the right index has: by
//! the index's first column and by id. That this column has one value must not be said with `=`, since what is equal needs
//! no order, and then any index in the order of ids would do; so it is said to be any of one. What else a row has to pass
//! stands behind `OFFSET 0`, where it cannot be made a part of anything else.

use std::fmt::Display;

use macadam_core::selector::{Is, Requirement};

use super::{FAR, List, Stretch, Test, Walked, Way};

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl List {
    /// Asks where each way is after [`FAR`] steps, in a column each; nothing when there is but one.
    pub(crate) fn probe(&self, dialect: Dialect) -> Option<String> {
        if self.others.is_empty() {
            return None;
        }
        let ends: Vec<String> = self.ways().map(|way| format!("({})", self.end(dialect, way))).collect();
        Some(format!("SELECT {}", ends.join(", ")))
    }

    fn end(&self, dialect: Dialect, way: &Way) -> String {
        let order = self.order();
        let last = format!("ORDER BY id{order} LIMIT 1 OFFSET {FAR}");
        match dialect {
            Dialect::Sqlite => {
                let ids = way.stretches.iter().map(|stretch| {
                    let (walked, indexed_by) = (self.walked(stretch), indexed_by(stretch));
                    let (after, condition) = (self.after(), equal(stretch));
                    format!("SELECT way.id FROM {walked} AS way{indexed_by} WHERE {after}{condition}")
                });
                format!("{} {last}", union(ids))
            }
            Dialect::Postgres => format!("SELECT id FROM ({}) AS ways {last}", self.first(way, FAR + 1, "")),
        }
    }

    /// Asks for a page by a way.
    pub(crate) fn page(&self, dialect: Dialect, way: &Way, limit: u32) -> String {
        match dialect {
            Dialect::Sqlite => self.page_of_sqlite(way, limit),
            Dialect::Postgres => self.page_of_postgres(way, limit),
        }
    }

    fn page_of_sqlite(&self, way: &Way, limit: u32) -> String {
        let (after, rows) = (self.after(), self.table.name);
        let stretches = way.stretches.iter().map(|stretch| {
            let (walked, indexed_by, condition) = (self.walked(stretch), indexed_by(stretch), equal(stretch));
            let (columns, join, row) = match stretch.walked {
                Walked::Rows => ("way.*", String::new(), "way"),
                Walked::Tags => ("r.*", format!(" CROSS JOIN {rows} AS r ON r.id = way.id"), "r"),
            };
            let rest = self.rest(Dialect::Sqlite, way, row);
            format!(
                "SELECT way.id AS at, {columns} FROM {walked} AS way{indexed_by}{join} WHERE {after}{condition}{rest}"
            )
        });
        format!("{} ORDER BY at{} LIMIT {limit}", union(stretches), self.order())
    }

    /// The limit is written out, and in each part of the query: a planner that does not know it expects a tenth of
    /// everything to be wanted, or all of it, and then rather sorts.
    fn page_of_postgres(&self, way: &Way, limit: u32) -> String {
        let (order, rows, rest) = (self.order(), self.table.name, self.rest(Dialect::Postgres, way, "r"));
        if let ([stretch], "") = (way.stretches.as_slice(), rest.as_str())
            && stretch.walked == Walked::Rows
        {
            let (within, by) = self.range(stretch);
            return format!("SELECT * FROM {rows} AS way WHERE {within} ORDER BY {by} LIMIT {limit}");
        }
        let looked_at =
            format!(" CROSS JOIN LATERAL (SELECT 1 FROM {rows} AS r WHERE r.id = way.id{rest} OFFSET 0) AS r");
        let ids = self.first(way, limit, if rest.is_empty() { "" } else { &looked_at });
        format!(
            "SELECT r.* FROM (SELECT id FROM ({ids}) AS ways ORDER BY id{order} LIMIT {limit}) AS way
             CROSS JOIN LATERAL (SELECT * FROM {rows} AS r WHERE r.id = way.id OFFSET 0) AS r
             ORDER BY way.id{order}"
        )
    }

    /// The first ids of each stretch that pass what is looked at beside it.
    fn first(&self, way: &Way, limit: impl Display, looked_at: &str) -> String {
        union(way.stretches.iter().map(|stretch| {
            let ((within, by), walked) = (self.range(stretch), self.walked(stretch));
            format!("(SELECT way.id FROM {walked} AS way{looked_at} WHERE {within} ORDER BY {by} LIMIT {limit})")
        }))
    }

    /// A stretch as its rows have to be, and the order of its index.
    fn range(&self, stretch: &Stretch) -> (String, String) {
        let (after, order, part) = (self.after(), self.order(), stretch.part);
        let Some(((first, value), others)) = stretch.place.split_first() else {
            return (format!("{after}{part}"), format!("way.id{order}"));
        };
        let others: String = others.iter().map(|(column, value)| format!(" AND way.{column} = {value}")).collect();
        let within = format!("way.{first} = ANY (ARRAY[{value}]){others} AND {after}{part}");
        (within, format!("way.{first}{order}, way.id{order}"))
    }

    /// What a way leaves to be looked at on each row.
    fn rest(&self, dialect: Dialect, way: &Way, row: &str) -> String {
        let left = (0..).zip(&self.tests).filter(|(number, _)| !way.covers.contains(number));
        left.map(|(_, test)| format!(" AND {}", self.test(dialect, test, row))).collect()
    }

    fn test(&self, dialect: Dialect, test: &Test, row: &str) -> String {
        let Requirement { key, is } = match test {
            Test::Column { name, any_of } => return format!("{row}.{name} IN ({})", any_of.join(", ")),
            Test::Tag(requirement) => requirement,
        };
        let tags = self.table.tags;
        // With the key beside it, PostgreSQL may take the index over keys, and go through all that have one for each row.
        let of_row = match dialect {
            Dialect::Sqlite => format!("{tags} AS tag WHERE tag.id = {row}.id AND"),
            Dialect::Postgres => {
                format!("(SELECT key, value FROM {tags} AS tag WHERE tag.id = {row}.id OFFSET 0) AS tag WHERE")
            }
        };
        let value = format!("(SELECT tag.value FROM {of_row} tag.key = {key})");
        match is {
            Is::There => format!("{value} IS NOT NULL"),
            Is::Absent => format!("{value} IS NULL"),
            Is::OneOf(values) => format!("{value} IN ({})", values.join(", ")),
            Is::NoneOf(values) => format!("COALESCE({value} NOT IN ({}), TRUE)", values.join(", ")),
        }
    }

    fn walked(&self, stretch: &Stretch) -> &'static str {
        match stretch.walked {
            Walked::Rows => self.table.name,
            Walked::Tags => self.table.tags,
        }
    }

    fn after(&self) -> &'static str {
        if self.table.newest_first { "way.id < $1" } else { "way.id > $1" }
    }

    fn order(&self) -> &'static str {
        if self.table.newest_first { " DESC" } else { "" }
    }
}

/// A stretch as what its rows have.
fn equal(stretch: &Stretch) -> String {
    let equal = stretch.place.iter().map(|(column, value)| format!(" AND way.{column} = {value}"));
    equal.chain([stretch.part.to_owned()]).collect()
}

/// With what SQLite is told which index to take. It refuses a query for which that index is no good.
fn indexed_by(stretch: &Stretch) -> String {
    format!(" INDEXED BY {}", stretch.index)
}

fn union(queries: impl Iterator<Item = String>) -> String {
    queries.collect::<Vec<_>>().join(" UNION ALL ")
}
