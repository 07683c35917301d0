//! Every way to sign a package, not to, and to cheat, under every policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use macadam_registry::signature::{Difference, EnvelopeError, MAX_ENVELOPE, MAX_SIGNATURES, MergeError, PAYLOAD_TYPE};
use macadam_registry::{
    Envelope, Package, SignatureError, SignaturePolicy, SigningKey, TrustedKeys, Verified, sign, verify,
};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::support::{named_policy, policy};

/// A namespace with a key that counts, one that was revoked, and a stranger.
struct Namespace {
    keys: TrustedKeys,
    active: SigningKey,
    second: SigningKey,
    revoked: SigningKey,
    stranger: SigningKey,
}

impl Namespace {
    fn new() -> Self {
        let [active, second, revoked, stranger] = std::array::from_fn(|_| SigningKey::generate().unwrap());
        let mut keys = TrustedKeys::none_of("macadam".parse().unwrap());
        for key in [&active, &second, &revoked] {
            keys.trust(key.public()).unwrap();
        }
        keys.revoke(revoked.id(), Timestamp::from_second(7).unwrap(), "a laptop was stolen").unwrap();
        Self { keys, active, second, revoked, stranger }
    }

    fn verify(&self, envelope: &Envelope, policy: SignaturePolicy) -> Result<Verified, SignatureError> {
        verify(&package(), Some(envelope), &self.keys, policy)
    }

    /// The envelope as bytes that somebody else handed over, judged as a host does that.
    fn take(&self, bytes: &[u8], policy: SignaturePolicy) -> Result<Verified, String> {
        let envelope = Envelope::from_bytes(bytes).map_err(|error| error.to_string())?;
        self.verify(&envelope, policy).map_err(|error| error.to_string())
    }
}

fn package() -> Package {
    policy("1.0.0", "# A policy\n")
}

/// The envelope with its JSON changed.
fn changed(envelope: &Envelope, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = serde_json::from_slice(&envelope.to_bytes()).unwrap();
    change(&mut value);
    serde_json::to_vec(&value).unwrap()
}

/// Turns one bit of a base64 field over.
fn flip(field: &mut Value) {
    let mut bytes = STANDARD.decode(field.as_str().unwrap()).unwrap();
    bytes[20] ^= 1;
    *field = STANDARD.encode(bytes).into();
}

#[test]
fn every_signature_is_judged_the_same_whether_one_is_required_or_not() {
    let team = Namespace::new();
    let good = sign(&package(), &team.active);
    for policy in [SignaturePolicy::Required, SignaturePolicy::Optional] {
        let signed = Verified::Signed { keys: vec![team.active.id()] };
        assert_eq!(team.verify(&good, policy).unwrap(), signed, "a valid signature is taken where it is {policy}");

        let wrong_key = team.verify(&sign(&package(), &team.stranger), policy).unwrap_err();
        assert!(
            matches!(&wrong_key, SignatureError::Foreign { signers, .. } if *signers == [team.stranger.id()]),
            "{wrong_key}"
        );

        let revoked = team.verify(&sign(&package(), &team.revoked), policy).unwrap_err();
        assert!(matches!(&revoked, SignatureError::Revoked { key, .. } if *key == team.revoked.id()), "{revoked}");
        assert!(revoked.to_string().contains("a laptop was stolen"), "it says since when and why: {revoked}");

        let bad = changed(&good, |envelope| flip(&mut envelope["signatures"][0]["sig"]));
        let bad = team.verify(&Envelope::from_bytes(&bad).unwrap(), policy).unwrap_err();
        assert!(matches!(&bad, SignatureError::Bad { key, .. } if *key == team.active.id()), "tampered sig: {bad}");

        let stripped = changed(&good, |envelope| envelope["signatures"] = json!([]));
        let stripped = Envelope::from_bytes(&stripped).unwrap_err();
        assert!(matches!(stripped, EnvelopeError::NoSignatures), "an empty list is not `unsigned`: {stripped}");
    }
    let missing = verify(&package(), None, &team.keys, SignaturePolicy::Required).unwrap_err();
    assert!(matches!(missing, SignatureError::Missing { .. }), "{missing}");
    let unsigned = verify(&package(), None, &team.keys, SignaturePolicy::Optional).unwrap();
    assert_eq!(unsigned, Verified::Unsigned, "where none is required, none is needed");
}

#[test]
fn a_valid_signature_of_another_package_says_what_it_was_made_for() {
    let team = Namespace::new();
    let cases = [
        (policy("1.0.1", "# A policy\n"), Difference::Version),
        (named_policy("macadam/other", "1.0.0", "# A policy\n"), Difference::Name),
        (policy("1.0.0", "# Another\n"), Difference::Contents { files: vec!["README.md"] }),
    ];
    for (other, expected) in cases {
        for policy in [SignaturePolicy::Required, SignaturePolicy::Optional] {
            let refused = team.verify(&sign(&other, &team.active), policy).unwrap_err();
            let SignatureError::Replayed { signed, offered, difference } = &refused else { panic!("{refused}") };
            assert_eq!((&**signed, &**offered), (&other.reference(), &package().reference()), "{refused}");
            assert_eq!(difference, &expected, "{refused}");
        }
    }
}

