//! Rows of the key, and the law that no two lists of parts write the same bytes.

use super::*;
use crate::head::Version;
use proptest::prelude::*;

fn request(target: &str, lines: &[(&str, &str)]) -> RequestHead {
    RequestHead {
        method_text: b"GET".to_vec(),
        target: target.as_bytes().to_vec(),
        authority: b"Shop.Example".to_vec(),
        fields: lines.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect(),
        ..RequestHead::default()
    }
}

fn key(policy: &KeyPolicy, request: &RequestHead) -> Vec<u8> {
    let mut out = b"left over".to_vec();
    Keyer::new(b"space", b"origin", policy.clone()).write(request, &mut out);
    out
}

fn chosen(mode: Mode, names: &[&str]) -> Selection {
    Selection { mode, names: names.iter().map(|n| (*n).to_owned()).collect() }
}

/// Rows of (target, lines): do both have one key under that policy?
fn same(policy: &KeyPolicy, a: (&str, &[(&str, &str)]), b: (&str, &[(&str, &str)])) -> bool {
    key(policy, &request(a.0, a.1)) == key(policy, &request(b.0, b.1))
}

#[test]
fn queries() {
    let (none, all) = (KeyPolicy::default(), KeyPolicy { query: Selection::all(), ..KeyPolicy::default() });
    let some = KeyPolicy { query: chosen(Mode::List, &["a", "b"]), ..KeyPolicy::default() };
    let most = KeyPolicy { query: chosen(Mode::AllExcept, &["utm"]), ..KeyPolicy::default() };
    let rows: &[(&KeyPolicy, &str, &str, bool)] = &[
        (&none, "/x", "/x?a=1", true), // row 25
        (&none, "/x", "/X", false),
        (&none, "/a/%2e%2e/p", "/p", false),       // raw, never decoded
        (&all, "/x?a=1&b=2", "/x?b=2&a=1", false), // row 26: order counts
        (&all, "/x?a=1", "/x?A=1", false),         // row 26: case counts
        (&all, "/x", "/x?", false),
        (&all, "/x?a;b", "/x?a&b", false),
        (&some, "/x?a=1&z=9", "/x?a=1", true),
        (&some, "/x?a=1", "/x?a=2", false),
        (&some, "/x?a=1&b=2", "/x?b=2&a=1", false),
        (&some, "/x?A=1", "/x", true),
        (&some, "/x?z=1;a=2", "/x", true), // row 26: `;` does not delimit
        (&most, "/x?utm=1&a=2", "/x?a=2", true),
        (&most, "/x?a=1", "/x?a=2", false),
    ];
    for (policy, a, b, expected) in rows {
        assert_eq!(same(policy, (a, &[]), (b, &[])), *expected, "{policy:?} {a} {b}");
    }
}

#[test]
fn signatures_are_left_out() {
    let signed = KeyPolicy { query: Selection::all(), signed: true, ..KeyPolicy::default() };
    let with = "/x?a=1&Expires=9&Signature=s&Key-Pair-Id=k&Policy=p";
    assert!(same(&signed, (with, &[]), ("/x?a=1", &[]))); // row 58
    let plain = KeyPolicy { signed: false, ..signed };
    assert!(!same(&plain, (with, &[]), ("/x?a=1", &[])));
}

#[test]
fn cookies_headers_and_hosts() {
    let legacy = KeyPolicy { cookies: chosen(Mode::List, &["id*"]), legacy: true, ..KeyPolicy::default() };
    let exact = KeyPolicy { legacy: false, ..legacy.clone() };
    let all = KeyPolicy { cookies: Selection::all(), ..KeyPolicy::default() };
    let header = KeyPolicy { headers: vec!["X-Device".into()], ..KeyPolicy::default() };
    let host = KeyPolicy { headers: vec!["Host".into()], ..KeyPolicy::default() };
    let one = |value: &'static str| -> (&'static str, Vec<(&'static str, &'static str)>) {
        ("/", vec![("Cookie", value)])
    };
    let rows: &[(&KeyPolicy, &str, &str, bool)] = &[
        (&legacy, "id1=a", "id1=b", false), // row 27: legacy wildcards
        (&legacy, "x=a", "x=b", true),
        (&exact, "id1=a", "id1=b", true),
        (&all, "a=1; b=2", "b=2;a=1", true), // row 27: sorted by name
        (&all, "a=1; a=2", "a=2; a=1", false),
        (&all, "a=1", "A=1", false),
        (&KeyPolicy::default(), "a=1", "a=2", true),
    ];
    for (policy, a, b, expected) in rows {
        let (a, b) = (one(a), one(b));
        assert_eq!(same(policy, (a.0, &a.1), (b.0, &b.1)), *expected, "{a:?} {b:?}");
    }
    assert!(!same(&header, ("/", &[("x-device", "a")]), ("/", &[("X-Device", "b")])));
    assert!(!same(&header, ("/", &[("x-device", "")]), ("/", &[])));
    assert!(same(&header, ("/", &[("other", "a")]), ("/", &[("other", "b")])));
    let mut other = request("/", &[]);
    other.authority = b"shop.example".to_vec();
    assert_eq!(key(&host, &other), key(&host, &request("/", &[])), "letter case of a host does not count");
    other.authority = b"evil.example".to_vec();
    assert_ne!(key(&host, &other), key(&host, &request("/", &[])));
    assert_eq!(
        key(&header, &other),
        key(&header, &request("/", &[])),
        "row 25: the space stands for the host"
    );
}

