use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::*;
use macadam_sdk::host::sql::{Row, SqlError};
use macadam_sdk::testing::{Host, Work, check_health, plan, refused, request, validate, validate_settings};
use proptest::prelude::*;

/// What the stand-in for a server keeps: roles with their comment, databases with their owner and limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Catalog {
    roles: BTreeMap<String, Option<String>>,
    databases: BTreeMap<String, (String, String)>,
}

/// What goes wrong with the next statements, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// The connection breaks before the statement is run.
    Before,
    /// The statement is run and the answer is lost.
    After,
    /// The session does not know any more that it is a member of the role, until somebody changes that.
    Forgotten,
}

/// What takes being a member of the role.
const AS_OWNER: [&str; 5] = ["create database", "comment on database", "revoke all", "alter database", "drop database"];

struct FakeServer {
    host: Host,
    catalog: Rc<RefCell<Catalog>>,
    troubles: Rc<RefCell<Vec<Trouble>>>,
}

impl FakeServer {
    fn start() -> Self {
        let (catalog, troubles) = (Rc::new(RefCell::new(Catalog::default())), Rc::new(RefCell::new(Vec::new())));
        let host = Host::start();
        let (kept, planned, forgotten) = (Rc::clone(&catalog), Rc::clone(&troubles), Cell::new(false));
        host.on_sql(move |sql| {
            let trouble = planned.borrow_mut().pop().unwrap_or(Trouble::None);
            forgotten.set(trouble == Trouble::Forgotten || forgotten.get() && !sql.contains(" from current_user"));
            if forgotten.get() && AS_OWNER.iter().any(|start| sql.starts_with(start)) {
                return Err(refused("42501", "must be owner of database"));
            }
            if trouble == Trouble::Before {
                return Err(SqlError::Unavailable("connection refused".to_owned()));
            }
            let answer = kept.borrow_mut().run(sql);
            if trouble == Trouble::After { Err(SqlError::Unavailable("connection reset".to_owned())) } else { answer }
        });
        Self { host, catalog, troubles }
    }

    fn catalog(&self) -> Catalog {
        self.catalog.borrow().clone()
    }
}

impl Catalog {
    /// Understands just the statements of this plugin, and refuses what PostgreSQL would refuse.
    fn run(&mut self, sql: &str) -> Result<Vec<Row>, SqlError> {
        let mut quoted = sql.split(['"', '\'']).skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>().into_iter();
        let name = quoted.clone().next().unwrap_or_default();
        if sql.starts_with("select shobj_description") {
            let name = sql.rsplit('\'').nth(1).unwrap();
            return Ok(self.roles.get(name).map(|mark| vec![mark.clone()]).into_iter().collect());
        }
        if sql.starts_with("select pg_get_userbyid") {
            let row = self.databases.get(&name).map(|(owner, _)| vec![Some(owner.clone()), Some("true".to_owned())]);
            return Ok(row.into_iter().collect());
        }
        if sql.starts_with("do $macadam$ begin create role") {
            let mark = quoted.next_back();
            if self.roles.insert(name, mark).is_some() {
                return Err(refused("42710", "role already exists"));
            }
        } else if sql.starts_with("create database") {
            let owner = quoted.nth(1).unwrap();
            if !self.roles.contains_key(&owner) {
                return Err(refused("42704", "role does not exist"));
            }
            if self.databases.insert(name, (owner, String::new())).is_some() {
                return Err(refused("42P04", "database already exists"));
            }
        } else if sql.starts_with("alter database") {
            let limit = sql.rsplit(' ').next().unwrap().to_owned();
            self.databases.get_mut(&name).ok_or_else(|| refused("3D000", "no such database"))?.1 = limit;
        } else if sql.starts_with("drop database") {
            self.databases.remove(&name);
        } else if sql.starts_with("drop role") {
            if self.databases.values().any(|(owner, _)| owner == &name) {
                return Err(refused("2BP01", "role owns a database"));
            }
            self.roles.remove(&name);
        } else if !["alter role", "grant", "revoke", "comment", "do $macadam$ begin revoke"]
            .iter()
            .any(|start| sql.starts_with(start))
        {
            return Err(refused("42601", &format!("the stand-in does not know {sql}")));
        }
        Ok(Vec::new())
    }
}

fn resource(spec: &str) -> ManagedResource {
    request().spec(spec).resource("0190-a")
}

