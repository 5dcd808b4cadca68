//! Where an origin really is.

use serde::Deserialize;

/// As the snapshot says it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct RawTarget {
    /// url | folder | live | unmapped
    pub kind: TargetKind,
    /// scheme://host:port[/prefix]
    #[serde(default)]
    pub url: String,
    /// A folder
    #[serde(default)]
    pub path: String,
    /// What to do about an unmapped one
    #[serde(default)]
    pub hint: String,
}

/// See [`RawTarget`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the words of the snapshot
pub enum TargetKind {
    Url,
    Folder,
    Live,
    Unmapped,
}

/// A network address of an origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Host name or address to connect to.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name to verify and send as SNI; `None` = no TLS.
    pub tls_name: Option<String>,
}

/// A target, ready for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Another address, with a path prefix (no trailing slash).
    Url {
        /// where
        address: Address,
        /// path prefix
        prefix: String,
    },
    /// A folder with S3's rules.
    Folder(std::path::PathBuf),
    /// The origin's own name.
    Live,
    /// Nowhere; the hint says what to do.
    Unmapped(String),
}

impl TryFrom<RawTarget> for Target {
    type Error = String;

    fn try_from(raw: RawTarget) -> Result<Self, String> {
        Ok(match raw.kind {
            TargetKind::Live => Target::Live,
            TargetKind::Unmapped => Target::Unmapped(raw.hint),
            TargetKind::Folder => Target::Folder(raw.path.into()),
            TargetKind::Url => {
                let (address, prefix) = parse_url(&raw.url)?;
                Target::Url { address, prefix }
            }
        })
    }
}

/// `http(s)://host[:port][/prefix]`.
pub fn parse_url(url: &str) -> Result<(Address, String), String> {
    let bad = || format!("'{url}' is not http(s)://host[:port][/path]");
    let (tls, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return Err(bad()),
    };
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, prefix) = rest.split_at(slash);
    if !crate::h1::request::is_authority(authority.as_bytes()) || prefix.contains(['?', '#']) {
        return Err(bad());
    }
    let (host, port) = split_port(authority);
    let port = port.unwrap_or(if tls { 443 } else { 80 });
    let address = Address { tls_name: tls.then(|| host.clone()), host, port };
    Ok((address, prefix.trim_end_matches('/').to_owned()))
}

/// Host (brackets off) and port of a checked authority.
pub fn split_port(authority: &str) -> (String, Option<u16>) {
    if let Some(rest) = authority.strip_prefix('[') {
        let (inner, tail) = rest.split_once(']').unwrap_or((rest, ""));
        return (inner.to_owned(), tail.strip_prefix(':').and_then(|p| p.parse().ok()));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), port.parse().ok()),
        None => (authority.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let (a, p) = parse_url("http://127.0.0.1:9000/x/").unwrap();
        assert_eq!((a.host.as_str(), a.port, a.tls_name, p.as_str()), ("127.0.0.1", 9000, None, "/x"));
        let (a, p) = parse_url("https://a.example").unwrap();
        assert_eq!((a.port, a.tls_name.as_deref(), p.as_str()), (443, Some("a.example"), ""));
        let (a, _) = parse_url("http://[::1]:81").unwrap();
        assert_eq!((a.host.as_str(), a.port), ("::1", 81));
        for bad in ["ftp://a", "http://", "http://a b", "http://a/?q", "a:80"] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }
}
