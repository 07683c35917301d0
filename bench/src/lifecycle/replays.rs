//! A hundred thousand recorded decisions through a candidate, in one thread, and what memory that takes. It is done in
//! the steps that a client makes, each beginning where the last one ended.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::request::PolicyContext;
use macadam_platform::Platform;
use macadam_platform::decisions::Replay;
use macadam_platform::plugins::Part;
use macadam_store::{DecisionKind, DecisionOutcome, DecisionRole, NewDecision};
use serde_json::json;
use tempfile::tempdir;

use crate::Effort;
use crate::decision::{current_thread, the_context};
use crate::figures::Report;
use crate::plugin::memory;
use crate::whole;

/// How many decisions.
const COUNT: u64 = 100_000;

/// How many are written at once.
const BATCH: u64 = 1_000;

/// Measures one replay of them all.
pub(super) fn measure(_: Effort, report: &mut Report) -> anyhow::Result<()> {
    let (runtime, directory) = (current_thread()?, tempdir()?);
    let packages = [whole::provider()?, whole::policy("macadam/bench-policy", "1.0.0")?];
    let bindings = whole::bindings("macadam/bench-policy@1.0.0")?;
    runtime.block_on(async {
        let platform = whole::host(directory.path(), &packages, &bindings).await?;
        for batch in 0..COUNT / BATCH {
            let decisions = (0..BATCH).map(|number| decision(&platform, batch * BATCH + number));
            let decisions = decisions.collect::<anyhow::Result<Vec<_>>>()?;
            platform.store().record_decisions(&decisions, Timestamp::now()).await?;
        }
        // The first step warms up what the others share.
        let mut step = replay(&platform, None).await?;
        let (before, begin) = (memory()?.0, Instant::now());
        let (mut asked, mut most) = (0, before);
        while step.1 {
            let next = replay(&platform, step.2).await?;
            asked += next.0;
            most = most.max(memory()?.0);
            step = next;
        }
        let seconds = begin.elapsed().as_secs_f64();
        report.add("lifecycle/replay", asked as f64 / seconds, "decisions/s", None);
        report.add("lifecycle/replay-memory", most.saturating_sub(before) as f64 / 1024.0 / 1024.0, "MiB", None);
        Ok(())
    })
}

/// One step: how many were asked, whether there are more, and after which to go on.
async fn replay(platform: &Platform, after: Option<u64>) -> anyhow::Result<(u64, bool, Option<u64>)> {
    let wish: Replay = serde_json::from_value(json!({"plugin": "macadam/bench-policy@1.0.0", "after": after}))?;
    let report = platform.replay(&whole::dana()?, wish, Timestamp::now()).await?;
    ensure!(report.same == report.asked, "the recorded version says the same: {:?}", report.groups);
    Ok((report.asked, report.more, report.last))
}

/// A decision as the host would have recorded it; each has an input of its own.
fn decision(platform: &Platform, number: u64) -> anyhow::Result<NewDecision> {
    let active = platform.plugins().active();
    let status = active.binding(&"bench-policy".parse()?).context("the policy is bound")?;
    let Ok(Part::Policy(line)) = &status.part else { anyhow::bail!("the policy is active") };
    let mut context: PolicyContext = the_context();
    context.request.name = format!("service-{number}");
    let identity = &line.active.identity;
    Ok(NewDecision {
        kind: DecisionKind::Policy,
        role: DecisionRole::Active,
        team: "payments".parse()?,
        binding: status.name.clone(),
        plugin: identity.plugin.clone(),
        component: identity.component,
        contract: identity.contract.clone(),
        settings: CanonicalJson::from_canonical(line.active.settings.clone()),
        input: CanonicalJson::new(&context)?,
        request: None,
        subject: format!("payments/dev/local-directory/service-{number}"),
        outcome: DecisionOutcome::Answered(CanonicalJson::new(&json!({"verdict": "allow"}))?),
        usage: macadam_core::limits::Usage::default(),
        pair: None,
        difference: None,
    })
}
