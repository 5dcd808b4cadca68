//! The two profiles: one table of choices each, over the same functions.
//!
//! The table is `src/skerry/rules/profiles.toml`; Rust embeds it, Python reads the same file.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

static TEXT: &str = include_str!("../../../src/skerry/rules/profiles.toml");
static TABLE: OnceLock<Result<BTreeMap<String, Profile>, String>> = OnceLock::new();

/// A way of reading the rules. The reason for each choice stands beside it in `rules/profiles.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `CDN-Cache-Control` replaces `Cache-Control` and `Expires` (RFC 9213).
    pub targeted_fields: bool,
    /// The request's `Cache-Control` and `Pragma` are honoured (RFC 9111 5.2.1, 5.4).
    pub request_directives: bool,
    /// Minimum and default TTL of the behavior apply, the minimum also against `no-store`.
    pub ttl_floor: bool,
    /// Percent of `Date − Last-Modified` taken as lifetime; 0 = no heuristic (RFC 9111 4.2.2).
    pub heuristic_percent: u32,
    /// Longest heuristic lifetime, seconds.
    pub heuristic_s_max: u32,
    /// Answers to `Authorization` need an explicit word (RFC 9111 3.5).
    pub authorization_guard: bool,
    /// `Set-Cookie` answers need an explicit lifetime.
    pub set_cookie_guard: bool,
    /// `must-understand` is honoured (RFC 9111 5.2.2.3).
    pub must_understand: bool,
    /// `Vary` selects among variants; else it is only a field.
    pub vary_selects: bool,
    /// POST answers naming their own URI may serve a GET (RFC 9110 9.3.3).
    pub post_storable: bool,
    /// Error statuses have a TTL of their own.
    pub error_ttl: bool,
    /// Error statuses that are kept for every viewer; any other for requests alone that look the same to the origin.
    pub errors_for_all: Vec<u16>,
    /// How long past its lifetime an answer may serve for an unreachable origin, seconds.
    pub stale_unreachable_s: u32,
    /// A 5xx lets a stale answer be served without `stale-if-error`.
    pub stale_on_error_status: bool,
    /// `must-revalidate` and its kin forbid serving stale.
    pub must_revalidate_binds: bool,
    /// Several ranges must ascend and not overlap, else the whole is sent.
    pub ranges_ascending_only: bool,
    /// More ranges than this and the whole is sent.
    pub ranges_max: usize,
    /// `no-transform` stops compression (RFC 9111 5.2.2.6).
    pub no_transform_binds: bool,
    /// Only answers with `Content-Length` are compressed.
    pub compress_needs_length: bool,
    /// Smallest body worth compressing, bytes.
    pub compress_bytes_min: u64,
    /// Largest body to be compressed, bytes.
    pub compress_bytes_max: u64,
    /// Statuses whose bodies are compressed.
    pub compress_statuses: Vec<u16>,
    /// Answer to a request head over its limit.
    pub head_too_large_status: u16,
    /// A GET with a body is refused with 403.
    pub get_body_refused: bool,
    /// A fetch ends when its last reader has left (cdn row 49); else it runs on into the store.
    pub abandon_unread: bool,
    /// Methods beyond the seven pass where all seven are allowed.
    pub unknown_methods: bool,
    /// A GET or HEAD is tried again on a new connection when its origin fails to answer (cdn row 16).
    pub retry_reads: bool,
}

impl Profile {
    /// The profile of that name (`rfc9111`, `cloudfront`).
    ///
    /// Errors with a sentence when there is none, or when the embedded table does not parse
    /// (a test guards the latter, so a released build has no such error).
    pub fn named(name: &str) -> Result<&'static Profile, String> {
        match TABLE.get_or_init(|| toml::from_str(TEXT).map_err(|e| e.to_string())) {
            Err(broken) => Err(format!("rules/profiles.toml: {broken}")),
            Ok(table) => table.get(name).ok_or_else(|| {
                let known: Vec<&str> = table.keys().map(String::as_str).collect();
                format!("no profile {name:?}; there are {}", known.join(", "))
            }),
        }
    }
}

/// Longest TTL CloudFront knows, 100 years (cdn row 35); also our cap for `max_s`.
pub const TTL_S_MAX: u32 = 3_153_600_000;

/// The behavior's bounds on how long an answer stays fresh, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TtlBounds {
    /// Shortest lifetime; above 0 it holds even against `no-store` (where the profile has a floor).
    pub min_s: u32,
    /// Lifetime where the origin gives none (where the profile has a floor).
    pub default_s: u32,
    /// Longest lifetime; 0 = nothing is stored.
    pub max_s: u32,
}

impl Default for TtlBounds {
    /// CloudFront's own defaults: 0, one day, one year.
    fn default() -> Self {
        TtlBounds { min_s: 0, default_s: 86_400, max_s: 31_536_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_has_both_profiles() {
        let (rfc, cloud) = (Profile::named("rfc9111").unwrap(), Profile::named("cloudfront").unwrap());
        assert!(rfc.targeted_fields && !cloud.targeted_fields);
        assert_eq!((rfc.head_too_large_status, cloud.head_too_large_status), (431, 413));
    }

    #[test]
    fn an_unknown_name_says_which_there_are() {
        let message = Profile::named("varnish").unwrap_err();
        assert!(message.contains("cloudfront, rfc9111"), "{message}");
    }
}
