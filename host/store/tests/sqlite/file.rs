//! What only a file can do: be closed and opened, be opened twice, be of an earlier version, be tampered with.

use std::path::Path;

use macadam_store::*;
use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tokio::task::JoinSet;

use crate::TestStore;
use crate::suite::decisions::{allowed, record};
use crate::suite::earlier::{
    Dialect, everything_is_there, released_migrations_are_as_they_were, rows_of, work_goes_on,
};
use crate::suite::events::{EARLIER_EVENTS, earlier_audiences};
use crate::suite::sealing::{PLAIN_ADDRESSES, a_plain_address_is_sealed};
use crate::suite::webhooks::made;
use crate::suite::world::*;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

async fn raw(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqlitePool::connect_with(options).await.unwrap()
}

/// Somebody with the file and a shell, who knows to remove the guards first.
async fn tamper(world: &World, sql: &'static str) {
    let pool = raw(&world.store.path()).await;
    sqlx::raw_sql("DROP TRIGGER IF EXISTS audit_is_not_changed; DROP TRIGGER IF EXISTS audit_is_not_cut;")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
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
        ("UPDATE audit SET at = at + 1 WHERE seq = 2", 2),
        ("UPDATE audit SET hash = 'x' WHERE seq = 2", 2),
        ("UPDATE audit SET hash = CAST(x'ff' AS TEXT) WHERE seq = 2", 2),
        ("UPDATE audit SET subject = CAST(x'c328' AS TEXT), at = 9223372036854775807 WHERE seq = 3", 3),
        ("UPDATE audit SET actor = CAST(x'00ff' AS TEXT), at = -9223372036854775807 WHERE seq = 3", 3),
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
    let pool = raw(&world.store.path()).await;
    let replaced = |columns: &str| {
        format!(
            "INSERT OR REPLACE INTO audit (version, seq, stream, place, at, actor, action, subject, data, previous, hash)
             SELECT version, {columns}, at, 'x', action, subject, data, previous, hash FROM audit WHERE seq = 1"
        )
    };
    for sql in [
        "UPDATE audit SET actor = 'x'".to_owned(),
        "DELETE FROM audit".to_owned(),
        // Neither an update nor, to a trigger, a deletion: of the same number, and of the same place.
        replaced("seq, 'another', 1"),
        replaced("(SELECT max(seq) + 1 FROM audit), stream, place"),
        "INSERT INTO audit SELECT * FROM audit WHERE true ON CONFLICT (seq) DO UPDATE SET actor = 'x'".to_owned(),
    ] {
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone())).execute(&pool).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    assert_eq!(broken_at(&world).await, None, "and nothing was changed");
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
    let pool = raw(&world.store.path()).await;
    sqlx::raw_sql("DELETE FROM decision_texts").execute(&pool).await.expect_err("the database itself refuses");
}

#[tokio::test]
async fn a_database_that_was_closed_and_opened_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("macadam.db");
    let world = World::start().await;
    let store = SqliteStore::open(&path).await.unwrap();
    store.put_team(&team("shop", at_most(1)), None, world.now()).await.unwrap();
    for environment in world.store.environments().await.unwrap() {
        store.put_environment(&environment, None, world.now()).await.unwrap();
    }
    let new = world.create("shop", "orders", 1);
    store.submit(&new, world.now()).await.unwrap();
    let claimed = store.claim("w", &JobLimits::NONE, world.now(), world.later(LEASE)).await.unwrap().unwrap();
    store.save_step(&claimed.lease, &Sealed::new(*b"half"), world.now(), "", world.now()).await.unwrap();
    let (before, head) = (format!("{:?}", store.request(new.id).await.unwrap()), store.audit_head().await.unwrap());
    store.close().await;
    assert!(!path.with_extension("db-wal").exists(), "a closed database is one file");

    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(format!("{:?}", store.request(new.id).await.unwrap()), before);
    assert_eq!(store.verify_audit(Some(head)).await.unwrap(), head.seq);
    let job = store.claim("w", &JobLimits::NONE, world.now(), world.later(LEASE)).await.unwrap().unwrap();
    assert_eq!(job.state, Some(Sealed::new(*b"half")), "the work goes on where it stopped");
    let refused = store.submit(&world.create("shop", "stock", 1), world.now()).await.unwrap_err();
    assert!(matches!(refused, SubmitError::OverQuota(_)), "{refused:?}");
}

/// How SQLite writes what the rows of earlier versions hold.
const EARLIER: Dialect = [
    ("<at>", "1700000000000000"),
    ("<micros>", ""),
    ("<half>", "x'68616c66'"),
    ("<provider>", ""),
    ("<its-pin>", ""),
    ("<told>", ""),
];