#[test]
fn a_changed_payload_is_refused_even_when_it_names_the_package_it_is_beside() {
    let team = Namespace::new();
    let other = sign(&policy("0.9.0", "# A policy\n"), &team.active);
    // The signature of another version, and the payload that would fit.
    let fitting: Value = serde_json::from_slice(&sign(&package(), &team.stranger).to_bytes()).unwrap();
    let forged = changed(&other, |envelope| envelope["payload"] = fitting["payload"].clone());
    for policy in [SignaturePolicy::Required, SignaturePolicy::Optional] {
        let refused = team.verify(&Envelope::from_bytes(&forged).unwrap(), policy).unwrap_err();
        assert!(matches!(refused, SignatureError::Bad { .. }), "{refused}");
    }
    // The name of a trusted key over somebody else's signature.
    let forged = changed(&sign(&package(), &team.stranger), |envelope| {
        envelope["signatures"][0]["keyid"] = team.active.id().to_string().into();
    });
    let refused = team.verify(&Envelope::from_bytes(&forged).unwrap(), SignaturePolicy::Optional).unwrap_err();
    assert!(matches!(refused, SignatureError::Bad { .. }), "a key's name proves nothing: {refused}");
}

#[test]
fn one_good_signature_is_enough_whatever_stands_beside_it() {
    let team = Namespace::new();
    let all = [&team.stranger, &team.revoked, &team.active, &team.second].map(|key| sign(&package(), key));
    let together = all.into_iter().reduce(|one, other| one.merge(other).unwrap()).unwrap();
    let signed = Verified::Signed { keys: vec![team.active.id(), team.second.id()] };
    assert_eq!(
        team.verify(&together, SignaturePolicy::Required).unwrap(),
        signed,
        "who counts is named, who not is not"
    );

    let broken = changed(&together, |envelope| flip(&mut envelope["signatures"][2]["sig"]));
    let signed = Verified::Signed { keys: vec![team.second.id()] };
    let taken = team.verify(&Envelope::from_bytes(&broken).unwrap(), SignaturePolicy::Required).unwrap();
    assert_eq!(taken, signed, "a broken one beside a good one takes nothing from it");
}

#[test]
fn of_several_signatures_that_do_not_count_the_one_that_should_have_is_named() {
    let team = Namespace::new();
    let [foreign, revoked, active] = [&team.stranger, &team.revoked, &team.active].map(|key| sign(&package(), key));
    let two = foreign.clone().merge(revoked).unwrap();
    let refused = team.verify(&two, SignaturePolicy::Optional).unwrap_err();
    assert!(matches!(refused, SignatureError::Revoked { .. }), "{refused}");
    let three = changed(&two.merge(active).unwrap(), |envelope| flip(&mut envelope["signatures"][2]["sig"]));
    let refused = team.verify(&Envelope::from_bytes(&three).unwrap(), SignaturePolicy::Optional).unwrap_err();
    assert!(matches!(refused, SignatureError::Bad { .. }), "{refused}");
}

#[test]
fn the_keys_of_one_namespace_say_nothing_of_another_ones_packages() {
    let team = Namespace::new();
    let other = named_policy("acme/approval-policy", "1.0.0", "# A policy\n");
    for envelope in [None, Some(sign(&other, &team.active))] {
        let refused = verify(&other, envelope.as_ref(), &team.keys, SignaturePolicy::Optional).unwrap_err();
        assert!(matches!(refused, SignatureError::OtherNamespace { .. }), "{refused}");
    }
}

#[test]
fn a_package_keeps_its_signature_however_it_is_packed() {
    let team = Namespace::new();
    let good = package();
    let envelope = sign(&good, &team.active);
    let mut gzip = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::none());
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&good.archive()[..]), &mut tar).unwrap();
    std::io::Write::write_all(&mut gzip, &tar).unwrap();
    let repacked = macadam_registry::read(&gzip.finish().unwrap()[..], &macadam_registry::Expected::default()).unwrap();
    assert_ne!(repacked.digest(), good.digest(), "the test needs another archive of the same files");
    assert!(verify(&repacked, Some(&envelope), &team.keys, SignaturePolicy::Required).is_ok());
}

