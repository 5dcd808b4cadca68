//! The path over a connection, end to end, one small fact at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use skerry_cache::{Force, Purge, Target};
use support::origin::{Asked, Origin, Reply, To, now};
use support::{Bench, behavior, plain, run_paused, until};
use tokio::io::AsyncWriteExt;

fn ok(lines: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn after(ms: u64, bytes: Vec<u8>) -> Reply {
    Reply::Slow(vec![(Duration::from_millis(ms), bytes)])
}

/// A script of one answer after the other; the last one stays.
fn turns(answers: Vec<Vec<u8>>) -> Rc<Origin> {
    let turn = Cell::new(0);
    Origin::new(move |_| {
        let at = turn.replace(turn.get() + 1).min(answers.len() - 1);
        now(Reply::Keep(answers[at].clone()))
    })
}

fn bench(snapshot: &Value, origin: &Rc<Origin>) -> Bench {
    Bench::new(snapshot, Rc::new(To(origin.clone())))
}

async fn seconds(s: u64) {
    tokio::time::sleep(Duration::from_secs(s)).await;
}

#[test]
fn a_miss_then_a_hit_each_with_its_record() {
    run_paused(async {
        let origin = Origin::always(ok("Cache-Control: max-age=60\r\n", "hello"));
        let bench = bench(&plain("cloudfront"), &origin);
        let mut viewer = bench.viewer();
        for word in ["Miss", "Hit"] {
            let answer = viewer.get("/a", "").await;
            assert_eq!((answer.status(), answer.text(), answer.x_cache()), (200, "hello".into(), word));
        }
        drop(viewer);
        bench.rest().await;
        assert_eq!((origin.asked_count(), bench.records().len()), (1, 2));
    });
}

/// Row 49: CloudFront stops a fetch when the last viewer has left; the standard's profile lets it run into the store.
#[test]
fn a_viewer_that_leaves_while_the_origin_thinks_is_noticed() {
    for (profile, stored) in [("cloudfront", false), ("rfc9111", true)] {
        run_paused(async {
            let origin = Origin::new(|_| now(after(20_000, ok("Cache-Control: max-age=60\r\n", "hello"))));
            let bench = bench(&plain(profile), &origin);
            let mut viewer = bench.viewer();
            viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\nUser-Agent: r1\r\n\r\n").await;
            until("the origin asked", || origin.open.get() == 1).await;
            drop(viewer);
            seconds(5).await;
            assert_eq!(
                bench.core.stats.open_connections.load(std::sync::atomic::Ordering::Relaxed),
                0,
                "{profile}"
            );
            assert_eq!(origin.open.get(), usize::from(stored), "{profile}");
            seconds(30).await;
            bench.rest().await;
            let records = bench.records();
            assert_eq!(records.len(), 1, "{records:?}");
            assert_eq!((&records[0]["status"], &records[0]["reason"]), (&json!(0), &json!("viewer-left")));
            assert_eq!(bench.core.shared.cache.gauges().objects, usize::from(stored), "{profile}");
        });
    }
}

/// RFC 9112 9.6: who has sent all it will send may still read.
#[test]
fn a_viewer_that_has_only_stopped_sending_is_answered() {
    run_paused(async {
        let origin = Origin::new(|_| now(after(300, ok("", "hello"))));
        let bench = bench(&plain("cloudfront"), &origin);
        let mut viewer = bench.viewer();
        viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        viewer.stream.shutdown().await.unwrap();
        assert_eq!(viewer.answer("GET").await.unwrap().text(), "hello");
        assert_eq!(viewer.rest().await, b"");
        bench.rest().await;
    });
}

#[test]
fn what_is_pipelined_while_the_walk_runs_is_answered_in_turn() {
    run_paused(async {
        let origin = Origin::new(|asked: Asked| {
            let body = asked.target().to_owned();
            now(after(300, ok("", &body)))
        });
        let bench = bench(&plain("cloudfront"), &origin);
        let mut viewer = bench.viewer();
        viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        until("the origin asked", || origin.open.get() == 1).await;
        for name in ["b", "c"] {
            viewer.send(&format!("GET /{name} HTTP/1.1\r\nHost: a.test\r\n\r\n")).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for name in ["/a", "/b", "/c"] {
            assert_eq!(viewer.answer("GET").await.unwrap().text(), name);
        }
    });
}

/// The deadline of a connection counts the viewer's idleness, never the origin's (row 16: up to 120 s).
#[test]
fn a_slow_origin_is_not_held_against_the_viewer() {
    run_paused(async {
        let origin = Origin::new(|_| {
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".to_vec();
            now(Reply::Slow(vec![(Duration::ZERO, head), (Duration::from_secs(50), b"world".to_vec())]))
        });
        let mut snapshot = plain("cloudfront");
        snapshot["distributions"][0]["origins"][0]["read_timeout_s"] = json!(120.0);
        let bench = bench(&snapshot, &origin);
        assert_eq!(bench.viewer().get("/a", "").await.text(), "helloworld");
    });
}

#[test]
fn a_viewer_that_does_not_read_is_let_go() {
    run_paused(async {
        let body = "x".repeat(200_000);
        let origin = Origin::always(ok("Cache-Control: max-age=60\r\n", &body));
        let bench = bench(&plain("rfc9111"), &origin);
        for _ in 0..2 {
            let mut viewer = bench.viewer_of(1_000);
            viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            seconds(45).await;
            bench.rest().await; // while the viewer is still there
            drop(viewer);
        }
        assert_eq!(bench.records().len(), 2);
    });
}

/// A head that comes in two parts must not leave its deadline behind for what follows it.
#[test]
fn the_time_of_a_head_ends_with_the_head() {
    run_paused(async {
        let origin = Origin::always(ok("Cache-Control: max-age=600\r\n", "hello"));
        let bench = bench(&plain("cloudfront"), &origin);
        let mut viewer = bench.viewer();
        viewer.get("/a", "").await;
        for wait in [0, 30, 8, 8] {
            seconds(wait).await;
            viewer.send("GET /a HTTP/1.1\r\nHo").await;
            seconds(7).await;
            viewer.send("st: a.test\r\n\r\n").await;
            assert_eq!(viewer.answer("GET").await.expect("not closed").x_cache(), "Hit");
        }
        viewer.send("GET /a HTTP/1.1\r\nHo").await;
        seconds(12).await;
        assert!(viewer.answer("GET").await.is_none(), "a head has ten seconds");
    });
}

/// The viewer has not left: it only did not want the body.
#[test]
fn an_answer_without_its_body_does_not_end_the_fill() {
    for (method, lines, status) in [("HEAD", "", 200), ("GET", "If-None-Match: \"v\"\r\n", 304)] {
        run_paused(async {
            let origin = Origin::new(|_| {
                let head = b"HTTP/1.1 200 OK\r\nETag: \"v\"\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhello".to_vec();
                now(Reply::Slow(vec![(Duration::ZERO, head), (Duration::from_secs(1), b"world".to_vec())]))
            });
            let bench = bench(&plain("cloudfront"), &origin);
            let mut viewer = bench.viewer();
            let answer = viewer.ask(method, "/a", lines).await;
            assert_eq!((answer.status(), answer.x_cache() == "Hit"), (status, false), "{method}");
            seconds(2).await;
            let answer = viewer.get("/a", "").await;
            assert_eq!((answer.text(), answer.x_cache()), ("helloworld".into(), "Hit"), "{method} {lines}");
        });
    }
}

/// Row 44, 41: the page replaces the answer; the error behind it is kept all the same.
#[test]
fn an_error_behind_a_page_of_its_own_is_kept() {
    run_paused(async {
        let origin = Origin::new(|asked: Asked| {
            now(match asked.target() {
                "/404.html" => Reply::Keep(ok("Cache-Control: max-age=60\r\n", "sorry")),
                _ => Reply::Slow(vec![
                    (Duration::ZERO, b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n".to_vec()),
                    (Duration::from_millis(500), b"none".to_vec()),
                ]),
            })
        });
        let mut snapshot = plain("cloudfront");
        snapshot["distributions"][0]["error_responses"] =
            json!([{"status": 404, "page": "/404.html", "code": 404, "min_ttl_s": 30}]);
        let bench = bench(&snapshot, &origin);
        let mut viewer = bench.viewer();
        for _ in 0..3 {
            let answer = viewer.get("/a", "").await;
            assert_eq!((answer.status(), answer.text(), answer.x_cache()), (404, "sorry".into(), "Error"));
            seconds(1).await;
        }
        assert_eq!(origin.asked_count(), 2);
    });
}

/// Row 41: how long an unreachable origin is not asked again holds anew each time.
#[test]
fn an_error_that_has_expired_is_no_answer_to_the_next_one() {
    run_paused(async {
        let origin = Origin::always(ok("", "hello"));
        origin.is_down.set(true);
        let bench = bench(&plain("cloudfront"), &origin);
        let mut viewer = bench.viewer();
        for _ in 0..3 {
            for _ in 0..3 {
                assert_eq!(viewer.get("/a", "").await.status(), 502);
            }
            seconds(11).await;
        }
        let errors = bench.core.stats.origin_requests.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(errors, 3, "asked once in ten seconds");
        origin.is_down.set(false);
        assert_eq!(viewer.get("/a", "").await.text(), "hello");
    });
}

#[test]
fn a_304_leaves_the_tags_and_brings_no_marks_of_another_cache() {
    run_paused(async {
        let tagged = ok("Cache-Control: max-age=1\r\nETag: \"v\"\r\nCache-Tag: Red, blue\r\n", "hello");
        let renewed =
            b"HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\nX-Cache: Hit from elsewhere\r\n\r\n";
        let origin = turns(vec![tagged, renewed.to_vec(), ok("", "new")]);
        let bench = bench(&plain("rfc9111"), &origin);
        let mut viewer = bench.viewer();
        viewer.get("/a", "").await;
        seconds(2).await;
        let answer = viewer.get("/a", "").await;
        assert_eq!((answer.x_cache(), answer.text()), ("RefreshHit", "hello".into()), "{}", answer.head);
        let answer = viewer.get("/a", "").await;
        assert_eq!(answer.head.to_lowercase().matches("x-cache:").count(), 1, "{}", answer.head);
        let purge = Purge { target: Target::Tag(b"red".as_slice().into()), force: Force::Hard, space: None };
        bench.core.shared.cache.purge(&purge).unwrap();
        assert_eq!(viewer.get("/a", "").await.text(), "new");
    });
}

/// Row 27.
#[test]
fn cookies_of_an_origin_that_gets_none_are_not_handed_out() {
    let all = json!({"cookies": {"mode": "all", "names": []}});
    for (forward, control, kept) in [
        (json!({}), "max-age=60", [false, false]),
        (json!({}), "max-age=60, no-cache=\"set-cookie\"", [false, false]),
        (all.clone(), "max-age=60", [true, true]),
        (all, "max-age=60, no-cache=\"set-cookie\"", [true, false]), // the first asker's alone
    ] {
        run_paused(async {
            let lines = format!("Cache-Control: {control}\r\nSet-Cookie: a=b\r\n");
            let origin = Origin::always(ok(&lines, "hello"));
            let mut snapshot = plain("cloudfront");
            behavior(&mut snapshot)["forward"] = forward.clone();
            let bench = bench(&snapshot, &origin);
            let mut viewer = bench.viewer();
            for kept in kept {
                let answer = viewer.get("/a", "").await;
                assert_eq!(answer.header("set-cookie").is_some(), kept, "{control} {forward}");
            }
        });
    }
}

/// Row 52.
#[test]
fn requests_with_cookies_forwarded_do_not_wait_for_each_other() {
    for (forward, want) in [(json!({}), 1), (json!({"cookies": {"mode": "all", "names": []}}), 5)] {
        run_paused(async {
            let origin = Origin::new(|_| now(after(1_000, ok("Cache-Control: max-age=60\r\n", "hello"))));
            let mut snapshot = plain("cloudfront");
            behavior(&mut snapshot)["forward"] = forward.clone();
            let bench = bench(&snapshot, &origin);
            let mut viewers: Vec<_> = (0..5).map(|_| bench.viewer()).collect();
            for viewer in &mut viewers {
                viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            }
            for viewer in &mut viewers {
                assert_eq!(viewer.answer("GET").await.unwrap().text(), "hello");
            }
            assert_eq!((origin.asked_count(), origin.open_max.get()), (want, want));
            assert_eq!(viewers[0].get("/a", "").await.x_cache(), "Hit");
        });
    }
}

#[test]
fn a_body_that_breaks_is_the_viewers_fault() {
    run_paused(async {
        let origin = Origin::always(ok("", "hello"));
        let bench = bench(&plain("cloudfront"), &origin);
        for bad in ["0x1\r\na\r\n0\r\n\r\n", "1\r\nabGET", "1 \r\na\r\n0\r\n\r\n"] {
            let mut viewer = bench.viewer();
            viewer.send("POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            viewer.send(bad).await;
            let answer = viewer.answer("POST").await.unwrap();
            assert_eq!((answer.status(), answer.header("connection")), (400, Some("close")), "{bad:?}");
            drop(viewer);
            bench.rest().await;
        }
    });
}

/// RFC 9112 9.5: an answer may come before the request is through; it is the answer all the same.
#[test]
fn an_origin_that_answers_before_it_has_read_the_body_is_heard() {
    for close in [false, true] {
        run_paused(async {
            let answer = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig".to_vec();
            let bench = Bench::new(&plain("cloudfront"), Rc::new(Early { answer, close }));
            let (mut viewer, body) = (bench.viewer(), "x".repeat(300_000));
            let asking = async {
                let head =
                    format!("POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n", body.len());
                viewer.send(&head).await;
                let (mut read, mut write) = tokio::io::split(viewer.stream);
                let sending = async move {
                    let _ = write.write_all(body.as_bytes()).await; // nobody has to read all of it
                    write
                };
                let mut text = Vec::new();
                let reading = async {
                    use tokio::io::AsyncReadExt;
                    let _ = read.read_buf(&mut text).await;
                    read
                };
                let _open = tokio::join!(sending, reading);
                String::from_utf8(text).unwrap()
            };
            let text = tokio::time::timeout(Duration::from_secs(5), asking).await.expect("in time");
            assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
            bench.rest().await;
        });
    }
}

struct Early {
    answer: Vec<u8>,
    close: bool,
}

impl skerry_engine::origin::connect::Connect for Early {
    fn connect<'a>(
        &'a self,
        _: &'a skerry_engine::origin::target::Address,
        _: Duration,
    ) -> skerry_engine::origin::connect::Connecting<'a> {
        let (ours, mut theirs) = tokio::io::duplex(16 * 1024);
        let (answer, close) = (self.answer.clone(), self.close);
        tokio::task::spawn_local(async move {
            use tokio::io::AsyncReadExt;
            let mut some = [0; 1_000];
            let _ = theirs.read(&mut some).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            theirs.write_all(&answer).await.unwrap();
            if !close {
                tokio::time::sleep(Duration::from_secs(600)).await; // reads no more
            }
        });
        Box::pin(async move { Ok(Box::new(ours) as skerry_engine::origin::connect::Stream) })
    }
}

/// A body of which the front is gone cannot be sent a second time.
#[test]
fn a_long_body_is_not_sent_in_part_to_a_second_origin() {
    run_paused(async {
        let origin = Origin::always(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n".to_vec());
        let mut snapshot = plain("rfc9111");
        let mut second = snapshot["distributions"][0]["origins"][0].clone();
        second["id"] = json!("p");
        snapshot["distributions"][0]["origins"].as_array_mut().unwrap().push(second);
        snapshot["distributions"][0]["groups"] =
            json!([{"id": "g", "members": ["o", "p"], "statuses": [500]}]);
        snapshot["targets"]["p"] = snapshot["targets"]["o"].clone();
        behavior(&mut snapshot)["origin"] = json!("g");
        let bench = bench(&snapshot, &origin);
        for (bytes, asked) in [(100, 2), (200_000, 1)] {
            origin.asked.borrow_mut().clear();
            let mut viewer = bench.viewer();
            let head = format!("GET /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: {bytes}\r\n\r\n");
            viewer.send(&head).await;
            viewer.send(&"x".repeat(bytes)).await;
            assert_eq!(viewer.answer("GET").await.unwrap().status(), 500);
            assert_eq!(origin.asked_count(), asked, "{bytes}");
        }
    });
}

#[test]
fn an_unknown_host_learns_of_no_distribution() {
    run_paused(async {
        let bench = bench(&plain("cloudfront"), &Origin::always(ok("", "")));
        let mut viewer = bench.viewer();
        viewer.send("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n").await;
        let answer = viewer.answer("GET").await.unwrap();
        assert_eq!((answer.status(), answer.header("via")), (403, None));
        assert_eq!(bench.records()[0]["distribution"], "-");
    });
}

/// A connection remembers which distribution its host is; the memory must end with the snapshot.
#[test]
fn a_swapped_snapshot_is_not_taken_for_the_one_before_it() {
    run_paused(async {
        let origin = Origin::always(ok("Cache-Control: max-age=600\r\n", "hello"));
        let mut two = plain("cloudfront");
        let mut other = two["distributions"][0].clone();
        other["id"] = json!("D2");
        other["aliases"] = json!(["b.test"]);
        let first = two["distributions"][0].clone();
        two["distributions"] = json!([first, other]);
        let mut swapped = two.clone();
        swapped["distributions"].as_array_mut().unwrap().swap(0, 1);
        let bench = bench(&two, &origin);
        let mut viewer = bench.viewer();
        for snapshot in [&two, &swapped, &two, &swapped] {
            bench.core.shared.apply(support::live(snapshot));
            bench.core.live();
            assert_eq!(viewer.get("/a", "").await.header("via"), Some("1.1 d1.cloudfront.net (CloudFront)"));
        }
    });
}

#[test]
fn a_viewer_that_has_left_before_its_request_is_read_is_recorded() {
    run_paused(async {
        for (cached, bytes) in [(false, 5), (true, 5), (true, 50_000)] {
            let origin = Origin::always(ok("Cache-Control: max-age=600\r\n", &"x".repeat(bytes)));
            let bench = bench(&plain("cloudfront"), &origin);
            if cached {
                bench.viewer().get("/a", "").await;
            }
            bench.viewer().send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
            seconds(5).await;
            assert_eq!(bench.records().len(), 1 + usize::from(cached), "{cached}");
        }
    });
}

/// A slow viewer of a body that turns out larger than the store reads on: it only paces the origin from there.
#[test]
fn a_body_that_outgrows_the_store_loses_no_reader() {
    run_paused(async {
        let origin = Origin::new(|_| {
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n"
                .to_vec();
            let mut is_over = false;
            let piece = [b"4000\r\n".as_slice(), &[7; 0x4000], b"\r\n"].concat();
            now(Reply::Flow(
                head,
                Box::new(move |at| match at {
                    0..3_000_000 => piece.clone(),
                    _ if std::mem::replace(&mut is_over, true) => Vec::new(),
                    _ => b"0\r\n\r\n".to_vec(),
                }),
            ))
        });
        let bench = bench(&plain("cloudfront"), &origin);
        let mut viewer = bench.viewer_of(2_000);
        viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        let (head, framing) = viewer.head("GET").await.unwrap();
        assert!(head.contains("200"));
        seconds(5).await; // the origin is far ahead by now
        let mut body = Vec::new();
        assert!(viewer.body(framing, &mut body).await, "cut after {}", body.len());
        assert!(body.len() > 2_900_000);
    });
}

/// Trailers pass by an allow-list: one that could pose as a field of the head does not (RFC 9110 6.5.1).
#[test]
fn trailers_pass_by_an_allow_list() {
    run_paused(async {
        for cached in ["max-age=60", "no-store"] {
            let reply = format!(
                "HTTP/1.1 200 OK\r\nCache-Control: {cached}\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\nServer-Timing: db;dur=1\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\n\r\n"
            );
            let origin = Origin::always(reply);
            let bench = bench(&plain("rfc9111"), &origin);
            let mut viewer = bench.viewer();
            viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
            let text = String::from_utf8(viewer.rest().await).unwrap();
            assert!(text.ends_with("5\r\nhello\r\n0\r\nServer-Timing: db;dur=1\r\n\r\n"), "{cached}: {text}");
            bench.rest().await;
        }
    });
}

/// A guarded path has one spelling: patterns are held against the normal form (RFC 3986 6.2.2), the origin gets it raw.
#[test]
fn a_behavior_cannot_be_walked_around_by_spelling() {
    run_paused(async {
        let mut snapshot = plain("cloudfront");
        let mut guarded = behavior(&mut snapshot).clone();
        guarded["pattern"] = json!("/fn/*");
        guarded["allowed_methods"] = json!([]); // whoever gets here is refused
        snapshot["distributions"][0]["behaviors"].as_array_mut().unwrap().insert(0, guarded);
        let origin = Origin::always(ok("", "secret"));
        let bench = bench(&snapshot, &origin);
        let mut viewer = bench.viewer();
        for path in
            ["/fn/a", "/%66n/a", "/x/../fn/a", "/x/%2e%2e/fn/a", "//fn/a", "/./fn/a", "/fn/./a", "/f%6e//a"]
        {
            assert_eq!(viewer.get(path, "").await.status(), 403, "{path}");
        }
        for path in ["/fn%2fa", "/fn%2Fa", "/x%2f..%2ffn%2fa"] {
            let answer = viewer.get(path, "").await; // an origin that decodes it would serve what is guarded
            assert_eq!(answer.status(), 400, "{path}");
            assert!(answer.header("Cache-Status").unwrap().contains("path-ambiguous"), "{path}");
        }
        assert_eq!(origin.asked_count(), 0);
        for path in ["/x%2fa", "/fn%252fa"] {
            assert_eq!(viewer.get(path, "").await.status(), 200, "{path}"); // the same behavior either way
            assert_eq!(origin.last().target(), path);
        }
    });
}

/// What is known to be larger than any object passes, and says so each time.
#[test]
fn what_is_too_large_says_so() {
    run_paused(async {
        let origin = Origin::always(ok("Cache-Control: max-age=60\r\n", &"x".repeat(3 << 20)));
        let bench = bench(&plain("cloudfront"), &origin);
        let mut viewer = bench.viewer();
        for _ in 0..2 {
            let answer = viewer.get("/a", "").await;
            assert_eq!((answer.status(), answer.body.len()), (200, 3 << 20));
            let status = answer.header("Cache-Status").unwrap();
            assert!(status.ends_with("fwd=uri-miss; detail=too-large"), "{status}");
        }
        drop(viewer);
        bench.rest().await;
    });
}

/// An HTTP/1.0 viewer may name no host: the origin is still asked by a name.
#[test]
fn an_origin_is_always_asked_by_a_name() {
    run_paused(async {
        let mut snapshot = plain("cloudfront");
        behavior(&mut snapshot)["forward"] = json!({"headers": {"mode": "all_viewer", "names": []}});
        let origin = Origin::always(ok("", "hello"));
        let bench = bench(&snapshot, &origin);
        let mut viewer = bench.viewer();
        viewer.send("GET /a HTTP/1.0\r\n\r\n").await;
        // nobody's host on a machine with one distribution is that distribution's
        assert_eq!(viewer.answer("GET").await.unwrap().status(), 200);
        assert_eq!(origin.last().header("host"), Some("origin.test"));
    });
}
