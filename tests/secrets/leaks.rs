//! Looking for what should not be there: secrets in every form that a text takes on its way.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Something that a host is told or makes, and that must not come out of it.
pub(crate) struct Canary {
    /// What it is.
    pub(crate) what: &'static str,
    secret: Vec<u8>,
    /// Beginnings of the names of outputs that it may be in.
    may_be_in: &'static [&'static str],
}

/// Something that a host gives out or writes.
pub(crate) struct Output {
    /// Where it was found.
    pub(crate) name: String,
    /// What it says.
    pub(crate) bytes: Vec<u8>,
}

impl Output {
    pub(crate) fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

impl Canary {
    pub(crate) fn new(what: &'static str, secret: impl Into<Vec<u8>>) -> Self {
        Self { what, secret: secret.into(), may_be_in: &[] }
    }

    pub(crate) fn but_in(self, may_be_in: &'static [&'static str]) -> Self {
        Self { may_be_in, ..self }
    }

    /// The secret as it is, percent-encoded, in hexadecimal digits, as a list of bytes, and in base64 wherever it begins.
    fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let hex: String = self.secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![("plain", self.secret.clone()), ("percent", percent(&self.secret)), ("hex", hex.into())];
        let numbers = format!("{:?}", self.secret);
        let numbers = numbers.trim_matches(['[', ']']);
        forms.extend([("numbers", numbers.into()), ("numbers", numbers.replace(' ', "").into())]);
        for before in 0..3 {
            forms.push(("base64", inner(&STANDARD.encode(padded(before, &self.secret)), before, self.secret.len())));
            forms.push(("base64url", inner(&URL_SAFE.encode(padded(before, &self.secret)), before, self.secret.len())));
        }
        forms
    }
}

fn padded(before: usize, secret: &[u8]) -> Vec<u8> {
    [&vec![0; before], secret].concat()
}

/// The digits that depend on the secret alone, whatever is before and behind it.
fn inner(encoded: &str, before: usize, length: usize) -> Vec<u8> {
    let (first, last) = ((before * 8).div_ceil(6), (before + length) * 8 / 6);
    encoded.as_bytes()[first..last].to_vec()
}

fn percent(secret: &[u8]) -> Vec<u8> {
    let each = secret.iter().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    });
    each.collect::<String>().into_bytes()
}

/// Outputs are large, and the standard library's search in texts is fast; only bytes that are no text are gone through.
fn find(output: &Output, text: &str, part: &[u8]) -> Option<String> {
    if let Ok(part) = std::str::from_utf8(part) {
        let at = text.find(part)?;
        let (before, after) = (text.floor_char_boundary(at.saturating_sub(300)), text.ceil_char_boundary(at + 200));
        return Some(text[before..after].to_owned());
    }
    output.bytes.windows(part.len()).any(|window| window == part).then(|| "bytes".to_owned())
}

/// Where secrets are that should not be there, each with what is around it.
pub(crate) fn leaks(canaries: &[Canary], outputs: &[Output]) -> Vec<String> {
    let mut found = Vec::new();
    for output in outputs {
        let text = String::from_utf8_lossy(&output.bytes);
        for canary in canaries {
            if canary.may_be_in.iter().any(|name| output.name.starts_with(name)) {
                continue;
            }
            let leak = canary.forms().into_iter().find_map(|(form, part)| Some((form, find(output, &text, &part)?)));
            let Some((form, around)) = leak else { continue };
            found.push(format!("{} ({form}) in {}: …{around}…", canary.what, output.name));
        }
    }
    found
}

#[test]
fn what_is_looked_for_is_found_in_each_form() {
    let canary = Canary::new("it", "kea/7f3a0b5c-hunter2");
    for text in [
        "a kea/7f3a0b5c-hunter2.".to_owned(),
        "?x=kea%2F7f3a0b5c-hunter2&".to_owned(),
        STANDARD.encode("kea/7f3a0b5c-hunter2"),
        STANDARD.encode("user:kea/7f3a0b5c-hunter2 and more"),
        URL_SAFE.encode("users:kea/7f3a0b5c-hunter2"),
        "\\x6b65612f37663361306235632d68756e74657232".to_owned(),
        format!("{:?}", b"a kea/7f3a0b5c-hunter2"),
        format!("{:?}", b"kea/7f3a0b5c-hunter2").replace(' ', ""),
    ] {
        let output = Output::new("an output", text.clone());
        assert_eq!(leaks(&[Canary::new("it", canary.secret.clone())], &[output]).len(), 1, "{text}");
    }
    let allowed = Canary::new("it", "kea/7f3a0b5c").but_in(&["an out"]);
    assert!(leaks(&[allowed], &[Output::new("an output", "kea/7f3a0b5c")]).is_empty());
}
