//! What a 304 renews (RFC 9111 3.2, 4.3.4).

use crate::date;
use crate::fields::{Fields, Known};
use crate::hop;
use crate::validators::{is_etag, matches_strongly, matches_weakly};

/// Fields that describe the stored bytes as we hold them; a 304 has no bytes and so cannot change them.
///
/// RFC 9111 3.2 names `Content-Length` and leaves out what a cache's own handling of the body rests on: we compress
/// and cut ranges by the others.
const OF_THE_BYTES: [&[u8]; 6] =
    [b"content-length", b"content-encoding", b"content-range", b"content-md5", b"content-digest", b"etag"];

/// Does this 304 speak of that stored answer (RFC 9111 4.3.4)?
///
/// With a strong tag: only of one with the same strong tag. With a weak tag or a date: of one with the same. With
/// neither: of the one that was asked about, provided that it is the only candidate (`alone`).
pub fn selects(not_modified: &Fields, stored: &Fields, alone: bool) -> bool {
    let (new, old) = (not_modified.known(Known::Etag), stored.known(Known::Etag));
    if let Some(tag) = new.filter(|tag| is_etag(tag)) {
        let strong = !tag.starts_with(b"W/");
        return old
            .is_some_and(|own| if strong { matches_strongly(tag, own) } else { matches_weakly(tag, own) });
    }
    match not_modified.known(Known::LastModified) {
        Some(date) => stored.known(Known::LastModified) == Some(date),
        None => alone,
    }
}

/// Renew the stored fields by those of a 304: each field it gives replaces all lines of that name.
///
/// Not taken over: what describes the bytes, hop-by-hop fields, and what its `Connection` lists. The lifetime is to
/// be decided anew from the result by [`crate::store::storage`], with the 304's own times; a 304 without `Date` gets
/// the moment it arrived (RFC 9110 6.6.1), or the answer would be as old as before.
pub fn renew(stored: &mut Fields, not_modified: &Fields, arrived_s: u64) {
    let taken = |name: &[u8]| {
        !OF_THE_BYTES.iter().any(|frozen| name.eq_ignore_ascii_case(frozen))
            && !hop::is_hop(name, not_modified)
    };
    stored.retain(|name, _| !taken(name) || not_modified.get(name).is_none());
    // Age is about the moment, not about the answer: one that the 304 does not repeat is over
    if !not_modified.has(Known::Age) {
        stored.remove(b"age");
    }
    if !not_modified.has(Known::Date) {
        stored.set(b"Date", &date::format(arrived_s));
    }
    for (name, value) in not_modified.iter() {
        if taken(name) {
            stored.push(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[&str]) -> Fields {
        let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
        pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
    }

    fn lines(fields: &Fields) -> Vec<String> {
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        fields.iter().map(|(n, v)| format!("{}: {}", text(n), text(v))).collect()
    }

    #[test]
    fn a_304_renews_all_but_what_describes_the_bytes() {
        let mut stored = fields(&[
            "Test-Header: A",
            "Cache-Control: max-age=1",
            "ETag: \"a\"",
            "Content-Length: 36",
            "Content-Encoding: gzip",
            "Set-Cookie: a=b",
            "Set-Cookie: c=d",
            "Age: 7",
            "Kept: 1",
        ]);
        renew(
            &mut stored,
            &fields(&[
                "test-header: B",
                "Cache-Control: max-age=3600",
                "ETag: \"b\"",
                "Content-Length: 10",
                "Content-Encoding: br",
                "Set-Cookie: a=c",
                "Connection: secret",
                "Secret: x",
                "Keep-Alive: 5",
                "Date: Sun, 06 Nov 1994 08:49:37 GMT",
            ]),
            0,
        );
        assert_eq!(
            lines(&stored),
            [
                "ETag: \"a\"",
                "Content-Length: 36",
                "Content-Encoding: gzip",
                "Kept: 1",
                "test-header: B",
                "Cache-Control: max-age=3600",
                "Set-Cookie: a=c",
                "Date: Sun, 06 Nov 1994 08:49:37 GMT",
            ]
        );
        renew(&mut stored, &fields(&["ETag: \"a\""]), 784_111_778);
        assert_eq!(stored.get(b"date"), Some(&b"Sun, 06 Nov 1994 08:49:38 GMT"[..]));
    }

    #[test]
    fn which_stored_answer_a_304_means() {
        let rows: &[(&[&str], &[&str], bool, bool)] = &[
            (&["ETag: \"a\""], &["ETag: \"a\""], false, true),
            (&["ETag: \"b\""], &["ETag: \"a\""], true, false), // a strong tag of another answer: use nothing
            (&["ETag: W/\"a\""], &["ETag: \"a\""], false, true),
            (&["ETag: \"a\""], &["ETag: W/\"a\""], true, false),
            (&["Last-Modified: x"], &["Last-Modified: x"], false, true),
            (&["Last-Modified: y"], &["Last-Modified: x"], true, false),
            (&[], &["ETag: \"a\""], true, true),
            (&[], &["ETag: \"a\""], false, false),
        ];
        for (new, old, alone, expected) in rows {
            assert_eq!(selects(&fields(new), &fields(old), *alone), *expected, "{new:?} {old:?} {alone}");
        }
    }
}
