//! `macadam backup` and `macadam restore`: the SQLite store of a data directory on this machine.

mod blobs;
mod key;

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use macadam_platform::vault::KEY_BYTES;
use macadam_store::SqliteStore;
use serde_json::json;

use crate::args::Global;
use crate::exit::End;
use crate::output::Output;
use crate::serve::SetUp;

use key::Keys;

/// The file of a data directory that is the store.
const DATABASE: &str = "macadam.db";
/// The file of a data directory that secrets are sealed with.
const KEY: &str = "master.key";

/// What `macadam backup` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  macadam backup /backup/macadam-2026-11-26.db
  macadam backup --with-blobs /backup/macadam.db   also writes /backup/macadam.db.blobs.tar
  macadam backup --with-key /safe/macadam.db       also writes /safe/macadam.db.key

The server may run: what was committed when the backup begins is in it, and nobody waits. The backup is a SQLite file, and
is looked over before it gets its name.

Secrets in it are sealed with the host's key, master.key of the data directory or what the configuration or the variable
MACADAM_MASTER_KEY names, without which they open for nobody. Keep that key elsewhere; it changes only when you replace it,
and while you do, keep the former one too. --with-key writes it beside the backup, where whoever has both has every secret.

--with-blobs writes the packages of plugins and the archives of projects beside it; without it, copy the directory blobs, or
the bucket that `blobs.url` names, after the backup and within 30 days: then everything that it names is among them.

