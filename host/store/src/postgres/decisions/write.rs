//! Writing decisions in batches.

use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use sqlx::query_builder::Separated;
use sqlx::{Postgres, QueryBuilder};

use super::super::row::{At, Columns, int, plain};
use super::super::{Conn, PostgresStore, Result};
use super::Tally;
use super::texts::{self, TextIds};
use crate::{DecisionOutcome, Difference, NewDecision, PairId, RequestId, StoreError};

/// Rows in one statement: enough that statements do not count, and far from the number of parameters that a database
/// takes.
const ROWS_AT_ONCE: usize = 250;

/// What a record takes beside its texts, measured over 100,000: about 270 for numbers, digests and names in the table,
/// and 230 for its place in the indexes.
const ROW_OVERHEAD: usize = 500;

const INSERT: &str = "INSERT INTO decisions (seq, at, kind, role, team, binding, plugin, version, component, contract,
                       settings, input, request_id, subject, output, output_digest, error_kind, error_message, fuel,
                       wall_ns, peak_memory, output_bytes, log_lines, log_dropped, pair, differs_from, differs_to,
                       bytes) ";

pub(super) async fn record(store: &PostgresStore, decisions: &[NewDecision], now: Timestamp) -> Result<Vec<u64>> {
    if decisions.is_empty() {
        return Ok(Vec::new());
    }
    let (mut tx, mut tally) = (store.pool.begin().await?, Tally::default());
    let (end, at) = take_numbers(&mut tx, decisions.len(), now).await?;
    let seqs: Vec<u64> = (end + 1 - decisions.len() as u64..=end).collect();
    let ids = texts::keep(&mut tx, decisions, &mut tally).await?;
    for (seqs, decisions) in seqs.chunks(ROWS_AT_ONCE).zip(decisions.chunks(ROWS_AT_ONCE)) {
        insert(&mut tx, seqs, decisions, &ids, at, &mut tally).await?;
    }
    tally.keep(&mut tx).await?;
    tx.commit().await?;
    Ok(seqs)
}

/// The last of as many numbers as are needed, and the time. A clock that was set back, or another replica's, must not
/// undo the order of the log.
async fn take_numbers(conn: &mut Conn, count: usize, now: Timestamp) -> Result<(u64, Timestamp)> {
    let query = sqlx::query("UPDATE decision_log SET seq = seq + $1, at = greatest(at, $2) RETURNING seq, at");
    let row = query.bind(int(count as u64)).bind(At(now)).fetch_one(conn).await?;
    Ok((row.count("seq")?, row.time("at")?))
}

async fn insert(
    conn: &mut Conn,
    seqs: &[u64],
    decisions: &[NewDecision],
    ids: &TextIds,
    at: Timestamp,
    tally: &mut Tally,
) -> Result<()> {
    let mut rows = Vec::with_capacity(decisions.len());
    for (seq, decision) in seqs.iter().zip(decisions) {
        let bytes = size(decision);
        tally.add(decision.kind, 1, bytes);
        let (settings, input) = (id(ids, &decision.settings)?, id(ids, &decision.input)?);
        rows.push(NewRow { seq: *seq, decision, at, settings, input, bytes });
    }
    let mut query = QueryBuilder::<Postgres>::new(INSERT);
    query.push_values(rows, |mut values, row| row.bind(&mut values));
    // Its text depends on how many there are, so that keeping it prepared would rarely help.
    query.build().persistent(false).execute(conn).await?;
    Ok(())
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
    seq: u64,
    decision: &'a NewDecision,
    at: Timestamp,
    settings: i64,
    input: i64,
    bytes: i64,
}

impl NewRow<'_> {
    /// Binds the values in the order of [`INSERT`].
    fn bind(&self, row: &mut Separated<'_, Postgres, &'static str>) {
        let NewDecision { kind, role, team, binding, plugin, component, contract, .. } = self.decision;
        let NewDecision { request, subject, outcome, usage, pair, difference, .. } = self.decision;
        row.push_bind(int(self.seq)).push_bind(At(self.at)).push_bind(kind.as_str()).push_bind(role.as_str());
        row.push_bind(team.to_string()).push_bind(binding.to_string());
        row.push_bind(plugin.name.to_string()).push_bind(plugin.version.to_string());
        row.push_bind(component.to_string()).push_bind(contract.clone());
        row.push_bind(self.settings).push_bind(self.input);
        row.push_bind(request.as_ref().map(RequestId::to_string)).push_bind(plain(subject).into_owned());
        let (output, error) = match outcome {
            DecisionOutcome::Answered(output) => (Some(output), None),
            DecisionOutcome::Failed { kind, message } => {
                (None, Some((plain(kind).into_owned(), plain(message).into_owned())))
            }
        };
        row.push_bind(output.map(CanonicalJson::to_string));
        row.push_bind(output.map(CanonicalJson::digest).as_ref().map(Digest::to_string));
        let (error_kind, error_message) = error.unzip();
        row.push_bind(error_kind).push_bind(error_message);
        row.push_bind(int(usage.fuel)).push_bind(int(usage.wall_ns)).push_bind(int(usage.peak_memory));
        row.push_bind(int(usage.output_bytes))
            .push_bind(i64::from(usage.log_lines))
            .push_bind(i64::from(usage.log_dropped));
        row.push_bind(pair.as_ref().map(PairId::to_string));
        row.push_bind(difference.as_ref().map(|difference| plain(&difference.from).into_owned()));
        row.push_bind(difference.as_ref().map(|difference| plain(&difference.to).into_owned()));
        row.push_bind(self.bytes);
    }
}
