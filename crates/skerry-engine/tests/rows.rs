//! CloudFront's documented rules, by the numbers of the table of facts, driven through the engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use support::origin::{Asked, Origin, Reply, To, now};
use support::{Bench, behavior, plain, run_paused};

const DAY: u64 = 86_400;
const YEAR: u64 = 31_536_000;

fn snapshot(ttl: (u64, u64, u64)) -> Value {
    let mut snapshot = plain("cloudfront");
    behavior(&mut snapshot)["ttl"] = json!({"min_s": ttl.0, "default_s": ttl.1, "max_s": ttl.2});
    snapshot
}

fn answer(status: u16, lines: &str, body: &str) -> Vec<u8> {
    let length = if status == 304 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let lines = lines.replace('|', "\r\n");
    let lines = if lines.is_empty() { lines } else { format!("{lines}\r\n") };
    format!("HTTP/1.1 {status} Any\r\n{lines}{length}\r\n{body}").into_bytes()
}

fn bench(snapshot: &Value, origin: &Rc<Origin>) -> Bench {
    Bench::new(snapshot, Rc::new(To(origin.clone())))
}

async fn seconds(s: u64) {
    tokio::time::sleep(Duration::from_secs(s)).await;
}

/// Rows 33–36, 41, 42, 45: how long an answer is kept. (row, (min, default, max), status, fields, the viewer's own
/// fields, seconds after which it is still a hit, seconds after which it is none; 0 = never a hit.)
type Kept = (&'static str, (u64, u64, u64), u16, &'static str, &'static str, u64, u64);
const KEPT: &[Kept] = &[
    ("33 s-maxage before max-age", (0, DAY, YEAR), 200, "Cache-Control: max-age=5, s-maxage=50", "", 45, 55),
    (
        "33 max-age before Expires",
        (0, DAY, YEAR),
        200,
        "Cache-Control: max-age=50|Expires: Thu, 01 Jan 1970 00:00:00 GMT",
        "",
        45,
        55,
    ),
    ("33 not beyond the maximum", (0, 10, 30), 200, "Cache-Control: max-age=500", "", 25, 35),
    ("33 nothing said: the default", (0, 40, YEAR), 200, "", "", 35, 45),
    ("33 no-store", (0, DAY, YEAR), 200, "Cache-Control: no-store", "", 0, 1),
    ("33 no-cache", (0, DAY, YEAR), 200, "Cache-Control: no-cache", "", 0, 1),
    ("33 private", (0, DAY, YEAR), 200, "Cache-Control: private", "", 0, 1),
    ("34 at least the minimum", (60, DAY, YEAR), 200, "Cache-Control: max-age=5", "", 55, 65),
    ("34 the minimum holds against no-store", (60, DAY, YEAR), 200, "Cache-Control: no-store", "", 55, 65),
    ("34 and against private", (60, DAY, YEAR), 200, "Cache-Control: private", "", 55, 65),
    ("34 nothing said: the larger of minimum and default", (60, 30, YEAR), 200, "", "", 55, 65),
    (
        "36 the viewer's no-cache is not heard",
        (0, DAY, YEAR),
        200,
        "Cache-Control: max-age=50",
        "Cache-Control: no-cache|Pragma: no-cache",
        45,
        55,
    ),
    ("41 404 is kept for ten seconds", (0, DAY, YEAR), 404, "", "", 8, 12),
    ("41 404 for longer where it says so", (0, DAY, YEAR), 404, "Cache-Control: max-age=30", "", 28, 32),
    ("41 404 with no-store is not", (0, DAY, YEAR), 404, "Cache-Control: no-store", "", 0, 1),
    ("41 500 whatever it says", (0, DAY, YEAR), 500, "Cache-Control: no-store", "", 8, 12),
    ("41 503", (0, DAY, YEAR), 503, "", "", 8, 12),
    ("42 403 unasked is not kept", (0, DAY, YEAR), 403, "", "", 0, 1),
    ("42 403 with max-age is", (0, DAY, YEAR), 403, "Cache-Control: max-age=30", "", 28, 32),
    ("42 416 never", (0, DAY, YEAR), 416, "Cache-Control: max-age=30", "", 0, 1),
    ("45 301 is kept", (0, DAY, YEAR), 301, "Cache-Control: max-age=50|Location: /b", "", 45, 55),
    ("maximum 0: nothing is kept", (0, 0, 0), 200, "Cache-Control: max-age=50", "", 0, 1),
];

#[test]
fn how_long_an_answer_is_kept() {
    for (row, ttl, status, lines, own, hit_s, miss_s) in KEPT {
        run_paused(async {
            let origin = Origin::always(answer(*status, lines, "body"));
            let bench = bench(&snapshot(*ttl), &origin);
            let mut viewer = bench.viewer();
            let own =
                own.split('|').filter(|l| !l.is_empty()).map(|l| format!("{l}\r\n")).collect::<String>();
            let first = viewer.get("/a", &own).await;
            assert_eq!(first.status(), *status, "{row}");
            assert_eq!(first.x_cache(), if *status < 400 { "Miss" } else { "Error" }, "{row}");
            assert_eq!(first.header("age"), None, "{row}");
            if *hit_s > 0 {
                seconds(*hit_s).await;
                let hit = viewer.get("/a", &own).await;
                assert_eq!(hit.header("age"), Some(hit_s.to_string().as_str()), "{row}: {}", hit.head);
                assert!(hit.header("cache-status").unwrap().starts_with("skerry; hit"), "{row}");
                assert_eq!(hit.x_cache(), if *status < 400 { "Hit" } else { "Error" }, "{row}");
                assert_eq!(origin.asked_count(), 1, "{row}");
            }
            seconds(miss_s - hit_s).await;
            viewer.get("/a", &own).await;
            assert_eq!(origin.asked_count(), 2, "{row}");
        });
    }
}

/// Rows 37, 38, 43: what stands in when the origin fails. (row, fields of what is stored, what the origin then does,
/// the second answer's status and body)
#[test]
fn what_stands_in_for_an_origin_that_fails() {
    let rows: &[(&str, &str, Option<u16>, u16, &str)] = &[
        ("37 unreachable", "Cache-Control: max-age=5", None, 200, "old"),
        ("37 stale-if-error=0 forbids it", "Cache-Control: max-age=5, stale-if-error=0", None, 502, ""),
        ("38 within stale-if-error", "Cache-Control: max-age=5, stale-if-error=60", Some(503), 200, "old"),
        ("38 beyond stale-if-error", "Cache-Control: max-age=5, stale-if-error=2", Some(503), 503, ""),
        ("43 5xx", "Cache-Control: max-age=5", Some(500), 200, "old"),
        ("43 4xx is returned", "Cache-Control: max-age=5", Some(404), 404, ""),
    ];
    for (row, lines, then, status, body) in rows {
        run_paused(async {
            let (first, next) = (answer(200, lines, "old"), then.map(|status| answer(status, "", "new")));
            let is_first = Cell::new(true);
            let origin = Origin::new(move |_| match (is_first.replace(false), &next) {
                (true, _) => now(Reply::Keep(first.clone())),
                (false, Some(bytes)) => now(Reply::Keep(bytes.clone())),
                (false, None) => now(Reply::Close(Vec::new())),
            });
            let bench = bench(&snapshot((0, DAY, YEAR)), &origin);
            let mut viewer = bench.viewer();
            viewer.get("/a", "").await;
            seconds(10).await;
            let second = viewer.get("/a", "").await;
            assert_eq!(second.status(), *status, "{row}");
            assert!(body.is_empty() || second.text() == *body, "{row}: {}", second.text());
            assert_eq!(second.x_cache(), if *status == 200 { "Hit" } else { "Error" }, "{row}");
        });
    }
}

/// Row 38: served stale at once, renewed behind.
#[test]
fn row_38_stale_while_revalidate() {
    run_paused(async {
        let turn = Cell::new(0);
        let origin = Origin::new(move |_| {
            turn.set(turn.get() + 1);
            let bytes = answer(
                200,
                "Cache-Control: max-age=5, stale-while-revalidate=20",
                &format!("v{}", turn.get()),
            );
            now(Reply::Slow(vec![(Duration::from_secs(2), bytes)]))
        });
        let bench = bench(&snapshot((0, DAY, YEAR)), &origin);
        let mut viewer = bench.viewer();
        viewer.get("/a", "").await;
        seconds(8).await;
        for _ in 0..3 {
            let begun = tokio::time::Instant::now();
            assert_eq!(viewer.get("/a", "").await.text(), "v1");
            assert!(begun.elapsed() < Duration::from_secs(1));
        }
        seconds(3).await;
        assert_eq!((viewer.get("/a", "").await.text(), origin.asked_count()), ("v2".to_owned(), 2));
    });
}

/// Row 39: an expired answer is renewed by its validators.
#[test]
fn row_39_revalidation() {
    run_paused(async {
        let origin = Origin::new(|asked: Asked| {
            now(Reply::Keep(match asked.header("if-none-match") {
                Some("\"v\"") => answer(304, "Cache-Control: max-age=5", ""),
                _ => answer(200, "Cache-Control: max-age=5|ETag: \"v\"", "body"),
            }))
        });
        let bench = bench(&snapshot((0, DAY, YEAR)), &origin);
        let mut viewer = bench.viewer();
        for word in ["Miss", "RefreshHit", "RefreshHit"] {
            let answer = viewer.get("/a", "").await;
            assert_eq!((answer.x_cache(), answer.text(), answer.status()), (word, "body".to_owned(), 200));
            assert_eq!(viewer.get("/a", "").await.x_cache(), "Hit");
            seconds(7).await;
        }
        assert_eq!(viewer.get("/a", "If-None-Match: \"v\"\r\n").await.status(), 304);
        // on a miss the stored answer is wanted whole, and the viewer's condition is met from it
        let answer = viewer.get("/b", "If-None-Match: \"v\"\r\n").await;
        assert_eq!((answer.status(), origin.last().header("if-none-match")), (304, None));
    });
}

/// Row 40: Vary selects nothing, and keeps only names that were forwarded.
#[test]
fn row_40_vary() {
    run_paused(async {
        let origin = Origin::always(answer(
            200,
            "Cache-Control: max-age=50|Vary: Accept-Encoding, X-A, X-B, User-Agent, Cookie",
            "body",
        ));
        let mut snapshot = snapshot((0, DAY, YEAR));
        behavior(&mut snapshot)["forward"] = json!({"headers": {"mode": "list", "names": ["X-A"]}});
        let bench = bench(&snapshot, &origin);
        let mut viewer = bench.viewer();
        assert_eq!(viewer.get("/a", "X-A: 1\r\n").await.x_cache(), "Miss");
        let second = viewer.get("/a", "X-A: 2\r\n").await;
        assert_eq!(second.x_cache(), "Hit");
        let kept = second.header("vary").unwrap_or("").to_lowercase();
        assert!(kept.contains("accept-encoding") && kept.contains("x-a"), "{kept}");
        assert!(!kept.contains("x-b") && !kept.contains("user-agent"), "{kept}");
    });
}

/// Row 44: pages for errors.
#[test]
fn row_44_custom_error_responses() {
    run_paused(async {
        let origin = Origin::new(|asked: Asked| {
            now(match asked.target() {
                "/page.html" => Reply::Keep(answer(200, "Content-Type: text/html", "a page")),
                "/gone" => Reply::Close(Vec::new()),
                "/403" => Reply::Keep(answer(403, "", "no")),
                "/405" => Reply::Keep(answer(405, "", "no")),
                _ => Reply::Keep(answer(404, "", "none")),
            })
        });
        let mut snapshot = snapshot((0, 0, YEAR));
        snapshot["distributions"][0]["error_responses"] = json!([
            {"status": 404, "page": "/page.html", "code": 200, "min_ttl_s": 5},
            {"status": 502, "page": "/page.html", "code": null, "min_ttl_s": 5},
            {"status": 403, "page": "/missing.html", "code": 200, "min_ttl_s": 5},
        ]);
        let bench = bench(&snapshot, &origin);
        let mut viewer = bench.viewer();
        for (target, status, body) in
            [("/x", 200, "a page"), ("/gone", 502, "a page"), ("/403", 404, "none"), ("/405", 405, "no")]
        {
            let answer = viewer.get(target, "").await;
            assert_eq!(
                (answer.status(), answer.text().as_str(), answer.x_cache()),
                (status, body, "Error"),
                "{target}"
            );
        }
    });
}

/// Row 46: ranges from a whole object; a range that misses goes to the origin and is not kept.
#[test]
fn row_46_ranges() {
    run_paused(async {
        let origin = Origin::new(|asked: Asked| {
            now(Reply::Keep(match asked.header("range") {
                Some("bytes=2-4") => {
                    answer(206, "Cache-Control: max-age=50|Content-Range: bytes 2-4/10", "234")
                }
                _ => answer(200, "Cache-Control: max-age=50|ETag: \"v\"", "0123456789"),
            }))
        });
        let bench = bench(&snapshot((0, DAY, YEAR)), &origin);
        let mut viewer = bench.viewer();
        for _ in 0..2 {
            let miss = viewer.get("/a", "Range: bytes=2-4\r\n").await;
            assert_eq!((miss.status(), miss.text(), miss.x_cache()), (206, "234".to_owned(), "Miss"));
        }
        assert_eq!(origin.asked_count(), 2);
        viewer.get("/a", "").await;
        for (range, status, body) in [
            ("bytes=2-4", 206, "234"),
            ("bytes=-3", 206, "789"),
            ("bytes=7-", 206, "789"),
            ("bytes=7-99", 206, "789"),
            ("bytes=10-", 416, ""),
            ("bytes=4-2", 200, "0123456789"),
            ("lines=1-2", 200, "0123456789"),
            ("bytes=5-6,1-2", 200, "0123456789"), // does not ascend
            ("bytes=1-4,3-6", 200, "0123456789"), // overlaps
        ] {
            let answer = viewer.get("/a", &format!("Range: {range}\r\n")).await;
            assert_eq!((answer.status(), answer.text().as_str()), (status, body), "{range}");
        }
        let several = viewer.get("/a", "Range: bytes=1-2,5-6\r\n").await;
        assert_eq!(several.status(), 206);
        assert!(several.header("content-type").unwrap().starts_with("multipart/byteranges"));
        assert!(
            several.text().contains("bytes 1-2/10\r\n\r\n12\r\n")
                && several.text().contains("bytes 5-6/10\r\n\r\n56\r\n")
        );
        assert_eq!(viewer.get("/a", "Range: bytes=2-4\r\nIf-Range: \"w\"\r\n").await.status(), 200);
        assert_eq!(viewer.get("/a", "Range: bytes=2-4\r\nIf-Range: \"v\"\r\n").await.status(), 206);
        assert_eq!(origin.asked_count(), 3);
    });
}

/// Row 48: what is cut is not kept; what ends by closing is.
#[test]
fn row_48_truncated_bodies() {
    let rows: &[(&str, &[u8], bool, usize)] = &[
        ("length missed", b"HTTP/1.1 200 OK\r\nCache-Control: max-age=50\r\nContent-Length: 9\r\n\r\nbody", false, 2),
        ("chunks cut", b"HTTP/1.1 200 OK\r\nCache-Control: max-age=50\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n", false, 2),
        ("closed", b"HTTP/1.1 200 OK\r\nCache-Control: max-age=50\r\n\r\nbody", true, 1),
    ];
    for (name, bytes, is_whole, asked) in rows {
        run_paused(async {
            let bytes = bytes.to_vec();
            let origin = Origin::new(move |_| now(Reply::Close(bytes.clone())));
            let bench = bench(&snapshot((0, DAY, YEAR)), &origin);
            for _ in 0..2 {
                let answer = bench.viewer().get("/a", "").await;
                assert_eq!((answer.text().as_str(), answer.whole), ("body", *is_whole), "{name}");
            }
            assert_eq!(origin.asked_count(), *asked, "{name}");
        });
    }
}

/// Rows 28, 50, 51: name, whether the behavior compresses, the origin's fields, bytes of the body, the viewer's
/// Accept-Encoding and version, and the coding of the answer.
type Coded = (&'static str, bool, &'static str, usize, &'static str, &'static str, Option<&'static str>);

#[test]
fn rows_50_and_51_compression() {
    let html = "Content-Type: text/html|Cache-Control: max-age=50|ETag: \"v\"";
    let rows: &[Coded] = &[
        ("br before gzip", true, html, 2_000, "gzip, br", "1.1", Some("br")),
        ("gzip", true, html, 2_000, "gzip", "1.1", Some("gzip")),
        ("none asked", true, html, 2_000, "", "1.1", None),
        ("refused by weight", true, html, 2_000, "br;q=0", "1.1", None),
        ("not switched on", false, html, 2_000, "gzip, br", "1.1", None),
        ("too small", true, html, 999, "gzip, br", "1.1", None),
        (
            "not a listed type",
            true,
            "Content-Type: image/png|Cache-Control: max-age=50",
            2_000,
            "gzip, br",
            "1.1",
            None,
        ),
        (
            "coded already",
            true,
            "Content-Type: text/html|Content-Encoding: zstd|Cache-Control: max-age=50",
            2_000,
            "gzip",
            "1.1",
            Some("zstd"),
        ),
        ("not for HTTP/1.0", true, html, 2_000, "gzip", "1.0", None),
        (
            "not kept, not compressed",
            true,
            "Content-Type: text/html|Cache-Control: no-store",
            2_000,
            "gzip",
            "1.1",
            None,
        ),
    ];
    for (name, allowed, lines, bytes, accept, version, coding) in rows {
        support::run(async {
            let origin = Origin::always(answer(200, lines, &"skerry ".repeat(1_500)[..*bytes]));
            let mut snapshot = snapshot((0, DAY, YEAR));
            behavior(&mut snapshot)["compress"] = json!(allowed);
            behavior(&mut snapshot)["key"] = json!({"gzip": true, "br": true});
            let bench = bench(&snapshot, &origin);
            for turn in 0..2 {
                let mut viewer = bench.viewer();
                let accept =
                    if accept.is_empty() { String::new() } else { format!("Accept-Encoding: {accept}\r\n") };
                viewer.send(&format!("GET /a HTTP/{version}\r\nHost: a.test\r\n{accept}\r\n")).await;
                let answer = viewer.answer("GET").await.unwrap();
                assert_eq!(answer.header("content-encoding"), *coding, "{name} {turn}: {}", answer.head);
                if coding.is_some_and(|coding| coding != "zstd") {
                    assert_eq!(answer.header("etag"), Some("W/\"v\""), "{name}");
                    assert!(answer.body.len() < 500, "{name}");
                }
            }
        });
    }
}

/// Rows 4, 6, 7, 8: who gets in, and as what.
#[test]
fn rows_4_to_8_admission() {
    run_paused(async {
        let origin = Origin::new(|asked: Asked| now(Reply::Keep(answer(200, "", asked.target()))));
        let mut snapshot = snapshot((0, DAY, YEAR));
        snapshot["distributions"][0]["default_root_object"] = json!("index.html");
        behavior(&mut snapshot)["allowed_methods"] = json!(["GET", "HEAD"]);
        behavior(&mut snapshot)["viewer_protocol"] = json!("redirect-to-https");
        let bench = bench(&snapshot, &origin);
        let mut plain = bench.viewer();
        let moved = plain.get("/a?b=c", "").await;
        assert_eq!((moved.status(), moved.x_cache()), (301, "Redirect"));
        assert_eq!(moved.header("location"), Some("https://a.test:8443/a?b=c"));
        assert_eq!(plain.ask("DELETE", "/a", "").await.status(), 307);
        let mut old = bench.viewer();
        old.send("DELETE /a HTTP/1.0\r\nHost: a.test\r\n\r\n").await;
        assert_eq!(old.answer("DELETE").await.unwrap().status(), 403);
        let mut secure = bench.secure_viewer();
        assert_eq!(secure.get("/", "").await.text(), "/index.html");
        assert_eq!(secure.get("/dir/", "").await.text(), "/dir/");
        assert_eq!(secure.ask("DELETE", "/a", "").await.status(), 403);
        assert_eq!(secure.get("/a", "Content-Length: 0\r\n").await.status(), 403);
        behavior(&mut snapshot)["viewer_protocol"] = json!("https-only");
        bench.core.shared.apply(support::live(&snapshot));
        assert_eq!(plain.get("/a", "").await.status(), 403);
        assert_eq!(secure.get("/a", "").await.status(), 200);
    });
}

/// Row 63: what the origin sees; row 64: what the viewer sees.
#[test]
fn rows_63_to_65_fields_both_ways() {
    run_paused(async {
        let seen = Rc::new(RefCell::new(String::new()));
        let (keep, lines) = (
            seen.clone(),
            "Cache-Control: max-age=50|Trailer: x|Upgrade: h2c|Keep-Alive: 5|Server: s|Via: 1.1 up",
        );
        let origin = Origin::new(move |asked: Asked| {
            *keep.borrow_mut() = asked.head.to_lowercase();
            now(Reply::Keep(answer(200, lines, "body")))
        });
        let bench = bench(&snapshot((0, DAY, YEAR)), &origin);
        let mut viewer = bench.viewer();
        let own = "User-Agent: Firefox\r\nAccept: */*\r\nX-Edge-Y: 1\r\nProxy-Z: 1\r\nTE: trailers\r\nX-Any: 1\r\nX-Forwarded-For: 9.9.9.9\r\nAuthorization: x\r\nReferer: r\r\n";
        let miss = viewer.get("/a", own).await;
        let sent = seen.borrow().clone();
        for line in [
            "host: origin.test",
            "user-agent: amazon cloudfront",
            "x-forwarded-for: 9.9.9.9, 127.0.0.1",
            "x-amz-cf-id: ",
            "via: 1.1 d1.cloudfront.net",
        ] {
            assert!(sent.contains(line), "{line} in {sent}");
        }
        for name in ["accept:", "x-edge-", "proxy-", "\r\nte:", "x-any", "authorization", "referer"] {
            assert!(!sent.contains(name), "{name} in {sent}");
        }
        for answer in [miss, viewer.get("/a", "").await] {
            let head = answer.head.to_lowercase();
            for name in ["trailer:", "upgrade:", "keep-alive"] {
                assert!(!head.contains(name), "{name} in {head}");
            }
            assert!(head.contains("1.1 up") && head.contains("1.1 d1.cloudfront.net (cloudfront)"), "{head}");
            assert_eq!(answer.header("x-amz-cf-pop"), Some("IAD50-C1"));
            assert_eq!(answer.header("x-amz-cf-id").unwrap().len(), 56);
            assert_eq!(answer.header("server"), Some("s"));
        }
    });
}

/// Row 43: while a stale answer stands in, the origin is not asked again before its error's lifetime is over.
#[test]
fn an_origin_that_fails_is_left_alone_for_a_while() {
    run_paused(async {
        let count = Rc::new(Cell::new(0));
        let asked = count.clone();
        let origin = Origin::new(move |_: Asked| {
            asked.set(asked.get() + 1);
            let first = answer(200, "Cache-Control: max-age=5|ETag: \"a\"", "old");
            now(Reply::Keep(if asked.get() == 1 { first } else { answer(500, "", "new") }))
        });
        let bench = bench(&snapshot((0, DAY, YEAR)), &origin);
        let mut viewer = bench.viewer();
        viewer.get("/a", "").await;
        seconds(6).await;
        for (pause_s, asked) in [(0, 2), (0, 2), (8, 2), (4, 3), (0, 3)] {
            seconds(pause_s).await;
            let answer = viewer.get("/a", "").await;
            assert_eq!((answer.status(), answer.text()), (200, "old".into()));
            assert!(answer.header("Cache-Status").unwrap().contains("detail=stands-in"), "{}", answer.head);
            assert_eq!(count.get(), asked);
        }
        // and what is purged does not stand in for anything
        let all = skerry_cache::Purge {
            target: skerry_cache::Target::All,
            force: skerry_cache::Force::Hard,
            space: None,
        };
        bench.core.shared.cache.purge(&all).unwrap();
        assert_eq!(viewer.get("/a", "").await.status(), 500);
    });
}