Not in it: the configuration, the people, and the directory workspaces, which are files to be copied as files. A store on
PostgreSQL is backed up with pg_dump; where the configuration names one, macadam.db is not the store, and is not written.")]
pub(crate) struct BackupArgs {
    /// The file to write; one that is there is not overwritten
    file: PathBuf,
    /// Also write the key to the secrets, to FILE.key
    #[arg(long)]
    with_key: bool,
    /// Also write the packages and archives, to FILE.blobs.tar
    #[arg(long)]
    with_blobs: bool,
    /// The host's configuration; macadam.toml in the data directory if nothing is said
    #[arg(long, env = "MACADAM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What `macadam restore` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  macadam --data /var/lib/macadam restore /backup/macadam-2026-11-26.db --key /safe/master.key
  macadam restore /safe/macadam.db --key /safe/macadam.db.key --blobs /backup/macadam.db.blobs.tar

The data directory must not have a store yet, nor anything that is left of one, such as macadam.db-wal. The backup is
looked over before it counts: SQLite's integrity check, its references, whether this version knows its tables, every chain
of the audit log, whether each key that its secrets are sealed under is there, and with --blobs, that each package and
archive is what it was and that none is missing. Afterwards, compare the log with heads that were exported: `macadam audit
verify --heads DIR --key KEY`; nothing else shows that a backup was made up.

A backup from while the key was being replaced takes two: the second is said as hosts are told of it, in the variable
MACADAM_OTHER_MASTER_KEYS or in the configuration. Where the configuration or MACADAM_MASTER_KEY has the host's key, --key
is compared with that, and master.key is not written. A store on PostgreSQL is restored with pg_restore; where the
configuration names one, nothing is restored.")]
pub(crate) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// The key to its secrets, as bytes, digits or base64: master.key of the host that was backed up; not asked for when the
    /// data directory, its configuration or MACADAM_MASTER_KEY has it
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The packages and archives, as --with-blobs has written them
    #[arg(long, value_name = "FILE")]
    blobs: Option<PathBuf>,
    /// The host's configuration; macadam.toml in the data directory if nothing is said
    #[arg(long, env = "MACADAM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs `macadam backup`.
pub(crate) fn back_up(global: &Global, args: &BackupArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let database = global.data.join(DATABASE);
    ensure!(
        database.is_file(),
        "there is no {}; name the data directory with --data, and back a store on PostgreSQL up with pg_dump",
        database.display()
    );
    let set_up = SetUp::read(&global.data, args.config.as_deref())?;
    ensure!(
        !set_up.is_on_a_server(),
        "the store of this host is a PostgreSQL database, and {} is not used; back the database up with pg_dump",
        database.display()
    );
    ensure!(!args.file.exists(), "{} is there already; choose another name", args.file.display());
    let beside = with_suffix(&args.file, ".key");
    let blobs_beside = args.with_blobs.then(|| with_suffix(&args.file, ".blobs.tar"));
    if let Some(beside) = &blobs_beside {
        // Before the store is written: a backup that is half there takes the name of the next.
        must_have_blobs(&set_up, global)?;
        ensure!(!beside.exists(), "{} is there already; choose another name", beside.display());
    }
    let key = args.with_key.then(|| key_of(&set_up, global)).transpose()?;
    ensure!(key.is_none() || !beside.exists(), "{} is there already; choose another name", beside.display());
    let partial = with_suffix(&args.file, ".partial");
    // Left over from one that was cut off.
    remove_if_there(&partial)?;
    let taken = block_on(SqliteStore::back_up(&database, &partial))?;
    let kept = taken.map_err(anyhow::Error::new).and_then(|()| keep(&partial, &args.file));
    kept.inspect_err(|_| drop(fs::remove_file(&partial)))?;
    if let Some(key) = key {
        write_new(&beside, &key)?;
    }
    let counted = blobs_beside.as_ref().map(|beside| back_up_blobs(global, beside)).transpose()?;
    let value = json!({"backup": args.file, "key": args.with_key.then_some(&beside), "blobs": blobs_beside});
    output.value(&value, |_| {
        let blobs = counted.map(|count| format!(", and {count} packages and archives are beside it"));
        Ok(format!("The store is in {}{}", args.file.display(), blobs.unwrap_or_default()))
    })?;
    Ok(End::Done)
}

/// The key of the host, which must be there: the database is.
fn key_of(set_up: &SetUp, global: &Global) -> anyhow::Result<[u8; KEY_BYTES]> {
    set_up.key()?.with_context(|| format!("there is no {}; put it back", global.data.join(KEY).display()))
}

/// What is in the directory of blobs is this host's. One that is left from before `blobs.url` was set would be written, and
/// look like what the backup names.
fn must_have_blobs(set_up: &SetUp, global: &Global) -> anyhow::Result<()> {
    ensure!(
        !set_up.has_blobs_elsewhere(),
        "the packages and archives of this host are where `blobs.url` says; leave --with-blobs out, and back that place up \
         with its own tools"
    );
    let directory = global.data.join(blobs::DIRECTORY);
    ensure!(directory.is_dir(), "there is no {}; put it back, or leave --with-blobs out", directory.display());
    Ok(())
}

/// Writes the blobs beside a backup; what is half written does not stay.
fn back_up_blobs(global: &Global, beside: &Path) -> anyhow::Result<usize> {
    let partial = with_suffix(beside, ".partial");
    remove_if_there(&partial)?;
    let written = block_on(blobs::write(&global.data.join(blobs::DIRECTORY), &partial))?;
    let kept = written.and_then(|count| keep(&partial, beside).map(|()| count));
    kept.inspect_err(|_| drop(fs::remove_file(&partial)))
}

/// Runs `macadam restore`.
pub(crate) fn restore(global: &Global, args: &RestoreArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let (database, key_file) = (global.data.join(DATABASE), global.data.join(KEY));
    ensure!(!database.exists(), "{} is there; restore into a data directory without a store", database.display());
    nothing_is_left_beside(&database)?;
    ensure!(args.file.is_file(), "there is no {}", args.file.display());
    is_complete(&args.file)?;
    fs::create_dir_all(&global.data)
        .and_then(|()| make_private(&global.data, 0o700))
        .with_context(|| format!("the data directory {} cannot be made", global.data.display()))?;
    let set_up = SetUp::read(&global.data, args.config.as_deref())?;
    ensure!(
        !set_up.is_on_a_server(),
        "the store of this host is a PostgreSQL database, and {} would not be used; restore a dump into that database with \
         pg_restore, or take the database out of the configuration",
        database.display()
    );
    ensure!(
        args.blobs.is_none() || !set_up.has_blobs_elsewhere(),
        "the packages and archives of this host are where `blobs.url` says, and a directory would not be used; leave --blobs \
         out and restore that place with its own tools, or take `blobs.url` out of the configuration"
    );
    let keys = Keys::find(args.key.as_deref(), &key_file, &set_up)?;
    let copy = tempfile::Builder::new().prefix(".restore-").tempdir_in(&global.data)?;
    let copied = copy.path().join(DATABASE);
    fs::copy(&args.file, &copied)
        .and_then(|_| make_private(&copied, 0o600))
        .with_context(|| format!("{} cannot be copied", args.file.display()))?;
    let checked = block_on(SqliteStore::check_backup(&copied))??;
    block_on(keys.must_open(&copied))??;
    let blobs = Restored::read(global, args.blobs.as_deref(), copy.path(), &copied)?;
    // The key comes first, as at a first start: a database without it would be one whose key is lost.
    if let Some(key) = keys.new {
        write_new(&key_file, &key)?;
    }
    blobs.keep(global)?;
    keep(&copied, &database)?;
    let value = json!({
        "version": checked.version, "audit_entries": checked.audit_entries, "database": database, "blobs": blobs.count,
        "missing_blobs": blobs.missing,
    });
    output.value(&value, |_| {
        let entries = checked.audit_entries;
        let whole = format!(
            "{} is restored: it is whole, and all {entries} entries of its audit log verify",
            database.display()
        );
        Ok(format!("{whole}{}", blobs.said()))
    })?;
    Ok(End::Done)
}

/// What SQLite would take for changes of the restored store: the logs of one that was there and was moved away alone.
fn nothing_is_left_beside(database: &Path) -> anyhow::Result<()> {
    for left in ["-wal", "-shm", "-journal"].map(|suffix| with_suffix(database, suffix)) {
        ensure!(
            !left.exists(),
            "{} is there, of a store that is not, and would spoil the one that is restored; move it to where that store is",
            left.display()
        );
    }
    Ok(())
}

/// A backup is one file. What was copied from under a host has its last changes in a file beside it.
fn is_complete(backup: &Path) -> anyhow::Result<()> {
    for beside in ["-wal", "-journal"].map(|suffix| with_suffix(backup, suffix)) {
        ensure!(
            fs::metadata(&beside).map_or(0, |file| file.len()) == 0,
            "{} has changes that are not in {} yet; take a backup that `macadam backup` has written, or fold them into it \
             with `sqlite3 {} 'PRAGMA wal_checkpoint(TRUNCATE)'`",
            beside.display(),
            backup.display(),
            backup.display()
        );
    }
    Ok(())
}

/// The blobs of a restored store.
struct Restored {
    /// Where they were read to, until they get their place.
    read: Option<PathBuf>,
    /// How many were read.
    count: usize,
    /// How many the store names and nobody has.
    missing: usize,
}

impl Restored {
    /// Reads the blobs, if there are some to be read, and looks whether any is missing.
    fn read(global: &Global, file: Option<&Path>, copy: &Path, database: &Path) -> anyhow::Result<Self> {
        let (there, read) = (global.data.join(blobs::DIRECTORY), copy.join(blobs::DIRECTORY));
        let Some(file) = file else {
            let missing = block_on(blobs::missing(database, &there))??.len();
            return Ok(Self { read: None, count: 0, missing });
        };
        ensure!(!there.exists(), "{} is there; move it away, or leave --blobs out", there.display());
        let count = block_on(blobs::read(file, &read))??;
        let missing = block_on(blobs::missing(database, &read))??;
        ensure!(
            missing.is_empty(),
            "{} packages and archives of the backup are not in {}, {} first; take the file that was written with it",
            missing.len(),
            file.display(),
            missing.first().map(ToString::to_string).unwrap_or_default()
        );
        Ok(Self { read: Some(read), count, missing: 0 })
    }

