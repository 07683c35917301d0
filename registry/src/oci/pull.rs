//! Pulling a package: the manifest says which one it is, and what comes is taken only if it is that one.

use macadam_core::digest::Digest;

use super::layout::{self, PACKAGE_DIGEST, media};
use super::manifest::{ANY, Descriptor, MANIFEST, Manifest};
use super::{OciError, Remote, Target};
use crate::package::{Expected, MAX_MANIFEST, MAX_README, MAX_WASM, PackError, Package, ReadError, assemble};
use crate::signature::{Envelope, MAX_ENVELOPE, Statement};

/// The largest configuration of a component, in bytes: the names of a few hundred interfaces.
const MAX_CONFIG: usize = 256 * 1024;
/// The most referrers of one type that are looked at. Macadam pushes one `plugin`, and signatures a few times; others
/// may add what they like, which must not cost much.
const MAX_LOOKED_AT: usize = 20;

/// What was pulled.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// The package, whose archive has the bytes that were pushed.
    pub package: Package,
    /// The signatures that refer to it, put together; who made them is for [`verify`](crate::verify) to judge.
    pub envelope: Option<Envelope>,
    /// The digest of its manifest, by which the same package can be pulled again whatever becomes of the tag.
    pub digest: Digest,
}

impl Remote {
    /// Pulls a package with its signatures.
    ///
    /// # Errors
    /// [`OciError::WrongDigest`] and [`OciError::WrongSize`] when something is not what it should be,
    /// [`OciError::NotAComponent`] and [`OciError::NotAPlugin`] when something else is there, and the others as they
    /// say.
    pub fn pull(&self, target: &Target) -> Result<Pulled, OciError> {
        let found = self.manifest(target, ANY)?;
        let (bytes, digest) = found.ok_or_else(|| OciError::NotFound { what: self.at(target).to_string() })?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|error| self.not_a_component(target, format!("its manifest cannot be read: {error}")))?;
        let component = self.pull_component(target, &manifest)?;
        let expected = self.package_digest(target, &manifest)?;
        let referrers = self.referrers(digest)?;
        let package = self.pull_plugin(target, digest, &referrers, &component, expected)?;
        let envelope = self.pull_envelope(target, digest, &referrers, &package)?;
        Ok(Pulled { package, envelope, digest })
    }

    fn pull_component(&self, target: &Target, manifest: &Manifest) -> Result<Vec<u8>, OciError> {
        if manifest.config.media_type != media::WASM_CONFIG {
            let reason = format!("its configuration is {:?}, not {}", manifest.config.media_type, media::WASM_CONFIG);
            return Err(self.not_a_component(target, reason));
        }
        let layer = match manifest.layers.as_slice() {
            [layer] if layer.media_type == media::WASM => layer,
            _ => return Err(self.not_a_component(target, format!("it has not one layer of {}", media::WASM))),
        };
        let config = self.blob(&manifest.config, MAX_CONFIG, "the component's configuration")?;
        if !layout::is_config_of(&config, &manifest.layers) {
            return Err(self.not_a_component(target, "its configuration is of other layers".to_owned()));
        }
        self.blob(layer, MAX_WASM, "the component")
    }

    fn package_digest(&self, target: &Target, manifest: &Manifest) -> Result<Digest, OciError> {
        let text = manifest.annotations.get(PACKAGE_DIGEST);
        let digest = text.and_then(|text| text.parse().ok());
        digest.ok_or_else(|| self.not_a_plugin(target, format!("its manifest has no annotation {PACKAGE_DIGEST}")))
    }

    /// The package that the component's manifest names, of all that refers to it as one.
    fn pull_plugin(
        &self,
        target: &Target,
        subject: Digest,
        referrers: &[Descriptor],
        component: &[u8],
        expected: Digest,
    ) -> Result<Package, OciError> {
        let mut problem = None;
        for referrer in of_type(referrers, media::PLUGIN) {
            match self.pull_candidate(target, subject, referrer, component, expected) {
                Ok(package) => return Ok(package),
                // A stranger's referrer must not hide the right one; of several that are wrong, the first is named.
                Err(error) => problem = problem.or(Some(error)),
            }
        }
        Err(problem.unwrap_or_else(|| self.not_a_plugin(target, "nothing refers to it as one".to_owned())))
    }

    fn pull_candidate(
        &self,
        target: &Target,
        subject: Digest,
        referrer: &Descriptor,
        component: &[u8],
        expected: Digest,
    ) -> Result<Package, OciError> {
        let layers = self.layers(target, subject, referrer)?;
        let [manifest, readme] = layers.as_slice() else {
            return Err(self.not_a_plugin(target, "what refers to it has not two layers".to_owned()));
        };
        if manifest.media_type != media::PLUGIN_MANIFEST || readme.media_type != media::README {
            return Err(self.not_a_plugin(target, "what refers to it has layers of other types".to_owned()));
        }
        let text = |bytes: Vec<u8>, what: &str| {
            String::from_utf8(bytes).map_err(|_| self.not_a_plugin(target, format!("{what} is not UTF-8 text")))
        };
        let manifest = text(self.blob(manifest, MAX_MANIFEST, "plugin.toml")?, "plugin.toml")?;
        let readme = text(self.blob(readme, MAX_README, "README.md")?, "README.md")?;
        let expected = Expected { plugin: None, digest: Some(expected) };
        assemble(&manifest, component, &readme, &expected).map_err(|source| match source {
            PackError::Refused(ReadError::WrongDigest { expected, found }) => {
                OciError::WrongDigest { what: format!("the package {}", self.at(target)), expected, found }
            }
            source => OciError::Package { reference: self.at(target), source: Box::new(source) },
        })
    }

    /// All signatures of the package in one envelope. Those that refer to it but are of another package are passed over
    /// where there are some that are not; where they are all there is, they are handed on, to be refused as replayed.
    fn pull_envelope(
        &self,
        target: &Target,
        subject: Digest,
        referrers: &[Descriptor],
        package: &Package,
    ) -> Result<Option<Envelope>, OciError> {
        let statement = Statement::of(package);
        let mut all: Option<Envelope> = None;
        let mut foreign = None;
        for referrer in of_type(referrers, media::ENVELOPE) {
            let envelope = self.envelope(target, subject, referrer)?;
            if *envelope.statement() != statement {
                foreign = Some(envelope);
                continue;
            }
            let merge = |all: Envelope| {
                let reference = self.at(target);
                all.merge(envelope.clone()).map_err(|source| OciError::Merge { reference, source })
            };
            all = Some(all.map_or_else(|| Ok(envelope.clone()), merge)?);
        }
        Ok(all.or(foreign))
    }

    fn envelope(&self, target: &Target, subject: Digest, referrer: &Descriptor) -> Result<Envelope, OciError> {
        let layers = self.layers(target, subject, referrer)?;
        let [layer] = layers.as_slice() else {
            return Err(self.not_a_plugin(target, "its signatures have not one layer".to_owned()));
        };
        let bytes = self.blob(layer, MAX_ENVELOPE, "the signatures")?;
        Envelope::from_bytes(&bytes)
            .map_err(|source| OciError::Envelope { reference: self.at(target), source: Box::new(source) })
    }

    /// The layers of something that refers to a manifest, if it truly does.
    fn layers(&self, target: &Target, subject: Digest, referrer: &Descriptor) -> Result<Vec<Descriptor>, OciError> {
        let found = self.manifest(&Target::Digest(referrer.digest), MANIFEST)?;
        let what = || format!("the manifest {}, which refers to {}", referrer.digest, self.at(target));
        let (bytes, _) = found.ok_or_else(|| OciError::NotFound { what: what() })?;
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| self.http.protocol(format!("{}: {error}", what())))?;
        match manifest.subject.is_some_and(|there| there.digest == subject) {
            true => Ok(manifest.layers),
            false => Err(self.http.protocol(format!("{} refers to something else", what()))),
        }
    }

    fn not_a_component(&self, target: &Target, reason: String) -> OciError {
        OciError::NotAComponent { reference: self.at(target), reason }
    }

    fn not_a_plugin(&self, target: &Target, reason: String) -> OciError {
        OciError::NotAPlugin { reference: self.at(target), reason }
    }
}

fn of_type<'a>(referrers: &'a [Descriptor], artifact_type: &'a str) -> impl Iterator<Item = &'a Descriptor> {
    let is = move |referrer: &&Descriptor| referrer.artifact_type.as_deref() == Some(artifact_type);
    referrers.iter().filter(is).take(MAX_LOOKED_AT)
}
