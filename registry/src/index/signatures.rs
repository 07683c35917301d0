//! The signatures beside the archives.

use std::fs::File;
use std::io::ErrorKind;

use macadam_core::names::{PluginName, PluginRef};
use semver::Version;

use super::errors::at;
use super::files::write_whole;
use super::{IndexError, Registry};
use crate::signature::{Envelope, Statement};

/// The signatures that are to be kept of a package: those that are kept already, with those that are offered.
///
/// # Errors
/// [`IndexError::SignatureOfAnother`] when what is offered is not of this package, [`IndexError::Merge`] when there are
/// too many.
pub fn join_signatures(
    plugin: &PluginRef,
    statement: &Statement,
    kept: Option<Envelope>,
    offered: &Envelope,
) -> Result<Envelope, IndexError> {
    if let Some(difference) = offered.statement().difference(statement) {
        return Err(IndexError::SignatureOfAnother { plugin: Box::new(plugin.clone()), difference });
    }
    match kept {
        Some(kept) if kept.statement() == statement => {
            let merged = kept.merge(offered.clone());
            merged.map_err(|source| IndexError::Merge { plugin: Box::new(plugin.clone()), source })
        }
        _ => Ok(offered.clone()),
    }
}

impl Registry {
    /// Keeps signatures of a release, with those that are there already: a key's newer signature replaces its older
    /// one. Answers what is kept now.
    ///
    /// Whether a key is trusted is not asked here; who lets strangers call this should [`verify`](crate::verify) first.
    ///
    /// # Errors
    /// [`IndexError::SignatureOfAnother`] when they are not of what was published, [`IndexError::Merge`] when there are
    /// too many, and as for [`Registry::fetch`].
    pub fn put_signature(
        &self,
        name: &PluginName,
        version: &Version,
        envelope: &Envelope,
    ) -> Result<Envelope, IndexError> {
        let (plugin, release) = self.release(name, version)?;
        let _lock = self.lock(name)?;
        let statement = Statement::of(&self.read_package(&plugin, &release)?);
        let kept = match self.read_signature(&plugin) {
            Ok(kept) => kept,
            // What is damaged cannot be kept, and who signs again means to replace it.
            Err(IndexError::Envelope { .. }) => None,
            Err(error) => return Err(error),
        };
        let all = join_signatures(&plugin, &statement, kept, envelope)?;
        write_whole(&self.signature_path(&plugin), &all.to_bytes())?;
        Ok(all)
    }

    /// The signatures of a release, if it has some.
    ///
    /// # Errors
    /// [`IndexError::Envelope`] when they cannot be read, [`IndexError::UnknownPlugin`] and
    /// [`IndexError::NoSuchVersion`] say what there is.
    pub fn signature(&self, name: &PluginName, version: &Version) -> Result<Option<Envelope>, IndexError> {
        let (plugin, _) = self.release(name, version)?;
        self.read_signature(&plugin)
    }

    pub(super) fn read_signature(&self, plugin: &PluginRef) -> Result<Option<Envelope>, IndexError> {
        let path = self.signature_path(plugin);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        Envelope::read(file)
            .map(Some)
            .map_err(|source| IndexError::Envelope { plugin: Box::new(plugin.clone()), source: Box::new(source) })
    }
}
