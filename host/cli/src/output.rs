//! The one place that writes to standard output: tables for people, JSON for programs.

use std::io::{self, ErrorKind, Write};

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::Value;

/// How to show results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs: what the server said.
    Json,
}

/// Where results go.
pub(crate) struct Output<'a> {
    format: Format,
    to: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    pub(crate) fn new(format: Format, to: &'a mut dyn Write) -> Self {
        Self { format, to }
    }

    /// Writes a value as it is, or what `show` makes of it for people.
    pub(crate) fn value(
        &mut self,
        value: &Value,
        show: impl FnOnce(&Value) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Json => self.line(&serde_json::to_string_pretty(value)?),
            Format::Table => self.line(show(value)?.trim_end()),
        }
    }

    /// Whether results are for programs.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes a remark that only people want.
    pub(crate) fn remark(&mut self, text: &str) -> anyhow::Result<()> {
        if self.format == Format::Table { self.line(text) } else { Ok(()) }
    }

    /// Writes a text with a line's end.
    pub(crate) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        written(writeln!(self.to, "{text}").and_then(|()| self.to.flush()))
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        written(self.to.write_all(bytes).and_then(|()| self.to.flush()))
    }
}

/// Whoever stopped reading, such as `head`, has what they wanted.
fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A note on standard error, while something is going on.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{}", clean(text));
}

/// A table with a head line and no borders, so that it reads as well in a terminal as in a log.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(head.map(str::to_uppercase));
    for row in rows {
        table.add_row(row.map(|cell| clean(&cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// A text without what could steer a terminal: what plugins and other people wrote is shown, not obeyed.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up_and_has_no_trailing_blanks() {
        let rows = [["a".to_owned(), "first".to_owned()], ["long-name".to_owned(), "x".to_owned()]];
        assert_eq!(table(["name", "what"], rows), "NAME       WHAT\na          first\nlong-name  x");
    }

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        let shown = table(["name"], [["\u{1b}[2Jgone\r\u{7}".to_owned()]]);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\r') && shown.contains("gone"), "{shown:?}");
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(Output::new(Format::Table, &mut Closed).line("x").is_ok());
    }
}
