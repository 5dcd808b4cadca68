//! Viewers that cost more than they may (facts: HTTP-layer security, class 4): each ends with its connection closed,
//! and with every gauge back at zero.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)] // a panic is the report of a test

mod support_h2;

use std::sync::atomic::Ordering::Relaxed;

use support_h2::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM, Raw, SETTINGS,
    WINDOW_UPDATE, block, frame, request,
};
use support_h2::{World, run, until};

const ENHANCE_YOUR_CALM: u32 = 11;
const CANCEL: u32 = 8;

fn headers(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&request(path, &[])))
}

/// Send the same again and again until the peer has had enough; the code it leaves with.
async fn flood(raw: &mut Raw, times: usize, mut bytes: impl FnMut(u32) -> Vec<u8>) -> u32 {
    for n in 0..times {
        if !raw.send(&bytes(n as u32)).await {
            break;
        }
    }
    raw.next_of(GOAWAY).await.expect("no GOAWAY").code()
}

#[test]
fn frames_that_bring_nothing() {
    let rows: [(&str, Vec<u8>); 5] = [
        ("ping", frame(PING, 0, 0, &[0; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[])),
        ("priority", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 7])),
        ("window update", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("unknown", frame(0xbe, 0, 0, &[0; 200])),
    ];
    for (what, bytes) in rows {
        run(async {
            let world = World::new();
            let mut raw = Raw::new(world.raw(), &[]).await;
            raw.send(&headers(1, "/stored/10")).await;
            raw.next_of(HEADERS).await.unwrap();
            let many = bytes.repeat(100);
            assert_eq!(flood(&mut raw, 1_000, |_| many.clone()).await, ENHANCE_YOUR_CALM, "{what}");
            assert_eq!(raw.next().await, None, "{what}: closed");
            world.rest().await;
            assert_eq!(world.core.stats.floods.load(Relaxed), 1, "{what}");
        });
    }
}

#[test]
fn a_busy_connection_may_ping_as_it_likes() {
    run(async {
        let world = World::new();
        let mut raw = Raw::new(world.raw(), &[]).await;
        for n in 0..200 {
            assert!(raw.send(&frame(PING, 0, 0, &[0; 8]).repeat(100)).await);
            assert!(raw.send(&headers(2 * n + 1, "/stored/10")).await);
            raw.next_of(HEADERS).await.unwrap();
        }
    });
}

#[test]
fn streams_reset_before_they_are_seen() {
    run(async {
        let world = World::new();
        let mut raw = Raw::new(world.raw(), &[]).await;
        let code = flood(&mut raw, 10_000, |n| {
            [headers(2 * n + 1, "/held/10"), frame(RST_STREAM, 0, 2 * n + 1, &CANCEL.to_be_bytes())].concat()
        });
        assert_eq!(code.await, ENHANCE_YOUR_CALM);
        world.rest().await;
        assert!(world.core.stats.requests.load(Relaxed) < 1_000);
    });
}

#[test]
fn streams_reset_once_they_have_cost_something() {
    run(async {
        let world = World::new();
        let mut raw = Raw::new(world.raw(), &[]).await;
        let mut sent = 0u32;
        for n in 0..1_000 {
            let asked = world.core.stats.requests.load(Relaxed);
            if !raw.send(&headers(2 * n + 1, &format!("/held/{n}"))).await {
                break;
            }
            let begun = || {
                world.core.stats.requests.load(Relaxed) > asked || world.core.stats.floods.load(Relaxed) > 0
            };
            until("the request has begun, or the connection is over", begun).await;
            if !raw.send(&frame(RST_STREAM, 0, 2 * n + 1, &CANCEL.to_be_bytes())).await {
                break;
            }
            sent = n;
        }
        assert_eq!(raw.next_of(GOAWAY).await.unwrap().code(), ENHANCE_YOUR_CALM);
        assert!((190..400).contains(&sent), "{sent}");
        assert_eq!(world.core.stats.floods.load(Relaxed), 1);
        world.rest().await;
        assert!(world.records().iter().all(|r| r["reason"] == "viewer-left"), "{:?}", world.records()[0]);
    });
}

