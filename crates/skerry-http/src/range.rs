//! Byte ranges (RFC 9110 14; cdn row 46).

use std::ops::Range;

use crate::date;
use crate::fields::{Fields, Known};
use crate::list::{members, trim};
use crate::profile::Profile;
use crate::validators::matches_strongly;

/// What a `Range` means for a body of known length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Send the whole: no range, one we do not understand, or one not worth it.
    Whole,
    /// 206 with one part.
    Single(Range<u64>),
    /// 206 `multipart/byteranges`, in the order asked for.
    Multi(Vec<Range<u64>>),
    /// 416.
    Unsatisfiable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// `first-last`, or `first-` with `u64::MAX`.
    From(u64, u64),
    /// `-length`
    Last(u64),
}

/// Resolve a `Range` value against a body of `length` bytes.
///
/// Malformed values and foreign units are ignored (RFC 9110 14.2). More ranges than the profile takes, more than two
/// that overlap, or more bytes in all than the whole has: the whole. `cloudfront` also wants them ascending, apart
/// and each satisfiable.
pub fn resolve(profile: &Profile, value: &[u8], length: u64) -> Resolved {
    let Some(specs) = parse(value, profile.ranges_max) else { return Resolved::Whole };
    let parts: Vec<Range<u64>> = specs.iter().filter_map(|spec| place(*spec, length)).collect();
    match parts.as_slice() {
        // nothing of a body without bytes can be shown; its whole can
        [] if length == 0 && specs.iter().any(|s| matches!(s, Spec::Last(n) if *n > 0)) => Resolved::Whole,
        [] => Resolved::Unsatisfiable,
        _ if profile.ranges_ascending_only && !(parts.len() == specs.len() && ascend(&parts)) => {
            Resolved::Whole
        }
        [one] => Resolved::Single(one.clone()),
        _ if parts.iter().map(|p| p.end - p.start).sum::<u64>() > length || overlaps(&parts) > 1 => {
            Resolved::Whole
        }
        _ => Resolved::Multi(parts),
    }
}

fn ascend(parts: &[Range<u64>]) -> bool {
    parts.windows(2).all(|pair| pair[0].end <= pair[1].start)
}

fn overlaps(parts: &[Range<u64>]) -> usize {
    let mut sorted: Vec<&Range<u64>> = parts.iter().collect();
    sorted.sort_unstable_by_key(|part| part.start);
    let mut reached = 0;
    sorted
        .into_iter()
        .filter(|part| {
            let overlaps = part.start < reached;
            reached = reached.max(part.end);
            overlaps
        })
        .count()
}

fn parse(value: &[u8], ranges_max: usize) -> Option<Vec<Spec>> {
    let at = memchr::memchr(b'=', value)?;
    if !trim(&value[..at]).eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let mut specs = Vec::new();
    for member in members(&value[at + 1..]) {
        if specs.len() == ranges_max {
            return None;
        }
        let dash = memchr::memchr(b'-', member)?;
        let (first, last) = (&member[..dash], &member[dash + 1..]);
        specs.push(match (first.is_empty(), last.is_empty()) {
            (true, true) => return None,
            (true, false) => Spec::Last(number(last)?),
            (false, true) => Spec::From(number(first)?, u64::MAX),
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                Spec::From(first, last)
            }
        });
    }
    if specs.is_empty() { None } else { Some(specs) }
}

