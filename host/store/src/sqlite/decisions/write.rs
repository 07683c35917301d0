//! Writing decisions in batches.

use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Sqlite};

use super::super::row::{Columns, int, micros};
use super::super::{Conn, Result, SqliteStore, commit};
use super::Tally;
use super::texts::{self, TextIds};
use crate::{DecisionOutcome, Difference, NewDecision, PairId, RequestId, StoreError};

/// Rows in one statement: enough that statements do not count, and far from the number of parameters that a database
/// takes.
const ROWS_AT_ONCE: usize = 32;

/// What a record takes beside its texts, measured over 100,000: about 270 for numbers, digests and names in the table,
/// and 230 for its place in the indexes.
const ROW_OVERHEAD: usize = 500;

const INSERT: &str = "INSERT INTO decisions (at, kind, role, team, binding, plugin, version, component, contract,
                       settings, input, request_id, subject, output, output_digest, error_kind, error_message, fuel,
                       wall_ns, peak_memory, output_bytes, log_lines, log_dropped, pair, differs_from, differs_to,
                       bytes) ";

pub(super) async fn record(store: &SqliteStore, decisions: &[NewDecision], now: Timestamp) -> Result<Vec<u64>> {
    if decisions.is_empty() {
        return Ok(Vec::new());
    }
    let (mut tx, mut tally) = (store.begin().await?, Tally::default());
    let ids = texts::keep(&mut tx, decisions, &mut tally).await?;
    let at = not_backwards(&mut tx, micros(now)).await?;
    let mut seqs = Vec::with_capacity(decisions.len());
    for some in decisions.chunks(ROWS_AT_ONCE) {
        seqs.extend(insert(&mut tx, some, &ids, at, &mut tally).await?);
    }
    tally.keep(&mut tx).await?;
    commit(tx).await?;
    Ok(seqs)
}

/// A clock that was set back must not undo the order of the log.
async fn not_backwards(conn: &mut Conn, at: i64) -> Result<i64> {
    let last = sqlx::query("SELECT at FROM decisions ORDER BY seq DESC LIMIT 1").fetch_optional(conn).await?;
    Ok(last.map(|row| row.int("at")).transpose()?.map_or(at, |last| last.max(at)))
}

async fn insert(
    conn: &mut Conn,
    decisions: &[NewDecision],
    ids: &TextIds,
    at: i64,
    tally: &mut Tally,
) -> Result<Vec<u64>> {
    let mut rows = Vec::with_capacity(decisions.len());
    for decision in decisions {
        let bytes = size(decision);
        tally.add(decision.kind, 1, bytes);
        let (settings, input) = (id(ids, &decision.settings)?, id(ids, &decision.input)?);
        rows.push(NewRow { decision, at, settings, input, bytes });
    }
    let mut query = QueryBuilder::<Sqlite>::new(INSERT);
    query.push_values(rows, |mut values, row| row.bind(&mut values));
    query.push(" RETURNING seq");
    let rows = query.build().fetch_all(conn).await?;
    // Numbers are given in the order of the rows, but nobody promises to say them in that order.
    let mut seqs = rows.iter().map(|row| row.count("seq")).collect::<Result<Vec<u64>>>()?;
    seqs.sort_unstable();
    Ok(seqs)
}

fn id(ids: &TextIds, text: &CanonicalJson) -> Result<i64> {
    let missing = || StoreError::corrupt("recorded text", format_args!("{} is missing", text.digest()));
    ids.get(&text.digest()).copied().ok_or_else(missing)
}

fn size(decision: &NewDecision) -> i64 {
    let NewDecision { subject, outcome, difference, .. } = decision;
    let outcome = match outcome {
        DecisionOutcome::Answered(output) => output.as_str().len(),
        DecisionOutcome::Failed { kind, message } => kind.len() + message.len(),
    };
    let difference = difference.as_ref().map_or(0, |Difference { from, to }| from.len() + to.len());
    i64::try_from(ROW_OVERHEAD + subject.len() + outcome + difference).unwrap_or(i64::MAX)
}

/// A row to be.
struct NewRow<'a> {
    decision: &'a NewDecision,
    at: i64,
    settings: i64,
    input: i64,
    bytes: i64,
}

impl NewRow<'_> {
    /// Binds the values in the order of [`INSERT`].
    fn bind(&self, row: &mut Separated<'_, Sqlite, &'static str>) {
        let NewDecision { kind, role, team, binding, plugin, component, contract, .. } = self.decision;
        let NewDecision { request, subject, outcome, usage, pair, difference, .. } = self.decision;
        row.push_bind(self.at).push_bind(kind.as_str()).push_bind(role.as_str());
        row.push_bind(team.to_string()).push_bind(binding.to_string());
        row.push_bind(plugin.name.to_string()).push_bind(plugin.version.to_string());
        row.push_bind(component.to_string()).push_bind(contract.clone());
        row.push_bind(self.settings).push_bind(self.input);
        row.push_bind(request.as_ref().map(RequestId::to_string)).push_bind(subject.clone());
        let (output, error) = match outcome {
            DecisionOutcome::Answered(output) => (Some(output), None),
            DecisionOutcome::Failed { kind, message } => (None, Some((kind.clone(), message.clone()))),
        };
        row.push_bind(output.map(CanonicalJson::to_string));
        row.push_bind(output.map(CanonicalJson::digest).as_ref().map(Digest::to_string));
        let (error_kind, error_message) = error.unzip();
        row.push_bind(error_kind).push_bind(error_message);
        row.push_bind(int(usage.fuel)).push_bind(int(usage.wall_ns)).push_bind(int(usage.peak_memory));
        row.push_bind(int(usage.output_bytes)).push_bind(usage.log_lines).push_bind(usage.log_dropped);
        row.push_bind(pair.as_ref().map(PairId::to_string));
        row.push_bind(difference.as_ref().map(|difference| difference.from.clone()));
        row.push_bind(difference.as_ref().map(|difference| difference.to.clone()));
        row.push_bind(self.bytes);
    }
}
