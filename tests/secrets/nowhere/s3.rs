//! What a store of blobs is told: the signature of version 4, which is made with the secret key and is all that is sent
//! of it, and the session's token.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::fmt::Write as _;

use macadam_core::digest::Digest;

/// Whether a request's line and headers are signed with a secret key. Of a request with a query nothing is known.
pub(super) fn is_signed(head: &str, secret: &str) -> bool {
    signature(head, secret).is_some_and(|signature| head.contains(&format!("Signature={signature}")))
}

fn signature(head: &str, secret: &str) -> Option<String> {
    let mut words = head.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let said = header(head, "authorization")?;
    let part = |name: &str| said.split([',', ' ']).find_map(|part| part.strip_prefix(name));
    let (signed, scope) = (part("SignedHeaders=")?, part("Credential=")?.split_once('/')?.1);
    let mut canonical = format!("{method}\n{path}\n\n");
    for name in signed.split(';') {
        writeln!(canonical, "{name}:{}", header(head, name)?).ok()?;
    }
    write!(canonical, "\n{signed}\n{}", header(head, "x-amz-content-sha256")?).ok()?;
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        header(head, "x-amz-date")?,
        Digest::of(canonical.as_bytes()).hex()
    );
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, word| hmac(&key, word).to_vec());
    Some(Digest::from_bytes(hmac(&key, &to_sign)).hex())
}

/// A header, whose name may be written in any case.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(there, _)| there.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// HMAC with SHA-256 (RFC 2104). No key here is longer than a block.
fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Digest::of(&[&block.map(|byte| byte ^ 0x36)[..], text.as_bytes()].concat());
    *Digest::of(&[&block.map(|byte| byte ^ 0x5c)[..], inner.as_bytes()].concat()).as_bytes()
}

#[test]
fn a_signature_is_known_by_its_key() {
    // The example "PUT Object" of the description, without the query that "GET" has.
    let head = "PUT /test%24file.text HTTP/1.1\r\n\
                Host: examplebucket.s3.amazonaws.com\r\n\
                Date: Fri, 24 May 2013 00:00:00 GMT\r\n\
                Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,\
                Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd\r\n\
                x-amz-date: 20130524T000000Z\r\n\
                x-amz-storage-class: REDUCED_REDUNDANCY\r\n\
                x-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\r\n\r\n";
    assert!(is_signed(head, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
    assert!(!is_signed(head, "another key"));
}
