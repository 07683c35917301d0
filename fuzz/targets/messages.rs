//! A stream of server-sent events: the same messages however the network cuts it, and what is read is what was sent.
#![no_main]

use std::fmt::Write as _;
use std::io::{ErrorKind, Read};

use libfuzzer_sys::fuzz_target;

#[path = "../../host/cli/src/messages.rs"]
mod messages;

use messages::{Message, Messages};

/// The most that a message may have, in bytes, so that the bound is met.
const MOST: u64 = 512;

/// A stream that gives a few bytes at a time.
struct Pieces<'a> {
    left: &'a [u8],
    at_once: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let (now, left) = self.left.split_at(self.at_once.min(into.len()).min(self.left.len()));
        into[..now.len()].copy_from_slice(now);
        self.left = left;
        Ok(now.len())
    }
}

/// What comes until the end, or until something is wrong.
fn all(stream: impl Read) -> (Vec<Message>, Option<ErrorKind>) {
    let mut read = Vec::new();
    for message in Messages::up_to(MOST, stream) {
        match message {
            Ok(message) => read.push(message),
            Err(error) => return (read, Some(error.kind())),
        }
    }
    (read, None)
}

/// Messages as a server writes them.
fn written(messages: &[Message]) -> String {
    let mut text = String::new();
    for message in messages {
        if let Some(id) = message.id {
            writeln!(text, "id: {id}").unwrap();
        }
        for line in message.data.split('\n').filter(|_| !message.data.is_empty()) {
            writeln!(text, "data: {line}").unwrap();
        }
        text.push('\n');
    }
    text
}

fuzz_target!(|bytes: &[u8]| {
    let whole = all(bytes);
    for at_once in [1, 2, 3, 7, 64] {
        assert_eq!(all(Pieces { left: bytes, at_once }), whole, "{at_once} bytes at a time");
    }
    for message in &whole.0 {
        assert!(message.data.len() as u64 <= MOST, "no message has more than it may have");
        // What is written is a little longer than what may have been read.
        let again: Vec<_> =
            Messages::of(written(std::slice::from_ref(message)).as_bytes()).map(Result::unwrap).collect();
        assert_eq!(again, std::slice::from_ref(message), "what was read is what was sent");
    }
});
