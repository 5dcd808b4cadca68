//! `Cache-Status` (RFC 9211): what it says of every way in which an answer fails to come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use skerry_cache::{Force, Limits, Purge, Target};
use skerry_engine::reason;
use support::origin::{Origin, Reply, To, now};
use support::viewer::Answer;
use support::worker::{Deed, Launcher};
use support::{Bench, behavior, clock, plain, run, run_paused};

const PROFILES: [&str; 2] = ["cloudfront", "rfc9111"];

fn answer(status: u16, lines: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Any\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn status_of(answer: &Answer) -> &str {
    answer.header("cache-status").unwrap_or_else(|| panic!("no Cache-Status: {}", answer.head))
}

/// What a name in `detail` says to people.
fn sentence(answer: &Answer) -> String {
    let name = status_of(answer).split("detail=").nth(1).unwrap_or_else(|| panic!("{}", answer.head));
    let sentence = reason::meaning(name);
    if !sentence.is_empty() {
        return sentence.to_owned();
    }
    let known = skerry_http::reason::Reason::ALL.iter().find(|r| r.name() == name);
    known.map_or(String::new(), |r| r.sentence().to_owned())
}

/// What an origin does, the viewer's own fields, the status that comes of it, and what `Cache-Status` says: first, and
/// where the failure is kept (profile `cloudfront`) a second time.
type Row = (&'static str, fn() -> Rc<Origin>, &'static str, u16, &'static str, Option<&'static str>);

const FAILURES: &[Row] = &[
    (
        "nobody listens",
        || {
            let origin = Origin::always(Vec::new());
            origin.is_down.set(true);
            origin
        },
        "",
        502,
        "skerry; fwd=uri-miss; detail=origin-connect-failed",
        Some("skerry; hit; ttl=10; detail=origin-connect-failed"),
    ),
    (
        "it hangs",
        || Origin::new(|_| now(Reply::Hang)),
        "",
        504,
        "skerry; fwd=uri-miss; detail=origin-read-timeout",
        Some("skerry; hit; ttl=10; detail=origin-read-timeout"),
    ),
    (
        "it cuts its head",
        || Origin::new(|_| now(Reply::Close(b"HTTP/1.1 200 O".to_vec()))),
        "",
        502,
        "skerry; fwd=uri-miss; detail=origin-closed",
        Some("skerry; hit; ttl=10; detail=origin-closed"),
    ),
    (
        "it speaks something else",
        || Origin::new(|_| now(Reply::Close(b"SSH-2.0-x\r\n\r\n".to_vec()))),
        "",
        502,
        "skerry; fwd=uri-miss; detail=origin-bad-head",
        Some("skerry; hit; ttl=10; detail=origin-bad-head"),
    ),
    (
        "a part of what is not stored",
        || Origin::new(|_| now(Reply::Close(Vec::new()))),
        "Range: bytes=0-1\r\n",
        502,
        "skerry; fwd=uri-miss; detail=origin-closed",
        None,
    ),
];

#[test]
fn it_names_what_an_origin_did_wrong() {
    for (profile, row) in PROFILES.iter().flat_map(|profile| FAILURES.iter().map(move |row| (profile, row))) {
        let (name, origin, lines, status, first, kept) = row;
        run_paused(async {
            let bench = Bench::new(&plain(profile), Rc::new(To(origin())));
            let mut viewer = bench.viewer();
            let answer = viewer.get("/a", lines).await;
            assert_eq!(answer.status(), *status, "{name} {profile}");
            let is_kept = *profile == "cloudfront" && kept.is_some();
            let first =
                if is_kept { first.replace("; detail", "; stored; detail") } else { first.to_string() };
            assert_eq!(status_of(&answer), first, "{name} {profile}");
            assert!(sentence(&answer).ends_with('.'), "{name} {profile}");
            let again = viewer.get("/a", lines).await;
            assert_eq!(status_of(&again), if is_kept { kept.unwrap() } else { &first }, "{name} {profile}");
            let record = bench.records()[0].clone();
            assert!(first.ends_with(&format!("detail={}", record["reason"].as_str().unwrap())), "{record}");
        });
    }
}

/// What never came to an origin, and why; the last one did, but may not.
#[test]
fn it_names_every_refusal() {
    for profile in PROFILES {
        run_paused(async {
            let origin = Origin::always(answer(200, "", "hello"));
            let mut snapshot = plain(profile);
            behavior(&mut snapshot)["allowed_methods"] = json!(["GET", "HEAD"]);
            snapshot["targets"] = json!({});
            let bench = Bench::new(&snapshot, Rc::new(To(origin)));
            let mut viewer = bench.viewer();
            let refused = viewer.ask("POST", "/a", "Content-Length: 0\r\n").await;
            assert_eq!(status_of(&refused), "skerry; detail=method-not-allowed", "{profile}");
            let unmapped = viewer.get("/a", "").await;
            assert_eq!(status_of(&unmapped), "skerry; fwd=uri-miss; detail=origin-unmapped", "{profile}");
            if profile == "rfc9111" {
                let only = viewer.get("/a", "Cache-Control: only-if-cached\r\n").await;
                assert_eq!((only.status(), status_of(&only)), (504, "skerry; detail=only-if-cached"));
                assert!(sentence(&only).ends_with('.'));
            }
            viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: x\r\n\r\n").await;
            let bad = viewer.answer("GET").await.unwrap();
            assert_eq!(status_of(&bad), "skerry; detail=bad-content-length", "{profile}");
            for answer in [refused, unmapped, bad] {
                assert!(sentence(&answer).ends_with('.'), "{}", answer.head);
            }
        });
    }
}

/// A page of the distribution's own stands for an error: what is said is about the error.
#[test]
fn a_page_of_its_own_says_what_it_stands_for() {
    for profile in PROFILES {
        run_paused(async {
            let origin = Origin::new(|asked| {
                now(match asked.target() {
                    "/sorry" => Reply::Keep(answer(200, "Cache-Control: max-age=60\r\n", "sorry")),
                    "/gone" => Reply::Keep(answer(404, "Cache-Control: no-store\r\n", "")),
                    _ => Reply::Close(Vec::new()),
                })
            });
            let mut snapshot = plain(profile);
            snapshot["distributions"][0]["error_responses"] = json!([
                {"status": 404, "page": "/sorry", "code": 200, "min_ttl_s": 0},
                {"status": 502, "page": "/sorry", "code": 200, "min_ttl_s": 0},
            ]);
            let bench = Bench::new(&snapshot, Rc::new(To(origin)));
            let mut viewer = bench.viewer();
            for (target, said) in [
                ("/gone", "skerry; fwd=uri-miss; fwd-status=404; detail=no-store"),
                ("/cut", "skerry; fwd=uri-miss; detail=origin-closed"),
            ] {
                let page = viewer.get(target, "").await;
                assert_eq!((page.status(), page.text()), (200, "sorry".into()), "{profile}");
                assert_eq!(status_of(&page), said, "{profile}");
            }
        });
    }
}

fn stage(profile: &str, event: &str, deed: fn(Value) -> Deed) -> (Bench, Rc<Launcher>) {
    let launcher = Launcher::start(deed);
    let mut snapshot = plain(profile);
    snapshot["functions"] = json!([{"name": "f", "version": "v1", "timeout_ms": 300, "memory_mb": 128}]);
    behavior(&mut snapshot)["functions"] = json!([{"event": event, "function": "f", "include_body": false}]);
    let origin = Origin::always(answer(200, "Cache-Control: max-age=60\r\n", "hello"));
    (Bench::with(&snapshot, Rc::new(To(origin)), Limits::of(64 << 20), clock(), &launcher.path), launcher)
}

/// Where a function stands, what it does, the status that comes of it, and what is said.
type Failing = (&'static str, fn(Value) -> Deed, u16, &'static str);

#[test]
fn it_names_what_a_function_did_wrong() {
    let rows: &[Failing] = &[
        ("viewer-request", |_| Deed::Raise, 503, "skerry; detail=function.raised"),
        ("origin-request", |_| Deed::Raise, 503, "skerry; fwd=uri-miss; detail=function.raised"),
        (
            "origin-request",
            |_| Deed::Result(json!(7)),
            502,
            "skerry; fwd=uri-miss; detail=function.result_not_object",
        ),
        (
            "origin-response",
            |_| Deed::Raise,
            503,
            "skerry; fwd=uri-miss; fwd-status=200; detail=function.raised",
        ),
        (
            "viewer-response",
            |_| Deed::Raise,
            503,
            "skerry; fwd=uri-miss; fwd-status=200; stored; detail=function.raised",
        ),
    ];
    for (profile, (event, deed, status, said)) in
        PROFILES.iter().flat_map(|p| rows.iter().map(move |r| (p, r)))
    {
        run(async {
            let (bench, _launcher) = stage(profile, event, *deed);
            let answer = bench.viewer().get("/a", "").await;
            assert_eq!((answer.status(), status_of(&answer)), (*status, *said), "{event} {profile}");
            assert!(sentence(&answer).ends_with('.'), "{}", answer.head);
            if *event == "viewer-response" {
                support::until("the fill to end", || bench.core.shared.cache.gauges().fills == 0).await;
                let hit = bench.viewer().get("/a", "").await;
                assert!(status_of(&hit).starts_with("skerry; hit; ttl="), "{}", hit.head);
                assert!(status_of(&hit).ends_with("; detail=function.raised"), "{}", hit.head);
                assert_eq!(hit.header("age"), None, "the page is new");
            }
        });
    }
}

fn story(bench: &Bench, answer: &str) -> Value {
    let id = support::origin::header(answer, "x-amz-cf-id").unwrap();
    bench.core.shared.rings[0].lock().find(id.as_bytes()).expect("the request's story")
}

/// The last step of a story, and whether the answer is stored.
fn end(story: &Value) -> (String, Value) {
    let last = story["steps"].as_array().unwrap().last().unwrap();
    let name = last["what"].as_str().unwrap().split(':').next().unwrap().to_owned();
    (name, story["stored"].clone())
}

fn chunked(parts: &[&str]) -> Vec<(Duration, Vec<u8>)> {
    let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut out = vec![(Duration::ZERO, head.as_bytes().to_vec())];
    for part in parts {
        out.push((Duration::from_secs(1), format!("{:x}\r\n{part}\r\n", part.len()).into_bytes()));
    }
    out
}

/// A head that goes out before its body cannot say `stored` of what may outgrow the store; the story says it later.
#[test]
fn what_became_of_a_body_of_unknown_length_is_told_later() {
    const LIMIT: u64 = 1_000;
    let long = "x".repeat(600);
    for profile in PROFILES {
        for (name, parts, reply, said, stored) in [
            ("small", chunked(&[&long, ""]), Reply::Slow as fn(_) -> Reply, "kept", json!(true)),
            ("large", chunked(&[&long, &long, ""]), Reply::Slow, "too-large", json!(false)),
            ("cut", chunked(&[&long]), Reply::SlowClose, "origin-cut-body", json!(false)),
        ] {
            run_paused(async {
                let parts = Cell::new(Some(parts));
                let origin = Origin::new(move |_| now(reply(parts.take().unwrap_or_default())));
                let limits = Limits { object_bytes_max: LIMIT, ..Limits::of(64 << 20) };
                let bench = Bench::with(&plain(profile), Rc::new(To(origin)), limits, clock(), "");
                let mut viewer = bench.viewer();
                viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
                let (head, framing) = viewer.head("GET").await.unwrap();
                let cache = support::origin::header(&head, "cache-status").unwrap();
                assert_eq!(cache, "skerry; fwd=uri-miss; detail=length-unknown", "{name} {profile}");
                let mut body = Vec::new();
                assert_eq!(viewer.body(framing, &mut body).await, name != "cut", "{name} {profile}");
                support::until("the record", || !bench.records().is_empty()).await;
                assert_eq!(end(&story(&bench, &head)), (said.to_owned(), stored), "{name} {profile}");
            });
        }
    }
}

/// Where the length is told and fits, `stored` is said; that the last viewer left is told later.
#[test]
fn what_became_of_a_fetch_whose_viewer_left_is_told_later() {
    for (profile, said, stored) in [("cloudfront", "given-up", false), ("rfc9111", "kept", true)] {
        run_paused(async {
            let head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhello";
            let origin = Origin::new(move |_| {
                let parts = [(0, &head[..]), (1, b"wor"), (30, b"ld")];
                now(Reply::Slow(
                    parts.map(|(wait, part)| (Duration::from_secs(wait), part.to_vec())).to_vec(),
                ))
            });
            let bench = Bench::new(&plain(profile), Rc::new(To(origin)));
            let mut viewer = bench.viewer();
            viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            let (head, _) = viewer.head("GET").await.unwrap();
            assert_eq!(support::origin::header(&head, "cache-status"), Some("skerry; fwd=uri-miss; stored"));
            drop(viewer);
            support::until("the record", || !bench.records().is_empty()).await;
            if profile == "rfc9111" {
                assert_eq!(end(&story(&bench, &head)), ("arriving".to_owned(), Value::Null));
            }
            bench.rest().await;
            assert_eq!(end(&story(&bench, &head)), (said.to_owned(), json!(stored)), "{profile}");
        });
    }
}

#[test]
fn what_was_purged_while_it_arrived_is_told() {
    run_paused(async {
        let origin = Origin::new(move |_| {
            let head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\n".to_vec();
            now(Reply::Slow(vec![(Duration::ZERO, head), (Duration::from_secs(1), b"hello".to_vec())]))
        });
        let bench = Bench::new(&plain("cloudfront"), Rc::new(To(origin)));
        let mut viewer = bench.viewer();
        viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let (head, framing) = viewer.head("GET").await.unwrap();
        let purge = Purge { target: Target::Path(b"/a"[..].into()), force: Force::Hard, space: None };
        bench.core.shared.cache.purge(&purge).unwrap();
        assert!(viewer.body(framing, &mut Vec::new()).await);
        support::until("the record", || !bench.records().is_empty()).await;
        assert_eq!(end(&story(&bench, &head)), ("purged-meanwhile".to_owned(), json!(false)));
    });
}
