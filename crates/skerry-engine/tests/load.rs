//! Many at once: one fetch for a thousand, none waiting in vain, and memory that does not grow with the slow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use skerry_cache::Limits;
use support::origin::{Origin, Reply, To, now};
use support::{Bench, clock, plain, run_paused, until};

/// Counts what is allocated and not freed.
struct Counting;
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; only numbers are kept beside it
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as the trait demands of its callers
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on
        unsafe { System.alloc(layout) }
    }
    // SAFETY: as the trait demands of its callers
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const MANY: usize = 1_000;
const ASK: &str = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";

#[test]
fn a_thousand_misses_are_one_fetch_and_all_read_while_it_arrives() {
    for profile in ["cloudfront", "rfc9111"] {
        run_paused(async {
            let half = "x".repeat(20_000);
            let head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 40000\r\n\r\n";
            let first = [&head[..], half.as_bytes()].concat();
            let origin = Origin::new(move |_| {
                let rest = half.clone().into_bytes();
                let parts = vec![(Duration::from_secs(1), first.clone()), (Duration::from_secs(20), rest)];
                now(Reply::Slow(parts))
            });
            let bench = Bench::new(&plain(profile), Rc::new(To(origin.clone())));
            let mut viewers: Vec<_> = (0..MANY).map(|_| bench.viewer()).collect();
            for viewer in &mut viewers {
                viewer.send(ASK).await;
            }
            let begun = tokio::time::Instant::now();
            let mut framings = Vec::new();
            for viewer in &mut viewers {
                let (head, framing) = viewer.head("GET").await.unwrap();
                assert!(head.starts_with("HTTP/1.1 200"));
                let mut first = Vec::new();
                assert!(viewer.take(20_000, &mut first).await);
                framings.push(framing);
            }
            assert!(begun.elapsed() < Duration::from_secs(2), "the first half, while the second is to come");
            for viewer in &mut viewers {
                let mut second = Vec::new();
                assert!(viewer.take(20_000, &mut second).await);
            }
            drop(viewers);
            bench.rest().await;
            assert_eq!((origin.asked_count(), bench.records().len()), (1, MANY));
        });
    }
}

/// Nobody waits for an answer that is not shared: neither the first time, when that is not known, nor later.
#[test]
fn an_answer_that_is_not_shared_is_not_waited_for_in_turn() {
    run_paused(async {
        let bytes = b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 2\r\n\r\nok".to_vec();
        let origin = Origin::new(move |_| now(Reply::Slow(vec![(Duration::from_secs(2), bytes.clone())])));
        let bench = Bench::new(&plain("rfc9111"), Rc::new(To(origin.clone())));
        for (round, seconds_max) in [(1, 5), (2, 3)] {
            let mut viewers: Vec<_> = (0..50).map(|_| bench.viewer()).collect();
            let begun = tokio::time::Instant::now();
            for viewer in &mut viewers {
                viewer.send(ASK).await;
            }
            for viewer in &mut viewers {
                assert_eq!(viewer.answer("GET").await.unwrap().text(), "ok");
            }
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(seconds_max), "round {round} took {took:?}");
            assert_eq!(origin.asked_count(), 50 * round);
        }
        assert!(origin.open_max.get() >= 49);
    });
}

/// What a slow reader costs is a few buffers, not its body: 1,000 of them, a gigabyte each.
#[test]
fn slow_readers_of_large_bodies_stay_within_their_memory() {
    const GIGABYTE: u64 = 1 << 30;
    const CACHE_BYTES: u64 = 32 << 20;
    const EACH_BYTES: usize = 320 * 1024; // two in-memory pipes of this test, an origin's buffer, a request
    for is_told in [true, false] {
        run_paused(async {
            let origin = Origin::new(move |_| {
                let framing = if is_told {
                    format!("Content-Length: {GIGABYTE}")
                } else {
                    "Transfer-Encoding: chunked".to_owned()
                };
                let head = format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n{framing}\r\n\r\n");
                let piece = match is_told {
                    true => vec![7; 16 * 1024],
                    false => [b"4000\r\n".as_slice(), &[7; 16 * 1024], b"\r\n"].concat(),
                };
                let make = move |at| if at < GIGABYTE { piece.clone() } else { Vec::new() };
                now(Reply::Flow(head.into_bytes(), Box::new(make)))
            });
            let limits = Limits::of(CACHE_BYTES);
            let bench = Bench::with(&plain("cloudfront"), Rc::new(To(origin)), limits, clock(), "");
            let before = LIVE_BYTES.load(Relaxed);
            let mut viewers = Vec::new();
            for _ in 0..MANY {
                let mut viewer = bench.viewer_of(16 * 1024);
                viewer.send(ASK).await;
                viewers.push(viewer);
            }
            let most = Cell::new(0);
            let look = || most.set(most.get().max(LIVE_BYTES.load(Relaxed) - before));
            for round in 0..3 {
                for viewer in &mut viewers {
                    // a little at a time, and a rest
                    let mut some = vec![0; 8 * 1024];
                    let n = tokio::io::AsyncReadExt::read(&mut viewer.stream, &mut some).await.unwrap();
                    assert!(n > 0 || (!is_told && round > 0), "cut in round {round}");
                    look();
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
                look();
            }
            let used = bench.core.shared.cache.gauges().used_bytes;
            assert!(used <= CACHE_BYTES + MANY as u64 * 64 * 1024, "on the account: {used}");
            let allowed = CACHE_BYTES as usize + MANY * EACH_BYTES;
            assert!(most.get() < allowed, "{} MB, allowed {} MB", most.get() >> 20, allowed >> 20);
            drop(viewers);
            bench.rest().await;
        });
    }
}

/// Row 49, and the standard's way, in the middle of a body.
#[test]
fn a_viewer_that_leaves_in_the_middle_ends_the_fill_only_as_the_last() {
    for (profile, others, stored) in
        [("cloudfront", 0, false), ("cloudfront", 1, true), ("rfc9111", 0, true), ("rfc9111", 1, true)]
    {
        run_paused(async {
            let origin = Origin::new(|_| {
                let head =
                    b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 30000\r\n\r\n".to_vec();
                let mut parts = vec![(Duration::ZERO, head)];
                parts.extend((0..30).map(|_| (Duration::from_millis(100), vec![b'x'; 1_000])));
                now(Reply::Slow(parts))
            });
            let bench = Bench::new(&plain(profile), Rc::new(To(origin.clone())));
            let mut leaves = bench.viewer();
            leaves.send(ASK).await;
            let mut stay: Vec<_> = (0..others).map(|_| bench.viewer()).collect();
            for viewer in &mut stay {
                viewer.send(ASK).await;
            }
            leaves.head("GET").await.unwrap();
            let mut some = Vec::new();
            assert!(leaves.take(5_000, &mut some).await);
            drop(leaves);
            for viewer in &mut stay {
                assert_eq!(viewer.answer("GET").await.unwrap().body.len(), 30_000);
            }
            drop(stay);
            bench.rest().await;
            until("the origin at rest", || origin.open.get() == 0).await;
            assert_eq!(bench.core.shared.cache.gauges().objects, usize::from(stored), "{profile} {others}");
            let reasons: Vec<_> = bench.records().iter().map(|r| r["reason"].to_string()).collect();
            assert_eq!(reasons.iter().filter(|r| r.contains("viewer-left")).count(), 1, "{reasons:?}");
        });
    }
}
