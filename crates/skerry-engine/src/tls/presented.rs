//! What was presented to a viewer when its connection began, and which hosts it may therefore ask for.
//!
//! A viewer may use a connection for every name that the certificate is good for (RFC 9113 9.1.1). Asked for another
//! host, we answer 421 (RFC 9110 15.5.20), so that a policy of one distribution (client certificates, protocols)
//! cannot be walked around through the connection of another.

use std::sync::Arc;

use skerry_http::target::split_port;

use super::certificate::Certificate;
use crate::exchange::Failure;
use crate::snapshot::is_local;
use crate::walk::Step;

/// A connection's certificate and the name it was asked for.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Shown in the handshake.
    pub certificate: Arc<Certificate>,
    /// Server name indication, lower case.
    pub asked: Option<String>,
}

impl Presented {
    /// May this connection be asked for that authority? Names that mean this machine always may.
    pub fn covers(&self, authority: &[u8]) -> bool {
        let host = split_port(authority).0.to_ascii_lowercase();
        let Ok(host) = std::str::from_utf8(&host) else { return false };
        is_local(host.as_bytes()) || self.asked.as_deref() == Some(host) || self.certificate.covers(host)
    }

    /// The refusal of an authority that is not covered.
    pub fn refusal(&self, authority: &[u8]) -> Failure {
        let host = String::from_utf8_lossy(split_port(authority).0).into_owned();
        let asked = self.asked.as_deref().unwrap_or("no name");
        let words = format!("'{host}' is not served on this connection, which was opened for {asked}");
        let hint = format!(
            "Open a connection with '{host}' as its server name: curl --connect-to '{host}:443:HOST:PORT' https://{host}/"
        );
        Failure::new(421, "misdirected", Step::Route, words).with_hint(hint)
    }
}
