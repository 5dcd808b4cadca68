//! May a stored answer be served, and if not, why not? And when the origin fails?

use crate::cache_control::CacheControl;
use crate::profile::Profile;
use crate::reason::Reason;
use crate::store::Stored;

/// What to do with a stored answer that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Serve it.
    Fresh,
    /// Serve it stale; with `while_revalidate` it is renewed behind (RFC 5861 3), else the request's `max-stale` asked for it.
    StaleServable {
        /// Renew it behind the answer.
        while_revalidate: bool,
    },
    /// Ask the origin first.
    Revalidate(Reason),
    /// The request forbids asking (`only-if-cached`): answer 504 (RFC 9111 5.2.1.7).
    Unsatisfiable(Reason),
}

/// How the origin failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer: refused, timed out, cut before its head was whole.
    Unreachable,
    /// An answer with this status.
    Status(u16),
}

/// What to answer when it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The stored answer, for this reason.
    ServeStale(Reason),
    /// The failure itself, for this reason.
    PassFailure(Reason),
}

impl Stored {
    /// Age now, seconds (RFC 9111 4.2.3); also the value of `Age`.
    pub fn age_s(&self, now_s: u64) -> u32 {
        let resident = now_s.saturating_sub(self.response_time_s).min(1 << 31) as u32;
        self.initial_age_s.saturating_add(resident).min(1 << 31)
    }

    /// Lifetime left, seconds; negative once stale. What `Cache-Status` calls `ttl`.
    pub fn ttl_s(&self, now_s: u64) -> i64 {
        i64::from(self.fresh_for_s) - i64::from(self.age_s(now_s))
    }
}

/// Decide on reuse (RFC 9111 4, 5.2.1; cdn row 36). The hit path: arithmetic only.
pub fn reuse(profile: &Profile, stored: &Stored, request: &CacheControl, now_s: u64) -> Reuse {
    let verdict = if profile.request_directives && request_asks(request) {
        by_request(stored, request, now_s)
    } else {
        by_answer(stored, now_s)
    };
    match verdict {
        Reuse::Revalidate(_) if profile.request_directives && request.only_if_cached => {
            Reuse::Unsatisfiable(Reason::OnlyIfCached)
        }
        verdict => verdict,
    }
}

/// Nothing is stored at all: may the origin be asked? (`only-if-cached`: no.)
pub fn may_fetch(profile: &Profile, request: &CacheControl) -> Result<(), Reason> {
    if profile.request_directives && request.only_if_cached { Err(Reason::OnlyIfCached) } else { Ok(()) }
}

fn request_asks(request: &CacheControl) -> bool {
    request.no_cache
        || request.max_age_s.is_some()
        || request.min_fresh_s.is_some()
        || request.max_stale_s.is_some()
}

fn by_answer(stored: &Stored, now_s: u64) -> Reuse {
    if stored.no_cache {
        return Reuse::Revalidate(Reason::NoCache);
    }
    let left_s = stored.ttl_s(now_s);
    if left_s > 0 {
        return Reuse::Fresh;
    }
    if !stored.must_revalidate && left_s + i64::from(stored.stale_while_revalidate_s) > 0 {
        return Reuse::StaleServable { while_revalidate: true };
    }
    Reuse::Revalidate(Reason::Stale)
}

fn by_request(stored: &Stored, request: &CacheControl, now_s: u64) -> Reuse {
    if request.no_cache {
        return Reuse::Revalidate(Reason::RequestNoCache);
    }
    let (age_s, left_s) = (stored.age_s(now_s), stored.ttl_s(now_s));
    // max-age=0 means "ask": an age of 0 would otherwise satisfy it (RFC 9111 5.2.1.1)
    if let Some(most_s) = request.max_age_s
        && (age_s > most_s || most_s == 0)
    {
        return Reuse::Revalidate(Reason::RequestMaxAge);
    }
    if let Some(least_s) = request.min_fresh_s
        && left_s < i64::from(least_s)
    {
        return Reuse::Revalidate(Reason::RequestMinFresh);
    }
    match (by_answer(stored, now_s), request.max_stale_s) {
        (Reuse::Revalidate(Reason::Stale), Some(most_s))
            if !stored.must_revalidate && -left_s <= i64::from(most_s) =>
        {
            Reuse::StaleServable { while_revalidate: false }
        }
        (verdict, _) => verdict,
    }
}

