//! Coming to a database: the address, what every connection is told, and the schema.

use std::fmt;
use std::io::ErrorKind;
use std::str::FromStr as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use macadam_core::postgres_address;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{Connection as _, Row as _};

use super::row::Columns;
use super::{PostgresStore, Result};
use crate::StoreError;
use crate::error::told;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The oldest server that is taken. What is used here is older still, but nobody mends those before it any more.
const LEAST_VERSION: i32 = 13;

/// How far the clocks of this machine and of the server may be apart. Leases are kept by the clock of whoever holds or
/// looks at them, the shortest are of 15 seconds, and two hosts may be off to either side.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// Connections of one process, unless it is said otherwise. Each is a process of the server.
const CONNECTIONS: u32 = 16;

/// How long to wait for a server that does not answer, and for a connection when all are taken.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// After how long without use a connection is asked before it is used whether it still works. Each is asked when it is given
/// back as well, so asking before each use would mostly be a trip more for a statement that takes one.
const IDLE: Duration = Duration::from_secs(1);

/// How long a connection that is asked whether it still works may take to answer. A machine that is gone without a word
/// answers never, and whoever waits for a connection is to be given another one in time.
const STILL_THERE: Duration = Duration::from_secs(2);

/// What the connection that brings the tables to this version is told: it takes and waits as long as it takes.
const UNHURRIED: &str = "SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
        set_config('idle_in_transaction_session_timeout', '0', false),
        set_config('default_transaction_read_only', 'off', false)";

/// What every connection is told, whatever the server's, the database's or the role's defaults are. Transactions here
/// take milliseconds. Whoever waits longer for a lock, or holds one without a word, is stuck: a replica whose machine
/// stands still must not hold up the others. Everything rests on READ COMMITTED, and on commits that are on the disk:
/// one that is forgotten at a power cut could be of an intent whose effect has happened.
///
/// What is found by a bitmap is in no order: all of it is read and sorted before the first row of a page is there. The planner
/// takes one where it expects a handful of rows, and what it expects of a prepared statement is an average: of a team that has
/// half of everything it went through 50,000 requests for a page of fifty. All pages here are to be gone to in the order of
/// an index, and nothing is asked for by two indexes at once, which is what bitmaps are otherwise for.
const TOLD: &str = "SELECT set_config('statement_timeout', '30s', false), set_config('lock_timeout', '10s', false),
        set_config('idle_in_transaction_session_timeout', '30s', false),
        set_config('default_transaction_isolation', 'read committed', false),
        set_config('default_transaction_read_only', 'off', false),
        set_config('enable_bitmapscan', 'off', false),
        CASE current_setting('synchronous_commit')
            WHEN 'off' THEN set_config('synchronous_commit', 'local', false) END";

/// Which database, and how.
#[derive(Clone)]
pub struct PostgresSettings {
    options: PgConnectOptions,
    connections: u32,
}

impl PostgresSettings {
    /// Takes an address such as `postgres://macadam@db.example/macadam?sslmode=verify-full`.
    ///
    /// # Errors
    /// [`StoreError::Address`], without the address: it may hold a password.
    pub fn new(url: &str) -> Result<Self> {
        let wrong = |reason| StoreError::Address { reason };
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(wrong("it does not begin with postgres://".to_owned()));
        }
        postgres_address::check(url).map_err(wrong)?;
        // The driver's reasons name a port or a mode, and never the password.
        let options = PgConnectOptions::from_str(url).map_err(|error| wrong(without_prefix(&error)))?;
        let name = options.get_application_name().unwrap_or("macadam").to_owned();
        Ok(Self { options: options.application_name(&name), connections: CONNECTIONS })
    }

    /// How many connections there may be at once.
    #[must_use]
    pub fn connections(self, connections: u32) -> Self {
        Self { connections, ..self }
    }

    /// Which database it is, without the password.
    #[must_use]
    pub fn place(&self) -> String {
        let options = &self.options;
        let host =
            options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
        let (user, database) = (options.get_username(), options.get_database().unwrap_or(options.get_username()));
        format!("postgres://{user}@{host}:{}/{database}", options.get_port())
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options: _, connections } = self;
        f.debug_struct("PostgresSettings").field("place", &self.place()).field("connections", connections).finish()
    }
}

