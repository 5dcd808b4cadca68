//! Strict parsing of a request head. What two parsers could read in two ways is refused.

use std::mem::MaybeUninit;

use skerry_http::fields::Known;
use skerry_http::head::{Framing, Method, RequestHead, Version};

/// Lines a head may have; the head's bytes are the real limit.
pub const FIELDS_MAX: usize = 100;
/// CloudFront's limit on request line and headers together (row 69).
pub const HEAD_BYTES_MAX: usize = 20_480;
/// CloudFront's limit on the URL.
pub const TARGET_BYTES_MAX: usize = 8_192;

/// Why a head was refused: `code` is a name of rules/reasons.toml.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status to answer with. 431 is turned into 413 by profile `cloudfront`.
    pub status: u16,
    /// Reason name.
    pub code: &'static str,
}

const fn refuse(status: u16, code: &'static str) -> Refusal {
    Refusal { status, code }
}

pub(crate) const BAD_SYNTAX: Refusal = refuse(400, "bad-syntax");
const BARE_LF: Refusal = refuse(400, "bare-line-feed");
pub(crate) const BAD_TARGET: Refusal = refuse(400, "bad-target");
pub(crate) const BAD_HOST: Refusal = refuse(400, "bad-host");
pub(crate) const BAD_LENGTH: Refusal = refuse(400, "bad-content-length");
const BAD_CODING: Refusal = refuse(400, "bad-transfer-encoding");
const BOTH_FRAMINGS: Refusal = refuse(400, "length-and-coding");
pub(crate) const HEAD_TOO_LARGE: Refusal = refuse(431, "head-too-large");
pub(crate) const TARGET_TOO_LONG: Refusal = refuse(414, "target-too-long");
pub(crate) const BAD_EXPECT: Refusal = refuse(417, "bad-expectation");
const BAD_VERSION: Refusal = refuse(505, "bad-version");
pub(crate) const NO_SUCH_FORM: Refusal = refuse(501, "method-not-supported");

/// What the bytes held.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole head; it ends after so many bytes.
    Complete(usize),
    /// Not yet.
    Partial,
    /// Never.
    Refused(Refusal),
}

/// Facts of a head beside its fields, found while parsing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadFacts {
    /// The connection closes after the answer.
    pub close: bool,
    /// `Expect: 100-continue`.
    pub expects_continue: bool,
    /// An `Upgrade` is asked for (never granted here).
    pub upgrade: bool,
}

/// Parse one head from the start of `bytes` into `head` (its memory is reused).
///
/// Quadratic work on trickled bytes is avoided: nothing is parsed before a blank line is seen, which is
/// looked for from `seen` on (bytes known to hold none).
pub fn parse(bytes: &[u8], seen: usize, head: &mut RequestHead, facts: &mut HeadFacts) -> Parsed {
    // RFC 9112 2.2 lets a server skip empty lines here; two parsers that differ in it can be told apart, so: no.
    if let Some(first) = bytes.first()
        && !first.is_ascii_uppercase()
        && !is_token(*first)
    {
        return Parsed::Refused(BAD_SYNTAX);
    }
    let Some(end) = find_end(bytes, seen) else {
        if bytes.len() > HEAD_BYTES_MAX {
            return Parsed::Refused(HEAD_TOO_LARGE);
        }
        return Parsed::Partial;
    };
    if end > HEAD_BYTES_MAX {
        return Parsed::Refused(HEAD_TOO_LARGE);
    }
    match parse_complete(&bytes[..end], head, facts) {
        Ok(()) => Parsed::Complete(end),
        Err(refusal) => Parsed::Refused(refusal),
    }
}

/// Where the head ends: behind the first line feed that is followed by another, with or without CR between.
/// Bare line feeds are found here too so that they are refused at once, not waited on.
fn find_end(bytes: &[u8], seen: usize) -> Option<usize> {
    let mut at = seen.saturating_sub(3);
    while let Some(step) = memchr::memchr(b'\n', &bytes[at..]) {
        let lf = at + step;
        match bytes.get(lf + 1) {
            Some(b'\n') => return Some(lf + 2),
            Some(b'\r') if bytes.get(lf + 2) == Some(&b'\n') => return Some(lf + 3),
            _ => at = lf + 1,
        }
    }
    None
}