fn name() -> String {
    Identity::of(&resource("{}")).name().to_owned()
}

fn provision(spec: &str) -> Result<Vec<Output>, Error> {
    Work::new().provision::<PostgresDatabase>(&resource(spec), "{}")
}

fn deprovision() -> Result<(), Error> {
    Work::new().deprovision::<PostgresDatabase>(&resource("{}"), "{}")
}

fn complete(limit: &str) -> Catalog {
    Catalog {
        roles: BTreeMap::from([(name(), Some("macadam:0190-a".to_owned()))]),
        databases: BTreeMap::from([(name(), (name(), limit.to_owned()))]),
    }
}

#[test]
fn a_database_comes_with_its_role_and_what_is_needed_to_connect() {
    let server = FakeServer::start();
    let outputs = provision(r#"{"connection_limit": 5}"#).unwrap();
    assert_eq!(server.catalog(), complete("5"));
    let names: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["host", "port", "database", "username", "password"]);
    let described = PostgresDatabase::describe_resource().outputs;
    assert_eq!(
        names,
        described.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(),
        "what is promised is given"
    );
    assert_eq!(check_health::<PostgresDatabase>(&resource("{}"), "{}"), Ok(Health::Healthy));
}

#[test]
fn the_password_goes_in_as_a_verifier_and_out_as_a_handle() {
    let server = FakeServer::start();
    let outputs = provision("{}").unwrap();
    let password = outputs.last().unwrap();
    assert!(format!("{password:?}").contains("Secret(\"handle-of-password\")"), "{password:?}");
    let with_password: Vec<_> = server.host.statements().into_iter().filter(|sql| sql.contains("password ")).collect();
    assert_eq!(with_password.len(), 1);
    assert!(with_password[0].contains("'verifier of handle-of-password'"), "{with_password:?}");
}

