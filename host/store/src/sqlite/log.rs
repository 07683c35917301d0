//! The write-ahead log, kept from growing without end.
//!
//! SQLite folds the log into the database whenever it has a thousand pages, and begins it anew when everything is folded
//! and nobody reads from it (sqlite.org/wal.html, "Avoiding Excessively Large WAL Files"). Where somebody always reads, no
//! writer meets such a moment, and the log grows for as long as that lasts, to many times what the database has. So when it
//! is large, whoever has written has everything folded, waits a moment until nobody reads from the log any more, and cuts
//! it. Those who begin to read meanwhile read from the database, so this moment comes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _};

use super::{BUSY_TIMEOUT, Conn};

/// From which size on a log is cut, and by how much it has to grow until that is tried again when somebody read from it for
/// too long. One that SQLite begins anew by itself it cuts to this size. A log that is begun anew in time has about 4 MB.
pub(super) const LARGE: u64 = 16 * 1024 * 1024;

/// How long to wait for those who read. Whoever wants to write waits meanwhile, and most reading takes milliseconds.
const PATIENCE: Duration = Duration::from_millis(200);

/// The log beside a database.
#[derive(Debug)]
pub(super) struct Log {
    file: PathBuf,
    /// From which size on it is cut next.
    cut_from: AtomicU64,
}

impl Log {
    /// The log of a database, which is there.
    pub(super) fn of(database: &Path) -> Self {
        // SQLite puts it beside the file itself, wherever a link to that is.
        let mut file = database.canonicalize().unwrap_or_else(|_| database.to_owned()).into_os_string();
        file.push("-wal");
        Self { file: file.into(), cut_from: AtomicU64::new(LARGE) }
    }

    /// Cuts the log if it is large, by the connection that writes.
    ///
    /// # Errors
    /// What the database says; the connection is to be replaced then.
    pub(super) async fn keep_short(&self, writer: &mut Conn) -> sqlx::Result<()> {
        let size = std::fs::metadata(&self.file).map_or(0, |log| log.len());
        if size <= LARGE {
            // SQLite has cut it itself meanwhile.
            self.cut_from.store(LARGE, Ordering::Relaxed);
        }
        if size < self.cut_from.load(Ordering::Relaxed) || writer.is_in_transaction() {
            return Ok(());
        }
        // Before it is tried, so that one that fails is not tried again at once.
        self.cut_from.store(size.saturating_add(LARGE), Ordering::Relaxed);
        wait_at_most(PATIENCE, writer).await?;
        let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *writer).await?;
        wait_at_most(BUSY_TIMEOUT, writer).await?;
        if busy == 0 {
            self.cut_from.store(LARGE, Ordering::Relaxed);
        } else {
            tracing::warn!(size, "the database's write-ahead log is large, and somebody reads from it for long");
        }
        Ok(())
    }
}

/// Has a connection wait for others for so long.
async fn wait_at_most(time: Duration, connection: &mut Conn) -> sqlx::Result<()> {
    let told = AssertSqlSafe(format!("PRAGMA busy_timeout = {}", time.as_millis()));
    sqlx::raw_sql(told).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::SqliteStore;
    use super::*;
    use crate::{AuditLog as _, NewAuditEntry};

    /// Writes half a megabyte, for so many times.
    async fn write(store: &SqliteStore, times: usize) {
        let entry = NewAuditEntry::new("x", "y").with(serde_json::json!("long ".repeat(100_000)));
        for _ in 0..times {
            store.append_audit(&entry, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        }
    }

    /// Begins to read from what is there now.
    async fn read(store: &SqliteStore) -> sqlx::Transaction<'static, sqlx::Sqlite> {
        let mut reading = store.snapshot().await.unwrap();
        let _: i64 = sqlx::query_scalar("SELECT count(*) FROM teams").fetch_one(&mut *reading).await.unwrap();
        reading
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_log_of_a_database_that_somebody_always_reads_from_is_cut_nevertheless() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("macadam.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    loop {
                        let reading = read(&store).await;
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        drop(reading);
                    }
                })
            })
            .collect();
        write(&store, 160).await;
        let log = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
        assert!(log < 3 * LARGE, "80 MB were written, and the log has {log} bytes");
        for reader in readers {
            reader.abort();
        }
    }

    #[tokio::test]
    async fn who_reads_for_long_keeps_the_log_and_it_is_cut_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("macadam.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let size = || std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
        let reading = read(&store).await;
        write(&store, 80).await;
        assert!(size() > 2 * LARGE, "what somebody reads stays: {}", size());
        drop(reading);
        write(&store, 40).await;
        // The last that wrote has given the connection back then, and looked after the log.
        drop(store.writer.acquire().await.unwrap());
        assert!(size() <= LARGE, "nobody reads from it any more: {}", size());
        assert_eq!(store.verify_audit(None).await.unwrap(), 120, "what was written is there");
    }
}
