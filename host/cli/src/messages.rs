//! A stream of server-sent events, read message by message (the HTML standard, section 9.2.6), as far as Macadam's own server
//! writes it: lines end with a line feed, and a first line of data that is empty is none.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read, Result};

/// The most that a message may have, in bytes. Events have a few kilobytes.
const MOST: u64 = 16 * 1024 * 1024;

/// One message, as far as it has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// The place that it says one is at.
    pub(crate) id: Option<u64>,
    /// What it is about; nothing in one that only says the place.
    pub(crate) data: String,
}

impl Message {
    /// Takes a line that does not end it.
    fn take(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = value.parse().ok(),
            "data" if self.data.is_empty() => value.clone_into(&mut self.data),
            "data" => {
                self.data.push('\n');
                self.data.push_str(value);
            }
            // A comment, and what is for browsers.
            _ => {}
        }
    }
}

/// The messages of a stream, each when all of it has come. It ends with the stream; what was not complete by then has
/// not arrived.
pub(crate) struct Messages<R> {
    lines: BufReader<R>,
    most: u64,
}

impl<R: Read> Messages<R> {
    pub(crate) fn of(stream: R) -> Self {
        Self::up_to(MOST, stream)
    }

    /// The same with another bound for a message.
    pub(crate) fn up_to(most: u64, stream: R) -> Self {
        Self { lines: BufReader::new(stream), most }
    }

    fn read(&mut self) -> Result<Option<Message>> {
        let (mut message, mut line, mut left) = (Message::default(), String::new(), self.most);
        loop {
            line.clear();
            let read = self.lines.by_ref().take(left).read_line(&mut line)? as u64;
            left = left.saturating_sub(read);
            match line.strip_suffix('\n').map(|whole| whole.trim_end_matches('\r')) {
                Some("") if message != Message::default() => return Ok(Some(message)),
                // Comments alone are none, however many come.
                Some("") => left = self.most,
                Some(line) => message.take(line),
                None if left == 0 => {
                    let why = format!("a message of the stream has more than {} bytes", self.most);
                    return Err(Error::new(ErrorKind::InvalidData, why));
                }
                None => return Ok(None),
            }
        }
    }
}

impl<R: Read> Iterator for Messages<R> {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_message_by_message() {
        let text =
            "retry: 2000\nid: 4\n: here\n\nid: 5\ndata: {\"a\":1}\r\n\r\n\n: alone\n\ndata:b\ndata: c\nid:6\n\nid: 7\n";
        let of = |id, data: &str| Message { id: Some(id), data: data.to_owned() };
        assert_eq!(
            Messages::of(text.as_bytes()).collect::<Result<Vec<_>>>().unwrap(),
            [of(4, ""), of(5, "{\"a\":1}"), of(6, "b\nc")],
            "what is not ended by an empty line has not arrived"
        );
    }

    #[test]
    fn a_message_that_never_ends_is_given_up() {
        let comments = ": here\n\n".repeat(20);
        for (endless, what) in [("x".repeat(100), "a line"), ("data: x\n".repeat(20), "many lines")] {
            let text = format!("id: 1\n\n{endless}");
            let read: Vec<_> = Messages::up_to(64, text.as_bytes()).take(2).collect();
            assert!(matches!(read[..], [Ok(_), Err(_)]), "{what} that is too long: {read:?}");
        }
        let text = format!("{comments}id: 1\n\n");
        let read: Result<Vec<_>> = Messages::up_to(64, text.as_bytes()).collect();
        assert_eq!(read.unwrap().len(), 1, "comments keep a connection open for as long as it takes");
    }
}