fn parse_complete(bytes: &[u8], head: &mut RequestHead, facts: &mut HeadFacts) -> Result<(), Refusal> {
    let mut lines = [const { MaybeUninit::uninit() }; FIELDS_MAX]; // not zeroed: that alone would cost 40 ns
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(bytes, &mut lines) {
        Ok(httparse::Status::Complete(end)) if end == bytes.len() => {}
        // httparse saw another end than we did: a bare line feed hides in it
        Ok(_) => return Err(BARE_LF),
        Err(httparse::Error::TooManyHeaders) => return Err(HEAD_TOO_LARGE),
        Err(httparse::Error::Version) => return Err(version_refusal(bytes)),
        Err(_) => return Err(BAD_SYNTAX),
    }
    if !bytes.ends_with(b"\r\n\r\n") {
        return Err(BARE_LF);
    }
    head.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let method = parsed.method.unwrap_or("").as_bytes();
    head.method = Method::parse(method);
    head.method_text.clear();
    head.method_text.extend_from_slice(method);
    head.fields.clear();
    let base = bytes.as_ptr() as usize;
    for line in parsed.headers.iter() {
        let at = line.name.as_ptr() as usize - base;
        if at < 2 || bytes[at - 2] != b'\r' {
            return Err(BARE_LF);
        }
        head.fields.push(line.name.as_bytes(), line.value);
    }
    let target = parsed.path.unwrap_or("").as_bytes();
    take_target(target, head)?;
    take_facts(head, facts)
}

fn version_refusal(bytes: &[u8]) -> Refusal {
    let line = &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())];
    // a version of one digit each is a protocol we do not speak; anything else is no version at all
    match line.windows(8).rev().find(|w| w.starts_with(b"HTTP/")) {
        Some(v)
            if v[5].is_ascii_digit() && v[6] == b'.' && v[7].is_ascii_digit() && line.ends_with(b"\r") =>
        {
            let whole = line.len() >= 9 && &line[line.len() - 9..line.len() - 1] == v;
            if whole { BAD_VERSION } else { BAD_SYNTAX }
        }
        _ => BAD_SYNTAX,
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Origin-form stays as it is; absolute-form is taken apart (RFC 9112 3.2.2) and must agree with Host.
fn take_target(target: &[u8], head: &mut RequestHead) -> Result<(), Refusal> {
    if target.len() > TARGET_BYTES_MAX {
        return Err(TARGET_TOO_LONG);
    }
    if matches!(head.method, Method::Connect | Method::Trace) {
        return Err(NO_SUCH_FORM);
    }
    take_host(head)?;
    head.target.clear();
    if target.first() == Some(&b'/') {
        head.target.extend_from_slice(target);
    } else {
        let rest = strip_scheme(target).ok_or(if target == b"*" { NO_SUCH_FORM } else { BAD_TARGET })?;
        let slash = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
        let authority = &rest[..slash];
        if authority.is_empty() || !is_authority(authority) {
            return Err(BAD_TARGET);
        }
        // the two could name different sites; a cache must not guess which one an origin believes
        if head.fields.has(Known::Host) && !authority.eq_ignore_ascii_case(&head.authority) {
            return Err(BAD_HOST);
        }
        head.authority.clear();
        head.authority.extend_from_slice(authority);
        if rest.get(slash) != Some(&b'/') {
            head.target.push(b'/');
        }
        head.target.extend_from_slice(&rest[slash..]);
    }
    if head.target.iter().any(|&b| !(0x21..0x7f).contains(&b) || b == b'\\' || b == b'#') {
        return Err(BAD_TARGET);
    }
    Ok(())
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    for scheme in [&b"http://"[..], b"https://"] {
        if target.len() > scheme.len() && target[..scheme.len()].eq_ignore_ascii_case(scheme) {
            return Some(&target[scheme.len()..]);
        }
    }
    None
}

fn take_host(head: &mut RequestHead) -> Result<(), Refusal> {
    head.authority.clear();
    match head.fields.known(Known::Host) {
        None if head.version == Version::Http10 => Ok(()),
        Some(host) if is_authority(host) => {
            head.authority.extend_from_slice(host);
            if head.fields.get_all(b"host").count() > 1 { Err(BAD_HOST) } else { Ok(()) }
        }
        _ => Err(BAD_HOST),
    }
}

/// `host[:port]` of letters, digits and `-._`, or a bracketed IPv6 literal; never empty, no userinfo.
pub fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match (text.first(), memchr::memrchr(b':', text)) {
        (Some(b'['), _) => {
            let Some(close) = memchr::memchr(b']', text) else { return false };
            let inner = &text[1..close];
            if inner.is_empty() || !inner.iter().all(|b| b.is_ascii_hexdigit() || b":.".contains(b)) {
                return false;
            }
            match text.get(close + 1) {
                None => return true,
                Some(b':') => (&text[..0], Some(&text[close + 2..])),
                Some(_) => return false,
            }
        }
        (Some(_), Some(colon)) => (&text[..colon], Some(&text[colon + 1..])),
        (Some(_), None) => (text, None),
        (None, _) => return false,
    };
    if let Some(port) = port {
        let number = std::str::from_utf8(port).ok().and_then(|p| p.parse::<u32>().ok());
        if port.is_empty()
            || port.len() > 5
            || !port.iter().all(u8::is_ascii_digit)
            || number.is_none_or(|n| n > 65_535)
        {
            return false;
        }
    }
    if text[0] == b'[' {
        return true;
    }
    !host.is_empty() && host.len() <= 255 && host.iter().all(|&b| HOST_BYTE[b as usize])
}

