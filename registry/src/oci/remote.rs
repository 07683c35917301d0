//! Manifests and blobs of one repository, each compared with what it should be.

use macadam_core::digest::Digest;
use ureq::http::{Method, StatusCode, header};

use super::http::{Call, Http};
use super::layout::Blob;
use super::manifest::Descriptor;
use super::{Credentials, OciError, Reference, Repository, Target};

/// The largest manifest, in bytes: as much as every registry takes (distribution-spec, "Pushing Manifests").
const MAX_MANIFEST: u64 = 4 * 1024 * 1024;
/// Where many registries say which manifest a tag means.
const CONTENT_DIGEST: &str = "docker-content-digest";
/// Where a registry says that it keeps referrers itself.
const SUBJECT: &str = "oci-subject";

/// How a registry on another machine is spoken to. One on this machine is spoken to in plain HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Encrypted, and in no other way, whatever the registry sends to.
    #[default]
    Https,
    /// Unencrypted, for a registry in a network that is trusted.
    PlainHttp,
}

/// One repository of an OCI registry, and who speaks to it.
#[derive(Debug)]
pub struct Remote {
    pub(super) http: Http,
}

impl Remote {
    /// A repository. Nothing is sent yet.
    #[must_use]
    pub fn new(repository: Repository, credentials: Credentials, transport: Transport) -> Self {
        Self { http: Http::new(repository, credentials, transport) }
    }

    /// Which repository it is.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        self.http.repository()
    }

    pub(super) fn at(&self, target: &Target) -> Box<Reference> {
        Box::new(self.repository().at(target.clone()))
    }

    /// A manifest or index and its digest, if there is one.
    pub(super) fn manifest(&self, target: &Target, accept: &str) -> Result<Option<(Vec<u8>, Digest)>, OciError> {
        let what = format!("the manifest {target}");
        let url = self.http.url(&format!("manifests/{target}"));
        let headers = [("accept", accept)];
        let mut response = self.http.send(&Call { method: Method::GET, url, headers: &headers, body: None })?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.http.refused(response, &what)),
        }
        let said = response.headers().get(CONTENT_DIGEST).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = self.http.read(&mut response, MAX_MANIFEST, &what)?;
        let found = Digest::of(&bytes);
        let asked = if let Target::Digest(digest) = target { Some(*digest) } else { None };
        match [asked, said].into_iter().flatten().find(|expected| *expected != found) {
            Some(expected) => Err(OciError::WrongDigest { what, expected, found }),
            None => Ok(Some((bytes, found))),
        }
    }

    /// Puts a manifest or index there. Answers whether the registry keeps the manifest's subject in mind.
    pub(super) fn put_manifest(&self, target: &Target, bytes: &[u8], media_type: &str) -> Result<bool, OciError> {
        let what = format!("the manifest {target}");
        let url = self.http.url(&format!("manifests/{target}"));
        let headers = [("content-type", media_type)];
        let call = Call { method: Method::PUT, url, headers: &headers, body: Some(bytes) };
        let response = self.http.send(&call)?;
        match response.status().is_success() {
            true => Ok(response.headers().contains_key(SUBJECT)),
            false => Err(self.http.refused(response, &what)),
        }
    }

    /// The bytes that a descriptor describes, if they are within the limit.
    pub(super) fn blob(&self, descriptor: &Descriptor, limit: usize, what: &str) -> Result<Vec<u8>, OciError> {
        let limit = limit as u64;
        let Descriptor { digest, size, .. } = *descriptor;
        if size > limit {
            return Err(OciError::TooLarge { what: what.to_owned(), limit });
        }
        let url = self.http.url(&format!("blobs/{digest}"));
        let mut response = self.http.send(&Call { method: Method::GET, url, headers: &[], body: None })?;
        if response.status() != StatusCode::OK {
            return Err(self.http.refused(response, what));
        }
        let wrong_size = || OciError::WrongSize { what: what.to_owned(), expected: size };
        let bytes = self.http.read(&mut response, size, what).map_err(|error| match error {
            OciError::TooLarge { .. } => wrong_size(),
            other => other,
        })?;
        if bytes.len() as u64 != size {
            return Err(wrong_size());
        }
        let found = Digest::of(&bytes);
        match found == digest {
            true => Ok(bytes),
            false => Err(OciError::WrongDigest { what: what.to_owned(), expected: digest, found }),
        }
    }

    /// Puts a blob there unless it is there already: in one piece, since none is large (distribution-spec, "POST then
    /// PUT").
    pub(super) fn put_blob(&self, blob: &Blob) -> Result<(), OciError> {
        let digest = blob.descriptor.digest;
        let what = &format!("the blob {digest}");
        let url = self.http.url(&format!("blobs/{digest}"));
        let there = self.http.send(&Call { method: Method::HEAD, url, headers: &[], body: None })?;
        match there.status() {
            StatusCode::OK => return Ok(()),
            StatusCode::NOT_FOUND => {}
            _ => return Err(self.http.refused(there, what)),
        }
        let url = self.http.url("blobs/uploads/");
        let begun = self.http.send(&Call { method: Method::POST, url, headers: &[], body: Some(&[]) })?;
        if begun.status() != StatusCode::ACCEPTED {
            return Err(self.http.refused(begun, what));
        }
        let location = begun.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| self.http.protocol("it takes an upload and does not say where"))?;
        let url = self.http.resolve(location)?;
        let joint = if url.contains('?') { '&' } else { '?' };
        let call = Call {
            method: Method::PUT,
            url: format!("{url}{joint}digest={digest}"),
            headers: &[("content-type", "application/octet-stream")],
            body: Some(&blob.bytes),
        };
        let response = self.http.send(&call)?;
        if response.status().is_success() { Ok(()) } else { Err(self.http.refused(response, what)) }
    }
}
