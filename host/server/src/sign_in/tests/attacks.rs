//! What people try with tokens: each is refused, and the same token without the trick is taken.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use macadam_jwt::KeySet;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::issuer::{Issuer, Signer, base64};
use super::rfc7515::rsa_a2;

/// An issuer with a key of each kind.
async fn all_kinds() -> (Issuer, [(&'static str, &'static str, Signer); 5]) {
    let signers = [
        ("RS256", "rsa", Signer::rsa()),
        ("PS256", "rsa", Signer::rsa()),
        ("ES256", "p256", Signer::p256()),
        ("ES384", "p384", Signer::p384()),
        ("EdDSA", "ed", Signer::ed25519()),
    ];
    let keys = [0, 2, 3, 4].map(|index| signers[index].2.jwk(signers[index].1)).to_vec();
    (Issuer::start(keys).await, signers)
}

fn header(algorithm: &str, key: &str) -> String {
    json!({"alg": algorithm, "typ": "JWT", "kid": key}).to_string()
}

#[tokio::test]
async fn a_good_token_by_each_algorithm_lets_its_person_in() {
    let (issuer, signers) = all_kinds().await;
    for (algorithm, key, signer) in &signers {
        let token = signer.token(&header(algorithm, key), &issuer.claims().to_string());
        let caller = issuer.judge(&token).await.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!((caller.person.as_str(), caller.team.as_str()), ("dana", "payments"), "{algorithm}");
        assert!(!caller.is_service() && caller.roles.is_empty() && caller.scopes.is_none());
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let (issuer, _) = all_kinds().await;
    // What a library that lets the token choose would take: HMAC with the text of the public key as its secret.
    let modulus = rsa_a2("n");
    let jwk = json!({"kty": "RSA", "n": modulus, "e": "AQAB"}).to_string();
    for secret in [modulus.as_bytes(), jwk.as_bytes(), b"", b"secret"] {
        let message = format!("{}.{}", base64(header("HS256", "rsa")), base64(issuer.claims().to_string()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        let token = format!("{message}.{}", base64(ring::hmac::sign(&key, message.as_bytes())));
        issuer.refuses(&token, "HS256", "a token with a public key for a secret").await;
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused_however_none_is_spelled() {
    let (issuer, signers) = all_kinds().await;
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let message = format!("{}.{}", base64(header(none, "rsa")), base64(issuer.claims().to_string()));
        issuer.refuses(&format!("{message}."), "alg", "an unsigned token").await;
        issuer.refuses(&format!("{message}.e30"), "alg", "a token with anything for a signature").await;
    }
    let token = signers[0].2.token(&header("RS256", "rsa"), &issuer.claims().to_string());
    let (message, _) = token.rsplit_once('.').unwrap();
    issuer.refuses(&format!("{message}."), "signature", "a token whose signature was removed").await;
}

#[tokio::test]
async fn an_algorithm_that_is_not_the_keys_own_is_refused() {
    let (issuer, signers) = all_kinds().await;
    let claims = issuer.claims().to_string();
    let rsa = &signers[0].2;
    // The header says one thing, the signature is by another.
    for (says, key) in
        [("ES256", "rsa"), ("EdDSA", "rsa"), ("RS256", "p256"), ("ES384", "p256"), ("ES256", "p384"), ("ES256", "ed")]
    {
        issuer.refuses(&rsa.token(&header(says, key), &claims), "not for its algorithm", says).await;
    }
    issuer
        .refuses(&rsa.token(&header("RS512", "rsa"), &claims), "does not count", "an algorithm that is not allowed")
        .await;
    issuer.refuses(&rsa.token(&header("ES512", "p256"), &claims), "alg", "an algorithm that is not known").await;
    issuer.refuses(&rsa.token(&json!({"alg": 5}).to_string(), &claims), "alg", "an algorithm that is no text").await;
    issuer.refuses(&rsa.token("{\"kid\": \"rsa\"}", &claims), "alg", "no algorithm").await;
    let pss = rsa
        .token(&header("PS256", "rsa"), &claims)
        .replace(&base64(header("PS256", "rsa")), &base64(header("RS256", "rsa")));
    issuer.refuses(&pss, "signature", "a PSS signature that is said to be PKCS #1").await;
}

#[tokio::test]
async fn a_key_that_says_what_it_is_for_is_used_for_nothing_else() {
    let rsa = Signer::rsa();
    let with = |more: Value| {
        let mut jwk = rsa.jwk("rsa");
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    };
    for (more, good) in [
        (json!({"use": "sig", "alg": "RS256", "key_ops": ["verify"]}), true),
        (json!({"alg": "PS256"}), false),
        (json!({"use": "enc"}), false),
        (json!({"key_ops": ["encrypt"]}), false),
        (json!({"alg": "RSA-OAEP"}), false),
    ] {
        // Another key beside it, so that the set is one even without the first.
        let issuer = Issuer::start(vec![with(more.clone()), Signer::p256().jwk("other")]).await;
        let token = rsa.token(&header("RS256", "rsa"), &issuer.claims().to_string());
        assert_eq!(issuer.judge(&token).await.is_ok(), good, "RS256 by a key with {more}");
    }
}

/// A signer's key with some members changed.
fn odd(signer: &Signer, change: &Value) -> Value {
    let mut jwk = signer.jwk("odd");
    jwk.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    jwk
}

/// A signer's key with one member cut to so many bytes, or with zeros before it up to so many.
fn resized(signer: &Signer, member: &str, length: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(signer.jwk("odd")[member].as_str().unwrap()).unwrap();
    let mut resized = vec![0_u8; length.saturating_sub(bytes.len())];
    resized.extend(bytes.iter().take(length));
    odd(signer, &json!({member: base64(resized)}))
}

/// Whether a set of only this key is one of use.
fn is_of_use(jwk: &Value) -> bool {
    KeySet::read(json!({"keys": [jwk]}).to_string().as_bytes()).is_ok()
}

#[tokio::test]
async fn a_key_of_another_curve_or_of_the_wrong_length_is_no_key() {
    let (p256, p384, ed) = (Signer::p256(), Signer::p384(), Signer::ed25519());
    for signer in [&p256, &p384, &ed] {
        assert!(is_of_use(&signer.jwk("good")), "the same without the change is a key");
    }
    // As long as the curve's own, so that the curve is all that speaks against it.
    let of_length = |length: usize| base64(vec![1_u8; length]);
    let point =
        |curve: &str, length| odd(&p256, &json!({"crv": curve, "x": of_length(length), "y": of_length(length)}));
    let pair = |curve: &str, length| odd(&ed, &json!({"crv": curve, "x": of_length(length)}));
    for (what, jwk) in [
        ("P-521", point("P-521", 66)),
        ("secp256k1", point("secp256k1", 32)),
        ("X25519", pair("X25519", 32)),
        ("X448", pair("X448", 56)),
        ("Ed448", pair("Ed448", 57)),
        ("Ed25519 as a point", odd(&ed, &json!({"kty": "EC", "y": of_length(32)}))),
        ("P-256 as a pair", odd(&p256, &json!({"kty": "OKP"}))),
        ("P-256 that says that it is P-384", odd(&p256, &json!({"crv": "P-384"}))),
        ("P-384 that says that it is P-256", odd(&p384, &json!({"crv": "P-256"}))),
        ("P-256 without a y", odd(&p256, &json!({"y": null}))),
        ("P-256 with an empty x", resized(&p256, "x", 0)),
        ("P-256 with an x of 31 bytes", resized(&p256, "x", 31)),
        ("P-256 with an x of 33 bytes", resized(&p256, "x", 33)),
        ("P-256 with a y of 31 bytes", resized(&p256, "y", 31)),
        ("P-256 with a y of 33 bytes", resized(&p256, "y", 33)),
        ("P-384 with an x of 47 bytes", resized(&p384, "x", 47)),
        ("P-384 with a y of 49 bytes", resized(&p384, "y", 49)),
        ("Ed25519 of 31 bytes", resized(&ed, "x", 31)),
        ("Ed25519 of 33 bytes", resized(&ed, "x", 33)),
    ] {
        assert!(!is_of_use(&jwk), "{what} verifies nothing here");
        // Another key beside it, so that the set is one even without it.
        let issuer = Issuer::start(vec![jwk, Signer::rsa().jwk("other")]).await;
        let claims = issuer.claims().to_string();
        for (algorithm, signer) in [("ES256", &p256), ("ES384", &p384), ("EdDSA", &ed)] {
            issuer.refuses(&signer.token(&header(algorithm, "odd"), &claims), "no such key", what).await;
        }
        for algorithm in ["ES512", "ES256K", "Ed448", "ECDH-ES"] {
            issuer.refuses(&p256.token(&header(algorithm, "odd"), &claims), "never counts", what).await;
        }
    }
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_is_not_looked_at() {
    let (issuer, signers) = all_kinds().await;
    let (stranger, claims) = (Signer::p256(), issuer.claims().to_string());
    for (member, value) in [
        ("jwk", stranger.jwk("p256")),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("enc", json!("A128GCM")),
    ] {
        let header = json!({"alg": "ES256", "kid": "p256", member: value}).to_string();
        issuer.refuses(&stranger.token(&header, &claims), member, "a stranger's token").await;
        issuer.refuses(&signers[2].2.token(&header, &claims), member, "the issuer's own, with the same member").await;
    }
    let forged = stranger.token(&header("ES256", "p256"), &claims);
    issuer.refuses(&forged, "signature", "a stranger's token under the issuer's key id").await;
}

#[tokio::test]
async fn a_key_id_finds_a_key_of_its_issuer_and_nothing_else() {
    let (issuer, signers) = all_kinds().await;
    let claims = issuer.claims().to_string();
    for id in ["../../../etc/passwd", "' OR 1=1 --", "https://evil.example/k", "RSA", "rsa ", "", "rsa\u{0}"] {
        let token = signers[0].2.token(&json!({"alg": "RS256", "kid": id}).to_string(), &claims);
        issuer.refuses(&token, "kid", "a token with a made-up key id").await;
    }
    for id in [json!(1), json!(["rsa"]), json!(null), json!({"a": 1})] {
        let token = signers[0].2.token(&json!({"alg": "RS256", "kid": id}).to_string(), &claims);
        issuer.refuses(&token, "kid", "a key id that is no text").await;
    }
    let unnamed = signers[0].2.token(&json!({"alg": "RS256"}).to_string(), &claims);
    assert!(issuer.judge(&unnamed).await.is_ok(), "one key fits, so it needs no name");
    let two = Issuer::start(vec![Signer::p256().jwk("a"), Signer::p256().jwk("b")]).await;
    let token = Signer::p256().token(&json!({"alg": "ES256"}).to_string(), &two.claims().to_string());
    two.refuses(&token, "kid", "a token that could be of either key").await;
}

#[tokio::test]
async fn a_token_has_three_parts_and_each_is_base64url_without_padding() {
    let (issuer, signers) = all_kinds().await;
    let token = signers[2].2.token(&header("ES256", "p256"), &issuer.claims().to_string());
    let parts: Vec<_> = token.split('.').collect();
    let [head, claims, signature] = parts.try_into().unwrap();
    for (bad, what) in [
        (format!("{head}.{claims}"), "two parts"),
        (format!("{token}.{signature}"), "four parts"),
        (format!("{token}."), "an empty fourth part"),
        (format!("{head}.{head}.{claims}.{signature}"), "a header twice"),
        (format!("{head}..{signature}"), "no claims"),
        (format!(".{claims}.{signature}"), "no header"),
        (format!("{head}=.{claims}.{signature}"), "padding"),
        (format!("{head}.{claims}.{signature}=="), "a padded signature"),
        (format!("{head}.{claims}.{}", &signature[1..]), "a shortened signature"),
        (format!("{head}.{claims}.{signature}{signature}"), "a signature twice"),
        (format!("{head}.{claims}.{}", base64([0; 64])), "a signature of zeros"),
        (format!(" {token}"), "a blank before"),
        (format!("{head}. {claims}.{signature}"), "a blank within"),
        (format!("{head}\n.{claims}.{signature}"), "a line's end within"),
        (token.replace('_', "/").replace('-', "+") + "/", "the other base64"),
        (format!("{head}.{claims}.{signature}{}", "A".repeat(20_000)), "more than a token may have"),
    ] {
        assert!(issuer.judge(&bad).await.is_err(), "{what} must be refused");
    }
    assert!(issuer.judge(&token).await.is_ok());
}

#[tokio::test]
async fn a_name_that_stands_twice_is_refused_in_the_header_and_in_the_claims() {
    let (issuer, signers) = all_kinds().await;
    let (key, claims) = (&signers[2].2, issuer.claims().to_string());
    let twice = r#"{"alg": "ES256", "kid": "p256", "alg": "ES256"}"#;
    issuer.refuses(&key.token(twice, &claims), "twice", "two algorithms").await;
    for more in
        [r#""sub": "ada""#, r#""iss": "https://other.example""#, r#""exp": 9999999999"#, r#""x": {"a": 1, "a": 2}"#]
    {
        let doubled = format!("{},{more}}}", claims.strip_suffix('}').unwrap());
        issuer.refuses(&key.token(&header("ES256", "p256"), &doubled), "twice", more).await;
    }
    for no_object in ["[]", "\"a\"", "1", "", "{", "null"] {
        issuer.refuses(&key.token(&header("ES256", "p256"), no_object), "claims", "claims that are no object").await;
        issuer.refuses(&key.token(no_object, &claims), "header", "a header that is no object").await;
    }
}

#[tokio::test]
async fn another_kind_of_token_by_the_same_key_is_no_leave_to_do_anything() {
    let (issuer, signers) = all_kinds().await;
    let claims = issuer.claims().to_string();
    for kind in ["logout+jwt", "dpop+jwt", "secevent+jwt", "jwe", "", "oauth-authz-req+jwt"] {
        let header = json!({"alg": "ES256", "kid": "p256", "typ": kind}).to_string();
        issuer.refuses(&signers[2].2.token(&header, &claims), "typ", kind).await;
    }
    for kind in ["at+jwt", "AT+JWT", "application/at+jwt", "jwt"] {
        let header = json!({"alg": "ES256", "kid": "p256", "typ": kind}).to_string();
        assert!(issuer.judge(&signers[2].2.token(&header, &claims)).await.is_ok(), "{kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_token_with_any_one_bit_changed_is_refused(place in any::<prop::sample::Index>(), bit in 0..8_u32, kind in 0..5_usize) {
        thread_local! {
            static WORLD: (tokio::runtime::Runtime, Issuer, Vec<String>) = {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
                let (issuer, signers) = runtime.block_on(all_kinds());
                let claims = issuer.claims().to_string();
                let tokens = signers.iter().map(|(algorithm, key, signer)| signer.token(&header(algorithm, key), &claims));
                let tokens = tokens.collect();
                (runtime, issuer, tokens)
            };
        }
        WORLD.with(|(runtime, issuer, tokens)| {
            let mut bytes = tokens[kind].clone().into_bytes();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            // A header of HTTP is text; what is none does not come this far.
            let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
            let judged = runtime.block_on(issuer.judge(&changed));
            prop_assert!(judged.is_err(), "bit {bit} of byte {place}: {changed}");
            Ok(())
        })?;
    }
}
