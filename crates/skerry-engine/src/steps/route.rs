//! `route`: host → distribution, path → behavior.

use skerry_http::target::{self, split_port};

use crate::exchange::{Exchange, Failure};
use crate::snapshot::{Live, Site};
use crate::walk::{Next, Step};

/// The distribution of an authority, by its lower-case host.
pub fn site_of(live: &Live, authority: &[u8]) -> Option<usize> {
    let host = split_port(authority).0;
    if host.iter().any(u8::is_ascii_uppercase) {
        return live.site_of(&host.to_ascii_lowercase());
    }
    live.site_of(host)
}

/// The first behavior whose pattern matches (rows 1, 2); the last matches all.
///
/// Patterns are held against the path's normal form (RFC 3986 6.2.2), as CloudFront does, so that a guarded path has
/// one spelling; key and origin get the path as it came.
pub fn behavior_of(site: &Site, path: &[u8]) -> usize {
    let last = site.behaviors.len() - 1;
    let find =
        |path: &[u8]| site.behaviors[..last].iter().position(|b| b.pattern.matches(path)).unwrap_or(last);
    if target::is_normal(path) { find(path) } else { find(&target::normal_form(path)) }
}

/// Would an origin that decodes a path once (S3, most file servers) read one that belongs to another behavior? `%2F` is no
/// slash to a pattern, so `/private%2Fx` would walk around whoever guards `/private/*`.
pub fn is_ambiguous(site: &Site, path: &[u8], behavior: usize) -> bool {
    memchr::memchr(b'%', path).is_some() && behavior_of(site, &target::decoded_form(path)) != behavior
}

/// Choose both. The behavior stays, whatever a function makes of the path later (row 3).
pub fn route(x: &mut Exchange) -> Next {
    let Some(site) = site_of(&x.live, &x.head.authority) else {
        x.site = x.live.sites.len(); // nobody's: no policy, no `Via`, no record of a distribution is its own
        let host = String::from_utf8_lossy(&x.head.authority).into_owned();
        let known: Vec<&str> = x.live.sites.iter().flat_map(|s| &s.aliases).map(String::as_str).collect();
        let hint = match (x.live.sites.len(), known.is_empty()) {
            (0, _) => "Nothing is configured yet.".to_owned(),
            (_, true) => "Ask for localhost, or give the distribution an alias.".to_owned(),
            (_, false) => format!("Known hosts: {}.", known.join(", ")),
        };
        return Next::Fail(Box::new(
            Failure::new(403, "unknown-host", Step::Route, format!("no distribution answers for '{host}'"))
                .with_hint(hint),
        ));
    };
    x.site = site;
    x.behavior = behavior_of(x.site(), x.head.path());
    if is_ambiguous(x.site(), x.head.path(), x.behavior) {
        let decoded = target::decoded_form(x.head.path());
        let other = behavior_of(x.site(), &decoded);
        let what = format!(
            "the path matches '{}', and decoded, as an origin may read it, '{}'",
            x.behavior().pattern_text,
            x.site().behaviors[other].pattern_text
        );
        return Next::Fail(Box::new(Failure::new(400, "path-ambiguous", Step::Route, what)));
    }
    let what = format!("distribution {}, behavior {}", x.site().name, x.behavior().pattern_text);
    x.note(Step::Route, what);
    Next::Continue
}