#[test]
fn heads_that_never_end_and_heads_that_unfold() {
    run(async {
        let world = World::new();
        let mut raw = Raw::new(world.raw(), &[]).await;
        raw.send(&frame(HEADERS, END_STREAM, 1, &block(&request("/passed/1", &[])))).await;
        let code = flood(&mut raw, 100_000, |_| frame(CONTINUATION, 0, 1, &block(&[("x-a", "b")])));
        assert_ne!(code.await, 0);
        world.rest().await;
        // one entry of the table, named again and again (RFC 7541 7.3)
        let mut raw = Raw::new(world.raw(), &[]).await;
        let mut payload = block(&request("/passed/1", &[]));
        payload.extend([&[0x40, 3], &b"x-a"[..], &[127, 0xa1, 0x1e], &[b'v'; 4_000]].concat());
        payload.extend([0x80 | 62; 10_000]);
        raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &payload)).await;
        let came = loop {
            let came = raw.next().await.expect("closed without a word");
            if matches!(came.kind, GOAWAY | RST_STREAM | HEADERS) {
                break came;
            }
        };
        assert!(came.kind != HEADERS || came.payload[0] != 0x88, "{came:?}");
        drop(raw);
        world.rest().await;
        assert!(world.origin.seen().is_empty());
    });
}

#[test]
fn streams_that_we_are_made_to_reset() {
    run(async {
        let world = World::new();
        let mut raw = Raw::new(world.raw(), &[]).await;
        // a window that grows by nothing is an error of the stream (RFC 9113 6.9)
        let code = flood(&mut raw, 10_000, |n| {
            [headers(2 * n + 1, "/held/10"), frame(WINDOW_UPDATE, 0, 2 * n + 1, &[0; 4])].concat()
        });
        assert_ne!(code.await, 0);
        world.rest().await;
        assert!(world.core.stats.requests.load(Relaxed) < 1_000);
    });
}

#[test]
fn a_body_in_crumbs_that_nobody_reads() {
    run(async {
        for (what, crumb) in [("empty", &b""[..]), ("a byte", b"x")] {
            let world = World::new();
            let mut raw = Raw::new(world.raw(), &[]).await;
            let mut fields = request("/deaf", &[]);
            fields[0].1 = "POST";
            raw.send(&frame(HEADERS, END_HEADERS, 1, &block(&fields))).await;
            until("the origin is asked", || !world.origin.seen().is_empty()).await;
            let code = flood(&mut raw, 400_000, |_| frame(DATA, 0, 1, crumb).repeat(100));
            assert_ne!(code.await, 0, "{what}");
            drop(raw);
            world.rest().await;
        }
    });
}

#[test]
fn a_viewer_without_a_window_holds_slices_and_not_for_long() {
    run(async {
        let world = World::new();
        let warm = world.client().await;
        for path in ["/stored/10", "/stored/900000"] {
            warm.get(path).await;
        }
        drop(warm);
        world.rest().await;
        let before = world.core.shared.cache.gauges().used_bytes;
        const INITIAL_WINDOW_SIZE: u16 = 4;
        let mut raw = Raw::new(world.raw(), &[(INITIAL_WINDOW_SIZE, 0)]).await;
        for n in 0..100u32 {
            let path = ["/stored/10", "/stored/900000", "/unknown/900000", "/passed/900000"][n as usize % 4];
            raw.send(&headers(2 * n + 1, path)).await;
        }
        for _ in 0..100 {
            raw.next_of(HEADERS).await.unwrap();
        }
        let used = world.core.shared.cache.gauges().used_bytes;
        assert!(used < before + 8_000_000, "{used}");
        for _ in 0..100 {
            assert_eq!(raw.next_of(RST_STREAM).await.unwrap().code(), CANCEL);
        }
        assert_eq!(raw.next_of(GOAWAY).await.unwrap().code(), 0, "then it is idle, and let go");
        drop(raw);
        world.rest().await;
    });
}

#[test]
fn a_viewer_that_reads_nothing_at_all_is_let_go() {
    run(async {
        let world = World::new();
        let mut io = world.raw();
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        hello.extend(frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]));
        hello.extend(frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]));
        for n in 0..50u32 {
            hello.extend(headers(2 * n + 1, "/passed/900000"));
        }
        tokio::io::AsyncWriteExt::write_all(&mut io, &hello).await.unwrap();
        until("all have begun", || world.core.stats.requests.load(Relaxed) == 50).await;
        world.rest().await;
        drop(io);
    });
}

#[test]
fn what_is_no_h2_is_closed() {
    run(async {
        let world = World::new();
        let mut io = world.raw();
        tokio::io::AsyncWriteExt::write_all(&mut io, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            .await
            .unwrap();
        world.rest().await;
    });
}
