//! `macadam plugin keygen`, `statement`, `sign` and `verify`: keys and signatures on this machine. What they are worth,
//! each host says for itself.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use macadam_core::names::Namespace;
use macadam_registry::Package;
use macadam_registry::signature::{
    self, Bundle, Envelope, Identity, KeyState, PublicKey, SignaturePolicy, Signer, SigningKey, Statement, TrustRoot,
    TrustedKey, TrustedKeys, Verified,
};
use serde_json::json;

use crate::commands::plugin::pack;
use crate::exit::End;
use crate::output::Output;
use crate::show::{facts, text};

/// Where a key goes.
#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// The file for the secret key; one that is there is not overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What is stated.
#[derive(Debug, Args)]
pub(crate) struct StatementArgs {
    /// The package
    package: PathBuf,
    /// The file for the statement
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What is signed.
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The package
    package: PathBuf,
    /// The secret key, as `plugin keygen` makes it
    #[arg(long, value_name = "FILE", required_unless_present = "bundle")]
    key: Option<PathBuf>,
    /// A sigstore bundle that was made of the package's statement
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    bundle: Option<PathBuf>,
    /// Where the signature goes; beside the package if nothing is said
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is verified.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The package
    package: PathBuf,
    /// A public key that counts; several are several
    #[arg(long = "key", value_name = "KEY", required_unless_present = "issuer")]
    keys: Vec<PublicKey>,
    /// The OIDC issuer of an identity that counts, with --subject and --trusted-root
    #[arg(long, value_name = "URL", requires = "subject", requires = "trusted_root")]
    issuer: Option<String>,
    /// The identity's subject, as the certificate has it: a mail address, or the address of a workflow
    #[arg(long, value_name = "TEXT", requires = "issuer")]
    subject: Option<String>,
    /// The trusted root of sigstore: `trusted_root.json`
    #[arg(long, value_name = "FILE", requires = "issuer")]
    trusted_root: Option<PathBuf>,
    /// The signature; beside the package if nothing is said
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

/// Makes a key.
pub(super) fn keygen(args: &KeygenArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let key = SigningKey::generate()?;
    key.write_new(&args.out)?;
    let made = json!({"id": key.id(), "public_key": key.public(), "secret_key": args.out});
    output.value(&made, |made| {
        let of = |pointer| text(made, pointer);
        Ok(facts(&[("Id", of("/id")), ("Public key", of("/public_key")), ("Secret key in", of("/secret_key"))]))
    })?;
    Ok(End::Done)
}

/// Writes what a signature of a package is over, for tools that sign without a key.
pub(super) fn statement(args: &StatementArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let package = pack::open(&args.package, None)?;
    std::fs::write(&args.out, Statement::of(&package).to_bytes())
        .with_context(|| format!("{} cannot be written", args.out.display()))?;
    let stated = json!({
        "plugin": package.reference().to_string(), "predicate_type": signature::keyless::PREDICATE_TYPE,
        "statement": args.out,
    });
    output.value(&stated, |stated| {
        let of = |pointer| text(stated, pointer);
        let predicate = ("Predicate type", of("/predicate_type"));
        Ok(facts(&[("Plugin", of("/plugin")), predicate, ("Statement in", of("/statement"))]))
    })?;
    Ok(End::Done)
}

/// Signs a package, or takes the sigstore bundle that somebody made of it. A signature that is there already is kept
/// beside the new one.
pub(super) fn sign(args: &SignArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let package = pack::open(&args.package, None)?;
    let path = args.out.clone().unwrap_or_else(|| beside(&args.package));
    let (mut envelope, signed_by) = match (&args.key, &args.bundle) {
        (Some(key), _) => {
            let key = SigningKey::read(key)?;
            (signature::sign(&package, &key), json!({"key": key.id()}))
        }
        (None, Some(bundle)) => (bundled(&package, bundle)?, json!({"bundle": bundle})),
        (None, None) => bail!("say `--key` or `--bundle`"),
    };
    if let Some(there) = read(&path)?
        && there.statement() == envelope.statement()
    {
        envelope = there.merge(envelope)?;
    }
    std::fs::write(&path, envelope.to_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut signed = json!({"plugin": package.reference().to_string(), "signature": path});
    if let (Some(signed), Some(by)) = (signed.as_object_mut(), signed_by.as_object()) {
        signed.extend(by.clone());
    }
    output.value(&signed, |signed| {
        let of = |pointer| text(signed, pointer);
        let by = if args.key.is_some() { ("Key", of("/key")) } else { ("Bundle", of("/bundle")) };
        Ok(facts(&[("Plugin", of("/plugin")), by, ("Signature in", of("/signature"))]))
    })?;
    Ok(End::Done)
}

/// The envelope with a bundle, which must say that it is of the package. Whether that is so is for `plugin verify`.
fn bundled(package: &Package, path: &Path) -> anyhow::Result<Envelope> {
    let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let bundle = Bundle::from_bytes(&bytes).with_context(|| path.display().to_string())?;
    match bundle.statement().difference(&Statement::of(package)) {
        None => Ok(Envelope::of_bundle(bundle)),
        Some(difference) => bail!("{} was made for {difference}; attest this package's statement", path.display()),
    }
}

/// Verifies a package's signature by keys that are named.
pub(super) fn verify(args: &VerifyArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let package = pack::open(&args.package, None)?;
    let envelope = of(&args.package, args.signature.as_deref())?;
    let namespace: Namespace = package.manifest().name.namespace().parse()?;
    let root = args.trusted_root.as_deref().map(TrustRoot::read).transpose()?;
    let mut signers: Vec<Signer> = args.keys.iter().cloned().map(Signer::from).collect();
    if let (Some(issuer), Some(subject)) = (&args.issuer, &args.subject) {
        signers.push(Signer::from(Identity::new(issuer, subject)?).verifiable()?);
    }
    let trusted = signers.into_iter().map(|signer| TrustedKey { signer, state: KeyState::Active });
    let keys = TrustedKeys::new(namespace, trusted).by_root(root);
    match signature::verify(&package, envelope.as_ref(), &keys, SignaturePolicy::Required)? {
        Verified::Signed { keys } => {
            let verified = json!({"plugin": package.reference().to_string(), "keys": keys});
            output.value(&verified, |_| {
                let keys = keys.iter().map(signature::KeyId::short).collect::<Vec<_>>().join(", ");
                Ok(format!("{} is signed by {keys}", package.reference()))
            })?;
            Ok(End::Done)
        }
        Verified::Unsigned => bail!("{} is not signed", package.reference()),
    }
}

/// The envelope of a package: the one that is named, or the one beside it if there is one.
pub(super) fn of(package: &Path, named: Option<&Path>) -> anyhow::Result<Option<Envelope>> {
    match named {
        Some(path) => match read(path)? {
            Some(envelope) => Ok(Some(envelope)),
            None => bail!("there is no {}", path.display()),
        },
        None => read(&beside(package)),
    }
}

/// The envelope for the server, checked to be this package's.
pub(super) fn for_upload(package: &Package, path: &Path, named: Option<&Path>) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(envelope) = of(path, named)? else { return Ok(None) };
    if let Some(difference) = envelope.statement().difference(&Statement::of(package)) {
        bail!("the signature beside {} is of another package ({difference}); sign it again", path.display());
    }
    Ok(Some(envelope.to_bytes()))
}

fn read(path: &Path) -> anyhow::Result<Option<Envelope>> {
    match std::fs::File::open(path) {
        Ok(file) => Ok(Some(Envelope::read(file).with_context(|| path.display().to_string())?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Where a package's signature is: `NAME.tar.gz.dsse.json`.
pub(super) fn beside(package: &Path) -> PathBuf {
    let mut name = package.as_os_str().to_owned();
    name.push(".dsse.json");
    PathBuf::from(name)
}
