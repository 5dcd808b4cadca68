//! Access records (rows 72, 73): the fields that depend on how an answer was made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;

use serde_json::{Value, json};
use skerry_cache::Limits;
use support::origin::{Origin, Reply, To, now};
use support::worker::{Deed, Launcher};
use support::{Bench, behavior, clock, plain, run, run_paused};

const KEPT: &str =
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Type: text/html; charset=utf-8\r\n";

fn words(record: &Value) -> [&str; 3] {
    ["result", "response_result", "detailed_result"].map(|name| record[name].as_str().unwrap())
}

#[test]
fn hits_tell_type_length_and_range() {
    run_paused(async {
        let origin = Origin::always(format!("{KEPT}Content-Length: 5\r\n\r\nhello").into_bytes());
        let bench = Bench::new(&plain("cloudfront"), Rc::new(To(origin)));
        let mut viewer = bench.viewer();
        let asked = [
            "",
            "",
            "Range: bytes=1-3\r\n",
            "Range: bytes=-2\r\n",
            "Range: bytes=0-0,2-3\r\n",
            "Range: bytes=9-\r\n",
        ];
        for lines in asked {
            viewer.get("/a", lines).await;
        }
        let (html, none) = (json!("text/html; charset=utf-8"), Value::Null);
        let expected = [
            ("Miss", html.clone(), json!(5), none.clone(), none.clone()),
            ("Hit", html.clone(), json!(5), none.clone(), none.clone()), // the quick way
            ("Hit", html.clone(), json!(3), json!(1), json!(3)),
            ("Hit", html.clone(), json!(2), json!(3), json!(4)),
            ("Hit", none.clone(), none.clone(), none.clone(), none.clone()), // many parts have no one range
            ("Error", html, json!(0), none.clone(), none),
        ];
        for (record, (word, kind, length, first, last)) in bench.records().iter().zip(expected) {
            assert_eq!(record["result"], word, "{record}");
            if !kind.is_null() {
                assert_eq!((&record["content_type"], &record["content_bytes"]), (&kind, &length), "{record}");
            }
            assert_eq!((&record["range_start"], &record["range_end"]), (&first, &last), "{record}");
        }
    });
}

/// A part that the origin gave is told as well.
#[test]
fn a_range_that_was_passed_on_is_told() {
    run_paused(async {
        let part = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 10-14/99\r\nContent-Length: 5\r\n\r\nhello";
        let bench = Bench::new(&plain("cloudfront"), Rc::new(To(Origin::always(part))));
        bench.viewer().get("/a", "Range: bytes=10-14\r\n").await;
        let record = &bench.records()[0];
        assert_eq!((&record["range_start"], &record["range_end"]), (&json!(10), &json!(14)));
        assert_eq!(words(record), ["Miss", "Miss", "Miss"]);
    });
}

/// What an origin does, how it is asked, and the three words that come of it.
type Failing = (&'static str, fn() -> Reply, &'static str, [&'static str; 3]);

#[test]
fn errors_have_the_vendors_finer_word() {
    let cut = || Reply::Close(format!("{KEPT}Content-Length: 10\r\n\r\nhello").into_bytes());
    let rows: [Failing; 6] = [
        (
            "its own error",
            || Reply::Keep(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_vec()),
            "GET",
            ["Error", "Error", "Error"],
        ),
        ("breaks off", || Reply::Close(Vec::new()), "GET", ["Error", "Error", "OriginReadError"]),
        ("hangs", || Reply::Hang, "GET", ["Error", "Error", "OriginCommError"]),
        (
            "no HTTP",
            || Reply::Close(b"SSH-2\r\n\r\n".to_vec()),
            "GET",
            ["Error", "Error", "OriginInvalidResponseError"],
        ),
        ("a body cut", || Reply::Hang, "CUT", ["Error", "Miss", "OriginReadError"]),
        ("no such method", || Reply::Hang, "POST", ["Error", "Error", "InvalidRequestMethod"]),
    ];
    for (name, reply, method, expected) in rows {
        run_paused(async {
            let origin = Origin::new(move |_| now(if method == "CUT" { cut() } else { reply() }));
            let mut snapshot = plain("cloudfront");
            behavior(&mut snapshot)["allowed_methods"] = json!(["GET", "HEAD"]);
            let bench = Bench::new(&snapshot, Rc::new(To(origin)));
            let mut viewer = bench.viewer();
            let lines = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
            viewer.ask(if method == "CUT" { "GET" } else { method }, "/a", lines).await;
            support::until("the record", || !bench.records().is_empty()).await;
            assert_eq!(words(&bench.records()[0]), expected, "{name}");
            if name == "breaks off" {
                viewer.get("/a", "").await; // the guide: an error out of the cache has no finer word
                assert_eq!(words(&bench.records()[1]), ["Error"; 3]);
            }
        });
    }
}

#[test]
fn what_a_function_made_on_a_miss_has_a_word_of_its_own() {
    run(async {
        let launcher = Launcher::start(|_| {
            let control = json!([{"key": "Cache-Control", "value": "max-age=60"}]);
            Deed::Result(json!({"status": "200", "body": "made", "headers": {"cache-control": control}}))
        });
        let mut snapshot = plain("cloudfront");
        snapshot["functions"] = json!([{"name": "f", "version": "v1", "timeout_ms": 300, "memory_mb": 128}]);
        behavior(&mut snapshot)["functions"] =
            json!([{"event": "origin-request", "function": "f", "include_body": false}]);
        let origin = Origin::always(Vec::new());
        let bench =
            Bench::with(&snapshot, Rc::new(To(origin)), Limits::of(64 << 20), clock(), &launcher.path);
        let mut viewer = bench.viewer();
        viewer.get("/a", "").await;
        viewer.get("/a", "").await;
        let records = bench.records();
        let made = "LambdaGeneratedResponse";
        assert_eq!(words(&records[0]), [made, made, "MissGeneratedResponse"]);
        assert_eq!(words(&records[1]), ["Hit"; 3]);
    });
}
