//! The origin as an event shows it, and as the configuration carries it.

use crate::text;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Write;

/// Where a request would go. Exactly one kind (Developer Guide, "Lambda@Edge event structure").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Any HTTP server.
    Custom(CustomOrigin),
    /// A bucket.
    S3(S3Origin),
}

/// An HTTP server as origin.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomOrigin {
    /// DNS name, at most 253 characters.
    pub domain: String,
    /// Path before every URI: empty, or `/…` without a trailing `/`.
    #[serde(default)]
    pub path: String,
    /// 80, 443 or 1024–65535.
    pub port: u16,
    /// How to speak to it.
    pub protocol: Protocol,
    /// Seconds an idle connection is kept.
    pub keepalive_s: u32,
    /// Seconds to wait for the response, and between its packets.
    pub read_timeout_s: u32,
    /// Accepted protocol versions, the vendor's spelling.
    #[serde(default)]
    pub ssl_protocols: Vec<String>,
    /// Headers added to, or replacing those of, each request: (name, value).
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// A bucket as origin.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Origin {
    /// DNS name of the bucket, at most 128 lower-case characters.
    pub domain: String,
    /// Path before every URI: empty, or `/…` without a trailing `/`.
    #[serde(default)]
    pub path: String,
    /// How requests are signed. Origin access control cannot be expressed in an event; it shows as `none`.
    pub auth_method: AuthMethod,
    /// The bucket's region; empty when it is not told.
    #[serde(default)]
    pub region: String,
    /// Headers added to, or replacing those of, each request: (name, value).
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// Values of custom headers are often keys to the origin, so they stay out of logs and panics.
struct Names<'a>(&'a [(String, String)]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl fmt::Debug for CustomOrigin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("CustomOrigin")
            .field("domain", &self.domain)
            .field("path", &self.path)
            .field("port", &self.port)
            .field("protocol", &self.protocol)
            .field("keepalive_s", &self.keepalive_s)
            .field("read_timeout_s", &self.read_timeout_s)
            .field("ssl_protocols", &self.ssl_protocols)
            .field("headers", &Names(&self.headers))
            .finish()
    }
}

impl fmt::Debug for S3Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("S3Origin")
            .field("domain", &self.domain)
            .field("path", &self.path)
            .field("auth_method", &self.auth_method)
            .field("region", &self.region)
            .field("headers", &Names(&self.headers))
            .finish()
    }
}

/// Plain or encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // each variant is the scheme it spells
pub enum Protocol {
    Http,
    Https,
}

/// How requests to a bucket are signed, as far as an event can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // each variant is the value it spells
pub enum AuthMethod {
    None,
    OriginAccessIdentity,
}

impl Protocol {
    /// Spelling in an event.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
        }
    }
}

impl AuthMethod {
    /// Spelling in an event.
    pub fn name(self) -> &'static str {
        match self {
            AuthMethod::None => "none",
            AuthMethod::OriginAccessIdentity => "origin-access-identity",
        }
    }
}

impl Origin {
    /// Its DNS name.
    pub fn domain(&self) -> &str {
        match self {
            Origin::Custom(origin) => &origin.domain,
            Origin::S3(origin) => &origin.domain,
        }
    }

    /// Its custom headers: (name, value).
    pub fn headers(&self) -> &[(String, String)] {
        match self {
            Origin::Custom(origin) => &origin.headers,
            Origin::S3(origin) => &origin.headers,
        }
    }

    /// Its custom headers, to change them.
    pub fn headers_mut(&mut self) -> &mut Vec<(String, String)> {
        match self {
            Origin::Custom(origin) => &mut origin.headers,
            Origin::S3(origin) => &mut origin.headers,
        }
    }

