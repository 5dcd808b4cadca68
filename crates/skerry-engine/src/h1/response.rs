//! An origin's response head: lenient in nothing that decides where its body ends.

use skerry_http::fields::Known;
use skerry_http::head::{Framing, Method, ResponseHead, Version};

use super::request::parse_length;

const FIELDS_MAX: usize = 256;
/// Row 69: since 2025 the limit holds for an origin's head as well; ours is a little wider.
pub const HEAD_BYTES_MAX: usize = 65_536;

/// Why an origin's head cannot be used: a name of rules/reasons.toml.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadResponse(pub &'static str);

/// A parsed head, where it ends, and whether the connection may be used again.
#[derive(Debug)]
pub struct Parsed {
    /// The head.
    pub head: ResponseHead,
    /// Bytes it took.
    pub len: usize,
    /// The origin keeps the connection open.
    pub keep: bool,
}

/// Parse a response to a request of `method`; `Ok(None)` = more bytes are needed.
pub fn parse(bytes: &[u8], method: Method) -> Result<Option<Parsed>, BadResponse> {
    let mut lines = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut parsed = httparse::Response::new(&mut lines);
    let len = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if bytes.len() > HEAD_BYTES_MAX => {
            return Err(BadResponse("origin-head-too-large"));
        }
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(BadResponse("origin-head-too-large")),
        Err(_) => return Err(BadResponse("origin-bad-head")),
    };
    let status = parsed.code.unwrap_or(0);
    if !(100..600).contains(&status) {
        return Err(BadResponse("origin-bad-head"));
    }
    let mut head = ResponseHead::new(status);
    head.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
    for line in parsed.headers.iter() {
        head.fields.push(line.name.as_bytes(), line.value);
    }
    head.framing = framing(&head, method)?;
    let keep = keeps(&head) && head.framing != Framing::Close;
    Ok(Some(Parsed { head, len, keep }))
}

/// RFC 9112 6.3.
fn framing(head: &ResponseHead, method: Method) -> Result<Framing, BadResponse> {
    if method == Method::Head || head.status < 200 || head.status == 204 || head.status == 304 {
        return Ok(Framing::None);
    }
    let coding = head.fields.known(Known::TransferEncoding);
    let length = head.fields.known(Known::ContentLength);
    match (coding, length) {
        // an origin that sends both may be two origins to two readers (RFC 9112 6.1)
        (Some(_), Some(_)) => Err(BadResponse("origin-bad-framing")),
        (Some(coding), None) => {
            let once = head.fields.get_all(b"transfer-encoding").count() == 1;
            if !once || !coding.eq_ignore_ascii_case(b"chunked") || head.version == Version::Http10 {
                return Err(BadResponse("origin-bad-framing"));
            }
            Ok(Framing::Chunked)
        }
        (None, Some(first)) => {
            let length = parse_length(first).ok_or(BadResponse("origin-bad-framing"))?;
            // RFC 9110 8.6 lets equal repeats pass from a server; others contradict each other
            if head.fields.get_all(b"content-length").any(|other| other != first) {
                return Err(BadResponse("origin-bad-framing"));
            }
            Ok(Framing::Length(length))
        }
        (None, None) => Ok(Framing::Close),
    }
}

fn keeps(head: &ResponseHead) -> bool {
    let mut keep = head.version != Version::Http10;
    for value in head.fields.get_all(b"connection") {
        for option in value.split(|&b| b == b',') {
            let option = option.trim_ascii();
            if option.eq_ignore_ascii_case(b"close") {
                return false;
            }
            keep |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing_of(text: &str, method: Method) -> Result<Framing, BadResponse> {
        parse(text.as_bytes(), method).map(|p| p.unwrap().head.framing)
    }

    #[test]
    fn where_bodies_end() {
        for (text, method, want) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::Get, Ok(Framing::Length(5))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::Head, Ok(Framing::None)),
            ("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", Method::Get, Ok(Framing::None)),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::Get, Ok(Framing::Chunked)),
            ("HTTP/1.1 200 OK\r\n\r\n", Method::Get, Ok(Framing::Close)),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
                Method::Get,
                Ok(Framing::Length(5)),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                Method::Get,
                Err(BadResponse("origin-bad-framing")),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                Method::Get,
                Err(BadResponse("origin-bad-framing")),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                Method::Get,
                Err(BadResponse("origin-bad-framing")),
            ),
            ("HTTP/1.1 999 x\r\n\r\n", Method::Get, Err(BadResponse("origin-bad-head"))),
        ] {
            assert_eq!(framing_of(text, method), want, "{text:?}");
        }
    }

    #[test]
    fn keeping_the_connection() {
        for (text, want) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\n\r\n", false),
        ] {
            assert_eq!(parse(text.as_bytes(), Method::Get).unwrap().unwrap().keep, want, "{text:?}");
        }
    }
}
