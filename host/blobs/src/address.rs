//! Where blobs are to be, as an administrator writes it.

use std::fmt;
use std::path::PathBuf;

use url::Url;

/// Where blobs are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In a directory of this machine, or one that is mounted there.
    Directory(PathBuf),
    /// In a bucket.
    S3(Bucket),
}

/// A bucket of an S3-compatible store. Credentials are none of this: they come from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Below which path; empty for the whole bucket.
    pub prefix: String,
    /// The store's address, unless it is AWS.
    pub endpoint: Option<String>,
    /// The region, unless the environment says it.
    pub region: Option<String>,
}

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address, or one of something else.
    #[error("`blobs.url` cannot be used: {reason}; write s3://BUCKET/PREFIX or file:///DIRECTORY")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The store's address is none.
    #[error("`blobs.endpoint` cannot be used: {reason}; write an address such as https://s3.example:9000")]
    Endpoint {
        /// What is wrong with it.
        reason: String,
    },
    /// What only a bucket has was said of a directory.
    #[error("`blobs.{field}` is for buckets, and `blobs.url` is a directory; leave it out")]
    NotABucket {
        /// What was said.
        field: &'static str,
    },
    /// This build has no client for it.
    #[error("this build has no client for S3; build it with the feature `s3`, or write file:///DIRECTORY")]
    NoS3,
}

impl Address {
    /// Takes `s3://BUCKET/PREFIX` or `file:///DIRECTORY`, and for a bucket where its store is.
    ///
    /// # Errors
    /// [`AddressError`] names the field. A text that may hold credentials is never repeated.
    pub fn new(url: &str, endpoint: Option<&str>, region: Option<&str>) -> Result<Self, AddressError> {
        let wrong = |reason: &str| AddressError::Url { reason: reason.to_owned() };
        let parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(wrong("it has credentials, which belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(wrong("it has a `?` or a `#`"));
        }
        match parsed.scheme() {
            "file" => {
                if let Some(field) = endpoint.map(|_| "endpoint").or(region.map(|_| "region")) {
                    return Err(AddressError::NotABucket { field });
                }
                parsed.to_file_path().map(Self::Directory).map_err(|()| wrong("it is no path of this machine"))
            }
            "s3" => {
                let name =
                    parsed.host_str().filter(|name| !name.is_empty()).ok_or_else(|| wrong("it names no bucket"))?;
                let prefix = parsed.path().trim_matches('/').to_owned();
                if prefix.split('/').any(|part| part.is_empty() && !prefix.is_empty()) || prefix.contains('%') {
                    return Err(wrong("the prefix has an empty part or a `%`"));
                }
                let endpoint = endpoint.map(checked).transpose()?;
                Ok(Self::S3(Bucket { name: name.to_owned(), prefix, endpoint, region: region.map(str::to_owned) }))
            }
            other => Err(wrong(&format!("{other:?} is no kind of place that is known"))),
        }
    }
}

fn checked(endpoint: &str) -> Result<String, AddressError> {
    let wrong = |reason: &str| AddressError::Endpoint { reason: reason.to_owned() };
    let url = Url::parse(endpoint).map_err(|error| wrong(&error.to_string()))?;
    match (url.scheme(), url.username().is_empty() && url.password().is_none()) {
        ("http" | "https", true) => Ok(endpoint.trim_end_matches('/').to_owned()),
        ("http" | "https", false) => Err(wrong("it has credentials, which belong into the environment")),
        _ => Err(wrong("it does not begin with https:// or http://")),
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.name, self.prefix)?;
        match &self.endpoint {
            Some(endpoint) => write!(f, " at {endpoint}"),
            None => Ok(()),
        }
    }
}
