//! A plain hit answered the quick way and the same hit through the walk are one answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;

use serde_json::{Value, json};
use support::origin::{Origin, To};
use support::{Bench, behavior, plain, run_paused};

/// What sends a request through the walk without changing its answer.
const DETOUR: &str = "If-None-Match: \"nobody\"\r\n";

struct Way {
    status: String,
    lines: Vec<String>,
    body: Vec<u8>,
}

/// One hit: how it was answered, but for what is new in every answer.
async fn hit(bench: &Bench, method: &str, version: &str, lines: &str) -> Way {
    let mut viewer = bench.viewer();
    viewer.send(&format!("{method} /a?b=c HTTP/{version}\r\nHost: a.test\r\n{lines}\r\n")).await;
    let answer = viewer.answer(method).await.unwrap();
    let mut lines: Vec<String> = answer
        .head
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty() && !line.starts_with("X-Amz-Cf-Id:"))
        .map(str::to_owned)
        .collect();
    lines.sort_unstable();
    Way { status: answer.head.lines().next().unwrap().to_owned(), lines, body: answer.body }
}

fn kinds() -> Vec<(&'static str, Value, String, &'static str)> {
    let policy = json!({
        "name": "p", "remove": ["x-gone"], "cors": null, "server_timing_percent": 0.0,
        "set": [{"name": "X-Frame-Options", "value": "DENY", "override": true}],
    });
    let with = |profile: &str, change: &dyn Fn(&mut Value)| {
        let mut snapshot = plain(profile);
        behavior(&mut snapshot)["key"] = json!({"query": {"mode": "all", "names": []}});
        change(behavior(&mut snapshot));
        snapshot
    };
    let text = |lines: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n{lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let long = "0123456789".repeat(7_000);
    let page = "Content-Type: text/html\r\nETag: \"x\"\r\nVia: 1.1 before\r\n";
    vec![
        ("plain", with("cloudfront", &|_| ()), text(page, "hello"), ""),
        ("empty", with("cloudfront", &|_| ()), text("", ""), ""),
        ("aged", with("cloudfront", &|_| ()), text("Age: 7\r\n", "hello"), ""),
        (
            "ranges told by the origin",
            with("cloudfront", &|_| ()),
            text("Accept-Ranges: bytes\r\n", "hello"),
            "",
        ),
        ("large", with("cloudfront", &|_| ()), text(page, &long), ""),
        (
            "varied",
            with("rfc9111", &|_| ()),
            text("Vary: Accept-Language\r\n", "hello"),
            "Accept-Language: de\r\n",
        ),
        (
            "policy",
            with("cloudfront", &|b| b["response_headers"] = policy.clone()),
            text("X-Gone: 1\r\n", "hello"),
            "",
        ),
        (
            "compressed",
            with("cloudfront", &|b| {
                b["compress"] = json!(true);
                b["key"]["br"] = json!(true);
                b["key"]["gzip"] = json!(true);
            }),
            text(page, &long),
            "Accept-Encoding: gzip, br\r\n",
        ),
    ]
}

#[test]
fn the_quick_way_answers_as_the_walk_does() {
    run_paused(async {
        for (name, snapshot, reply, lines) in kinds() {
            let origin = Origin::always(reply);
            let bench = Bench::new(&snapshot, Rc::new(To(origin.clone())));
            // HTTP/1.0 is served no coding, under a key of its own
            hit(&bench, "GET", "1.1", lines).await;
            hit(&bench, "GET", "1.0", lines).await;
            for (method, version, more) in [
                ("GET", "1.1", ""),
                ("HEAD", "1.1", ""),
                ("GET", "1.0", ""),
                ("GET", "1.0", "Connection: keep-alive\r\n"),
                ("GET", "1.1", "Connection: close\r\n"),
            ] {
                let quick = hit(&bench, method, version, &format!("{lines}{more}")).await;
                let walked = hit(&bench, method, version, &format!("{lines}{more}{DETOUR}")).await;
                let case = format!("{name}: {method} {version} {more:?}");
                assert_eq!(quick.status, walked.status, "{case}");
                assert_eq!(quick.lines, walked.lines, "{case}");
                assert!(quick.body == walked.body, "{case}");
                assert!(
                    quick.lines.contains(&"X-Cache: Hit from cloudfront".to_owned()),
                    "{case}: {:?}",
                    quick.lines
                );
            }
            assert_eq!(origin.asked_count(), if name == "compressed" { 2 } else { 1 }, "{name}");
            bench.rest().await;
            // the quick way takes one step, and so the two ways were two
            let is_quick = |record: &Value| {
                let id = record["request_id"].as_str().unwrap();
                let story = bench.core.shared.rings[0].lock().find(id.as_bytes()).unwrap();
                story["steps"].as_array().unwrap().len() == 1
            };
            let quick = bench.records().iter().filter(|record| is_quick(record)).count();
            assert!(quick >= 5, "{name}: {quick}");
        }
    });
}