#[test]
fn encodings_and_methods() {
    let both = KeyPolicy { gzip: true, br: true, ..KeyPolicy::default() };
    let gzip = KeyPolicy { br: false, ..both.clone() };
    let listed = KeyPolicy { headers: vec!["accept-encoding".into()], ..both.clone() };
    let rows: &[(&KeyPolicy, &str, &str, bool)] = &[
        (&both, "gzip, deflate, br", "br;q=1.0,gzip", true), // row 28
        (&both, "gzip", "br", false),
        (&gzip, "gzip, br", "gzip", true),
        (&listed, "gzip, br", "br, gzip", false),
        (&KeyPolicy::default(), "gzip", "br", true),
    ];
    for (policy, a, b, expected) in rows {
        let (a, b) = ([("Accept-Encoding", *a)], [("Accept-Encoding", *b)]);
        assert_eq!(same(policy, ("/", &a), ("/", &b)), *expected, "{policy:?} {a:?} {b:?}");
    }
    let zipped = request("/", &[("Accept-Encoding", "gzip")]);
    let old = RequestHead { version: Version::Http10, ..zipped.clone() };
    assert_ne!(key(&both, &old), key(&both, &zipped)); // row 50: HTTP/1.0 gets the plain body
    assert_eq!(key(&both, &old), key(&both, &request("/", &[])));
    let (get, mut other) = (request("/", &[]), request("/", &[]));
    (other.method, other.method_text) = (Method::Head, b"HEAD".to_vec());
    assert_eq!(key(&both, &other), key(&both, &get));
    (other.method, other.method_text) = (Method::Options, b"OPTIONS".to_vec());
    assert_ne!(key(&both, &other), key(&both, &get)); // row 5
}

#[test]
fn spaces_origins_and_policies_keep_apart() {
    let write = |space: &[u8], origin: &[u8], policy: &KeyPolicy| {
        let mut out = Vec::new();
        Keyer::new(space, origin, policy.clone()).write(&request("/", &[]), &mut out);
        out
    };
    let plain = KeyPolicy::default();
    assert_ne!(write(b"ab", b"c", &plain), write(b"a", b"bc", &plain));
    assert_ne!(write(b"a", b"b", &plain), write(b"a", b"b", &KeyPolicy { br: true, ..plain.clone() }));
    let order = |names: &[&str]| KeyPolicy { query: chosen(Mode::List, names), ..KeyPolicy::default() };
    assert_eq!(order(&["a", "b"]).fingerprint(), order(&["b", "a"]).fingerprint());
    assert_ne!(order(&["ab"]).fingerprint(), order(&["a", "b"]).fingerprint());
}

#[test]
fn policies_are_read_from_the_snapshot() {
    let text =
        "gzip = true\nheaders = [\"X-Device\"]\nquery = { mode = \"all_except\", names = [\"utm\"] }\n";
    let policy: KeyPolicy = toml::from_str(text).unwrap();
    assert_eq!(policy.query, chosen(Mode::AllExcept, &["utm"]));
    assert!(policy.gzip && !policy.br && policy.cookies.mode == Mode::None);
    assert!(
        toml::from_str::<KeyPolicy>("gzip = true\nzstd = true\n").is_err(),
        "an unknown word is no silent default"
    );
}

/// What a key of this policy says of a request, read by itself: the model the bytes must tell apart.
fn parts(
    target: &str,
    cookie: &str,
    header: Option<&str>,
) -> (String, Option<String>, Vec<String>, Option<String>) {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let mut crumbs: Vec<String> =
        cookie.split(';').map(|c| c.trim_matches([' ', '\t']).to_owned()).filter(|c| !c.is_empty()).collect();
    crumbs.sort_by_key(|c| c.split('=').next().unwrap_or_default().to_owned());
    (path.to_owned(), query.map(str::to_owned), crumbs, header.map(str::to_owned))
}

proptest! {
    #[test]
    fn different_parts_never_write_the_same_bytes(
        a in ("/[ab?&=]{0,5}", "[ab=; ]{0,5}", proptest::option::of("[ab,]{0,3}")),
        b in ("/[ab?&=]{0,5}", "[ab=; ]{0,5}", proptest::option::of("[ab,]{0,3}")),
    ) {
        let policy = KeyPolicy {
            query: Selection::all(), cookies: Selection::all(), headers: vec!["x".into()], ..KeyPolicy::default()
        };
        let write = |(target, cookie, header): &(String, String, Option<String>)| {
            let mut lines = vec![("Cookie", cookie.as_str())];
            lines.extend(header.as_deref().map(|value| ("x", value)));
            key(&policy, &request(target, &lines))
        };
        let model = |(target, cookie, header): &(String, String, Option<String>)| parts(target, cookie, header.as_deref());
        prop_assert_eq!(write(&a) == write(&b), model(&a) == model(&b));
    }
}
