//! Where a resource's directory and its mark are, and whose they are.

use macadam_sdk::host::files::{FilesError, Root};
use macadam_sdk::{Error, ManagedResource};
use serde::{Deserialize, Serialize};

use crate::Settings;

/// Where one resource's directory is.
pub(crate) struct Place<'a> {
    resource: &'a ManagedResource,
    directory: String,
}

/// Whose a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nothing is there.
    Nobody,
    /// It has this resource's mark.
    Us,
    /// It has another mark, or none.
    Somebody,
}

/// What the hidden file beside a directory says.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    resource: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota_mb: Option<u32>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(resource: &'a ManagedResource) -> Self {
        let (namespace, request) = (&resource.namespace, &resource.request);
        Self { resource, directory: format!("{namespace}/{}/{}", request.environment.name, request.name) }
    }

    pub(crate) fn root<'s>(&self, settings: &'s Settings) -> Root<'s> {
        Root::named(&settings.root)
    }

    pub(crate) fn directory(&self) -> &str {
        &self.directory
    }

    /// What plans and errors call it.
    pub(crate) fn target(&self) -> String {
        format!("directory {}", self.directory)
    }

    pub(crate) fn owner(&self, root: Root<'_>) -> Result<Owner, Error> {
        match root.read_file(&self.mark()) {
            Ok(bytes) => {
                let ours = serde_json::from_slice(&bytes).is_ok_and(|mark: Mark| mark.resource == self.resource.id);
                Ok(if ours { Owner::Us } else { Owner::Somebody })
            }
            Err(FilesError::NotFound(_)) if root.exists(&self.directory)? => Ok(Owner::Somebody),
            Err(FilesError::NotFound(_)) => Ok(Owner::Nobody),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn write_mark(&self, root: Root<'_>, quota_mb: Option<u32>) -> Result<(), Error> {
        let mark = Mark { resource: self.resource.id.clone(), quota_mb };
        let mark = serde_json::to_vec(&mark).map_err(|error| Error::failed(error.to_string()))?;
        root.create_directory(&self.parent())?;
        Ok(root.write_file(&self.mark(), &mark)?)
    }

    pub(crate) fn remove_mark(&self, root: Root<'_>) -> Result<(), Error> {
        Ok(root.remove(&self.mark())?)
    }

    /// A text that was asked for is written every time; ours only where there is none, since people edit it.
    pub(crate) fn write_readme(&self, root: Root<'_>, readme: Option<&str>) -> Result<(), Error> {
        let path = format!("{}/README.md", self.directory);
        match readme {
            Some(text) => root.write_file(&path, text.as_bytes())?,
            None if root.exists(&path)? => {}
            None => root.write_file(&path, self.introduction().as_bytes())?,
        }
        Ok(())
    }

    fn introduction(&self) -> String {
        let (name, environment) = (&self.resource.request.name, &self.resource.request.environment.name);
        let namespace = &self.resource.namespace;
        format!(
            "# {name}\n\nA workspace of {namespace} in {environment}, made by Macadam and removed with its resource.\n"
        )
    }

    fn parent(&self) -> String {
        format!("{}/{}", self.resource.namespace, self.resource.request.environment.name)
    }

    /// Beside the directory. No resource's name starts with a dot.
    fn mark(&self) -> String {
        format!("{}/.{}.json", self.parent(), self.resource.request.name)
    }
}
