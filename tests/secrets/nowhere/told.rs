//! What went in, and what came out while it did.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use macadam_tests::server::Server;

use super::certificate;
use super::setup::{BROKEN, COLLECTOR, COLLECTOR_ADDRESS, Kept, MAIN, MASTER, OTHER, S3, S3_SESSION, STORE, WARDEN};
use crate::leaks::{Canary, Output};

/// Everything that went in, and what came out while it did.
pub(super) struct Told {
    pub(super) canaries: Vec<Canary>,
    pub(super) outputs: Vec<Output>,
}

impl Told {
    pub(super) fn new(server: &Server, kept: Kept) -> Self {
        let mut canaries = vec![
            Canary::new("the master key's text", MASTER),
            Canary::new("the master key", bytes_of(MASTER)),
            Canary::new("the other key's text", OTHER),
            Canary::new("the other key", bytes_of(OTHER)),
            Canary::new("the connection's password", MAIN),
            Canary::new("the broken connection's password", BROKEN),
            Canary::new("the collector's token", COLLECTOR),
            Canary::new("the password in the collector's address", COLLECTOR_ADDRESS),
            Canary::new("the key of the blobs' store", S3),
            Canary::new("the session's token of the blobs' store", S3_SESSION),
        ];
        if kept == Kept::Postgres {
            canaries.push(Canary::new("the store's password", STORE));
            canaries.push(Canary::new("the password of the store's other user", WARDEN));
            canaries.extend(certificate::canaries());
        }
        for person in ["dana", "amir", "ada"] {
            let header = server.person(person).authorization();
            let token = header.rsplit(' ').next().unwrap().to_owned();
            canaries.push(Canary::new("a person's token", token).but_in(&["file tokens.txt"]));
        }
        Self { canaries, outputs: Vec::new() }
    }

    pub(super) fn canary(&mut self, what: &'static str, secret: &str) {
        self.canaries.push(Canary::new(what, secret));
    }

    /// Asks, keeps the answer, and gives its status.
    pub(super) fn ask(&mut self, server: &Server, first: &str, headers: &[&str], body: &str) -> u16 {
        let answer = ask(server, first, headers, body);
        let status = String::from_utf8_lossy(&answer.bytes[9..12]).parse().expect("an answer has a status");
        self.outputs.push(answer);
        status
    }

    /// Keeps what a command has written.
    pub(super) fn ran(&mut self, output: &std::process::Output) {
        self.outputs.push(Output::new("the command line", [&output.stdout[..], &output.stderr].concat()));
    }

    /// A token that is a JWT: as a whole, and the part that makes it one.
    pub(super) fn jwt(&mut self, token: &str) {
        self.canary("a token of the identity provider", token);
        self.canary("the signature of such a token", token.rsplit('.').next().expect("a JWT has parts"));
    }
}

/// Whatever a server says to a request that may be nonsense: status, headers and body.
fn ask(server: &Server, first: &str, headers: &[&str], body: &str) -> Output {
    let address = server.url("").trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{first} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A stream of events does not end: what has come by then is what there is.
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 "), "{first} is answered: {}", String::from_utf8_lossy(&answer));
    let path = first.split_once(' ').map_or(first, |(_, path)| path);
    Output::new(format!("answer of {}", path.split('?').next().unwrap_or_default()), answer)
}

/// The items of a page, with their texts as they are.
pub(super) fn items(server: &Server, person: &str, path: &str) -> Vec<serde_json::Value> {
    let answer = ask(server, &format!("GET {path}"), &[&server.person(person).authorization()], "");
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    let body = text.split_once("\r\n\r\n").expect("there is a body").1;
    let page: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}"));
    page["items"].as_array().expect("a page has items").clone()
}

fn bytes_of(key: &str) -> Vec<u8> {
    key.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
