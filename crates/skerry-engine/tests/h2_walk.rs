//! Requests and answers over HTTP/2, both ways, whole and cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)] // a panic is the report of a test

mod support_h2;

use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use http::{Method, Request};
use support_h2::frames::{DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Raw, block, frame, request};
use support_h2::origin::pattern;
use support_h2::{World, get, run, snapshot, until, whole};

#[test]
fn a_miss_and_hits_of_every_size_bring_the_same_bytes() {
    run(async {
        let world = World::new();
        let client = world.client().await;
        for bytes in [0, 1, 1_000, 16_384, 65_535, 65_536, 300_000, 1_000_000] {
            for (turn, word) in [(0, "Miss from cloudfront"), (1, "Hit from cloudfront")] {
                let answer = client.get(&format!("/stored/{bytes}")).await;
                assert_eq!((answer.status, answer.field("x-cache")), (200, word), "{bytes} {turn}");
                assert_eq!(answer.field("content-type"), "text/plain");
                assert!(answer.body == pattern(bytes), "{bytes} {turn}");
            }
        }
        assert_eq!(world.origin.seen().len(), 8);
        drop(client);
        world.rest().await;
        let records = world.records();
        assert_eq!(records.len(), 16);
        assert!(
            records.iter().all(|r| r["status"] == 200 && r["protocol"] == "HTTP/2.0"),
            "{:?}",
            records[0]
        );
    });
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    run(async {
        let world = World::new();
        let client = world.client().await;
        let head = |path: &str| Request::head(format!("https://a.test{path}")).body(()).unwrap();
        for path in ["/stored/500", "/stored/500", "/passed/500"] {
            let answer = client.ask(head(path)).await.unwrap();
            assert_eq!(
                (answer.status, answer.field("content-length"), answer.body.len()),
                (200, "500", 0),
                "{path}"
            );
        }
        client.get("/stored/700").await;
        let mut conditional = get("/stored/700");
        conditional.headers_mut().insert("if-none-match", "\"700\"".parse().unwrap());
        let answer = client.ask(conditional).await.unwrap();
        assert_eq!(
            (answer.status, answer.field("etag"), answer.field("content-length"), answer.body.len()),
            (304, "\"700\"", "", 0)
        );
        let mut ranged = get("/stored/700");
        ranged.headers_mut().insert("range", "bytes=10-19".parse().unwrap());
        let answer = client.ask(ranged).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (206, &pattern(20)[10..]));
    });
}

#[test]
fn bodies_go_up_as_fast_as_the_origin_takes_them() {
    run(async {
        let world = World::new();
        let client = world.client().await;
        for (bytes, told) in [(0usize, true), (5, true), (5, false), (500_000, true), (500_000, false)] {
            let mut request = Request::post("https://a.test/echo").body(()).unwrap();
            if told {
                request.headers_mut().insert("content-length", bytes.into());
            }
            let (answer, mut send) = client.begin(request, false).await;
            let content = Bytes::from(pattern(bytes));
            let sending = tokio::task::spawn_local(async move { send.send_data(content, true) });
            let answer = whole(answer.await.unwrap()).await.unwrap();
            sending.await.unwrap().unwrap();
            assert!(
                answer.status == 200 && answer.body == pattern(bytes),
                "{bytes} {told}: {}",
                answer.status
            );
        }
        let seen = world.origin.seen();
        assert!(
            seen[3].head.contains("ontent-Length: 500000") && seen[4].head.contains("chunked"),
            "{}",
            seen[3].head
        );
        drop(client);
        world.rest().await;
        assert!(
            world.records().iter().any(|r| r["bytes_in"].as_u64().unwrap() > 500_000),
            "{:?}",
            world.records()
        );
    });
}

#[test]
fn a_viewer_is_asked_for_a_body_that_it_keeps_back() {
    run(async {
        let world = World::new();
        let client = world.client().await;
        let mut request =
            Request::post("https://a.test/echo").header("expect", "100-continue").body(()).unwrap();
        *request.method_mut() = Method::PUT;
        let (mut answer, mut send) = client.begin(request, false).await;
        let interim = std::future::poll_fn(|cx| answer.poll_informational(cx)).await.unwrap().unwrap();
        assert_eq!(interim.status(), 100);
        send.send_data(Bytes::from_static(b"now"), true).unwrap();
        assert_eq!(whole(answer.await.unwrap()).await.unwrap().body, b"now");
    });
}

#[test]
fn a_cut_body_is_seen_to_be_cut() {
    run(async {
        let world = World::new();
        let client = world.client().await;
        let (answer, _) = client.begin(get("/cut/400000"), true).await;
        let error = whole(answer.await.unwrap()).await.unwrap_err();
        assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR));
        assert_eq!(client.get("/stored/5").await.body, pattern(5), "other streams go on");
        drop(client);
        world.rest().await;
        assert_eq!(world.records()[0]["status"], 200);
    });
}

