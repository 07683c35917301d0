//! The benchmarks' rule in other policy engines, as a program that measures what it is told to.
//!
//! The first line of standard input is a [`Setup`]: the document that is measured, and others on which every engine must
//! decide as the rule does. The answer is a line with the contenders' names. Each further line is an [`Order`]: so many
//! calls of one contender; the answer is a line with the nanoseconds that each call took. Macadam's own contenders take
//! turns with these, so that noise hits all of them alike.

mod cedar;
mod rego;

use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;

/// What is decided about.
#[derive(Deserialize)]
struct Setup {
    /// The policy's context as a JSON text.
    document: String,
    /// The policy's settings as a JSON text.
    settings: String,
    /// Other contexts, each with whether the rule lets it pass.
    checks: Vec<(String, bool)>,
}

/// What to measure.
#[derive(Deserialize)]
struct Order {
    run: String,
    calls: usize,
}

/// The rule in one engine.
trait Engine {
    /// Decides the document and says whether it passes.
    fn decide(&mut self, document: &str) -> anyhow::Result<bool>;
}

/// The allocator of whom they are compared with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let setup: Setup = serde_json::from_str(&lines.next().context("the setup is missing")??)?;
    let mut engines = engines(&setup)?;
    for (name, engine) in &mut engines {
        for (document, passes) in &setup.checks {
            let given = engine.decide(document).with_context(|| format!("{name} on {document}"))?;
            if given != *passes {
                bail!("{name} answers {given} and the rule {passes} on {document}");
            }
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!(engines.iter().map(|(name, _)| *name).collect::<Vec<_>>()))?;
    out.flush()?;
    for line in lines {
        let order: Order = serde_json::from_str(&line?)?;
        let found = engines.iter_mut().find(|(name, _)| *name == order.run);
        let (_, engine) = found.with_context(|| format!("there is no contender {}", order.run))?;
        let mut nanoseconds = Vec::with_capacity(order.calls);
        for _ in 0..order.calls {
            let started = Instant::now();
            std::hint::black_box(engine.decide(std::hint::black_box(&setup.document))?);
            nanoseconds.push(started.elapsed().as_nanos());
        }
        writeln!(out, "{}", json!(nanoseconds))?;
        out.flush()?;
    }
    Ok(())
}

fn engines(setup: &Setup) -> anyhow::Result<Vec<(&'static str, Box<dyn Engine>)>> {
    Ok(vec![
        ("decision/regorus", Box::new(rego::Machine::new(&setup.settings)?)),
        ("decision/regorus-parsed", Box::new(rego::ParsedOnce::new(&setup.settings)?)),
        ("decision/regorus-interpreter", Box::new(rego::Interpreter::new(&setup.settings)?)),
        ("decision/cedar", Box::new(cedar::Cedar::new(&setup.settings)?)),
    ])
}
