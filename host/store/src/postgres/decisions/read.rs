//! Reading decisions, a page at a time.
//!
//! Every index ends in the record's number, so whichever narrows a page also has it in order: a page costs as much as
//! what is on it, wherever in the log it is. A span of time is turned into a span of numbers first, which works because
//! times do not run backwards.

use jiff::Timestamp;
use macadam_core::limits::Usage;
use macadam_core::names::{BindingName, PluginRef};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder};

use super::super::row::{At, Columns, int};
use super::super::teams::only_of;
use super::super::{Conn, Result};
use super::texts::checked;
use crate::{
    DecisionFilter, DecisionOutcome, DecisionRecord, DecisionRole, Difference, DifferenceRecord, PageRequest,
    RecordedCall,
};

const WITHOUT_TEXTS: &str = "SELECT d.*, i.digest AS input_digest, s.digest AS settings_digest";
const WITH_TEXTS: &str = "SELECT d.*, i.digest AS input_digest, s.digest AS settings_digest, i.text AS input_text,
                                 s.text AS settings_text";
const FROM: &str = " FROM decisions d JOIN decision_texts i ON i.id = d.input
                     JOIN decision_texts s ON s.id = d.settings WHERE d.seq ";

pub(super) async fn decisions(
    conn: &mut Conn,
    filter: &DecisionFilter,
    page: PageRequest<u64>,
) -> Result<Vec<DecisionRecord>> {
    rows(conn, WITHOUT_TEXTS, filter, page).await?.iter().map(to_decision).collect()
}

pub(super) async fn calls(
    conn: &mut Conn,
    filter: &DecisionFilter,
    page: PageRequest<u64>,
) -> Result<Vec<RecordedCall>> {
    rows(conn, WITH_TEXTS, filter, page).await?.iter().map(to_call).collect()
}

async fn rows(
    conn: &mut Conn,
    columns: &'static str,
    filter: &DecisionFilter,
    page: PageRequest<u64>,
) -> Result<Vec<PgRow>> {
    let Some(span) = Span::find(conn, filter, page.after).await? else { return Ok(Vec::new()) };
    Ok(page_query(columns, filter, &span, page.limit).build().fetch_all(conn).await?)
}

/// The numbers among which a page is looked for. Found first and bound as plain numbers, so that the planner sees one
/// range of the index that it walks.
struct Span {
    after: i64,
    before: i64,
}

impl Span {
    async fn find(conn: &mut Conn, filter: &DecisionFilter, after: Option<u64>) -> Result<Option<Self>> {
        let mut span = Self { after: int(after.unwrap_or(0)), before: i64::MAX };
        if let Some(since) = filter.since {
            let Some(first) = first_at(conn, since).await? else { return Ok(None) };
            span.after = span.after.max(first - 1);
        }
        if let Some(until) = filter.until {
            span.before = first_at(conn, until).await?.unwrap_or(i64::MAX);
        }
        Ok(Some(span))
    }
}

/// The first record that was written at a moment or later.
async fn first_at(conn: &mut Conn, moment: Timestamp) -> Result<Option<i64>> {
    let query = sqlx::query("SELECT seq FROM decisions WHERE at >= $1 ORDER BY at, seq LIMIT 1").bind(At(moment));
    query.fetch_optional(conn).await?.map(|row| row.int("seq")).transpose()
}

pub(super) async fn decision(conn: &mut Conn, seq: u64) -> Result<Option<DecisionRecord>> {
    let mut query = QueryBuilder::<Postgres>::new(WITHOUT_TEXTS);
    query.push(FROM).push("= ").push_bind(int(seq));
    query.build().fetch_optional(conn).await?.as_ref().map(to_decision).transpose()
}

