//! Every way to sign a package without a key, and to cheat, against an instance of one's own; and bundles of the public
//! one.

mod der;
mod instance;
mod proof;
mod reading;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use macadam_registry::signature::keyless::PREDICATE_TYPE;
use macadam_registry::signature::{Bundle, BundleError, Difference, Identity, KeylessError, Statement};
use macadam_registry::{
    Envelope, Package, SignatureError, SignaturePolicy, SigningKey, TrustedKeys, Verified, sign, verify,
};
use serde_json::{Value, json};

use crate::support::{named_policy, policy};
use instance::{Instance, Signing};

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const WORKFLOW: &str = "https://github.com/acme/gate/.github/workflows/release.yml@refs/heads/main";
const GOOGLE: &str = "https://accounts.google.com";

fn package() -> Package {
    policy("1.0.0", "# A policy\n")
}

/// The in-toto statement that `cosign attest-blob` makes of a package's statement.
fn attestation(package: &Package) -> Value {
    let statement = Statement::of(package).to_bytes();
    let digest = macadam_core::digest::Digest::of(&statement);
    json!({
        "_type": "https://in-toto.io/Statement/v0.1", "predicateType": PREDICATE_TYPE,
        "subject": [{"name": "statement.json", "digest": {"sha256": digest.hex()}}],
        "predicate": serde_json::from_slice::<Value>(&statement).unwrap(),
    })
}

/// A namespace that trusts a workflow and a person, and an instance that vouches for both.
struct Team {
    instance: Instance,
    keys: TrustedKeys,
}

impl Team {
    fn new() -> Self {
        let instance = Instance::new();
        let mut keys = TrustedKeys::none_of("macadam".parse().unwrap());
        keys.trust(identity(GITHUB, WORKFLOW)).unwrap();
        keys.trust(identity(GOOGLE, "ana@example.com")).unwrap();
        let keys = keys.by_root(Some(instance.trust_root()));
        Self { instance, keys }
    }

    fn signed(&self, how: &Signing<'_>) -> Value {
        self.instance.sign(attestation(&package()).to_string().as_bytes(), how)
    }

    fn good(&self) -> Value {
        self.signed(&Signing::by(GITHUB, WORKFLOW))
    }

    /// The bundle judged beside a package, as a host does that: read from an envelope's bytes.
    fn judge(&self, package: &Package, bundle: &Value) -> Result<Verified, SignatureError> {
        let envelope = Envelope::from_bytes(&enveloped(bundle).to_bytes()).unwrap();
        let [required, optional] = [SignaturePolicy::Required, SignaturePolicy::Optional]
            .map(|policy| verify(package, Some(&envelope), &self.keys, policy));
        assert_eq!(
            required.is_ok(),
            optional.is_ok(),
            "what is there is judged the same whether one is required or not"
        );
        required
    }

    /// Why the package's bundle proves nothing.
    fn unproven(&self, bundle: &Value) -> KeylessError {
        match self.judge(&package(), bundle).unwrap_err() {
            SignatureError::Keyless { source, .. } => source,
            other => panic!("{other}"),
        }
    }
}

fn identity(issuer: &str, subject: &str) -> Identity {
    Identity::new(issuer, subject).unwrap()
}

fn read(bundle: &Value) -> Result<Bundle, BundleError> {
    Bundle::from_bytes(&serde_json::to_vec(bundle).unwrap())
}

fn enveloped(bundle: &Value) -> Envelope {
    Envelope::of_bundle(read(bundle).unwrap())
}

