//! Backup and its check. A backup is a database file like any other: SQLite writes what one reader sees into a new one,
//! while writers go on, and waits for nobody.

use std::error::Error;
use std::path::{Path, PathBuf};

use sqlx::migrate::Migrate as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{MIGRATIONS, SqliteStore};
use crate::{AuditError, AuditLog as _, StoreError};

/// Why there is no backup, or one is not to be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database cannot be read, or the backup not be written.
    #[error("{} cannot be backed up to {}: {source}; check that the first is there and readable, and that the second is \
             not there and its disk has room", from.display(), to.display())]
    Copy {
        /// The database.
        from: PathBuf,
        /// The backup.
        to: PathBuf,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It is no database, or one that cannot be read.
    #[error("{} cannot be read as a database: {source}; take another backup", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Its pages, indices or references do not fit each other.
    #[error("{} is damaged: {said}; take another backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database said first.
        said: String,
    },
    /// It is of a newer version of this program.
    #[error("{} is of a newer version of this program: its tables are at {found}, and this version knows them up to \
             {known}; use that version or a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The last migration that it has seen.
        found: i64,
        /// The last that this program knows.
        known: i64,
    },
    /// It has no tables of ours.
    #[error("{} is a database, and not one of Macadam's; take another backup", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Its audit log is not what was written.
    #[error("{}: {source}", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: AuditError,
    },
    /// It cannot be brought to this version.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a backup that was checked holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedBackup {
    /// The last migration that its tables have seen.
    pub version: i64,
    /// How many entries its audit log has, all of which verify.
    pub audit_entries: u64,
}

impl SqliteStore {
    /// Writes what a database holds at this moment into a new file, also while a host writes to it. Everything that was
    /// committed before is in it, and nothing of what is half done.
    ///
    /// # Errors
    /// [`BackupError::Copy`], also when the file is there already; [`BackupError::Damaged`] when what was written, and so
    /// what there is, does not hold together.
    pub async fn back_up(from: &Path, to: &Path) -> Result<(), BackupError> {
        let fail = |source: Box<dyn Error + Send + Sync>| BackupError::Copy {
            from: from.to_owned(),
            to: to.to_owned(),
            source,
        };
        let target = to.to_str().ok_or_else(|| fail("its path is not UTF-8".into()))?;
        let mut conn = read_only(from).await.map_err(|error| fail(error.into()))?;
        // SQLite writes into a file that is empty, and so nobody else can read it at any moment.
        new_private(to).map_err(|error| fail(error.into()))?;
        let written = sqlx::query("VACUUM INTO $1").bind(target).execute(&mut conn).await;
        written.map_err(|error| fail(error.into()))?;
        conn.close().await.map_err(|error| fail(error.into()))?;
        // SQLite leaves it to the system when the new file is on the disk.
        std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(|error| fail(error.into()))?;
        whole(to).await.map(drop)
    }

    /// Looks over a file that is to become the database: that its pages, indices and references hold together, that this
    /// program knows its tables, and that every chain of its audit log verifies. It is brought to this version by that,
    /// so give it a copy.
    ///
    /// # Errors
    /// [`BackupError`] says what is wrong with it.
    pub async fn check_backup(path: &Path) -> Result<CheckedBackup, BackupError> {
        let version = whole(path).await?;
        let store = Self::open(path).await?;
        let verified = store.verify_audit(None).await;
        store.close().await;
        let audit_entries = verified.map_err(|source| BackupError::Audit { path: path.to_owned(), source })?;
        Ok(CheckedBackup { version, audit_entries })
    }
}

fn new_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn read_only(path: &Path) -> sqlx::Result<SqliteConnection> {
    SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(super::BUSY_TIMEOUT).connect().await
}

/// Whether a file is a whole database of ours, and of which version.
async fn whole(path: &Path) -> Result<i64, BackupError> {
    let unreadable = |source: Box<dyn Error + Send + Sync>| BackupError::Unreadable { path: path.to_owned(), source };
    let mut conn = read_only(path).await.map_err(|error| unreadable(error.into()))?;
    let checked: Result<String, _> = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut conn).await;
    let said = checked.map_err(|error| unreadable(error.into()))?;
    if said != "ok" {
        return Err(BackupError::Damaged { path: path.to_owned(), said });
    }
    let loose = sqlx::query("PRAGMA foreign_key_check").fetch_optional(&mut conn).await;
    if loose.map_err(|error| unreadable(error.into()))?.is_some() {
        let said = "a row refers to one that is not there".to_owned();
        return Err(BackupError::Damaged { path: path.to_owned(), said });
    }
    let applied = conn.list_applied_migrations("_sqlx_migrations").await;
    let found = applied.ok().and_then(|all| all.iter().map(|migration| migration.version).max());
    let found = found.ok_or_else(|| BackupError::NotOurs { path: path.to_owned() })?;
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    if found > known {
        return Err(BackupError::Newer { path: path.to_owned(), found, known });
    }
    conn.close().await.map_err(|error| unreadable(error.into()))?;
    Ok(found)
}
