//! A registry that answers whatever it likes: its challenge, its manifests, its lists of referrers, its blobs and errors.
//!
//! An input is the registry's answers, with zero bytes between them. The first is the manifest, the second what refers to it,
//! the others are found by their digest, or answer the server of tokens. Each begins with a line: nothing for a plain answer,
//! `!` and a challenge for one who is not signed in, `<` for a link to more, `-` for an error. `$3` and `#3` in an answer
//! are the digest and the size of the third, which chance would not find.
#![no_main]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use macadam_core::digest::Digest;
use macadam_registry::oci::{Credentials, Remote, Secret, Target, Transport};

/// More would only be slow.
const MOST_ANSWERS: usize = 8;

struct Answer {
    line: Vec<u8>,
    body: Vec<u8>,
}

static ANSWERS: Mutex<Vec<Answer>> = Mutex::new(Vec::new());
static HOST: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| drop(std::thread::spawn(|| serve(stream))))
    });
    host
});

fn serve(stream: TcpStream) {
    let mut reader = BufReader::new(&stream);
    loop {
        let (mut first, mut signed_in) = (String::new(), false);
        if reader.read_line(&mut first).is_err() || first.is_empty() {
            return;
        }
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
                break;
            }
            signed_in |= line.to_ascii_lowercase().starts_with("authorization:");
        }
        let Some(path) = first.split(' ').nth(1) else { return };
        if (&stream).write_all(&answer(path, signed_in)).is_err() {
            return;
        }
    }
}

fn answer(path: &str, signed_in: bool) -> Vec<u8> {
    let answers = ANSWERS.lock().unwrap();
    let by_digest = |answer: &&Answer| path.contains(&Digest::of(&answer.body).to_string());
    let found = answers.iter().find(by_digest).or_else(|| match path {
        path if path.contains("/manifests/1.0.0") => answers.first(),
        path if path.contains("/referrers/") => answers.get(1),
        path if path.contains("/token") => answers.last(),
        _ => None,
    });
    let Some(Answer { line, body }) = found else {
        return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec();
    };
    let printable =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().filter(|byte| (32..127).contains(byte)).collect() };
    let (status, header) = match line.split_first() {
        Some((b'!', challenge)) if !signed_in => {
            ("401 Unauthorized", [b"www-authenticate: ", &*printable(challenge)].concat())
        }
        Some((b'<', _)) => ("200 OK", [b"link: ", &*printable(line)].concat()),
        Some((b'-', _)) => ("500 Internal Server Error", b"retry-after: 1".to_vec()),
        _ => ("200 OK", b"x-nothing: y".to_vec()),
    };
    let mut whole = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    whole.extend([&header, &b"\r\n\r\n"[..], body].concat());
    whole
}

/// Puts in what others are, from the last answer to the first, so that what names something comes before it.
fn read(input: &[u8]) -> Vec<Answer> {
    let parts: Vec<_> = input.split(|byte| *byte == 0).take(MOST_ANSWERS).collect();
    let mut answers: Vec<Answer> = Vec::new();
    for part in parts.iter().rev() {
        let end = part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len());
        let (line, body) = part.split_at(end);
        let mut body = body.get(1..).unwrap_or_default().to_vec();
        if let Ok(text) = std::str::from_utf8(&body) {
            let mut text = text.replace("$HOST", &HOST);
            for (index, answer) in answers.iter().rev().enumerate() {
                let place = parts.len() - answers.len() + index + 1;
                text = text.replace(&format!("${place}"), &Digest::of(&answer.body).to_string());
                text = text.replace(&format!("#{place}"), &answer.body.len().to_string());
            }
            body = text.into_bytes();
        }
        let line = String::from_utf8_lossy(line).replace("$HOST", &HOST).into_bytes();
        answers.push(Answer { line, body });
    }
    answers.reverse();
    answers
}

fuzz_target!(|input: &[u8]| {
    *ANSWERS.lock().unwrap() = read(input);
    let repository = format!("{}/acme/gate", *HOST).parse().unwrap();
    let credentials = Credentials::Basic { username: "ana".into(), password: Secret::new("secret") };
    let remote = Remote::new(repository, credentials, Transport::PlainHttp);
    if let Err(error) = remote.pull(&Target::tag("1.0.0").unwrap()) {
        assert!(!format!("{error} {error:?}").contains("secret"), "no error shows the password");
    }
});
