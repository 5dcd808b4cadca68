//! Which request targets and authorities we take (RFC 9112 3.2, and what other proxies let through).
//!
//! What is taken stays raw: nothing is decoded, no dots are folded, for an origin may read them otherwise.

use crate::head::{Method, Version, split_target};

/// Why a target or authority is refused. All are 400, except CONNECT and `*`, which we do not serve (501).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// CONNECT.
    Connect,
    /// `OPTIONS *`, or `*` with any other method.
    Asterisk,
    /// Neither `/…` nor `http://…`.
    Form,
    /// Space, control character, DEL or a byte of 0x80 and above.
    Byte,
    /// `\` in the path, which some origins read as `/`.
    Backslash,
    /// `#`: a fragment is never sent.
    Fragment,
    /// HTTP/1.1 without Host.
    HostMissing,
    /// A Host that is no `host[:port]`.
    HostMalformed,
    /// Absolute form and Host name different hosts.
    HostDiffers,
}

impl TargetError {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            TargetError::Connect => "request.target.connect",
            TargetError::Asterisk => "request.target.asterisk",
            TargetError::Form => "request.target.form",
            TargetError::Byte => "request.target.byte",
            TargetError::Backslash => "request.target.backslash",
            TargetError::Fragment => "request.target.fragment",
            TargetError::HostMissing => "request.host.missing",
            TargetError::HostMalformed => "request.host.malformed",
            TargetError::HostDiffers => "request.host.differs",
        }
    }

    /// Status to answer with.
    pub fn status(self) -> u16 {
        if matches!(self, TargetError::Connect | TargetError::Asterisk) { 501 } else { 400 }
    }
}

/// A target taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Path and query, beginning with `/`.
    pub path_and_query: &'a [u8],
    /// Host as given, port included; empty where HTTP/1.0 gave none.
    pub authority: &'a [u8],
}

/// Check and take apart. `host` is the one Host field (h2: `:authority`); that there is no second is the codec's to see.
pub fn read<'a>(
    method: Method,
    version: Version,
    raw: &'a [u8],
    host: Option<&'a [u8]>,
) -> Result<Target<'a>, TargetError> {
    if method == Method::Connect {
        return Err(TargetError::Connect);
    }
    if raw == b"*" {
        return Err(TargetError::Asterisk);
    }
    let (named, path_and_query) = if raw.first() == Some(&b'/') { (None, raw) } else { absolute(raw)? };
    check_path(path_and_query)?;
    let authority = match (named, host) {
        (None, None) if version > Version::Http10 => return Err(TargetError::HostMissing),
        (None, None) => b"",
        (Some((_, named)), None) => named,
        (None, Some(host)) => host,
        (Some((port, named)), Some(host)) => {
            if !same_host(named, host, port) {
                return Err(TargetError::HostDiffers);
            }
            named
        }
    };
    if (host.is_some() || named.is_some()) && !is_authority(authority) {
        return Err(TargetError::HostMalformed);
    }
    Ok(Target { path_and_query, authority })
}

/// The default port and the authority of an absolute form.
type Named<'a> = (&'static [u8], &'a [u8]);

fn absolute(raw: &[u8]) -> Result<(Option<Named<'_>>, &[u8]), TargetError> {
    let prefixed =
        |scheme: &[u8]| raw.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let (scheme_bytes, port): (usize, &'static [u8]) = match () {
        _ if prefixed(b"http://") => (7, b"80"),
        _ if prefixed(b"https://") => (8, b"443"),
        _ => return Err(TargetError::Form),
    };
    let rest = &raw[scheme_bytes..];
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len());
    match rest.get(end) {
        None => Ok((Some((port, rest)), b"/")),
        Some(b'/') => Ok((Some((port, &rest[..end])), &rest[end..])),
        Some(b'#') => Err(TargetError::Fragment),
        Some(b'\\') => Err(TargetError::Backslash),
        Some(_) => Err(TargetError::Form), // `http://host?query` has no path to be the target
    }
}

/// What a byte is, as bits: a whole text is checked by OR-ing its bytes, without a branch for each.
static CLASS: [u8; 256] = classes();
const NEVER: u8 = 1;
const FRAGMENT: u8 = 2;
const BACKSLASH: u8 = 4;
/// Not of a host name: neither unreserved nor a sub-delimiter (RFC 3986 3.2.2, without percent-encoding).
const NO_NAME: u8 = 8;

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = match b {
            b'#' => FRAGMENT,
            b'\\' => BACKSLASH,
            0..=0x20 | 0x7f.. => NEVER,
            _ => 0,
        };
        let delimiter =
            matches!(b, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=');
        if !(b.is_ascii_alphanumeric() || delimiter || matches!(b, b'-' | b'.' | b'_' | b'~')) {
            table[byte] |= NO_NAME;
        }
        byte += 1;
    }
    table
}

