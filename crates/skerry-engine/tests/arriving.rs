//! An answer whose body is still to come: its head is not held up, and what was promised is seen before it breaks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;
use std::time::Duration;

use support::origin::{Origin, Reply, To, now};
use support::{Bench, plain, run_paused};

const LATE: Duration = Duration::from_secs(5);

/// Head at once, the rest by `rest`; for each way a body can come.
fn heads() -> [(&'static str, &'static str); 4] {
    [
        ("stored", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\n"),
        ("passed", "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 5\r\n\r\n"),
        ("chunked", "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("until the end", "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\r\n"),
    ]
}

#[test]
fn a_body_that_is_to_come_does_not_hold_its_head_up() {
    for method in ["GET", "POST"] {
        for (kind, head) in heads() {
            run_paused(async {
                let body = if kind == "chunked" { "5\r\nhello\r\n0\r\n\r\n" } else { "hello" };
                let pieces = [(Duration::ZERO, head.into()), (LATE, body.into())];
                let origin = Origin::new(move |_| {
                    let pieces = pieces.to_vec();
                    now(if kind == "until the end" { Reply::SlowClose(pieces) } else { Reply::Slow(pieces) })
                });
                let bench = Bench::new(&plain("rfc9111"), Rc::new(To(origin)));
                let (mut viewer, begun) = (bench.viewer(), tokio::time::Instant::now());
                viewer
                    .send(&format!("{method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n"))
                    .await;
                let (head, framing) = viewer.head(method).await.unwrap();
                assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
                assert!(begun.elapsed() < LATE, "{method} {kind}");
                let mut body = Vec::new();
                assert!(viewer.body(framing, &mut body).await, "{method} {kind}");
                assert_eq!((&body[..], begun.elapsed() >= LATE), (&b"hello"[..], true), "{method} {kind}");
            });
        }
    }
}

#[test]
fn a_body_that_breaks_at_once_breaks_behind_its_head() {
    for (kind, head) in heads().into_iter().filter(|(kind, _)| *kind != "until the end") {
        run_paused(async {
            let origin = Origin::new(move |_| now(Reply::Close(head.into())));
            let bench = Bench::new(&plain("rfc9111"), Rc::new(To(origin)));
            let mut viewer = bench.viewer();
            viewer.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            let (head, framing) = viewer.head("GET").await.expect(kind);
            assert!(head.starts_with("HTTP/1.1 200 "), "{kind}: {head}");
            let mut body = Vec::new();
            assert!(!viewer.body(framing, &mut body).await, "{kind}: the cut is seen");
            assert!(body.is_empty());
        });
    }
}
