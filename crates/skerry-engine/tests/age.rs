//! `Age` (RFC 9111 5.1): what an origin says of it is passed on in one form, whether or not the answer is kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;

use support::origin::{Origin, Reply, To, now};
use support::viewer::Answer;
use support::{Bench, plain, run_paused};

fn ages(answer: &Answer) -> Vec<String> {
    let lines = answer.head.lines().filter(|line| line.to_ascii_lowercase().starts_with("age:"));
    lines.map(|line| line[4..].trim().to_owned()).collect()
}

/// The origin's lines, and what a viewer gets.
const ROWS: &[(&str, Option<&str>)] = &[
    ("Age: 7\r\n", Some("7")),
    ("Age: 007\r\n", Some("7")),
    ("Age: 99999999999999999999\r\n", Some("2147483648")), // RFC 9111 1.2.2
    ("Age: 2147483649\r\n", Some("2147483648")),
    ("Age: 7, 8\r\n", Some("7")),
    ("Age: 7\r\nAge: 8\r\n", Some("7")),
    ("Age: -7\r\n", None),
    ("Age: 7.5\r\n", None),
    ("Age: soon\r\n", None),
    ("Age: soon\r\nAge: 8\r\n", None),
    ("Age:\r\n", None),
    ("", None),
];

#[test]
fn an_origins_age_is_one_number_or_none() {
    let kept = "Cache-Control: max-age=2147483648\r\n";
    for profile in ["cloudfront", "rfc9111"] {
        for (how, method, control) in [
            ("kept", "GET", kept),
            ("not kept", "GET", "Cache-Control: no-store\r\n"),
            ("passed", "POST", ""),
        ] {
            for (lines, expected) in ROWS {
                run_paused(async {
                    let head = format!("HTTP/1.1 200 OK\r\n{lines}{control}Content-Length: 0\r\n\r\n");
                    let origin = Origin::new(move |_| now(Reply::Keep(head.clone().into_bytes())));
                    let bench = Bench::new(&plain(profile), Rc::new(To(origin)));
                    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
                    let answer = bench.viewer().ask(method, "/a", length).await;
                    let expected: Vec<_> = expected.iter().map(|s| (*s).to_owned()).collect();
                    assert_eq!(ages(&answer), expected, "{profile} {how} {lines:?}");
                    // explain says what was left out
                    let id = answer.header("x-amz-cf-id").unwrap().to_owned();
                    let story = bench.core.shared.rings[0].lock().find(id.as_bytes()).unwrap();
                    let is_told = story["steps"].to_string().contains("is left out");
                    assert_eq!(
                        is_told,
                        !lines.is_empty() && expected.is_empty(),
                        "{profile} {how} {lines:?}"
                    );
                });
            }
        }
    }
}

/// A 304 may bring an `Age` of its own, which is none of the stored answer's fields.
#[test]
fn an_age_with_a_304_is_told_once() {
    run_paused(async {
        let origin = Origin::new(|asked| {
            now(Reply::Keep(match asked.header("if-none-match") {
                Some(_) => b"HTTP/1.1 304 Any\r\nAge: 9\r\nCache-Control: max-age=60\r\n\r\n".to_vec(),
                None => b"HTTP/1.1 200 OK\r\nAge: 1\r\nETag: \"v\"\r\nCache-Control: max-age=2\r\nContent-Length: 0\r\n\r\n".to_vec(),
            }))
        });
        let bench = Bench::new(&plain("cloudfront"), Rc::new(To(origin)));
        let mut viewer = bench.viewer();
        assert_eq!(ages(&viewer.get("/a", "").await), ["1"]);
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        for word in ["RefreshHit", "Hit"] {
            let answer = viewer.get("/a", "").await;
            assert_eq!((answer.x_cache(), ages(&answer)), (word, vec!["9".to_owned()]), "{}", answer.head);
        }
    });
}
