//! Content codings: what a viewer takes, what is worth compressing, and by which coding (cdn rows 28, 50).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::cache_control::CacheControl;
use crate::fields::{Fields, Known};
use crate::head::{RequestHead, ResponseHead, Version};
use crate::list::{members, split, trim};
use crate::profile::Profile;
use crate::vary::weight;

static TEXT: &str = include_str!("../../../src/skerry/rules/compression.toml");
static TYPES: OnceLock<Vec<String>> = OnceLock::new();

/// A coding we can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Brotli, preferred.
    Br,
    /// gzip.
    Gzip,
}

impl Coding {
    /// Its `Content-Encoding` token.
    pub fn token(self) -> &'static str {
        match self {
            Coding::Br => "br",
            Coding::Gzip => "gzip",
        }
    }
}

/// What an `Accept-Encoding` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// `br`.
    pub br: bool,
    /// `gzip` or `x-gzip`.
    pub gzip: bool,
    /// No coding at all; false only where it was refused (`identity;q=0` or `*;q=0`).
    pub identity: bool,
}

impl Accepted {
    /// Only the plain body: no `Accept-Encoding` at all.
    pub const PLAIN: Accepted = Accepted { br: false, gzip: false, identity: true };

    /// Read the request's `Accept-Encoding`, all lines (RFC 9110 12.5.3). A coding with a malformed weight counts as
    /// taken.
    pub fn of(request: &Fields) -> Accepted {
        if !request.has(Known::AcceptEncoding) {
            return Accepted::PLAIN;
        }
        Accepted::among(request.get_all(b"accept-encoding").flat_map(members))
    }

    /// What a request takes of the codings a policy allows; `None` where it says nothing, or speaks HTTP/1.0, to which
    /// CloudFront sends plain bodies alone (cdn rows 28, 50).
    pub fn asked(request: &RequestHead, br: bool, gzip: bool) -> Option<Accepted> {
        let says = request.version > Version::Http10 && request.fields.has(Known::AcceptEncoding);
        says.then(|| Accepted::of(&request.fields).allowed(br, gzip))
    }

    /// The same as [`Accepted::of`] for the bytes of one line; a caller may remember the outcome beside the bytes, for a browser sends
    /// the same line with every request.
    pub fn of_value(value: &[u8]) -> Accepted {
        Accepted::among(members(value))
    }

    fn among<'a>(codings: impl Iterator<Item = &'a [u8]>) -> Accepted {
        let (mut br, mut gzip, mut identity, mut rest) = (None, None, None, None);
        for member in codings {
            // most members carry no weight, and this runs on nearly every request
            let (coding, taken) = match memchr::memchr(b';', member) {
                None => (member, true),
                Some(at) => {
                    let weight = split(&member[at + 1..], b';').find_map(weight);
                    (trim(&member[..at]), weight.is_none_or(|thousandths| thousandths > 0))
                }
            };
            let slot = match () {
                _ if coding.eq_ignore_ascii_case(b"br") => &mut br,
                _ if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") => {
                    &mut gzip
                }
                _ if coding.eq_ignore_ascii_case(b"identity") => &mut identity,
                _ if coding == b"*" => &mut rest,
                _ => continue,
            };
            slot.get_or_insert(taken);
        }
        let else_rest = |said: Option<bool>, unsaid| said.or(rest).unwrap_or(unsaid);
        Accepted {
            br: else_rest(br, false),
            gzip: else_rest(gzip, false),
            identity: else_rest(identity, true),
        }
    }

    /// Only the codings that the policy's flags allow.
    pub fn allowed(self, br: bool, gzip: bool) -> Accepted {
        Accepted { br: self.br && br, gzip: self.gzip && gzip, ..self }
    }

    /// The normalised value for key and origin (cdn row 28): `br,gzip`, one of them, or `identity`.
    pub fn normal(self) -> &'static str {
        match (self.br, self.gzip) {
            (true, true) => "br,gzip",
            (true, false) => "br",
            (false, true) => "gzip",
            (false, false) => "identity",
        }
    }

    /// The coding to serve; none to an HTTP/1.0 viewer (cdn row 50).
    pub fn choose(self, viewer: Version) -> Option<Coding> {
        match () {
            _ if viewer == Version::Http10 => None,
            _ if self.br => Some(Coding::Br),
            _ if self.gzip => Some(Coding::Gzip),
            _ => None,
        }
    }
}

/// Is this answer worth compressing when it is stored? `length` is its `Content-Length`, `fresh_for_s` its lifetime:
/// what is never reused is not compressed.
pub fn is_compressible(
    profile: &Profile,
    answer: &ResponseHead,
    length: Option<u64>,
    fresh_for_s: u32,
) -> bool {
    let size_fits = match length {
        Some(bytes) => (profile.compress_bytes_min..=profile.compress_bytes_max).contains(&bytes),
        None => !profile.compress_needs_length,
    };
    size_fits
        && fresh_for_s > 0
        && profile.compress_statuses.contains(&answer.status)
        && !answer.fields.has(Known::ContentEncoding)
        && answer.fields.known(Known::ContentType).is_some_and(is_listed)
        && !(profile.no_transform_binds && CacheControl::of_response(&answer.fields).no_transform)
}

