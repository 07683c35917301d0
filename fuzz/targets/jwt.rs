//! A bearer token that is meant as a JWT: nothing panics, and nothing is verified but what the key has signed.
//!
//! An input is used in three ways: as a token of a stranger's, as changes to a token that counts, and as header and claims,
//! on two lines, that the issuer signs.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use macadam_jwt::{Algorithm, KeySet, read, verify};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

/// An issuer with one key.
struct Issuer {
    signer: Ed25519KeyPair,
    keys: KeySet,
}

impl Issuer {
    fn new(seed: u8) -> Self {
        let signer = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("any 32 bytes are a seed");
        let x = URL_SAFE_NO_PAD.encode(signer.public_key().as_ref());
        let set = format!(r#"{{"keys": [{{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "{x}"}}]}}"#);
        let keys = KeySet::read(set.as_bytes()).expect("the set can be read");
        Self { signer, keys }
    }

    fn sign(&self, header: &[u8], claims: &[u8]) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signer.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// Whether a token counts, whatever it says of its key.
    fn takes(&self, token: &str) -> bool {
        let Ok(read) = read(token) else { return false };
        let keys = [Some("a"), None, read.key_id.as_deref()].map(|id| self.keys.find(id, read.algorithm));
        keys.into_iter().flatten().any(|key| verify(token, key, read.algorithm))
    }
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::new(7));
static OTHER: LazyLock<Issuer> = LazyLock::new(|| Issuer::new(8));
static GENUINE: LazyLock<String> = LazyLock::new(|| {
    let claims = br#"{"iss":"https://issuer.example","sub":"ana","aud":"macadam","exp":1767225600}"#;
    ISSUER.sign(br#"{"alg":"EdDSA","kid":"a","typ":"JWT"}"#, claims)
});

/// The genuine token with some of its bytes replaced: two bytes of the input are where and by what.
fn changed(by: &[u8]) -> Option<String> {
    let mut token = GENUINE.clone().into_bytes();
    for change in by.chunks_exact(2).take(8) {
        let at = usize::from(change[0]) * token.len() / 256;
        token[at] = change[1];
    }
    String::from_utf8(token).ok()
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(!ISSUER.takes(text) || text == *GENUINE, "nobody but the issuer signs: {text}");
    }
    if let Some(token) = changed(bytes) {
        assert_eq!(ISSUER.takes(&token), token == *GENUINE, "a changed token is none: {token}");
    }
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (header, claims) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let token = ISSUER.sign(header, claims);
    if let Ok(read) = read(&token) {
        let means_the_key = read.algorithm == Algorithm::EdDSA;
        assert_eq!(ISSUER.takes(&token), means_the_key, "what is signed is verified, by its own algorithm: {token}");
        assert!(!OTHER.takes(&token), "another's key verifies nothing");
        let said: serde_json::Value = serde_json::from_slice(claims).expect("what was read is JSON");
        assert_eq!(serde_json::Value::Object(read.claims), said, "claims are read as what they say");
    }
});
