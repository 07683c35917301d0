//! From ways to SQL.
//!
//! Which index is gone, and that rows come in its order without being sorted, is not left to the databases' planners. SQLite
//! is told (`INDEXED BY`, `CROSS JOIN`). PostgreSQL is given a query in which only one plan is any good: ids in their order
//! come out of the index, and what else a row has to pass stands behind `OFFSET 0`, where it cannot be made a part of
//! anything else and leaves the planner's guess of how many pass out of it.

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
                let ids = way.stretches.iter().map(|stretch| self.ids(stretch, &indexed_by(stretch)));
                format!("{} {last}", union(ids))
            }
            Dialect::Postgres => {
                let enough = format!(" ORDER BY way.id{order} LIMIT {}", FAR + 1);
                let ids = way.stretches.iter().map(|stretch| format!("({}{enough})", self.ids(stretch, "")));
                format!("SELECT id FROM ({}) AS ways {last}", union(ids))
            }
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
            let (walked, indexed_by, condition) = (self.walked(stretch), indexed_by(stretch), &stretch.condition);
            let (columns, join, row) = match stretch.walked {
                Walked::Rows => ("way.*", String::new(), "way"),
                Walked::Tags => ("r.*", format!(" CROSS JOIN {rows} AS r ON r.id = way.id"), "r"),
            };
            let rest = self.rest(way, row);
            format!(
                "SELECT way.id AS at, {columns} FROM {walked} AS way{indexed_by}{join} WHERE {after}{condition}{rest}"
            )
        });
        format!("{} ORDER BY at{} LIMIT {limit}", union(stretches), self.order())
    }

    /// The limit is written out: a planner that does not know it expects a tenth of everything to be wanted.
    fn page_of_postgres(&self, way: &Way, limit: u32) -> String {
        let (order, rows, rest) = (self.order(), self.table.name, self.rest(way, "r"));
        if let ([stretch], "") = (way.stretches.as_slice(), rest.as_str())
            && stretch.walked == Walked::Rows
        {
            let (after, condition) = (self.after(), &stretch.condition);
            return format!(
                "SELECT * FROM {rows} AS way WHERE {after}{condition} ORDER BY way.id{order} LIMIT {limit}"
            );
        }
        // Each stretch says its order by itself, or it would have none when they are merged.
        let ids = way.stretches.iter().map(|stretch| format!("({} ORDER BY way.id{order})", self.ids(stretch, "")));
        format!(
            "SELECT r.* FROM ({}) AS way
             CROSS JOIN LATERAL (SELECT * FROM {rows} AS r WHERE r.id = way.id{rest} OFFSET 0) AS r
             ORDER BY way.id{order} LIMIT {limit}",
            union(ids)
        )
    }

    /// The ids of a stretch.
    fn ids(&self, stretch: &Stretch, indexed_by: &str) -> String {
        let (walked, after, condition) = (self.walked(stretch), self.after(), &stretch.condition);
        format!("SELECT way.id FROM {walked} AS way{indexed_by} WHERE {after}{condition}")
    }

    /// What a way leaves to be looked at on each row.
    fn rest(&self, way: &Way, row: &str) -> String {
        let left = (0..).zip(&self.tests).filter(|(number, _)| !way.covers.contains(number));
        left.map(|(_, test)| format!(" AND {}", self.test(test, row))).collect()
    }

    fn test(&self, test: &Test, row: &str) -> String {
        let Requirement { key, is } = match test {
            Test::Column { name, any_of } => return format!("{row}.{name} IN ({})", any_of.join(", ")),
            Test::Tag(requirement) => requirement,
        };
        let tags = self.table.tags;
        let value = format!("(SELECT tag.value FROM {tags} AS tag WHERE tag.id = {row}.id AND tag.key = {key})");
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

/// With what SQLite is told which index to take. It refuses a query for which that index is no good.
fn indexed_by(stretch: &Stretch) -> String {
    format!(" INDEXED BY {}", stretch.index)
}

fn union(queries: impl Iterator<Item = String>) -> String {
    queries.collect::<Vec<_>>().join(" UNION ALL ")
}
