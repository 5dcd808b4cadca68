//! Access records: CloudFront's standard log (row 72) or JSON lines.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use skerry_cache::Fate;
use skerry_http::date::civil;
use skerry_http::decimal;
use skerry_http::head::Version;

/// Length of a request id.
pub const ID_BYTES: usize = 56;
/// A request id: 56 characters of the URL-safe base64 alphabet, as CloudFront's.
pub type RequestId = [u8; ID_BYTES];

/// `x-edge-result-type` (row 73), and the word in `X-Cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the vendor's words
pub enum Outcome {
    Hit,
    RefreshHit,
    Miss,
    Error,
    Redirect,
    LambdaGenerated,
    LambdaExecutionError,
    LambdaValidationError,
    LambdaLimitExceeded,
}

impl Outcome {
    /// In the log.
    pub fn log_word(self) -> &'static str {
        match self {
            Outcome::Hit => "Hit",
            Outcome::RefreshHit => "RefreshHit",
            Outcome::Miss => "Miss",
            Outcome::Redirect => "Redirect",
            Outcome::LambdaGenerated => "LambdaGeneratedResponse",
            Outcome::LambdaLimitExceeded => "LimitExceeded",
            Outcome::Error | Outcome::LambdaExecutionError | Outcome::LambdaValidationError => "Error",
        }
    }

    /// In the `X-Cache` header (row 65).
    pub fn header_word(self) -> &'static str {
        match self {
            Outcome::Hit => "Hit from cloudfront",
            Outcome::RefreshHit => "RefreshHit from cloudfront",
            Outcome::Miss => "Miss from cloudfront",
            Outcome::Error => "Error from cloudfront",
            Outcome::Redirect => "Redirect from cloudfront",
            Outcome::LambdaGenerated => "LambdaGeneratedResponse from cloudfront",
            Outcome::LambdaExecutionError => "LambdaExecutionError from cloudfront",
            Outcome::LambdaValidationError => "LambdaValidationError from cloudfront",
            Outcome::LambdaLimitExceeded => "LambdaLimitExceeded from cloudfront",
        }
    }
}

/// Everything a record says, borrowed from wherever it lies.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // docs/reference/json.md describes each field
pub struct View<'a> {
    pub unix_ms: u64,
    pub id: &'a RequestId,
    pub pop: &'a str,
    pub client_ip: IpAddr,
    pub client_port: u16,
    pub is_https: bool,
    pub tls_protocol: &'a str,
    pub tls_cipher: &'a str,
    pub version: Version,
    pub method: &'a [u8],
    pub authority: &'a [u8],
    pub distribution: &'a str,
    pub path: &'a [u8],
    pub query: &'a [u8],
    pub referer: &'a [u8],
    pub user_agent: &'a [u8],
    pub forwarded_for: &'a [u8],
    pub status: u16,
    pub bytes_out: u64,
    pub bytes_in: u64,
    pub time_us: u64,
    pub first_byte_us: u64,
    pub outcome: Outcome,
    /// As it was when the head went out (`x-edge-response-result-type`).
    pub response_outcome: Outcome,
    /// `x-edge-detailed-result-type`.
    pub detailed: &'a str,
    /// Reason name (rules/reasons.toml), empty for a plain hit.
    pub reason: &'a str,
    /// The step that answered.
    pub step: &'a str,
    pub behavior: &'a str,
    pub content_type: &'a [u8],
    pub content_bytes: Option<u64>,
    /// First and last byte, where the answer has a Content-Range.
    pub range: Option<(u64, u64)>,
    pub age_s: Option<u32>,
    pub ttl_s: Option<i64>,
    pub key_hash: u64,
    pub snapshot: u64,
    pub origin: &'a str,
    pub origin_us: u64,
    pub detail: &'a str,
    /// What becomes of the fetch behind it: not known yet where its body is long or its viewer left.
    pub fate: Option<&'a Arc<Fate>>,
    pub trace: &'a [Note],
}

/// A step taken: its name, microseconds since the request began, and what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Step name, as everywhere.
    pub step: &'static str,
    /// When it was done.
    pub at_us: u64,
    /// In words.
    pub what: String,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 33 fields of CloudFront's standard log.
    Standard,
    /// One JSON object a line.
    Json,
}

/// The two lines a standard log begins with.
pub const STANDARD_HEADER: &str = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end\n";

/// Bytes CloudFront writes as `%XX` in its log: 0–32, 127 and above, and ``<>"#%{}|\^~[]`'``.
static ESCAPED: [bool; 256] = escaped();

const fn escaped() -> [bool; 256] {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = b <= 32 || b >= 127;
        b += 1;
    }
    let extra = b"<>\"#%{}|\\^~[]`'";
    let mut i = 0;
    while i < extra.len() {
        table[extra[i] as usize] = true;
        i += 1;
    }
    table
}

