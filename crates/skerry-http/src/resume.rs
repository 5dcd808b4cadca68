//! Going on with a body that broke off: is what a second request brought the rest of the very same representation?
//!
//! Only a strong entity tag says so byte for byte (RFC 9110 8.8.1, 13.1.5). Whatever leaves a doubt is refused, since
//! the head, and with it the framing, is with the viewer already: a wrong byte could not be taken back.

use crate::fields::{Fields, Known};
use crate::validators::matches_strongly;

/// What is known of the body that broke off.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Bytes the reader has; it goes on from here.
    pub at: u64,
    /// The entity tag it came under.
    pub etag: &'a [u8],
    /// `Content-Encoding` it came under.
    pub coding: Option<&'a [u8]>,
    /// Its whole length, where its head told it or its end was seen.
    pub length: Option<u64>,
    /// The whole is at least as long as this: so much of it was seen.
    pub seen_bytes: u64,
}

/// How to read what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Bytes of the front that the reader has already.
    pub skip: u64,
    /// Offset at which the whole ends, where it is known.
    pub end: Option<u64>,
}

/// Can this tag vouch for a rest at all?
pub fn is_strong(etag: &[u8]) -> bool {
    matches_strongly(etag, etag)
}

/// Ask for the rest, in place of any other range and condition.
pub fn ask(request: &mut Fields, at: u64, etag: &[u8]) {
    crate::validators::drop_conditions(request);
    request.set(b"Range", format!("bytes={at}-").as_bytes());
    request.push(b"If-Range", etag);
}

/// Judge the answer: `length` is that of its own body where known. The error is a clause for people.
pub fn judge(
    held: &Held<'_>,
    status: u16,
    answer: &Fields,
    length: Option<u64>,
) -> Result<Rest, &'static str> {
    if !matches!(status, 200 | 206) {
        return Err("the origin no longer answers 200");
    }
    let tags = answer.get_all(b"etag").count();
    if tags != 1 || !answer.known(Known::Etag).is_some_and(|own| matches_strongly(own, held.etag)) {
        return Err("the origin has another version of it now");
    }
    if answer.joined(b"content-encoding").as_deref() != held.coding {
        return Err("the origin encoded it otherwise now");
    }
    let rest = if status == 206 {
        let (first, last, whole) =
            content_range(answer).ok_or("the origin's Content-Range cannot be used")?;
        // a part that ends early would need a third request: origins that answer so are not worth it
        if first != held.at || last.checked_add(1) != Some(whole) {
            return Err("the origin sent another part than the one asked for");
        }
        if length.is_some_and(|n| n != whole - first) {
            return Err("the origin's Content-Range and Content-Length do not agree");
        }
        Rest { skip: 0, end: Some(whole) }
    } else {
        Rest { skip: held.at, end: length.or(held.length) }
    };
    let agrees = |end: u64| end >= held.seen_bytes && held.length.is_none_or(|known| known == end);
    if rest.end.is_some_and(|end| !agrees(end)) {
        return Err("the origin has it in another length now");
    }
    Ok(rest)
}

