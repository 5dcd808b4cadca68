//! What of a viewer's request goes to the origin (cdn rows 27–29, 58, 63).
//!
//! Two worlds. *Policies*: only what key policy and origin request policy name, and a body's own description.
//! *Legacy* settings: every header but a list of removed ones, and whatever is named.

use serde::Deserialize;

use crate::encoding::Accepted;
use crate::fields::Fields;
use crate::head::{Framing, Method, RequestHead};
use crate::hop;
use crate::key::{self, KeyPolicy, Mode, SIGNING, Selection, name_of};
use crate::profile::TtlBounds;

/// Which headers an origin request policy takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderMode {
    /// None beyond the key's.
    #[default]
    None,
    /// Those listed.
    List,
    /// All the viewer sent.
    AllViewer,
    /// All the viewer sent, and the listed `CloudFront-*` ones.
    AllViewerAnd,
    /// All the viewer sent but those listed.
    AllExcept,
}

/// A choice among headers. Names compare without case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderSelection {
    /// The kind of choice.
    pub mode: HeaderMode,
    /// Its names.
    #[serde(default)]
    pub names: Vec<String>,
}

impl HeaderSelection {
    fn lists(&self, name: &[u8]) -> bool {
        self.names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Is this header taken? `CloudFront-*` ones only where they are listed: a viewer's own do not count.
    pub fn takes(&self, name: &[u8]) -> bool {
        let generated = starts_with(name, b"cloudfront-");
        match self.mode {
            HeaderMode::None => false,
            HeaderMode::List => self.lists(name),
            HeaderMode::AllViewer => !generated,
            HeaderMode::AllViewerAnd => !generated || self.lists(name),
            HeaderMode::AllExcept => !generated && !self.lists(name),
        }
    }

    /// Everything is taken, `Host` and `Authorization` too.
    fn takes_all(&self) -> bool {
        matches!(self.mode, HeaderMode::AllViewer | HeaderMode::AllViewerAnd)
    }
}

/// What goes to the origin beside the key's own parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForwardPolicy {
    /// Query parameters.
    pub query: Selection,
    /// Cookies.
    pub cookies: Selection,
    /// Headers.
    pub headers: HeaderSelection,
    /// The settings before policies: headers go by default, and cookie names may hold wildcards.
    pub legacy: bool,
}

impl ForwardPolicy {
    /// Cookies reach the origin at all; where they do not, its `Set-Cookie` is removed (cdn row 27).
    pub fn forwards_cookies(&self, key: &KeyPolicy) -> bool {
        self.cookies.mode != Mode::None || key.cookies.mode != Mode::None
    }

    /// A stale answer may be renewed by its validators: not under legacy settings that forward cookies (cdn row 39).
    pub fn renews_by_validators(&self, key: &KeyPolicy) -> bool {
        !(self.legacy && self.forwards_cookies(key))
    }

    /// Equal requests may wait for one answer: not where nothing is kept or cookies are forwarded (cdn row 52). That
    /// an answer turned out not to be kept is known only later, and then waiters are let go.
    pub fn collapses(&self, key: &KeyPolicy, ttl: &TtlBounds) -> bool {
        ttl.max_s > 0 && !self.forwards_cookies(key)
    }

    /// `Vary` keeps this name on its way to the viewer (cdn row 40); for [`crate::vary::retain`].
    pub fn keeps_vary(&self, key: &KeyPolicy, name: &[u8]) -> bool {
        const DEVICES: [&[u8]; 4] = [
            b"cloudfront-is-desktop-viewer",
            b"cloudfront-is-mobile-viewer",
            b"cloudfront-is-smarttv-viewer",
            b"cloudfront-is-tablet-viewer",
        ];
        let named = |name: &[u8]| key.names_header(name) || self.headers.takes(name);
        match name {
            b"accept-encoding" | b"cookie" => true,
            b"user-agent" => named(name) || DEVICES.iter().any(|device| named(device)),
            _ => named(name),
        }
    }
}

