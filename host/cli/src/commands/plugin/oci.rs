//! `macadam plugin push` and `pull`: packages in OCI registries, beside an organisation's images.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use macadam_registry::oci::{Credentials, Reference, Remote, Repository, Secret, Transport};
use serde_json::json;

use crate::commands::plugin::{pack, sign};
use crate::exit::End;
use crate::output::Output;
use crate::show::{facts, text};

/// How the registry is spoken to.
#[derive(Debug, Args)]
struct RemoteArgs {
    /// The name to sign in with; with it, the password comes from MACADAM_OCI_PASSWORD
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Speak plain HTTP to a registry on another machine
    #[arg(long)]
    plain_http: bool,
}

/// What is pushed.
#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The package; a signature beside it goes along
    package: PathBuf,
    /// HOST/PATH of the repository; the version becomes the tag
    repository: Repository,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// What is pulled.
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// HOST/PATH:TAG or HOST/PATH@sha256:DIGEST
    reference: Reference,
    /// Where the package goes
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// Pushes a package with its signature.
pub(super) fn push(args: &PushArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let package = pack::open(&args.package, None)?;
    let envelope = sign::of(&args.package, None)?;
    let pushed = args.remote.to(args.repository.clone())?.push(&package, envelope.as_ref())?;
    let pushed = json!({
        "reference": pushed.reference.to_string(), "digest": pushed.digest, "signed": envelope.is_some(),
    });
    output.value(&pushed, |pushed| {
        let of = |pointer| text(pushed, pointer);
        Ok(facts(&[("Pushed", of("/reference")), ("Digest", of("/digest")), ("Signed", of("/signed"))]))
    })?;
    Ok(End::Done)
}

/// Pulls a package with its signatures, as files.
pub(super) fn pull(args: &PullArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let pulled = args.remote.to(args.reference.repository.clone())?.pull(&args.reference.target)?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be made", args.out.display()))?;
    let path = args.out.join(pulled.package.path().replace('/', "-"));
    let write = |path: &PathBuf, bytes: &[u8]| {
        std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    };
    write(&path, pulled.package.archive())?;
    if let Some(envelope) = &pulled.envelope {
        write(&sign::beside(&path), &envelope.to_bytes())?;
    }
    let pulled = json!({
        "plugin": pulled.package.reference().to_string(), "digest": pulled.digest, "package": path,
        "signed": pulled.envelope.is_some(),
    });
    output.value(&pulled, |pulled| {
        let of = |pointer| text(pulled, pointer);
        let signed = ("Signed", of("/signed"));
        Ok(facts(&[("Plugin", of("/plugin")), ("Digest", of("/digest")), ("Package in", of("/package")), signed]))
    })?;
    Ok(End::Done)
}

impl RemoteArgs {
    fn to(&self, repository: Repository) -> anyhow::Result<Remote> {
        let credentials = match (&self.username, std::env::var("MACADAM_OCI_PASSWORD")) {
            (None, _) => Credentials::Anonymous,
            (Some(username), Ok(password)) => {
                Credentials::Basic { username: username.clone(), password: Secret::new(password) }
            }
            (Some(_), Err(_)) => bail!("--username needs a password; set MACADAM_OCI_PASSWORD"),
        };
        let transport = if self.plain_http { Transport::PlainHttp } else { Transport::Https };
        Ok(Remote::new(repository, credentials, transport))
    }
}