static HOST_BYTE: [bool; 256] = host_bytes();

const fn host_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut b = 0usize;
    while b < 256 {
        let c = b as u8;
        table[b] = c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
        b += 1;
    }
    table
}

fn take_facts(head: &mut RequestHead, facts: &mut HeadFacts) -> Result<(), Refusal> {
    *facts = HeadFacts::default();
    head.framing = framing(head)?;
    facts.upgrade = head.fields.has(Known::Upgrade);
    facts.close = head.version == Version::Http10;
    if head.fields.has(Known::Connection) {
        for value in head.fields.get_all(b"connection") {
            for option in value.split(|&b| b == b',') {
                let option = option.trim_ascii();
                if option.eq_ignore_ascii_case(b"close") {
                    facts.close = true;
                } else if option.eq_ignore_ascii_case(b"keep-alive") && head.version == Version::Http10 {
                    facts.close = false;
                }
            }
        }
    }
    if let Some(expect) = head.fields.known(Known::Expect) {
        if !expect.eq_ignore_ascii_case(b"100-continue") || head.fields.get_all(b"expect").count() > 1 {
            return Err(BAD_EXPECT);
        }
        // RFC 9110 10.1.1: without a body there is nothing to wait for; an HTTP/1.0 expectation is ignored
        facts.expects_continue = head.version == Version::Http11 && head.framing != Framing::None;
    }
    Ok(())
}

fn framing(head: &RequestHead) -> Result<Framing, Refusal> {
    let coding = head.fields.known(Known::TransferEncoding);
    let length = head.fields.known(Known::ContentLength);
    match (coding, length) {
        (None, None) => Ok(Framing::None),
        (Some(_), Some(_)) => Err(BOTH_FRAMINGS),
        (Some(coding), None) => {
            let once = head.fields.get_all(b"transfer-encoding").count() == 1;
            // RFC 9112 6.1: a Transfer-Encoding in HTTP/1.0 has faulty framing
            if !once || head.version == Version::Http10 || !coding.eq_ignore_ascii_case(b"chunked") {
                return Err(BAD_CODING);
            }
            Ok(Framing::Chunked)
        }
        (None, Some(length)) => {
            if head.fields.get_all(b"content-length").count() > 1 {
                return Err(BAD_LENGTH);
            }
            parse_length(length).map(Framing::Length).ok_or(BAD_LENGTH)
        }
    }
}

