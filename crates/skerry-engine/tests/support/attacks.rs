//! Requests that two parsers could read in two ways, and some that look so and are not (facts: classes 1, 2 and 5).

/// What must become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Refused by its head, with this status, and the connection closed: nothing reaches an origin.
    Refused(u16),
    /// Its head is good and its body is not: 400, and the connection closed.
    BadBody,
    /// Answered, and the connection used on.
    Served,
    /// Answered, and the connection closed.
    ServedLast,
}

pub struct Attack {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub fate: Fate,
}

/// What stands behind every attack on the wire.
pub const CANARY: &str = "GET /canary HTTP/1.1\r\nHost: a.test\r\n\r\n";

const PLAIN: &str = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// Field lines of a POST with the body `abc`, or what stands for it.
const LINES: &[(&str, &str, &str, Fate)] = &[
    ("length and coding", "Content-Length: 3\r\nTransfer-Encoding: chunked", "abc", Fate::Refused(400)),
    ("coding and length", "Transfer-Encoding: chunked\r\nContent-Length: 3", "0\r\n\r\n", Fate::Refused(400)),
    ("two lengths that differ", "Content-Length: 3\r\nContent-Length: 4", "abc", Fate::Refused(400)),
    ("two lengths alike", "Content-Length: 3\r\nContent-Length: 3", "abc", Fate::Refused(400)),
    ("length list", "Content-Length: 3, 3", "abc", Fate::Refused(400)),
    ("length with plus", "Content-Length: +3", "abc", Fate::Refused(400)),
    ("negative length", "Content-Length: -3", "abc", Fate::Refused(400)),
    ("empty length", "Content-Length: ", "", Fate::Refused(400)),
    ("hexadecimal length", "Content-Length: 0x3", "abc", Fate::Refused(400)),
    ("length with underscore", "Content-Length: 0_3", "abc", Fate::Refused(400)),
    ("length with leading zeros", "Content-Length: 003", "abc", Fate::Refused(400)),
    ("length of 2^64", "Content-Length: 18446744073709551616", "abc", Fate::Refused(400)),
    ("length of 2^64 and 3", "Content-Length: 18446744073709551619", "abc", Fate::Refused(400)),
    ("length with decimals", "Content-Length: 3.0", "abc", Fate::Refused(400)),
    ("length with a space inside", "Content-Length: 1 3", "abc", Fate::Refused(400)),
    ("space before the colon of a length", "Content-Length : 3", "abc", Fate::Refused(400)),
    ("coding list with a hole", "Transfer-Encoding: ,chunked", "0\r\n\r\n", Fate::Refused(400)),
    ("unknown coding", "Transfer-Encoding: xchunked", "0\r\n\r\n", Fate::Refused(400)),
    (
        "unknown coding and length",
        "Transfer-Encoding: xchunked\r\nContent-Length: 3",
        "abc",
        Fate::Refused(400),
    ),
    ("space before the colon of a coding", "Transfer-Encoding : chunked", "0\r\n\r\n", Fate::Refused(400)),
    ("chunked twice", "Transfer-Encoding: chunked, chunked", "0\r\n\r\n", Fate::Refused(400)),
    (
        "two codings",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n",
        Fate::Refused(400),
    ),
    ("gzip, chunked", "Transfer-Encoding: gzip, chunked", "0\r\n\r\n", Fate::Refused(400)),
    ("gzip alone", "Transfer-Encoding: gzip", "abc", Fate::Refused(400)),
    ("identity", "Transfer-Encoding: identity\r\nContent-Length: 3", "abc", Fate::Refused(400)),
    ("chunked, identity", "Transfer-Encoding: chunked, identity", "0\r\n\r\n", Fate::Refused(400)),
    ("vertical tab before chunked", "Transfer-Encoding: \x0bchunked", "0\r\n\r\n", Fate::Refused(400)),
    ("quoted chunked", "Transfer-Encoding: \"chunked\"", "0\r\n\r\n", Fate::Refused(400)),
    ("chunked with a parameter", "Transfer-Encoding: chunked;a=b", "0\r\n\r\n", Fate::Refused(400)),
    ("folded coding", "Transfer-Encoding:\r\n chunked", "0\r\n\r\n", Fate::Refused(400)),
    ("folded line", "X-A: b\r\n c", "", Fate::Refused(400)),
    ("line without a colon", "what is this", "", Fate::Refused(400)),
    ("line without a name", ": x", "", Fate::Refused(400)),
    ("bare CR in a value", "X-A: b\rContent-Length: 3", "abc", Fate::Refused(400)),
    ("NUL in a value", "X-A: b\0c", "", Fate::Refused(400)),
    ("two Hosts", "Host: b.test", "", Fate::Refused(400)),
    ("two Hosts alike", "Host: a.test", "", Fate::Refused(400)),
    ("odd expectation", "Expect: 200-ok\r\nContent-Length: 3", "abc", Fate::Refused(417)),
    (
        "two expectations",
        "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 3",
        "abc",
        Fate::Refused(417),
    ),
    ("tab after the colon", "Transfer-Encoding:\tchunked", "3\r\nabc\r\n0\r\n\r\n", Fate::Served),
    ("chunked in capitals", "TRANSFER-ENCODING: CHUNKED", "3\r\nabc\r\n0\r\n\r\n", Fate::Served),
    ("plain length", "Content-Length: 3", "abc", Fate::Served),
    ("a body that looks like a request", "Content-Length: 33", PLAIN, Fate::Served),
    (
        "chunks that look like a request",
        "Transfer-Encoding: chunked",
        "21\r\nGET /x HTTP/1.1\r\nHost: a.test\r\n\r\n\r\n0\r\n\r\n",
        Fate::Served,
    ),
    ("expectation with its body at once", "Expect: 100-continue\r\nContent-Length: 3", "abc", Fate::Served),
    ("expectation without a body", "Expect: 100-continue", "", Fate::Served),
    (
        "trailers that frame",
        "Transfer-Encoding: chunked",
        "0\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: b.test\r\n\r\n",
        Fate::Served,
    ),
    ("a harmless extension", "Transfer-Encoding: chunked", "3;a=\"b\"\r\nabc\r\n0\r\n\r\n", Fate::Served),
    (
        "chunk size in hexadecimal of C",
        "Transfer-Encoding: chunked",
        "0x3\r\nabc\r\n0\r\n\r\n",
        Fate::BadBody,
    ),
    ("chunk line ended by bare LF", "Transfer-Encoding: chunked", "3\nabc\r\n0\r\n\r\n", Fate::BadBody),
    ("LF inside an extension", "Transfer-Encoding: chunked", "3;a\nb\r\nabc\r\n0\r\n\r\n", Fate::BadBody),
    ("CR inside an extension", "Transfer-Encoding: chunked", "3;a\rb\r\nabc\r\n0\r\n\r\n", Fate::BadBody),
    ("chunk size with a space behind", "Transfer-Encoding: chunked", "3 \r\nabc\r\n0\r\n\r\n", Fate::BadBody),
    ("chunk size with a space before", "Transfer-Encoding: chunked", " 3\r\nabc\r\n0\r\n\r\n", Fate::BadBody),
    (
        "chunk size of 17 digits",
        "Transfer-Encoding: chunked",
        "00000000000000003\r\nabc\r\n0\r\n\r\n",
        Fate::BadBody,
    ),
    (
        "chunk size that overflows",
        "Transfer-Encoding: chunked",
        "ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        Fate::BadBody,
    ),
    ("negative chunk size", "Transfer-Encoding: chunked", "-3\r\nabc\r\n0\r\n\r\n", Fate::BadBody),
    ("chunk size with plus", "Transfer-Encoding: chunked", "+3\r\nabc\r\n0\r\n\r\n", Fate::BadBody),
    ("empty chunk size", "Transfer-Encoding: chunked", "\r\nabc\r\n0\r\n\r\n", Fate::BadBody),
    ("chunk ended by any two bytes", "Transfer-Encoding: chunked", "3\r\nabcXX0\r\n\r\n", Fate::BadBody),
    ("chunk ended by bare LF", "Transfer-Encoding: chunked", "3\r\nabc\n0\r\n\r\n", Fate::BadBody),
    ("chunk longer than its size", "Transfer-Encoding: chunked", "3\r\nabcd\r\n0\r\n\r\n", Fate::BadBody),
    ("trailer without a colon", "Transfer-Encoding: chunked", "0\r\nno colon\r\n\r\n", Fate::BadBody),
    ("trailer ended by bare LF", "Transfer-Encoding: chunked", "0\r\nX: y\n\r\n", Fate::BadBody),
    ("folded trailer", "Transfer-Encoding: chunked", "0\r\nX: y\r\n z\r\n\r\n", Fate::BadBody),
];

