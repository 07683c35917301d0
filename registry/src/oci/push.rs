//! Pushing a package.
//!
//! The tag comes last: whoever sees the version finds everything that belongs to it, and a push that breaks off leaves
//! pieces that nobody sees and the next push finds there.

use macadam_core::digest::Digest;

use super::layout::{self, Artifact};
use super::manifest::MANIFEST;
use super::{OciError, Reference, ReferrersVia, Remote, Target};
use crate::package::{Expected, PackError, Package, ReadError, assemble};
use crate::signature::{Envelope, Statement};

/// What was pushed, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// By its version.
    pub reference: Reference,
    /// The digest of its manifest, by which it can be had whatever becomes of the tag.
    pub digest: Digest,
    /// Where the registry keeps what belongs to it.
    pub referrers: ReferrersVia,
}

impl Remote {
    /// Pushes a package under its version as the tag, and its signatures if there are some. The same package again is a
    /// success and changes nothing; with other signatures, it adds them.
    ///
    /// # Errors
    /// [`OciError::TagTaken`] when the version is there with other contents, [`OciError::NotReproducible`] and
    /// [`OciError::SignatureOfAnother`] before anything is sent, and the others as they say.
    pub fn push(&self, package: &Package, envelope: Option<&Envelope>) -> Result<Pushed, OciError> {
        must_be_reproducible(package)?;
        must_be_of(package, envelope)?;
        let component = self.component(package)?;
        let digest = component.descriptor.digest;
        let tag = self.free_tag(package, digest)?;
        for blob in &component.blobs {
            self.put_blob(blob)?;
        }
        self.put_manifest(&Target::Digest(digest), &component.manifest, MANIFEST)?;
        let plugin = layout::plugin(package, &component.descriptor).map_err(|error| self.unwritable(&error))?;
        let referrers = self.push_referrer(&plugin, digest)?;
        if let Some(envelope) = envelope {
            self.push_envelope(envelope, &component)?;
        }
        self.put_manifest(&tag, &component.manifest, MANIFEST)?;
        Ok(Pushed { reference: *self.at(&tag), digest, referrers })
    }

    /// Adds signatures to a package that was pushed before.
    ///
    /// # Errors
    /// [`OciError::NotFound`] when the package is not there, and as for [`Remote::push`].
    pub fn push_signature(&self, package: &Package, envelope: &Envelope) -> Result<Digest, OciError> {
        must_be_of(package, Some(envelope))?;
        let component = self.component(package)?;
        let digest = component.descriptor.digest;
        match self.manifest(&Target::Digest(digest), MANIFEST)? {
            Some(_) => self.push_envelope(envelope, &component).map(|()| digest),
            None => {
                Err(OciError::NotFound { what: format!("{} ({digest}) in {}", package.reference(), self.repository()) })
            }
        }
    }

    fn push_envelope(&self, envelope: &Envelope, component: &Artifact) -> Result<(), OciError> {
        let artifact = layout::signatures(envelope, &component.descriptor).map_err(|error| self.unwritable(&error))?;
        self.push_referrer(&artifact, component.descriptor.digest).map(drop)
    }

    fn component(&self, package: &Package) -> Result<Artifact, OciError> {
        layout::component(package).map_err(|error| self.unwritable(&error))
    }

    /// The tag of a package, unless it stands for another one: a version never changes.
    fn free_tag(&self, package: &Package, offered: Digest) -> Result<Target, OciError> {
        // A package's version has no build metadata and at most 64 characters, so that it is a tag.
        let tag = Target::Tag(package.manifest().version.to_string());
        match self.manifest(&tag, MANIFEST)? {
            Some((_, there)) if there != offered => {
                Err(OciError::TagTaken { reference: self.at(&tag), there, offered })
            }
            _ => Ok(tag),
        }
    }

    fn unwritable(&self, error: &serde_json::Error) -> OciError {
        self.http.protocol(format!("the package cannot be written as JSON: {error}"))
    }
}

/// Only the files travel, so an archive that is not the one that packing makes of them could not be had back.
fn must_be_reproducible(package: &Package) -> Result<(), OciError> {
    let expected = Expected { plugin: None, digest: Some(package.digest()) };
    let again = assemble(package.manifest_text(), package.component().bytes(), package.readme(), &expected);
    match again {
        Ok(_) => Ok(()),
        Err(PackError::Refused(ReadError::WrongDigest { .. })) => {
            Err(OciError::NotReproducible { plugin: Box::new(package.reference()) })
        }
        Err(source) => Err(OciError::Unpackable { plugin: Box::new(package.reference()), source: Box::new(source) }),
    }
}

fn must_be_of(package: &Package, envelope: Option<&Envelope>) -> Result<(), OciError> {
    let difference = envelope.and_then(|envelope| envelope.statement().difference(&Statement::of(package)));
    match difference {
        None => Ok(()),
        Some(difference) => Err(OciError::SignatureOfAnother { plugin: Box::new(package.reference()), difference }),
    }
}