    fn keep(&self, global: &Global) -> anyhow::Result<()> {
        self.read.as_deref().map_or(Ok(()), |read| blobs::keep(read, &global.data.join(blobs::DIRECTORY)))
    }

    fn said(&self) -> String {
        match (&self.read, self.missing) {
            (Some(_), _) => format!("; {} packages and archives are there with it", self.count),
            (None, 0) => String::new(),
            (None, missing) => format!(
                ". {missing} packages and archives that it names are not in its directory blobs: put them there, unless \
                 `blobs.url` names another place"
            ),
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// Gives a file that was written its name, unless that is taken.
fn keep(written: &Path, name: &Path) -> anyhow::Result<()> {
    if name.exists() {
        bail!("{} is there already; choose another name", name.display());
    }
    let kept = fs::File::open(written).and_then(|file| file.sync_all()).and_then(|()| fs::rename(written, name));
    kept.with_context(|| format!("{} cannot be written", name.display()))?;
    // The name is on the disk when its directory is.
    let directory = name.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(directory).and_then(|directory| directory.sync_all()).ok();
    Ok(())
}

#[cfg(unix)]
fn make_private(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn make_private(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.with_context(|| format!("{} cannot be written", path.display()))
}

fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no threads")?;
    Ok(runtime.block_on(work))
}
