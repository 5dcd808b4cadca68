//! Making a connection to an origin: name, TCP, TLS. One seam, so that a simulation can put its own origin here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::target::Address;
use super::{OriginError, Retry};

/// A byte stream to an origin.
pub trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

/// A boxed stream.
pub type Stream = Box<dyn Io>;

/// A connection being made.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Stream, OriginError>> + 'a>>;

/// How connections to origins are made.
pub trait Connect {
    /// Connect within `timeout`.
    fn connect<'a>(&'a self, address: &'a Address, timeout: Duration) -> Connecting<'a>;
}

/// TCP, and TLS by rustls with the machine's roots and any extra ones.
pub struct NetConnect {
    tls: TlsConnector,
    names: RefCell<HashMap<(String, u16), Vec<std::net::SocketAddr>>>,
}

impl NetConnect {
    /// `extra_roots`: DER certificates trusted beside the public ones (a local authority).
    pub fn new(extra_roots: &[Vec<u8>]) -> Self {
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for der in extra_roots {
            // an authority that cannot be parsed simply does not help; the handshake will say so
            let _ = roots.add(der.clone().into());
        }
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        NetConnect { tls: TlsConnector::from(Arc::new(config)), names: RefCell::default() }
    }

    async fn open(&self, address: &Address) -> Result<Stream, OriginError> {
        let place = format!("{}:{}", address.host, address.port);
        let addresses = match address.host.parse::<std::net::IpAddr>() {
            Ok(ip) => vec![std::net::SocketAddr::new(ip, address.port)],
            Err(_) => self.resolve(address).await?,
        };
        let mut last = None;
        for socket in addresses {
            match TcpStream::connect(socket).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return self.secure(stream, address).await;
                }
                Err(error) => last = Some(error),
            }
        }
        let why = last.map_or_else(|| "no address".to_owned(), |e| e.to_string());
        Err(OriginError::new("origin-connect-failed", Retry::Always, format!("{place}: {why}")))
    }

    async fn resolve(&self, address: &Address) -> Result<Vec<std::net::SocketAddr>, OriginError> {
        let key = (address.host.clone(), address.port);
        match tokio::net::lookup_host((address.host.as_str(), address.port)).await {
            Ok(found) => {
                let found: Vec<_> = found.collect();
                self.names.borrow_mut().insert(key, found.clone());
                Ok(found)
            }
            // a resolver that is away does not move the origin: the last answer still stands
            Err(error) => self.names.borrow().get(&key).cloned().ok_or_else(|| {
                OriginError::new("origin-name-unknown", Retry::Always, format!("{}: {error}", address.host))
            }),
        }
    }

    async fn secure(&self, stream: TcpStream, address: &Address) -> Result<Stream, OriginError> {
        let Some(name) = &address.tls_name else { return Ok(Box::new(stream)) };
        let fail =
            |why: String| OriginError::new("origin-tls-failed", Retry::Never, format!("{name}: {why}"));
        let server = ServerName::try_from(name.clone()).map_err(|e| fail(e.to_string()))?;
        match self.tls.connect(server, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(fail(error.to_string())),
        }
    }
}

impl Connect for NetConnect {
    fn connect<'a>(&'a self, address: &'a Address, timeout: Duration) -> Connecting<'a> {
        Box::pin(async move {
            match tokio::time::timeout(timeout, self.open(address)).await {
                Ok(done) => done,
                Err(_) => Err(OriginError::new(
                    "origin-connect-timeout",
                    Retry::Always,
                    format!(
                        "{}:{}: no connection within {} s",
                        address.host,
                        address.port,
                        timeout.as_secs_f32()
                    ),
                )),
            }
        })
    }
}
