//! A request head of ours out of an h2 one. h2 has refused already what it can see to be malformed (RFC 9113 8.2, 8.3:
//! names in upper case, fields of a connection, doubled or missing pseudo-header fields, a length that is not that of
//! the DATA); here follows what an HTTP/1.1 origin behind us could read in another way than we do.

use http::HeaderName;
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap};
use http::request::Parts;
use skerry_http::head::{Framing, Method, RequestHead, Version};

use crate::h1::request::{
    BAD_EXPECT, BAD_HOST, BAD_LENGTH, BAD_SYNTAX, BAD_TARGET, FIELDS_MAX, HEAD_BYTES_MAX, HEAD_TOO_LARGE,
    NO_SUCH_FORM, Refusal, TARGET_BYTES_MAX, TARGET_TOO_LONG, is_authority, parse_length,
};

/// A head, and what else was found in it.
#[derive(Debug)]
pub struct Asked {
    /// The head.
    pub head: RequestHead,
    /// `Expect: 100-continue`.
    pub expects_continue: bool,
    /// Bytes as HTTP/1.1 would have spent them, which is how limits and records count.
    pub head_bytes: usize,
}

/// Read. `ended`: nothing follows the head.
pub fn read(parts: &Parts, ended: bool) -> Result<Asked, Refusal> {
    let mut head = RequestHead { version: Version::Http2, ..RequestHead::default() };
    let method = parts.method.as_str().as_bytes();
    head.method = Method::parse(method);
    head.method_text.extend_from_slice(method);
    if matches!(head.method, Method::Connect | Method::Trace) {
        return Err(NO_SUCH_FORM);
    }
    take_target(parts, &mut head)?;
    take_authority(parts, &mut head)?;
    take_fields(&parts.headers, &mut head)?;
    let line_bytes = head.method_text.len() + head.target.len() + b"  HTTP/2.0\r\n\r\n".len();
    let head_bytes = line_bytes + head.fields.bytes() + 4 * head.fields.len();
    if head_bytes > HEAD_BYTES_MAX || head.fields.len() > FIELDS_MAX {
        return Err(HEAD_TOO_LARGE);
    }
    head.framing = framing(&parts.headers, ended)?;
    let expects_continue = expectation(&parts.headers)? && head.framing != Framing::None;
    Ok(Asked { head, expects_continue, head_bytes })
}

fn take_target(parts: &Parts, head: &mut RequestHead) -> Result<(), Refusal> {
    let target = parts.uri.path_and_query().map_or("", |p| p.as_str()).as_bytes();
    if target.len() > TARGET_BYTES_MAX {
        return Err(TARGET_TOO_LONG);
    }
    if target == b"*" {
        return Err(NO_SUCH_FORM);
    }
    if target.first() != Some(&b'/')
        || target.iter().any(|&b| !(0x21..0x7f).contains(&b) || b == b'\\' || b == b'#')
    {
        return Err(BAD_TARGET);
    }
    head.target.extend_from_slice(target);
    Ok(())
}

/// `:authority` and Host must not name two sites (RFC 9113 8.3.1); one of them must be there.
fn take_authority(parts: &Parts, head: &mut RequestHead) -> Result<(), Refusal> {
    let pseudo = parts.uri.authority().map(|a| a.as_str().as_bytes());
    let mut hosts = parts.headers.get_all(HOST).iter().map(|v| v.as_bytes());
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(BAD_HOST);
    }
    let authority = match (pseudo, host) {
        (Some(pseudo), Some(host)) if !pseudo.eq_ignore_ascii_case(host) => return Err(BAD_HOST),
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err(BAD_HOST),
    };
    if !is_authority(authority) {
        return Err(BAD_HOST);
    }
    head.authority.extend_from_slice(authority);
    // where HTTP/1.1 has it, so that functions and origins find the field they know
    head.fields.push(b"Host", authority);
    Ok(())
}

fn take_fields(headers: &HeaderMap, head: &mut RequestHead) -> Result<(), Refusal> {
    for (name, value) in headers {
        let value = value.as_bytes();
        // RFC 9113 8.2.1: an origin would strip the space, and another cache would not
        let padded = |b: Option<&u8>| b.is_some_and(|b| matches!(b, b' ' | b'\t'));
        if padded(value.first())
            || padded(value.last())
            || value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0))
            || ends_here(name)
        {
            return Err(BAD_SYNTAX);
        }
        if name != HOST && name != COOKIE {
            head.fields.push(name.as_str().as_bytes(), value);
        }
    }
    // RFC 9113 8.2.3: crumbs are one field again before anything but HTTP/2 sees them
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(|v| v.as_bytes()).collect();
    if !crumbs.is_empty() {
        head.fields.push(b"cookie", &crumbs.join(&b"; "[..]));
    }
    Ok(())
}

/// Fields of a connection have no meaning here (RFC 9113 8.2.2). h2 refuses them; were it ever not to, an origin must
/// still not get them.
fn ends_here(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "transfer-encoding" | "upgrade" | "keep-alive" | "proxy-connection" | "http2-settings"
    )
}

