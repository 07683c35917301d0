//! The client of an S3-compatible store.
//!
//! Credentials are found as every tool of AWS finds them: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a web
//! identity (`AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`), a container's, or the machine's own role. TLS is rustls
//! over ring, as everywhere in this host, and trusts what the system trusts (`SSL_CERT_FILE` for an authority of one's
//! own).

use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use crate::BlobError;
use crate::address::Bucket;

/// How long to wait for a connection, and for a whole answer: a package has some megabytes.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);

/// What fails for a passing reason is tried again within this. Somebody waits for it.
const RETRY_WITHIN: Duration = Duration::from_secs(15);

/// Opens a bucket. Nothing is asked of it yet.
pub(crate) fn open(bucket: &Bucket) -> Result<AmazonS3, BlobError> {
    let plain = bucket.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(ANSWER).with_allow_http(plain);
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(3), base: 2.0 };
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&bucket.name)
        .with_client_options(options)
        .with_retry(RetryConfig { backoff, max_retries: 6, retry_timeout: RETRY_WITHIN });
    if let Some(endpoint) = &bucket.endpoint {
        // Stores of one's own have no name for each bucket in the DNS.
        builder = builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false);
    }
    if let Some(region) = &bucket.region {
        builder = builder.with_region(region);
    }
    builder.build().map_err(|error| BlobError::failed(&bucket.to_string(), error))
}