/// Header lines removed under legacy settings unless they are named (cdn row 63).
const LEGACY_REMOVED: [&[u8]; 6] =
    [b"accept", b"accept-charset", b"accept-language", b"referer", b"x-forwarded-proto", b"x-real-ip"];

/// The address chain, and what asks for a part: these always go, or the viewer could not use the answer.
const ALWAYS: [&[u8]; 4] = [b"x-forwarded-for", b"range", b"if-range", b"via"];

/// A body's own description goes with it. Where a request that reads has none, the description means nothing, and what
/// the origin makes of it all the same would be kept for those who sent none.
const OF_BODY: [&[u8]; 4] = [b"content-type", b"content-encoding", b"content-language", b"content-length"];

/// The query to send; `None` = no `?` at all. Parts keep their order; the key's parts and the policy's are united.
pub fn forward_query(policy: &ForwardPolicy, key: &KeyPolicy, query: Option<&[u8]>) -> Option<Vec<u8>> {
    let query = query?;
    if !key.signed && (policy.query.mode == Mode::All || key.query.mode == Mode::All) {
        return Some(query.to_vec());
    }
    let goes = |pair: &[u8]| {
        let name = name_of(pair);
        !(key.signed && SIGNING.contains(&name))
            && (key::takes_pair(key, pair) || policy.query.takes(name, false))
    };
    let pairs: Vec<&[u8]> = key::query_pairs(query).filter(|pair| goes(pair)).collect();
    if pairs.is_empty() { None } else { Some(pairs.join(&b'&')) }
}

/// The `Cookie` value to send, sorted by name (cdn row 27); `None` = no such field.
pub fn forward_cookies(policy: &ForwardPolicy, key: &KeyPolicy, fields: &Fields) -> Option<Vec<u8>> {
    if !policy.forwards_cookies(key) {
        return None;
    }
    let wild = policy.legacy || key.legacy;
    let mut crumbs: Vec<&[u8]> = key::cookies(fields)
        .filter(|crumb| policy.cookies.takes(name_of(crumb), wild) || key.cookies.takes(name_of(crumb), wild))
        .collect();
    crumbs.sort_by_key(|&crumb| name_of(crumb));
    if crumbs.is_empty() { None } else { Some(crumbs.join(&b"; "[..])) }
}

/// The header lines to send, in the viewer's order, with `Host` first.
///
/// `origin_host` is sent as `Host` unless a policy takes the viewer's. `agent` replaces `User-Agent` unless a policy
/// takes the viewer's. Hop-by-hop fields, `Expect`, `Proxy-*` and `X-Edge-*` never go. What the engine adds of its
/// own (`Via`, `X-Forwarded-For`, `X-Amz-Cf-Id`, conditions for a stored answer) comes after this.
pub fn forward_fields(
    policy: &ForwardPolicy,
    key: &KeyPolicy,
    request: &RequestHead,
    origin_host: &[u8],
    agent: &[u8],
) -> Fields {
    let named = |name: &[u8]| key.names_header(name) || policy.headers.takes(name);
    let mut sent = Fields::new();
    sent.push(b"Host", if named(b"host") { &request.authority } else { origin_host });
    let replaces_agent = !named(b"user-agent");
    for (name, value) in request.fields.iter() {
        let placed = name.eq_ignore_ascii_case(b"host") || name.eq_ignore_ascii_case(b"cookie");
        if placed || is_never_sent(name) || hop::is_hop(name, &request.fields) {
            continue;
        }
        if name.eq_ignore_ascii_case(b"accept-encoding") && key.normalises_encoding() {
            continue;
        }
        if name.eq_ignore_ascii_case(b"user-agent") && replaces_agent {
            continue;
        }
        if goes(policy, key, request, name) {
            sent.push(name, value);
        }
    }
    if replaces_agent {
        sent.push(b"User-Agent", agent);
    }
    if key.normalises_encoding()
        && let Some(taken) = Accepted::asked(request, key.br, key.gzip)
    {
        sent.push(b"Accept-Encoding", taken.normal().as_bytes());
    }
    if let Some(cookie) = forward_cookies(policy, key, &request.fields) {
        sent.push(b"Cookie", &cookie);
    }
    sent
}

