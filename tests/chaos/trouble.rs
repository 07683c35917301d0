//! What happens to hosts and databases, chosen by chance that is the same in every run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use macadam_tests::postgres::Postgres;
use macadam_tests::replicas::Replicas;

/// What may happen. The weight is how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A host dies and comes back.
    Death,
    /// A host sleeps for longer than its leases last, and wakes up in the middle of what it was doing.
    Sleep,
    /// One sleeps while another dies.
    SleepAndDeath,
    /// What the hosts keep everything in dies and comes back.
    DatabaseDeath,
    /// The server dies on which databases are made.
    TargetDeath,
}

const KINDS: [Kind; 7] =
    [Kind::Death, Kind::Death, Kind::Sleep, Kind::Sleep, Kind::SleepAndDeath, Kind::DatabaseDeath, Kind::TargetDeath];

/// What happens in so many seconds at least. The order is the same in every run: a death and a sleep are over after twelve
/// seconds, and each kind has been after a minute; the rest is for machines that are slow.
const LEAST: [(u64, &[Kind]); 2] = [
    (crate::SHORT, &[Kind::Death, Kind::Sleep]),
    (180, &[Kind::Death, Kind::Sleep, Kind::SleepAndDeath, Kind::DatabaseDeath, Kind::TargetDeath]),
];

/// How long a host sleeps at least: its leases last four seconds.
const NAP: u64 = 5_000;

/// How often what happened.
#[derive(Default)]
pub(crate) struct Troubles(BTreeMap<Kind, u32>);

impl fmt::Display for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<_> = self.0.iter().map(|(kind, times)| format!("{times} times {kind:?}")).collect();
        f.write_str(&each.join(", "))
    }
}

impl Troubles {
    /// Makes sure that there was trouble enough for what holds afterwards to mean something.
    pub(crate) fn suffice_for(&self, time: Duration) {
        assert!(!self.0.is_empty(), "nothing has happened in {time:?}");
        for (seconds, kinds) in LEAST {
            let missing: Vec<_> = kinds.iter().filter(|kind| !self.0.contains_key(*kind)).collect();
            assert!(time.as_secs() < seconds || missing.is_empty(), "{missing:?} never happened in {time:?}: {self}");
        }
    }
}

/// Makes trouble.
pub(crate) struct Trouble {
    replicas: Replicas,
    databases: Postgres,
    /// As in Knuth, TAOCP 2, section 3.3.4, table 1, line 26.
    chance: u64,
}

impl Trouble {
    pub(crate) fn new(replicas: Replicas, databases: Postgres) -> Self {
        Self { replicas, databases, chance: 20_261_127 }
    }

    pub(crate) fn over(self) -> (Replicas, Postgres) {
        (self.replicas, self.databases)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % bound
    }

    async fn wait(&mut self, least_ms: u64, more_ms: u64) {
        let wait = Duration::from_millis(least_ms + self.below(more_ms));
        tokio::time::sleep(wait).await;
    }

    /// Makes trouble for so long, and mends everything.
    pub(crate) async fn make(&mut self, time: Duration) -> Troubles {
        let (begin, mut troubles) = (Instant::now(), Troubles::default());
        while begin.elapsed() < time {
            let kind = KINDS[usize::try_from(self.below(KINDS.len() as u64)).expect("a small number")];
            match kind {
                Kind::Death => {
                    let host = self.host();
                    self.death(host).await;
                }
                Kind::Sleep => {
                    let host = self.host();
                    self.replicas.servers[host].pause();
                    self.wait(NAP, 2_000).await;
                    self.replicas.servers[host].resume();
                }
                Kind::SleepAndDeath => {
                    let host = self.host();
                    self.replicas.servers[host].pause();
                    self.wait(500, 1_000).await;
                    let other = (host + 1) % self.replicas.servers.len();
                    self.death(other).await;
                    self.wait(NAP, 2_000).await;
                    self.replicas.servers[host].resume();
                }
                Kind::DatabaseDeath => {
                    self.replicas.postgres.kill();
                    self.wait(0, 1_500).await;
                    self.replicas.postgres.revive().await;
                }
                Kind::TargetDeath => {
                    self.databases.kill();
                    self.wait(0, 1_500).await;
                    self.databases.revive().await;
                }
            }
            *troubles.0.entry(kind).or_default() += 1;
            self.wait(300, 1_500).await;
        }
        troubles
    }

    fn host(&mut self) -> usize {
        usize::try_from(self.below(self.replicas.servers.len() as u64)).expect("a small number")
    }

    async fn death(&mut self, host: usize) {
        self.replicas.servers[host].kill();
        self.wait(0, 1_000).await;
        self.replicas.servers[host].launch_without_waiting();
    }
}
