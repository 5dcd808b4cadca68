//! Validators: how they compare, what a conditional request gets, and which conditions to send upstream.

use crate::date;
use crate::fields::{Fields, Known};
use crate::head::Method;
use crate::list::members;

/// What the preconditions of a request make of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Proceed,
    /// Send 304 instead.
    NotModified,
    /// Send 412 instead.
    PreconditionFailed,
}

/// Who evaluates: `If-Match` and `If-Unmodified-Since` speak to origins alone (RFC 9111 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluator {
    /// A cache with a stored answer.
    Cache,
    /// An origin of our own (a local folder, a function).
    Origin,
}

/// Strip the weakness mark: (is it weak, its opaque tag with quotes).
fn opaque(tag: &[u8]) -> (bool, &[u8]) {
    match tag {
        [b'W', b'/', rest @ ..] => (true, rest),
        _ => (false, tag),
    }
}

/// An entity tag in good form: `"…"` or `W/"…"` (RFC 9110 8.8.3).
pub fn is_etag(tag: &[u8]) -> bool {
    match opaque(tag).1 {
        [b'"', inner @ .., b'"'] => {
            inner.iter().all(|b| *b == 0x21 || (0x23..=0x7e).contains(b) || *b >= 0x80)
        }
        _ => false,
    }
}

/// Strong comparison: equal and neither weak (RFC 9110 8.8.3.2).
pub fn matches_strongly(a: &[u8], b: &[u8]) -> bool {
    a == b && is_etag(a) && !opaque(a).0
}

/// Weak comparison: equal but for the weakness mark.
pub fn matches_weakly(a: &[u8], b: &[u8]) -> bool {
    is_etag(a) && is_etag(b) && opaque(a).1 == opaque(b).1
}

