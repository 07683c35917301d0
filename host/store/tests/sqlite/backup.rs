//! Backups: taken while somebody writes, and looked over before they count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use macadam_store::*;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::suite::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_writes_has_everything_that_was_committed_before_it_and_verifies() {
    let world = World::start().await;
    let (path, folder) = (world.store.path(), tempfile::tempdir().unwrap());
    let store = Arc::new(SqliteStore::open(&path).await.unwrap());
    let (committed, now) = (Arc::new(AtomicU64::new(0)), world.now());
    let writing = tokio::spawn({
        let (store, committed) = (Arc::clone(&store), Arc::clone(&committed));
        async move {
            loop {
                let entry = NewAuditEntry::new("written", "x").with("text ".repeat(200).into());
                committed.store(store.append_audit(&entry, now).await.unwrap().seq, Ordering::SeqCst);
            }
        }
    });
    let mut before = 0;
    for round in 0..8 {
        while committed.load(Ordering::SeqCst) < before + 20 {
            tokio::task::yield_now().await;
        }
        before = committed.load(Ordering::SeqCst);
        let copy = folder.path().join(format!("{round}.db"));
        SqliteStore::back_up(&path, &copy).await.unwrap();
        let after = committed.load(Ordering::SeqCst) + 1;
        let checked = SqliteStore::check_backup(&copy).await.unwrap();
        assert!(
            (before..=after).contains(&checked.audit_entries),
            "{before} entries were committed before, {after} may have been after, and {} are there",
            checked.audit_entries
        );
    }
    writing.abort();
    assert!(store.verify_audit(None).await.unwrap() > before, "who writes was not held up for good");
}

#[tokio::test]
async fn what_is_restored_answers_as_the_original_and_goes_on() {
    let world = World::start().await;
    world.taken(&world.create("shop", "orders", 1)).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    SqliteStore::back_up(&world.store.path(), &copy).await.unwrap();
    let refused = SqliteStore::back_up(&world.store.path(), &copy).await.unwrap_err();
    assert!(refused.to_string().contains("File exists"), "{refused}");
    SqliteStore::check_backup(&copy).await.unwrap();
    let store = SqliteStore::open(&copy).await.unwrap();
    let (of, page) = (ResourceFilter::default(), PageRequest::first(10));
    let told = format!("{:?}", world.store.list_resources(&of, page).await.unwrap());
    assert_eq!(format!("{:?}", store.list_resources(&of, PageRequest::first(10)).await.unwrap()), told);
    assert_eq!(store.audit_ends().await.unwrap(), world.store.audit_ends().await.unwrap());
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&copy)).await.unwrap();
    let changed = sqlx::raw_sql("DELETE FROM audit").execute(&pool).await.unwrap_err();
    assert!(changed.to_string().contains("append-only"), "the guards go with it: {changed}");
    let refused = store.submit(&world.create("shop", "orders", 1), world.now()).await.unwrap_err();
    assert!(!matches!(refused, SubmitError::Store(_)), "the name is taken, as it was: {refused}");
}

#[tokio::test]
async fn a_backup_that_is_not_whole_ours_or_honest_is_refused_by_what_is_wrong() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    SqliteStore::back_up(&world.store.path(), &copy).await.unwrap();
    let good = std::fs::read(&copy).unwrap();
    let refused = async |bytes: &[u8]| {
        std::fs::write(&copy, bytes).unwrap();
        SqliteStore::check_backup(&copy).await.unwrap_err()
    };
    let cut = refused(&good[..good.len() / 2]).await;
    assert!(matches!(cut, BackupError::Damaged { .. } | BackupError::Unreadable { .. }), "{cut}");
    let mut scratched = good.clone();
    for byte in scratched.iter_mut().skip(4096).step_by(97) {
        *byte ^= 0x55;
    }
    let scratched = refused(&scratched).await;
    assert!(matches!(scratched, BackupError::Damaged { .. } | BackupError::Unreadable { .. }), "{scratched}");
    assert!(matches!(refused(b"no database, and longer than any header of one").await, BackupError::Unreadable { .. }));
    assert!(matches!(refused(b"").await, BackupError::NotOurs { .. }));

    for (sql, newer) in [
        ("DROP TRIGGER audit_is_not_changed; UPDATE audit SET actor = 'mallory' WHERE seq = 2", false),
        (
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', TRUE, x'00', 0)",
            true,
        ),
    ] {
        std::fs::write(&copy, &good).unwrap();
        let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&copy)).await.unwrap();
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
        pool.close().await;
        match SqliteStore::check_backup(&copy).await.unwrap_err() {
            BackupError::Newer { found: 9999, .. } if newer => {}
            BackupError::Audit { source: AuditError::Broken { seq: 2, .. }, .. } if !newer => {}
            other => panic!("{sql}: {other}"),
        }
    }
}