/// The bundle with its JSON changed.
fn changed(bundle: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut changed = bundle.clone();
    change(&mut changed);
    changed
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

/// Turns one bit of a base64 field over.
fn flip(field: &mut Value) {
    let mut bytes = STANDARD.decode(field.as_str().unwrap()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    *field = STANDARD.encode(bytes).into();
}

/// The bundle's in-toto statement changed, and nothing else.
fn restated(bundle: &Value, change: impl FnOnce(&mut Value)) -> Value {
    changed(bundle, |bundle| {
        let payload = &mut bundle["dsseEnvelope"]["payload"];
        let mut said: Value = serde_json::from_slice(&STANDARD.decode(payload.as_str().unwrap()).unwrap()).unwrap();
        change(&mut said);
        *payload = STANDARD.encode(said.to_string()).into();
    })
}

#[test]
fn the_bundle_of_a_trusted_identity_counts_like_the_signature_of_a_key() {
    let team = Team::new();
    let by_workflow = team.judge(&package(), &team.good()).unwrap();
    assert_eq!(by_workflow, Verified::Signed { keys: vec![identity(GITHUB, WORKFLOW).id()] });
    let by_person = team.judge(&package(), &team.signed(&Signing::by(GOOGLE, "ana@example.com"))).unwrap();
    assert_eq!(by_person, Verified::Signed { keys: vec![identity(GOOGLE, "ana@example.com").id()] });
}

#[test]
fn who_is_not_trusted_is_named_with_who_is() {
    let mut team = Team::new();
    let foreign = team.judge(&package(), &team.signed(&Signing::by(GITHUB, "https://github.com/eve/x"))).unwrap_err();
    assert!(matches!(foreign, SignatureError::ForeignIdentity { .. }), "{foreign}");
    assert!(foreign.to_string().contains("https://github.com/eve/x"), "{foreign}");

    // Anybody can run an issuer that says that somebody is Ana; Fulcio names which one said so.
    let other = "https://issuer.example";
    let wrong = team.judge(&package(), &team.signed(&Signing::by(other, "ana@example.com"))).unwrap_err();
    let SignatureError::WrongIssuer { identity: who, trusted, .. } = &wrong else { panic!("{wrong}") };
    assert_eq!((who.issuer(), trusted.as_str()), (other, GOOGLE), "{wrong}");

    for near in ["Ana@example.com", "ana@example.com.evil.example", "ana@example.co"] {
        let refused = team.judge(&package(), &team.signed(&Signing::by(GOOGLE, near))).unwrap_err();
        assert!(matches!(refused, SignatureError::ForeignIdentity { .. }), "{near} is not Ana: {refused}");
    }

    let at = Timestamp::from_second(7).unwrap();
    team.keys.revoke(identity(GITHUB, WORKFLOW).id(), at, "the repository was taken over").unwrap();
    let revoked = team.judge(&package(), &team.good()).unwrap_err();
    assert!(matches!(revoked, SignatureError::RevokedIdentity { .. }), "{revoked}");
    assert!(revoked.to_string().contains("the repository was taken over"), "{revoked}");
}

#[test]
fn the_bundle_of_another_package_says_what_it_was_made_for() {
    let team = Team::new();
    for (other, expected) in [
        (policy("1.0.1", "# A policy\n"), Difference::Version),
        (named_policy("macadam/other", "1.0.0", "# A policy\n"), Difference::Name),
        (policy("1.0.0", "# Another\n"), Difference::Contents { files: vec!["README.md"] }),
    ] {
        let refused = team.judge(&other, &team.good()).unwrap_err();
        let SignatureError::Replayed { signed, difference, .. } = &refused else { panic!("{refused}") };
        assert_eq!((&**signed, difference), (&package().reference(), &expected), "{refused}");
    }
}

#[test]
fn a_changed_statement_or_signature_is_not_by_the_certificates_key() {
    let team = Team::new();
    let good = team.good();
    // A bundle for another version, made to say that it is for this one.
    let other = policy("0.9.0", "# A policy\n");
    let made = team.instance.sign(attestation(&other).to_string().as_bytes(), &Signing::by(GITHUB, WORKFLOW));
    let fitting = attestation(&package());
    for forged in [
        restated(&made, |said| *said = fitting),
        restated(&good, |said| said["subject"][0]["name"] = "else".into()),
        changed(&good, |bundle| flip(&mut bundle["dsseEnvelope"]["signatures"][0]["sig"])),
    ] {
        let refused = team.unproven(&forged);
        assert!(matches!(refused, KeylessError::Signature { .. }), "{refused}");
    }
    // Signed by the right identity, but the blob was not what the predicate says.
    let mut said = attestation(&package());
    said["subject"][0]["digest"]["sha256"] = "00".repeat(32).into();
    let refused = team.unproven(&team.instance.sign(said.to_string().as_bytes(), &Signing::by(GITHUB, WORKFLOW)));
    assert_eq!(refused, KeylessError::OtherSubject);
}

#[test]
fn without_a_root_or_an_identity_no_bundle_counts_and_the_remedy_is_named() {
    let team = Team::new();
    let rootless = Team { keys: team.keys.clone().by_root(None), ..Team::new() };
    let refused = rootless.unproven(&team.good());
    assert_eq!(refused, KeylessError::NoRoot);
    assert!(refused.to_string().contains("--trusted-root"), "{refused}");

    let key = SigningKey::generate().unwrap();
    let mut keys = TrustedKeys::none_of("macadam".parse().unwrap()).by_root(Some(team.instance.trust_root()));
    keys.trust(key.public()).unwrap();
    let only_keys = Team { keys, ..Team::new() };
    let refused = only_keys.judge(&package(), &team.good()).unwrap_err();
    assert!(matches!(refused, SignatureError::NoIdentities { .. }), "{refused}");

    // Whatever stands beside a good signature takes nothing from it.
    let both = sign(&package(), &key).merge(enveloped(&team.good())).unwrap();
    let both = Envelope::from_bytes(&both.to_bytes()).unwrap();
    let signed = verify(&package(), Some(&both), &only_keys.keys, SignaturePolicy::Required).unwrap();
    assert_eq!(signed, Verified::Signed { keys: vec![key.id()] });
    let signed = verify(&package(), Some(&both), &team.keys, SignaturePolicy::Required).unwrap();
    assert_eq!(signed, Verified::Signed { keys: vec![identity(GITHUB, WORKFLOW).id()] });
}

#[test]
fn a_key_cannot_sign_in_the_name_of_an_identity() {
    let team = Team::new();
    let mut forged: Value =
        serde_json::from_slice(&sign(&package(), &SigningKey::generate().unwrap()).to_bytes()).unwrap();
    forged["signatures"][0]["keyid"] = identity(GITHUB, WORKFLOW).id().to_string().into();
    let envelope = Envelope::from_bytes(&serde_json::to_vec(&forged).unwrap()).unwrap();
    let refused = verify(&package(), Some(&envelope), &team.keys, SignaturePolicy::Optional).unwrap_err();
    assert!(matches!(refused, SignatureError::Foreign { .. }), "{refused}");
}
