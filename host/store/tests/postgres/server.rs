//! What only a server can be: elsewhere, not there, too new, locked away, tampered with.

use macadam_store::*;
use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPool;

use crate::suite::decisions::{allowed, record};
use crate::suite::earlier::{
    Dialect, everything_is_there, released_migrations_are_as_they_were, rows_of, work_goes_on,
};
use crate::suite::events::{EARLIER_EVENTS, earlier_audiences};
use crate::suite::sealing::{PLAIN_ADDRESSES, a_plain_address_is_sealed};
use crate::suite::webhooks::made;
use crate::suite::world::*;
use crate::{Database, Server, open};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

async fn refused(url: &str) -> StoreError {
    PostgresStore::open(&PostgresSettings::new(url).unwrap()).await.unwrap_err()
}

/// Somebody who owns the database, and knows to remove the guards first.
async fn tamper(world: &World, sql: &'static str) {
    let guards =
        "DROP TRIGGER IF EXISTS audit_is_not_changed ON audit; DROP TRIGGER IF EXISTS audit_is_not_emptied ON audit";
    world.store.database.run(guards).await.unwrap();
    world.store.database.run(sql).await.unwrap();
}

async fn broken_at(world: &World) -> Option<u64> {
    match world.store.verify_audit(None).await {
        Ok(_) => None,
        Err(AuditError::Broken { seq, .. }) => Some(seq),
        Err(other) => panic!("verifying must say where: {other}"),
    }
}

#[tokio::test]
async fn a_changed_removed_inserted_or_moved_audit_entry_is_found_where_it_is() {
    let tampering = [
        ("UPDATE audit SET actor = 'mallory' WHERE seq = 3", 3),
        ("UPDATE audit SET data = replace(data, 'dev', 'prod') WHERE seq = 3", 3),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 2", 2),
        ("UPDATE audit SET hash = 'x' WHERE seq = 2", 2),
        ("UPDATE audit SET at = 'infinity' WHERE seq = 3", 3),
        ("UPDATE audit SET at = '-infinity' WHERE seq = 3", 3),
        ("UPDATE audit SET at = '294276-12-31' WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3", 3),
        (
            "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;
          UPDATE audit SET seq = 3 WHERE seq = 100",
            2,
        ),
        (
            "INSERT INTO audit (version, seq, stream, place, at, actor, action, subject, data, previous, hash)
          SELECT version, (SELECT max(seq) + 1 FROM audit), stream,
                 (SELECT max(b.place) + 1 FROM audit b WHERE b.stream = audit.stream), at, actor, action, subject, data,
                 previous, hash
          FROM audit WHERE seq = 4",
            5,
        ),
    ];
    for (sql, expected) in tampering {
        let world = World::start().await;
        assert_eq!(broken_at(&world).await, None, "an honest log is whole");
        tamper(&world, sql).await;
        assert_eq!(broken_at(&world).await, Some(expected), "{sql}");
    }
}

