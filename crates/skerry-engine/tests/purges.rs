//! A purge holds for every address that leads to an object, whoever asked for it first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;

use serde_json::json;
use skerry_cache::{Force, Purge, Target};
use support::origin::{Origin, To};
use support::{Bench, plain, run_paused};

fn ok(lines: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn bench(snapshot: &serde_json::Value, origin: &Rc<Origin>) -> Bench {
    Bench::new(snapshot, Rc::new(To(origin.clone())))
}

/// A purge names what viewers ask for: it holds for whatever name of an object it gives, not only for the one under
/// which the object was first asked for.
#[test]
fn a_purge_holds_for_every_name_of_an_object() {
    run_paused(async {
        let mut snapshot = plain("cloudfront");
        snapshot["distributions"][0]["default_root_object"] = json!("index.html");
        snapshot["distributions"][0]["aliases"] = json!(["a.test", "b.test"]);
        let origin = Origin::always(ok("Cache-Control: max-age=60\r\n", "hello"));
        let bench = bench(&snapshot, &origin);
        let mut viewer = bench.viewer();
        let b = "GET /index.html HTTP/1.1\r\nHost: b.test\r\n\r\n";
        for (first, purged, then) in [
            ("/index.html", Target::Path(b"/"[..].into()), "/"),
            ("/", Target::Path(b"/index.html"[..].into()), "/"),
            ("/", Target::Path(b"/index.html"[..].into()), "/index.html"),
            ("/index.html", Target::Host(b"b.test"[..].into()), b),
        ] {
            let everything = Purge { target: Target::All, force: Force::Hard, space: None };
            bench.core.shared.cache.purge(&everything).unwrap();
            assert_eq!(viewer.get(first, "").await.x_cache(), "Miss");
            assert_eq!(viewer.get(first, "").await.x_cache(), "Hit");
            let purge = Purge { target: purged.clone(), force: Force::Hard, space: None };
            bench.core.shared.cache.purge(&purge).unwrap();
            // looking under another name first must not hide the purge
            if first == "/index.html" {
                assert_eq!(viewer.get(first, "").await.x_cache(), "Hit", "{purged:?}");
            }
            let answer = if then.starts_with("GET") {
                viewer.send(then).await;
                viewer.answer("GET").await.unwrap()
            } else {
                viewer.get(then, "").await
            };
            assert_eq!(answer.x_cache(), "Miss", "{first} {purged:?} {then}");
        }
    });
}

/// A key that ignores the query gives one object for all of them: a purge of any of its addresses holds for that address,
/// and one of the bare path for all.
#[test]
fn a_purge_holds_where_the_key_ignores_the_query() {
    run_paused(async {
        let origin = Origin::always(ok("Cache-Control: max-age=60\r\n", "hello"));
        let bench = bench(&plain("cloudfront"), &origin);
        let mut viewer = bench.viewer();
        let path = |text: &str| Target::Path(text.as_bytes().into());
        for (first, purged, then, force) in [
            ("/a?x=1", path("/a"), "/a", Force::Hard),
            ("/a?x=1", path("/a"), "/a?x=2", Force::Hard),
            ("/b?x=1", path("/b?x=3"), "/b?x=3", Force::Hard),
            ("/c?x=1", Target::Prefix(b"/c?x=2"[..].into()), "/c?x=22", Force::Hard),
            ("/d", path("/d?x=3"), "/d?x=3", Force::Hard),
            ("/e?x=1", path("/e?x=3"), "/e?x=3", Force::Soft),
        ] {
            assert_eq!(viewer.get(first, "").await.x_cache(), "Miss", "{first}");
            assert_eq!(viewer.get(then, "").await.x_cache(), "Hit", "{first} {then}");
            let purge = Purge { target: purged.clone(), force, space: None };
            bench.core.shared.cache.purge(&purge).unwrap();
            assert_eq!(viewer.get(then, "").await.x_cache(), "Miss", "{first} {purged:?} {then}");
            let everything = Purge { target: Target::All, force: Force::Hard, space: None };
            bench.core.shared.cache.purge(&everything).unwrap();
        }
        // RFC 9111 4.4: an unsafe method on the path makes what is stored under its queries untrue
        viewer.get("/q?a=1", "").await;
        assert_eq!(viewer.ask("POST", "/q", "Content-Length: 0\r\n").await.status(), 200);
        assert_eq!(viewer.get("/q?a=1", "").await.x_cache(), "Miss");
    });
}