fn class_of(text: &[u8]) -> u8 {
    text.iter().fold(0, |seen, byte| seen | CLASS[usize::from(*byte)])
}

fn check_path(target: &[u8]) -> Result<(), TargetError> {
    let (path, query) = split_target(target);
    let (in_path, in_query) = (class_of(path), class_of(query.unwrap_or_default()));
    match in_path | in_query {
        found if found & NEVER != 0 => Err(TargetError::Byte),
        found if found & FRAGMENT != 0 => Err(TargetError::Fragment),
        _ if in_path & BACKSLASH != 0 => Err(TargetError::Backslash),
        _ => Ok(()),
    }
}

fn same_host(a: &[u8], b: &[u8], default_port: &[u8]) -> bool {
    let bare = |text: &[u8]| -> Vec<u8> {
        let (host, port) = split_port(text);
        let mut out = host.to_ascii_lowercase();
        out.push(b':');
        out.extend_from_slice(port.filter(|p| !p.is_empty()).unwrap_or(default_port));
        out
    };
    bare(a) == bare(b)
}

/// Is a path its own normal form? (No percent sign, no dot segment, no empty segment.)
pub fn is_normal(path: &[u8]) -> bool {
    memchr::memchr(b'%', path).is_none() && !path.windows(2).any(|pair| pair == b"//" || pair == b"/.")
}

/// A path as an origin may read it that decodes all of it once, reserved characters too: `%2F` is a slash there.
pub fn decoded_form(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        let decoded = (path[at] == b'%').then(|| path.get(at + 1..at + 3)).flatten().and_then(hex_pair);
        plain.push(decoded.unwrap_or(path[at]));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    if is_normal(&plain) {
        plain
    } else {
        normal_form(&plain.iter().flat_map(escaped_percent).collect::<Vec<_>>())
    }
}

/// A percent sign that stands for itself, so that it is not decoded twice.
fn escaped_percent(byte: &u8) -> Vec<u8> {
    if *byte == b'%' { b"%25".to_vec() } else { vec![*byte] }
}

/// A path with unreserved characters decoded, dot segments removed and runs of slashes made one (RFC 3986 6.2.2).
/// Reserved characters stay encoded: `%2F` is no slash.
pub fn normal_form(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        let decoded = (path[at] == b'%').then(|| path.get(at + 1..at + 3)).flatten().and_then(hex_pair);
        match decoded {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                plain.push(byte);
                at += 3;
            }
            Some(_) => {
                plain.extend(path[at..at + 3].iter().map(u8::to_ascii_uppercase));
                at += 3;
            }
            None => {
                plain.push(path[at]);
                at += 1;
            }
        }
    }
    let mut segments: Vec<&[u8]> = Vec::new();
    let parts: Vec<&[u8]> = plain.split(|b| *b == b'/').collect();
    let ends_open = matches!(parts.last(), Some(&(b"" | b"." | b"..")));
    for part in parts {
        match part {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            part => segments.push(part),
        }
    }
    let mut out = Vec::with_capacity(plain.len());
    for segment in &segments {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if ends_open || out.is_empty() {
        out.push(b'/');
    }
    out
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    Some(digit(pair[0])? << 4 | digit(pair[1])?)
}

