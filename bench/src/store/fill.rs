//! Many resources, each with the request that made it, a job, and an entry in its team's stream of the audit log. The first
//! resource is made by the platform, as all are, and its request; the others are copies of these rows, written by the
//! database itself, since a hundred thousand requests would take minutes.
//!
//! They are spread as lists see them: over ten teams, a quarter in production, one in ten with the tag `tier=gold`, one in a
//! hundred with `rank=high`. Some things are as few among many as among few, such as requests that wait, what a small team
//! has, and what is of a rare type or has a rare tag: those are what a list has to find.

use anyhow::ensure;
use jiff::Timestamp;
use macadam_platform::Platform;
use macadam_platform::provisioning::Ask;
use serde_json::json;

use super::place::Raw;
use crate::whole;

/// How many teams share them.
const TEAMS: usize = 10;

/// How many are in a state in which few are, and how many the team `small` has.
const FEW: usize = 20;

/// What stands in the first one where the others have their own.
const NAME: &str = "template-name";
const TIER: &str = "template-tier";
const RANK: &str = "template-rank";

/// The id of a resource, by its number.
pub(super) fn id(number: usize) -> String {
    format!("0198c0de-0000-7000-8000-{number:012x}")
}

/// Makes so many.
pub(super) async fn fill(platform: &Platform, raw: &Raw, count: usize) -> anyhow::Result<()> {
    let store = platform.store();
    let teams = (0..TEAMS).map(|team| format!("team-{team}"));
    for name in teams.chain(["small".to_owned()]) {
        let team = json!({"name": name, "members": ["tess"]});
        store.put_team(&serde_json::from_value(team)?, None, Timestamp::now()).await?;
    }
    let production = json!({"name": "prod", "class": "production"});
    let rare = json!({"name": "rare", "class": "development"});
    for environment in [production, rare] {
        store.put_environment(&serde_json::from_value(environment)?, None, Timestamp::now()).await?;
    }
    let wish = json!({
        "environment": "dev", "type": "local-directory", "name": NAME, "spec": {"quota_mb": 500},
        "tags": {"owner": "payments", "tier": TIER, "rank": RANK},
    });
    let taken = platform.submit(&whole::dana()?, Ask::Create(serde_json::from_value(wish)?), Timestamp::now()).await?;
    ensure!(taken.submitted.resource.is_some(), "the first one is taken");
    raw.run(resources(raw, count)).await?;
    raw.run(requests(raw, count)).await?;
    raw.run(jobs(raw, count)).await?;
    raw.run(audit(count)).await?;
    // PostgreSQL does this by itself within a minute of such a change; SQLite never does, and the store does not ask it to.
    if let Raw::Postgres(_) = raw {
        for table in ["resources", "requests", "resource_tags", "request_tags", "jobs", "audit"] {
            raw.run(format!("VACUUM ANALYZE {table}")).await?;
        }
    }
    Ok(())
}

fn resources(raw: &Raw, count: usize) -> String {
    let (series, hex, provider, team) = (series(count), hex(raw), provider(raw), team(count));
    let (environment, kind, every) = (environment(count), kind(count), count / FEW);
    format!(
        "{series}
         INSERT INTO resources (id, namespace, environment, type, name, team, state, desired, monthly, outputs, revision,
                                created_at, updated_at, ready_at{provider})
         SELECT '0198c0de-0000-7000-8000-' || {hex}, {team},
                {environment}, {kind}, 'r-' || n.i, {team},
                CASE n.i % {every} WHEN 7 THEN 'deleting' ELSE 'ready' END,
                {}, monthly, outputs, 1, created_at, updated_at, created_at{provider}
         FROM n CROSS JOIN (SELECT * FROM resources WHERE name = '{NAME}') AS template",
        tagged("desired", count)
    )
}

