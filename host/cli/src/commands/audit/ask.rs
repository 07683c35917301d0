//! Asking a server for its log. Entries are read as they were written, not by way of a reader's idea of their numbers.

use std::collections::BTreeSet;
use std::fmt::Display;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use macadam_core::audit::{Entry, Heads, HeadsKey, SignedHeads, Stream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::client::{Client, with_query};

/// The most that a server puts on a page.
pub(super) const PAGE: u32 = 200;

#[derive(Deserialize)]
struct Page {
    items: Vec<Entry>,
}

#[derive(Deserialize)]
struct Key {
    key: HeadsKey,
}

/// What of the log is asked for, as parameters of a query.
#[derive(Debug, Clone, Default)]
pub(super) struct Wish(Vec<(&'static str, String)>);

impl Wish {
    pub(super) fn with(mut self, name: &'static str, value: Option<impl Display>) -> Self {
        let quoted = |value: String| utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string();
        self.0.extend(value.map(|value| (name, quoted(value.to_string()))));
        self
    }

    /// Those of so many seconds before now, and later.
    pub(super) fn since(self, seconds: Option<u64>) -> Self {
        let moment = seconds.map(|seconds| {
            let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            Timestamp::now().checked_sub(span).unwrap_or(Timestamp::UNIX_EPOCH)
        });
        self.with("since", moment)
    }
}

/// A page of entries.
pub(super) fn entries(client: &Client, wish: &Wish) -> anyhow::Result<Vec<Entry>> {
    let params: Vec<_> = wish.0.iter().map(|(name, value)| (*name, Some(value.clone()))).collect();
    let page: Page = read(&client.bytes(&with_query("/audit", &params))?)?;
    Ok(page.items)
}

/// Where the log ends now.
pub(super) struct LogEnd {
    /// Where streams end, signed. A stream whose last entry is nonsense is not among them.
    pub(super) heads: SignedHeads,
    /// The last entry of before the heads.
    newest: Option<Entry>,
}

impl LogEnd {
    /// Asks for it.
    pub(super) fn ask(client: &Client, wish: &Wish) -> anyhow::Result<Self> {
        let newest = entries(client, &wish.clone().with("order", Some("newest")).with("limit", Some(1)))?.pop();
        Ok(Self { heads: read(&client.bytes("/audit/heads")?)?, newest })
    }

    /// The streams that there are, of those that one may read; `None` is all.
    pub(super) fn streams(&self) -> Option<BTreeSet<Stream>> {
        let Heads { entries: None, heads, .. } = &self.heads.statement else { return None };
        let named = heads.iter().map(|head| head.stream.clone());
        Some(named.chain(self.newest.iter().filter_map(|entry| entry.stream.parse().ok())).collect())
    }

    /// The number of the last entry that was there.
    pub(super) fn last(&self, is_wanted: impl Fn(&Stream) -> bool) -> u64 {
        let heads = self.heads.statement.heads.iter().filter(|head| is_wanted(&head.stream));
        heads.map(|head| head.seq).chain(self.newest.iter().map(|entry| entry.seq)).max().unwrap_or(0)
    }
}

/// The key of the server's log.
pub(super) fn key(client: &Client) -> anyhow::Result<HeadsKey> {
    Ok(read::<Key>(&client.bytes("/audit/key")?)?.key)
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).context("the server's answer is not understood; is it of another version?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_look_for_arrives_as_they_wrote_it() {
        let wish = Wish::default().with("subject", Some("plugins/a&b=c d+e")).with("actor", None::<&str>);
        assert_eq!(wish.0, [("subject", "plugins%2Fa%26b%3Dc%20d%2Be".to_owned())]);
    }
}