/// What the driver says of an address, without the words that it puts before it, once or twice.
fn without_prefix(error: &sqlx::Error) -> String {
    error.to_string().trim_start_matches("error with configuration: ").to_owned()
}

impl PostgresStore {
    /// Connects to a database and brings it to this version. Several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::ServerTooOld`], [`StoreError::Encoding`], [`StoreError::Clock`],
    /// [`StoreError::SchemaNewer`] when a newer version of this program has used the database, and
    /// [`StoreError::Schema`] when its tables cannot be made.
    pub async fn open(settings: &PostgresSettings) -> Result<Self> {
        let place = settings.place();
        let unreachable = |error: sqlx::Error| StoreError::Unreachable { place: place.clone(), said: told(error) };
        // The pool would try again until its time is up, and lose the reason.
        let connecting = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&settings.options)).await;
        let silent = |_| sqlx::Error::Io(std::io::Error::new(ErrorKind::TimedOut, "it does not answer"));
        let mut first = connecting.map_err(silent).flatten().map_err(unreachable)?;
        check_server(&mut first, &place).await?;
        first.close().await.map_err(unreachable)?;
        migrate(&settings.options, &place).await?;
        let pool = PgPoolOptions::new()
            .max_connections(settings.connections)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|connection, since| Box::pin(still_works(connection, since.idle_for)))
            .after_connect(|connection, _| Box::pin(tell(connection)))
            .connect_lazy_with(settings.options.clone());
        tracing::info!(%place, connections = settings.connections, "database open");
        Ok(Self { pool, options: settings.options.clone().into(), told: tokio::sync::watch::Sender::new(()) })
    }
}

async fn still_works(connection: &mut PgConnection, idle: Duration) -> sqlx::Result<bool> {
    if idle > IDLE {
        let asked = tokio::time::timeout(STILL_THERE, connection.ping()).await;
        asked.map_err(|_| sqlx::Error::Io(ErrorKind::TimedOut.into())).flatten()?;
    }
    Ok(true)
}

/// Brings the tables to this version, each migration in a transaction of its own. Whoever starts meanwhile waits at a
/// lock until it is done, however long that takes, so no limits of the server's, the database's or the role's count. The
/// connection must end also after an error, since the lock would stay with it.
async fn migrate(options: &PgConnectOptions, place: &str) -> Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .after_connect(|connection, _| {
            Box::pin(async move { sqlx::raw_sql(UNHURRIED).execute(connection).await.map(drop) })
        })
        .connect_lazy_with(options.clone());
    let migrated = MIGRATIONS.run(&pool).await;
    pool.close().await;
    migrated.map_err(|error| not_migrated(place, error))
}

async fn tell(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(TOLD).execute(connection).await.map(drop)
}

async fn check_server(connection: &mut PgConnection, place: &str) -> Result<()> {
    let query =
        "SELECT current_setting('server_version_num')::int4 AS number, current_setting('server_version') AS version,
                        current_setting('server_encoding') AS encoding, clock_timestamp() AS now";
    let asked = Timestamp::now();
    let row = sqlx::query(query).fetch_one(connection).await?;
    must_do(place, row.try_get("number")?, row.text("version")?, row.text("encoding")?)?;
    must_agree(place, row.time("now")?, asked, Timestamp::now())
}

/// Whether the server's clock says about what this machine's does, which looked before and after.
fn must_agree(place: &str, theirs: Timestamp, asked: Timestamp, told: Timestamp) -> Result<()> {
    let (ahead, behind) = (asked.duration_since(theirs), theirs.duration_since(told));
    if ahead.max(behind) > CLOCKS_APART {
        let (seconds, direction) =
            if ahead > behind { (ahead.as_secs(), "ahead of") } else { (behind.as_secs(), "behind") };
        return Err(StoreError::Clock { place: place.to_owned(), seconds, direction });
    }
    Ok(())
}

/// Whether a server and a database will do. The number is the version's first part times ten thousand, and more.
fn must_do(place: &str, number: i32, version: String, encoding: String) -> Result<()> {
    let place = place.to_owned();
    if number / 10_000 < LEAST_VERSION {
        return Err(StoreError::ServerTooOld { place, version, least: LEAST_VERSION });
    }
    if encoding != "UTF8" {
        return Err(StoreError::Encoding { place, encoding });
    }
    Ok(())
}

