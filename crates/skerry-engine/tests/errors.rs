//! Errors that are kept (rows 41, 42), and for whom: one viewer's request must not make an error for all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;

use serde_json::{Value, json};
use support::origin::{Asked, Origin, Reply, To, now};
use support::{Bench, behavior, plain, run_paused};

fn answer(status: u16, lines: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Any\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// An origin that trips over what the request carries, and answers all others.
fn touchy(trips: fn() -> Reply) -> Rc<Origin> {
    Origin::new(move |asked: Asked| {
        let is_bad = asked.header("x-odd").is_some()
            || asked.header("cookie").is_some_and(|cookie| cookie.contains("odd"))
            || asked.target().contains("odd");
        now(if is_bad { trips() } else { Reply::Keep(answer(200, "Cache-Control: max-age=60\r\n", "fine")) })
    })
}

/// Everything goes to the origin, and nothing of it but the path is in the key.
fn open_policies() -> [Value; 2] {
    let all = json!({"mode": "all", "names": []});
    let headers = json!({"mode": "all_viewer", "names": []});
    [
        json!({"cookies": all, "query": all, "headers": headers}),
        json!({"cookies": all, "query": all, "legacy": true}),
    ]
}

/// How it trips; the status that comes of it; whether that is kept for whoever sends the same, and for all.
type Row = (&'static str, fn() -> Reply, u16, bool, bool);
const ROWS: &[Row] = &[
    (
        "400 that asks for it",
        || Reply::Keep(answer(400, "Cache-Control: max-age=60\r\n", "")),
        400,
        true,
        false,
    ),
    (
        "403 that asks for it",
        || Reply::Keep(answer(403, "Cache-Control: max-age=60\r\n", "")),
        403,
        true,
        false,
    ),
    ("400", || Reply::Keep(answer(400, "", "")), 400, false, false),
    ("431", || Reply::Keep(answer(431, "Cache-Control: max-age=60\r\n", "")), 431, false, false),
    ("414", || Reply::Keep(answer(414, "", "")), 414, true, false),
    ("500", || Reply::Keep(answer(500, "", "")), 500, true, false),
    ("breaks off", || Reply::Close(Vec::new()), 502, true, false),
    ("nonsense", || Reply::Close(b"SSH-2\r\n\r\n".to_vec()), 502, true, false),
    ("404", || Reply::Keep(answer(404, "", "")), 404, true, true),
    ("503", || Reply::Keep(answer(503, "", "")), 503, true, true),
    ("hangs", || Reply::Hang, 504, true, false),
];

#[test]
fn an_error_that_one_request_made_is_not_for_all() {
    for (forward, (name, trips, status, is_kept, is_for_all)) in
        open_policies().iter().flat_map(|forward| ROWS.iter().map(move |row| (forward, row)))
    {
        for (target, lines) in [("/a", "X-Odd: 1\r\n"), ("/a", "Cookie: a=odd\r\n"), ("/a?odd", "")] {
            run_paused(async {
                let mut snapshot = plain("cloudfront");
                behavior(&mut snapshot)["forward"] = forward.clone();
                let origin = touchy(*trips);
                let bench = Bench::new(&snapshot, Rc::new(To(origin.clone())));
                let mut viewer = bench.viewer();
                assert_eq!(viewer.get(target, lines).await.status(), *status, "{name} {lines}");
                let first = origin.asked_count();
                assert_eq!(viewer.get(target, lines).await.status(), *status, "{name} {lines}");
                assert_eq!(origin.asked_count() == first, *is_kept, "{name} {lines}: the same request again");
                let other = viewer.get("/a", "").await.status();
                assert_eq!(other, if *is_for_all { *status } else { 200 }, "{name} {lines}: another's");
                // what is good is for everybody again
                if !is_for_all {
                    assert_eq!(viewer.get(target, lines).await.text(), "fine", "{name} {lines}");
                }
            });
        }
    }
}

/// Where nothing but the key goes to the origin, no request looks unlike another, and an error spares it all of them.
#[test]
fn an_error_is_for_all_where_all_look_the_same() {
    run_paused(async {
        let origin = Origin::always(answer(500, "", ""));
        let bench = Bench::new(&plain("cloudfront"), Rc::new(To(origin.clone())));
        let mut viewer = bench.viewer();
        for lines in ["", "Cookie: a=odd\r\n", "X-Odd: 1\r\nUser-Agent: z\r\n", "If-None-Match: \"v\"\r\n"] {
            assert_eq!(viewer.get("/a?x=1", lines).await.status(), 500, "{lines}");
        }
        assert_eq!(viewer.ask("HEAD", "/a", "").await.status(), 500);
        assert_eq!(origin.asked_count(), 1);
    });
}

/// Waiting for a fetch that fails by what its own request carried is no failure of those who wait.
#[test]
fn who_waits_behind_a_request_that_fails_fetches_again() {
    run_paused(async {
        let mut snapshot = plain("cloudfront");
        behavior(&mut snapshot)["forward"] = json!({"headers": {"mode": "all_viewer", "names": []}});
        let origin = touchy(|| Reply::SlowClose(vec![(std::time::Duration::from_secs(1), Vec::new())]));
        let bench = Bench::new(&snapshot, Rc::new(To(origin)));
        let (mut odd, mut other) = (bench.viewer(), bench.viewer());
        odd.send("GET /a HTTP/1.1\r\nHost: a.test\r\nX-Odd: 1\r\n\r\n").await;
        support::until("the fetch", || bench.core.shared.cache.gauges().fills == 1).await;
        other.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(odd.answer("GET").await.unwrap().status(), 502);
        assert_eq!(other.answer("GET").await.unwrap().text(), "fine");
    });
}

/// The story of a kept failure says for whom it is kept.
#[test]
fn it_is_told_for_whom_a_failure_is_kept() {
    for (is_down, whom) in
        [(true, "for all who ask for this key"), (false, "for requests that look the same to the origin")]
    {
        run_paused(async {
            let origin = Origin::new(|_| now(Reply::Close(Vec::new())));
            origin.is_down.set(is_down);
            let bench = Bench::new(&plain("cloudfront"), Rc::new(To(origin)));
            let answer = bench.viewer().get("/a", "").await;
            let id = answer.header("x-amz-cf-id").unwrap().to_owned();
            let story = bench.core.shared.rings[0].lock().find(id.as_bytes()).unwrap();
            assert!(story["steps"].to_string().contains(whom), "{story}");
        });
    }
}

/// An error is no sign that answers of its key are not shared: who comes next still waits for one fetch.
#[test]
fn an_error_leaves_the_others_their_shelter() {
    for status in [400, 403, 500] {
        run_paused(async {
            let origin = Origin::new(move |asked| {
                let bad = asked.header("x-odd").is_some();
                let later = std::time::Duration::from_secs(1);
                let line = if bad { "Cache-Control: no-store\r\n" } else { "Cache-Control: max-age=60\r\n" };
                now(Reply::Slow(vec![(later, answer(if bad { status } else { 200 }, line, "fine"))]))
            });
            let mut snapshot = plain("rfc9111");
            behavior(&mut snapshot)["forward"] = json!({"headers": {"mode": "all_viewer", "names": []}});
            let bench = Bench::new(&snapshot, Rc::new(To(origin.clone())));
            assert_eq!(bench.viewer().get("/a", "X-Odd: 1\r\n").await.status(), status);
            let (mut one, mut other) = (bench.viewer(), bench.viewer());
            let (one, other) = tokio::join!(one.get("/a", ""), other.get("/a", ""));
            assert_eq!((one.status(), other.status(), origin.asked_count()), (200, 200, 2), "{status}");
        });
    }
}
