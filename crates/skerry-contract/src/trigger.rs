//! The four places where a function may stand, and when each of them runs.

use serde::{Deserialize, Serialize};

/// A Lambda@Edge event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // each variant is the event type it spells
pub enum Trigger {
    ViewerRequest,
    OriginRequest,
    OriginResponse,
    ViewerResponse,
}

impl Trigger {
    /// All four, in the order of a request's life.
    pub const ALL: [Trigger; 4] =
        [Trigger::ViewerRequest, Trigger::OriginRequest, Trigger::OriginResponse, Trigger::ViewerResponse];

    /// The vendor's spelling, as in `config.eventType`.
    pub fn name(self) -> &'static str {
        match self {
            Trigger::ViewerRequest => "viewer-request",
            Trigger::OriginRequest => "origin-request",
            Trigger::OriginResponse => "origin-response",
            Trigger::ViewerResponse => "viewer-response",
        }
    }

    /// The trigger of that spelling.
    pub fn parse(name: &str) -> Option<Trigger> {
        Trigger::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Does it stand between viewer and cache? (Else: between cache and origin.)
    pub fn is_viewer(self) -> bool {
        matches!(self, Trigger::ViewerRequest | Trigger::ViewerResponse)
    }

    /// Is it handed a request to pass on, rather than a response?
    pub fn is_request(self) -> bool {
        matches!(self, Trigger::ViewerRequest | Trigger::OriginRequest)
    }
}

/// What is known of a request where the question "does the function run here?" is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// This walk fetches a custom error page.
    pub error_page: bool,
    /// The viewer protocol policy answers with a redirect to HTTPS.
    pub https_redirect: bool,
    /// A stored response answers and the origin is not asked, not even to revalidate.
    pub cache_hit: bool,
    /// The origin's name could not be resolved.
    pub origin_unresolved: bool,
    /// The function that made the response, if one did.
    pub generated_by: Option<Trigger>,
    /// Status that the origin gave, also when it comes from the cache; `None` when no origin was asked.
    pub origin_status: Option<u16>,
}

/// Whether a function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// It runs.
    Yes,
    /// It does not, and why.
    No(Skip),
}

/// Why a function does not run (Developer Guide, "CloudFront events that can trigger a Lambda@Edge function").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// A custom error page is fetched.
    ErrorPage,
    /// The answer is a redirect to HTTPS.
    HttpsRedirect,
    /// The cache answers.
    CacheHit,
    /// The origin's name does not resolve: the viewer gets 502 before the function would run.
    OriginUnresolved,
    /// An earlier function made the response.
    Generated,
    /// The origin's status is 400 or above.
    OriginError,
}

impl Skip {
    /// Stable name for logs and `explain`.
    pub fn code(self) -> &'static str {
        match self {
            Skip::ErrorPage => "error_page",
            Skip::HttpsRedirect => "https_redirect",
            Skip::CacheHit => "cache_hit",
            Skip::OriginUnresolved => "origin_unresolved",
            Skip::Generated => "generated",
            Skip::OriginError => "origin_error",
        }
    }

    /// One sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Skip::ErrorPage => "the function does not run while a custom error page is fetched",
            Skip::HttpsRedirect => "the viewer is redirected to HTTPS before the function would run",
            Skip::CacheHit => "the cache answered, so no origin was involved",
            Skip::OriginUnresolved => "the origin's name did not resolve, so the function was not called",
            Skip::Generated => "the response was made by an earlier function",
            Skip::OriginError => "the origin answered 400 or above, and viewer-response skips those",
        }
    }
}

/// Does the function at `trigger` run in this situation?
pub fn runs(trigger: Trigger, situation: &Situation) -> Runs {
    let s = situation;
    let skip = match trigger {
        Trigger::ViewerRequest => {
            first(&[(s.error_page, Skip::ErrorPage), (s.https_redirect, Skip::HttpsRedirect)])
        }
        Trigger::OriginRequest => {
            first(&[(s.cache_hit, Skip::CacheHit), (s.origin_unresolved, Skip::OriginUnresolved)])
        }
        Trigger::OriginResponse => {
            first(&[(s.cache_hit, Skip::CacheHit), (s.generated_by.is_some(), Skip::Generated)])
        }
        Trigger::ViewerResponse => first(&[
            (s.https_redirect, Skip::HttpsRedirect),
            (s.error_page, Skip::ErrorPage),
            // what origin-request generates does pass through viewer-response
            (s.generated_by == Some(Trigger::ViewerRequest), Skip::Generated),
            (s.origin_status.is_some_and(|status| status >= 400), Skip::OriginError),
        ]),
    };
    skip.map_or(Runs::Yes, Runs::No)
}

fn first(rules: &[(bool, Skip)]) -> Option<Skip> {
    rules.iter().find(|(holds, _)| *holds).map(|(_, skip)| *skip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for t in Trigger::ALL {
            assert_eq!(Trigger::parse(t.name()), Some(t));
        }
        assert_eq!(Trigger::parse("viewer"), None);
    }

    #[test]
    fn each_row_of_the_guide() {
        use Skip::*;
        use Trigger::*;
        let plain = Situation::default();
        let error_page = Situation { error_page: true, ..plain };
        let redirect = Situation { https_redirect: true, ..plain };
        let hit = Situation { cache_hit: true, ..plain };
        let unresolved = Situation { origin_unresolved: true, ..plain };
        let by_viewer = Situation { generated_by: Some(ViewerRequest), ..plain };
        let by_origin = Situation { generated_by: Some(OriginRequest), ..plain };
        let not_found = Situation { origin_status: Some(404), ..plain };
        let found = Situation { origin_status: Some(399), ..plain };
        let rows: &[(&Situation, [Option<Skip>; 4])] = &[
            (&plain, [None, None, None, None]),
            (&error_page, [Some(ErrorPage), None, None, Some(ErrorPage)]),
            (&redirect, [Some(HttpsRedirect), None, None, Some(HttpsRedirect)]),
            (&hit, [None, Some(CacheHit), Some(CacheHit), None]),
            (&unresolved, [None, Some(OriginUnresolved), None, None]),
            (&by_viewer, [None, None, Some(Generated), Some(Generated)]),
            (&by_origin, [None, None, Some(Generated), None]),
            (&not_found, [None, None, None, Some(OriginError)]),
            (&found, [None, None, None, None]),
        ];
        for (situation, expected) in rows {
            for (trigger, skip) in Trigger::ALL.into_iter().zip(expected) {
                let want = skip.map_or(Runs::Yes, Runs::No);
                assert_eq!(runs(trigger, situation), want, "{trigger:?} in {situation:?}");
            }
        }
    }
}
