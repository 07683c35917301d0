//! Lists of resources and of requests: by which index they are gone through, and in which words that is said to a database.
//!
//! A page begins after an id and is full after so many rows. What it costs is how many rows have to be looked at until then.
//! So each filter has an index in the order of ids (migration 21), which is one *way* to go: whoever goes it meets only what
//! passes that filter, checks the others on each row, and stops when the page is full. A list with one filter, or with none,
//! costs what its page costs, however much there is.
//!
//! With several filters there are several ways, and the one that meets the fewest is to be gone. No statistics are asked which
//! one that is: SQLite has none, and PostgreSQL's are of yesterday. Each way is gone for [`FAR`] steps instead, in the
//! index alone and from where the page begins, and the one that has come furthest by then is the sparsest; one that has come
//! to its end has few rows at all. Whatever few have is found by looking at few.
//!
//! A filter by several values, such as teams, is several *stretches* of an index, each in the order of ids. SQLite merges them
//! as it goes, and PostgreSQL takes a page of each. What is gone and what is live are stretches of their own too.
//!
//! What remains slow is what many rows pass each filter of and few pass all, unless the filters are a pair that has an index
//! (such as a team's resources with a tag), what is narrowed only by what a tag is *not*, and what has more values than are
//! worth a way each: there, rows are looked at until the page is full.
//!
//! | module | what it holds |
//! |---|---|
//! | [`tables`] | what can be listed, and the indexes over it |
//! | [`filters`] | from what somebody asks for to ways |
//! | [`sql`] | from ways to SQL, for both databases |

#[cfg(test)]
pub(crate) mod every;
mod filters;
mod sql;
mod tables;

use macadam_core::lifecycle::ResourceState;
use macadam_core::names::TeamId;
use macadam_core::selector::Requirement;

pub(crate) use sql::Dialect;

use crate::{PageRequest, RequestFilter, RequestId, ResourceFilter, ResourceId};
use filters::Filters;
use tables::{Part, REQUESTS, RESOURCES, Table};

/// How many steps of each way are looked at before one is gone. It costs some ten microseconds for each stretch of one, and rows
/// that as few or fewer have are found by looking at no more than that.
const FAR: usize = 256;

/// A list that somebody asks for: what its rows have to pass, and the ways that lead through them.
pub(crate) struct List {
    table: &'static Table,
    /// What stands for `$1` and those that follow. The first is where the page begins.
    values: Vec<String>,
    tests: Vec<Test>,
    first: Way,
    others: Vec<Way>,
}

/// What a row has to pass, with what stands for its values.
enum Test {
    /// A column has one of some values.
    Column { name: &'static str, any_of: Vec<String> },
    /// A tag is as it has to be.
    Tag(Requirement),
}

/// A way through the rows in the order of their ids.
pub(crate) struct Way {
    stretches: Vec<Stretch>,
    /// The tests that everything on it passes, by their numbers.
    covers: Vec<usize>,
}

/// A part of an index in which rows are in the order of their ids.
struct Stretch {
    walked: Walked,
    index: &'static str,
    /// Where in the index it is: the columns before the id, with what each is.
    place: Vec<(&'static str, String)>,
    /// What makes the index one over a part, as a condition that begins with ` AND `.
    part: &'static str,
}

/// What is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walked {
    /// The rows themselves.
    Rows,
    /// Their tags.
    Tags,
}

impl List {
    /// What stands for `$1` and those that follow, up to the last that a query names: it is kept prepared by its words, with as
    /// many values as it had then, and not each query names all.
    pub(crate) fn values(&self, query: &str) -> impl Iterator<Item = &String> {
        let number = |after: &str| {
            let end = after.find(|char: char| !char.is_ascii_digit()).unwrap_or(after.len());
            after.get(..end).and_then(|digits| digits.parse().ok())
        };
        let last: usize = query.split('$').skip(1).filter_map(number).max().unwrap_or_default();
        self.values.iter().take(last)
    }

