//! `cargo xtask run`: from the source tree to a server that answers, with the shipped plugins.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::guests;
use crate::shell::{cargo, root, run};

/// Builds guests and host, packs the shipped plugins into the local registry, and serves until it is interrupted.
pub(crate) fn serve(data: &Path, listen: &str) -> Result<()> {
    let built = guests::build(&root()?, &guests::Options::default())?;
    run("build of the server", cargo()?.args(["build", "--package", "macadam-cli", "--bin", "macadam"]))?;
    let macadam = binary()?;
    let registry = data.join("registry");
    for plugin in built.iter().filter(|plugin| is_shipped(plugin)) {
        let mut pack = Command::new(&macadam);
        pack.args(["plugin", "pack"]).arg(&plugin.manifest_dir).arg("--component").arg(&plugin.component);
        pack.arg("--registry").arg(&registry).arg("--dev");
        run(&format!("packing {}", plugin.manifest_dir.display()), &mut pack)?;
    }
    crate::say(&examples(listen, data));
    let mut server = Command::new(&macadam);
    server.args(["serve", "--development"]).arg("--data").arg(data).args(["--listen", listen]);
    run("serving; press Ctrl-C to stop", &mut server)
}

/// Whether a plugin is one for users: those of benchmarks and hostile tests are not.
fn is_shipped(plugin: &guests::BuiltPlugin) -> bool {
    let is_for_tests = |part: std::path::Component<'_>| part.as_os_str() == "bench" || part.as_os_str() == "hostile";
    !plugin.manifest_dir.components().any(is_for_tests)
}

/// Where cargo puts the binary.
pub(crate) fn binary() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root()?.join("target"), PathBuf::from);
    let binary = target.join("debug/macadam");
    binary.canonicalize().context("the binary was built but is not where cargo puts it")
}

fn examples(listen: &str, data: &Path) -> String {
    let data = data.display();
    format!(
        r#"
Macadam serves on http://{listen}. In another terminal:

  # people and their tokens were made on the first run
  export MACADAM_SERVER=http://{listen}
  TOKEN=$(sed -n 's/^dana //p' {data}/tokens.txt)

  # what would a workspace directory cost, and is it allowed? Nothing is written.
  curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' $MACADAM_SERVER/api/v1/preview \
    -d '{{"environment": "dev", "type": "local-directory", "name": "notes", "tags": {{"owner": "payments"}}}}'

  # make it, and look at it
  curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' $MACADAM_SERVER/api/v1/resources \
    -d '{{"environment": "dev", "type": "local-directory", "name": "notes", "tags": {{"owner": "payments"}}}}'
  curl -s -H "Authorization: Bearer $TOKEN" $MACADAM_SERVER/api/v1/resources

  # the same with the command line, and a whole service from a golden path
  {binary} --data {data} resource list
  {binary} --data {data} scaffold rest-api orders --param description="Takes orders" --param owner=payments \
    --tag owner=payments
"#,
        binary = "target/debug/macadam",
    )
}
