//! Many at once: one fetch for a thousand, none waiting in vain, and memory that does not grow with the slow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use skerry_cache::Limits;
use skerry_cache::body::TIGHT_COPY_BYTES;
use skerry_engine::origin::client::READ_BYTES;
use support::origin::{Origin, Reply, To, now};
use support::{Bench, clock, plain, run_paused, until};
use tokio::io::AsyncReadExt;

/// Counts what is allocated and not freed, for each thread by itself: tests run side by side.
struct Counting;
thread_local! { static LIVE_BYTES: Cell<i64> = const { Cell::new(0) }; }

fn live_bytes() -> i64 {
    LIVE_BYTES.with(Cell::get)
}

// SAFETY: every call goes to the system's allocator as it came; only numbers are kept beside it
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as the trait demands of its callers
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.with(|live| live.set(live.get() + layout.size() as i64));
        // SAFETY: the caller's promise is passed on
        unsafe { System.alloc(layout) }
    }
    // SAFETY: as the trait demands of its callers
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE_BYTES.with(|live| live.set(live.get() - layout.size() as i64));
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

const GIGABYTE: u64 = 1 << 30;
const CACHE_BYTES: u64 = 32 << 20;
/// What a viewer's connection holds, and an origin's (see [`To`]), down and full.
const VIEWER_PIPE: usize = 16 * 1024;
const ORIGIN_PIPE: usize = 64 * 1024;
const PIECE: usize = 16 * 1024;
/// Tasks, heads and buffers of a request and its connections, without a body: 10 KB were measured for a pass, 25 for a
/// reader that has gone on alone.
const STATE_BYTES: u64 = 28 * 1024;

/// How the bodies come, and what may be held for one of the readers at most.
struct Large {
    name: &'static str,
    lines: &'static str,
    /// Connections to the origin.
    origins: usize,
    /// On the cache's account, each beyond the limit.
    account_bytes: u64,
    /// Beside the account.
    buffer_bytes: u64,
}

const LARGE: [Large; 3] = [
    // a pass each: one read of an origin
    Large {
        name: "known to be too large",
        lines: "Content-Length: 1073741824\r\n",
        origins: MANY,
        account_bytes: 0,
        buffer_bytes: READ_BYTES as u64,
    },
    // all share one fetch and its window; those too slow for it are cut
    Large {
        name: "found to be too large",
        lines: "Transfer-Encoding: chunked\r\n",
        origins: 1,
        account_bytes: TIGHT_COPY_BYTES as u64,
        buffer_bytes: 0,
    },
    // the same, and those too slow go on by fetches of their own
    Large {
        name: "gone on with",
        lines: "Transfer-Encoding: chunked\r\nETag: \"v\"\r\n",
        origins: MANY,
        account_bytes: READ_BYTES as u64,
        buffer_bytes: 0,
    },
];

/// Bodies of a gigabyte; the rest of one where that is asked for.
fn gigabytes(lines: &'static str) -> Rc<Origin> {
    Origin::new(move |asked| {
        let range = asked.header("range").and_then(|text| text.strip_prefix("bytes=")?.strip_suffix('-'));
        let from: u64 = range.map_or(0, |text| text.parse().unwrap());
        let head = match range {
            None => format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n{lines}\r\n"),
            Some(_) => format!(
                "HTTP/1.1 206 Partial\r\nETag: \"v\"\r\nContent-Range: bytes {from}-{}/{GIGABYTE}\r\n\
                 Content-Length: {}\r\n\r\n",
                GIGABYTE - 1,
                GIGABYTE - from
            ),
        };
        let piece = match lines.contains("chunked") && range.is_none() {
            true => [b"4000\r\n".as_slice(), &[7; PIECE], b"\r\n"].concat(),
            false => vec![7; PIECE],
        };
        let make = move |at| if at < GIGABYTE { piece.clone() } else { Vec::new() };
        now(Reply::Flow(head.into_bytes(), Box::new(make)))
    })
}

/// What so many connections of both kinds hold when they are full, the origins' own pieces included: no figure of ours.
fn pipes_bytes(viewers: usize, origins: usize) -> u64 {
    (viewers * VIEWER_PIPE + origins * (ORIGIN_PIPE + 2 * PIECE)) as u64
}

/// What a slow reader costs is a few buffers, not its body: 1,000 of them, a gigabyte each. The cache stays within its
/// account but for what cannot be refused, and the engine holds no more than the account says and a buffer a request.
#[test]
fn slow_readers_of_large_bodies_stay_within_their_memory() {
    let many = MANY as u64;
    for Large { name, lines, origins, account_bytes, buffer_bytes } in LARGE {
        run_paused(async {
            let pipes = pipes_bytes(MANY, origins);
            let origin = gigabytes(lines);
            let limits = Limits::of(CACHE_BYTES);
            let bench = Bench::with(&plain("cloudfront"), Rc::new(To(origin.clone())), limits, clock(), "");
            let before = live_bytes();
            let mut viewers = Vec::new();
            for _ in 0..MANY {
                let mut viewer = bench.viewer_of(VIEWER_PIPE);
                viewer.send(ASK).await;
                viewers.push(viewer);
            }
            let (mut live_most, mut account_most, mut cut) = (0, 0, 0);
            let mut look = || {
                live_most = live_most.max((live_bytes() - before) as u64);
                account_most = account_most.max(bench.core.shared.cache.gauges().used_bytes);
            };
            for reads in [1, 1, 16] {
                for viewer in &mut viewers {
                    // a little at a time, and a rest; in the end more than was on its way
                    let mut some = vec![0; 8 * 1024];
                    for _ in 0..reads {
                        let n = viewer.stream.read(&mut some).await.unwrap();
                        look();
                        if n == 0 {
                            cut += 1;
                            break;
                        }
                    }
                }
                // one is not slow: who shares a fetch with it falls behind
                let mut left: usize = 3 << 20;
                while left > 0 {
                    let mut some = vec![0; 8 * 1024];
                    let n = viewers[0].stream.read(&mut some).await.unwrap();
                    assert!(n > 0, "{name}: the fast one is cut: {:?}", bench.records().last());
                    left -= n.min(left);
                    look();
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
                look();
            }
            let own = bench.core.stats.own_fetches.load(Relaxed) as usize;
            match name {
                "found to be too large" => assert_eq!((cut, own), (MANY - 1, 0)),
                "gone on with" => assert_eq!((cut, own), (0, MANY - 1)),
                _ => assert_eq!((cut, own), (0, 0)),
            }
            assert_eq!(origin.open_max.get(), origins, "{name}");
            // a passing fill takes one piece, an origin's read, whatever the account says
            let pieces = (READ_BYTES * bench.core.shared.cache.gauges().fills) as u64;
            let allowed = CACHE_BYTES + many * account_bytes + pieces;
            assert!(account_most <= allowed, "{name}: {account_most} on the account, allowed {allowed}");
            let held = live_most.saturating_sub(pipes);
            let allowed = account_most + many * (buffer_bytes + STATE_BYTES);
            assert!(held <= allowed, "{name}: {held} bytes beside the connections' own, allowed {allowed}");
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
