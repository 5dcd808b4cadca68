//! `Vary`: which request fields choose among the answers of one key (RFC 9111 4.1).

use crate::fields::{Fields, Known};
use crate::list::{is_ows, members, split, trim};

/// What `Vary` says, all lines together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vary {
    /// Absent or empty: every request matches.
    None,
    /// `*` somewhere: none does.
    Star,
    /// Names, lower-case, sorted, each once.
    Names(Vec<Vec<u8>>),
}

/// Read `Vary` of an answer.
pub fn parse(answer: &Fields) -> Vary {
    if !answer.has(Known::Vary) {
        return Vary::None;
    }
    let mut names: Vec<Vec<u8>> =
        answer.get_all(b"vary").flat_map(members).map(<[u8]>::to_ascii_lowercase).collect();
    if names.iter().any(|name| name == b"*") {
        return Vary::Star;
    }
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { Vary::None } else { Vary::Names(names) }
}

/// Append the bytes that tell this request's variant from others, for these names (as [`parse`] gives them).
///
/// Each name adds whether the field is there, and its normal form with its length, so that no two different requests
/// write the same bytes. `sent_encoding` stands in for `Accept-Encoding` where we send a normalised one upstream.
pub fn write_variant(names: &[Vec<u8>], request: &Fields, sent_encoding: Option<&[u8]>, out: &mut Vec<u8>) {
    for name in names {
        let normal = match sent_encoding {
            Some(sent) if name == b"accept-encoding" => Some(sent.to_vec()),
            _ => normal_form(name, request),
        };
        match normal {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                out.extend_from_slice(&(value.len() as u32).to_le_bytes());
                out.extend_from_slice(&value);
            }
        }
    }
}

/// Would this request get the answer that `kept` chose for?
pub fn matches(names: &[Vec<u8>], kept: &Fields, request: &Fields) -> bool {
    names.iter().all(|name| normal_form(name, kept) == normal_form(name, request))
}

/// The value with lines combined and white space around commas gone (RFC 9111 4.1); languages and encodings also
/// without letter case, in the order of their weights and, among equals, of their names: equal weights say no order
/// (RFC 9110 12.5.4).
fn normal_form(name: &[u8], request: &Fields) -> Option<Vec<u8>> {
    let joined = request.joined(name)?;
    if name != b"accept-language" && name != b"accept-encoding" {
        let parts: Vec<&[u8]> = members(&joined).collect();
        return Some(parts.join(&b','));
    }
    let mut weighed: Vec<(u16, Vec<u8>)> = members(&joined).map(weigh).collect();
    weighed.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut out = Vec::with_capacity(joined.len());
    for (weight, tag) in weighed {
        out.extend_from_slice(&tag);
        out.push(b';');
        out.extend_from_slice(weight.to_string().as_bytes());
        out.push(b',');
    }
    Some(out)
}

fn weigh(member: &[u8]) -> (u16, Vec<u8>) {
    let mut parts = split(member, b';');
    let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
    (parts.find_map(weight).unwrap_or(1000), tag)
}