/// First, last and whole of the only `Content-Range`, the whole being known.
fn content_range(answer: &Fields) -> Option<(u64, u64, u64)> {
    let mut all = answer.get_all(b"content-range");
    let (value, None) = (all.next()?, all.next()) else { return None };
    let (unit, rest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let (span, whole) = rest.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let number = |text: &str| {
        // `parse` alone would take a sign
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten()
    };
    let found = (number(first)?, number(last)?, number(whole)?);
    (unit.eq_ignore_ascii_case("bytes") && found.0 <= found.1).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HELD: Held<'_> = Held { at: 10, etag: b"\"a\"", coding: None, length: None, seen_bytes: 40 };

    fn fields(lines: &[&str]) -> Fields {
        let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
        pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
    }

    #[test]
    fn a_part_goes_on_where_tag_offset_and_length_agree() {
        let good = |length| Ok(Rest { skip: 0, end: Some(length) });
        let tag = "ETag: \"a\"";
        type Row<'a> = (&'a [&'a str], Option<u64>, Result<Rest, ()>);
        let rows: &[Row<'_>] = &[
            (&[tag, "Content-Range: bytes 10-99/100"], Some(90), good(100)),
            (&[tag, "Content-Range: Bytes 10-99/100"], None, good(100)),
            (&[tag, "Content-Range: bytes 10-99/100"], Some(91), Err(())),
            (&[tag, "Content-Range: bytes 11-99/100"], None, Err(())),
            (&[tag, "Content-Range: bytes 0-99/100"], None, Err(())),
            (&[tag, "Content-Range: bytes 10-98/100"], None, Err(())),
            (&[tag, "Content-Range: bytes 10-99/*"], None, Err(())),
            (&[tag, "Content-Range: bytes +10-99/100"], None, Err(())),
            (&[tag, "Content-Range: bytes 10-99/100, bytes 10-99/100"], None, Err(())),
            (&[tag, "Content-Range: bytes 10-99/100", "Content-Range: bytes 10-99/100"], None, Err(())),
            (&[tag, "Content-Range: items 10-99/100"], None, Err(())),
            (&[tag, "Content-Range: bytes 10-29/30"], None, Err(())), // more than that was seen
            (&[tag], None, Err(())),
            (&["Content-Range: bytes 10-99/100"], None, Err(())),
            (&["ETag: W/\"a\"", "Content-Range: bytes 10-99/100"], None, Err(())),
            (&["ETag: \"b\"", "Content-Range: bytes 10-99/100"], None, Err(())),
            (&[tag, tag, "Content-Range: bytes 10-99/100"], None, Err(())),
            (&[tag, "Content-Encoding: gzip", "Content-Range: bytes 10-99/100"], None, Err(())),
        ];
        for (answer, length, expected) in rows {
            let found = judge(&HELD, 206, &fields(answer), *length).map_err(|_| ());
            assert_eq!(found, *expected, "{answer:?} {length:?}");
        }
    }

    #[test]
    fn a_whole_is_skipped_into_and_its_length_must_agree() {
        let tag = fields(&["ETag: \"a\""]);
        let known = Held { length: Some(100), ..HELD };
        assert_eq!(judge(&HELD, 200, &tag, None), Ok(Rest { skip: 10, end: None }));
        assert_eq!(judge(&HELD, 200, &tag, Some(100)), Ok(Rest { skip: 10, end: Some(100) }));
        assert!(judge(&HELD, 200, &tag, Some(39)).is_err());
        assert_eq!(judge(&known, 200, &tag, None), Ok(Rest { skip: 10, end: Some(100) }));
        assert!(judge(&known, 200, &tag, Some(101)).is_err());
        assert!(
            judge(&known, 206, &fields(&["ETag: \"a\"", "Content-Range: bytes 10-100/101"]), None).is_err()
        );
        for status in [100, 203, 204, 304, 404, 416, 503] {
            assert!(judge(&HELD, status, &tag, None).is_err(), "{status}");
        }
        let gzip = Held { coding: Some(b"gzip"), ..HELD };
        assert!(judge(&gzip, 200, &tag, None).is_err());
        assert!(judge(&gzip, 200, &fields(&["ETag: \"a\"", "Content-Encoding: gzip"]), None).is_ok());
    }

    #[test]
    fn the_question_replaces_other_ranges_and_conditions() {
        let mut request = fields(&["Host: a", "Range: bytes=1-2", "If-Match: \"x\"", "If-Range: \"x\""]);
        ask(&mut request, 7, b"\"a\"");
        let left: Vec<_> = request.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        assert_eq!(left.len(), 3);
        assert_eq!(request.get(b"range"), Some(&b"bytes=7-"[..]));
        assert_eq!(request.get(b"if-range"), Some(&b"\"a\""[..]));
        assert!(is_strong(b"\"a\"") && !is_strong(b"W/\"a\"") && !is_strong(b"a"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_starts_where_the_reader_is(
            at in 0..200u64, first in 0..200u64, last in 0..200u64, whole in 0..200u64, length in proptest::option::of(0..200u64),
        ) {
            let held = Held { at, seen_bytes: at + 1, ..HELD };
            let answer = fields(&["ETag: \"a\"", &format!("Content-Range: bytes {first}-{last}/{whole}")]);
            if let Ok(rest) = judge(&held, 206, &answer, length) {
                prop_assert_eq!((first, last + 1, rest), (at, whole, Rest { skip: 0, end: Some(whole) }));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..50)) {
            let answer: Fields = [(&b"etag"[..], &b"\"a\""[..]), (b"content-range", &text)].into_iter().collect();
            let _ = judge(&HELD, 206, &answer, None);
        }
    }
}
