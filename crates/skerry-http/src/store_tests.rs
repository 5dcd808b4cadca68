//! Rows of `storage`, both profiles. Names after `//` are cache-tests ids or rows of the CloudFront table.

use super::*;
use proptest::prelude::*;

const AT: Times = Times { request_s: 1_795_000_000, response_s: 1_795_000_000 };

fn get() -> RequestFacts<'static> {
    RequestFacts {
        method: Method::Get,
        options_cached: false,
        authorization: false,
        cookie: false,
        directives: CacheControl::default(),
        target: b"/a?b",
        authority: b"shop.example",
    }
}

/// A head from `Name: value` lines; `@-10` stands for the date 10 seconds before arrival.
fn head(status: u16, lines: &[&str]) -> ResponseHead {
    let mut head = ResponseHead::new(status);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        match value.strip_prefix('@') {
            None => head.fields.push(name.as_bytes(), value.as_bytes()),
            Some(off) => {
                let at = AT.response_s.checked_add_signed(off.parse().unwrap()).unwrap();
                head.fields.push(name.as_bytes(), &date::format(at));
            }
        }
    }
    head
}

fn ttl(min_s: u32, default_s: u32, max_s: u32) -> Limits {
    Limits { ttl: TtlBounds { min_s, default_s, max_s }, error_min_s: 10 }
}

fn decide_in(
    name: &str,
    limits: &Limits,
    request: &RequestFacts<'_>,
    head: &ResponseHead,
) -> Result<Stored, Reason> {
    match storage(Profile::named(name).unwrap(), limits, request, head, AT) {
        Storage::Store { stored, .. } => Ok(stored),
        Storage::Refuse(reason) => Err(reason),
    }
}

