//! A power cut while somebody writes: what the disk holds of the write-ahead log ends anywhere, or is not what was written.
//!
//! A process that is killed leaves its log whole in the system's memory, so that proves nothing of a power cut. Here the file
//! and its log are copied while writes go on, each copy's log is damaged from some place on, and the copy is opened. The
//! database itself is as it was when the log began: SQLite writes to it only what is on the disk in the log already.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use macadam_store::*;
use tempfile::TempDir;

use crate::suite::world::*;

/// Requests that are made; few enough that SQLite does not fold its log of a thousand pages into the database meanwhile.
const REQUESTS: usize = 20;

/// Places at which a log is damaged, beside those in its header.
const PLACES: usize = 24;

/// A request whose submission was answered, and how long the log was then.
#[derive(Clone, Copy)]
struct Answered {
    request: RequestId,
    log: usize,
}

/// A database and its log, copied at one moment.
struct Copied {
    database: Vec<u8>,
    log: Vec<u8>,
}

fn log_of(database: &Path) -> PathBuf {
    database.with_extension("db-wal")
}

/// A database with a team and an environment that nobody has open, so that it is one file.
async fn at_rest(world: &World) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("macadam.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.put_team(&team("shop", at_most(1000)), None, world.now()).await.unwrap();
    for environment in world.store.environments().await.unwrap() {
        store.put_environment(&environment, None, world.now()).await.unwrap();
    }
    store.close().await;
    (folder, path)
}

/// Makes requests one after the other, and notes each as soon as it is answered.
async fn make_requests(store: SqliteStore, path: PathBuf, world: World, answered: Arc<Mutex<Vec<Answered>>>) {
    for number in 0..REQUESTS {
        let new = world.create("shop", &format!("db{number}"), 1);
        store.submit(&new, world.now()).await.unwrap();
        let log = usize::try_from(std::fs::metadata(log_of(&path)).unwrap().len()).unwrap();
        answered.lock().unwrap_or_else(PoisonError::into_inner).push(Answered { request: new.id, log });
    }
}

/// What is done to a log, from a place on.
type Damage = fn(&mut Vec<u8>, usize);

/// Ways to damage a log.
fn damages() -> [(&'static str, Damage); 4] {
    [
        ("cut off", |log, place| log.truncate(place)),
        ("zeroed", |log, place| log.iter_mut().skip(place).for_each(|byte| *byte = 0)),
        ("scrambled", |log, place| {
            // A multiplicative generator, so that every run scrambles alike.
            let mut noise = 0x9e37_79b9_u32;
            for byte in log.iter_mut().skip(place) {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte ^= noise.to_be_bytes()[0] | 1;
            }
        }),
        // The disk wrote later sectors, and not this one.
        ("missing a sector", |log, place| log.iter_mut().skip(place).take(512).for_each(|byte| *byte ^= 0x55)),
    ]
}

/// Opens a copy, and says which of the requests are there, having made sure that each is there whole.
async fn requests_in(copied: &Copied, log: &[u8], what: &str) -> BTreeSet<RequestId> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("macadam.db");
    std::fs::write(&path, &copied.database).unwrap();
    std::fs::write(log_of(&path), log).unwrap();
    let store = SqliteStore::open(&path).await.unwrap_or_else(|error| panic!("{what}: it must open: {error}"));
    store.verify_audit(None).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let requests = store.list_requests(&RequestFilter::default(), PageRequest::first(100)).await.unwrap();
    let (entries, events) = (store.audit_since(0, 1000).await.unwrap(), store.events_since(0, 1000).await.unwrap());
    for request in &requests {
        let resource = request.subject.resource().expect("it is about a resource");
        let resource = store.resource(resource).await.unwrap().unwrap_or_else(|| panic!("{what}: no resource"));
        assert_eq!(resource.open_request, Some(request.id), "{what}");
        let job = request.job.expect("it has a job");
        assert!(store.job(job).await.unwrap().is_some(), "{what}: no job");
        let id = request.id.to_string();
        assert!(entries.iter().any(|entry| entry.request.as_ref() == Some(&id)), "{what}: no audit entry");
        assert!(events.iter().any(|event| event.subject == format!("requests/{id}")), "{what}: no event");
    }
    let resources = store.list_resources(&ResourceFilter::default(), PageRequest::first(100)).await.unwrap();
    assert_eq!(resources.len(), requests.len(), "{what}: nothing is there without its request");
    // What was recovered takes something new.
    store.append_audit(&NewAuditEntry::new("x", "y"), jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    store.close().await;
    SqliteStore::check_backup(&path).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    requests.iter().map(|request| request.id).collect()
}

/// Copies a database while requests are made, with those that were answered before, and then all that were answered.
async fn copied_while_writing(world: &World) -> (Copied, usize, Vec<Answered>) {
    let (_folder, path) = at_rest(world).await;
    let before = std::fs::read(&path).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    let answered = Arc::new(Mutex::new(Vec::<Answered>::new()));
    let so_far = || answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let writing = tokio::spawn(make_requests(store.clone(), path.clone(), world.clone(), Arc::clone(&answered)));
    while so_far().len() < REQUESTS / 2 && !writing.is_finished() {
        tokio::task::yield_now().await;
    }
    let answered_before = so_far().len();
    let copied = Copied { database: std::fs::read(&path).unwrap(), log: std::fs::read(log_of(&path)).unwrap() };
    writing.await.unwrap();
    assert!(copied.database == before, "everything that is new is in the log; make fewer requests here");
    store.close().await;
    let answered = so_far();
    assert!(answered.is_sorted_by_key(|one| one.log), "the log only grew; make fewer requests here");
    (copied, answered_before, answered)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_cut_there_is_all_that_was_answered_up_to_where_the_log_is_whole_and_nothing_half() {
    let world = World::start().await;
    let (copied, answered_before, answered) = copied_while_writing(&world).await;
    let whole = requests_in(&copied, &copied.log, "the whole log").await;
    assert!(whole.len() >= answered_before, "{} are there of {answered_before} that were answered", whole.len());

    let length = copied.log.len();
    // The header has 32 bytes, a frame 24 before its page; a stride that is a multiple of neither meets all parts of both.
    let spread = (0..PLACES).map(|n| length * n / PLACES + n * 7 % 97);
    for place in [0, 16, 32].into_iter().chain(spread).filter(|place| *place < length) {
        for (how, damage) in damages() {
            let what = format!("the log is {how} from {place} of {length} on");
            let mut log = copied.log.clone();
            damage(&mut log, place);
            let there = requests_in(&copied, &log, &what).await;
            let first: BTreeSet<_> = answered.iter().take(there.len()).map(|one| one.request).collect();
            assert_eq!(there, first, "{what}: what is there is what was answered first");
            let on_disk = answered.iter().filter(|one| one.log <= place).count();
            assert!(there.len() >= on_disk, "{what}: {} are there of {on_disk} that are whole in it", there.len());
            assert!(there.len() <= on_disk + 1, "{what}: {} cannot be there", there.len());
        }
    }
}
