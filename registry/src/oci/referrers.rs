//! What refers to a manifest: asked of the registry, or kept in an index under a tag where the registry keeps nothing.
//!
//! The index under the tag is changed by reading, adding and writing, and no registry promises that nobody else writes
//! in between. So whoever has written looks again, and writes again when somebody else's list has replaced it. That makes
//! a loss rare and not impossible: of two who write at the same moment, one may look before the other has written.
//! Pushing again puts back what is missing.

use macadam_core::digest::Digest;
use ureq::http::{Method, StatusCode, header};

use super::http::Call;
use super::layout::Artifact;
use super::manifest::{Descriptor, INDEX, Index, MANIFEST};
use super::{OciError, Remote, Target};

/// The largest page of referrers, in bytes.
const MAX_PAGE: u64 = 4 * 1024 * 1024;
/// The most pages that are asked for. Only what Macadam has pushed is of use here, and that is a handful.
const MAX_PAGES: usize = 10;
/// How often a list that others change meanwhile is written again.
const ATTEMPTS: usize = 5;

/// Where a registry keeps what refers to a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferrersVia {
    /// It does so itself and is asked for it.
    Api,
    /// In an index under a tag of its own.
    TagSchema,
}

impl Remote {
    /// The descriptors of what refers to a manifest.
    pub(super) fn referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, OciError> {
        let mut url = self.http.url(&format!("referrers/{subject}"));
        let mut found = Vec::new();
        let what = "what refers to the package";
        for page in 0..MAX_PAGES {
            let headers = [("accept", INDEX)];
            let call = Call { method: Method::GET, url: url.clone(), headers: &headers, body: None };
            let mut response = self.http.send(&call)?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND if page == 0 => return self.tagged_referrers(subject),
                _ => return Err(self.http.refused(response, what)),
            }
            let next = next_page(response.headers()).map(|link| self.http.resolve(&link)).transpose()?;
            let bytes = self.http.read(&mut response, MAX_PAGE, what)?;
            found.extend(self.parse_index(&bytes)?.manifests);
            match next {
                Some(next) => url = next,
                None => return Ok(found),
            }
        }
        Err(OciError::TooLarge { what: what.to_owned(), limit: MAX_PAGE * MAX_PAGES as u64 })
    }

    /// Pushes an artifact that refers to a manifest, so that it is found there.
    pub(super) fn push_referrer(&self, artifact: &Artifact, subject: Digest) -> Result<ReferrersVia, OciError> {
        for blob in &artifact.blobs {
            self.put_blob(blob)?;
        }
        let target = Target::Digest(artifact.descriptor.digest);
        if self.put_manifest(&target, &artifact.manifest, MANIFEST)? {
            return Ok(ReferrersVia::Api);
        }
        for _ in 0..ATTEMPTS {
            let mut there = self.tagged_referrers(subject)?;
            if there.iter().any(|descriptor| descriptor.digest == artifact.descriptor.digest) {
                return Ok(ReferrersVia::TagSchema);
            }
            there.push(artifact.descriptor.clone());
            let index = serde_json::to_vec(&Index::of(there)).map_err(|error| self.http.protocol(error.to_string()))?;
            self.put_manifest(&tag_of(subject), &index, INDEX)?;
        }
        Err(OciError::Contended { repository: Box::new(self.repository().clone()), subject })
    }

    fn tagged_referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, OciError> {
        match self.manifest(&tag_of(subject), INDEX)? {
            Some((bytes, _)) => Ok(self.parse_index(&bytes)?.manifests),
            None => Ok(Vec::new()),
        }
    }

    fn parse_index(&self, bytes: &[u8]) -> Result<Index, OciError> {
        serde_json::from_slice(bytes).map_err(|error| self.http.protocol(format!("its list of referrers: {error}")))
    }
}

/// The tag of the index where the registry keeps none (distribution-spec, "Referrers Tag Schema").
fn tag_of(subject: Digest) -> Target {
    Target::Tag(format!("sha256-{}", subject.hex()))
}

/// The address in a `Link: <…>; rel="next"`.
fn next_page(headers: &header::HeaderMap) -> Option<String> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = rest.contains("rel=\"next\"") || rest.contains("rel=next");
    is_next.then(|| address.to_owned())
}
