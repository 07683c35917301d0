//! An issuer on this machine: its keys, what it serves over HTTP, and the tokens that it signs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use macadam_platform::Caller;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256,
};
use serde_json::{Value, json};

use super::super::provider::Provider;
use super::super::{OidcSettings, SignInError};
use super::rfc7515::rsa_a2;

/// When everything happens here: 2026-01-01T00:00:00Z.
pub(super) const NOW: i64 = 1_767_225_600;

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// A key that signs.
pub(super) enum Signer {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// The key of the RFC: `ring` makes no RSA keys.
    pub(super) fn rsa() -> Self {
        let part = |name| URL_SAFE_NO_PAD.decode(rsa_a2(name)).unwrap();
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: part("n"), e: part("e") },
            d: part("d"),
            p: part("p"),
            q: part("q"),
            dP: part("dp"),
            dQ: part("dq"),
            qInv: part("qi"),
        };
        Self::Rsa(Box::new(RsaKeyPair::from_components(&components).unwrap()))
    }

    pub(super) fn p256() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap())
    }

    pub(super) fn p384() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
        Self::P384(EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, key.as_ref(), &random).unwrap())
    }

    pub(super) fn ed25519() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    /// The public key as JWK sets have it.
    pub(super) fn jwk(&self, id: &str) -> Value {
        let point = |key: &EcdsaKeyPair, curve: &str, length: usize| {
            let public = key.public_key().as_ref();
            let (x, y) = (base64(&public[1..=length]), base64(&public[1 + length..]));
            json!({"kty": "EC", "crv": curve, "x": x, "y": y, "kid": id})
        };
        match self {
            Self::Rsa(_) => json!({"kty": "RSA", "n": rsa_a2("n"), "e": rsa_a2("e"), "kid": id}),
            Self::P256(key) => point(key, "P-256", 32),
            Self::P384(key) => point(key, "P-384", 48),
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64(key.public_key().as_ref()), "kid": id})
            }
        }
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let padding: &dyn ring::signature::RsaEncoding =
                    if algorithm == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::P256(key) | Self::P384(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with this header and these claims, as texts, so that they may be as wrong as one likes.
    pub(super) fn token(&self, header: &str, claims: &str) -> String {
        let algorithm = serde_json::from_str::<Value>(header).ok().map(|header| header["alg"].clone());
        let message = format!("{}.{}", base64(header), base64(claims));
        let signature = self.sign(algorithm.as_ref().and_then(Value::as_str).unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", base64(signature))
    }
}

/// What an issuer serves.
#[derive(Default)]
pub(super) struct Served {
    pub(super) keys: Mutex<Vec<Value>>,
    pub(super) asked: AtomicUsize,
    pub(super) down: std::sync::atomic::AtomicBool,
    /// Whoever holds it keeps the keys from being answered.
    pub(super) held: tokio::sync::Mutex<()>,
    /// What the discovery document says in the place of the truth.
    pub(super) discovery: Mutex<Option<Value>>,
    address: Mutex<String>,
}

/// An issuer, and a host that trusts it.
pub(super) struct Issuer {
    pub(super) address: String,
    pub(super) served: Arc<Served>,
    pub(super) provider: Arc<Provider>,
}

impl Issuer {
    pub(super) async fn start(keys: Vec<Value>) -> Self {
        Self::start_with(keys, |_| {}).await
    }

    /// One whose settings are changed before they count.
    pub(super) async fn start_with(keys: Vec<Value>, change: impl FnOnce(&mut OidcSettings)) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(Served { keys: Mutex::new(keys), ..Served::default() });
        served.address.lock().unwrap().clone_from(&address);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(key_set))
            .with_state(Arc::clone(&served));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let settings = format!(
            "issuer = '{address}'\naudience = ['macadam']\nalgorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']\n\
             claims = {{ person = 'sub', team = 'team' }}\n"
        );
        let mut settings: OidcSettings = toml::from_str(&settings).unwrap();
        change(&mut settings);
        Self {
            address,
            served,
            provider: Arc::new(Provider::new(settings).unwrap().with_pause(std::time::Duration::ZERO)),
        }
    }

    /// What a good token says.
    pub(super) fn claims(&self) -> Value {
        json!({"iss": self.address, "aud": "macadam", "sub": "dana", "team": "payments", "iat": NOW, "exp": NOW + 300})
    }

    /// What a good token says, but for some.
    pub(super) fn claims_but(&self, change: &Value) -> Value {
        let mut claims = self.claims();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    /// Judges a token at a moment.
    pub(super) async fn judge_at(&self, token: &str, seconds: i64) -> Result<Caller, SignInError> {
        self.provider.caller(token, &macadam_jwt::read(token)?, at(seconds)).await
    }

    pub(super) async fn judge(&self, token: &str) -> Result<Caller, SignInError> {
        self.judge_at(token, NOW).await
    }

    /// The token is refused, for a reason with this word in it.
    pub(super) async fn refuses(&self, token: &str, word: &str, what: &str) {
        match self.judge(token).await {
            Ok(caller) => panic!("{what} must be refused, and lets {} in", caller.person),
            Err(SignInError::Refused(why)) => assert!(why.contains(word), "{what}: {word:?} in {why}"),
            Err(other) => panic!("{what}: {other:?}"),
        }
    }

    pub(super) fn times_asked(&self) -> usize {
        self.served.asked.load(Ordering::SeqCst)
    }
}

async fn discovery(State(served): State<Arc<Served>>) -> Response {
    if served.down.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let address = served.address.lock().unwrap().clone();
    let truth = json!({"issuer": address, "jwks_uri": format!("{address}/keys")});
    axum::Json(served.discovery.lock().unwrap().clone().unwrap_or(truth)).into_response()
}

async fn key_set(State(served): State<Arc<Served>>) -> Response {
    served.asked.fetch_add(1, Ordering::SeqCst);
    drop(served.held.lock().await);
    axum::Json(json!({"keys": *served.keys.lock().unwrap()})).into_response()
}
