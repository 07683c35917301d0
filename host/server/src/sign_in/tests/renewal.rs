//! Keys change, providers fail: what a host does with the keys that it has.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use macadam_platform::Caller;
use serde_json::json;
use tokio::task::JoinHandle;

use super::super::SignInError;
use super::super::provider::Provider;
use super::issuer::{Issuer, NOW, Signer, at};

fn token(signer: &Signer, key: &str, issuer: &Issuer, until: i64) -> String {
    let claims = issuer.claims_but(&json!({"exp": until}));
    signer.token(&json!({"alg": "EdDSA", "kid": key}).to_string(), &claims.to_string())
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_tokens() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(vec![signer.jwk("k")]).await;
    let token = token(&signer, "k", &issuer, NOW + 300);
    let all = futures::future::join_all((0..50).map(|_| issuer.judge(&token))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(issuer.times_asked(), 1, "those who come at once share one request");
}

#[tokio::test]
async fn a_change_of_keys_refuses_nobody_and_ends_the_old_key() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::start(vec![old.jwk("old")]).await;
    let (before, after) = (token(&old, "old", &issuer, NOW + 300), token(&new, "new", &issuer, NOW + 300));
    assert!(issuer.judge(&before).await.is_ok());
    *issuer.served.keys.lock().unwrap() = vec![new.jwk("new")];
    assert!(issuer.judge_at(&after, NOW + 5).await.is_ok(), "the first token with the new key waits for the new set");
    assert!(issuer.judge_at(&before, NOW + 5).await.is_err(), "a key that the issuer has withdrawn counts no more");
}

#[tokio::test]
async fn a_key_that_is_replaced_under_its_own_name_or_without_one_is_found_when_keys_are_renewed() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::start(vec![old.jwk("k")]).await;
    assert!(issuer.judge(&token(&old, "k", &issuer, NOW + 300)).await.is_ok());
    *issuer.served.keys.lock().unwrap() = vec![new.jwk("k")];
    let later = NOW + 14 * 60;
    let after = token(&new, "k", &issuer, later + 300);
    assert!(issuer.judge_at(&after, later).await.is_err(), "the keys that are there are used, and renewed beside it");
    let mut tries = 0;
    while issuer.judge_at(&after, later).await.is_err() {
        tries += 1;
        assert!(tries < 500, "keys are renewed before their time is over");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn after_a_quiet_night_keys_are_renewed_before_one_that_was_withdrawn_lets_anybody_in() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::start(vec![old.jwk("old")]).await;
    assert!(issuer.judge(&token(&old, "old", &issuer, NOW + 300)).await.is_ok());
    *issuer.served.keys.lock().unwrap() = vec![new.jwk("new")];
    let morning = NOW + 12 * 3600;
    let stolen = token(&old, "old", &issuer, morning + 300);
    let judged = issuer.judge_at(&stolen, morning).await;
    assert!(matches!(&judged, Err(SignInError::Refused(why)) if why.contains("kid")), "{judged:?}");
    assert_eq!(issuer.times_asked(), 2, "the set that was asked for since the token came is not asked for again");

    let issuer = Issuer::start(vec![old.jwk("k")]).await;
    assert!(issuer.judge(&token(&old, "k", &issuer, NOW + 300)).await.is_ok());
    *issuer.served.keys.lock().unwrap() = vec![new.jwk("k")];
    let after = token(&new, "k", &issuer, morning + 300);
    let all = futures::future::join_all((0..50).map(|_| issuer.judge_at(&after, morning))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(issuer.times_asked(), 2, "those who come at once share one request");
}

#[tokio::test]
async fn a_provider_that_is_down_holds_up_nobody_whose_key_is_known_more_than_once() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(vec![signer.jwk("k")]).await;
    let morning = NOW + 12 * 3600;
    let token = token(&signer, "k", &issuer, morning + 300);
    assert!(issuer.judge(&token).await.is_ok());
    issuer.served.down.store(true, Ordering::SeqCst);
    assert!(issuer.judge_at(&token, morning).await.is_ok(), "the first waits until the provider has failed");
    // From then on a request is made beside, and one that is never answered is waited for by nobody.
    issuer.served.down.store(false, Ordering::SeqCst);
    let held = issuer.served.held.lock().await;
    let judged = tokio::time::timeout(Duration::from_secs(3), async {
        for _ in 0..20 {
            assert!(issuer.judge_at(&token, morning).await.is_ok());
        }
    });
    assert!(judged.await.is_ok(), "keys that are known are used meanwhile");
    drop(held);
}

#[tokio::test]
async fn a_provider_that_is_down_refuses_nobody_whose_key_is_known_for_as_long_as_is_said() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start_with(vec![signer.jwk("k")], |settings| settings.stale_keys_hours = 2).await;
    let far = NOW + 100 * 3600;
    let token = token(&signer, "k", &issuer, far);
    assert!(issuer.judge(&token).await.is_ok());
    issuer.served.down.store(true, Ordering::SeqCst);
    assert!(issuer.judge_at(&token, NOW + 3600).await.is_ok(), "an hour without the provider is an hour with its keys");
    assert!(issuer.judge_at(&token, NOW + 2 * 3600).await.is_ok());
    let refused = issuer.judge_at(&token, NOW + 2 * 3600 + 1).await.unwrap_err();
    assert!(matches!(&refused, SignInError::Unavailable(why) if why.contains(&issuer.address)), "{refused:?}");
    issuer.served.down.store(false, Ordering::SeqCst);
    assert!(issuer.judge_at(&token, NOW + 3 * 3600).await.is_ok(), "when it is back, so is everybody");
}

