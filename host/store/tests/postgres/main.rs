//! The store on PostgreSQL: the suite that every store passes, and what only a server and several replicas can do.
//!
//! The server is the one that `MACADAM_TEST_POSTGRES` names, as a role that may make databases, or else one that is
//! started for this run.

#![allow(unreachable_pub, reason = "a test binary has nobody to export to")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

#[path = "../../../../tests/src/postgres.rs"]
#[allow(dead_code, reason = "the tests of providers need more of it")]
mod postgres;
#[path = "../suite/mod.rs"]
mod suite;

mod audit;
mod listening;
mod logs;
mod replicas;
mod server;
mod silence;
mod turmoil;

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use macadam_store::{PostgresSettings, PostgresStore, Store};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::sync::OnceCell;

use crate::postgres::Postgres;

/// Connections of one replica here.
const CONNECTIONS: u32 = 6;

/// The server, for as long as the process lives.
struct Server {
    /// Of the database in which others are made.
    url: String,
    /// A database as a first start leaves it, to be copied. Not on a server that outlives the tests, where it would stay.
    template: Option<String>,
    _own: Option<Postgres>,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

impl Server {
    async fn get() -> &'static Self {
        SERVER.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let given = std::env::var("MACADAM_TEST_POSTGRES").ok();
        let own = if given.is_some() { None } else { Some(Postgres::start().await) };
        let url = given.or_else(|| own.as_ref().map(Postgres::superuser_url)).expect("one of the two");
        let template = own.as_ref().map(|_| name());
        let server = Self { url, template, _own: own };
        if let Some(template) = &server.template {
            server.run(&format!("CREATE DATABASE {template} TEMPLATE template0")).await;
            open(&server.of(template)).await.close().await;
        }
        server
    }

    /// The address of another database of the server.
    fn of(&self, database: &str) -> String {
        let options: PgConnectOptions = self.url.parse().expect("MACADAM_TEST_POSTGRES is postgres://…");
        options.database(database).to_url_lossy().to_string()
    }

    async fn run(&self, sql: &str) {
        let mut admin = PgConnection::connect(&self.url).await.expect("the server lets the tests in");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

/// A name that no other run has either.
fn name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("macadam_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn open(url: &str) -> PostgresStore {
    let settings = PostgresSettings::new(url).unwrap().connections(CONNECTIONS);
    PostgresStore::open(&settings).await.unwrap()
}

/// A database of the test's own, which goes with it.
pub struct Database {
    name: String,
    server: &'static Server,
}

impl Database {
    /// One without tables.
    pub async fn empty() -> Self {
        Self::make("template0").await
    }

    /// One as a first start leaves it, or finds it.
    pub async fn fresh() -> Self {
        Self::make(Server::get().await.template.as_deref().unwrap_or("template0")).await
    }

    async fn make(template: &str) -> Self {
        let (server, name) = (Server::get().await, name());
        server.run(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { name, server }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.of(&self.name)
    }

    /// Runs statements on it beside any store.
    ///
    /// # Errors
    /// What the server says.
    pub async fn run(&self, sql: &'static str) -> sqlx::Result<()> {
        let mut connection = PgConnection::connect(&self.url()).await?;
        sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, drop) = (self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(server.run(&drop));
        });
        // A database that is left over spoils nothing.
        let _ = dropping.join();
    }
}

/// A store on a database of its own.
pub struct TestStore {
    store: Box<dyn Store>,
    /// Where it is.
    pub database: Database,
}

impl TestStore {
    /// An empty one.
    pub async fn fresh() -> Self {
        let database = Database::fresh().await;
        let store = Box::new(open(&database.url()).await);
        Self { store, database }
    }

    /// Another process's store on the same database: its own connections, nothing shared but the server.
    pub async fn replica(&self) -> PostgresStore {
        open(&self.database.url()).await
    }
}

impl Deref for TestStore {
    type Target = dyn Store;
    fn deref(&self) -> &Self::Target {
        self.store.as_ref()
    }
}