/// Thousandths of `q=…`; `None` for another parameter or a weight out of form (RFC 9110 12.4.2).
pub(crate) fn weight(parameter: &[u8]) -> Option<u16> {
    let at = memchr::memchr(b'=', parameter)?;
    if !trim(&parameter[..at]).eq_ignore_ascii_case(b"q") {
        return None;
    }
    let text: Vec<u8> = parameter[at + 1..].iter().copied().filter(|b| !is_ows(*b)).collect();
    let (whole, fraction): (&[u8], &[u8]) = match text.as_slice() {
        [whole @ (b'0' | b'1')] | [whole @ (b'0' | b'1'), b'.'] => (std::slice::from_ref(whole), &[]),
        [whole @ (b'0' | b'1'), b'.', rest @ ..] if rest.len() <= 3 => (std::slice::from_ref(whole), rest),
        _ => return None,
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut thousandths = u16::from(whole[0] - b'0');
    for place in 0..3 {
        thousandths = thousandths * 10 + fraction.get(place).map_or(0, |d| u16::from(d - b'0'));
    }
    Some(thousandths.min(1000))
}

/// `Vary` as CloudFront passes it on (cdn row 40): without the names that `is_kept` (lower-case) does not know.
pub fn retain(answer: &mut Fields, is_kept: impl Fn(&[u8]) -> bool) {
    let Vary::Names(names) = parse(answer) else { return };
    let kept: Vec<Vec<u8>> = answer
        .get_all(b"vary")
        .flat_map(members)
        .filter(|name| is_kept(&name.to_ascii_lowercase()))
        .map(<[u8]>::to_vec)
        .collect();
    if kept.is_empty() {
        answer.remove(b"vary");
    } else if kept.len() != names.len() {
        answer.set(b"Vary", &kept.join(&b", "[..]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(name: &str, lines: &[&str]) -> Fields {
        lines.iter().map(|line| (name.as_bytes(), line.as_bytes())).collect()
    }

    #[test]
    fn a_star_anywhere_is_a_star() {
        let named = |names: &[&str]| Vary::Names(names.iter().map(|n| n.as_bytes().to_vec()).collect());
        let rows: &[(&[&str], Vary)] = &[
            (&["*"], Vary::Star),      // vary-syntax-star
            (&["*, *"], Vary::Star),   // -star-star
            (&["*", "*"], Vary::Star), // -star-star-lines
            (&[", *"], Vary::Star),    // -empty-star
            (&["", "*"], Vary::Star),  // -empty-star-lines
            (&["*, Foo"], Vary::Star), // -star-foo
            (&["Foo, *"], Vary::Star), // -foo-star
            (&["Foo, bar", "FOO"], named(&["bar", "foo"])),
            (&[", "], Vary::None),
            (&[], Vary::None),
        ];
        for (lines, expected) in rows {
            assert_eq!(parse(&fields("Vary", lines)), *expected, "{lines:?}");
        }
    }

    #[test]
    fn equal_in_meaning_is_equal() {
        let rows: &[(&str, &[&str], &[&str], bool)] = &[
            ("foo", &["1"], &["1"], true),
            ("foo", &["1"], &["2"], false),
            ("foo", &["1"], &[], false), // vary-omit
            ("foo", &[], &["1"], false), // vary-omit-stored
            ("foo", &[], &[], true),     // vary-3-omit
            ("foo", &[""], &[], false),
            ("foo", &["1, 2"], &["1", "2"], true), // vary-normalise-combine
            ("foo", &["1,2"], &[" 1, 2 "], true),  // vary-normalise-space
            ("foo", &["a b"], &["ab"], false),
            ("foo", &["\"1, 2\""], &["\"1,2\""], false),
            ("foo", &["a"], &["A"], false),
            ("accept-language", &["en, de"], &["de, en"], true), // vary-normalise-lang-order
            ("accept-language", &["en, de"], &["eN, De"], true), // -lang-case
            ("accept-language", &["en, de"], &[" en ,   de"], true), // -lang-space
            ("accept-language", &["en, de;q=0.9"], &["de, en;q=0.9"], false),
            ("accept-language", &["en;q=0.50, de"], &["de;q=1, en;q=0.5"], true),
        ];
        for (name, kept, asked, expected) in rows {
            let names = [name.as_bytes().to_vec()];
            let (kept_fields, asked_fields) = (fields(name, kept), fields(name, asked));
            assert_eq!(matches(&names, &kept_fields, &asked_fields), *expected, "{name}: {kept:?} {asked:?}");
            let (mut one, mut other) = (Vec::new(), Vec::new());
            write_variant(&names, &kept_fields, None, &mut one);
            write_variant(&names, &asked_fields, None, &mut other);
            assert_eq!(one == other, *expected, "{name}: {kept:?} {asked:?}");
        }
    }

    #[test]
    fn one_name_cannot_pose_as_the_other() {
        let names = [b"x".to_vec(), b"y".to_vec()];
        let write = |name: &str| {
            let mut out = Vec::new();
            write_variant(&names, &fields(name, &["a"]), None, &mut out);
            out
        };
        assert_ne!(write("x"), write("y"));
    }

    #[test]
    fn cloudfront_keeps_a_few_names() {
        let mut answer = fields("Vary", &["Accept-Encoding, X-Odd", "Cookie"]);
        retain(&mut answer, |name| name == b"accept-encoding" || name == b"cookie");
        assert_eq!(answer.joined(b"vary"), Some(b"Accept-Encoding, Cookie".to_vec()));
        retain(&mut answer, |_| false);
        assert!(!answer.has(Known::Vary));
        let mut star = fields("Vary", &["*"]);
        retain(&mut star, |_| false);
        assert!(star.has(Known::Vary), "a star is passed on");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let request: Fields = [(&b"accept-language"[..], &text[..]), (b"foo", &text), (b"vary", &text)].into_iter().collect();
            let _ = parse(&request);
            write_variant(&[b"accept-language".to_vec(), b"foo".to_vec()], &request, None, &mut Vec::new());
        }

        #[test]
        fn a_value_cannot_pose_as_two(a in "[a-c,]{0,6}", b in "[a-c,]{0,6}", c in "[a-c,]{0,6}", d in "[a-c,]{0,6}") {
            let names = [b"x".to_vec(), b"y".to_vec()];
            let write = |x: &str, y: &str| {
                let request: Fields = [(&b"x"[..], x.as_bytes()), (b"y", y.as_bytes())].into_iter().collect();
                let mut out = Vec::new();
                write_variant(&names, &request, None, &mut out);
                (out, normal_form(b"x", &request), normal_form(b"y", &request))
            };
            let (one, other) = (write(&a, &b), write(&c, &d));
            prop_assert_eq!(one.0 == other.0, (one.1, one.2) == (other.1, other.2));
        }
    }
}