#[test]
fn rfc9111_lifetimes_and_refusals() {
    let rows: &[(u16, &[&str], Result<u32, Reason>)] = &[
        (200, &[], Err(Reason::NoFreshness)), // freshness-none
        (200, &["Cache-Control: max-age=3600"], Ok(3600)),
        (200, &["Cache-Control: max-age=0"], Err(Reason::Expired)),
        (200, &["Cache-Control: max-age=0", "ETag: \"a\""], Ok(0)),
        (200, &["Cache-Control: max-age=0, s-maxage=3600", "Expires: @-10"], Ok(3600)), // s-maxage-shared-shorter-expires
        (200, &["Cache-Control: max-age=3600", "Expires: 0"], Ok(3600)), // max-age-expires-invalid
        (200, &["Cache-Control: max-age=3600", "Date: @0", "Age: 7200"], Err(Reason::Expired)), // max-age-age
        (200, &["Expires: @300", "Date: @400"], Err(Reason::Expired)),   // expires-old-date
        (200, &["Expires: 0", "Date: @0"], Err(Reason::Expired)),        // expires-invalid
        (200, &["Expires: @10", "Date: foo"], Ok(10)),                   // expires-invalid-date
        (200, &["Date: @-10", "Expires: @10", "Age: 25"], Err(Reason::Expired)), // expires-age-slow-date
        (200, &["Date: @10", "Expires: @20", "Age: 15"], Err(Reason::Expired)), // expires-age-fast-date
        (200, &["Expires: @10", "Expires: @11"], Err(Reason::Expired)),
        (200, &["Cache-Control: no-store, max-age=9"], Err(Reason::NoStore)),
        (200, &["Cache-Control: private, max-age=9"], Err(Reason::Private)),
        (200, &["Cache-Control: no-cache, max-age=9"], Err(Reason::NoValidator)),
        (200, &["Cache-Control: no-cache", "ETag: \"a\""], Ok(0)), // cc-resp-no-cache-revalidate
        (200, &["Cache-Control: max-age=9", "Vary: Foo", "Vary: , *"], Err(Reason::VaryStar)), // vary-syntax-*
        (200, &["Cache-Control: max-age=9", "Set-Cookie: a=b"], Ok(9)), // other-set-cookie
        (200, &["Last-Modified: @-1000", "Set-Cookie: a=b"], Err(Reason::SetCookie)),
        (200, &["Last-Modified: @-86400", "Date: @0"], Ok(8640)), // heuristic-200-cached
        (200, &["Last-Modified: @-86400000", "Date: @0"], Ok(86_400)), // capped
        (200, &["ETag: \"a\""], Ok(0)),
        (201, &["Last-Modified: @-86400", "Date: @0"], Err(Reason::NoFreshness)), // heuristic-201-not_cached
        (404, &["Last-Modified: @-86400", "Date: @0"], Ok(8640)),
        (599, &["Last-Modified: @-86400", "Date: @0"], Err(Reason::NoFreshness)),
        (599, &["Last-Modified: @-86400", "Date: @0", "Cache-Control: public"], Ok(8640)),
        (599, &["Cache-Control: max-age=9"], Ok(9)), // status-599-fresh
        (599, &["Cache-Control: max-age=9, no-store, must-understand"], Err(Reason::MustUnderstand)),
        (200, &["Cache-Control: max-age=9, no-store, must-understand"], Ok(9)), // status-200-must-understand
        (503, &["Cache-Control: max-age=9"], Ok(9)),
        (206, &["Cache-Control: max-age=9"], Err(Reason::Partial)),
        (304, &["Cache-Control: max-age=9"], Err(Reason::NotModifiedAlone)),
        (416, &["Cache-Control: max-age=9"], Err(Reason::RangeUnsatisfiable)),
        (103, &[], Err(Reason::Interim)),
        (200, &["CDN-Cache-Control: max-age=9", "Cache-Control: no-store"], Ok(9)), // cdn-fresh-cc-nostore
        (200, &["CDN-Cache-Control: max-age=9", "Expires: 0"], Ok(9)), // cdn-max-age-cc-max-age-invalid-expires
        (200, &["CDN-Cache-Control: max-age=0", "Expires: @99"], Err(Reason::Expired)), // cdn-max-age-0-expires
        (200, &["CDN-Cache-Control: must-revalidate", "Expires: @99"], Err(Reason::NoFreshness)), // RFC 9213 2.2
        (200, &["CDN-Cache-Control: private", "Cache-Control: max-age=9"], Err(Reason::Private)), // cdn-private
        (200, &["CDN-Cache-Control: no-cache", "Cache-Control: max-age=9"], Err(Reason::NoValidator)), // cdn-no-cache
        (200, &["CDN-Cache-Control: no-store", "Expires: @99"], Err(Reason::NoStore)), // cdn-no-store-cc-fresh
        (200, &["CDN-Cache-Control: max-age=9, &", "Cache-Control: no-store"], Err(Reason::NoStore)), // invalid-sh-type-unknown
    ];
    for (status, lines, expected) in rows {
        let found =
            decide_in("rfc9111", &Limits::default(), &get(), &head(*status, lines)).map(|s| s.fresh_for_s);
        assert_eq!(found, *expected, "{status} {lines:?}");
    }
}

#[test]
fn rfc9111_minds_who_asked() {
    let fresh = |extra: &str| head(200, &[&format!("Cache-Control: max-age=9{extra}")]);
    let auth = RequestFacts { authorization: true, ..get() };
    let decide = |request: &RequestFacts<'_>, head: &ResponseHead| {
        decide_in("rfc9111", &Limits::default(), request, head)
    };
    assert_eq!(decide(&auth, &fresh("")), Err(Reason::Authorization)); // other-authorization
    for word in [", public", ", must-revalidate", ", s-maxage=9"] {
        assert!(decide(&auth, &fresh(word)).is_ok(), "other-authorization{word}");
    }
    let asks = CacheControl { no_store: true, present: true, ..CacheControl::default() };
    assert_eq!(decide(&RequestFacts { directives: asks, ..get() }, &fresh("")), Err(Reason::RequestNoStore));
    let cookie = RequestFacts { cookie: true, ..get() };
    assert!(decide(&cookie, &fresh("")).is_ok()); // other-cookie
    assert_eq!(decide(&cookie, &head(200, &["Last-Modified: @-1000"])), Err(Reason::CookieHeuristic));
}