/// Host and port of an authority; the brackets of an IPv6 literal stay with the host.
pub fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let from =
        if authority.first() == Some(&b'[') { memchr::memchr(b']', authority).unwrap_or(0) } else { 0 };
    match memchr::memchr(b':', &authority[from..]) {
        Some(at) => (&authority[..from + at], Some(&authority[from + at + 1..])),
        None => (authority, None),
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`: no user, no percent sign, a port of at most 65535.
pub fn is_authority(authority: &[u8]) -> bool {
    let (host, port) = split_port(authority);
    let port_is_one = match port {
        None => true,
        Some(digits) => {
            let number = digits.iter().try_fold(0u32, |n, d| {
                d.is_ascii_digit().then(|| (n * 10 + u32::from(d - b'0')).min(1 << 20))
            });
            number.is_some_and(|n| n <= 65_535)
        }
    };
    let host_is_one = match host {
        [] => false,
        [b'[', inner @ .., b']'] => {
            !inner.is_empty() && inner.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
        }
        name => class_of(name) & NO_NAME == 0,
    };
    port_is_one && host_is_one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoded_once_and_no_more() {
        for (path, form) in [
            ("/private%2Fx", "/private/x"),
            ("/private%2fx", "/private/x"),
            ("/a%2Bb/x", "/a+b/x"),
            ("/p%2F%2e%2e/x", "/x"),
            ("/p%252Fx", "/p%252Fx"),
            ("/plain", "/plain"),
            ("/bad%zz", "/bad%25zz"),
        ] {
            assert_eq!(String::from_utf8(decoded_form(path.as_bytes())).unwrap(), form, "{path}");
        }
    }

    #[test]
    fn normal_forms() {
        for (path, want) in [
            ("/fn/deny", "/fn/deny"),
            ("/%66n/deny", "/fn/deny"),
            ("/x/../fn/deny", "/fn/deny"),
            ("/x/%2e%2E/fn/deny", "/fn/deny"),
            ("//fn//deny", "/fn/deny"),
            ("/./fn/./deny/", "/fn/deny/"),
            ("/fn%2fdeny", "/fn%2Fdeny"),
            ("/../../a", "/a"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/", "/"),
            ("/%zz/%", "/%zz/%"),
            ("/.hidden", "/.hidden"),
        ] {
            assert_eq!(String::from_utf8(normal_form(path.as_bytes())).unwrap(), want, "{path}");
            if is_normal(path.as_bytes()) {
                assert_eq!(path, want);
            }
        }
    }
    use proptest::prelude::*;

    #[test]
    fn targets() {
        use TargetError::*;
        type Row<'a> = (&'a str, Option<&'a str>, Result<(&'a str, &'a str), TargetError>);
        let rows: &[Row<'_>] = &[
            ("/a?b", Some("h"), Ok(("/a?b", "h"))),
            ("/a/%2e%2e/p", Some("h"), Ok(("/a/%2e%2e/p", "h"))), // kept raw
            ("//x", Some("h"), Ok(("//x", "h"))),
            ("/?a\\b", Some("h"), Ok(("/?a\\b", "h"))),
            ("/a\\b", Some("h"), Err(Backslash)),
            ("/a b", Some("h"), Err(Byte)),
            ("/a\tb", Some("h"), Err(Byte)),
            ("/a\x7f", Some("h"), Err(Byte)),
            ("/ä", Some("h"), Err(Byte)),
            ("/a#b", Some("h"), Err(Fragment)),
            ("a", Some("h"), Err(Form)),
            ("", Some("h"), Err(Form)),
            ("*", Some("h"), Err(Asterisk)),
            ("ftp://h/a", Some("h"), Err(Form)),
            ("http://h/a", Some("h"), Ok(("/a", "h"))),
            ("HTTP://H:80/a", Some("h"), Ok(("/a", "H:80"))),
            ("https://h", Some("h:443"), Ok(("/", "h"))),
            ("http://h/a", Some("x"), Err(HostDiffers)),
            ("http://h:81/a", Some("h"), Err(HostDiffers)),
            ("http://h\\@x/a", Some("h"), Err(Backslash)),
            ("http://u@h/a", Some("u@h"), Err(HostMalformed)),
            ("http:///a", Some(""), Err(HostMalformed)),
            ("/a", Some(""), Err(HostMalformed)),
            ("/a", None, Err(HostMissing)),
        ];
        for (raw, host, expected) in rows {
            let found = read(Method::Get, Version::Http11, raw.as_bytes(), host.map(str::as_bytes));
            let expected = expected
                .map(|(path, host)| Target { path_and_query: path.as_bytes(), authority: host.as_bytes() });
            assert_eq!(found, expected, "{raw} {host:?}");
        }
        assert_eq!(read(Method::Connect, Version::Http11, b"h:1", Some(b"h")), Err(Connect));
        let old = read(Method::Get, Version::Http10, b"/a", None);
        assert_eq!(old, Ok(Target { path_and_query: b"/a", authority: b"" }));
    }

    #[test]
    fn authorities() {
        let rows: &[(&str, bool)] = &[
            ("shop.example", true),
            ("Shop.example:8080", true),
            ("10.0.0.1", true),
            ("[::1]", true),
            ("[::1]:80", true),
            ("h:", true),
            ("h:65535", true),
            ("h:65536", false),
            ("h:-1", false),
            ("h:8o", false),
            ("h:1:2", false),
            ("a b", false),
            ("a/b", false),
            ("a\\b", false),
            ("u@h", false),
            ("h%00", false),
            ("[::1", false),
            ("[]", false),
            ("[g]", false),
            ("[::1]x", false),
            ("", false),
            (":80", false),
        ];
        for (text, expected) in rows {
            assert_eq!(is_authority(text.as_bytes()), *expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_none_bad_pass(raw in proptest::collection::vec(any::<u8>(), 0..40), host in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(found) = read(Method::Get, Version::Http11, &raw, Some(&host)) {
                prop_assert!(found.path_and_query.starts_with(b"/"));
                prop_assert!(found.path_and_query.iter().all(|b| (0x21..0x7f).contains(b)));
                prop_assert!(is_authority(found.authority));
            }
        }
    }
}