/// Evaluate the preconditions in the order of RFC 9110 13.2.2. `If-Range` is not among them: see [`crate::range`].
///
/// `exists` tells whether there is a representation at all: the answer would be a 2xx. `arrived_s` stands in for
/// `Last-Modified` and `Date` where both are missing (RFC 9111 4.3.2).
pub fn evaluate(
    evaluator: Evaluator,
    method: Method,
    request: &Fields,
    answer: &Fields,
    exists: bool,
    arrived_s: u64,
) -> Verdict {
    let reads = matches!(method, Method::Get | Method::Head);
    if evaluator == Evaluator::Origin && (exists || request.has(Known::IfMatch)) {
        let holds = if request.has(Known::IfMatch) {
            lists_match(request, b"if-match", answer, exists, matches_strongly)
        } else {
            !modified_after(request, Known::IfUnmodifiedSince, answer, arrived_s).unwrap_or(false)
        };
        if !holds {
            return Verdict::PreconditionFailed;
        }
    }
    if request.has(Known::IfNoneMatch) {
        if evaluator == Evaluator::Cache && (!exists || !reads) {
            return Verdict::Proceed;
        }
        return match lists_match(request, b"if-none-match", answer, exists, matches_weakly) {
            false => Verdict::Proceed,
            true if reads => Verdict::NotModified,
            true => Verdict::PreconditionFailed,
        };
    }
    if exists && reads && modified_after(request, Known::IfModifiedSince, answer, arrived_s) == Some(false) {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

fn lists_match(
    request: &Fields,
    name: &[u8],
    answer: &Fields,
    exists: bool,
    same: fn(&[u8], &[u8]) -> bool,
) -> bool {
    let etag = answer.known(Known::Etag);
    request
        .get_all(name)
        .flat_map(members)
        .any(|tag| if tag == b"*" { exists } else { etag.is_some_and(|own| same(tag, own)) })
}

/// Was the answer modified after the date in that field? `None` when the field is absent or no date (then it is ignored).
fn modified_after(request: &Fields, name: Known, answer: &Fields, arrived_s: u64) -> Option<bool> {
    let since = date::parse(request.known(name)?, arrived_s)?;
    let dated = |known| answer.known(known).and_then(|text| date::parse(text, arrived_s));
    let modified = match name {
        // an origin without Last-Modified cannot evaluate If-Unmodified-Since (RFC 9110 13.1.4)
        Known::IfUnmodifiedSince => dated(Known::LastModified)?,
        _ => dated(Known::LastModified).or_else(|| dated(Known::Date)).unwrap_or(arrived_s as i64),
    };
    Some(modified > since)
}

/// The conditions to send when a stored answer is to be renewed (RFC 9111 4.3.1), in place of the viewer's own.
///
/// `origin_etag` is the tag as the origin gave it, not the weakened one we may serve. Tells whether there was a
/// validator; without one the request goes out unconditionally.
pub fn ask_to_renew(request: &mut Fields, origin_etag: Option<&[u8]>, last_modified: Option<&[u8]>) -> bool {
    drop_conditions(request);
    if let Some(tag) = origin_etag {
        request.push(b"If-None-Match", tag);
    }
    if let Some(text) = last_modified {
        request.push(b"If-Modified-Since", text);
    }
    origin_etag.is_some() || last_modified.is_some()
}

/// Remove all five conditions, so that the answer is whole.
pub fn drop_conditions(request: &mut Fields) {
    const NAMES: [&[u8]; 5] =
        [b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range"];
    request.retain(|name, _| !NAMES.iter().any(|n| name.eq_ignore_ascii_case(n)));
}

/// The tag to serve with a compressed body: a strong one becomes weak, an invalid one is dropped (cdn row 51).
pub fn weakened(etag: &[u8]) -> Option<Vec<u8>> {
    if !is_etag(etag) {
        return None;
    }
    Some(if opaque(etag).0 { etag.to_vec() } else { [b"W/", etag].concat() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARRIVED: u64 = 1_795_000_000;

    fn fields(lines: &[&str]) -> Fields {
        let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
        pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
    }

    #[test]
    fn comparison_as_in_the_table_of_rfc_9110_8_8_3_2() {
        let rows: &[(&str, &str, bool, bool)] = &[
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
            ("1", "1", false, false),
        ];
        for (a, b, strongly, weakly) in rows {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            assert_eq!((matches_strongly(a, b), matches_weakly(a, b)), (*strongly, *weakly));
        }
    }

    #[test]
    fn caches_answer_304_by_these_rules() {
        let (old, new) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT");
        let ims = |d: &str| format!("If-Modified-Since: {d}");
        let lm = |d: &str| format!("Last-Modified: {d}");
        let rows: &[(&[&str], &[&str], Verdict)] = &[
            (&["If-None-Match: \"a\""], &["ETag: \"a\""], Verdict::NotModified), // conditional-etag-strong-respond
            (&["If-None-Match: \"1\", \"a\", \"2\""], &["ETag: \"a\""], Verdict::NotModified), // -multiple-second
            (&["If-None-Match: W/\"a\""], &["ETag: W/\"a\""], Verdict::NotModified), // conditional-etag-weak-respond
            (&["If-None-Match: *"], &[], Verdict::NotModified),
            (&["If-None-Match: \"b\""], &["ETag: \"a\""], Verdict::Proceed),
            (&["If-None-Match: a"], &["ETag: \"a\""], Verdict::Proceed),
            (&["If-None-Match: \"a\"", &ims(old)], &["ETag: \"a\"", &lm(new)], Verdict::NotModified), // -etag-precedence
            (&["If-None-Match: \"b\"", &ims(new)], &["ETag: \"a\"", &lm(old)], Verdict::Proceed),
            (&[&ims(old)], &[&lm(old)], Verdict::NotModified), // conditional-lm-fresh
            (&[&ims(new)], &[&lm(old)], Verdict::NotModified), // conditional-lm-fresh-earlier
            (&[&ims(old)], &[&lm(new)], Verdict::Proceed),
            (&["If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"], &[&lm(old)], Verdict::NotModified), // -rfc850
            (&["If-Modified-Since: yesterday"], &[&lm(old)], Verdict::Proceed),
            (&[&ims(new)], &["Date: Sun, 06 Nov 1994 08:49:37 GMT"], Verdict::NotModified),
            (&[&ims(new)], &[], Verdict::Proceed),
            (&["If-Match: \"b\""], &["ETag: \"a\""], Verdict::Proceed),
            (&[], &["ETag: \"a\""], Verdict::Proceed),
        ];
        for (asked, answer, expected) in rows {
            let (asked, answer) = (fields(asked), fields(answer));
            let found = evaluate(Evaluator::Cache, Method::Get, &asked, &answer, true, ARRIVED);
            assert_eq!(found, *expected, "{asked:?}");
        }
        for asked in ["If-None-Match: *".to_owned(), ims(new)] {
            let (asked, answer) = (fields(&[&asked]), fields(&[&lm(old)]));
            let found = evaluate(Evaluator::Cache, Method::Get, &asked, &answer, false, ARRIVED);
            assert_eq!(found, Verdict::Proceed, "an error is never turned into 304");
        }
    }

    #[test]
    fn origins_also_fail_preconditions() {
        let own = fields(&["ETag: \"a\"", "Last-Modified: Mon, 07 Nov 1994 08:49:37 GMT"]);
        let rows: &[(Method, &str, bool, Verdict)] = &[
            (Method::Put, "If-Match: \"b\"", true, Verdict::PreconditionFailed),
            (Method::Put, "If-Match: \"a\"", true, Verdict::Proceed),
            (Method::Put, "If-Match: *", false, Verdict::PreconditionFailed),
            (Method::Put, "If-None-Match: *", true, Verdict::PreconditionFailed),
            (Method::Put, "If-None-Match: *", false, Verdict::Proceed),
            (
                Method::Get,
                "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
                true,
                Verdict::PreconditionFailed,
            ),
            (Method::Get, "If-Unmodified-Since: Tue, 08 Nov 1994 08:49:37 GMT", true, Verdict::Proceed),
        ];
        for (method, asked, exists, expected) in rows {
            let found = evaluate(Evaluator::Origin, *method, &fields(&[asked]), &own, *exists, ARRIVED);
            assert_eq!(found, *expected, "{method:?} {asked} {exists}");
        }
    }

    #[test]
    fn renewing_replaces_the_viewers_conditions() {
        let mut request = fields(&["Host: a", "If-Match: \"x\"", "If-Range: \"x\"", "If-None-Match: \"x\""]);
        assert!(ask_to_renew(&mut request, Some(b"\"own\""), Some(b"then")));
        let left: Vec<_> = request.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        assert_eq!(left.len(), 3);
        assert_eq!(left[1], (b"If-None-Match".to_vec(), b"\"own\"".to_vec()));
        assert_eq!(left[2], (b"If-Modified-Since".to_vec(), b"then".to_vec()));
        assert!(!ask_to_renew(&mut request, None, None));
    }

    #[test]
    fn compressed_bodies_get_weak_tags() {
        assert_eq!(weakened(b"\"a\""), Some(b"W/\"a\"".to_vec()));
        assert_eq!(weakened(b"W/\"a\""), Some(b"W/\"a\"".to_vec()));
        assert_eq!(weakened(b"a"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..50)) {
            let asked: Fields =
                [(&b"if-none-match"[..], &text[..]), (b"if-match", &text), (b"etag", &text)].into_iter().collect();
            let _ = evaluate(Evaluator::Origin, Method::Get, &asked, &asked, true, ARRIVED);
            let _ = weakened(&text);
        }
    }
}
