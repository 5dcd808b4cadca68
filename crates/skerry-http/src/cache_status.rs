//! `Cache-Status` (RFC 9211): what the cache did, told in one member.

use crate::decimal;
use crate::structured::{write_string, write_token_or_string};

/// Why a request went forward (RFC 9211 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// The cache was told not to handle it.
    Bypass,
    /// The method's meaning requires it.
    Method,
    /// Nothing was stored for this key.
    UriMiss,
    /// Something was, but `Vary` chose none of it.
    VaryMiss,
    /// Nothing fit, not said why.
    Miss,
    /// Something fit, and the request wanted it checked.
    Request,
    /// Something fit, and it was stale.
    Stale,
    /// A part was stored, but not the whole.
    Partial,
}

impl Forward {
    /// All of them, for tables and tests.
    pub const ALL: &'static [Forward] = &[
        Forward::Bypass,
        Forward::Method,
        Forward::UriMiss,
        Forward::VaryMiss,
        Forward::Miss,
        Forward::Request,
        Forward::Stale,
        Forward::Partial,
    ];

    /// Its token; `rules/reasons.toml` says what it means.
    pub fn token(self) -> &'static str {
        match self {
            Forward::Bypass => "bypass",
            Forward::Method => "method",
            Forward::UriMiss => "uri-miss",
            Forward::VaryMiss => "vary-miss",
            Forward::Miss => "miss",
            Forward::Request => "request",
            Forward::Stale => "stale",
            Forward::Partial => "partial",
        }
    }
}

/// One cache's member of the list. Either `hit` or `forward` is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStatus<'a> {
    /// Answered without going forward.
    pub hit: bool,
    /// Went forward, and why.
    pub forward: Option<Forward>,
    /// What the next hop answered, where it differs from what was sent.
    pub forward_status: Option<u16>,
    /// Lifetime left, seconds; negative once stale.
    pub ttl_s: Option<i64>,
    /// The answer was stored.
    pub stored: bool,
    /// The request joined another's.
    pub collapsed: bool,
    /// The key, where it may be shown.
    pub key: Option<&'a [u8]>,
    /// A reason's name, or other words.
    pub detail: Option<&'a str>,
}

impl CacheStatus<'_> {
    /// Append the member, e.g. `skerry; hit; ttl=30` or `skerry; fwd=uri-miss; stored; detail=no-store`.
    pub fn write(&self, name: &str, out: &mut Vec<u8>) {
        write_token_or_string(out, name.as_bytes());
        if self.hit {
            out.extend_from_slice(b"; hit");
        }
        if let Some(forward) = self.forward {
            out.extend_from_slice(b"; fwd=");
            out.extend_from_slice(forward.token().as_bytes());
        }
        if let Some(status) = self.forward_status {
            write_number(out, b"; fwd-status=", i64::from(status));
        }
        if let Some(ttl_s) = self.ttl_s {
            write_number(out, b"; ttl=", ttl_s);
        }
        if self.stored {
            out.extend_from_slice(b"; stored");
        }
        if self.collapsed {
            out.extend_from_slice(b"; collapsed");
        }
        if let Some(key) = self.key {
            out.extend_from_slice(b"; key=");
            write_string(out, key);
        }
        if let Some(detail) = self.detail {
            out.extend_from_slice(b"; detail=");
            write_token_or_string(out, detail.as_bytes());
        }
    }
}

fn write_number(out: &mut Vec<u8>, before: &[u8], number: i64) {
    out.extend_from_slice(before);
    if number < 0 {
        out.push(b'-');
    }
    decimal::put(number.unsigned_abs(), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured;
    use proptest::prelude::*;

    fn written(status: &CacheStatus<'_>) -> String {
        let mut out = Vec::new();
        status.write("skerry", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn members() {
        let none = CacheStatus::default();
        let miss = CacheStatus { forward: Some(Forward::UriMiss), ..none };
        let rows: &[(CacheStatus<'_>, &str)] = &[
            (CacheStatus { hit: true, ttl_s: Some(376), ..none }, "skerry; hit; ttl=376"),
            (CacheStatus { hit: true, ttl_s: Some(-12), ..none }, "skerry; hit; ttl=-12"),
            (
                CacheStatus { stored: true, collapsed: true, ..miss },
                "skerry; fwd=uri-miss; stored; collapsed",
            ),
            (CacheStatus { detail: Some("no-store"), ..miss }, "skerry; fwd=uri-miss; detail=no-store"),
            (CacheStatus { detail: Some("a \"b\""), ..miss }, "skerry; fwd=uri-miss; detail=\"a \\\"b\\\"\""),
            (
                CacheStatus {
                    forward: Some(Forward::Stale),
                    forward_status: Some(304),
                    ttl_s: Some(0),
                    key: Some(b"/a"),
                    ..none
                },
                "skerry; fwd=stale; fwd-status=304; ttl=0; key=\"/a\"",
            ),
        ];
        for (status, expected) in rows {
            assert_eq!(written(status), *expected);
        }
    }

    proptest! {
        #[test]
        fn it_stays_a_structured_field(key in proptest::collection::vec(any::<u8>(), 0..30), detail in ".{0,20}", ttl_s in -1i64 << 31..1 << 31) {
            let text = written(&CacheStatus { hit: true, ttl_s: Some(ttl_s), key: Some(&key), detail: Some(&detail), ..CacheStatus::default() });
            // as the parameters of a dictionary member, which our reader knows
            let member = format!("a{}", text.trim_start_matches("skerry"));
            prop_assert!(structured::dictionary(member.as_bytes()).is_some(), "{}", text);
        }
    }
}