#[test]
fn a_signature_is_the_same_every_time_and_is_read_back_as_it_was_written() {
    let team = Namespace::new();
    let envelope = sign(&package(), &team.active);
    assert_eq!(envelope, sign(&package(), &team.active));
    assert_eq!(Envelope::read(&envelope.to_bytes()[..]).unwrap(), envelope);
    let value: Value = serde_json::from_slice(&envelope.to_bytes()).unwrap();
    assert_eq!(value["payloadType"], PAYLOAD_TYPE, "the fields are those of DSSE");
    let payload: Value = serde_json::from_slice(&STANDARD.decode(value["payload"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(payload["name"], "macadam/approval-policy");
    assert_eq!(payload["files"]["plugin.wasm"], package().component().digest().to_string());
}

#[test]
fn signing_again_replaces_a_keys_signature_and_keeps_the_others() {
    let team = Namespace::new();
    let [one, two] = [&team.active, &team.second].map(|key| sign(&package(), key));
    let both = one.clone().merge(two).unwrap();
    assert_eq!(both.clone().merge(one.clone()).unwrap(), both);
    let broken = changed(&both, |envelope| flip(&mut envelope["signatures"][0]["sig"]));
    assert_eq!(Envelope::from_bytes(&broken).unwrap().merge(one).unwrap(), both, "the newer signature counts");
    let other = sign(&policy("2.0.0", ""), &team.active);
    assert!(matches!(both.clone().merge(other), Err(MergeError::OtherPackage { .. })));
    let many =
        (2..MAX_SIGNATURES).fold(both, |all, _| all.merge(sign(&package(), &SigningKey::generate().unwrap())).unwrap());
    assert!(many.to_bytes().len() < MAX_ENVELOPE, "an envelope with every signature it may have can be read");
    assert_eq!(Envelope::from_bytes(&many.to_bytes()).unwrap(), many);
    let refused = many.merge(sign(&package(), &SigningKey::generate().unwrap())).unwrap_err();
    assert!(matches!(refused, MergeError::TooManySignatures { .. }), "{refused}");
}

#[test]
fn what_is_not_an_envelope_is_refused_by_name() {
    let good = sign(&package(), &SigningKey::generate().unwrap());
    let refused = |change: &dyn Fn(&mut Value)| Envelope::from_bytes(&changed(&good, change)).unwrap_err();
    let twice = |envelope: &mut Value| {
        let signature = envelope["signatures"][0].clone();
        envelope["signatures"].as_array_mut().unwrap().push(signature);
    };
    assert!(matches!(refused(&twice), EnvelopeError::TwiceByOneKey { .. }));
    assert!(matches!(refused(&|e| e["payloadType"] = "text/plain".into()), EnvelopeError::OtherPayload { .. }));
    assert!(matches!(refused(&|e| e["payload"] = "e30=".into()), EnvelopeError::NotAStatement { .. }));
    assert!(matches!(refused(&|e| e["payload"] = "e30".into()), EnvelopeError::NotBase64 { field: "payload" }));
    assert!(matches!(
        refused(&|e| e["signatures"][0]["sig"] = "AAAA".into()),
        EnvelopeError::NotBase64 { field: "sig" }
    ));
    assert!(matches!(refused(&|e| e["signatures"][0]["keyid"] = "x".into()), EnvelopeError::KeyId(_)));
    assert!(matches!(refused(&|e| e["more"] = 1.into()), EnvelopeError::NotAnEnvelope { .. }));
    assert!(matches!(refused(&|e| e["signatures"][0]["cert"] = "".into()), EnvelopeError::NotAnEnvelope { .. }));
    let long = vec![b' '; MAX_ENVELOPE + 1];
    assert!(matches!(Envelope::read(&long[..]), Err(EnvelopeError::TooLarge { .. })));
    assert!(matches!(Envelope::read(std::io::repeat(b'{')), Err(EnvelopeError::TooLarge { .. })), "an endless one");
    let many: Vec<_> = (0..=MAX_SIGNATURES).map(|_| json!({"keyid": "", "sig": ""})).collect();
    let refused = refused(&|e| e["signatures"] = many.clone().into());
    assert!(matches!(refused, EnvelopeError::TooManySignatures { .. }), "{refused}");
}

proptest! {
    #[test]
    fn an_envelope_with_any_byte_changed_is_refused(place: Index, difference in 1_u8..=255) {
        let team = Namespace::new();
        let mut bytes = sign(&package(), &team.active).to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= difference;
        for policy in [SignaturePolicy::Required, SignaturePolicy::Optional] {
            let taken = team.take(&bytes, policy);
            prop_assert!(taken.is_err(), "byte {} may not become {:?}: {:?}", place, bytes[place] as char, taken);
        }
    }

    #[test]
    fn an_envelope_that_was_cut_is_refused(length: Index) {
        let team = Namespace::new();
        let bytes = sign(&package(), &team.active).to_bytes();
        prop_assert!(team.take(&bytes[..length.index(bytes.len())], SignaturePolicy::Optional).is_err());
    }

    #[test]
    fn any_bytes_are_an_envelope_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Envelope::from_bytes(&bytes);
    }
}

#[test]
fn an_envelope_with_any_bit_turned_over_is_refused() {
    let team = Namespace::new();
    let good = sign(&package(), &team.active).to_bytes();
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[place] ^= 1 << bit;
            assert!(team.take(&bytes, SignaturePolicy::Optional).is_err(), "bit {bit} of byte {place} changes nothing");
        }
    }
}
