//! Certificates of a folder, found by the name a viewer asks for.
//!
//! The folder holds `NAME.crt` (the certificate, then its chain) beside `NAME.key`. Which names a certificate is good
//! for stands in it; what its file is called decides only where it says nothing (`_.example.com` is then
//! `*.example.com`), and `default.crt` is shown to whoever asks for a name that no certificate is for.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// One certificate, its key, and the names it is good for (lower case, `*.` where it is a wildcard).
#[derive(Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
}

impl Certificate {
    /// From a pair of PEM files.
    fn load(path: &Path, provider: &CryptoProvider) -> Result<Certificate, String> {
        let at = |path: &Path, e: String| format!("{}: {e}", path.display());
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(path).map_err(|e| at(path, e.to_string()))?.collect();
        let chain = chain.map_err(|e| at(path, e.to_string()))?;
        let first = chain.first().ok_or_else(|| at(path, "holds no certificate".to_owned()))?;
        let parsed = webpki::EndEntityCert::try_from(first).map_err(|e| at(path, e.to_string()))?;
        let mut names: Vec<String> = parsed.valid_dns_names().map(str::to_ascii_lowercase).collect();
        if names.is_empty() {
            let stem = stem_of(path);
            names.push(stem.strip_prefix("_.").map_or_else(|| stem.clone(), |rest| format!("*.{rest}")));
        }
        let key_path = path.with_extension("key");
        let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|e| at(&key_path, e.to_string()))?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|e| at(path, e.to_string()))?;
        Ok(Certificate { key: Arc::new(key), names })
    }

    /// Is it good for this lower-case name? A wildcard stands for exactly one label (RFC 9525 6.3).
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|own| match own.strip_prefix("*.") {
            None => own == name,
            Some(suffix) => {
                name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == suffix)
            }
        })
    }
}

fn stem_of(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// All certificates of a folder.
#[derive(Debug)]
pub struct Certificates {
    by_name: HashMap<String, Arc<Certificate>>,
    /// Shown to a viewer that names nobody, as one that types an address does.
    first: Option<Arc<Certificate>>,
    /// Shown to a viewer that names a stranger.
    default: Option<Arc<Certificate>>,
}

impl Certificates {
    /// Read a folder. Where two are good for a name, the file first in the alphabet has it.
    pub fn load(folder: &Path, provider: &CryptoProvider) -> Result<Certificates, String> {
        let read = |e: std::io::Error| format!("{}: {e}", folder.display());
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.extension().is_some_and(|e| e == "crt") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut all = Certificates { by_name: HashMap::new(), first: None, default: None };
        for path in &paths {
            let certificate = Arc::new(Certificate::load(path, provider)?);
            for name in &certificate.names {
                all.by_name.entry(name.clone()).or_insert_with(|| certificate.clone());
            }
            all.first.get_or_insert_with(|| certificate.clone());
            if stem_of(path) == "default" {
                all.default = Some(certificate);
            }
        }
        Ok(all)
    }

    /// The one to show to a viewer that asks for `name`, or for none.
    pub fn find(&self, name: Option<&str>) -> Option<&Arc<Certificate>> {
        let Some(name) = name else { return self.default.as_ref().or(self.first.as_ref()) };
        let name = name.to_ascii_lowercase();
        let wild = || name.split_once('.').and_then(|(_, rest)| self.by_name.get(&format!("*.{rest}")));
        self.by_name.get(&name).or_else(wild).or(self.default.as_ref())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name()).map(|found| found.key.clone())
    }
}