/// Is this media type in `rules/compression.toml`? Parameters and letter case do not count.
pub fn is_listed(content_type: &[u8]) -> bool {
    let types = TYPES.get_or_init(|| {
        let table: BTreeMap<String, Vec<String>> = toml::from_str(TEXT).unwrap_or_default();
        table.into_values().flatten().collect()
    });
    let bare = content_type.split(|b| *b == b';').next().map(trim).unwrap_or_default();
    types.iter().any(|listed| bare.eq_ignore_ascii_case(listed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepting(value: &str) -> Accepted {
        Accepted::of(&[(&b"Accept-Encoding"[..], value.as_bytes())].into_iter().collect())
    }

    #[test]
    fn weights_and_wildcards() {
        let rows: &[(&str, &str, bool)] = &[
            ("gzip, deflate, br", "br,gzip", true),
            ("GZIP", "gzip", true),
            ("x-gzip", "gzip", true),
            ("br;q=0, gzip;q=0.001", "gzip", true),
            ("br;q=0.000", "identity", true),
            ("br ; q = 0.5", "br", true),
            ("*", "br,gzip", true),
            ("*;q=0", "identity", false),
            ("gzip, *;q=0", "gzip", false),
            ("br, identity;q=0", "br", false),
            ("*;q=0, identity", "identity", true),
            ("deflate", "identity", true),
            ("", "identity", true),
            ("gzip;q=2", "gzip", true),
        ];
        for (value, normal, identity) in rows {
            let found = accepting(value);
            assert_eq!((found.normal(), found.identity), (*normal, *identity), "{value}");
            assert_eq!(Accepted::of_value(value.as_bytes()), found, "{value}");
        }
        assert_eq!(Accepted::of(&Fields::new()), Accepted::PLAIN);
    }

    #[test]
    fn row_50_prefers_brotli_and_skips_old_viewers() {
        let both = accepting("gzip, br");
        assert_eq!(both.choose(Version::Http11), Some(Coding::Br));
        assert_eq!(both.allowed(false, true).choose(Version::Http2), Some(Coding::Gzip));
        assert_eq!(both.choose(Version::Http10), None);
        assert_eq!(both.allowed(false, false).choose(Version::Http11), None);
    }

    #[test]
    fn what_is_compressed() {
        let page = |status, kind: &str, extra: &[(&str, &str)]| {
            let mut head = ResponseHead::new(status);
            head.fields.push(b"Content-Type", kind.as_bytes());
            for (name, value) in extra {
                head.fields.push(name.as_bytes(), value.as_bytes());
            }
            head
        };
        let html = page(200, "Text/HTML; charset=utf-8", &[]);
        let rows: &[(&ResponseHead, Option<u64>, u32, bool, bool)] = &[
            // answer, length, lifetime, rfc9111, cloudfront
            (&html, Some(1_000), 9, true, true),
            (&html, Some(999), 9, true, false),
            (&html, Some(255), 9, false, false),
            (&html, Some(10_000_000), 9, true, true),
            (&html, Some(10_000_001), 9, false, false),
            (&html, None, 9, true, false),
            (&html, Some(5_000), 0, false, false),
            (&page(500, "text/html", &[]), Some(5_000), 9, false, false),
            (&page(404, "text/html", &[]), Some(5_000), 9, true, true),
            (&page(200, "image/png", &[]), Some(5_000), 9, false, false),
            (&page(200, "text/html", &[("Content-Encoding", "gzip")]), Some(5_000), 9, false, false),
            (&page(200, "text/html", &[("Cache-Control", "no-transform")]), Some(5_000), 9, false, true),
        ];
        for (head, length, fresh_for_s, in_rfc, in_cloudfront) in rows {
            for (name, expected) in [("rfc9111", in_rfc), ("cloudfront", in_cloudfront)] {
                let profile = Profile::named(name).unwrap();
                assert_eq!(
                    is_compressible(profile, head, *length, *fresh_for_s),
                    *expected,
                    "{name} {head:?} {length:?}"
                );
            }
        }
    }

    #[test]
    fn the_embedded_list_is_there() {
        assert!(is_listed(b"application/json") && is_listed(b"image/svg+xml") && !is_listed(b"video/mp4"));
        assert!(TYPES.get().is_some_and(|types| types.len() == 45));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Accepted::of(&[(&b"accept-encoding"[..], &text[..])].into_iter().collect());
            let _ = is_listed(&text);
        }
    }
}