#[tokio::test]
async fn a_database_of_every_earlier_version_is_brought_to_this_one_with_everything_in_it() {
    let world = World::start().await;
    for version in MIGRATIONS.iter().map(|migration| migration.version) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("macadam.db");
        let pool = raw(&path).await;
        MIGRATIONS.run_to(version, &pool).await.unwrap();
        let filled = sqlx::raw_sql(AssertSqlSafe(rows_of(version, &EARLIER))).execute(&pool).await;
        filled.unwrap_or_else(|error| panic!("the rows of {version}: {error}"));
        pool.close().await;
        for _ in 0..2 {
            let store = SqliteStore::open(&path).await.unwrap_or_else(|error| panic!("from {version}: {error}"));
            everything_is_there(&store, version).await;
            store.close().await;
        }
        let store = SqliteStore::open(&path).await.unwrap();
        work_goes_on(&store, version, &world).await;
        store.close().await;
        SqliteStore::check_backup(&path).await.unwrap_or_else(|error| panic!("from {version}: {error}"));
    }
}

#[test]
fn no_released_migration_was_edited() {
    released_migrations_are_as_they_were("sqlite");
}

#[tokio::test]
async fn events_that_were_told_before_they_had_an_audience_get_the_one_of_their_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("macadam.db");
    let pool = raw(&path).await;
    MIGRATIONS.run_to(9, &pool).await.unwrap();
    for (seq, kind, data) in EARLIER_EVENTS {
        let insert = "INSERT INTO outbox (seq, type, subject, at, data) VALUES ($1, $2, 'x', 0, $3)";
        sqlx::query(insert).bind(seq).bind(kind).bind(data).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let store = SqliteStore::open(&path).await.unwrap();
    let events = store.events_since(0, 10).await.unwrap();
    assert_eq!(events.into_iter().map(|event| event.audience).collect::<Vec<_>>(), earlier_audiences());
}

#[tokio::test]
async fn an_address_that_an_earlier_version_kept_is_sealed_in_the_next_round() {
    let world = World::start().await;
    let webhook = made(&world, "shop").await.id;
    let pool = raw(&world.store.path()).await;
    sqlx::raw_sql(PLAIN_ADDRESSES).execute(&pool).await.unwrap();
    pool.close().await;
    a_plain_address_is_sealed(&world, webhook).await;
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("macadam.db");
    std::fs::write(&path, "this is a text and has been for longer than any header").unwrap();
    let refused = SqliteStore::open(&path).await.unwrap_err();
    assert!(refused.to_string().contains("macadam.db"), "{refused}");
    let missing = SqliteStore::open(&folder.path().join("no/such/folder.db")).await.unwrap_err();
    assert!(matches!(missing, StoreError::Open { .. }), "{missing:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("macadam.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    let pool = raw(&path).await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let last = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap();
    for _ in 0..2 {
        let refused = SqliteStore::open(&path).await.unwrap_err();
        let told = matches!(&refused, StoreError::SchemaNewer { found: 9999, known, .. } if *known == last);
        assert!(told, "{refused:?}");
        let said = refused.to_string();
        assert!(said.contains("macadam.db") && said.contains("newer version"), "{said}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::start().await;
    for extension in ["db", "db-wal"] {
        let mode = std::fs::metadata(world.store.path().with_extension(extension)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{extension}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_file_share_one_quota_and_one_queue() {
    let world = World::start().await;
    world.limit("shop", at_most(7)).await;
    let other = World::on(TestStore::fresh().await).await;
    let second = SqliteStore::open(&world.store.path()).await.unwrap();
    let mut racing = JoinSet::new();
    for number in 0..40 {
        let (world, second) = (world.clone(), second.clone());
        racing.spawn(async move {
            let new = world.create("shop", &format!("db{number}"), 1);
            let store: &dyn Store = if number % 2 == 0 { &**world.store } else { &second };
            match store.submit(&new, world.now()).await {
                Ok(_) => true,
                Err(SubmitError::OverQuota(_)) => false,
                Err(other) => panic!("waiting for the other process must not fail: {other}"),
            }
        });
    }
    assert_eq!(racing.join_all().await.into_iter().filter(|passed| *passed).count(), 7);
    assert_eq!(other.usage("shop").await.0, 0, "another file is another world");

    let claims = async |store: &dyn Store| {
        let mut count = 0;
        while store.claim("w", &JobLimits::NONE, world.now(), world.later(LEASE)).await.unwrap().is_some() {
            count += 1;
        }
        count
    };
    let (one, two) = tokio::join!(claims(&**world.store), claims(&second));
    assert_eq!(one + two, 7, "each job was given once, whichever process asked");
}
