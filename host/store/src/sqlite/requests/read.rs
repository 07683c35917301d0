//! Reading requests.

use macadam_core::approvals::Approver;
use macadam_core::request::Action;
use sqlx::sqlite::SqliteRow;

use super::super::row::Columns;
use super::super::{Conn, Result};
use crate::lists;
use crate::{ApprovalRecord, PageRequest, RequestFilter, RequestId, RequestRecord, StoreError, Subject};

/// One request, as the transaction sees it.
pub(in super::super) async fn by_id(conn: &mut Conn, id: RequestId) -> Result<Option<RequestRecord>> {
    let query = sqlx::query("SELECT * FROM requests WHERE id = $1").bind(id.to_string());
    query.fetch_optional(conn).await?.as_ref().map(to_request).transpose()
}

/// A request that another record names, and that therefore is there.
pub(in super::super) async fn named(conn: &mut Conn, id: RequestId) -> Result<RequestRecord> {
    by_id(conn, id).await?.ok_or_else(|| StoreError::corrupt("request", format_args!("{id} is missing")))
}

pub(super) async fn list(
    conn: &mut Conn,
    filter: &RequestFilter,
    page: PageRequest<RequestId>,
) -> Result<Vec<RequestRecord>> {
    let Some(list) = lists::requests(filter, page) else { return Ok(Vec::new()) };
    super::super::lists::page(conn, &list, page.limit).await?.iter().map(to_request).collect()
}

/// Who has approved a request.
pub(super) async fn approvals(conn: &mut Conn, id: RequestId) -> Result<Vec<ApprovalRecord>> {
    let query = sqlx::query("SELECT * FROM approvals WHERE request_id = $1 ORDER BY at, person").bind(id.to_string());
    query.fetch_all(conn).await?.iter().map(to_approval).collect()
}

fn to_request(row: &SqliteRow) -> Result<RequestRecord> {
    let action = row.word("action")?;
    Ok(RequestRecord {
        id: row.parsed("id")?,
        action,
        subject: to_subject(row, action)?,
        team: row.parsed("team")?,
        actor: row.json("actor")?,
        document: row.json("document")?,
        desired: row.json_opt("desired")?,
        state: row.word("state")?,
        decision: row.json("decision")?,
        digest: row.parsed("digest")?,
        needs: row.json("needs")?,
        reservation: row.json_opt("reservation")?,
        job: row.parsed_opt("job_id")?,
        failure: row.text_opt("failure")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        expires_at: row.time_opt("expires_at")?,
        found: row.word_opt("found_state")?,
    })
}

fn to_subject(row: &SqliteRow, action: Action) -> Result<Subject> {
    Ok(match action {
        Action::Scaffold => Subject::Scaffold { id: row.parsed_opt("scaffold_id")?, template: row.parsed("template")? },
        Action::Create | Action::Update | Action::Delete => {
            Subject::Resource { id: row.parsed_opt("resource_id")?, key: row.parsed("resource_key")? }
        }
    })
}

fn to_approval(row: &SqliteRow) -> Result<ApprovalRecord> {
    Ok(ApprovalRecord {
        approver: Approver { person: row.parsed("person")?, groups: row.json("groups")? },
        comment: row.text_opt("comment")?,
        at: row.time("at")?,
    })
}
