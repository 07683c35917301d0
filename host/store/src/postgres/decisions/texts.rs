//! Inputs and settings: each is kept once, by its digest, as long as a decision names it.

use std::collections::HashMap;

use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use sqlx::{Postgres, QueryBuilder};

use super::super::row::Columns;
use super::super::{Conn, Result};
use super::Tally;
use crate::{DecisionKind, NewDecision, StoreError};

/// Texts in one statement: enough that statements do not count, and far from the number of parameters that a database
/// takes.
const TEXTS_AT_ONCE: usize = 128;

/// What a text takes beside itself: its row, and its digest in the row and in the index.
const TEXT_OVERHEAD: i64 = 180;

/// The number of each text, by its digest.
pub(super) type TextIds = HashMap<Digest, i64>;

/// The text that a digest names.
pub(super) async fn text(conn: &mut Conn, digest: &Digest) -> Result<Option<CanonicalJson>> {
    let query = sqlx::query("SELECT text FROM decision_texts WHERE digest = $1").bind(digest.to_string());
    let row = query.fetch_optional(conn).await?;
    row.map(|row| checked(row.text("text")?, *digest)).transpose()
}

/// A kept text, which must still be what its digest says: a replay of something else would prove nothing.
pub(super) fn checked(text: String, digest: Digest) -> Result<CanonicalJson> {
    let document = CanonicalJson::from_canonical(text);
    if document.digest() == digest {
        Ok(document)
    } else {
        Err(StoreError::corrupt("recorded text", format_args!("it is {} and not {digest}", document.digest())))
    }
}

/// Keeps the texts of a batch that are not kept yet, and gives the number of each.
pub(super) async fn keep(conn: &mut Conn, decisions: &[NewDecision], tally: &mut Tally) -> Result<TextIds> {
    let mut texts: HashMap<Digest, (&CanonicalJson, DecisionKind)> = HashMap::new();
    for decision in decisions {
        for text in [&decision.settings, &decision.input] {
            texts.entry(text.digest()).or_insert((text, decision.kind));
        }
    }
    let digests: Vec<Digest> = texts.keys().copied().collect();
    let mut ids = find(conn, &digests).await?;
    texts.retain(|digest, _| !ids.contains_key(digest));
    if !texts.is_empty() {
        let missing: Vec<Digest> = texts.keys().copied().collect();
        insert(conn, texts.into_values().collect(), tally).await?;
        ids.extend(find(conn, &missing).await?);
    }
    Ok(ids)
}

async fn find(conn: &mut Conn, digests: &[Digest]) -> Result<TextIds> {
    let digests: Vec<String> = digests.iter().map(Digest::to_string).collect();
    let query = sqlx::query("SELECT id, digest FROM decision_texts WHERE digest = ANY($1)").bind(digests);
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.parsed("digest")?, row.int("id")?))).collect()
}

async fn insert(conn: &mut Conn, texts: Vec<(&CanonicalJson, DecisionKind)>, tally: &mut Tally) -> Result<()> {
    for some in texts.chunks(TEXTS_AT_ONCE) {
        let mut query = QueryBuilder::<Postgres>::new("INSERT INTO decision_texts (digest, kind, bytes, text) ");
        query.push_values(some, |mut row, (text, kind)| {
            row.push_bind(text.digest().to_string()).push_bind(kind.as_str());
            row.push_bind(size(text)).push_bind(text.as_str().to_owned());
        });
        query.push(" ON CONFLICT (digest) DO NOTHING RETURNING kind, bytes");
        for row in query.build().persistent(false).fetch_all(&mut *conn).await? {
            tally.add(row.word("kind")?, 0, row.int("bytes")?);
        }
    }
    Ok(())
}

fn size(text: &CanonicalJson) -> i64 {
    i64::try_from(text.as_str().len()).unwrap_or(i64::MAX).saturating_add(TEXT_OVERHEAD)
}

/// Removes those of some texts that no decision names any more.
pub(super) async fn forget_unused(
    conn: &mut Conn,
    ids: impl Iterator<Item = i64> + Send,
    tally: &mut Tally,
) -> Result<i64> {
    let query = sqlx::query(
        "DELETE FROM decision_texts WHERE id = ANY($1)
           AND NOT EXISTS (SELECT 1 FROM decisions WHERE input = decision_texts.id)
           AND NOT EXISTS (SELECT 1 FROM decisions WHERE settings = decision_texts.id)
         RETURNING kind, bytes",
    );
    let mut freed = 0;
    for row in query.bind(ids.collect::<Vec<i64>>()).fetch_all(conn).await? {
        let bytes = row.int("bytes")?;
        tally.add(row.word("kind")?, 0, -bytes);
        freed += bytes;
    }
    Ok(freed)
}
