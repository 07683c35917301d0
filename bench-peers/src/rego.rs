//! The rule in Rego: on regorus' virtual machine, kept hot, and on its interpreter.

use std::sync::Arc;

use anyhow::Context as _;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine as Interpreted, Value};

use crate::Engine;

const QUERY: &str = "data.bench.reason";

const RULE: &str = r"
package bench

import rego.v1

default reason := `allow`

reason := `production` if {
    input.request.environment.class == `production`
} else := `cost` if {
    not affordable
} else := `tags` if {
    some key in data.settings.tags
    not fits(key)
} else := `replicas` if {
    input.request.spec.replicas > 1000
}

affordable if to_number(input.cost.monthly) <= to_number(data.settings.threshold)

fits(key) if regex.match(`^[a-z][a-z0-9-]{2,63}$`, input.request.tags[key])
";

fn engine(settings: &str) -> anyhow::Result<Interpreted> {
    let mut engine = Interpreted::new();
    engine.add_policy("bench.rego".to_owned(), RULE.to_owned())?;
    engine.add_data(data(settings)?)?;
    Ok(engine)
}

fn data(settings: &str) -> anyhow::Result<Value> {
    Value::from_json_str(&format!(r#"{{"settings": {settings}}}"#))
}

fn passes(reason: &Value) -> anyhow::Result<bool> {
    Ok(reason.as_string().context("the rule gives a text")?.as_ref() == "allow")
}

/// The virtual machine, compiled, loaded and warm; each call reads the document from its text.
pub(crate) struct Machine(RegoVM);

impl Machine {
    pub(crate) fn new(settings: &str) -> anyhow::Result<Self> {
        let policy = engine(settings)?.compile_with_entrypoint(&Arc::from(QUERY))?;
        let program = Compiler::compile_from_policy(&policy, &[QUERY])?;
        let mut machine = RegoVM::new();
        machine.load_program(program);
        machine.set_data(data(settings)?)?;
        Ok(Self(machine))
    }

    fn decide_value(&mut self, input: Value) -> anyhow::Result<bool> {
        self.0.set_input(input);
        passes(&self.0.execute()?)
    }
}

impl Engine for Machine {
    fn decide(&mut self, document: &str) -> anyhow::Result<bool> {
        self.decide_value(Value::from_json_str(document)?)
    }
}

/// The same machine on a document that was read before: what is left is the rule alone.
pub(crate) struct ParsedOnce {
    machine: Machine,
    last: Option<(String, Value)>,
}

impl ParsedOnce {
    pub(crate) fn new(settings: &str) -> anyhow::Result<Self> {
        Ok(Self { machine: Machine::new(settings)?, last: None })
    }
}

impl Engine for ParsedOnce {
    fn decide(&mut self, document: &str) -> anyhow::Result<bool> {
        let input = match &self.last {
            Some((text, input)) if text == document => input.clone(),
            _ => {
                let input = Value::from_json_str(document)?;
                self.last = Some((document.to_owned(), input.clone()));
                input
            }
        };
        self.machine.decide_value(input)
    }
}

/// The interpreter, which walks the rule's syntax tree.
pub(crate) struct Interpreter(Interpreted);

impl Interpreter {
    pub(crate) fn new(settings: &str) -> anyhow::Result<Self> {
        Ok(Self(engine(settings)?))
    }
}

impl Engine for Interpreter {
    fn decide(&mut self, document: &str) -> anyhow::Result<bool> {
        self.0.set_input(Value::from_json_str(document)?);
        passes(&self.0.eval_rule(QUERY.to_owned())?)
    }
}