/// Decide what a failed revalidation answers (RFC 9111 4.2.4, RFC 5861 4; cdn rows 37, 43).
pub fn on_error(profile: &Profile, stored: &Stored, failure: Failure, now_s: u64) -> OnError {
    let reason = match failure {
        Failure::Unreachable => Reason::Unreachable,
        Failure::Status(500 | 502 | 503 | 504) => Reason::ErrorStatus,
        Failure::Status(501 | 505..=599) if profile.stale_on_error_status => Reason::ErrorStatus,
        Failure::Status(_) => return OnError::PassFailure(Reason::NotAFailure),
    };
    if stored.must_revalidate || stored.no_cache || stored.stale_if_error_s == Some(0) {
        return OnError::PassFailure(Reason::StaleForbidden);
    }
    let (bound_s, reason) = match (stored.stale_if_error_s, reason) {
        (Some(said_s), _) => (said_s, Reason::IfError),
        (None, Reason::ErrorStatus) if !profile.stale_on_error_status => {
            return OnError::PassFailure(Reason::NotAFailure);
        }
        (None, reason) => (profile.stale_unreachable_s, reason),
    };
    if stored.ttl_s(now_s) + i64::from(bound_s) >= 0 {
        OnError::ServeStale(reason)
    } else {
        OnError::PassFailure(Reason::StaleTooOld)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn rfc() -> &'static Profile {
        Profile::named("rfc9111").unwrap()
    }

    fn cloudfront() -> &'static Profile {
        Profile::named("cloudfront").unwrap()
    }

    /// Stored `age` seconds ago with a lifetime of 100.
    fn aged(age: u64) -> Stored {
        Stored { response_time_s: NOW - age, fresh_for_s: 100, ..Stored::default() }
    }

    fn asks(text: &str) -> CacheControl {
        CacheControl::of_request(&[(&b"cache-control"[..], text.as_bytes())].into_iter().collect())
    }

    #[test]
    fn age_counts_from_the_initial_one_and_saturates() {
        let stored = Stored { initial_age_s: 30, ..aged(5) };
        assert_eq!((stored.age_s(NOW), stored.ttl_s(NOW)), (35, 65));
        assert_eq!(stored.age_s(0), 30, "a clock set back makes nothing younger than it came");
        assert_eq!(Stored { initial_age_s: 1 << 31, ..aged(5) }.age_s(NOW), 1 << 31);
    }

    #[test]
    fn reuse_without_a_wish_of_the_request() {
        let swr = |age| Stored { stale_while_revalidate_s: 4, ..aged(age) };
        let rows: &[(Stored, Reuse)] = &[
            (aged(0), Reuse::Fresh),
            (aged(99), Reuse::Fresh),
            (aged(100), Reuse::Revalidate(Reason::Stale)),
            (swr(103), Reuse::StaleServable { while_revalidate: true }),
            (swr(104), Reuse::Revalidate(Reason::Stale)), // stale-while-revalidate-window
            (Stored { must_revalidate: true, ..swr(103) }, Reuse::Revalidate(Reason::Stale)),
            (Stored { no_cache: true, ..aged(0) }, Reuse::Revalidate(Reason::NoCache)),
        ];
        for profile in [rfc(), cloudfront()] {
            for (stored, expected) in rows {
                assert_eq!(reuse(profile, stored, &CacheControl::default(), NOW), *expected, "{stored:?}");
            }
        }
    }

    #[test]
    fn the_request_is_heard_in_rfc9111_alone() {
        let rows: &[(u64, &str, Reuse)] = &[
            (0, "max-age=0", Reuse::Revalidate(Reason::RequestMaxAge)), // ccreq-ma0
            (3, "max-age=1", Reuse::Revalidate(Reason::RequestMaxAge)), // ccreq-ma1
            (3, "max-age=3", Reuse::Fresh),
            (0, "min-fresh=101", Reuse::Revalidate(Reason::RequestMinFresh)), // ccreq-min-fresh
            (0, "min-fresh=100", Reuse::Fresh),
            (150, "max-stale=50", Reuse::StaleServable { while_revalidate: false }), // ccreq-max-stale
            (151, "max-stale=50", Reuse::Revalidate(Reason::Stale)),
            (9999, "max-stale", Reuse::StaleServable { while_revalidate: false }),
            (0, "no-cache", Reuse::Revalidate(Reason::RequestNoCache)), // ccreq-no-cache
            (0, "only-if-cached", Reuse::Fresh),
            (101, "only-if-cached", Reuse::Unsatisfiable(Reason::OnlyIfCached)), // ccreq-oic
        ];
        for (age, wish, expected) in rows {
            assert_eq!(reuse(rfc(), &aged(*age), &asks(wish), NOW), *expected, "{wish} at {age}");
            let deaf = if *age < 100 { Reuse::Fresh } else { Reuse::Revalidate(Reason::Stale) };
            assert_eq!(
                reuse(cloudfront(), &aged(*age), &asks(wish), NOW),
                deaf,
                "{wish} at {age}: cdn row 36"
            );
        }
        let bound = Stored { must_revalidate: true, ..aged(150) };
        let stale = Reuse::Revalidate(Reason::Stale);
        assert_eq!(
            reuse(rfc(), &bound, &asks("max-stale=50"), NOW),
            stale,
            "RFC 9111 5.2.2.2: not even then"
        );
        assert_eq!(may_fetch(rfc(), &asks("only-if-cached")), Err(Reason::OnlyIfCached));
        assert_eq!(may_fetch(cloudfront(), &asks("only-if-cached")), Ok(()));
    }

    #[test]
    fn failures() {
        use Failure::{Status, Unreachable};
        use OnError::{PassFailure, ServeStale};
        let sie = |s| Stored { stale_if_error_s: Some(s), ..aged(150) };
        let bound = Stored { must_revalidate: true, ..aged(150) };
        let rows: &[(Stored, Failure, OnError, OnError)] = &[
            // stored, failure, rfc9111, cloudfront
            (aged(150), Unreachable, ServeStale(Reason::Unreachable), ServeStale(Reason::Unreachable)), // stale-close, row 37
            (aged(150), Status(503), PassFailure(Reason::NotAFailure), ServeStale(Reason::ErrorStatus)), // row 43
            (aged(150), Status(404), PassFailure(Reason::NotAFailure), PassFailure(Reason::NotAFailure)), // row 43
            (sie(60), Status(503), ServeStale(Reason::IfError), ServeStale(Reason::IfError)), // stale-sie-503
            (sie(50), Unreachable, ServeStale(Reason::IfError), ServeStale(Reason::IfError)),
            (sie(49), Unreachable, PassFailure(Reason::StaleTooOld), PassFailure(Reason::StaleTooOld)),
            (sie(0), Unreachable, PassFailure(Reason::StaleForbidden), PassFailure(Reason::StaleForbidden)), // row 37
            (bound, Unreachable, PassFailure(Reason::StaleForbidden), PassFailure(Reason::StaleForbidden)),
            (aged(86_501), Unreachable, PassFailure(Reason::StaleTooOld), ServeStale(Reason::Unreachable)),
        ];
        for (stored, failure, in_rfc, in_cloudfront) in rows {
            assert_eq!(on_error(rfc(), stored, *failure, NOW), *in_rfc, "rfc9111 {stored:?} {failure:?}");
            assert_eq!(
                on_error(cloudfront(), stored, *failure, NOW),
                *in_cloudfront,
                "cloudfront {stored:?} {failure:?}"
            );
        }
    }
}