#[tokio::test]
async fn the_audit_log_refuses_a_slip_of_the_hand() {
    let world = World::start().await;
    for sql in [
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "INSERT INTO audit SELECT * FROM audit ON CONFLICT (seq) DO UPDATE SET actor = 'x'",
    ] {
        let refused = world.store.database.run(sql).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn a_recorded_input_or_answer_that_was_changed_is_named_and_not_replayed() {
    for sql in ["UPDATE decision_texts SET text = '{}'", "UPDATE decisions SET output = '{}'"] {
        let world = World::start().await;
        record(&world, &[allowed(1)]).await;
        tamper(&world, sql).await;
        let read = world.store.recorded_calls(&DecisionFilter::default(), PageRequest::first(1)).await;
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{sql}: {read:?}");
    }
}

#[tokio::test]
async fn a_text_that_a_decision_needs_cannot_be_removed() {
    let world = World::start().await;
    record(&world, &[allowed(1)]).await;
    world.store.database.run("DELETE FROM decision_texts").await.expect_err("the database itself refuses");
}

#[tokio::test]
async fn a_message_with_a_nul_in_it_does_not_keep_a_failure_from_being_recorded() {
    let world = World::start().await;
    let outcome = DecisionOutcome::Failed { kind: "trap".into(), message: "out\0 of order".into() };
    let seqs = record(&world, &[NewDecision { outcome, subject: "a\0b".into(), ..allowed(1) }]).await;
    let kept = world.store.decision(seqs[0]).await.unwrap().unwrap();
    let shown = DecisionOutcome::Failed { kind: "trap".into(), message: "out\u{2400} of order".into() };
    assert_eq!((kept.outcome, kept.subject.as_str()), (shown, "a\u{2400}b"));

    let new = world.create("shop", "orders", 1);
    world.taken(&new).await;
    let job = world.claimed().await;
    world.store.retry_later(&job.lease, &passing("no\0", world.now()), world.now()).await.unwrap();
    let job = world.claimed().await;
    world.finish(&job, failed("no\0")).await;
    assert_eq!(world.request_of(new.id).await.failure.as_deref(), Some("no\u{2400}"));
    world.store.verify_audit(None).await.unwrap();
}

#[tokio::test]
async fn a_database_that_was_left_and_opened_again_has_everything() {
    let world = World::start().await;
    let first = world.store.replica().await;
    let mut new = world.create("shop", "orders", 1);
    // Not a microsecond more or less than was given, as on SQLite.
    let moment = world.now() + jiff::SignedDuration::from_nanos(123_456_789);
    new.decision.approval = Some(PendingApproval { needs: vec![need(&[], 1)], expires_at: moment });
    first.submit(&new, world.now()).await.unwrap();
    let (before, head) = (format!("{:?}", first.request(new.id).await.unwrap()), first.audit_head().await.unwrap());
    first.close().await;

    let second = world.store.replica().await;
    let request = second.request(new.id).await.unwrap();
    assert_eq!(format!("{request:?}"), before);
    let kept = moment - jiff::SignedDuration::from_nanos(789);
    assert_eq!(request.unwrap().expires_at, Some(kept), "times are kept to the microsecond");
    assert_eq!(second.verify_audit(Some(head)).await.unwrap(), head.seq);
}

/// How PostgreSQL writes what the rows of earlier versions hold.
const EARLIER: Dialect = [
    ("<at>", "timestamptz '2023-11-14 22:13:20+00'"),
    ("<micros>", " * interval '1 microsecond'"),
    ("<half>", r"'\x68616c66'::bytea"),
    ("<provider>", ", provider"),
    ("<its-pin>", ", '<pin>'"),
    ("<told>", "UPDATE journal SET told = 1;"),
];

#[tokio::test]
async fn a_database_of_every_earlier_version_is_brought_to_this_one_with_everything_in_it() {
    let world = World::start().await;
    for version in MIGRATIONS.iter().map(|migration| migration.version) {
        let database = Database::empty().await;
        let pool = PgPool::connect(&database.url()).await.unwrap();
        MIGRATIONS.run_to(version, &pool).await.unwrap();
        let filled = sqlx::raw_sql(AssertSqlSafe(rows_of(version, &EARLIER))).execute(&pool).await;
        filled.unwrap_or_else(|error| panic!("the rows of {version}: {error}"));
        pool.close().await;
        for _ in 0..2 {
            let store = open(&database.url()).await;
            everything_is_there(&store, version).await;
            store.close().await;
        }
        let store = open(&database.url()).await;
        work_goes_on(&store, version, &world).await;
        store.close().await;
    }
}

#[test]
fn no_released_migration_was_edited() {
    released_migrations_are_as_they_were("postgres");
}

#[tokio::test]
async fn events_that_were_told_before_they_had_an_audience_get_the_one_of_their_kind() {
    let database = Database::empty().await;
    let pool = PgPool::connect(&database.url()).await.unwrap();
    MIGRATIONS.run_to(9, &pool).await.unwrap();
    for (seq, kind, data) in EARLIER_EVENTS {
        let insert = "INSERT INTO outbox (seq, type, subject, at, data) VALUES ($1, $2, 'x', now(), $3)";
        sqlx::query(insert).bind(seq).bind(kind).bind(data).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let store = open(&database.url()).await;
    let events = store.events_since(0, 10).await.unwrap();
    assert_eq!(events.into_iter().map(|event| event.audience).collect::<Vec<_>>(), earlier_audiences());
}

#[tokio::test]
async fn an_address_that_an_earlier_version_kept_is_sealed_in_the_next_round() {
    let world = World::start().await;
    let webhook = made(&world, "shop").await.id;
    world.store.database.run(PLAIN_ADDRESSES).await.unwrap();
    a_plain_address_is_sealed(&world, webhook).await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let database = Database::fresh().await;
    open(&database.url()).await.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'from the future', TRUE, '\\x00', 0)";
    database.run(newer).await.unwrap();
    let last = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap();
    for _ in 0..2 {
        let refused = refused(&database.url()).await;
        let told = matches!(&refused, StoreError::SchemaNewer { found: 9999, known, .. } if *known == last);
        assert!(told, "{refused:?}");
        assert!(refused.to_string().contains("newer version"), "{refused}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_told_by_its_place_and_remedy_and_never_by_its_password() {
    let url = |database: &str| {
        let options: sqlx::postgres::PgConnectOptions = database.parse().unwrap();
        (options.get_host().to_owned(), options.get_port())
    };
    let (host, port) = url(&Server::get().await.url);
    let nowhere = crate::postgres::free_port();
    for (url, part) in [
        (format!("postgres://nobody:hunter2@{host}:{port}/postgres"), "nobody"),
        (format!("postgres://nobody:hunter2@{host}:{nowhere}/postgres"), "check that the server runs"),
        (format!("postgres://nobody:hunter2@{host}:{port}/postgres?sslmode=require"), "nobody@"),
    ] {
        let refused = refused(&url).await;
        assert!(matches!(refused, StoreError::Unreachable { .. }), "{refused:?}");
        let said = format!("{refused} {refused:?}");
        assert!(said.contains(part), "{part:?} is missing in: {said}");
        assert!(said.contains(&format!("{host}:")), "the place is named: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let server = Server::get().await;
    let name = crate::name();
    server.run(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")).await;
    let refused = refused(&server.of(&name)).await;
    server.run(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
    assert!(matches!(&refused, StoreError::Encoding { encoding, .. } if encoding == "SQL_ASCII"), "{refused:?}");
}

#[tokio::test]
async fn a_user_who_may_not_make_tables_is_told_so() {
    let (server, database, role) = (Server::get().await, Database::empty().await, crate::name());
    server.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'hunter2'")).await;
    database.run("REVOKE CREATE ON SCHEMA public FROM public").await.unwrap();
    let options: sqlx::postgres::PgConnectOptions = database.url().parse().unwrap();
    let options = options.username(&role).password("hunter2");
    let refused = refused(sqlx::ConnectOptions::to_url_lossy(&options).as_str()).await;
    drop(database);
    server.run(&format!("DROP ROLE {role}")).await;
    let said = format!("{refused} {refused:?}");
    assert!(matches!(refused, StoreError::Schema { .. }), "{said}");
    assert!(said.contains("permission denied") && said.contains("own the database"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn every_connection_has_a_name_and_keeps_what_the_store_promises() {
    let world = World::start().await;
    // Whatever the database's defaults are.
    world.store.database.run(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database());
                     EXECUTE format('ALTER DATABASE %I SET lock_timeout = 0', current_database()); END $$",
    ).await.unwrap();
    let replica = world.store.replica().await;
    // A lock that is never given back.
    let pool = PgPool::connect(&world.store.database.url()).await.unwrap();
    let mut stuck = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM teams FOR UPDATE").execute(&mut *stuck).await.unwrap();
    let refused = replica.submit(&world.create("shop", "orders", 1), world.now()).await.unwrap_err();
    let SubmitError::Store(StoreError::Unwritten(obstacle)) = refused else {
        panic!("nobody waits for ever, and is told why: {refused}");
    };
    assert_eq!(obstacle, Obstacle::Busy);
    let query =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'macadam' AND datname = current_database()";
    let named: i64 = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
    assert!(named >= 1, "an operator sees whose connections they are");
    stuck.rollback().await.unwrap();
    replica.submit(&world.create("shop", "orders", 1), world.now()).await.unwrap();
}
