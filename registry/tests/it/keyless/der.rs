//! As much of DER and X.509 as a certificate authority for tests needs.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sigstore_verify::crypto::KeyPair;

pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;

const ECDSA_WITH_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
const ALTERNATIVE_NAME: &[u64] = &[2, 5, 29, 17];
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
const CODE_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 3];
const SCT_LIST: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
/// Fulcio's extension for the OIDC issuer.
const ISSUER: &[u64] = &[1, 3, 6, 1, 4, 1, 57264, 1, 8];

/// One value with its tag and length.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut bytes = match content.len() {
        0..128 => vec![tag, length[1]],
        128..256 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    bytes.extend(content);
    bytes
}

fn oid(arcs: &[u64]) -> Vec<u8> {
    let mut content = vec![u8::try_from(arcs[0] * 40 + arcs[1]).unwrap()];
    for arc in &arcs[2..] {
        let digits = (1..10).rev().map(|place| arc >> (7 * place)).filter(|rest| *rest > 0);
        content.extend(digits.map(|rest| 0x80 | (rest & 0x7f) as u8));
        content.push((arc & 0x7f) as u8);
    }
    tlv(OID, &content)
}

fn name(common: &str) -> Vec<u8> {
    let attribute = tlv(SEQUENCE, &[oid(COMMON_NAME), tlv(UTF8, common.as_bytes())].concat());
    tlv(SEQUENCE, &tlv(SET, &attribute))
}

fn extension(id: &[u64], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(BOOLEAN, &[0xff]) } else { Vec::new() };
    tlv(SEQUENCE, &[oid(id), critical, tlv(OCTET_STRING, value)].concat())
}

fn time(at: Timestamp) -> Vec<u8> {
    tlv(UTC_TIME, at.to_zoned(TimeZone::UTC).strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
}

/// What a certificate says; signing it makes it one.
pub(super) struct Contents<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: Option<&'a str>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) key: &'a [u8],
    pub(super) extensions: Vec<Vec<u8>>,
}

impl Contents<'_> {
    /// The part that is signed.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let version = tlv(0xa0, &tlv(INTEGER, &[2]));
        let parts = [
            version,
            tlv(INTEGER, &[0x42]),
            tlv(SEQUENCE, &oid(ECDSA_WITH_SHA256)),
            name(self.issuer),
            tlv(SEQUENCE, &[time(self.from), time(self.until)].concat()),
            self.subject.map_or_else(|| tlv(SEQUENCE, &[]), name),
            self.key.to_vec(),
            tlv(0xa3, &tlv(SEQUENCE, &self.extensions.concat())),
        ];
        tlv(SEQUENCE, &parts.concat())
    }

    pub(super) fn signed(&self, authority: &KeyPair) -> Vec<u8> {
        let contents = self.to_der();
        let signature = authority.sign(&contents).unwrap();
        let signature = tlv(BIT_STRING, &[&[0][..], signature.as_bytes()].concat());
        tlv(SEQUENCE, &[contents, tlv(SEQUENCE, &oid(ECDSA_WITH_SHA256)), signature].concat())
    }
}

/// The extensions of an authority.
pub(super) fn of_authority() -> Vec<Vec<u8>> {
    let constraints = tlv(SEQUENCE, &tlv(BOOLEAN, &[0xff]));
    vec![extension(BASIC_CONSTRAINTS, true, &constraints), extension(KEY_USAGE, true, &tlv(BIT_STRING, &[1, 0x06]))]
}

/// The extensions of who signs: for code, this subject, as that issuer knows it.
pub(super) fn of_signer(issuer: &str, subject: &str) -> Vec<Vec<u8>> {
    // A mail address, or else an address of the web.
    let kind = if subject.contains("://") { 0x86 } else { 0x81 };
    vec![
        extension(KEY_USAGE, true, &tlv(BIT_STRING, &[7, 0x80])),
        extension(EXTENDED_KEY_USAGE, false, &tlv(SEQUENCE, &oid(CODE_SIGNING))),
        extension(ALTERNATIVE_NAME, true, &tlv(SEQUENCE, &tlv(kind, subject.as_bytes()))),
        extension(ISSUER, false, &tlv(UTF8, issuer.as_bytes())),
    ]
}

/// The extension that carries what a certificate transparency log has signed (RFC 6962, section 3.3).
pub(super) fn of_certificate_log(list: &[u8]) -> Vec<u8> {
    extension(SCT_LIST, false, &tlv(OCTET_STRING, list))
}