#[test]
fn methods() {
    let own = head(200, &["Cache-Control: max-age=9", "Content-Location: /a?b"]);
    let other = head(200, &["Cache-Control: max-age=9", "Content-Location: /c"]);
    let with = |method, options_cached| RequestFacts { method, options_cached, ..get() };
    let kept = |name, request: &RequestFacts<'_>, head: &ResponseHead| {
        decide_in(name, &Limits::default(), request, head).is_ok()
    };
    assert!(kept("rfc9111", &with(Method::Post, false), &own)); // method-POST
    assert!(!kept("rfc9111", &with(Method::Post, false), &other));
    assert!(!kept("cloudfront", &with(Method::Post, false), &own));
    assert!(kept("cloudfront", &with(Method::Options, true), &own)); // row 5
    assert!(!kept("cloudfront", &with(Method::Options, false), &own));
    assert!(!kept("rfc9111", &with(Method::Delete, false), &own));
}

#[test]
fn what_goes_beside_the_answer() {
    let said =
        "Cache-Control: max-age=9, stale-while-revalidate=4, stale-if-error=5, no-cache=\"Set-Cookie\"";
    let decision = storage(
        Profile::named("rfc9111").unwrap(),
        &Limits::default(),
        &get(),
        &head(200, &[said, "Age: 3"]),
        AT,
    );
    let Storage::Store { stored, strip } = decision else { panic!("{decision:?}") };
    assert_eq!(strip, [b"set-cookie".to_vec()]); // cdn row 27
    assert_eq!(
        stored,
        Stored {
            response_time_s: AT.response_s,
            initial_age_s: 3,
            fresh_for_s: 9,
            stale_while_revalidate_s: 4,
            stale_if_error_s: Some(5),
            ..Stored::default()
        }
    );
    for word in ["must-revalidate", "proxy-revalidate", "s-maxage=2"] {
        let head = head(200, &[&format!("Cache-Control: max-age=2, {word}")]);
        assert!(
            decide_in("rfc9111", &Limits::default(), &get(), &head).unwrap().must_revalidate,
            "stale-close-{word}"
        );
        assert!(!decide_in("cloudfront", &Limits::default(), &get(), &head).unwrap().must_revalidate);
    }
    let by_etag_alone =
        decide_in("rfc9111", &Limits::default(), &get(), &head(200, &["ETag: \"a\""])).unwrap();
    assert!(
        by_etag_alone.must_revalidate,
        "nobody allowed it to be served unasked, not even to a cut-off viewer"
    );
}

#[test]
fn cloudfront_lifetimes() {
    let zero = ttl(0, 86_400, 1000);
    let floor = ttl(60, 300, 1000);
    let rows: &[(Limits, &[&str], Result<u32, Reason>)] = &[
        (zero, &["Cache-Control: max-age=9, s-maxage=8"], Ok(8)), // row 33
        (zero, &["Cache-Control: max-age=9", "Expires: @500"], Ok(9)), // row 35
        (zero, &["Expires: @500", "Date: @0"], Ok(500)),
        (zero, &["Cache-Control: max-age=5000"], Ok(1000)),
        (zero, &[], Ok(1000)), // default TTL above max: max
        (ttl(0, 300, 1000), &[], Ok(300)),
        (ttl(0, 0, 1000), &[], Err(Reason::Expired)),
        (ttl(0, 0, 0), &["Cache-Control: max-age=9"], Err(Reason::CachingDisabled)), // CachingDisabled
        (zero, &["Cache-Control: no-store, max-age=9"], Err(Reason::NoStore)),
        (zero, &["Cache-Control: private, max-age=9"], Err(Reason::Private)),
        (zero, &["Cache-Control: no-cache, max-age=9"], Err(Reason::NoValidator)),
        (zero, &["Cache-Control: max-age=9", "Vary: *"], Err(Reason::VaryStar)), // row 40
        (floor, &["Cache-Control: max-age=9", "Vary: *"], Ok(60)),
        (floor, &["Cache-Control: max-age=9"], Ok(60)), // row 34
        (floor, &["Cache-Control: max-age=90"], Ok(90)),
        (floor, &["Cache-Control: max-age=9000"], Ok(1000)),
        (floor, &[], Ok(300)),
        (ttl(60, 30, 1000), &[], Ok(60)), // max(min, default)
        (floor, &["Cache-Control: no-store"], Ok(60)),
        (floor, &["Cache-Control: private, max-age=500"], Ok(60)),
        (floor, &["Cache-Control: no-cache"], Ok(60)),
        (floor, &["Cache-Control: max-age=9", "Age: 40", "Date: @0"], Ok(100)), // 60 s from arrival
        (zero, &["CDN-Cache-Control: no-store", "Cache-Control: max-age=9"], Ok(9)),
    ];
    for (limits, lines, expected) in rows {
        let found = decide_in("cloudfront", limits, &get(), &head(200, lines));
        assert_eq!(found.map(|s| s.fresh_for_s), *expected, "{limits:?} {lines:?}");
    }
    let forced = decide_in("cloudfront", &floor, &get(), &head(200, &["Cache-Control: no-cache"])).unwrap();
    assert!(forced.forced && !forced.no_cache);
    let bounded = head(200, &["Cache-Control: max-age=9, stale-while-revalidate=9999, stale-if-error=9999"]);
    let found = decide_in("cloudfront", &zero, &get(), &bounded).unwrap();
    assert_eq!((found.stale_while_revalidate_s, found.stale_if_error_s), (1000, Some(1000))); // row 38
}

