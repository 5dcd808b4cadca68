//! Every reason not to store, not to reuse, or to serve stale: a name and a sentence.
//!
//! Sentences live in `src/skerry/rules/reasons.toml`, so that Python and the reference show the same ones.

use std::collections::BTreeMap;
use std::sync::OnceLock;

static TEXT: &str = include_str!("../../../src/skerry/rules/reasons.toml");
static TABLE: OnceLock<BTreeMap<String, BTreeMap<String, String>>> = OnceLock::new();

macro_rules! reasons {
    ($($variant:ident = $group:literal / $name:literal),+ $(,)?) => {
        /// A named reason; [`Reason::sentence`] says it in words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // rules/reasons.toml holds the sentence of each
        pub enum Reason { $($variant),+ }

        impl Reason {
            /// All of them, for tables and tests.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),+];

            /// Stable kebab-case name, as it stands in `Cache-Status` and logs.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$variant => $name),+ }
            }

            /// The table of `reasons.toml` it belongs to.
            pub fn group(self) -> &'static str {
                match self { $(Reason::$variant => $group),+ }
            }
        }
    };
}

reasons! {
    Interim = "refuse" / "interim",
    Method = "refuse" / "method",
    RequestNoStore = "refuse" / "request-no-store",
    NotModifiedAlone = "refuse" / "not-modified-alone",
    Partial = "refuse" / "partial",
    RangeUnsatisfiable = "refuse" / "range-unsatisfiable",
    NoStore = "refuse" / "no-store",
    Private = "refuse" / "private",
    MustUnderstand = "refuse" / "must-understand",
    VaryStar = "refuse" / "vary-star",
    Authorization = "refuse" / "authorization",
    SetCookie = "refuse" / "set-cookie",
    CookieHeuristic = "refuse" / "cookie-heuristic",
    NoFreshness = "refuse" / "no-freshness",
    Expired = "refuse" / "expired",
    NoValidator = "refuse" / "no-validator",
    CachingDisabled = "refuse" / "caching-disabled",
    ErrorUncached = "refuse" / "error-uncached",
    ErrorUnasked = "refuse" / "error-unasked",
    TooLarge = "refuse" / "too-large",
    Stale = "revalidate" / "stale",
    NoCache = "revalidate" / "no-cache",
    RequestNoCache = "revalidate" / "request-no-cache",
    RequestMaxAge = "revalidate" / "request-max-age",
    RequestMinFresh = "revalidate" / "request-min-fresh",
    OnlyIfCached = "revalidate" / "only-if-cached",
    WhileRevalidate = "stale" / "while-revalidate",
    MaxStale = "stale" / "max-stale",
    IfError = "stale" / "if-error",
    Unreachable = "stale" / "unreachable",
    ErrorStatus = "stale" / "error-status",
    StandsIn = "stale" / "stands-in",
    StaleForbidden = "stale" / "stale-forbidden",
    StaleTooOld = "stale" / "stale-too-old",
    NotAFailure = "stale" / "not-a-failure",
    RequestBody = "pass" / "request-body",
    NotShared = "pass" / "not-shared",
    NotCollapsed = "pass" / "not-collapsed",
    RangeMiss = "pass" / "range-miss",
    Superseded = "pass" / "superseded",
    OwnFetch = "pass" / "own-fetch",
    Purged = "pass" / "purged",
    LengthUnknown = "end" / "length-unknown",
    Arriving = "end" / "arriving",
    Kept = "end" / "kept",
    PurgedMeanwhile = "end" / "purged-meanwhile",
    Invalidated = "end" / "invalidated",
    Newer = "end" / "newer",
    NoRoom = "end" / "no-room",
    Cut = "end" / "cut",
    GivenUp = "end" / "given-up",
}

impl Reason {
    /// One sentence for people. Empty only if the embedded table were broken, which a test excludes.
    pub fn sentence(self) -> &'static str {
        let table = TABLE.get_or_init(|| toml::from_str(TEXT).unwrap_or_default());
        table.get(self.group()).and_then(|group| group.get(self.name())).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache_status::Forward;

    #[test]
    fn table_and_enum_name_the_same_reasons() {
        let table: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(TEXT).unwrap();
        let mut written: Vec<(&str, &str)> =
            table.iter().flat_map(|(g, names)| names.keys().map(move |n| (g.as_str(), n.as_str()))).collect();
        let mut known: Vec<(&str, &str)> = Reason::ALL.iter().map(|r| (r.group(), r.name())).collect();
        // a token that is a reason's name as well (method, stale) has that reason's sentence
        let is_reason = |token: &str| Reason::ALL.iter().any(|r| r.name() == token);
        known
            .extend(Forward::ALL.iter().map(|f| f.token()).filter(|t| !is_reason(t)).map(|t| ("forward", t)));
        written.sort_unstable();
        known.sort_unstable();
        assert_eq!(written, known);
    }

    #[test]
    fn every_reason_has_a_sentence() {
        for reason in Reason::ALL {
            assert!(reason.sentence().ends_with('.'), "{reason:?}: {:?}", reason.sentence());
        }
    }
}
