//! A log of the first version in a file, brought to this one.

use macadam_store::*;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::suite::audit::{FORMER_ACTION, FORMER_SUBJECT, former_log, goes_on_after_the_former_log};
use crate::suite::world::World;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

#[tokio::test]
async fn a_log_of_the_version_before_still_verifies_and_what_was_done_to_it_is_still_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("macadam.db");
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path).create_if_missing(true)).await;
    let pool = pool.unwrap();
    MIGRATIONS.run_to(9, &pool).await.unwrap();
    for entry in former_log() {
        let query = sqlx::query("INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
        let query = query.bind(entry.seq).bind(entry.at).bind(entry.actor).bind(FORMER_ACTION).bind(FORMER_SUBJECT);
        query.bind(entry.data).bind(entry.previous).bind(entry.hash).execute(&pool).await.unwrap();
    }
    let store = SqliteStore::open(&path).await.unwrap();
    goes_on_after_the_former_log(&store, World::start().await.now()).await;

    let changed = sqlx::raw_sql("UPDATE audit SET actor = 'x' WHERE seq = 2").execute(&pool).await.unwrap_err();
    assert!(changed.to_string().contains("append-only"), "the guards are back: {changed}");
    sqlx::raw_sql("DROP TRIGGER audit_is_not_changed; UPDATE audit SET actor = 'x' WHERE seq = 2")
        .execute(&pool)
        .await
        .unwrap();
    let broken = store.verify_audit(None).await.unwrap_err();
    assert!(matches!(broken, AuditError::Broken { seq: 2, .. }), "{broken}");
}
