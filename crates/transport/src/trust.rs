//! Which certificates a server may prove itself with.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::Error;

/// Where systems keep their bundle of trusted certificates: Debian and Alpine, Fedora, openSUSE, older Red Hat, macOS and BSD.
const SYSTEM_BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// A file of certificates larger than this is not one.
const LARGEST_BUNDLE_BYTES: u64 = 16 << 20;

/// The trusted certificates of a run: the system's, and those of one more file. Read and parsed once.
#[derive(Clone, Debug)]
pub struct Trust {
    pem: Arc<Vec<Vec<u8>>>,
    roots: Arc<RootCertStore>,
}

impl Trust {
    /// Reads the system's bundle, where there is one, and `ca_file`, where one is named.
    ///
    /// # Errors
    /// [`Error::Certificates`] where `ca_file` cannot be read, is empty, or holds no certificate. A missing system bundle
    /// is no error: a run that speaks plain http to loopback alone needs none.
    pub fn load(ca_file: Option<&Path>) -> Result<Self, Error> {
        let mut pem = Vec::new();
        let mut roots = RootCertStore::empty();
        if let Some(path) = ca_file {
            let text = read_bundle(path)?;
            let added = add(&mut roots, &text);
            if added == 0 {
                return Err(refused(path, "it holds no certificate in PEM form"));
            }
            pem.push(text);
        }
        for bundle in SYSTEM_BUNDLES.map(Path::new) {
            // A system bundle that cannot be read counts as missing: only a file that was named is the caller's fault.
            let Ok(text) = read_bundle(bundle) else { continue };
            if add(&mut roots, &text) > 0 {
                pem.push(text);
                break;
            }
        }
        Ok(Self { pem: Arc::new(pem), roots: Arc::new(roots) })
    }

    /// The PEM texts that were read, for clients that build their own TLS.
    pub fn pem(&self) -> &[Vec<u8>] {
        &self.pem
    }

    /// Whether there is no certificate at all.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    pub(crate) fn client_config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| Error::Tls { cause: cause.into() })?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        Ok(config)
    }
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> usize {
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    let (added, _) = roots.add_parsable_certificates(certificates);
    added
}

fn read_bundle(path: &Path) -> Result<Vec<u8>, Error> {
    let io = |cause: std::io::Error| Error::Certificates { path: PathBuf::from(path), cause: cause.into() };
    // Looked at before it is opened: opening a pipe waits for its other end.
    if !std::fs::metadata(path).map_err(io)?.is_file() {
        return Err(refused(path, "it is not a regular file"));
    }
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(LARGEST_BUNDLE_BYTES + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > LARGEST_BUNDLE_BYTES {
        return Err(refused(path, "it is larger than 16 MiB"));
    }
    if text.is_empty() { Err(refused(path, "it is empty")) } else { Ok(text) }
}

fn refused(path: &Path, why: &str) -> Error {
    Error::Certificates { path: PathBuf::from(path), cause: why.to_owned().into() }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::Trust;
    use crate::Error;

    #[test]
    fn a_bad_file_of_certificates_is_an_error_that_names_it() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        assert!(matches!(Trust::load(Some(file.path())), Err(Error::Certificates { .. })), "empty");
        file.write_all(b"-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n")
            .expect("written");
        assert!(matches!(Trust::load(Some(file.path())), Err(Error::Certificates { .. })), "garbage");
        let missing = file.path().with_extension("missing");
        assert!(matches!(Trust::load(Some(&missing)), Err(Error::Certificates { .. })), "missing");
        let folder = file.path().parent().expect("a folder");
        assert!(matches!(Trust::load(Some(folder)), Err(Error::Certificates { .. })), "a folder");
        let endless = std::path::Path::new("/dev/zero");
        if endless.exists() {
            assert!(matches!(Trust::load(Some(endless)), Err(Error::Certificates { .. })), "no end");
        }
        file.as_file().set_len((16 << 20) + 1).expect("made longer");
        assert!(matches!(Trust::load(Some(file.path())), Err(Error::Certificates { .. })), "too long");
    }
}
