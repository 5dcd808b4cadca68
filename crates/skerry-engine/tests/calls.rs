//! Calls of functions from the walk's side: whose answer it is, what a failure becomes, and what is left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};
use skerry_cache::Limits;
use support::origin::{Asked, Origin, Reply, To, now};
use support::worker::{Deed, Launcher, request_of};
use support::{Bench, behavior, clock, plain, run, until};

fn path_of(event: &Value) -> String {
    request_of(event)["uri"].as_str().unwrap().to_owned()
}

fn stage(deed: impl Fn(Value) -> Deed + 'static) -> (Bench, Rc<Launcher>) {
    let launcher = Launcher::start(deed);
    let mut snapshot = plain("cloudfront");
    snapshot["functions"] = json!([{"name": "f", "version": "v1", "timeout_ms": 300, "memory_mb": 128}]);
    behavior(&mut snapshot)["functions"] =
        json!([{"event": "viewer-request", "function": "f", "include_body": false}]);
    let origin = Origin::new(|asked: Asked| {
        let target = asked.target().to_owned();
        now(Reply::Keep(
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len()).into_bytes(),
        ))
    });
    let bench = Bench::with(&snapshot, Rc::new(To(origin)), Limits::of(64 << 20), clock(), &launcher.path);
    (bench, launcher)
}

/// The nonce of each request comes back to it, and a worker serves many.
#[test]
fn every_caller_gets_its_own_answer() {
    run(async {
        let (bench, launcher) = stage(|event| {
            let mut request = request_of(&event);
            request["uri"] = json!(format!("{}/seen", path_of(&event)));
            Deed::Result(request)
        });
        for round in 0..20 {
            let mut viewers: Vec<_> = (0..20).map(|_| bench.viewer()).collect();
            for (at, viewer) in viewers.iter_mut().enumerate() {
                viewer.send(&format!("GET /{round}-{at} HTTP/1.1\r\nHost: a.test\r\n\r\n")).await;
            }
            for (at, viewer) in viewers.iter_mut().enumerate() {
                assert_eq!(viewer.answer("GET").await.unwrap().text(), format!("/{round}-{at}/seen"));
            }
        }
        assert_eq!(launcher.calls.get(), 400);
        assert!(launcher.leases.get() <= 20, "workers are used again: {}", launcher.leases.get());
        assert_eq!(bench.core.functions.workers(), launcher.workers.get());
        bench.rest().await;
    });
}

/// Any ending but a whole result of its own call gives the worker up, and the next caller gets another.
#[test]
fn a_worker_that_failed_its_call_is_not_used_again() {
    let raise = |event: &Value| path_of(event) == "/bad";
    for (name, deed, status, word, is_kept) in [
        ("raises", (|| Deed::Raise) as fn() -> Deed, 503, "LambdaExecutionError", true),
        ("dies", || Deed::Die, 503, "LambdaExecutionError", false),
        ("hangs", || Deed::Hang, 503, "LambdaExecutionError", false),
        ("answers another call", || Deed::Foreign(json!({})), 503, "LambdaExecutionError", false),
        ("returns nonsense", || Deed::Result(json!(7)), 502, "LambdaValidationError", true),
    ] {
        run(async {
            let (bench, launcher) =
                stage(move |event| if raise(&event) { deed() } else { Deed::Result(request_of(&event)) });
            let mut viewer = bench.viewer();
            assert_eq!(viewer.get("/good", "").await.text(), "/good", "{name}");
            let answer = viewer.get("/bad", "").await;
            assert_eq!((answer.status(), answer.x_cache()), (status, word), "{name}: {}", answer.text());
            assert_eq!(viewer.get("/good", "").await.text(), "/good", "{name}");
            assert_eq!(launcher.leases.get(), if is_kept { 1 } else { 2 }, "{name}");
            until("the worker that failed to be gone", || launcher.workers.get() == 1).await;
            assert_eq!(bench.core.functions.workers(), 1, "{name}");
            drop(viewer);
            bench.rest().await;
        });
    }
}

/// A call belongs to the pool: a viewer that leaves does not end it, and its worker is used again.
#[test]
fn a_call_outlives_the_viewer_that_caused_it() {
    run(async {
        let (bench, launcher) = stage(|event| match path_of(&event).as_str() {
            "/slow" => Deed::Hang,
            _ => Deed::Result(request_of(&event)),
        });
        let mut viewer = bench.viewer();
        viewer.send("GET /slow HTTP/1.1\r\nHost: a.test\r\nUser-Agent: gone\r\n\r\n").await;
        until("the call", || launcher.calls.get() == 1).await;
        drop(viewer);
        bench.rest().await; // the call's own deadline ends it
        assert_eq!(bench.core.stats.function_calls.load(Relaxed), 1);
        assert_eq!(bench.viewer().get("/next", "").await.text(), "/next");
        assert_eq!(bench.records().iter().filter(|record| record["user_agent"] == "gone").count(), 1);
        bench.core.functions.close();
        until("every worker let go", || launcher.workers.get() == 0).await;
        assert_eq!(bench.core.functions.workers(), 0);
    });
}

/// A worker whose socket closed while it was idle costs nobody an error.
#[test]
fn an_idle_worker_that_died_is_replaced_unseen() {
    run(async {
        let (bench, launcher) = stage(|event| match path_of(&event).as_str() {
            "/bad" => Deed::Die,
            _ => Deed::Result(request_of(&event)),
        });
        let mut viewers: Vec<_> = (0..6).map(|_| bench.viewer()).collect();
        for round in 0..5 {
            for viewer in &mut viewers {
                viewer.send("GET /good HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            }
            for viewer in &mut viewers {
                assert_eq!(viewer.answer("GET").await.unwrap().text(), "/good", "{round}");
            }
            assert_eq!(bench.viewer().get("/bad", "").await.status(), 503);
        }
        until("the counts to agree", || launcher.workers.get() == bench.core.functions.workers()).await;
    });
}
