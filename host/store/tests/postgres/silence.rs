//! A server that is not there any more and does not say so, as when its machine loses power or the network is cut.

use std::time::Duration;

use macadam_store::{PostgresStore, Teams as _};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::{CONNECTIONS, Database, open};

/// A way to a server. When it falls silent, connections that are there stay open and hear nothing more; new ones work.
struct Way {
    url: String,
    silent: watch::Sender<()>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        let server = (options.get_host().to_owned(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = options.host("127.0.0.1").port(listener.local_addr().unwrap().port());
        let silent = watch::Sender::new(());
        let heard = silent.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, mut silence) = (server.clone(), heard.subscribe());
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let ended = tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => true,
                        _ = silence.changed() => false,
                    };
                    if !ended {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { url: near.to_url_lossy().to_string(), silent }
    }
}

/// Has as many connections as there may be.
async fn use_all(store: &PostgresStore) {
    for _ in 0..3 {
        let all: Vec<_> = (0..CONNECTIONS * 4)
            .map(|_| {
                tokio::spawn({
                    let store = store.clone();
                    async move { store.teams().await }
                })
            })
            .collect();
        for one in all {
            one.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_nobody_answers_any_more_are_replaced_before_who_wants_one_gives_up() {
    let database = Database::fresh().await;
    let way = Way::to(&database.url()).await;
    let store = open(&way.url).await;
    use_all(&store).await;
    way.silent.send_replace(());
    // Those that were used just now are not asked whether they still work.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for _ in 0..2 {
        store.teams().await.expect("another connection does it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_the_tables_waits_longer_than_the_database_lets_others() {
    let database = Database::fresh().await;
    drop(open(&database.url()).await);
    let hurried = "DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET statement_timeout = 300', current_database());
            EXECUTE format('ALTER DATABASE %I SET lock_timeout = 300', current_database());
        END $$";
    database.run(hurried).await.unwrap();
    let mut busy = PgConnection::connect(&database.url()).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE _sqlx_migrations IN ACCESS EXCLUSIVE MODE").execute(&mut busy).await.unwrap();
    let url = database.url();
    let waiting = tokio::spawn(async move { open(&url).await });
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!waiting.is_finished(), "it waits for whoever has the tables");
    sqlx::raw_sql("COMMIT").execute(&mut busy).await.unwrap();
    waiting.await.unwrap().teams().await.unwrap();
}