#[tokio::test]
async fn a_made_up_key_while_the_provider_is_down_is_a_refusal_and_no_failure_of_the_host() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(vec![signer.jwk("k")]).await;
    assert!(issuer.judge(&token(&signer, "k", &issuer, NOW + 300)).await.is_ok());
    issuer.served.down.store(true, Ordering::SeqCst);
    issuer.refuses(&token(&signer, "made-up", &issuer, NOW + 300), "kid", "a made-up key").await;
}

#[tokio::test]
async fn made_up_keys_make_the_host_ask_at_a_bounded_rate() {
    let signer = Signer::ed25519();
    let issuer = Issuer::start(vec![signer.jwk("k")]).await;
    let pause = Duration::from_millis(100);
    let provider = Arc::new(Provider::new(issuer.provider.settings().clone()).unwrap().with_pause(pause));
    let issuer = Issuer { provider, ..issuer };
    let began = tokio::time::Instant::now();
    for round in 0..5 {
        let made_up: Vec<_> = (0..20).map(|n| token(&signer, &format!("{round}-{n}"), &issuer, NOW + 300)).collect();
        let judged = futures::future::join_all(made_up.iter().map(|token| issuer.judge_at(token, NOW + round))).await;
        assert!(judged.iter().all(|judged| matches!(judged, Err(SignInError::Refused(_)))), "{judged:?}");
    }
    let pauses = began.elapsed().as_millis() / pause.as_millis();
    let asked = issuer.times_asked() as u128;
    assert!(asked <= 1 + pauses, "{asked} requests in {pauses} pauses, for 100 made-up keys");
}

/// Somebody who comes with a token, and may hang up.
fn comes(issuer: &Issuer, token: &str) -> JoinHandle<Result<Caller, SignInError>> {
    let (provider, token) = (Arc::clone(&issuer.provider), token.to_owned());
    tokio::spawn(async move {
        let read = macadam_jwt::read(&token)?;
        provider.caller(&token, &read, at(NOW)).await
    })
}

#[tokio::test]
async fn whoever_hangs_up_while_keys_are_fetched_takes_them_from_nobody() {
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::start(vec![old.jwk("old")]).await;
    // Long enough that both are there before the second request begins.
    let provider = Provider::new(issuer.provider.settings().clone()).unwrap().with_pause(Duration::from_millis(500));
    let issuer = Issuer { provider: Arc::new(provider), ..issuer };
    assert!(issuer.judge(&token(&old, "old", &issuer, NOW + 300)).await.is_ok());
    *issuer.served.keys.lock().unwrap() = vec![new.jwk("new")];
    let held = issuer.served.held.lock().await;
    let token = token(&new, "new", &issuer, NOW + 300);
    let (first, second) = (comes(&issuer, &token), comes(&issuer, &token));
    let mut tries = 0;
    while issuer.times_asked() < 2 {
        tries += 1;
        assert!(tries < 500, "the first of them makes the host ask");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled(), "the first waits for the keys when they hang up");
    drop(held);
    let judged = second.await.unwrap();
    assert!(judged.is_ok(), "the second came before the request, and has its answer: {judged:?}");
    assert_eq!(issuer.times_asked(), 2, "nobody asks once more");
}

#[tokio::test]
async fn a_discovery_document_of_somebody_else_is_not_believed() {
    let signer = Signer::ed25519();
    for (document, what) in [
        (json!({"issuer": "https://evil.example", "jwks_uri": "KEYS"}), "another issuer"),
        (json!({"issuer": "ISSUER", "jwks_uri": "http://keys.example/keys"}), "keys over plain HTTP"),
        (json!({"issuer": "ISSUER"}), "no keys"),
        (json!([]), "no document"),
    ] {
        let issuer = Issuer::start(vec![signer.jwk("k")]).await;
        let text = document
            .to_string()
            .replace("ISSUER", &issuer.address)
            .replace("KEYS", &format!("{}/keys", issuer.address));
        *issuer.served.discovery.lock().unwrap() = Some(serde_json::from_str(&text).unwrap());
        let judged = issuer.judge(&token(&signer, "k", &issuer, NOW + 300)).await;
        assert!(matches!(judged, Err(SignInError::Unavailable(_))), "{what}: {judged:?}");
        assert_eq!(issuer.times_asked(), 0, "{what}: nobody's keys are asked for");
    }
    for keys in [
        vec![],
        vec![json!({"kty": "oct", "k": "c2VjcmV0", "kid": "k"})],
        vec![json!({"kty": "RSA", "n": "AQ", "kid": "k"})],
    ] {
        let issuer = Issuer::start(keys.clone()).await;
        let judged = issuer.judge(&token(&signer, "k", &issuer, NOW + 300)).await;
        assert!(matches!(judged, Err(SignInError::Unavailable(_))), "{keys:?} are no keys to verify with: {judged:?}");
    }
}
