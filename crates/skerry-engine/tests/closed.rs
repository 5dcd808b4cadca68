//! Doors that must stay closed: each test here fails when the one line that guards its door is taken away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use skerry_cache::Limits;
use skerry_engine::clock::{Clock, SharedClock};
use skerry_engine::origin::connect::{Connect, Connecting, Stream};
use skerry_engine::origin::target::Address;
use support::launcher::{Act, FakeLauncher};
use support::origin::{Asked, Origin, Reply, To, now};
use support::worker::{Deed, Launcher, request_of};
use support::{Bench, behavior, clock, plain, run, run_paused, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A clock that a test sets.
struct Hand(Cell<u64>);

impl Hand {
    fn new() -> Rc<Hand> {
        Rc::new(Hand(Cell::new(1_795_560_000_000)))
    }

    fn pass(&self, s: u64) {
        self.0.set(self.0.get() + s * 1_000);
    }
}

impl Clock for Hand {
    fn unix_ms(&self) -> u64 {
        self.0.get()
    }
}

fn ok(lines: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The function `f` at `event` of the only behavior.
fn give_function(snapshot: &mut Value, event: &str) {
    snapshot["functions"] = json!([{"name": "f", "version": "v1", "timeout_ms": 10_000, "memory_mb": 128}]);
    behavior(snapshot)["functions"] = json!([{"event": event, "function": "f", "include_body": false}]);
}

fn stage(snapshot: &Value, origin: &Rc<Origin>, launcher: &Launcher, clock: SharedClock) -> Bench {
    Bench::with(snapshot, Rc::new(To(origin.clone())), Limits::of(64 << 20), clock, &launcher.path)
}

/// What a function returns that changes nothing: the response where there is one, the request elsewhere.
fn unchanged(event: &Value) -> Value {
    match &event["Records"][0]["cf"]["response"] {
        Value::Null => request_of(event),
        response => response.clone(),
    }
}

/// The quick way knows no functions: a stored object must not go out past one that would have said no.
#[test]
fn a_hit_does_not_pass_a_function_by() {
    let refusal = || Deed::Result(json!({"status": "403", "statusDescription": "No"}));
    for (event, deed, status) in [
        ("viewer-request", refusal as fn() -> Deed, 403),
        ("viewer-request", || Deed::Raise, 503),
        ("viewer-response", || Deed::Raise, 503),
    ] {
        run(async {
            let refuses = Rc::new(Cell::new(false));
            let told = refuses.clone();
            let launcher = Launcher::start(
                move |event| {
                    if told.get() { deed() } else { Deed::Result(unchanged(&event)) }
                },
            );
            let origin = Origin::always(ok("Cache-Control: max-age=600\r\n", "secret"));
            let mut snapshot = plain("cloudfront");
            give_function(&mut snapshot, event);
            let bench = stage(&snapshot, &origin, &launcher, clock());
            let mut viewer = bench.viewer();
            for word in ["Miss", "Hit"] {
                let answer = viewer.get("/a", "").await;
                assert_eq!((answer.status(), answer.x_cache()), (200, word), "{event}");
            }
            refuses.set(true);
            for method in ["GET", "HEAD"] {
                let answer = viewer.ask(method, "/a", "").await;
                assert_eq!(answer.status(), status, "{event} {method}: {}", answer.text());
                assert!(!answer.text().contains("secret"), "{event} {method}");
            }
            assert_eq!((launcher.calls.get(), origin.asked_count()), (4, 1), "{event}: called for each");
        });
    }
}

/// A stale answer stands in for an origin that cannot be had, never for a function that failed: the viewer sees
/// the cloud's error, or a broken function would go unnoticed for as long as anything is stored.
#[test]
fn a_function_that_fails_is_not_covered_by_a_stale_answer() {
    for profile in ["cloudfront", "rfc9111"] {
        for (event, deed, status, word) in [
            ("origin-request", (|| Deed::Raise) as fn() -> Deed, 503, "LambdaExecutionError"),
            ("origin-request", || Deed::Die, 503, "LambdaExecutionError"),
            ("origin-request", || Deed::Result(json!(7)), 502, "LambdaValidationError"),
            ("origin-response", || Deed::Raise, 503, "LambdaExecutionError"),
        ] {
            run(async {
                let fails = Rc::new(Cell::new(false));
                let told = fails.clone();
                let launcher =
                    Launcher::start(
                        move |event| {
                            if told.get() { deed() } else { Deed::Result(unchanged(&event)) }
                        },
                    );
                let origin = Origin::new(|_| now(Reply::Close(ok("Cache-Control: max-age=60\r\n", "old"))));
                let mut snapshot = plain(profile);
                give_function(&mut snapshot, event);
                let hand = Hand::new();
                let bench = stage(&snapshot, &origin, &launcher, hand.clone());
                let mut viewer = bench.viewer();
                for target in ["/a", "/b"] {
                    assert_eq!(viewer.get(target, "").await.text(), "old", "{profile} {event}");
                }
                hand.pass(61);
                fails.set(true);
                let answer = viewer.get("/a", "").await;
                let told = answer.text();
                assert_eq!((answer.status(), answer.x_cache()), (status, word), "{profile} {event}: {told}");
                fails.set(false);
                origin.is_down.set(true);
                let answer = viewer.get("/b", "").await;
                let told = answer.text();
                assert_eq!(
                    (answer.status(), told.as_str()),
                    (200, "old"),
                    "{profile} {event}: it could stand in"
                );
            });
        }
    }
}

/// Two origins, `origin.test` and `second.test`, as a group that fails over on a 500.
fn grouped() -> Value {
    let mut snapshot = plain("cloudfront");
    let mut second = snapshot["distributions"][0]["origins"][0].clone();
    (second["id"], second["domain"]) = (json!("p"), json!("second.test"));
    snapshot["distributions"][0]["origins"].as_array_mut().unwrap().push(second);
    snapshot["distributions"][0]["groups"] = json!([{"id": "g", "members": ["o", "p"], "statuses": [500]}]);
    snapshot["targets"]["p"] = json!({"kind": "url", "url": "http://second.test:80"});
    behavior(&mut snapshot)["origin"] = json!("g");
    snapshot
}

/// A group fails over when its first origin fails. A function that fails would fail there as well, or, worse, only
/// here, and what it guards would then be had by the back door.
#[test]
fn a_function_that_fails_does_not_send_a_request_to_the_second_origin() {
    let fine: fn() -> Option<Deed> = || None;
    for (event, deed, first, status, hosts) in [
        ("origin-request", fine, 500, 200, &["origin.test", "second.test"][..]),
        ("origin-response", fine, 500, 200, &["origin.test", "second.test"]),
        ("origin-request", || Some(Deed::Raise), 200, 503, &[]),
        ("origin-request", || Some(Deed::Die), 200, 503, &[]),
        ("origin-request", || Some(Deed::Result(json!(7))), 200, 502, &[]),
        ("origin-response", || Some(Deed::Raise), 200, 503, &["origin.test"]),
        ("origin-response", || Some(Deed::Result(json!(7))), 200, 502, &["origin.test"]),
    ] {
        run(async {
            // it fails for the first origin alone: a second one that is asked would answer 200
            let launcher = Launcher::start(move |event| {
                let is_first = request_of(&event)["origin"]["custom"]["domainName"] == "origin.test";
                is_first.then(deed).flatten().unwrap_or_else(|| Deed::Result(unchanged(&event)))
            });
            let origin = Origin::new(move |asked: Asked| {
                let status = if asked.header("host") == Some("origin.test") { first } else { 200 };
                now(Reply::Keep(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").into_bytes()))
            });
            let mut snapshot = grouped();
            give_function(&mut snapshot, event);
            let bench = stage(&snapshot, &origin, &launcher, clock());
            let answer = bench.viewer().get("/a", "").await;
            assert_eq!(answer.status(), status, "{event}: {}", answer.text());
            let asked: Vec<_> =
                origin.asked.borrow().iter().map(|asked| asked.header("host").unwrap().to_owned()).collect();
            assert_eq!(asked, hosts, "{event} {status}");
        });
    }
}

/// An origin that answers as soon as it has a head, and then reads on without a word, or does not even read.
#[derive(Clone)]
struct Hasty {
    reads_on: bool,
    /// Everything that was said to it, by connection.
    heard: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl Hasty {
    async fn serve(self, mut stream: DuplexStream, at: usize) {
        let mut bytes = Vec::new();
        while !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
            if !matches!(stream.read_buf(&mut bytes).await, Ok(n) if n > 0) {
                return;
            }
        }
        self.heard.borrow_mut()[at].append(&mut bytes);
        stream.write_all(&ok("", "early")).await.unwrap();
        while self.reads_on && matches!(stream.read_buf(&mut bytes).await, Ok(n) if n > 0) {
            self.heard.borrow_mut()[at].append(&mut bytes);
        }
        if !self.reads_on {
            std::future::pending::<()>().await; // the connection stays, full as it is
        }
    }
}

impl Connect for Hasty {
    fn connect<'a>(&'a self, _: &'a Address, _: Duration) -> Connecting<'a> {
        let at = self.heard.borrow().len();
        self.heard.borrow_mut().push(Vec::new());
        let (ours, theirs) = tokio::io::duplex(1_024);
        tokio::task::spawn_local(self.clone().serve(theirs, at));
        Box::pin(async move { Ok(Box::new(ours) as Stream) })
    }
}

/// RFC 9112 9.3: what follows on such a connection would be read as the rest of the body, or the rest of the body as
/// what follows.
#[test]
fn a_connection_that_answered_before_the_request_was_whole_is_not_used_again() {
    let large = "x".repeat(8_000);
    for (framing, part, reads_on) in [
        ("Content-Length: 1000", "some of it", true),
        ("Transfer-Encoding: chunked", "4\r\nsome\r\n", true),
        ("Content-Length: 9000", &large, true),
        ("Content-Length: 8000", &large, false),
        ("Transfer-Encoding: chunked", &format!("1f40\r\n{large}\r\n0\r\n\r\n"), false),
    ] {
        run_paused(async {
            let origin = Hasty { reads_on, heard: Rc::default() };
            let bench = Bench::new(&plain("cloudfront"), Rc::new(origin.clone()));
            let mut viewer = bench.viewer();
            viewer.send(&format!("POST /a HTTP/1.1\r\nHost: a.test\r\n{framing}\r\n\r\n{part}")).await;
            assert_eq!(viewer.answer("POST").await.unwrap().text(), "early", "{framing}");
            let begun = tokio::time::Instant::now();
            let mut second = bench.viewer();
            assert_eq!(second.get("/b", "").await.text(), "early", "{framing}");
            // a try on the old connection would have cost the origin's patience, and then a new one
            assert!(begun.elapsed() < Duration::from_secs(1), "{framing}: {:?}", begun.elapsed());
            let heard = origin.heard.borrow();
            assert_eq!(heard.len(), 2, "{framing}: one connection each");
            assert!(heard[0].starts_with(b"POST /a ") && heard[1].starts_with(b"GET /b "), "{framing}");
            assert!(!heard[0].windows(6).any(|w| w == b"GET /b"), "{framing}");
        });
    }
}

/// RFC 9111 5.2.2.4: fields that `no-cache` names are not to be given to another without asking again. They are one
/// viewer's (a session's cookie), and whoever waits for the same fetch is another.
#[test]
fn fields_that_must_not_be_stored_go_to_the_one_who_caused_the_fetch() {
    run_paused(async {
        let lines = "Cache-Control: max-age=60, no-cache=\"set-cookie, x-one\"\r\nSet-Cookie: s=1\r\nX-One: 1\r\nX-All: 1\r\n";
        let origin =
            Origin::new(move |_| now(Reply::Slow(vec![(Duration::from_secs(1), ok(lines, "hello"))])));
        let bench = Bench::new(&plain("rfc9111"), Rc::new(To(origin.clone())));
        let mut leader = bench.viewer();
        leader.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        until("the origin asked", || origin.open.get() == 1).await;
        let mut joined: Vec<_> = (0..3).map(|_| bench.viewer()).collect();
        for viewer in &mut joined {
            viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        }
        let answer = leader.answer("GET").await.unwrap();
        let of_all = |answer: &support::viewer::Answer| {
            assert_eq!((answer.text().as_str(), answer.header("x-all")), ("hello", Some("1")));
            (answer.header("set-cookie").map(str::to_owned), answer.header("x-one").map(str::to_owned))
        };
        assert_eq!(of_all(&answer), (Some("s=1".to_owned()), Some("1".to_owned())));
        for viewer in &mut joined {
            assert_eq!(of_all(&viewer.answer("GET").await.unwrap()), (None, None));
        }
        let hit = bench.viewer().get("/a", "").await;
        assert_eq!((of_all(&hit), hit.x_cache()), ((None, None), "Hit"));
        assert_eq!(origin.asked_count(), 1, "they joined");
    });
}

/// Values that would end a line of a request, and begin another one.
const SPLITTING: [&str; 4] = ["1\r\nX-Evil: 2", "1\nX-Evil: 2", "1\rX-Evil: 2", "1\0X-Evil: 2"];

/// RFC 9112 11.1: a function's text that would end a line is refused before any origin is asked, wherever it stands.
#[test]
fn no_value_of_a_function_ends_a_line_of_the_origins_request() {
    for value in SPLITTING {
        for place in ["/headers", "/origin/custom/customHeaders"] {
            run(async {
                let launcher = Launcher::start(move |event| {
                    let mut request = request_of(&event);
                    request.pointer_mut(place).unwrap()["x-a"] = json!([{"key": "X-A", "value": value}]);
                    Deed::Result(request)
                });
                let origin = Origin::always(ok("", "hello"));
                let mut snapshot = plain("cloudfront");
                give_function(&mut snapshot, "origin-request");
                let bench = stage(&snapshot, &origin, &launcher, clock());
                let answer = bench.viewer().get("/a", "").await;
                let seen = (answer.status(), answer.x_cache());
                assert_eq!(seen, (502, "LambdaValidationError"), "{place} {value:?}: {}", answer.text());
                assert_eq!(origin.asked_count(), 0, "{place} {value:?}");
            });
        }
    }
}

/// The last guard before the wire, for values that no judge has seen: an origin's own headers come with the snapshot.
#[test]
fn no_value_of_the_snapshot_ends_a_line_of_the_origins_request() {
    for value in SPLITTING {
        run_paused(async {
            let origin = Origin::always(ok("", "hello"));
            let mut snapshot = plain("cloudfront");
            snapshot["distributions"][0]["origins"][0]["headers"] =
                json!([{"name": "X-A", "value": value}, {"name": "X-B", "value": "good"}]);
            let bench = Bench::new(&snapshot, Rc::new(To(origin.clone())));
            assert_eq!(bench.viewer().get("/a", "").await.status(), 200, "{value:?}");
            let asked = origin.last();
            assert!(!asked.head.contains("X-Evil"), "{value:?}: {}", asked.head);
            assert_eq!((asked.header("x-a"), asked.header("x-b")), (None, Some("good")), "{value:?}");
        });
    }
}

/// Row 44, GeneratingCustomErrorResponses: a limit of functions has no page of the distribution's own; another failure
/// with the same status has.
#[test]
fn a_limit_of_functions_shows_no_page_of_the_distributions_own() {
    let page = "a page of its own";
    let mut snapshot = plain("cloudfront");
    // the page's own behavior has no function: nothing but the guard keeps it from being shown
    let mut bare = behavior(&mut snapshot).clone();
    bare["pattern"] = json!("/page.html");
    give_function(&mut snapshot, "origin-request");
    snapshot["distributions"][0]["behaviors"].as_array_mut().unwrap().insert(0, bare);
    snapshot["distributions"][0]["error_responses"] =
        json!([{"status": 503, "page": "/page.html", "code": 503, "min_ttl_s": 0}]);
    run(async {
        let launcher = Launcher::start(|_| Deed::Raise);
        let origin = Origin::always(ok("", page));
        let bench = stage(&snapshot, &origin, &launcher, clock());
        let answer = bench.viewer().get("/a", "").await;
        assert_eq!((answer.status(), answer.text().as_str()), (503, page), "a function that raises");
    });
    run(async {
        let launcher = FakeLauncher::start(&[Act::Busy; 200]);
        let origin = Origin::always(ok("", page));
        let to = Rc::new(To(origin.clone()));
        let bench = Bench::with(&snapshot, to, Limits::of(64 << 20), clock(), &launcher.client().path);
        let answer = bench.viewer().get("/a", "").await;
        assert_eq!((answer.status(), answer.x_cache()), (503, "LambdaLimitExceeded"), "{}", answer.text());
        assert!(!answer.text().contains(page), "{}", answer.text());
        assert_eq!(origin.asked_count(), 0, "the page is not even fetched");
    });
}