fn put_escaped(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if text.is_empty() {
        return out.push(b'-');
    }
    let mut from = 0;
    for (at, &b) in text.iter().enumerate() {
        if ESCAPED[b as usize] {
            out.extend_from_slice(&text[from..at]);
            out.extend_from_slice(&[b'%', HEX[(b >> 4) as usize], HEX[(b & 15) as usize]]);
            from = at + 1;
        }
    }
    out.extend_from_slice(&text[from..]);
}

fn put_seconds(us: u64, out: &mut Vec<u8>) {
    decimal::put(us / 1_000_000, out);
    let ms = us % 1_000_000 / 1_000;
    out.extend_from_slice(&[
        b'.',
        b'0' + (ms / 100) as u8,
        b'0' + (ms / 10 % 10) as u8,
        b'0' + (ms % 10) as u8,
    ]);
}

fn put_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(v4) => {
            let o = v4.octets();
            for (i, part) in o.iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                decimal::put(u64::from(*part), out);
            }
        }
        IpAddr::V6(v6) => out.extend_from_slice(v6.to_string().as_bytes()),
    }
}

fn put_range(range: Option<(u64, u64)>, out: &mut Vec<u8>) {
    let Some((first, last)) = range else { return out.extend_from_slice(b"\t-\t-") };
    for end in [first, last] {
        out.push(b'\t');
        decimal::put(end, out);
    }
}

pub(crate) fn version_word(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
        Version::Http2 => "HTTP/2.0",
    }
}

/// Writes records; keeps the text of the current second.
#[derive(Debug, Default)]
pub struct Writer {
    second: u64,
    stamp: Vec<u8>,
}

impl Writer {
    fn stamp(&mut self, unix_s: u64) -> &[u8] {
        if self.second != unix_s || self.stamp.is_empty() {
            self.second = unix_s;
            let (y, mo, d) = civil((unix_s / 86_400) as i64);
            let s = unix_s % 86_400;
            self.stamp = format!("{y:04}-{mo:02}-{d:02}\t{:02}:{:02}:{:02}\t", s / 3600, s / 60 % 60, s % 60)
                .into_bytes();
        }
        &self.stamp
    }

    /// Append one record with its line end.
    pub fn write(&mut self, format: Format, v: &View<'_>, out: &mut Vec<u8>) {
        match format {
            Format::Standard => self.standard(v, out),
            Format::Json => {
                put_json(&Line::of(v), out);
                out.push(b'\n');
            }
        }
    }

