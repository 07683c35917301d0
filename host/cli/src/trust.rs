//! Which authorities vouch for the servers and identity providers that the command line talks to: the public ones, which
//! come with this program, or in their place those of the file that `SSL_CERT_FILE` names, as for many other programs.
//! An organisation with an authority of its own mostly has that in the file of the system, beside the public ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// The variable that names the file.
const VARIABLE: &str = "SSL_CERT_FILE";

/// How an address is spoken to.
pub(crate) fn of(address: &str) -> anyhow::Result<TlsConfig> {
    let file = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    // What stays on this machine needs no certificates, and works whatever the variable says.
    match file.filter(|_| address.starts_with("https://")) {
        Some(path) => of_file(&path),
        None => Ok(TlsConfig::default()),
    }
}

fn of_file(path: &Path) -> anyhow::Result<TlsConfig> {
    let named = || format!("{}, which {VARIABLE} names, cannot be read", path.display());
    let text = std::fs::read(path).with_context(named)?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&text)
        .filter_map(Result::ok)
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        bail!("{}, which {VARIABLE} names, holds no certificate; they are written as PEM", path.display());
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(certificates))).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_certificates_is_trusted_in_the_place_of_the_public_ones_and_one_without_any_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authorities.pem");
        let one = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        std::fs::write(&path, format!("# ours\n{one}# and another\n{one}")).unwrap();
        let trusted = of_file(&path).unwrap();
        assert!(matches!(trusted.root_certs(), RootCerts::Specific(all) if all.len() == 2), "{trusted:?}");
        std::fs::write(&path, "nothing").unwrap();
        let refused = of_file(&path).unwrap_err().to_string();
        assert!(refused.contains("authorities.pem") && refused.contains("no certificate"), "{refused}");
        let missing = of_file(&folder.path().join("missing.pem")).unwrap_err().to_string();
        assert!(missing.contains("missing.pem") && missing.contains(VARIABLE), "{missing}");
    }
}