fn goes(policy: &ForwardPolicy, key: &KeyPolicy, request: &RequestHead, name: &[u8]) -> bool {
    let reads = matches!(request.method, Method::Get | Method::Head | Method::Options);
    let named = key.names_header(name) || policy.headers.takes(name);
    if name.eq_ignore_ascii_case(b"authorization") {
        // on a GET only as part of the key, or where everything goes: an answer to it could be kept for others
        let reads = matches!(request.method, Method::Get | Method::Head);
        return key.names_header(name) || policy.headers.takes_all() || (!reads && (named || policy.legacy));
    }
    if named || is_one_of(name, &ALWAYS) {
        return true;
    }
    let has_body = !matches!(request.framing, Framing::None | Framing::Length(0));
    if is_one_of(name, &OF_BODY) && (has_body || !reads) {
        return true;
    }
    policy.legacy && !starts_with(name, b"cloudfront-") && !is_one_of(name, &LEGACY_REMOVED)
}

fn is_never_sent(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"expect") || starts_with(name, b"proxy-") || starts_with(name, b"x-edge-")
}

fn is_one_of(name: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn starts_with(name: &[u8], start: &[u8]) -> bool {
    name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Known;
    use crate::head::Version;

    fn chosen(mode: Mode, names: &[&str]) -> Selection {
        Selection { mode, names: names.iter().map(|n| (*n).to_owned()).collect() }
    }

    fn headers(mode: HeaderMode, names: &[&str]) -> ForwardPolicy {
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        ForwardPolicy { headers: HeaderSelection { mode, names }, ..ForwardPolicy::default() }
    }

    /// Of a request with a body of two bytes.
    fn sent(policy: &ForwardPolicy, key: &KeyPolicy, method: Method, lines: &[(&str, &str)]) -> Vec<String> {
        sent_with(Framing::Length(2), policy, key, method, lines)
    }

    fn sent_with(
        framing: Framing,
        policy: &ForwardPolicy,
        key: &KeyPolicy,
        method: Method,
        lines: &[(&str, &str)],
    ) -> Vec<String> {
        let request = RequestHead {
            method,
            framing,
            authority: b"shop.example".to_vec(),
            fields: lines.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect(),
            ..RequestHead::default()
        };
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let fields = forward_fields(policy, key, &request, b"origin.example", b"Amazon CloudFront");
        fields.iter().map(|(n, v)| format!("{}: {}", text(n), text(v))).collect()
    }

    const BROWSER: &[(&str, &str)] = &[
        ("Host", "shop.example"),
        ("User-Agent", "Firefox"),
        ("Accept", "*/*"),
        ("X-AB-Variant", "b"),
        ("Authorization", "x"),
        ("Cookie", "b=2; a=1"),
        ("Accept-Encoding", "gzip, br"),
        ("Connection", "x-hop"),
        ("X-Hop", "1"),
        ("Expect", "100-continue"),
        ("X-Edge-Location", "x"),
        ("CloudFront-Viewer-Country", "DE"),
        ("Content-Type", "text/plain"),
    ];

    #[test]
    fn policies_send_what_they_name() {
        let key = KeyPolicy { gzip: true, ..KeyPolicy::default() };
        let base = [
            "Host: origin.example",
            "Content-Type: text/plain",
            "User-Agent: Amazon CloudFront",
            "Accept-Encoding: gzip",
        ];
        assert_eq!(sent(&ForwardPolicy::default(), &key, Method::Get, BROWSER), base);
        let list = headers(HeaderMode::List, &["x-ab-variant", "CloudFront-Viewer-Country", "Authorization"]);
        assert_eq!(
            sent(&list, &KeyPolicy::default(), Method::Get, BROWSER),
            [
                "Host: origin.example",
                "X-AB-Variant: b",
                "CloudFront-Viewer-Country: DE",
                "Content-Type: text/plain",
                "User-Agent: Amazon CloudFront",
            ]
        );
        let authorised = KeyPolicy { headers: vec!["authorization".into()], ..KeyPolicy::default() };
        assert!(sent(&list, &authorised, Method::Get, BROWSER).contains(&"Authorization: x".to_owned()));
        assert!(
            sent(&list, &KeyPolicy::default(), Method::Post, BROWSER)
                .contains(&"Authorization: x".to_owned())
        );
    }

    #[test]
    fn what_describes_a_body_goes_with_one() {
        let lines = [("Content-Type", "a/b"), ("Content-Encoding", "x"), ("Content-Language", "y")];
        let (none, named) = (ForwardPolicy::default(), headers(HeaderMode::List, &["content-type"]));
        let legacy = ForwardPolicy { legacy: true, ..ForwardPolicy::default() };
        let count = |framing, policy: &ForwardPolicy, method| {
            let all = sent_with(framing, policy, &KeyPolicy::default(), method, &lines);
            all.iter().filter(|line| line.starts_with("Content-")).count()
        };
        for method in [Method::Get, Method::Head, Method::Options] {
            assert_eq!(count(Framing::None, &none, method), 0);
            assert_eq!(count(Framing::Length(0), &none, method), 0);
            assert_eq!(count(Framing::Chunked, &none, method), 3);
            assert_eq!(count(Framing::None, &named, method), 1);
            assert_eq!(
                count(Framing::None, &legacy, method),
                3,
                "legacy settings send what is not named (row 63)"
            );
        }
        assert_eq!(count(Framing::None, &none, Method::Post), 3);
    }

    #[test]
    fn all_viewer_sends_the_viewers_own() {
        let all = sent(&headers(HeaderMode::AllViewer, &[]), &KeyPolicy::default(), Method::Get, BROWSER);
        assert_eq!(
            all,
            [
                "Host: shop.example",
                "User-Agent: Firefox",
                "Accept: */*",
                "X-AB-Variant: b",
                "Authorization: x",
                "Accept-Encoding: gzip, br",
                "Content-Type: text/plain",
            ]
        );
        let except =
            sent(&headers(HeaderMode::AllExcept, &["host"]), &KeyPolicy::default(), Method::Get, BROWSER);
        assert_eq!(except[0], "Host: origin.example"); // AllViewerExceptHostHeader
        assert!(except.contains(&"User-Agent: Firefox".to_owned()));
        let and = headers(HeaderMode::AllViewerAnd, &["CloudFront-Viewer-Country"]);
        assert!(
            sent(&and, &KeyPolicy::default(), Method::Get, BROWSER)
                .contains(&"CloudFront-Viewer-Country: DE".to_owned())
        );
    }

    #[test]
    fn legacy_sends_all_but_a_list() {
        let legacy =
            ForwardPolicy { legacy: true, cookies: chosen(Mode::List, &["a*"]), ..ForwardPolicy::default() };
        assert_eq!(
            sent(&legacy, &KeyPolicy::default(), Method::Get, BROWSER),
            [
                "Host: origin.example",
                "X-AB-Variant: b",
                "Accept-Encoding: gzip, br",
                "Content-Type: text/plain",
                "User-Agent: Amazon CloudFront",
                "Cookie: a=1",
            ]
        ); // row 63
    }

    #[test]
    fn encodings_are_normalised() {
        let key = KeyPolicy { gzip: true, br: true, ..KeyPolicy::default() };
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let rows: &[Row<'_>] = &[
            (&[("Accept-Encoding", "br, gzip, deflate")], Some("Accept-Encoding: br,gzip")), // row 28
            (&[("Accept-Encoding", "deflate")], Some("Accept-Encoding: identity")),
            (&[], None),
        ];
        for (lines, expected) in rows {
            let found = sent(&ForwardPolicy::default(), &key, Method::Get, lines);
            assert_eq!(found.iter().find(|l| l.starts_with("Accept-E")).map(String::as_str), *expected);
        }
    }

    #[test]
    fn old_viewers_ask_for_no_coding() {
        let key = KeyPolicy { gzip: true, ..KeyPolicy::default() };
        let mut request = RequestHead {
            version: Version::Http10,
            fields: [(&b"Accept-Encoding"[..], &b"gzip"[..])].into_iter().collect(),
            ..RequestHead::default()
        };
        let asks = |request: &RequestHead| {
            forward_fields(&ForwardPolicy::default(), &key, request, b"o", b"a").has(Known::AcceptEncoding)
        };
        assert!(!asks(&request)); // row 50
        request.version = Version::Http11;
        assert!(asks(&request));
    }

    #[test]
    fn queries_and_cookies_are_united_with_the_key() {
        let key = KeyPolicy {
            query: chosen(Mode::List, &["a"]),
            cookies: chosen(Mode::List, &["k"]),
            ..KeyPolicy::default()
        };
        let block = ForwardPolicy {
            query: chosen(Mode::AllExcept, &["a", "utm"]),
            cookies: chosen(Mode::AllExcept, &["k", "t"]),
            ..ForwardPolicy::default()
        };
        let query = |policy: &ForwardPolicy, key: &KeyPolicy, text: &str| {
            forward_query(policy, key, Some(text.as_bytes())).map(|q| String::from_utf8(q).unwrap())
        };
        assert_eq!(query(&block, &key, "utm=1&a=2&z=3"), Some("a=2&z=3".into())); // row 29: the key wins over a block list
        assert_eq!(query(&ForwardPolicy::default(), &key, "z=1&a=2&a=3"), Some("a=2&a=3".into()));
        assert_eq!(query(&ForwardPolicy::default(), &KeyPolicy::default(), "z=1"), None);
        let all = ForwardPolicy { query: Selection::all(), ..ForwardPolicy::default() };
        assert_eq!(query(&all, &KeyPolicy::default(), ""), Some(String::new()));
        let signed = KeyPolicy { signed: true, ..KeyPolicy::default() };
        assert_eq!(query(&all, &signed, "a=1&Signature=s&Expires=2"), Some("a=1".into())); // row 58
        let jar: Fields =
            [(&b"Cookie"[..], &b"z=1; t=2"[..]), (b"Cookie", b"k=3; b=4")].into_iter().collect();
        assert_eq!(forward_cookies(&block, &key, &jar), Some(b"b=4; k=3; z=1".to_vec())); // row 27: sorted
        assert_eq!(forward_cookies(&ForwardPolicy::default(), &KeyPolicy::default(), &jar), None);
    }

    #[test]
    fn what_follows_from_what_is_forwarded() {
        let (key, ttl) = (KeyPolicy::default(), TtlBounds::default());
        let cookies =
            |legacy| ForwardPolicy { cookies: Selection::all(), legacy, ..ForwardPolicy::default() };
        assert!(cookies(false).renews_by_validators(&key) && !cookies(true).renews_by_validators(&key)); // row 39
        assert!(ForwardPolicy::default().collapses(&key, &ttl) && !cookies(false).collapses(&key, &ttl)); // row 52
        assert!(!ForwardPolicy::default().collapses(&key, &TtlBounds { max_s: 0, ..ttl }));
        let device = headers(HeaderMode::List, &["CloudFront-Is-Mobile-Viewer", "X-Kept"]);
        let rows: &[(&[u8], bool, bool)] = &[
            // name, with the device policy, with none (row 40)
            (b"accept-encoding", true, true),
            (b"cookie", true, true),
            (b"x-kept", true, false),
            (b"user-agent", true, false),
            (b"origin", false, false),
        ];
        for (name, with, without) in rows {
            let found = (device.keeps_vary(&key, name), ForwardPolicy::default().keeps_vary(&key, name));
            assert_eq!(found, (*with, *without), "{}", String::from_utf8_lossy(name));
        }
    }
}
