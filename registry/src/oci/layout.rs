//! A package as OCI artifacts: what it is cut into, and nothing of how that travels.
//!
//! Of equal packages the artifacts have equal bytes: nothing in them tells when or by whom they were pushed. So pushing
//! a package again changes nothing, and its manifest's digest is known before anybody has pushed it.

use std::sync::Arc;

use macadam_core::digest::Digest;
use serde::{Deserialize, Serialize};

use super::manifest::{Annotations, Descriptor, MANIFEST, Manifest};
use crate::package::Package;
use crate::signature::Envelope;

/// The annotation of a component's manifest that names the digest of the package's archive.
pub const PACKAGE_DIGEST: &str = "macadam.package.digest";
/// The file name that a layer is given by clients that write layers to files (image-spec, annotations.md).
const TITLE: &str = "org.opencontainers.image.title";

/// The media types in the layout.
pub mod media {
    /// A component's configuration: what it imports and exports.
    pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
    /// A component.
    pub const WASM: &str = "application/wasm";
    /// What makes a component a plugin: its manifest and its README.
    pub const PLUGIN: &str = "application/vnd.macadam.plugin.v1";
    /// `plugin.toml`.
    pub const PLUGIN_MANIFEST: &str = "application/vnd.macadam.plugin.manifest.v1+toml";
    /// `README.md`.
    pub const README: &str = "text/markdown";
    /// A DSSE envelope, as the artifact and as its only layer.
    pub const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
    /// The configuration of what needs none (image-spec, manifest.md, "Guidance for an Empty Descriptor").
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
}

/// Bytes to push, with what describes them.
pub(super) struct Blob {
    pub(super) descriptor: Descriptor,
    pub(super) bytes: Arc<[u8]>,
}

/// A manifest to push, with what it names.
pub(super) struct Artifact {
    pub(super) descriptor: Descriptor,
    pub(super) manifest: Vec<u8>,
    pub(super) blobs: Vec<Blob>,
}

/// `application/vnd.wasm.config.v0+json`, as the crate `oci-wasm` writes it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig {
    created: String,
    author: Option<String>,
    architecture: String,
    os: String,
    layer_digests: Vec<Digest>,
    component: Option<Component>,
}

#[derive(Serialize, Deserialize)]
struct Component {
    exports: Vec<String>,
    imports: Vec<String>,
    target: Option<String>,
}

/// The artifact that everybody can run.
pub(super) fn component(package: &Package) -> Result<Artifact, serde_json::Error> {
    let manifest = package.manifest();
    let wasm = blob(media::WASM, Some("plugin.wasm"), package.component().bytes().into());
    let authors = (!manifest.authors.is_empty()).then(|| manifest.authors.join(", "));
    let names = |names: &std::collections::BTreeSet<_>| names.iter().map(ToString::to_string).collect();
    let config = WasmConfig {
        // The field must be there; the true time would give equal packages different digests.
        created: "1970-01-01T00:00:00Z".into(),
        author: authors.clone(),
        architecture: "wasm".into(),
        os: "wasip2".into(),
        layer_digests: vec![wasm.descriptor.digest],
        component: Some(Component {
            exports: names(&package.interfaces().exports),
            imports: names(&package.interfaces().imports),
            target: None,
        }),
    };
    let config = blob(media::WASM_CONFIG, None, serde_json::to_vec(&config)?.into());
    let mut annotations = Annotations::from(
        [
            (TITLE, manifest.name.to_string()),
            ("org.opencontainers.image.version", manifest.version.to_string()),
            ("org.opencontainers.image.description", manifest.summary.clone()),
            ("org.opencontainers.image.licenses", manifest.license.as_str().to_owned()),
            (PACKAGE_DIGEST, package.digest().to_string()),
        ]
        .map(|(name, text)| (name.to_owned(), text)),
    );
    annotations.extend(authors.map(|authors| ("org.opencontainers.image.authors".to_owned(), authors)));
    Artifact::of(None, config, vec![wasm], None, annotations)
}

/// The artifact that makes a component a plugin.
pub(super) fn plugin(package: &Package, component: &Descriptor) -> Result<Artifact, serde_json::Error> {
    let layers = vec![
        blob(media::PLUGIN_MANIFEST, Some("plugin.toml"), package.manifest_text().as_bytes().into()),
        blob(media::README, Some("README.md"), package.readme().as_bytes().into()),
    ];
    Artifact::of(Some(media::PLUGIN), empty(), layers, Some(component), Annotations::new())
}

/// The artifact that says who vouches for a package.
pub(super) fn signatures(envelope: &Envelope, component: &Descriptor) -> Result<Artifact, serde_json::Error> {
    let layer = blob(media::ENVELOPE, Some("plugin.dsse.json"), envelope.to_bytes().into());
    Artifact::of(Some(media::ENVELOPE), empty(), vec![layer], Some(component), Annotations::new())
}

impl Artifact {
    fn of(
        artifact_type: Option<&str>,
        config: Blob,
        layers: Vec<Blob>,
        subject: Option<&Descriptor>,
        annotations: Annotations,
    ) -> Result<Self, serde_json::Error> {
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: artifact_type.map(str::to_owned),
            config: config.descriptor.clone(),
            layers: layers.iter().map(|layer| layer.descriptor.clone()).collect(),
            subject: subject.map(Descriptor::bare),
            annotations,
        };
        let bytes = serde_json::to_vec(&manifest)?;
        // An index of referrers names the type of each (distribution-spec, "Pushing Manifests with Subject").
        let descriptor = Descriptor { artifact_type: manifest.artifact_type, ..Descriptor::of(MANIFEST, &bytes) };
        let blobs = std::iter::once(config).chain(layers).collect();
        Ok(Self { descriptor, manifest: bytes, blobs })
    }
}

/// Whether a configuration is that of a component with these layers.
pub(super) fn is_config_of(config: &[u8], layers: &[Descriptor]) -> bool {
    let digests = layers.iter().map(|layer| layer.digest);
    serde_json::from_slice(config).is_ok_and(|config: WasmConfig| config.layer_digests.into_iter().eq(digests))
}

fn empty() -> Blob {
    blob(media::EMPTY, None, b"{}".as_slice().into())
}

fn blob(media_type: &str, title: Option<&str>, bytes: Arc<[u8]>) -> Blob {
    let annotations = title.map(|title| Annotations::from([(TITLE.to_owned(), title.to_owned())]));
    Blob { descriptor: Descriptor { annotations, ..Descriptor::of(media_type, &bytes) }, bytes }
}
