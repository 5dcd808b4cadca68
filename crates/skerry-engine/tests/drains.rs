//! An engine that ends: who is in use is told so with its next answer, and who asks in time is answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;
use std::sync::atomic::Ordering;

use support::origin::{Origin, To};
use support::{Bench, plain, run_paused};

const STORED: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn a_hit_says_that_it_is_the_last() {
    for lines in ["", "If-None-Match: \"nobody\"\r\n"] {
        run_paused(async {
            let bench = Bench::new(&plain("cloudfront"), Rc::new(To(Origin::always(STORED))));
            let mut viewer = bench.viewer();
            viewer.get("/", "").await;
            assert_eq!(viewer.get("/", lines).await.header("connection"), None);
            bench.core.shared.draining.store(true, Ordering::Release);
            let last = viewer.get("/", lines).await;
            assert_eq!(
                (last.header("connection"), last.text()),
                (Some("close"), "hello".to_owned()),
                "{lines}"
            );
            assert!(!viewer.more().await, "and closes");
        });
    }
}
