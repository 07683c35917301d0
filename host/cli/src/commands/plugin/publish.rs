//! `macadam plugin publish`, `yank` and `unyank`.

use std::path::PathBuf;

use anyhow::bail;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use serde_json::Value;

use crate::args::Global;
use crate::client::Client;
use crate::commands::plugin::{deprecate, pack, sign};
use crate::exit::End;
use crate::output::{Output, note};
use crate::show::{facts, text};

/// What is published.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// A package, or a directory as `plugin pack` takes it
    path: PathBuf,
    /// The component, when a directory is published that has it elsewhere
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// The signature; the one beside the package if there is one and nothing is said
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

/// Which version.
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// NAMESPACE/NAME@VERSION
    plugin: String,
}

/// Publishes a version.
pub(super) fn publish(global: &Global, args: &PublishArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let package = pack::open(&args.path, args.component.as_deref())?;
    let signature = sign::for_upload(&package, &args.path, args.signature.as_deref())?;
    let signature = signature.map(|envelope| BASE64_STANDARD.encode(envelope));
    let mut headers = vec![("content-type", "application/gzip")];
    headers.extend(signature.as_deref().map(|signature| ("macadam-signature", signature)));
    let published = Client::new(global)?.post_bytes("/plugins", package.archive(), &headers)?;
    let said = deprecate::said(&published);
    if !said.is_empty() {
        note(&format!("warning: {}@{} is {said}", text(&published, "/name"), text(&published, "/version")));
    }
    output.value(&published, |published| {
        let of = |pointer| text(published, pointer);
        let head = facts(&[
            ("Plugin", format!("{}@{}", of("/name"), of("/version"))),
            ("Kind", of("/kind")),
            ("Contract", of("/contract")),
            ("Digest", of("/package")),
        ]);
        let already = published.get("already").and_then(Value::as_bool).unwrap_or_default();
        Ok(format!("{head}{}", if already { "It was there already" } else { "Published; nothing is activated by it" }))
    })?;
    Ok(End::Done)
}

/// Yanks a version, or puts it back.
pub(super) fn yank(global: &Global, args: &VersionArgs, yanked: bool, output: &mut Output<'_>) -> anyhow::Result<End> {
    let Some((name, version)) = args.plugin.split_once('@') else {
        bail!("{} names no version; write NAMESPACE/NAME@VERSION", args.plugin);
    };
    let (client, path) = (Client::new(global)?, format!("/plugins/{name}/{version}/yank"));
    if yanked {
        client.post_nothing(&path)?;
    } else {
        client.delete_nothing(&path)?;
    }
    output.remark(&format!("{} is {}", args.plugin, if yanked { "yanked" } else { "no longer yanked" }))?;
    Ok(End::Done)
}