    fn standard(&mut self, v: &View<'_>, out: &mut Vec<u8>) {
        let stamp = self.stamp(v.unix_ms / 1000);
        out.extend_from_slice(stamp);
        let tab = |out: &mut Vec<u8>| out.push(b'\t');
        out.extend_from_slice(v.pop.as_bytes());
        tab(out);
        decimal::put(v.bytes_out, out);
        tab(out);
        put_ip(v.client_ip, out);
        tab(out);
        put_escaped(v.method, out);
        tab(out);
        out.extend_from_slice(v.distribution.as_bytes());
        tab(out);
        put_escaped(v.path, out);
        tab(out);
        if v.status == 0 {
            out.extend_from_slice(b"000")
        } else {
            decimal::put(u64::from(v.status), out)
        }
        tab(out);
        put_escaped(v.referer, out);
        tab(out);
        put_escaped(v.user_agent, out);
        tab(out);
        put_escaped(v.query, out);
        out.extend_from_slice(b"\t-\t"); // cookies are never written down
        out.extend_from_slice(v.outcome.log_word().as_bytes());
        tab(out);
        out.extend_from_slice(v.id);
        tab(out);
        put_escaped(v.authority, out);
        out.extend_from_slice(if v.is_https { b"\thttps\t" } else { b"\thttp\t" });
        decimal::put(v.bytes_in, out);
        tab(out);
        put_seconds(v.time_us, out);
        tab(out);
        put_escaped(v.forwarded_for, out);
        tab(out);
        put_escaped(v.tls_protocol.as_bytes(), out);
        tab(out);
        put_escaped(v.tls_cipher.as_bytes(), out);
        tab(out);
        out.extend_from_slice(v.response_outcome.log_word().as_bytes());
        tab(out);
        out.extend_from_slice(version_word(v.version).as_bytes());
        out.extend_from_slice(b"\t-\t-\t");
        decimal::put(u64::from(v.client_port), out);
        tab(out);
        put_seconds(v.first_byte_us, out);
        tab(out);
        out.extend_from_slice(v.detailed.as_bytes());
        tab(out);
        put_escaped(v.content_type, out);
        tab(out);
        match v.content_bytes {
            Some(n) => decimal::put(n, out),
            None => out.push(b'-'),
        }
        put_range(v.range, out);
        out.push(b'\n');
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A record as JSON, written without a tree in between: docs/reference/json.md.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    time_ms: u64,
    request_id: Cow<'a, str>,
    pop: &'a str,
    client_ip: IpAddr,
    client_port: u16,
    scheme: &'static str,
    tls_protocol: &'a str,
    tls_cipher: &'a str,
    protocol: &'static str,
    method: Cow<'a, str>,
    host: Cow<'a, str>,
    distribution: &'a str,
    path: Cow<'a, str>,
    query: Cow<'a, str>,
    referer: Cow<'a, str>,
    user_agent: Cow<'a, str>,
    status: u16,
    bytes_out: u64,
    bytes_in: u64,
    time_us: u64,
    first_byte_us: u64,
    result: &'static str,
    response_result: &'static str,
    detailed_result: &'a str,
    reason: &'a str,
    step: &'a str,
    behavior: &'a str,
    content_type: Cow<'a, str>,
    content_bytes: Option<u64>,
    range_start: Option<u64>,
    range_end: Option<u64>,
    age_s: Option<u32>,
    ttl_s: Option<i64>,
    #[serde(serialize_with = "hex")]
    key: u64,
    snapshot: u64,
    origin: &'a str,
    origin_us: u64,
    detail: &'a str,
}

impl<'a> Line<'a> {
    /// Of what is known.
    pub fn of(v: &View<'a>) -> Self {
        let text = String::from_utf8_lossy;
        Line {
            time_ms: v.unix_ms,
            request_id: text(v.id),
            pop: v.pop,
            client_ip: v.client_ip,
            client_port: v.client_port,
            scheme: if v.is_https { "https" } else { "http" },
            tls_protocol: v.tls_protocol,
            tls_cipher: v.tls_cipher,
            protocol: version_word(v.version),
            method: text(v.method),
            host: text(v.authority),
            distribution: v.distribution,
            path: text(v.path),
            query: text(v.query),
            referer: text(v.referer),
            user_agent: text(v.user_agent),
            status: v.status,
            bytes_out: v.bytes_out,
            bytes_in: v.bytes_in,
            time_us: v.time_us,
            first_byte_us: v.first_byte_us,
            result: v.outcome.log_word(),
            response_result: v.response_outcome.log_word(),
            detailed_result: v.detailed,
            reason: v.reason,
            step: v.step,
            behavior: v.behavior,
            content_type: text(v.content_type),
            content_bytes: v.content_bytes,
            range_start: v.range.map(|(first, _)| first),
            range_end: v.range.map(|(_, last)| last),
            age_s: v.age_s,
            ttl_s: v.ttl_s,
            key: v.key_hash,
            snapshot: v.snapshot,
            origin: v.origin,
            origin_us: v.origin_us,
            detail: v.detail,
        }
    }
}

/// As `{:016x}` writes it.
fn hex<S: Serializer>(key: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{key:016x}"))
}

/// Append JSON.
pub(crate) fn put_json(what: &impl Serialize, out: &mut Vec<u8>) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, what).is_err() {
        out.truncate(before); // cannot be: memory takes all bytes, and no map here has keys that are no text
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn view<'a>(id: &'a RequestId, trace: &'a [Note]) -> View<'a> {
        View {
            unix_ms: 1_795_559_203_000,
            id,
            pop: "IAD50-C1",
            client_ip: IpAddr::from([127, 0, 0, 1]),
            client_port: 5000,
            is_https: false,
            tls_protocol: "",
            tls_cipher: "",
            version: Version::Http11,
            method: b"GET",
            authority: b"localhost:8080",
            distribution: "d1.cloudfront.net",
            path: b"/a b",
            query: b"",
            referer: b"",
            user_agent: b"x/1 (y)",
            forwarded_for: b"",
            status: 200,
            bytes_out: 1234,
            bytes_in: 99,
            time_us: 1_234_567,
            first_byte_us: 999,
            outcome: Outcome::Hit,
            response_outcome: Outcome::Hit,
            detailed: "Hit",
            reason: "",
            step: "lookup",
            behavior: "*",
            content_type: b"text/html",
            content_bytes: Some(7),
            range: Some((10, 16)),
            age_s: Some(3),
            ttl_s: Some(5),
            key_hash: 1,
            snapshot: 2,
            origin: "",
            origin_us: 0,
            detail: "",
            fate: None,
            trace,
        }
    }

    #[test]
    fn a_standard_line_has_33_fields_in_the_vendors_order() {
        let mut out = Vec::new();
        Writer::default().write(Format::Standard, &view(&[b'a'; ID_BYTES], &[]), &mut out);
        let line = String::from_utf8(out).unwrap();
        let fields: Vec<_> = line.trim_end().split('\t').collect();
        assert_eq!(fields.len(), 33);
        assert_eq!(STANDARD_HEADER.lines().nth(1).unwrap().split(' ').count(), 34);
        assert_eq!(fields[0..2], ["2026-11-24", "22:26:43"]);
        assert_eq!(
            (fields[7], fields[10], fields[18], fields[27]),
            ("/a%20b", "x/1%20(y)", "1.234", "0.000")
        );
        assert_eq!(fields[28..], ["Hit", "text/html", "7", "10", "16"]);
    }
}
