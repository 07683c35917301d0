//! Secrets behind handles.

use macadam_store::*;

use super::world::*;

fn secret(handle: &str, scope: &str, name: &str, bytes: &[u8]) -> SecretRecord {
    SecretRecord { handle: handle.into(), scope: scope.into(), name: name.into(), sealed: Sealed::new(bytes) }
}

#[tokio::test]
async fn a_step_that_is_repeated_gets_the_secret_of_the_first_time() {
    let world = World::start().await;
    let (first, second) = (secret("h1", "r1", "password", b"one"), secret("h2", "r1", "password", b"two"));
    assert_eq!(world.store.put_secret_if_absent(&first, world.now()).await.unwrap(), first);
    assert_eq!(world.store.put_secret_if_absent(&second, world.now()).await.unwrap(), first);
    assert_eq!(world.store.secret("h1").await.unwrap(), Some(first));
    assert_eq!(world.store.secret("h2").await.unwrap(), None);
}

#[tokio::test]
async fn secrets_go_with_their_scope_and_nothing_else_does() {
    let world = World::start().await;
    for secret in [secret("h1", "r1", "a", b"1"), secret("h2", "r1", "b", b"2"), secret("h3", "r2", "a", b"3")] {
        world.store.put_secret_if_absent(&secret, world.now()).await.unwrap();
    }
    assert_eq!(world.store.delete_secrets("r1").await.unwrap(), 2);
    assert_eq!(world.store.delete_secrets("r1").await.unwrap(), 0, "again is no error");
    assert!(world.store.secret("h1").await.unwrap().is_none());
    assert!(world.store.secret("h3").await.unwrap().is_some());
}

#[test]
fn a_sealed_secret_prints_nothing_of_itself() {
    assert_eq!(format!("{:?}", secret("h", "s", "n", b"abc").sealed), "Sealed(3 bytes)");
}
