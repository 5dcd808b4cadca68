//! TLS towards viewers: certificates by name, session tickets, and which protocol is spoken.
//!
//! [`certificate`] finds what to show, [`ticket`] keeps sessions across engines, [`presented`] says which hosts a
//! connection may be asked for. What a folder holds is read once and again when its files change.

pub mod certificate;
pub mod presented;
pub mod ticket;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::server::NoServerSessionStorage;
use rustls::{CipherSuite, HandshakeKind, ProtocolVersion, ServerConfig, version};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use self::certificate::Certificates;
use self::presented::Presented;
use self::ticket::Tickets;
use crate::core::Core;
use crate::exchange::Peer;
use crate::h1::wire::ViewerIo;
use crate::snapshot::ViewerTls;
use crate::stats::{CoreStats, Up, count};

/// From the first byte to the last of a handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const H2: &[u8] = b"h2";
const HTTP11: &[u8] = b"http/1.1";

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

/// A file as it was seen: name, length, time of its last change.
type Seen = (std::ffi::OsString, u64, Option<SystemTime>);

/// What a folder held.
struct Loaded {
    certificates: Arc<Certificates>,
    /// By (TLS 1.3 only, HTTP/2 offered).
    configs: [Arc<ServerConfig>; 4],
    seen: Vec<Seen>,
}

impl Loaded {
    fn read(folder: &Path) -> Result<Loaded, String> {
        let seen = look(folder)?; // before the files are read: a change meanwhile is seen next time
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificates = Arc::new(Certificates::load(folder, &provider)?);
        let tickets = Arc::new(Tickets::load(folder)?);
        let config = |tls13_only: bool, http2: bool| -> Result<Arc<ServerConfig>, String> {
            let versions: &[_] =
                if tls13_only { &[&version::TLS13] } else { &[&version::TLS13, &version::TLS12] };
            let mut config = ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(versions)
                .map_err(|e| e.to_string())?
                .with_no_client_auth()
                .with_cert_resolver(certificates.clone());
            config.alpn_protocols =
                if http2 { vec![H2.to_vec(), HTTP11.to_vec()] } else { vec![HTTP11.to_vec()] };
            config.ticketer = tickets.clone();
            config.session_storage = Arc::new(NoServerSessionStorage {}); // tickets are enough, and shared
            Ok(Arc::new(config))
        };
        let configs =
            [config(false, false)?, config(false, true)?, config(true, false)?, config(true, true)?];
        Ok(Loaded { certificates, configs, seen })
    }

    fn config(&self, tls: ViewerTls) -> Arc<ServerConfig> {
        self.configs[usize::from(tls.tls13_only) * 2 + usize::from(tls.http2)].clone()
    }
}

/// The folder's files, in order.
fn look(folder: &Path) -> Result<Vec<Seen>, String> {
    let read = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        // a file that has just been replaced may be gone: the next look sees its successor
        let Ok(facts) = entry.metadata() else { continue };
        seen.push((entry.file_name(), facts.len(), facts.modified().ok()));
    }
    seen.sort();
    Ok(seen)
}

/// Takes TLS connections. Clones share what was loaded.
#[derive(Clone)]
pub struct Acceptor {
    folder: Arc<PathBuf>,
    loaded: Arc<RwLock<Arc<Loaded>>>,
}

impl Acceptor {
    /// From a folder; `None` when none is named.
    pub fn load(folder: &Path) -> Result<Option<Acceptor>, String> {
        if folder.as_os_str().is_empty() {
            return Ok(None);
        }
        let loaded = Loaded::read(folder).map_err(|e| format!("tls_dir: {e}"))?;
        Ok(Some(Acceptor {
            folder: Arc::new(folder.to_owned()),
            loaded: Arc::new(RwLock::new(Arc::new(loaded))),
        }))
    }

    /// Read the folder again if a file of it has changed; tells whether it was. What cannot be read (a key without
    /// its certificate, as it stands for a moment while both are exchanged) leaves all as it was and is tried again.
    pub fn refresh(&self) -> Result<bool, String> {
        let seen = look(&self.folder).map_err(|e| format!("tls_dir: {e}"))?;
        if self.loaded.read().seen == seen {
            return Ok(false);
        }
        let loaded = Loaded::read(&self.folder).map_err(|e| format!("tls_dir: {e}"))?;
        *self.loaded.write() = Arc::new(loaded);
        Ok(true)
    }

    /// Shake hands and serve.
    pub async fn serve<S: ViewerIo>(self, core: Rc<Core>, stream: S, peer: Peer) {
        let shaking = Up::new(&core.stats, |s| &s.open_connections); // a drain waits for this one, too
        let shaken = tokio::time::timeout(HANDSHAKE_MAX, self.shake(&core, stream)).await;
        drop(shaking);
        let Ok(Some((stream, presented))) = shaken else {
            count(&core.stats.tls_failures);
            return;
        };
        let session = stream.get_ref().1;
        note(&core.stats, session.handshake_kind());
        let peer = Peer {
            tls_protocol: match session.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "",
            },
            tls_cipher: session.negotiated_cipher_suite().map(|s| spelling(s.suite())).unwrap_or_default(),
            ..peer
        };
        if session.alpn_protocol() == Some(H2) {
            crate::h2::connection::serve(core, stream, peer, Some(presented)).await;
        } else {
            crate::h1::connection::serve_secure(core, stream, peer, Some(presented)).await;
        }
    }

    async fn shake<S: ViewerIo>(&self, core: &Core, stream: S) -> Option<(TlsStream<S>, Presented)> {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await.ok()?;
        let loaded = self.loaded.read().clone();
        let asked = start.client_hello().server_name().map(str::to_ascii_lowercase);
        let config = loaded.config(core.live().viewer_tls(asked.as_deref()));
        let found = loaded.certificates.find(asked.as_deref()).cloned();
        if found.is_none() {
            count(&core.stats.tls_unknown_names); // the handshake goes on: it is rustls that sends the alert
        }
        let stream = start.into_stream(config).await.ok()?;
        Some((stream, Presented { certificate: found?, asked }))
    }
}

fn note(stats: &CoreStats, kind: Option<HandshakeKind>) {
    count(&stats.tls_handshakes);
    if kind == Some(HandshakeKind::Resumed) {
        count(&stats.tls_resumptions);
    }
}

/// A suite as CloudFront's logs and headers spell it (OpenSSL's names).
fn spelling(suite: CipherSuite) -> String {
    let name = match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => return format!("{other:?}"),
    };
    name.to_owned()
}
