//! A purge holds for every address that leads to an object, whoever asked for it first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;

use serde_json::json;
use skerry_cache::{Force, Purge, Target};
use support::origin::{Origin, To};
use support::viewer::Answer;
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

/// Was it answered without the walk? Then its story has one step.
fn is_quick(bench: &Bench, answer: &Answer) -> bool {
    let id = answer.header("x-amz-cf-id").unwrap();
    let story = bench.core.shared.rings[0].lock().find(id.as_bytes()).unwrap();
    story["steps"].as_array().unwrap().len() == 1
}

/// After a purge of something else, an object that many queries share is looked at once, and every name of it is quick;
/// a purge of one of its names is found whatever was looked at before.
#[test]
fn another_query_of_an_object_is_quick_after_purges_of_other_things() {
    run_paused(async {
        let origin = Origin::always(ok("Cache-Control: max-age=60\r\n", "hello"));
        let mut snapshot = plain("cloudfront");
        snapshot["distributions"][0]["aliases"] = json!(["a.test", "b.test"]);
        let bench = bench(&snapshot, &origin);
        let purge = |target: Target| {
            bench.core.shared.cache.purge(&Purge { target, force: Force::Hard, space: None }).unwrap()
        };
        let path = |text: &str| Target::Path(text.as_bytes().into());
        let mut viewer = bench.viewer();
        assert_eq!(viewer.get("/a?x=1", "").await.x_cache(), "Miss");
        let others =
            [path("/b"), path("/ab?x=2"), Target::Prefix(b"/a/"[..].into()), Target::Tag(b"t"[..].into())];
        for other in others.into_iter().chain([path("/a?x=9"), Target::Host(b"b.test"[..].into())]) {
            purge(other.clone());
            for name in ["/a?x=2", "/a?x=2", "/a", "/a?x=1"] {
                let answer = viewer.get(name, "").await;
                assert_eq!((answer.x_cache(), is_quick(&bench, &answer)), ("Hit", true), "{other:?} {name}");
            }
        }
        // what was found clear is not so for good
        for (name, target) in [("/a?x=9", None), ("/a?x=3", Some(path("/a?x=3"))), ("/a", Some(path("/a")))] {
            target.into_iter().for_each(|target| drop(purge(target)));
            assert_eq!(viewer.get(name, "").await.x_cache(), "Miss", "{name}");
            let answer = viewer.get("/a?x=2", "").await;
            assert_eq!((answer.x_cache(), is_quick(&bench, &answer)), ("Hit", true), "{name}");
        }
        purge(Target::Host(b"b.test"[..].into()));
        viewer.send("GET /a?x=2 HTTP/1.1\r\nHost: B.test:80\r\n\r\n").await;
        assert_eq!(viewer.answer("GET").await.unwrap().x_cache(), "Miss");
    });
}
