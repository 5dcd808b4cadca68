//! Renewing behind a stale answer (RFC 5861 3) while a function keeps failing: how long, and what is known of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::json;
use skerry_cache::Limits;
use skerry_engine::clock::Clock;
use support::origin::{Origin, To};
use support::worker::{Deed, Launcher, request_of};
use support::{Bench, behavior, plain, run, until};

struct Hand(Cell<u64>);

impl Clock for Hand {
    fn unix_ms(&self) -> u64 {
        self.0.get()
    }
}

/// Stale is served for as long as the origin allowed, each request tries again, and then the function's own error is
/// told: a function may be there to refuse, so no answer stands in for it.
#[test]
fn stale_ends_where_the_origin_said_while_an_origin_request_function_raises() {
    for profile in ["cloudfront", "rfc9111"] {
        run(async {
            let is_broken = Rc::new(Cell::new(false));
            let broken = is_broken.clone();
            let launcher = Launcher::start(move |event| match broken.get() {
                true => Deed::Raise,
                false => Deed::Result(request_of(&event)),
            });
            let mut snapshot = plain(profile);
            snapshot["functions"] =
                json!([{"name": "f", "version": "v1", "timeout_ms": 300, "memory_mb": 128}]);
            behavior(&mut snapshot)["functions"] =
                json!([{"event": "origin-request", "function": "f", "include_body": false}]);
            let control = "Cache-Control: max-age=10, stale-while-revalidate=20";
            let origin =
                Origin::always(format!("HTTP/1.1 200 OK\r\n{control}\r\nContent-Length: 3\r\n\r\nold"));
            let hand = Rc::new(Hand(Cell::new(1_795_560_000_000)));
            let limits = Limits::of(64 << 20);
            let bench = Bench::with(&snapshot, Rc::new(To(origin)), limits, hand.clone(), &launcher.path);
            let mut viewer = bench.viewer();
            assert_eq!(viewer.get("/a", "").await.text(), "old");
            is_broken.set(true);
            hand.0.set(hand.0.get() + 15_000);
            for turn in 1..=3 {
                let answer = viewer.get("/a", "").await;
                assert_eq!((answer.text(), answer.x_cache()), ("old".to_owned(), "Hit"), "{profile}");
                let status = answer.header("cache-status").unwrap();
                assert_eq!(status, "skerry; hit; ttl=-5; detail=while-revalidate", "{profile}");
                until("the renewal to end", || bench.core.shared.cache.gauges().fills == 0).await;
                assert_eq!(launcher.calls.get(), 1 + turn, "each request tries once");
                // the request that caused it tells what became of it
                let id = answer.header("x-amz-cf-id").unwrap().to_owned();
                let story = bench.core.shared.rings[0].lock().find(id.as_bytes()).unwrap();
                let last = story["steps"].as_array().unwrap().last().unwrap()["what"].clone();
                assert!(last.as_str().unwrap().starts_with("function.raised: "), "{story}");
                assert_eq!(story["stored"], false);
            }
            assert_eq!(bench.core.stats.function_errors.load(Relaxed), 3);
            hand.0.set(hand.0.get() + 16_000);
            let answer = viewer.get("/a", "").await;
            assert_eq!((answer.status(), answer.x_cache()), (503, "LambdaExecutionError"), "{profile}");
            let status = answer.header("cache-status").unwrap();
            assert_eq!(status, "skerry; fwd=stale; detail=function.raised", "{profile}");
            is_broken.set(false);
            assert_eq!(viewer.get("/a", "").await.text(), "old", "not kept: the next request asks again");
            let words: Vec<_> = bench.records().iter().map(|record| record["reason"].clone()).collect();
            let renewing = "while-revalidate";
            assert_eq!(words, ["", renewing, renewing, renewing, "function.raised", "stale"], "{profile}");
        });
    }
}
