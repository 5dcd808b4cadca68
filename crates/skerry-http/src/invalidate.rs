//! What a successful unsafe request makes stale (RFC 9111 4.4), and how `Location` values resolve (RFC 3986 5.2).

use crate::fields::Fields;
use crate::head::Method;

/// Path-and-query targets on this authority to be invalidated after an answer of that status: the request's own,
/// and what `Location` and `Content-Location` name on the same host. Empty for safe methods and for errors.
pub fn invalidates(
    method: Method,
    status: u16,
    target: &[u8],
    authority: &[u8],
    answer: &Fields,
) -> Vec<Vec<u8>> {
    if method.is_safe() || !(200..400).contains(&status) {
        return Vec::new();
    }
    let mut targets = vec![target.to_vec()];
    for name in [&b"location"[..], b"content-location"] {
        if let Some(named) = answer.get(name).and_then(|value| resolve(value, target, authority))
            && !targets.contains(&named)
        {
            targets.push(named);
        }
    }
    targets
}

/// The path and query that a URI reference means, seen from `target`; `None` when it leaves `authority`.
pub fn resolve(reference: &[u8], target: &[u8], authority: &[u8]) -> Option<Vec<u8>> {
    let reference = until(reference, |b| b == b'#');
    let scheme = until(reference, |b| b == b':');
    let has_scheme = scheme.len() < reference.len()
        && scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let rest = if has_scheme {
        if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
            return None;
        }
        &reference[scheme.len() + 1..]
    } else {
        reference
    };
    if let Some(after) = rest.strip_prefix(b"//") {
        let host = until(after, |b| matches!(b, b'/' | b'?'));
        let path = &after[host.len()..];
        if !host.eq_ignore_ascii_case(authority) {
            return None;
        }
        return Some(if path.starts_with(b"/") { without_dots(path) } else { [b"/", path].concat() });
    }
    let base_path = until(target, |b| b == b'?');
    match rest.first() {
        _ if has_scheme => None, // `http:a` has no host
        None => Some(target.to_vec()),
        Some(b'/') => Some(without_dots(rest)),
        Some(b'?') => Some([base_path, rest].concat()),
        Some(_) => {
            let folder = base_path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
            Some(without_dots(&[&base_path[..folder], rest].concat()))
        }
    }
}

fn until(text: &[u8], ends: impl Fn(u8) -> bool) -> &[u8] {
    &text[..text.iter().position(|b| ends(*b)).unwrap_or(text.len())]
}

/// Remove `.` and `..` segments of the path (RFC 3986 5.2.4); the query stays as it is.
fn without_dots(target: &[u8]) -> Vec<u8> {
    let path = until(target, |b| b == b'?');
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|b| *b == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." if !last => {}
            b".." => {
                kept.pop();
                if last {
                    kept.push(b"");
                }
            }
            b"." => kept.push(b""),
            _ => kept.push(segment),
        }
    }
    let mut out = Vec::with_capacity(target.len());
    for segment in &kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if out.is_empty() {
        out.push(b'/');
    }
    out.extend_from_slice(&target[path.len()..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn references_resolve_as_in_rfc_3986_5_4() {
        let rows: &[(&str, Option<&str>)] = &[
            ("g", Some("/b/c/g")),
            ("./g", Some("/b/c/g")),
            ("g/", Some("/b/c/g/")),
            ("/g", Some("/g")),
            ("?y", Some("/b/c/d;p?y")),
            ("g?y#s", Some("/b/c/g?y")),
            ("", Some("/b/c/d;p?q")),
            (".", Some("/b/c/")),
            ("..", Some("/b/")),
            ("../g", Some("/b/g")),
            ("../../../g", Some("/g")),
            ("/./g", Some("/g")),
            ("g;x=1/../y", Some("/b/c/y")),
            ("//shop.example/g", Some("/g")),
            ("//other.example/g", None),
            ("http://SHOP.example", Some("/")),
            ("https://shop.example?x", Some("/?x")),
            ("http://shop.example:81/g", None),
            ("mailto:a@b", None),
            ("http:g", None),
        ];
        for (reference, expected) in rows {
            let found = resolve(reference.as_bytes(), b"/b/c/d;p?q", b"shop.example");
            assert_eq!(
                found.as_deref().map(String::from_utf8_lossy),
                expected.map(Into::into),
                "{reference}"
            );
        }
    }

    #[test]
    fn unsafe_and_successful_requests_invalidate() {
        let moved: Fields =
            [(&b"Location"[..], &b"/new"[..]), (b"Content-Location", b"//other/x")].into_iter().collect();
        let rows: &[(Method, u16, &[&[u8]])] = &[
            (Method::Post, 200, &[b"/a", b"/new"]), // invalidate-POST, -location
            (Method::Put, 303, &[b"/a", b"/new"]),
            (Method::Other, 200, &[b"/a", b"/new"]), // invalidate-M-SEARCH
            (Method::Delete, 500, &[]),              // invalidate-DELETE-failed
            (Method::Get, 200, &[]),
        ];
        for (method, status, expected) in rows {
            assert_eq!(
                invalidates(*method, *status, b"/a", b"shop.example", &moved),
                *expected,
                "{method:?} {status}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_resolves_is_a_path(reference in proptest::collection::vec(any::<u8>(), 0..30), path in "/[a-z/.?]{0,10}") {
            if let Some(found) = resolve(&reference, path.as_bytes(), b"h") {
                prop_assert!(found.starts_with(b"/"));
            }
        }
    }
}
