//! What can be listed, and the indexes over it in the order of ids. Migrations make them.

use super::Walked;

/// A table that can be listed.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The table of its tags.
    pub(super) tags: &'static str,
    pub(super) newest_first: bool,
    /// Over everything live, or over everything where nothing ever goes; and over what is gone.
    pub(super) all: &'static str,
    pub(super) all_gone: &'static str,
    /// Over columns. Those over two come before those over one of them, which are not gone any more then.
    pub(super) by_columns: &'static [Index],
    pub(super) by_key: Index,
    pub(super) by_value: Index,
    pub(super) by_team: Index,
}

/// An index over some columns, and after them the id.
pub(super) struct Index {
    pub(super) columns: &'static [&'static str],
    name: &'static str,
    /// The one over what is gone, if there is one.
    gone: Option<&'static str>,
}

impl Index {
    /// Over what is live and, by the same name, over what is gone.
    const fn both(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { columns, name, gone: Some(name) }
    }

    /// Over what is live, and another one over what is gone.
    const fn two(name: &'static str, gone: &'static str, columns: &'static [&'static str]) -> Self {
        Self { columns, name, gone: Some(gone) }
    }

    /// Over what is live.
    const fn live(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { columns, name, gone: None }
    }

    /// The one in which a part is.
    pub(super) const fn of(&self, part: Part) -> Option<&'static str> {
        match part {
            Part::All | Part::Live => Some(self.name),
            Part::Gone => self.gone,
        }
    }
}

/// Which of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All, where nothing ever goes.
    All,
    /// Those that hold their names.
    Live,
    /// The others, which only grow.
    Gone,
}

impl Part {
    /// What is so of its rows, in the words of the indexes: SQLite takes an index over a part only for a query that says so
    /// in the same words.
    pub(super) const fn of_rows(self, walked: Walked) -> &'static str {
        match (self, walked) {
            (Self::Live, Walked::Rows) => " AND way.state NOT IN ('deleted', 'failed')",
            (Self::Gone, Walked::Rows) => " AND way.state IN ('deleted', 'failed')",
            (Self::All, _) | (_, Walked::Tags) => "",
        }
    }

    /// What is so of its rows' tags: their indexes are over all parts, with a column before the id that says which.
    pub(super) fn of_tags(self, walked: Walked) -> Option<(&'static str, String)> {
        match (self, walked) {
            (Self::Live, Walked::Tags) => Some(("gone", "0".to_owned())),
            (Self::Gone, Walked::Tags) => Some(("gone", "1".to_owned())),
            (Self::All, _) | (_, Walked::Rows) => None,
        }
    }
}

pub(super) static RESOURCES: Table = Table {
    name: "resources",
    tags: "resource_tags",
    newest_first: false,
    all: "resources_live",
    all_gone: "resources_gone",
    by_columns: &[
        Index::live("resources_live_team_environment", &["team", "environment"]),
        Index::live("resources_live_team_type", &["team", "type"]),
        Index::both("resources_state", &["state"]),
        Index::two("resources_live_team", "resources_gone_team", &["team"]),
        Index::two("resources_live_namespace", "resources_gone_namespace", &["namespace"]),
        Index::two("resources_live_type", "resources_gone_type", &["type"]),
        Index::two("resources_live_environment", "resources_gone_environment", &["environment"]),
    ],
    by_key: Index::both("resource_tags_key", &["key"]),
    by_value: Index::both("resource_tags_value", &["key", "value"]),
    by_team: Index::both("resource_tags_team", &["team", "key", "value"]),
};

pub(super) static REQUESTS: Table = Table {
    name: "requests",
    tags: "request_tags",
    newest_first: true,
    // SQLite's name for the index of the primary key.
    all: "sqlite_autoindex_requests_1",
    all_gone: "sqlite_autoindex_requests_1",
    by_columns: &[
        Index::both("requests_resource", &["resource_id"]),
        Index::both("requests_team_state", &["team", "state"]),
        Index::both("requests_state", &["state"]),
        Index::both("requests_team", &["team"]),
    ],
    by_key: Index::both("request_tags_key", &["key"]),
    by_value: Index::both("request_tags_value", &["key", "value"]),
    by_team: Index::both("request_tags_team", &["team", "key", "value"]),
};
