//! Where blobs are: in the data directory, or where `[blobs]` says; and what an earlier version, a pipeline or
//! `macadam plugin pack` has left in the data directory is taken over.

use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use macadam_blobs::{Address, Blobs};
use macadam_platform::blobs::take_over_archives;
use macadam_platform::plugins::Packages;
use macadam_registry::Registry;
use serde::Deserialize;

use crate::serve::data::DataDir;

/// `[blobs]` of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BlobsConfig {
    /// `s3://BUCKET/PREFIX` or `file:///DIRECTORY`; the data directory if nothing is said.
    url: Option<String>,
    /// Where the bucket's store is, unless it is AWS.
    endpoint: Option<String>,
    /// The bucket's region.
    region: Option<String>,
}

impl BlobsConfig {
    /// Whether another place than the data directory is named.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.url.is_some()
    }
}

/// Opens the place of the blobs, and looks whether it is there.
pub(super) async fn open(data: &DataDir, config: &BlobsConfig) -> anyhow::Result<Blobs> {
    let BlobsConfig { url, endpoint, region } = config;
    let blobs = match url {
        None => {
            anyhow::ensure!(
                endpoint.is_none() && region.is_none(),
                "`blobs.endpoint` and `blobs.region` are of a bucket; write `blobs.url = \"s3://BUCKET\"` as well"
            );
            in_directory(&data.join("blobs"))?
        }
        Some(url) => {
            #[cfg(feature = "s3")]
            use_ring();
            match Address::new(url, endpoint.as_deref(), region.as_deref())? {
                Address::Directory(directory) => in_directory(&directory)?,
                bucket => Blobs::at(&bucket)?,
            }
        }
    };
    blobs.check().await?;
    tracing::info!(place = blobs.place(), "blobs open");
    Ok(blobs)
}

/// Opens a directory that this host looks after.
fn in_directory(directory: &Path) -> anyhow::Result<Blobs> {
    let blobs = Blobs::in_directory(directory)?;
    Blobs::look_after(directory);
    Ok(blobs)
}

/// Has the client of buckets use the TLS that everything here uses. Told twice, the second time changes nothing.
#[cfg(feature = "s3")]
fn use_ring() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("the process has a TLS provider already");
    }
}

/// Takes over what is in the data directory: archives of an earlier version, and packages of a registry's directory.
pub(super) async fn take_over(
    data: &DataDir,
    registry: &Path,
    packages: &Packages,
    blobs: &Blobs,
) -> anyhow::Result<()> {
    let archives = take_over_archives(&data.join("archives"), blobs).await?;
    if archives > 0 {
        tracing::info!(archives, place = blobs.place(), "the archives of projects were moved among the blobs");
    }
    let directory = data.join(registry);
    if !directory.is_dir() {
        return Ok(());
    }
    let taken = packages.take_over(Registry::at(&directory), Timestamp::now()).await;
    let taken = taken.with_context(|| format!("the registry {} cannot be taken over", directory.display()))?;
    for reason in &taken.left {
        tracing::warn!(directory = %directory.display(), reason, "left in the registry's directory");
    }
    for plugin in &taken.new {
        tracing::info!(%plugin, "taken over from the registry's directory");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn place(config: &str) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let opened = open(&data, &toml::from_str(config).unwrap()).await;
        let place = opened.map_err(|error| format!("{error:#}"))?.place().to_owned();
        Ok(place.replace(&data.join("").display().to_string(), ""))
    }

    #[tokio::test]
    async fn blobs_are_in_the_data_directory_unless_an_address_says_otherwise() {
        assert_eq!(place("").await, Ok("blobs".to_owned()));
        let elsewhere = tempfile::tempdir().unwrap();
        let url = format!("url = \"file://{}/b\"", elsewhere.path().display());
        assert_eq!(place(&url).await, Ok(elsewhere.path().join("b").display().to_string()));
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_told_by_its_key() {
        for (config, part) in [
            ("url = \"ftp://x\"", "`blobs.url`"),
            ("endpoint = \"https://s3.example\"", "`blobs.url = "),
            ("url = \"file:///srv\"\nregion = \"eu\"", "`blobs.region`"),
        ] {
            let refused = place(config).await.unwrap_err();
            assert!(refused.contains(part), "{part:?} is missing in: {refused}");
        }
    }
}
