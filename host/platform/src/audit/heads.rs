//! Heads, signed. The key is made when it is first needed and kept in the store as every secret is, sealed under the
//! host's master key: replicas share it, it goes with a backup, and who has only the database cannot sign with it.

use jiff::Timestamp;
use macadam_core::audit::{Head, Heads, HeadsKey, HeadsSigner, SignedHeads, Stream};
use macadam_core::digest::Digest;
use macadam_runtime::capabilities::secrets::SecretVault as _;
use macadam_store::StreamEnd;

use crate::provisioning::ProvisionError;
use crate::{Caller, Platform};

const SCOPE: &str = "audit";
const NAME: &str = "heads-key";

impl Platform {
    /// Where the streams that the caller may read end now, signed.
    ///
    /// # Errors
    /// [`ProvisionError::Unavailable`] while the store is away, [`ProvisionError::Internal`] when store or vault fail.
    pub async fn audit_heads(&self, caller: &Caller, now: Timestamp) -> Result<SignedHeads, ProvisionError> {
        let stream = self.readable(caller, None)?;
        self.signed_heads(stream.as_ref(), now).await
    }

    /// Where streams end now, signed; without a stream, all of them. One whose last entry somebody has turned into nonsense
    /// is left out, so that nothing vouches for that entry: whoever verifies the log finds it, and the others stay vouched for.
    ///
    /// # Errors
    /// [`ProvisionError::Unavailable`] while the store is away, [`ProvisionError::Internal`] when store or vault fail.
    pub async fn signed_heads(&self, stream: Option<&Stream>, now: Timestamp) -> Result<SignedHeads, ProvisionError> {
        let ends = self.store().audit_ends().await?;
        let entries = ends.iter().map(|end| end.seq).max().unwrap_or(0);
        let of_stream = |head: &Head| stream.is_none_or(|stream| head.stream == *stream);
        let heads = ends.iter().filter_map(head).filter(of_stream).collect();
        let statement = Heads { at: now, entries: stream.is_none().then_some(entries), heads };
        Ok(self.signer().await?.sign(statement)?)
    }

    /// The key that heads are checked with.
    ///
    /// # Errors
    /// [`ProvisionError::Unavailable`] while the store is away, [`ProvisionError::Internal`] when store or vault fail.
    pub async fn audit_key(&self) -> Result<HeadsKey, ProvisionError> {
        Ok(self.signer().await?.key())
    }

    async fn signer(&self) -> Result<&HeadsSigner, ProvisionError> {
        let make = || async {
            // The vault keeps the first secret of a name, whichever replica it came from.
            let handle = self.parts.vault.generate(SCOPE, NAME).await?;
            let secret = self.parts.vault.open(SCOPE, &handle).await?;
            // 192 random bits as a text; the digest makes a key of the length that is needed.
            Ok(HeadsSigner::new(Digest::of(format!("macadam audit heads key\n{secret}").as_bytes()).as_bytes()))
        };
        self.audit.signer.get_or_try_init(make).await
    }
}

/// The head of a stream, if there can be one.
fn head(end: &StreamEnd) -> Option<Head> {
    let head = end.head();
    if head.is_none() {
        let StreamEnd { stream, place, .. } = end;
        tracing::error!(
            stream,
            place,
            "the last entry of a stream of the audit log is not what was written, so no head of the stream is signed; \
             `macadam audit verify` says what was done; keep the database as evidence"
        );
    }
    head
}