fn requests(raw: &Raw, count: usize) -> String {
    let (series, hex, provider, team) = (series(count), hex(raw), provider(raw), team(count));
    let (environment, kind, every) = (environment(count), kind(count), count / FEW);
    format!(
        "{series}
         INSERT INTO requests (id, action, state, team, person, actor, resource_id, resource_key, document, desired,
                               decision, digest, needs, created_at, updated_at, expires_at{provider})
         SELECT '0198c0df-0000-7000-8000-' || {hex}, action,
                CASE n.i % {every} WHEN 7 THEN 'pending-approval' ELSE 'succeeded' END, {team}, person,
                actor, '0198c0de-0000-7000-8000-' || {hex},
                {team} || '/' || {environment} || '/' || {kind} || '/r-' || n.i,
                {}, desired, decision, digest, needs, created_at, updated_at,
                CASE n.i % {every} WHEN 7 THEN created_at END{provider}
         FROM n CROSS JOIN (SELECT * FROM requests WHERE resource_key LIKE '%{NAME}') AS template",
        tagged("document", count)
    )
}

/// By a limit the one row is looked for once, and not anew for each that is made.
fn jobs(raw: &Raw, count: usize) -> String {
    let (series, hex, team, every) = (series(count), hex(raw), team(count), count / FEW);
    format!(
        "{series}
         INSERT INTO jobs (id, request_id, team, provider, phase, state, attempt, failures, fence, run_after, created_at,
                           updated_at)
         SELECT '0198c0e0-0000-7000-8000-' || {hex}, '0198c0df-0000-7000-8000-' || {hex}, {team},
                CASE n.i % {every} WHEN 11 THEN 'macadam/rare' ELSE 'macadam/local-directory' END, 'provision',
                CASE n.i % {every} WHEN 7 THEN 'dead' ELSE 'succeeded' END, 1, 0, 1, created_at, created_at, updated_at
         FROM n CROSS JOIN (SELECT * FROM requests WHERE resource_key LIKE '%{NAME}' LIMIT 1) AS template"
    )
}

fn audit(count: usize) -> String {
    let (series, team) = (series(count), team(count));
    format!(
        "{series}
         INSERT INTO audit (version, seq, stream, place, at, actor, action, subject, data, previous, hash)
         SELECT version, seq + n.i, 'team/' || {team}, n.i, at, actor, action, subject, data, previous, hash
         FROM n CROSS JOIN (SELECT * FROM audit ORDER BY seq DESC LIMIT 1) AS template"
    )
}

/// The numbers from one on.
fn series(count: usize) -> String {
    format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})")
}

/// Whose the resource of a number is.
fn team(count: usize) -> String {
    format!("CASE n.i % {} WHEN 8 THEN 'small' ELSE 'team-' || (n.i % {TEAMS}) END", count / FEW)
}

/// Where the resource of a number is.
fn environment(count: usize) -> String {
    format!("CASE WHEN n.i % {} = 13 THEN 'rare' WHEN n.i % 4 = 3 THEN 'prod' ELSE 'dev' END", count / FEW)
}

/// Of which type the resource of a number is.
fn kind(count: usize) -> String {
    format!("CASE n.i % {} WHEN 11 THEN 'rare-type' ELSE 'local-directory' END", count / FEW)
}

/// A document with the tags of a number.
fn tagged(document: &str, count: usize) -> String {
    let tier = format!("CASE n.i / {TEAMS} % 10 WHEN 0 THEN 'gold' ELSE 'tin' END");
    let every = count / FEW;
    let rank = format!("CASE WHEN n.i % {every} = 9 THEN 'rare' WHEN n.i % 100 = 1 THEN 'high' ELSE 'low' END");
    format!("REPLACE(REPLACE({document}, '{TIER}', {tier}), '{RANK}', {rank})")
}

/// A number as the end of an id.
const fn hex(raw: &Raw) -> &'static str {
    match raw {
        Raw::Sqlite(_) => "printf('%012x', n.i)",
        Raw::Postgres(_) => "lpad(to_hex(n.i), 12, '0')",
    }
}

/// What PostgreSQL has beside the document, since it does not look into it.
const fn provider(raw: &Raw) -> &'static str {
    match raw {
        Raw::Sqlite(_) => "",
        Raw::Postgres(_) => ", provider",
    }
}