fn framing(headers: &HeaderMap, ended: bool) -> Result<Framing, Refusal> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (_, Some(_)) => return Err(BAD_LENGTH),
        (Some(text), None) => Some(parse_length(text.as_bytes()).ok_or(BAD_LENGTH)?),
        (None, None) => None,
    };
    match (length, ended) {
        (None, true) => Ok(Framing::None),
        (Some(n), true) if n > 0 => Err(BAD_LENGTH),
        (Some(n), _) => Ok(Framing::Length(n)),
        (None, false) => Ok(Framing::Chunked),
    }
}

fn expectation(headers: &HeaderMap) -> Result<bool, Refusal> {
    let mut all = headers.get_all(EXPECT).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(false),
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(true),
        _ => Err(BAD_EXPECT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_plain_head_becomes_ours() {
        let asked = read(
            &parts(
                "GET",
                "https://Shop.example:8443/a%2f?b",
                &[("accept", "x"), ("cookie", "a=1"), ("x-b", "2"), ("cookie", "c=3")],
            ),
            true,
        )
        .unwrap();
        let fields: Vec<String> = asked
            .head
            .fields
            .iter()
            .map(|(n, v)| format!("{}: {}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)))
            .collect();
        assert_eq!(fields, ["Host: Shop.example:8443", "accept: x", "x-b: 2", "cookie: a=1; c=3"]);
        assert_eq!(
            (&asked.head.target[..], &asked.head.authority[..]),
            (&b"/a%2f?b"[..], &b"Shop.example:8443"[..])
        );
        assert_eq!(
            (asked.head.version, asked.head.framing, asked.head.method),
            (Version::Http2, Framing::None, Method::Get)
        );
        assert_eq!(asked.head_bytes, b"GET /a%2f?b HTTP/2.0\r\nHost: Shop.example:8443\r\naccept: x\r\nx-b: 2\r\ncookie: a=1; c=3\r\n\r\n".len());
    }

    #[test]
    fn what_an_origin_could_read_otherwise_is_refused() {
        let long = "v".repeat(HEAD_BYTES_MAX);
        let path = format!("https://h/{}", "p".repeat(TARGET_BYTES_MAX));
        type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], bool, Result<(), Refusal>);
        let rows: &[Row<'_>] = &[
            ("GET", "https://h/", &[], true, Ok(())),
            ("GET", "/", &[("host", "h")], true, Ok(())),
            ("GET", "https://h/", &[("host", "H")], true, Ok(())),
            ("GET", "https://h/", &[("te", "trailers")], true, Ok(())),
            ("POST", "https://h/", &[("content-length", "3")], false, Ok(())),
            ("POST", "https://h/", &[("content-length", "0")], true, Ok(())),
            ("GET", "/", &[], true, Err(BAD_HOST)),
            ("GET", "/", &[("host", "")], true, Err(BAD_HOST)),
            ("GET", "https://h/", &[("host", "other")], true, Err(BAD_HOST)),
            ("GET", "https://h/", &[("host", "h"), ("host", "h")], true, Err(BAD_HOST)),
            ("GET", "https://u@h/", &[], true, Err(BAD_HOST)),
            ("GET", "https://h/a\\b", &[], true, Err(BAD_TARGET)),
            ("GET", &path, &[], true, Err(TARGET_TOO_LONG)),
            ("OPTIONS", "*", &[("host", "h")], true, Err(NO_SUCH_FORM)),
            ("TRACE", "https://h/", &[], true, Err(NO_SUCH_FORM)),
            ("CONNECT", "h:443", &[], true, Err(NO_SUCH_FORM)),
            ("GET", "https://h/", &[("x", " a")], true, Err(BAD_SYNTAX)),
            ("GET", "https://h/", &[("x", "a\t")], true, Err(BAD_SYNTAX)),
            ("GET", "https://h/", &[("transfer-encoding", "chunked")], true, Err(BAD_SYNTAX)),
            ("GET", "https://h/", &[("connection", "x")], true, Err(BAD_SYNTAX)),
            ("GET", "https://h/", &[("x", &long)], true, Err(HEAD_TOO_LARGE)),
            ("GET", "https://h/", &[("expect", "x")], true, Err(BAD_EXPECT)),
            (
                "POST",
                "https://h/",
                &[("content-length", "3"), ("content-length", "3")],
                false,
                Err(BAD_LENGTH),
            ),
            ("POST", "https://h/", &[("content-length", "03")], false, Err(BAD_LENGTH)),
            ("POST", "https://h/", &[("content-length", "3")], true, Err(BAD_LENGTH)),
        ];
        for (method, uri, fields, ended, want) in rows {
            assert_eq!(
                read(&parts(method, uri, fields), *ended).map(|_| ()),
                *want,
                "{method} {uri:.40} {fields:.40?}"
            );
        }
        let many: Vec<(String, String)> =
            (0..=FIELDS_MAX).map(|n| (format!("x-{n}"), String::new())).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        assert_eq!(read(&parts("GET", "https://h/", &many), true).map(|_| ()), Err(HEAD_TOO_LARGE));
    }

    #[test]
    fn an_expectation_is_heard_where_a_body_follows() {
        assert!(
            read(&parts("POST", "https://h/", &[("expect", "100-Continue")]), false)
                .unwrap()
                .expects_continue
        );
        assert!(
            !read(&parts("GET", "https://h/", &[("expect", "100-continue")]), true).unwrap().expects_continue
        );
    }
}