/// Digits only; one too large for u64 stands for the largest, which lies past any body.
fn number(text: &[u8]) -> Option<u64> {
    text.iter()
        .all(u8::is_ascii_digit)
        .then(|| text.iter().fold(0u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0'))))
}

fn place(spec: Spec, length: u64) -> Option<Range<u64>> {
    let part = match spec {
        Spec::From(first, last) => first..last.saturating_add(1).min(length),
        Spec::Last(count) => length - count.min(length)..length,
    };
    (part.start < part.end).then_some(part)
}

/// May the range be honoured (RFC 9110 13.1.5)? True without `If-Range`; else a strong tag must match, or the date
/// must be exactly `Last-Modified` and older than `Date`, so that it tells two answers apart (8.8.2.2).
pub fn if_range_holds(request: &Fields, answer: &Fields, arrived_s: u64) -> bool {
    let Some(condition) = request.known(Known::IfRange) else { return true };
    let condition = trim(condition);
    if condition.starts_with(b"\"") || condition.starts_with(b"W/") {
        return answer.known(Known::Etag).is_some_and(|own| matches_strongly(condition, own));
    }
    let read = |text| date::parse(text, arrived_s);
    let modified = answer.known(Known::LastModified).and_then(read);
    let dated = answer.known(Known::Date).and_then(read);
    match (read(condition), modified, dated) {
        (Some(asked), Some(modified), Some(dated)) => asked == modified && modified < dated,
        _ => false,
    }
}

/// `Content-Range` of one part; the part must not be empty.
pub fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1))
}

/// First and last byte that a `Content-Range` names; `None` for that of a 416, and for what is none.
pub fn bounds(content_range: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(content_range).ok()?.trim_ascii();
    let (range, _) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?;
    Some((number(first)?, number(last)?))
}

/// `Content-Range` of a 416.
pub fn content_range_unsatisfied(length: u64) -> String {
    format!("bytes */{length}")
}

/// What stands before the bytes of one part of `multipart/byteranges` (RFC 9110 14.6).
pub fn part_head(boundary: &str, content_type: Option<&[u8]>, part: &Range<u64>, length: u64) -> Vec<u8> {
    let mut out = format!("\r\n--{boundary}\r\n").into_bytes();
    if let Some(kind) = content_type {
        out.extend_from_slice(b"Content-Type: ");
        out.extend_from_slice(kind);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("Content-Range: {}\r\n\r\n", content_range(part, length)).as_bytes());
    out
}

/// What ends such a body.
pub fn parts_tail(boundary: &str) -> Vec<u8> {
    format!("\r\n--{boundary}--\r\n").into_bytes()
}