    /// The ways that lead through its rows.
    pub(crate) fn ways(&self) -> impl Iterator<Item = &Way> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The way that meets the fewest rows, by where each is after [`FAR`] steps, as [`List::probe`] asks; of those that are
    /// alike the first, which there is without a look.
    pub(crate) fn sparsest(&self, ends: &[Option<String>]) -> &Way {
        let further = |this: &Option<String>, than: &Option<String>| match (this, than) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(this), Some(than)) if self.table.newest_first => this < than,
            (Some(this), Some(than)) => this > than,
        };
        let looked_at = self.ways().zip(ends);
        let sparsest = looked_at.reduce(|best, next| if further(next.1, best.1) { next } else { best });
        sparsest.map_or(&self.first, |(way, _)| way)
    }
}

/// The list of resources that a filter asks for; nothing when none can pass it.
pub(crate) fn resources(filter: &ResourceFilter, page: PageRequest<ResourceId>) -> Option<List> {
    let ResourceFilter { namespace, environment, resource_type, team, teams, state, selector, include_gone } = filter;
    let parts: &'static [Part] = match (state.is_none_or(ResourceState::is_live), *include_gone) {
        (true, true) if state.is_none() => &[Part::Live, Part::Gone],
        (true, _) => &[Part::Live],
        (false, true) => &[Part::Gone],
        (false, false) => return None,
    };
    let mut filters = Filters::new(&RESOURCES, parts, page.after.map(|id| id.to_string()));
    filters.column("state", state.map(|state| vec![state.to_string()]));
    filters.column("team", owners(team.as_ref(), teams.as_deref()));
    filters.column("namespace", namespace.as_ref().map(|namespace| vec![namespace.to_string()]));
    filters.column("environment", environment.as_ref().map(|environment| vec![environment.to_string()]));
    filters.column("type", resource_type.as_ref().map(|resource_type| vec![resource_type.to_string()]));
    filters.tags(selector);
    filters.list()
}

/// The list of requests that a filter asks for; nothing when none can pass it.
pub(crate) fn requests(filter: &RequestFilter, page: PageRequest<RequestId>) -> Option<List> {
    let RequestFilter { team, teams, state, resource, selector } = filter;
    let mut filters = Filters::new(&REQUESTS, &[Part::All], page.after.map(|id| id.to_string()));
    filters.column("state", state.map(|state| vec![state.to_string()]));
    filters.column("team", owners(team.as_ref(), teams.as_deref()));
    filters.column("resource_id", resource.map(|id| vec![id.to_string()]));
    filters.tags(selector);
    filters.list()
}

