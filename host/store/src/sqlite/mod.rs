//! The store on SQLite, in one file next to its write-ahead log.
//!
//! SQLite has one writer at a time. Writers queue for the one connection that writes instead of failing inside the
//! database, and every writing transaction takes the write lock when it begins (`BEGIN IMMEDIATE`): what it reads stays
//! true until it commits, so a check and the change that rests on it are one. Readers have connections of their own,
//! see the last commit, and wait for nobody. Another process on the same file is kept out by the same lock.
//!
//! The SQL uses what PostgreSQL also understands, but for `json_extract` and in lists; numbered parameters are written `$1`.

mod access;
mod audit;
mod backup;
mod bindings;
mod decisions;
mod generations;
mod health;
mod idempotency;
mod jobs;
mod journal;
mod lists;
mod log;
mod namespaces;
mod outbox;
mod packages;
mod requests;
mod resources;
mod row;
mod scaffolds;
mod schedules;
mod sealing;
mod secrets;
mod service_tokens;
mod teams;
mod webhooks;
mod writes;

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::watch;

pub use backup::{BackupError, CheckedBackup};

use crate::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Readers at once. Each is a thread; more than a few do not read one file any faster.
const READERS: u32 = 4;

/// How long a writer waits for another process that holds the write lock. Transactions here take milliseconds, so this
/// long means that something is wrong with the other process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of the file each connection keeps, in KiB. The system keeps it too, once for all of them; what is kept here is
/// private memory that fills for hours, until it is this much for each connection.
const PAGE_CACHE: u32 = 512;

type Conn = SqliteConnection;
type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The store in one SQLite file. Clones share their connections.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Says that something was committed.
    committed: watch::Sender<()>,
}

/// A transaction that writes.
struct Tx {
    inner: Transaction<'static, Sqlite>,
    committed: watch::Sender<()>,
}

impl Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.inner
    }
}

impl SqliteStore {
    /// Opens a database, makes it when there is none, and brings it to this version.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the file cannot be opened or is no database, and [`StoreError::SchemaNewer`] when a newer
    /// version of this program has used it.
    pub async fn open(path: &Path) -> Result<Self> {
        let fail = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Open {
            place: path.display().to_string(),
            source,
        };
        make_private(path).map_err(|error| fail(error.into()))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode only FULL waits for the disk at each commit; NORMAL may forget the last ones at a power cut,
            // and with them an intent whose effect has happened.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", format!("-{PAGE_CACHE}"))
            .pragma("journal_size_limit", log::LARGE.to_string())
            .busy_timeout(BUSY_TIMEOUT);
        // A full disk has SQLite end the transaction by itself (sqlite.org/lang_transaction.html, section 3), which nobody
        // tells the one who counts transactions: such a connection would begin none any more, and is replaced.
        let writers =
            pool(1).before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }));
        let log = Arc::new(log::Log::of(path));
        let writers = writers.after_release(move |connection, _| {
            let log = Arc::clone(&log);
            Box::pin(async move { log.keep_short(connection).await.map(|()| true) })
        });
        let writer = writers.connect_with(options.clone()).await.map_err(|error| fail(error.into()))?;
        MIGRATIONS.run(&writer).await.map_err(|error| match error {
            MigrateError::VersionMissing(found) => StoreError::newer(&path.display().to_string(), found, &MIGRATIONS),
            other => fail(other.into()),
        })?;
        let readers = pool(READERS).connect_with(options.read_only(true)).await.map_err(|error| fail(error.into()))?;
        tracing::info!(path = %path.display(), "database open");
        Ok(Self { writer, readers, committed: watch::Sender::new(()) })
    }

    /// Ends every connection, so that the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn begin(&self) -> Result<Tx> {
        let inner = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Tx { inner, committed: self.committed.clone() })
    }

    async fn read(&self) -> Result<sqlx::pool::PoolConnection<Sqlite>> {
        Ok(self.readers.acquire().await?)
    }

    /// A reader for several queries that have to agree with each other. Dropping it ends it.
    async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.readers.begin().await?)
    }
}

/// Connections that stay, and are not asked before each use whether they still work: no server ends them behind our back, a
/// new one is a thread with everything to learn again, and the question is a trip to that thread.
fn pool(connections: u32) -> SqlitePoolOptions {
    let options = SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
    options.max_lifetime(None).idle_timeout(None)
}

async fn commit(tx: Tx) -> Result<()> {
    tx.inner.commit().await?;
    tx.committed.send_replace(());
    Ok(())
}

/// Makes the file readable for its owner only; SQLite gives the log beside it the same permissions.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_connection_keeps_what_the_store_promises() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("macadam.db")).await.unwrap();
        let mut writer = store.writer.acquire().await.unwrap();
        let mut reader = store.read().await.unwrap();
        for (connection, read_only) in [(&mut writer, false), (&mut reader, true)] {
            let mode: String = pragma(connection, "PRAGMA journal_mode").await;
            assert_eq!(mode, "wal", "readers must not wait for the writer");
            assert_eq!(pragma::<i64>(connection, "PRAGMA synchronous").await, 2, "a commit must be on the disk");
            assert_eq!(pragma::<i64>(connection, "PRAGMA foreign_keys").await, 1);
            assert_eq!(pragma::<i64>(connection, "PRAGMA cache_size").await, -i64::from(PAGE_CACHE), "negative is KiB");
            let written = sqlx::raw_sql("CREATE TABLE t (x)").execute(&mut **connection).await;
            assert_eq!(written.is_err(), read_only, "only the writer writes");
        }
    }

    #[tokio::test]
    async fn a_full_or_read_only_database_says_so_changes_nothing_and_goes_on_when_that_is_over() {
        use crate::{AuditLog as _, NewAuditEntry, Obstacle};
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("macadam.db")).await.unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let entry = NewAuditEntry::new("x", "y").with(serde_json::json!("long ".repeat(10_000)));
        for (spoil, mend, obstacle) in [
            ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000", Obstacle::Full),
            ("PRAGMA query_only = on", "PRAGMA query_only = off", Obstacle::ReadOnly),
        ] {
            let before = store.audit_head().await.unwrap();
            sqlx::raw_sql(spoil).execute(&mut *store.writer.acquire().await.unwrap()).await.unwrap();
            let refused = store.append_audit(&entry, now).await.unwrap_err();
            assert!(matches!(refused, StoreError::Unwritten(said) if said == obstacle), "{spoil}: {refused:?}");
            assert_eq!(store.audit_head().await.unwrap(), before, "{spoil}: what is not written is not there");
            sqlx::raw_sql(mend).execute(&mut *store.writer.acquire().await.unwrap()).await.unwrap();
            store.append_audit(&entry, now).await.unwrap();
        }
        assert_eq!(store.verify_audit(None).await.unwrap(), 2);
    }

    async fn pragma<T>(conn: &mut Conn, sql: &'static str) -> T
    where
        T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + Send + Unpin,
    {
        sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
    }
}