#[test]
fn cloudfront_errors() {
    let rows: &[(u16, &[&str], Result<u32, Reason>)] = &[
        (404, &[], Ok(10)), // row 41
        (404, &["Cache-Control: max-age=99"], Ok(99)),
        (404, &["Cache-Control: max-age=1"], Ok(10)),
        (404, &["Expires: @99", "Date: @0"], Ok(99)),
        (404, &["Cache-Control: no-store"], Err(Reason::NoStore)),
        (410, &["Cache-Control: private"], Err(Reason::Private)),
        (501, &["Cache-Control: no-cache"], Err(Reason::NoCache)),
        (500, &["Cache-Control: no-store"], Ok(10)),
        (500, &["Cache-Control: no-cache"], Ok(10)),
        (503, &["Cache-Control: private, max-age=20"], Ok(20)),
        (504, &["Cache-Control: max-age=99999"], Ok(1000)),
        (403, &[], Err(Reason::ErrorUnasked)), // row 42
        (403, &["Expires: @99", "Date: @0"], Err(Reason::ErrorUnasked)),
        (403, &["Cache-Control: max-age=99"], Ok(99)),
        (415, &["Cache-Control: s-maxage=1"], Ok(10)),
        (416, &["Cache-Control: max-age=99"], Err(Reason::RangeUnsatisfiable)),
        (429, &["Cache-Control: max-age=99"], Err(Reason::ErrorUncached)),
        (401, &[], Err(Reason::ErrorUncached)),
        (302, &["Cache-Control: max-age=99"], Ok(99)), // row 45
    ];
    for (status, lines, expected) in rows {
        let found = decide_in("cloudfront", &ttl(0, 86_400, 1000), &get(), &head(*status, lines));
        assert_eq!(found.map(|s| s.fresh_for_s), *expected, "{status} {lines:?}");
        let asks = found.is_ok_and(|s| s.error && (s.no_cache || !s.must_revalidate));
        assert!(!asks, "a stored error is served while it lasts and not a second longer: {status} {lines:?}");
        assert_eq!(found.is_ok_and(|s| s.error), *status >= 400 && expected.is_ok());
    }
}

proptest! {
    #[test]
    fn a_maximum_of_zero_stores_nothing_and_no_bytes_make_it_panic(
        status in 100u16..700, value in proptest::collection::vec(any::<u8>(), 0..60), max_s in 0u32..2,
    ) {
        let mut head = ResponseHead::new(status);
        for name in [&b"Cache-Control"[..], b"CDN-Cache-Control", b"Expires", b"Age", b"Date", b"Vary", b"Last-Modified"] {
            head.fields.push(name, &value);
        }
        for name in ["rfc9111", "cloudfront"] {
            let found = decide_in(name, &ttl(0, 10, max_s), &get(), &head);
            prop_assert!(max_s > 0 || found.is_err());
        }
    }
}