fn page_query(columns: &'static str, filter: &DecisionFilter, span: &Span, limit: u32) -> QueryBuilder<Postgres> {
    // The span has seen to the times.
    let DecisionFilter { kind, plugin, binding, component, team, teams, role, since: _, until: _ } = filter;
    let mut query = QueryBuilder::new(columns);
    query.push(FROM).push("> ").push_bind(span.after).push(" AND d.seq < ").push_bind(span.before);
    let mut narrow = |condition: &'static str, value: Option<String>| {
        if let Some(value) = value {
            query.push(condition).push_bind(value);
        }
    };
    narrow(" AND d.kind = ", kind.map(|kind| kind.to_string()));
    narrow(" AND d.plugin = ", plugin.as_ref().map(ToString::to_string));
    narrow(" AND d.binding = ", binding.as_ref().map(ToString::to_string));
    narrow(" AND d.component = ", component.as_ref().map(ToString::to_string));
    narrow(" AND d.team = ", team.as_ref().map(ToString::to_string));
    narrow(" AND d.role = ", role.map(|role| role.to_string()));
    only_of(&mut query, "d.team", teams.as_deref());
    if role.is_some_and(|role| role != DecisionRole::Active) {
        // Says what the parameter does, in words that let the index on the few such records be used.
        query.push(" AND d.role <> 'active'");
    }
    query.push(" ORDER BY d.seq LIMIT ").push_bind(i64::from(limit));
    query
}

pub(super) async fn differences(
    conn: &mut Conn,
    binding: &BindingName,
    page: PageRequest<u64>,
) -> Result<Vec<DifferenceRecord>> {
    let query = sqlx::query(
        "SELECT d.*, (SELECT min(a.seq) FROM decisions a WHERE a.pair = d.pair AND a.role <> 'shadow') AS active
         FROM decisions d WHERE d.binding = $1 AND d.differs_from IS NOT NULL AND d.seq > $2
         ORDER BY d.seq LIMIT $3",
    );
    let query = query.bind(binding.as_str()).bind(int(page.after.unwrap_or(0))).bind(i64::from(page.limit));
    let rows = query.fetch_all(conn).await?;
    rows.iter().filter_map(|row| to_difference_record(row).transpose()).collect()
}

fn to_difference_record(row: &PgRow) -> Result<Option<DifferenceRecord>> {
    let Some(difference) = to_difference(row)? else { return Ok(None) };
    Ok(Some(DifferenceRecord {
        shadow: row.count("seq")?,
        active: row.int_opt("active")?.and_then(|seq| u64::try_from(seq).ok()),
        at: row.time("at")?,
        plugin: to_plugin(row)?,
        component: row.parsed("component")?,
        team: row.parsed("team")?,
        request: row.parsed_opt("request_id")?,
        subject: row.text("subject")?,
        difference,
    }))
}

fn to_call(row: &PgRow) -> Result<RecordedCall> {
    let decision = to_decision(row)?;
    let settings = checked(row.text("settings_text")?, decision.settings)?;
    let input = checked(row.text("input_text")?, decision.input)?;
    Ok(RecordedCall { decision, settings, input })
}

fn to_decision(row: &PgRow) -> Result<DecisionRecord> {
    Ok(DecisionRecord {
        seq: row.count("seq")?,
        at: row.time("at")?,
        kind: row.word("kind")?,
        role: row.word("role")?,
        team: row.parsed("team")?,
        binding: row.parsed("binding")?,
        plugin: to_plugin(row)?,
        component: row.parsed("component")?,
        contract: row.text("contract")?,
        settings: row.parsed("settings_digest")?,
        input: row.parsed("input_digest")?,
        request: row.parsed_opt("request_id")?,
        subject: row.text("subject")?,
        outcome: to_outcome(row)?,
        usage: to_usage(row)?,
        pair: row.parsed_opt("pair")?,
        difference: to_difference(row)?,
    })
}

fn to_plugin(row: &PgRow) -> Result<PluginRef> {
    Ok(PluginRef { name: row.parsed("plugin")?, version: row.parsed("version")? })
}

fn to_outcome(row: &PgRow) -> Result<DecisionOutcome> {
    match row.text_opt("output")? {
        Some(output) => Ok(DecisionOutcome::Answered(checked(output, row.parsed("output_digest")?)?)),
        None => Ok(DecisionOutcome::Failed { kind: row.text("error_kind")?, message: row.text("error_message")? }),
    }
}

fn to_usage(row: &PgRow) -> Result<Usage> {
    Ok(Usage {
        fuel: row.count("fuel")?,
        wall_ns: row.count("wall_ns")?,
        peak_memory: row.count("peak_memory")?,
        output_bytes: row.count("output_bytes")?,
        log_lines: row.count("log_lines")?,
        log_dropped: row.count("log_dropped")?,
    })
}

fn to_difference(row: &PgRow) -> Result<Option<Difference>> {
    let both = row.text_opt("differs_from")?.zip(row.text_opt("differs_to")?);
    Ok(both.map(|(from, to)| Difference { from, to }))
}
