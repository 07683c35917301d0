//! Label selectors on SQLite.

use macadam_core::selector::{Is, Requirement, Selector};
use sqlx::{QueryBuilder, Sqlite};

/// Narrows a query to what a selector takes. `tags` is what gives the tags as JSON, or nothing.
pub(super) fn narrow(query: &mut QueryBuilder<Sqlite>, selector: &Selector, tags: &'static str) {
    for Requirement { key, is } in selector.requirements() {
        let not = matches!(is, Is::Absent | Is::NoneOf(_));
        query.push(if not { " AND NOT EXISTS" } else { " AND EXISTS" });
        query.push(" (SELECT 1 FROM json_each(COALESCE(").push(tags).push(", '{}')) AS tag WHERE tag.key = ");
        query.push_bind(key.clone());
        if let Is::OneOf(values) | Is::NoneOf(values) = is {
            let mut list = query.push(" AND tag.value IN (").separated(", ");
            for value in values {
                list.push_bind(value.clone());
            }
            query.push(")");
        }
        query.push(")");
    }
}