/// Whose things are asked for, if it matters whose they are.
fn owners(team: Option<&TeamId>, teams: Option<&[TeamId]>) -> Option<Vec<String>> {
    let Some(teams) = teams else { return team.map(|team| vec![team.to_string()]) };
    let asked_for = teams.iter().filter(|one| team.is_none_or(|team| team == *one));
    Some(asked_for.map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(ends: &[Option<&str>]) -> Vec<Option<String>> {
        ends.iter().map(|end| end.map(str::to_owned)).collect()
    }

    /// The index of the way that is gone.
    fn gone(list: &List, at: &[Option<&str>]) -> &'static str {
        list.sparsest(&ends(at)).stretches[0].index
    }

    #[test]
    fn the_way_that_has_come_furthest_is_gone_and_one_that_has_ended_before_any_other() {
        let filter = ResourceFilter {
            environment: Some("dev".parse().unwrap()),
            selector: "tier=gold,owner".parse().unwrap(),
            ..ResourceFilter::default()
        };
        let list = resources(&filter, PageRequest::first(1)).unwrap();
        let (column, value, key) = ("resources_live_environment", "resource_tags_value", "resource_tags_key");
        assert_eq!(gone(&list, &[Some("1"), Some("3"), Some("2")]), value);
        assert_eq!(gone(&list, &[Some("1"), Some("3"), None]), key);
        assert_eq!(gone(&list, &[None, Some("3"), None]), column, "of two that have few, the first");
        let filter = RequestFilter { selector: filter.selector, ..RequestFilter::default() };
        let list = requests(&filter, PageRequest::first(1)).unwrap();
        assert_eq!(gone(&list, &[Some("1"), Some("2")]), "request_tags_value", "requests are gone downwards");
    }

    #[test]
    fn a_query_has_as_many_values_as_its_words_name() {
        let all = |selector: &str| ResourceFilter {
            environment: Some("dev".parse().unwrap()),
            selector: selector.parse().unwrap(),
            ..ResourceFilter::default()
        };
        let (short, long) = ("a=b", "a=b,c notin (d,e,f,g,h,i,j,k,l,m)");
        let [short, long] = [short, long].map(|selector| resources(&all(selector), PageRequest::first(1)).unwrap());
        let (probe, page) = (long.probe(Dialect::Postgres).unwrap(), long.page(Dialect::Postgres, &long.first, 1));
        assert_eq!(short.probe(Dialect::Postgres).as_deref(), Some(probe.as_str()), "what is not so leads nowhere");
        assert_eq!((short.values(&probe).count(), long.values(&probe).count()), (4, 4));
        assert_eq!(long.values(&page).count(), 15, "two digits are one number");
    }

    #[test]
    fn a_pair_of_filters_with_an_index_is_one_way_and_what_nobody_can_pass_is_none() {
        let all = ResourceFilter::default;
        let ways = |filter: &ResourceFilter| {
            let list = resources(filter, PageRequest::first(1)).unwrap();
            list.ways().map(|way| (way.stretches[0].index, way.stretches.len())).collect::<Vec<_>>()
        };
        let team: TeamId = "shop".parse().unwrap();
        let teams = Some(vec![team.clone(), "web".parse().unwrap(), team.clone()]);
        let dev = Some("dev".parse().unwrap());
        assert_eq!(ways(&all()), [("resources_live", 1)]);
        assert_eq!(ways(&ResourceFilter { include_gone: true, ..all() }), [("resources_live", 2)]);
        let of_teams = ResourceFilter { teams: teams.clone(), ..all() };
        assert_eq!(ways(&of_teams), [("resources_live_team", 2)], "a team that is named twice is gone once");
        let here = ResourceFilter { environment: dev.clone(), ..of_teams.clone() };
        assert_eq!(ways(&here), [("resources_live_team_environment", 2)]);
        let with_gone = ResourceFilter { include_gone: true, ..here };
        assert_eq!(
            ways(&with_gone),
            [("resources_live_environment", 2), ("resources_live_team", 4)],
            "the narrowest first"
        );
        let tagged = ResourceFilter { selector: "a in (b,c),!d".parse().unwrap(), ..of_teams };
        assert_eq!(ways(&tagged), [("resource_tags_team", 4)]);
        let many = (0..200).map(|number| format!("team-{number}").parse().unwrap()).collect();
        assert_eq!(ways(&ResourceFilter { teams: Some(many), ..all() }), [("resources_live", 1)]);
        let values = (0..64).map(|number| format!("{number}")).collect::<Vec<_>>().join(",");
        let selector = |text: String| ResourceFilter { selector: text.parse().unwrap(), include_gone: true, ..all() };
        assert_eq!(ways(&selector(format!("a in ({values})"))), [("resource_tags_value", 128)]);
        assert_eq!(
            ways(&selector(format!("b,a in ({values})"))),
            [("resource_tags_key", 2)],
            "no more than are affordable"
        );
        let many = (0..8).map(|number| format!("k{number} in ({values})")).collect::<Vec<_>>().join(",");
        assert_eq!(ways(&selector(many)), [("resources_live", 2)], "nor in longer words");
        let nothing = [
            ResourceFilter { teams: Some(vec![]), ..all() },
            ResourceFilter { team: Some("other".parse().unwrap()), teams, ..all() },
            ResourceFilter { state: Some(ResourceState::Deleted), ..all() },
        ];
        for filter in nothing {
            assert!(resources(&filter, PageRequest::first(1)).is_none(), "{filter:?}");
        }
    }
}
