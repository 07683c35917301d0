//! The signatures of tokens, verified by `ring`, which is here for TLS anyway: `jsonwebtoken` brings no cryptography of its
//! own but asks a provider, and this is the one of this process.
//!
//! There is no HMAC and no signing in it: a secret that host and issuer share, or a public key taken for one, verifies
//! nothing here.

use std::sync::Once;

use jsonwebtoken::crypto::{self, CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::Key;

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: no_signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

static INSTALLED: Once = Once::new();

/// Whether a token is signed by a key. The crate would read the claims once more, and less strictly than [`read`] has
/// read them already, so it is only asked about the signature.
///
/// [`read`]: crate::read
#[must_use]
pub fn verify(token: &str, key: &Key, algorithm: Algorithm) -> bool {
    INSTALLED.call_once(|| {
        // Whoever was first is this function: nothing else here knows the crate.
        let _ = PROVIDER.install_default();
    });
    let (message, signature) = token.rsplit_once('.').unwrap_or_default();
    matches!(crypto::verify(signature, message.as_bytes(), key.decoding(), algorithm), Ok(true))
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    match (by(*algorithm)?, key.kind()) {
        (By::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let key = RsaPublicKeyComponents { n: n.clone(), e: e.clone() };
            Ok(Box::new(Rsa { algorithm: *algorithm, parameters, key }))
        }
        (By::Curve(curve), DecodingKeyKind::SecretOrDer(key)) => {
            Ok(Box::new(Curve { algorithm: *algorithm, key: UnparsedPublicKey::new(curve, key.clone()) }))
        }
        _ => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

/// How `ring` calls an algorithm.
enum By {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm),
}

fn by(algorithm: Algorithm) -> Result<By, Error> {
    Ok(match algorithm {
        Algorithm::RS256 => By::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => By::Rsa(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => By::Rsa(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => By::Rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => By::Rsa(&RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => By::Rsa(&RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => By::Curve(&ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => By::Curve(&ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => By::Curve(&ED25519),
        // HS256 and its like, and whatever the crate learns later.
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    })
}

struct Rsa {
    algorithm: Algorithm,
    parameters: &'static RsaParameters,
    key: RsaPublicKeyComponents<Vec<u8>>,
}

impl Verifier<Vec<u8>> for Rsa {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.key.verify(self.parameters, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Rsa {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct Curve {
    algorithm: Algorithm,
    key: UnparsedPublicKey<Vec<u8>>,
}

impl Verifier<Vec<u8>> for Curve {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.key.verify(message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Curve {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