fn not_migrated(place: &str, error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) => StoreError::newer(place, found, &MIGRATIONS),
        other => StoreError::Schema { place: place.to_owned(), said: told(other) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_refused_by_its_version() {
        let judged = |number, version: &str| must_do("postgres://u@h:5432/d", number, version.into(), "UTF8".into());
        for (number, version) in [(130_000, "13.0"), (150_018, "15.18 (Debian)"), (180_001, "18.1")] {
            assert!(judged(number, version).is_ok(), "{version}");
        }
        let refused = judged(120_022, "12.22").unwrap_err().to_string();
        assert!(refused.contains("12.22") && refused.contains("13 or newer"), "{refused}");
    }

    #[test]
    fn a_clock_that_is_seconds_off_is_refused_by_how_much_and_one_that_answers_slowly_is_not() {
        let at = |second: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let judged = |theirs, asked, told| must_agree("postgres://u@h:5432/d", at(theirs), at(asked), at(told));
        for (theirs, asked, told) in [(100, 100, 100), (100, 95, 130), (100, 105, 105), (130, 100, 130)] {
            assert!(judged(theirs, asked, told).is_ok(), "{theirs} between {asked} and {told}");
        }
        let ahead = judged(100, 120, 121).unwrap_err().to_string();
        assert!(ahead.contains("20 s ahead of") && ahead.contains("NTP"), "{ahead}");
        let behind = judged(100, 60, 61).unwrap_err().to_string();
        assert!(behind.contains("39 s behind that"), "{behind}");
    }

    #[test]
    fn an_address_is_taken_apart_and_its_password_never_shown() {
        let place = |url: &str| PostgresSettings::new(url).unwrap().place();
        assert_eq!(place("postgres://u:hunter2@db.example:6432/d?sslmode=require"), "postgres://u@db.example:6432/d");
        assert_eq!(place("postgresql://u@h"), "postgres://u@h:5432/u", "without a name it is the user's");
        assert_eq!(place("postgres://u:hunter2@%2Frun%2Fpostgresql/d"), "postgres://u@/run/postgresql:5432/d");
        let settings = PostgresSettings::new("postgres://u:hunter2@h/d?password=hunter2").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        for wrong in ["u:hunter2@h/d", "postgres://u:hunter2@h:x/d", "postgres://u:hunter2@h/d?pass=hunter2"] {
            let refused = PostgresSettings::new(wrong).unwrap_err();
            assert!(matches!(refused, StoreError::Address { .. }), "{refused:?}");
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
        }
    }

    /// The address of a server that speaks TLS with everybody, which is when the driver reads certificate and key.
    fn with_tls() -> String {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let _ = client.read_exact(&mut [0; 8]).and_then(|()| client.write_all(b"S"));
            }
        });
        format!("postgres://u@127.0.0.1:{port}/d?sslmode=require")
    }

    #[tokio::test]
    async fn a_clients_key_that_is_no_pem_is_refused_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        // Line breaks are lost on their way through variables.
        for (name, text) in [
            ("good", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            ("flat", "-----BEGIN PRIVATE KEY-----\\nhunter2\\n-----END PRIVATE KEY-----"),
            ("cut", "-----BEGIN PRIVATE KEY-----hunter2\nhunter2\n"),
        ] {
            std::fs::write(path(name), text).unwrap();
        }
        let address = with_tls();
        for (certificate, key) in [("good", "flat"), ("good", "cut"), ("flat", "flat")] {
            let url = format!("{address}&sslcert={}&sslkey={}", path(certificate), path(key));
            let Err(refused) = PostgresStore::open(&PostgresSettings::new(&url).unwrap()).await else {
                panic!("{key} is no key")
            };
            let said = format!("{refused} {refused:?}");
            assert!(said.contains("sslkey") && said.contains("line breaks"), "{said}");
            // The driver writes it as a list of bytes.
            let numbers = format!("{:?}", b"hunter2");
            assert!(!said.contains("hunter2") && !said.contains(numbers.trim_matches(['[', ']'])), "{said}");
        }
    }
}