#[test]
fn an_update_changes_the_limit_in_place() {
    let server = FakeServer::start();
    provision("{}").unwrap();
    assert_eq!(server.catalog(), complete("-1"));
    provision(r#"{"connection_limit": 7, "storage_gb": 20}"#).unwrap();
    assert_eq!(server.catalog(), complete("7"));
    assert!(!server.host.statements().iter().any(|sql| sql.contains("drop")), "no data is lost");
}

#[test]
fn what_is_somebody_elses_is_neither_taken_nor_removed() {
    let foreign_role =
        Catalog { roles: BTreeMap::from([(name(), Some("macadam:other".to_owned()))]), ..Catalog::default() };
    let unmarked_role = Catalog { roles: BTreeMap::from([(name(), None)]), ..Catalog::default() };
    let foreign_database = Catalog {
        databases: BTreeMap::from([(name(), ("admin".to_owned(), String::new()))]),
        roles: BTreeMap::from([("admin".to_owned(), None)]),
    };
    for foreign in [foreign_role, unmarked_role, foreign_database.clone()] {
        let server = FakeServer::start();
        *server.catalog.borrow_mut() = foreign.clone();
        assert!(matches!(provision("{}"), Err(Error::Failed(why)) if why.contains("somebody else")));
        deprovision().unwrap();
        assert_eq!(server.catalog(), foreign, "what is left is what was there");
    }
    let server = FakeServer::start();
    *server.catalog.borrow_mut() = foreign_database;
    assert!(matches!(check_health::<PostgresDatabase>(&resource("{}"), "{}"), Ok(Health::Unhealthy(_))));
}

#[test]
fn who_is_overtaken_between_the_look_and_the_statement_looks_again() {
    for (code, message) in [
        ("42710", "role already exists"),
        ("42P04", "database already exists"),
        ("23505", "duplicate key value violates unique constraint"),
        ("XX000", "tuple concurrently updated"),
    ] {
        let host = Host::start();
        host.on_sql(move |sql| if sql.starts_with("select") { Ok(Vec::new()) } else { Err(refused(code, message)) });
        let first = Work::new().provision_step::<PostgresDatabase>(&resource("{}"), "{}");
        assert!(matches!(first, Err(Error::Unavailable(_))), "{code}: {first:?}");
    }
    let host = Host::start();
    host.on_sql(|sql| if sql.starts_with("select") { Ok(Vec::new()) } else { Err(refused("XX000", "out of luck")) });
    assert!(matches!(Work::new().provision_step::<PostgresDatabase>(&resource("{}"), "{}"), Err(Error::Failed(_))));
}

#[test]
fn what_is_gone_is_removed_again_without_an_error() {
    let server = FakeServer::start();
    deprovision().unwrap();
    provision("{}").unwrap();
    deprovision().unwrap();
    deprovision().unwrap();
    assert_eq!(server.catalog(), Catalog::default());
    assert!(matches!(check_health::<PostgresDatabase>(&resource("{}"), "{}"), Ok(Health::Unhealthy(_))));
}

#[test]
fn a_plan_says_what_will_happen_and_asks_nobody() {
    let server = FakeServer::start();
    let effects = |desired: Option<&str>, current: Option<&str>| {
        let plan = plan::<PostgresDatabase>(desired.map(resource), current.map(resource), "{}").unwrap();
        plan.steps.iter().map(|step| step.effect).collect::<Vec<_>>()
    };
    assert_eq!(effects(Some("{}"), None), [Effect::Create, Effect::Create, Effect::Change]);
    assert_eq!(effects(Some("{}"), Some("{}")), [Effect::Keep, Effect::Keep]);
    assert_eq!(effects(Some(r#"{"storage_gb": 20}"#), Some("{}")), [Effect::Keep, Effect::Change]);
    assert_eq!(effects(Some(r#"{"connection_limit": 2}"#), Some("{}")), [Effect::Keep, Effect::Change]);
    assert_eq!(effects(None, Some("{}")), [Effect::Remove, Effect::Remove]);
    assert_eq!(server.host.statements(), Vec::<String>::new());
}

#[test]
fn a_specification_that_does_not_fit_is_named_by_its_pointer() {
    match validate::<PostgresDatabase>(resource(r#"{"storage_gb": "big", "version": "15"}"#), "{}") {
        Err(Error::Invalid(violations)) => {
            let paths: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
            assert_eq!(paths, ["/spec/storage_gb", "/spec/version"]);
        }
        other => panic!("{other:?} must be invalid"),
    }
    assert_eq!(validate_settings::<PostgresDatabase>(r#"{"connection": "Main!"}"#).unwrap_err()[0].path, "/connection");
    assert_eq!(validate_settings::<PostgresDatabase>("{}"), Ok(()));
}

fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let one = prop_oneof![
        3 => Just(Trouble::None),
        1 => Just(Trouble::Before),
        1 => Just(Trouble::After),
        1 => Just(Trouble::Forgotten),
    ];
    proptest::collection::vec(one, 0..30)
}

/// Tries until the work is done, as a host does; sometimes it also forgets the state of a step that it ran.
fn to_the_end(
    mut forget: Vec<bool>,
    mut step: impl FnMut(&mut Work) -> Result<Option<Vec<Output>>, Error>,
) -> Vec<Output> {
    let mut work = Work::new();
    for _ in 0..90 {
        let before = work.clone();
        match step(&mut work) {
            Ok(Some(outputs)) => return outputs,
            Ok(None) if forget.pop().unwrap_or(false) => work = before,
            Ok(None) | Err(Error::Unavailable(_)) => {}
            Err(error) => panic!("an interruption must not make the work fail: {error:?}"),
        }
    }
    panic!("the work never ends");
}

proptest! {
    #[test]
    fn wherever_the_work_is_interrupted_the_result_is_the_same(
        troubles in troubles(), forget in proptest::collection::vec(any::<bool>(), 0..10)
    ) {
        let undisturbed = { let _server = FakeServer::start(); provision("{}").unwrap() };
        let server = FakeServer::start();
        *server.troubles.borrow_mut() = troubles;
        let outputs = to_the_end(forget, |work| work.provision_step::<PostgresDatabase>(&resource("{}"), "{}"));
        prop_assert_eq!(outputs, undisturbed);
        prop_assert_eq!(server.catalog(), complete("-1"));
    }

    #[test]
    fn wherever_the_work_is_given_up_nothing_stays(steps in 0_usize..4, making in troubles(), removing in troubles()) {
        let server = FakeServer::start();
        *server.troubles.borrow_mut() = making;
        let mut work = Work::new();
        for _ in 0..steps {
            let _ = work.provision_step::<PostgresDatabase>(&resource("{}"), "{}");
        }
        *server.troubles.borrow_mut() = removing;
        to_the_end(Vec::new(), |work| work.deprovision_step::<PostgresDatabase>(&resource("{}"), "{}"));
        prop_assert_eq!(server.catalog(), Catalog::default());
    }
}
