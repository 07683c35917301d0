//! Label selectors on PostgreSQL.

use macadam_core::selector::{Is, Requirement, Selector};
use sqlx::{Postgres, QueryBuilder};

/// Narrows a query to what a selector takes. `tags` is what gives the tags as `json`, or nothing.
pub(super) fn narrow(query: &mut QueryBuilder<Postgres>, selector: &Selector, tags: &'static str) {
    for Requirement { key, is } in selector.requirements() {
        query.push(" AND COALESCE((").push(tags).push(" ->> ").push_bind(key.clone());
        let (test, when_absent) = match is {
            Is::There => (" IS NOT NULL", "FALSE"),
            Is::Absent => (" IS NULL", "TRUE"),
            Is::OneOf(_) => (" = ANY(", "FALSE"),
            Is::NoneOf(_) => (" <> ALL(", "TRUE"),
        };
        query.push(")").push(test);
        if let Is::OneOf(values) | Is::NoneOf(values) = is {
            query.push_bind(values.clone()).push(")");
        }
        query.push(", ").push(when_absent).push(")");
    }
}