/// `Content-Length` of such a body.
pub fn parts_bytes(boundary: &str, content_type: Option<&[u8]>, parts: &[Range<u64>], length: u64) -> u64 {
    let framed =
        parts.iter().map(|p| part_head(boundary, content_type, p, length).len() as u64 + (p.end - p.start));
    framed.sum::<u64>() + parts_tail(boundary).len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn profile(name: &str) -> &'static Profile {
        Profile::named(name).unwrap()
    }

    #[test]
    fn ranges_of_ten_bytes() {
        use Resolved::*;
        let rows: &[(&str, Resolved, Resolved)] = &[
            // value, rfc9111, cloudfront
            ("bytes=0-1", Single(0..2), Single(0..2)), // partial-store-complete-reuse-partial
            ("bytes=1-", Single(1..10), Single(1..10)), // -no-last
            ("bytes=-1", Single(9..10), Single(9..10)), // -suffix
            ("bytes=-99", Single(0..10), Single(0..10)),
            ("bytes=5-99999999999999999999999", Single(5..10), Single(5..10)),
            ("BYTES=0-0", Single(0..1), Single(0..1)),
            ("bytes=10-", Unsatisfiable, Unsatisfiable),
            ("bytes=-0", Unsatisfiable, Unsatisfiable),
            ("bytes=0-1,3-4", Multi(vec![0..2, 3..5]), Multi(vec![0..2, 3..5])),
            ("bytes=3-4, 0-1", Multi(vec![3..5, 0..2]), Whole), // row 46: ascending
            ("bytes=0-3,2-4", Multi(vec![0..4, 2..5]), Whole),  // row 46: apart
            ("bytes=0-1,20-", Single(0..2), Whole),             // row 46: valid
            ("bytes=0-2,1-3,2-4", Whole, Whole),
            ("bytes=0-9,0-9", Whole, Whole),
            ("bytes=4-3", Whole, Whole),
            ("bytes=", Whole, Whole),
            ("bytes=-", Whole, Whole),
            ("bytes=a-b", Whole, Whole),
            ("bytes=+1-2", Whole, Whole),
            ("items=0-1", Whole, Whole),
            ("0-1", Whole, Whole),
        ];
        for (value, in_rfc, in_cloudfront) in rows {
            assert_eq!(resolve(profile("rfc9111"), value.as_bytes(), 10), *in_rfc, "rfc9111 {value}");
            assert_eq!(
                resolve(profile("cloudfront"), value.as_bytes(), 10),
                *in_cloudfront,
                "cloudfront {value}"
            );
        }
        let many: Vec<String> = (0..17).map(|n| format!("{n}-{n}")).collect();
        let many = format!("bytes={}", many.join(","));
        assert_eq!(resolve(profile("rfc9111"), many.as_bytes(), 100), Whole, "over the limit");
        assert_eq!(resolve(profile("rfc9111"), b"bytes=-5", 0), Whole);
        assert_eq!(resolve(profile("rfc9111"), b"bytes=0-", 0), Unsatisfiable);
    }

    #[test]
    fn if_range() {
        let (day, next) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT");
        let answer: Fields =
            [(&b"ETag"[..], &b"\"a\""[..]), (b"Last-Modified", day.as_bytes()), (b"Date", next.as_bytes())]
                .into_iter()
                .collect();
        let rows =
            [("\"a\"", true), ("W/\"a\"", false), ("\"b\"", false), (day, true), (next, false), ("x", false)];
        for (condition, expected) in rows {
            let request: Fields = [(&b"If-Range"[..], condition.as_bytes())].into_iter().collect();
            assert_eq!(if_range_holds(&request, &answer, 0), expected, "{condition}");
        }
        let same_second: Fields =
            [(&b"Last-Modified"[..], day.as_bytes()), (b"Date", day.as_bytes())].into_iter().collect();
        let request: Fields = [(&b"If-Range"[..], day.as_bytes())].into_iter().collect();
        assert!(!if_range_holds(&request, &same_second, 0), "a date of the same second is a weak validator");
        assert!(if_range_holds(&Fields::new(), &answer, 0));
    }

    #[test]
    fn parts_are_as_long_as_announced() {
        let parts = [0..2, 5..9];
        let mut body = Vec::new();
        for part in &parts {
            body.extend_from_slice(&part_head("XX", Some(b"text/plain"), part, 10));
            body.extend_from_slice(&b"0123456789"[part.start as usize..part.end as usize]);
        }
        body.extend_from_slice(&parts_tail("XX"));
        let text = String::from_utf8(body.clone()).unwrap();
        assert_eq!(
            text,
            "\r\n--XX\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
             \r\n--XX\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-8/10\r\n\r\n5678\r\n--XX--\r\n"
        );
        assert_eq!(parts_bytes("XX", Some(b"text/plain"), &parts, 10), body.len() as u64);
        assert_eq!(content_range_unsatisfied(10), "bytes */10");
    }

    proptest! {
        #[test]
        fn no_part_leaves_the_body(value in "bytes=[0-9,-]{0,20}", length in 0u64..100) {
            for name in ["rfc9111", "cloudfront"] {
                let parts = match resolve(profile(name), value.as_bytes(), length) {
                    Resolved::Single(part) => vec![part],
                    Resolved::Multi(parts) => parts,
                    _ => vec![],
                };
                prop_assert!(parts.iter().all(|p| p.start < p.end && p.end <= length));
                prop_assert!(parts.iter().map(|p| p.end - p.start).sum::<u64>() <= length);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(value in proptest::collection::vec(any::<u8>(), 0..40), length in any::<u64>()) {
            let _ = resolve(profile("rfc9111"), &value, length);
        }
    }
}
