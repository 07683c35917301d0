//! What a server starts with: its configuration, its organisation, and the shipped plugins in its registry.

use std::path::Path;

use crate::components::{component, source_root};
use crate::postgres::Postgres;

/// How a server is set up.
#[derive(Default)]
pub struct Setup {
    /// The `[[plugins]]` of its configuration, and whatever else of TOML.
    pub config: String,
    /// Whether the people of development, dana, amir and ada, are kept out.
    pub production: bool,
    /// The teams and environments; the default ones when empty.
    pub organisation: String,
    /// Variables of its environment.
    pub environment: Vec<(String, String)>,
}

const PLUGINS: [(&str, &str); 8] = [
    ("policies", "cost-threshold"),
    ("policies", "production-gate"),
    ("policies", "required-tags"),
    ("policies", "team-quota"),
    ("estimators", "rate-card"),
    ("providers", "local-directory"),
    ("providers", "postgres-database"),
    ("generators", "rest-api"),
];

impl Setup {
    /// The shipped plugins with thresholds that tests can reach, and `postgres-database` on a real server.
    pub fn with_postgres(postgres: &Postgres) -> Self {
        let connection = format!("[connections.sql.main]\nurl = \"{}\"\n", postgres.provisioner_url());
        let provider = r#"
[[plugins]]
plugin = "macadam/postgres-database@dev"
grants = ["sql:main", "secrets"]
"#;
        Self { config: format!("lease-seconds = 4\n{connection}{}{provider}", shipped()), ..Self::default() }
    }

    /// The shipped plugins that need nothing else.
    pub fn without_postgres() -> Self {
        Self { config: shipped(), ..Self::default() }
    }

    /// Writes what a new data directory starts with.
    pub(super) fn write_into(&self, directory: &Path) {
        let write = |name: &str, text: &str| {
            if !text.is_empty() {
                std::fs::write(directory.join(name), text).expect("the data directory can be written");
            }
        };
        write("macadam.toml", &unlimited(&self.config));
        write("organisation.toml", &self.organisation);
        publish_shipped(&directory.join("registry"));
    }
}

fn shipped() -> String {
    r#"
[[plugins]]
plugin = "macadam/rate-card@dev"

[[plugins]]
plugin = "macadam/required-tags@dev"
[plugins.settings]
tags = [{ key = "owner" }]

[[plugins]]
plugin = "macadam/cost-threshold@dev"
[plugins.settings]
threshold = "50"
groups = ["finance"]

[[plugins]]
plugin = "macadam/production-gate@dev"
[plugins.settings]
groups = ["platform"]

[[plugins]]
plugin = "macadam/team-quota@dev"

[[plugins]]
plugin = "macadam/local-directory@dev"
grants = ["files:workspaces"]

[[plugins]]
plugin = "macadam/rest-api@dev"
"#
    .to_owned()
}

/// Tests ask more often than people may, unless they are about just that.
fn unlimited(config: &str) -> String {
    if config.contains("[rate-limits]") {
        return config.to_owned();
    }
    let limits = ["token", "team", "failures"].map(|of| format!("{of} = {{ per-minute = 0, burst = 0 }}"));
    format!("{config}\n[rate-limits]\n{}\n", limits.join("\n"))
}

fn publish_shipped(registry: &Path) {
    let registry = macadam_registry::Registry::open(registry).expect("the registry opens");
    for (kind, name) in PLUGINS {
        let folder = source_root().join("guests").join(kind).join(name);
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).expect("the plugin's files are there");
        let (manifest, readme) = (read("plugin.toml"), read("README.md"));
        let package = macadam_registry::pack(&manifest, &component(name), &readme, macadam_registry::Versioning::Dev);
        let package = package.unwrap_or_else(|error| panic!("{name} can be packed: {error}"));
        registry.publish(&package, jiff::Timestamp::now()).expect("it can be published");
    }
}
