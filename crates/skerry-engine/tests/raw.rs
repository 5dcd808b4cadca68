//! Every attack over real sockets: in one piece and cut in eight ways, with a canary behind it, where it would miss,
//! where it would hit, and where a function is called.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::net::SocketAddr;
use std::rc::Rc;

use serde_json::{Value, json};
use skerry_cache::Limits;
use support::attacks::{Attack, CANARY, Fate, all};
use support::origin::{Asked, Origin, Reply, To, now};
use support::sockets::{exchange, listen, statuses};
use support::worker::{Deed, Launcher, request_of};
use support::{Bench, behavior, clock, plain, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CUTS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Miss,
    Hit,
    Function,
}

struct Stage {
    bench: Bench,
    origin: Rc<Origin>,
    at: SocketAddr,
    _launcher: Rc<Launcher>,
}

/// An engine's core on a real port.
async fn stage(profile: &str, path: Path) -> Stage {
    let launcher = Launcher::start(|event| Deed::Result(request_of(&event)));
    let mut snapshot = plain(profile);
    if path == Path::Function {
        snapshot["functions"] =
            json!([{"name": "f", "version": "v1", "timeout_ms": 5_000, "memory_mb": 128}]);
        behavior(&mut snapshot)["functions"] =
            json!([{"event": "viewer-request", "function": "f", "include_body": true}]);
    }
    let origin = Origin::new(move |asked: Asked| {
        let kept =
            if path == Path::Hit { "Cache-Control: max-age=600\r\n" } else { "Cache-Control: no-store\r\n" };
        let name = if asked.target() == "/canary" { "canary" } else { "origin" };
        let body = if asked.method() == "HEAD" { "" } else { name };
        now(Reply::Keep(format!("HTTP/1.1 200 OK\r\n{kept}Content-Length: 6\r\n\r\n{body}").into_bytes()))
    });
    let bench =
        Bench::with(&snapshot, Rc::new(To(origin.clone())), Limits::of(64 << 20), clock(), &launcher.path);
    let at = listen(&bench.core).await;
    if path == Path::Hit {
        for target in ["/x", "/canary", "/a/%2e%2e/x"] {
            let mut stream = TcpStream::connect(at).await.unwrap();
            let request = format!("GET {target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
        }
        origin.asked.borrow_mut().clear();
    }
    Stage { bench, origin, at, _launcher: launcher }
}

fn judge(stage: &Stage, path: Path, attack: &Attack, cut: usize, text: &str, too_large: u16) {
    let place = format!("{:?} cut at {cut} on {path:?}:\n{text}", attack.name);
    let (statuses, canaries) = (statuses(text), text.matches("canary").count());
    match attack.fate {
        Fate::Refused(status) => {
            let want = if status == 431 { too_large } else { status };
            assert_eq!((statuses, canaries), (vec![want], 0), "{place}");
            assert!(text.contains("Connection: close"), "{place}");
        }
        Fate::BadBody => assert_eq!((statuses, canaries), (vec![400], 0), "{place}"),
        Fate::ServedLast => assert_eq!((statuses, canaries), (vec![200], 0), "{place}"),
        Fate::Served => assert_eq!((statuses, canaries), (vec![200, 200], 1), "{place}"),
    }
    let asked = stage.origin.asked.borrow();
    let is_good = matches!(attack.fate, Fate::Served | Fate::ServedLast);
    assert!(is_good || asked.iter().all(|asked| asked.target() != "/canary"), "{place}");
    assert!(asked.iter().all(|asked| ["/x", "/canary", "/a/%2e%2e/x"].contains(&asked.target())), "{place}");
    let posts: Vec<&Asked> = asked.iter().filter(|asked| asked.method() == "POST").collect();
    assert!(
        posts.iter().all(|post| post.body.len() < 40 && !post.body.starts_with(b"GET /canary")),
        "{place}"
    );
    assert!(
        asked.iter().all(|asked| asked.header("x-hop").is_none() && asked.header("expect").is_none()),
        "{place}"
    );
}

fn attack(profile: &'static str, path: Path, too_large: u16) {
    run(async {
        let stage = stage(profile, path).await;
        let mut sent = 0;
        for attack in all() {
            let bytes = [&attack.bytes[..], CANARY.as_bytes()].concat();
            let cuts = (0..CUTS).map(|n| n * attack.bytes.len() / CUTS);
            stage.origin.asked.borrow_mut().clear();
            let texts: Vec<(usize, String)> = {
                let all: Vec<_> = cuts.map(|cut| (cut, bytes.clone())).collect();
                let tasks: Vec<_> = all
                    .into_iter()
                    .map(|(cut, bytes)| {
                        let at = stage.at;
                        tokio::task::spawn_local(async move { (cut, exchange(at, &bytes, cut).await) })
                    })
                    .collect();
                let mut texts = Vec::new();
                for task in tasks {
                    texts.push(task.await.unwrap());
                }
                texts
            };
            for (cut, text) in &texts {
                judge(&stage, path, &attack, *cut, text, too_large);
                sent += statuses(text).len();
            }
        }
        stage.bench.rest().await;
        let records = stage.bench.records();
        let primed = if path == Path::Hit { 3 } else { 0 };
        assert_eq!(records.len(), sent + primed, "one record an answer");
        let large =
            records.iter().filter(|r| r["reason"] == "head-too-large" && r["status"] == too_large).count();
        assert_eq!(large, 4 * CUTS, "refused for size, and recorded");
    });
}

#[test]
fn attacks_where_they_would_miss() {
    attack("cloudfront", Path::Miss, 413);
    attack("rfc9111", Path::Miss, 431);
}

#[test]
fn attacks_where_they_would_hit() {
    attack("cloudfront", Path::Hit, 413);
    attack("rfc9111", Path::Hit, 431);
}

#[test]
fn attacks_where_a_function_is_called() {
    attack("cloudfront", Path::Function, 413);
}

async fn say(stage: &Stage, text: &str) -> String {
    exchange(stage.at, text.as_bytes(), 0).await
}

/// CVE-2026-2833: what stands behind an `Upgrade` that is not granted may be of another protocol.
#[test]
fn bytes_behind_an_upgrade_are_no_request() {
    run(async {
        for path in [Path::Miss, Path::Hit] {
            let stage = stage("cloudfront", path).await;
            let upgrade =
                "GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
            let bytes = format!("{upgrade}{CANARY}");
            for cut in [0, upgrade.len() / 2, upgrade.len(), upgrade.len() + 5] {
                let text = exchange(stage.at, bytes.as_bytes(), cut).await;
                assert!(!text.contains("canary") && statuses(&text).len() == 1, "cut at {cut}: {text}");
                assert!(cut > 0 || statuses(&text) == [400], "what came with it is refused: {text}");
            }
            assert!(stage.origin.asked.borrow().iter().all(|asked| asked.target() == "/x"));
        }
    });
}

/// CVE-2025-4366: a body that nobody reads, because the answer is in the store or needs no origin, is read away.
#[test]
fn a_body_that_nobody_wants_is_no_request() {
    run(async {
        for (profile, status) in [("cloudfront", 403), ("rfc9111", 200)] {
            let stage = stage(profile, Path::Hit).await;
            let inner = "GET /inner HTTP/1.1\r\nHost: a.test\r\n\r\n";
            let length =
                format!("GET /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
            let chunks = format!(
                "GET /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
                inner.len()
            );
            for attack in [length, chunks] {
                for cut in 0..CUTS {
                    let bytes = format!("{attack}{CANARY}");
                    let text = exchange(stage.at, bytes.as_bytes(), cut * attack.len() / CUTS).await;
                    assert_eq!(
                        (statuses(&text), text.matches("canary").count()),
                        (vec![status, 200], 1),
                        "{text}"
                    );
                }
            }
            assert!(stage.origin.asked.borrow().iter().all(|asked| asked.target() != "/inner"));
        }
    });
}

/// A viewer that waits to be asked for its body, where nobody asks: the body never comes, so the connection ends.
#[test]
fn a_body_that_was_not_asked_for_is_not_waited_for() {
    run(async {
        let stage = stage("cloudfront", Path::Hit).await;
        let text = say(
            &stage,
            "GET /x HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        )
        .await;
        assert_eq!(statuses(&text), [403]);
        assert!(text.contains("Connection: close") && !text.contains("100 Continue"), "{text}");
        let mut stream = TcpStream::connect(stage.at).await.unwrap();
        let head = "POST /x HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0; 25];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(statuses(&rest), [200]);
        assert_eq!(stage.origin.last().body, b"hello");
    });
}

/// An origin's answer to one request is never taken for the answer to another.
#[test]
fn what_an_origin_says_too_much_is_dropped() {
    let second = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsplit";
    for (name, method, first) in [
        ("two answers", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood".to_owned()),
        (
            "two chunked answers",
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n".to_owned(),
        ),
        ("HEAD with a body", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_owned()),
        ("204 with a body", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n".to_owned()),
        ("304 with a body", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n".to_owned()),
    ] {
        run(async {
            let bytes = format!("{first}{second}").into_bytes();
            let origin = Origin::new(move |asked: Asked| {
                now(match asked.target() {
                    "/a" => Reply::Keep(bytes.clone()),
                    _ => Reply::Keep(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext".to_vec()),
                })
            });
            let mut snapshot = plain("cloudfront");
            behavior(&mut snapshot)["ttl"] = json!({"min_s": 0, "default_s": 0, "max_s": 0}); // nothing is stored
            let bench = Bench::new(&snapshot, Rc::new(To(origin.clone())));
            let mut viewer = bench.viewer();
            let answer = viewer.ask(method, "/a", "").await;
            assert!(!answer.text().contains("split"), "{name}");
            assert_eq!(viewer.get("/b", "").await.text(), "next", "{name}");
            assert_eq!(
                origin.connects.get(),
                2,
                "{name}: the connection that said too much is not used again"
            );
        });
    }
}

#[test]
fn a_flood_of_interim_answers_is_an_error() {
    run(async {
        let flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000);
        let origin = Origin::always(format!("{flood}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        let bench = Bench::new(&plain("cloudfront"), Rc::new(To(origin)));
        assert_eq!(bench.viewer().get("/a", "").await.status(), 502);
    });
}

/// Class 5: what is no part of the key does not shape what is stored under it.
#[test]
fn what_is_not_in_the_key_cannot_poison() {
    run(async {
        let origin = Origin::new(|asked: Asked| {
            let seen = asked.head.to_lowercase();
            let status = if seen.contains("range: bytes=9") { "416 No" } else { "200 OK" };
            let body = format!("{} {seen}", asked.target());
            let length = body.len();
            now(Reply::Keep(
                format!(
                    "HTTP/1.1 {status}\r\nCache-Control: max-age=60\r\nContent-Length: {length}\r\n\r\n{body}"
                )
                .into(),
            ))
        });
        let bench = Bench::new(&plain("cloudfront"), Rc::new(To(origin.clone())));
        let mut viewer = bench.viewer();
        for (at, line) in [
            "X-Forwarded-Host: evil",
            "X-Forwarded-Scheme: evil",
            "X-Original-URL: /evil",
            "X-Rewrite-URL: /evil",
            "X-HTTP-Method-Override: evil",
            "Accept: evil/bogus",
            "X-Meta: evil\x01".trim_end_matches('\x01'),
            "Forwarded: host=evil",
            "Cookie: a=evil",
            "Authorization: evil",
            "Range: bytes=9-evil",
        ]
        .into_iter()
        .enumerate()
        {
            let target = format!("/a{at}");
            viewer.get(&target, &format!("{line}\r\n")).await;
            let answer = viewer.get(&target, "").await;
            assert!(answer.status() == 200 && !answer.text().contains("evil"), "{line}: {}", answer.text());
        }
        // a Range that nothing satisfies, and a head that is too large, are answers to one request alone
        viewer.get("/range", "Range: bytes=9000-\r\n").await;
        assert_eq!(viewer.get("/range", "").await.status(), 200);
        let large = format!("GET /large HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n", "y".repeat(21_000));
        let mut other = bench.viewer();
        other.send(&large).await;
        assert_eq!(other.answer("GET").await.unwrap().status(), 413);
        assert_eq!(viewer.get("/large", "").await.status(), 200);
        // Host in another case, with a port, and in absolute form is the same site; the origin is told its own name
        for request in [
            "GET /h HTTP/1.1\r\nHost: A.TEST",
            "GET /h HTTP/1.1\r\nHost: a.test:81",
            "GET http://a.test/h HTTP/1.1\r\nHost: a.test",
        ] {
            viewer.send(&format!("{request}\r\n\r\n")).await;
            let answer = viewer.answer("GET").await.unwrap();
            assert!(
                answer.text().contains("host: origin.test") && !answer.text().contains(":81"),
                "{}",
                answer.text()
            );
        }
        let asked: Vec<Value> =
            origin.asked.borrow().iter().filter(|a| a.target() == "/h").map(|a| json!(a.target())).collect();
        assert_eq!(asked.len(), 1, "one key");
        // a semicolon is no separator: the whole is one parameter of the query
        assert!(
            viewer.get("/q?a=1;b=2", "").await.text().starts_with("/q "),
            "an unkeyed query does not go on"
        );
    });
}
