//! TLS towards viewers: certificates by name, tickets, ALPN.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::core::Core;
use crate::exchange::Peer;
use crate::h1::connection;
use crate::stats::count;

/// DER certificates of PEM files.
pub fn read_roots(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
    let mut all = Vec::new();
    for file in files {
        let pem = CertificateDer::pem_file_iter(file)
            .map_err(|e| format!("trusted_roots: {}: {e}", file.display()))?;
        for one in pem {
            all.push(one.map_err(|e| format!("trusted_roots: {}: {e}", file.display()))?.to_vec());
        }
    }
    Ok(all)
}

/// Certificates of a folder: `NAME.crt` and `NAME.key`; `_.example.com` stands for `*.example.com`, `default` for
/// whoever names nobody.
#[derive(Debug)]
struct Names {
    named: Vec<(String, Arc<CertifiedKey>)>,
}

impl Names {
    fn find(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.named.iter().find(|(n, _)| n == name).map(|(_, key)| key.clone())
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = hello.server_name() else { return self.find("default") };
        let name = name.to_ascii_lowercase();
        let wild = name.split_once('.').map(|(_, rest)| format!("_.{rest}"));
        self.find(&name).or_else(|| wild.and_then(|w| self.find(&w))).or_else(|| self.find("default"))
    }
}

/// Takes TLS connections.
#[derive(Clone)]
pub struct Acceptor {
    inner: TlsAcceptor,
}

impl Acceptor {
    /// From a folder; `None` when there is none.
    pub fn load(folder: &Path) -> Result<Option<Acceptor>, String> {
        if folder.as_os_str().is_empty() {
            return Ok(None);
        }
        let at = |path: &Path, e: String| format!("tls_dir: {}: {e}", path.display());
        let provider = rustls::crypto::ring::default_provider();
        let mut named = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|e| at(folder, e.to_string()))? {
            let path = entry.map_err(|e| at(folder, e.to_string()))?.path();
            if path.extension().is_none_or(|e| e != "crt") {
                continue;
            }
            let chain: Result<Vec<_>, _> =
                CertificateDer::pem_file_iter(&path).map_err(|e| at(&path, e.to_string()))?.collect();
            let key_path = path.with_extension("key");
            let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|e| at(&key_path, e.to_string()))?;
            let key = CertifiedKey::from_der(chain.map_err(|e| at(&path, e.to_string()))?, key, &provider)
                .map_err(|e| at(&path, e.to_string()))?;
            let name = path.file_stem().map(|s| s.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
            named.push((name, Arc::new(key)));
        }
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| at(folder, e.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Names { named }));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Acceptor { inner: TlsAcceptor::from(Arc::new(config)) }))
    }

    /// Shake hands and serve.
    pub async fn serve(self, core: Rc<Core>, stream: TcpStream, mut peer: Peer) {
        let shaking = tokio::time::timeout(std::time::Duration::from_secs(10), self.inner.accept(stream));
        let Ok(Ok(stream)) = shaking.await else { return };
        count(&core.stats.tls_handshakes);
        let session = stream.get_ref().1;
        peer.tls_protocol = match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "",
        };
        peer.tls_cipher =
            session.negotiated_cipher_suite().map(|s| format!("{:?}", s.suite())).unwrap_or_default();
        connection::serve(core, stream, peer).await;
    }
}