/// Digits only, no leading zero but in `0` itself, at most 18 of them.
pub fn parse_length(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 || (text.len() > 1 && text[0] == b'0') {
        return None;
    }
    text.iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bytes: &[u8]) -> (Parsed, RequestHead, HeadFacts) {
        let (mut head, mut facts) = (RequestHead::default(), HeadFacts::default());
        let parsed = parse(bytes, 0, &mut head, &mut facts);
        (parsed, head, facts)
    }

    fn status(bytes: &[u8]) -> u16 {
        match run(bytes).0 {
            Parsed::Complete(_) => 200,
            Parsed::Partial => 0,
            Parsed::Refused(r) => r.status,
        }
    }

    #[test]
    fn a_plain_head_is_taken_as_it_came() {
        let (parsed, head, facts) = run(b"GET /a?b=C HTTP/1.1\r\nHost: X.example:80\r\nX-a: 1\r\n\r\nrest");
        assert_eq!(parsed, Parsed::Complete(51));
        assert_eq!(head.target, b"/a?b=C");
        assert_eq!(head.authority, b"X.example:80");
        assert_eq!(head.framing, Framing::None);
        assert_eq!(facts, HeadFacts::default());
    }

    #[test]
    fn absolute_form_is_taken_apart_and_must_agree_with_host() {
        let (_, head, _) = run(b"GET http://a.example?x HTTP/1.1\r\nHost: a.example\r\n\r\n");
        assert_eq!((&head.target[..], &head.authority[..]), (&b"/?x"[..], &b"a.example"[..]));
        assert_eq!(status(b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), 400);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let with = |line: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n").into_bytes();
        for (line, want) in [
            ("Content-Length: 3\r\nTransfer-Encoding: chunked", 400),
            ("Content-Length: 3\r\nContent-Length: 3", 400),
            ("Content-Length: 3\r\nContent-Length: 4", 400),
            ("Content-Length: +3", 400),
            ("Content-Length: 003", 400),
            ("Content-Length:", 400),
            ("Content-Length: 3, 3", 400),
            ("Content-Length: 0x3", 400),
            ("Content-Length: 1_0", 400),
            ("Content-Length: 18446744073709551617", 400),
            ("Content-Length: -1", 400),
            ("Transfer-Encoding: ,chunked", 400),
            ("Transfer-Encoding: chunked, chunked", 400),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
            ("Transfer-Encoding: xchunked", 400),
            ("Transfer-Encoding: gzip, chunked", 400),
            ("Transfer-Encoding: \x0bchunked", 400),
            ("Transfer-Encoding: \"chunked\"", 400),
            ("Transfer-Encoding : chunked", 400),
            ("Transfer-Encoding: identity", 400),
            ("Host: b", 400),
            ("X-A: a\rb", 400),
            ("X-A: a\0b", 400),
            ("X-A: a\r\n folded", 400),
            ("no colon", 400),
            (": empty name", 400),
            ("N\u{e9}: x", 400),
            ("Expect: 200-ok", 417),
            ("Transfer-Encoding: Chunked", 200),
            ("Content-Length: 0", 200),
            ("Expect: 100-continue", 200),
        ] {
            assert_eq!(status(&with(line)), want, "{line:?}");
        }
    }

    #[test]
    fn lines_end_with_crlf_and_nothing_else() {
        for bytes in [
            &b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\nHost: a\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\n",
            b"GET / HTTP/1.1\nHost: a\n\n",
            b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        ] {
            assert_eq!(status(bytes), 400, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn targets_and_versions() {
        for (line, want) in [
            ("GET / HTTP/1.10", 400),
            ("GET / HTTP/2.0", 505),
            ("GET / HTTP/0.9", 505),
            ("GET /", 400),
            ("GET  / HTTP/1.1", 400),
            ("GET /\t HTTP/1.1", 400),
            ("GET /a\\b HTTP/1.1", 400),
            ("GET /a#b HTTP/1.1", 400),
            ("GET /\u{e9} HTTP/1.1", 400),
            ("GET * HTTP/1.1", 501),
            ("OPTIONS * HTTP/1.1", 501),
            ("CONNECT a:443 HTTP/1.1", 501),
            ("GET ftp://a/ HTTP/1.1", 400),
            ("GET http:///x HTTP/1.1", 400),
            ("GET a HTTP/1.1", 400),
            ("GET /a/%2e%2e/p HTTP/1.1", 200),
        ] {
            assert_eq!(status(format!("{line}\r\nHost: a\r\n\r\n").as_bytes()), want, "{line:?}");
        }
        assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n"), 400);
        assert_eq!(status(b"GET / HTTP/1.0\r\n\r\n"), 200);
        assert_eq!(status(b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    }

    #[test]
    fn hosts() {
        for (host, good) in [
            ("a", true),
            ("a.example:8080", true),
            ("[::1]:80", true),
            ("[::1]", true),
            ("", false),
            ("a b", false),
            ("a:", false),
            ("a:99999", false),
            ("u@a", false),
            ("a/b", false),
            ("[", false),
            ("[]", false),
            (":80", false),
            ("a,b", false),
        ] {
            assert_eq!(is_authority(host.as_bytes()), good, "{host:?}");
        }
    }

    #[test]
    fn every_split_gives_partial_then_the_same_end() {
        let whole = b"GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
        for cut in 1..whole.len() {
            assert_eq!(run(&whole[..cut]).0, Parsed::Partial, "{cut}");
            let (mut head, mut facts) = (RequestHead::default(), HeadFacts::default());
            assert_eq!(parse(whole, cut, &mut head, &mut facts), Parsed::Complete(whole.len()), "{cut}");
        }
    }

    #[test]
    fn large_heads() {
        let big = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(HEAD_BYTES_MAX));
        assert_eq!(status(big.as_bytes()), 431);
        assert_eq!(status(&big.as_bytes()[..HEAD_BYTES_MAX + 1]), 431);
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "a: b\r\n".repeat(FIELDS_MAX));
        assert_eq!(status(many.as_bytes()), 431);
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(TARGET_BYTES_MAX));
        assert_eq!(status(long.as_bytes()), 414);
    }
}
