//! From a published version to its first answer, and from a rollback to the first old one. The floor is the answer alone.

use std::time::Instant;

use anyhow::ensure;
use jiff::Timestamp;
use macadam_platform::plugins::RollBack;
use tempfile::tempdir;

use super::{activate, preview};
use crate::Effort;
use crate::decision::current_thread;
use crate::figures::Report;
use crate::race::{median, nanoseconds};
use crate::whole;

const UNIT: &str = "µs";

/// Measures activations and rollbacks in turns with plain answers.
pub(super) fn measure(effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let (runtime, directory) = (current_thread()?, tempdir()?);
    // Each version is activated once: the first load of a published version is what is measured.
    let rounds = effort.rounds * 8;
    let version = |round: usize| format!("1.{round}.0");
    let mut packages = vec![whole::provider()?];
    for round in 0..=rounds {
        packages.push(whole::policy("macadam/bench-policy", &version(round))?);
    }
    let bindings = whole::bindings("macadam/bench-policy@1.0.0")?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    runtime.block_on(async {
        let platform = whole::host(directory.path(), &packages, &bindings).await?;
        let (caller, name) = (whole::dana()?, "bench-policy".parse()?);
        for round in 1..=rounds {
            let [answers, activations, rollbacks] = &mut times;
            let begin = Instant::now();
            preview(&platform, &caller).await?;
            answers.push(nanoseconds(begin));

            let begin = Instant::now();
            activate(&platform, &caller, &version(round)).await?;
            ensure!(preview(&platform, &caller).await? == [version(round)], "the new version answers");
            activations.push(nanoseconds(begin));

            let begin = Instant::now();
            platform.roll_back_binding(&caller, &name, RollBack::default(), Timestamp::now()).await?;
            ensure!(preview(&platform, &caller).await? != [version(round)], "the old version answers");
            rollbacks.push(nanoseconds(begin));
        }
        Ok(())
    })?;
    let [answers, activations, rollbacks] = times.map(|times| median(times) / 1_000.0);
    report.add("lifecycle/answer", answers, UNIT, None);
    report.add("lifecycle/activate-to-answer", activations, UNIT, Some("lifecycle/answer"));
    report.add("lifecycle/rollback-to-answer", rollbacks, UNIT, Some("lifecycle/answer"));
    Ok(())
}