/// Heads as a whole.
const WHOLE: &[(&str, &str, Fate)] = &[
    ("bare LF everywhere", "GET /x HTTP/1.1\nHost: a.test\n\n", Fate::Refused(400)),
    ("bare LF after the request line", "GET /x HTTP/1.1\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("bare LF after a field", "GET /x HTTP/1.1\r\nHost: a.test\n\r\n", Fate::Refused(400)),
    ("bare LF at the end", "GET /x HTTP/1.1\r\nHost: a.test\r\n\n", Fate::Refused(400)),
    (
        "CR and another letter at the end",
        "GET /x HTTP/1.1\r\nHost: a.test\r\n\rX\r\n\r\n",
        Fate::Refused(400),
    ),
    ("two CRs before a line feed", "GET /x HTTP/1.1\r\nHost: a.test\r\r\n\r\n", Fate::Refused(400)),
    ("empty line first", "\r\nGET /x HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("space first", " GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("no Host", "GET /x HTTP/1.1\r\n\r\n", Fate::Refused(400)),
    ("empty Host", "GET /x HTTP/1.1\r\nHost: \r\n\r\n", Fate::Refused(400)),
    ("Host with a path", "GET /x HTTP/1.1\r\nHost: a.test/y\r\n\r\n", Fate::Refused(400)),
    ("Host with a user", "GET /x HTTP/1.1\r\nHost: u@a.test\r\n\r\n", Fate::Refused(400)),
    ("Host list", "GET /x HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n", Fate::Refused(400)),
    (
        "absolute form of another host",
        "GET http://b.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
        Fate::Refused(400),
    ),
    (
        "absolute form of a user",
        "GET http://a.test@b.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
        Fate::Refused(400),
    ),
    ("absolute form", "GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Served),
    (
        "TE in HTTP/1.0",
        "POST /x HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fate::Refused(400),
    ),
    ("HTTP/1.10", "GET /x HTTP/1.10\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("HTTP/0.9", "GET /x\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("HTTP/0.9 by name", "GET /x HTTP/0.9\r\nHost: a.test\r\n\r\n", Fate::Refused(505)),
    ("HTTP/2.0 by name", "GET /x HTTP/2.0\r\nHost: a.test\r\n\r\n", Fate::Refused(505)),
    ("preface of h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Fate::Refused(505)),
    ("version overflow", "GET /x HTTP/1.99999999999999999999\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("two spaces", "GET  /x HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("tab in the request line", "GET\t/x HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("backslash in the path", "GET /x\\y HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("fragment", "GET /x#y HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    ("raw UTF-8 in the path", "GET /\u{e9} HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
    (
        "name with a byte above 0x7f",
        "GET /x HTTP/1.1\r\nHost: a.test\r\nN\u{e9}: x\r\n\r\n",
        Fate::Refused(400),
    ),
    ("CONNECT", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(501)),
    ("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(501)),
    ("dots kept raw", "GET /a/%2e%2e/x HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Served),
    (
        "a named hop field",
        "GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n",
        Fate::Served,
    ),
    ("close", "GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", Fate::ServedLast),
    ("HTTP/1.0", "GET /x HTTP/1.0\r\nHost: a.test\r\n\r\n", Fate::ServedLast),
    (
        "HTTP/1.0 kept alive",
        "GET /x HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
        Fate::Served,
    ),
    ("HEAD", "HEAD /x HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Served),
];

/// All of them.
pub fn all() -> Vec<Attack> {
    let latin = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<u8>>(); // é is one byte on this wire
    let lines = LINES.iter().map(|(name, line, body, fate)| Attack {
        name,
        bytes: format!("POST /x HTTP/1.1\r\nHost: a.test\r\n{line}\r\n\r\n{body}").into_bytes(),
        fate: *fate,
    });
    let whole = WHOLE.iter().map(|(name, text, fate)| Attack { name, bytes: latin(text), fate: *fate });
    let large = [
        ("a head of 21 KB", format!("X-A: {}\r\n", "y".repeat(20_480)), 431),
        ("70 KB", format!("X-A: {}\r\n", "y".repeat(70_000)), 431),
        ("10,000 fields", "a: b\r\n".repeat(10_000), 431),
        ("101 fields", "a: b\r\n".repeat(100), 431),
    ];
    let large = large.into_iter().map(|(name, lines, status)| Attack {
        name,
        bytes: format!("GET /x HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n").into_bytes(),
        fate: Fate::Refused(status),
    });
    let long = Attack {
        name: "a target of 9 KB",
        bytes: format!("GET /{} HTTP/1.1\r\nHost: a.test\r\n\r\n", "x".repeat(9_000)).into_bytes(),
        fate: Fate::Refused(414),
    };
    lines.chain(whole).chain(large).chain([long]).collect()
}