#[test]
fn a_viewer_that_leaves_takes_its_request_along_and_nobody_elses() {
    run(async {
        let world = World::of(&{
            let mut snapshot = support_h2::snapshot("rfc9111");
            for distribution in snapshot["distributions"].as_array_mut().unwrap() {
                distribution["behaviors"][0]["forward"]["cookies"]["mode"] = "none".into();
            }
            snapshot
        });
        let client = world.client().await;
        let (left, mut send) = client.begin(get("/held/200000"), true).await;
        until("the origin is asked", || world.origin.seen().len() == 1).await;
        let other = world.client().await;
        let (stays, _) = other.begin(get("/held/200000"), true).await;
        until("both wait", || world.core.stats.requests_active.load(Relaxed) == 2).await;
        send.send_reset(h2::Reason::CANCEL);
        drop(left);
        until("the first is written down", || world.core.stats.records.load(Relaxed) == 1).await;
        world.origin.release();
        let answer = whole(stays.await.unwrap()).await.unwrap();
        assert!(answer.body == pattern(200_000));
        assert_eq!(world.origin.seen().len(), 1, "the fill went on");
        assert_eq!(world.records()[0]["reason"], "viewer-left");
        drop((client, other, send));
        world.rest().await;
    });
}

#[test]
fn streams_of_a_connection_share_it() {
    run(async {
        let world = World::new();
        world.origin.release();
        let client = world.client().await;
        let mut all = Vec::new();
        for n in 0..90 {
            let (answer, _) = client.begin(get(&format!("/passed/{}", 1000 * n)), true).await;
            all.push((n, answer));
        }
        let mut tasks = Vec::new();
        for (n, answer) in all {
            tasks.push(tokio::task::spawn_local(async move {
                assert!(whole(answer.await.unwrap()).await.unwrap().body == pattern(1000 * n), "{n}");
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        drop(client);
        world.rest().await;
    });
}

#[test]
fn a_drain_says_so_and_lets_streams_finish() {
    run(async {
        let world = World::new();
        let (idle, busy) = (world.client().await, world.client().await);
        idle.get("/stored/10").await;
        let (answer, _) = busy.begin(get("/held/100000"), true).await;
        until("the origin is asked", || world.origin.seen().len() == 2).await;
        world.core.shared.draining.store(true, Relaxed);
        until("the idle one is let go", || idle.over.is_finished()).await;
        assert!(!busy.over.is_finished());
        world.origin.release();
        assert!(whole(answer.await.unwrap()).await.unwrap().body == pattern(100_000));
        until("the other one is let go", || busy.over.is_finished()).await;
        assert!(busy.over.await.unwrap().is_ok(), "with GOAWAY, not with a cut");
        world.rest().await;
    });
}

#[test]
fn a_busy_viewer_is_told_of_a_drain_at_once() {
    run(async {
        let world = World::new();
        let mut raw = Raw::new(world.raw(), &[]).await;
        let head = block(&request("/held/10", &[]));
        raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head)).await;
        until("the origin is asked", || world.origin.seen().len() == 1).await;
        world.core.shared.draining.store(true, Relaxed);
        assert_eq!(raw.next_of(GOAWAY).await.unwrap().code(), 0);
        world.origin.release();
        assert_eq!(raw.next_of(DATA).await.unwrap().payload, pattern(10));
        drop(raw);
        world.rest().await;
    });
}

#[test]
fn connections_that_do_nothing_end() {
    run(async {
        let world = World::new();
        let silent = world.raw();
        let client = world.client().await;
        client.get("/stored/10").await;
        until("both are over", || world.gauges()[0] == 0).await;
        assert!(client.over.await.unwrap().is_ok(), "told so");
        drop(silent);
        world.rest().await;
    });
}

/// It falls out of the window that it shares with a faster one: the rest comes by a fetch of its own.
#[test]
fn a_stream_that_falls_behind_goes_on_by_itself() {
    run(async {
        const BYTES: usize = 4_000_000; // more than is stored
        let mut snapshot = snapshot("cloudfront");
        snapshot["distributions"][0]["behaviors"][0]["forward"] = serde_json::json!({});
        let world = World::of(&snapshot);
        let (slow, fast) = (world.client().await, world.client().await);
        let path = format!("/unknown/{BYTES}");
        let (behind, _) = slow.begin(get(&path), true).await;
        let (ahead, _) = fast.begin(get(&path), true).await;
        until("one fetch for both", || world.core.stats.requests_active.load(Relaxed) == 2).await;
        let behind = behind.await.unwrap();
        assert!(whole(ahead.await.unwrap()).await.unwrap().body == pattern(BYTES));
        assert_eq!(world.origin.seen().len(), 1);
        assert!(whole(behind).await.unwrap().body == pattern(BYTES));
        let asked = world.origin.seen().pop().unwrap().head;
        assert!(asked.contains(&format!("If-Range: \"{BYTES}\"")), "{asked}");
        drop((slow, fast));
        world.rest().await;
        let reasons: Vec<_> = world.records().iter().map(|r| r["reason"].to_string()).collect();
        assert_eq!(reasons, ["\"length-unknown\"", "\"own-fetch\""]);
    });
}
