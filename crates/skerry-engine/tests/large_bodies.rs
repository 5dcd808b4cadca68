//! Large stored bodies over real sockets: they leave by `sendfile`, and arrive as they were whatever becomes of them
//! in the cache meanwhile.
#![allow(clippy::unwrap_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;

use skerry_cache::Limits;
use skerry_engine::h1::connection;
use support::origin::{Origin, Reply, To, now};
use support::viewer::Viewer;
use support::{Bench, clock, peer, plain, run, until};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const CACHE_BYTES: u64 = 2 << 20;

/// `/N`: some 20 to 400 KB that no other path shares a word with.
fn body_of(target: &str) -> Vec<u8> {
    let number: u64 = target[1..].parse().unwrap();
    let bytes = 20_000 + (number * 37_003 % 380_000) as usize;
    let words = (0..bytes as u64 / 8 + 1).flat_map(|at| (number << 32 | at).to_le_bytes());
    words.take(bytes).collect()
}

fn bench(limits: Limits) -> Bench {
    let origin = Origin::new(|asked| {
        let body = body_of(asked.target());
        let head = format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        now(Reply::Keep([head.into_bytes(), body].concat()))
    });
    Bench::with(&plain("rfc9111"), Rc::new(To(origin)), limits, clock(), "")
}

/// A viewer behind a socket that takes little at a time, where `receive_bytes` says so.
async fn socket_viewer(bench: &Bench, receive_bytes: Option<u32>) -> Viewer<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    let (ours, theirs) = tokio::join!(socket.connect(listener.local_addr().unwrap()), listener.accept());
    let theirs = theirs.unwrap().0;
    theirs.set_nodelay(true).unwrap();
    tokio::task::spawn_local(connection::serve(bench.core.clone(), theirs, peer(false)));
    Viewer::new(ours.unwrap())
}

fn slots_taken(bench: &Bench) -> usize {
    bench.core.shared.cache.arena().map_or(0, |arena| arena.slots_taken())
}

/// Whoever answered is done, its object is gone, its slots have other owners: what the kernel still holds of the
/// answer must be what it was given.
#[test]
fn an_answer_on_its_way_outlives_its_object_and_its_slots() {
    run(async {
        let bench = bench(Limits::of(CACHE_BYTES));
        if bench.core.shared.cache.arena().is_none() {
            return; // huge pages: see Arena::where_safe
        }
        let mut filling = bench.viewer();
        let expected = body_of("/5");
        assert_eq!(filling.get("/5", "").await.body, expected);
        let mut viewer = socket_viewer(&bench, None).await;
        viewer.send("GET /5 HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        until("the record of the hit", || bench.records().len() == 2).await; // all of it is the kernel's now
        assert_eq!((slots_taken(&bench), expected.len() / 65_536), (3, 3), "each whole piece in a slot");
        bench.core.shared.cache.clear();
        assert_eq!(slots_taken(&bench), 0);
        for target in ["/3", "/4"] {
            for word in ["Miss", "Hit"] {
                assert_eq!(filling.get(target, "").await.x_cache(), word);
            }
        }
        assert!(slots_taken(&bench) >= 3, "the same slots, for those let go of are taken first");
        let answer = viewer.answer("GET").await.unwrap();
        assert!(answer.x_cache() == "Hit" && answer.body == expected);
        drop((filling, viewer));
        bench.rest().await;
    });
}

/// Many slow viewers, a cache that holds a tenth of what they ask for, pipelines, ranges and leavers between.
fn storm(limits: Limits) {
    run(async {
        let bench = Rc::new(bench(limits));
        let viewers: Vec<_> = (0..16_u64)
            .map(|one| {
                let bench = bench.clone();
                tokio::task::spawn_local(async move {
                    let mut viewer = socket_viewer(&bench, (one % 2 == 0).then_some(8_192)).await;
                    for turn in 0..12_u64 {
                        let targets =
                            [one * 7 + turn, turn * turn + one].map(|number| format!("/{}", number % 90));
                        let mut text = String::new();
                        for target in &targets {
                            text += &format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n");
                        }
                        viewer.send(&text).await;
                        for target in &targets {
                            let (head, _) = viewer.head("GET").await.unwrap();
                            let expected = body_of(target);
                            let mut body = std::mem::take(&mut viewer.buffer);
                            while body.len() < expected.len() {
                                let mut piece =
                                    vec![0; (9_000 + 1_000 * one as usize).min(expected.len() - body.len())];
                                viewer.stream.read_exact(&mut piece).await.unwrap();
                                body.extend(piece);
                                for _ in 0..(one * 3 + turn) % 7 {
                                    tokio::task::yield_now().await;
                                }
                            }
                            viewer.buffer = body.split_off(expected.len());
                            assert!(body == expected, "{target} to {one} in turn {turn}: {head}");
                        }
                        let ranged = viewer.get(&targets[0], "Range: bytes=9000-\r\n").await;
                        // this origin knows no ranges: what is not stored comes whole
                        let from = if ranged.status() == 206 { 9_000 } else { 0 };
                        assert!(ranged.body == body_of(&targets[0])[from..], "{}", ranged.head);
                        if turn % 5 == one % 5 {
                            viewer.send("GET /88 HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
                            viewer.head("GET").await.unwrap();
                            viewer = socket_viewer(&bench, None).await; // leaves in the middle
                        }
                    }
                })
            })
            .collect();
        for viewer in viewers {
            viewer.await.unwrap();
        }
        bench.rest().await;
        assert!(slots_taken(&bench) > 0 || bench.core.shared.cache.arena().is_none());
        bench.core.shared.cache.clear();
        assert_eq!((slots_taken(&bench), bench.core.shared.cache.gauges().used_bytes), (0, 0));
    });
}

#[test]
fn every_body_arrives_as_it_was_while_the_cache_evicts() {
    storm(Limits::of(CACHE_BYTES));
}

#[test]
fn without_an_arena_all_is_as_it_was() {
    storm(Limits { has_arena: false, ..Limits::of(CACHE_BYTES) });
}

/// A viewer that takes nothing has the time of a step (30 s), as with any other way of sending.
#[test]
fn a_viewer_that_takes_nothing_is_let_go() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let bench = bench(Limits { object_bytes_max: 8 << 20, ..Limits::of(64 << 20) });
        let mut filling = bench.viewer();
        filling.get("/5", "").await;
        let mut stalled = socket_viewer(&bench, Some(4_096)).await;
        // more than both ends of the connection hold
        stalled.send(&"GET /5 HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(60)).await;
        drop(filling);
        until("its connection", || bench.gauges()[0] == 1).await;
        let begun_ms = bench.now_ms();
        while bench.gauges() != [0; 5] && bench.now_ms() < begun_ms + 120_000 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await; // of a paused clock
        }
        let after_s = (bench.now_ms() - begun_ms) / 1000;
        assert_eq!(bench.gauges(), [0; 5]);
        assert!((25..=40).contains(&after_s), "after {after_s} s");
    });
}