    /// Append the `origin` object of an event.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Origin::Custom(origin) => {
                out.extend_from_slice(b"{\"custom\":{\"customHeaders\":");
                write_headers(out, &origin.headers);
                member(out, "domainName", &origin.domain);
                number(out, "keepaliveTimeout", origin.keepalive_s);
                member(out, "path", &origin.path);
                number(out, "port", u32::from(origin.port));
                member(out, "protocol", origin.protocol.name());
                number(out, "readTimeout", origin.read_timeout_s);
                out.extend_from_slice(b",\"sslProtocols\":[");
                for (at, version) in origin.ssl_protocols.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    text::write(out, version.as_bytes());
                }
                out.extend_from_slice(b"]}}");
            }
            Origin::S3(origin) => {
                out.extend_from_slice(b"{\"s3\":{\"customHeaders\":");
                write_headers(out, &origin.headers);
                member(out, "authMethod", origin.auth_method.name());
                member(out, "domainName", &origin.domain);
                member(out, "path", &origin.path);
                member(out, "region", &origin.region);
                out.extend_from_slice(b"}}");
            }
        }
    }
}

fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, name);
    text::write(out, value.as_bytes());
}

fn number(out: &mut Vec<u8>, name: &str, value: u32) {
    key(out, name);
    // writing into a Vec cannot fail
    let _ = write!(out, "{value}");
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Configured headers are few (the limit is ten), so searching the list for each name is cheap.
fn write_headers(out: &mut Vec<u8>, headers: &[(String, String)]) {
    out.push(b'{');
    for (at, (name, _)) in headers.iter().enumerate() {
        if headers[..at].iter().any(|(before, _)| before.eq_ignore_ascii_case(name)) {
            continue;
        }
        if at > 0 {
            out.push(b',');
        }
        text::write_lower(out, name.as_bytes());
        out.extend_from_slice(b":[");
        let mut first = true;
        for (key, value) in headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)) {
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(b"{\"key\":");
            text::write(out, key.as_bytes());
            out.extend_from_slice(b",\"value\":");
            text::write(out, value.as_bytes());
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_as_an_event_shows_them() {
        let custom = Origin::Custom(CustomOrigin {
            domain: "example.com".into(),
            path: "/p".into(),
            port: 443,
            protocol: Protocol::Https,
            keepalive_s: 5,
            read_timeout_s: 30,
            ssl_protocols: vec!["TLSv1.1".into(), "TLSv1.2".into()],
            headers: vec![("X-A".into(), "1".into()), ("X-B".into(), "2".into()), ("x-a".into(), "3".into())],
        });
        let mut out = Vec::new();
        custom.write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"custom":{"customHeaders":{"x-a":[{"key":"X-A","value":"1"},{"key":"x-a","value":"3"}],"#,
                r#""x-b":[{"key":"X-B","value":"2"}]},"domainName":"example.com","keepaliveTimeout":5,"path":"/p","port":443,"#,
                r#""protocol":"https","readTimeout":30,"sslProtocols":["TLSv1.1","TLSv1.2"]}}"#
            )
        );
        let s3 = Origin::S3(S3Origin {
            domain: "b.s3.amazonaws.com".into(),
            path: String::new(),
            auth_method: AuthMethod::None,
            region: "us-east-1".into(),
            headers: vec![],
        });
        let mut out = Vec::new();
        s3.write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"s3":{"customHeaders":{},"authMethod":"none","domainName":"b.s3.amazonaws.com","#,
                r#""path":"","region":"us-east-1"}}"#
            )
        );
    }

    #[test]
    fn values_of_headers_are_not_shown() {
        let origin = S3Origin {
            domain: "b".into(),
            path: String::new(),
            auth_method: AuthMethod::None,
            region: String::new(),
            headers: vec![("X-Key".into(), "hunter2".into())],
        };
        let shown = format!("{:?}", Origin::S3(origin));
        assert!(shown.contains("X-Key") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn the_snapshot_carries_it() {
        let text = r#"{"s3":{"domain":"b","auth_method":"origin-access-identity","region":"eu-west-1"}}"#;
        let origin: Origin = serde_json::from_str(text).unwrap();
        assert_eq!(origin.domain(), "b");
        let again: Origin = serde_json::from_str(&serde_json::to_string(&origin).unwrap()).unwrap();
        assert_eq!(again, origin);
    }
}
