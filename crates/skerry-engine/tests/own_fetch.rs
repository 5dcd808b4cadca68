//! Two viewers on real sockets read one answer that outgrows the store, and one of them reads nothing for a while: it
//! falls out of the shared window, and goes on by a fetch of its own where that can be trusted. Else it is cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};
use skerry_cache::Limits;
use skerry_engine::h1::connection;
use support::origin::{Asked, Origin, Reply, To, now};
use support::viewer::{Framing, Viewer};
use support::worker::{Deed, Launcher, request_of};
use support::{Bench, behavior, clock, peer, plain, run, until};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// More than both ends of a socket hold, and than a window.
const WHOLE: u64 = 12 << 20;
const PIECE: u64 = 64 * 1024;
const TAG: &str = "ETag: \"v1\"\r\n";

/// Bytes of a body: each eight of them say where they stand.
fn bytes_of(from: u64, to: u64) -> Vec<u8> {
    let words: Vec<u8> = (from / 8..to.div_ceil(8))
        .flat_map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect();
    let skip = (from % 8) as usize;
    words[skip..skip + (to - from) as usize].to_vec()
}

/// An answer of which each piece is made when it is written.
fn flow(line: &str, lines: &str, from: u64, to: u64) -> Reply {
    let (mut at, mut is_over) = (from, false);
    let is_chunked = lines.contains("chunked");
    let make = move |_| {
        let piece = bytes_of(at, to.min(at + PIECE));
        at += piece.len() as u64;
        match (piece.is_empty(), is_chunked) {
            (true, true) if !std::mem::replace(&mut is_over, true) => b"0\r\n\r\n".to_vec(),
            (false, true) => [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat(),
            _ => piece,
        }
    };
    let head = format!("HTTP/1.1 {line}\r\nCache-Control: max-age=60\r\n{lines}\r\n");
    Reply::Flow(head.into_bytes(), Box::new(make))
}

fn first(lines: &str) -> Reply {
    flow("200 OK", &format!("{lines}Transfer-Encoding: chunked\r\n"), 0, WHOLE)
}

/// The first byte that a second fetch asks for, and its condition.
fn asked_from(asked: &Asked) -> Option<u64> {
    let from = asked.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()?;
    (asked.header("if-range") == Some("\"v1\"")).then_some(from)
}

fn part(from: u64, lines: &str) -> Reply {
    let (length, last) = (WHOLE - from, WHOLE - 1);
    let lines = format!("{lines}Content-Length: {length}\r\nContent-Range: bytes {from}-{last}/{WHOLE}\r\n");
    flow("206 Partial Content", &lines, from, WHOLE)
}

struct Scene {
    bench: Bench,
    origin: Rc<Origin>,
    fast: Viewer<TcpStream>,
    slow: Viewer<TcpStream>,
}

async fn socket_viewer(bench: &Bench) -> Viewer<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let (ours, theirs) = tokio::join!(socket.connect(listener.local_addr().unwrap()), listener.accept());
    tokio::task::spawn_local(connection::serve(bench.core.clone(), theirs.unwrap().0, peer(false)));
    Viewer::new(ours.unwrap())
}

/// Both ask for one key and wait for one fetch; the fast one then reads all of it, the slow one its head.
async fn fallen(
    snapshot: &Value,
    launcher: &str,
    targets: [&str; 2],
    script: impl Fn(u64, Asked) -> Reply + 'static,
) -> Scene {
    let (gate, script, turns) = (Rc::new(Cell::new(false)), Rc::new(script), Cell::new(0));
    let opens = gate.clone();
    let origin = Origin::new(move |asked| {
        let (gate, script, turn) = (gate.clone(), script.clone(), turns.replace(turns.get() + 1));
        Box::pin(async move {
            until("both wait for the fetch", || gate.get()).await;
            script(turn, asked)
        })
    });
    let limits = Limits::of(32 << 20);
    let bench = Bench::with(snapshot, Rc::new(To(origin.clone())), limits, clock(), launcher);
    let (mut fast, mut slow) = (socket_viewer(&bench).await, socket_viewer(&bench).await);
    for (waiting, (viewer, target)) in [&mut fast, &mut slow].into_iter().zip(targets).enumerate() {
        viewer.send(&format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n")).await;
        let stats = &bench.core.stats;
        until("it leads the fetch, or joins it", || {
            stats.requests_active.load(Relaxed) == waiting as i64 + 1 && stats.fills.load(Relaxed) == 1
        })
        .await;
    }
    opens.set(true);
    let (head, framing) = slow.head("GET").await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && framing == Framing::Chunked, "{head}");
    assert_eq!(fast.answer("GET").await.unwrap().body.len() as u64, WHOLE);
    Scene { bench, origin, fast, slow }
}

struct Told {
    body: Vec<u8>,
    whole: bool,
    record: Value,
    /// What `explain` says of it: step and words.
    steps: String,
    asked: Vec<Asked>,
}

/// The slow one reads on.
async fn read_on(mut scene: Scene) -> Told {
    let mut body = Vec::new();
    let whole = scene.slow.body(Framing::Chunked, &mut body).await;
    drop((scene.fast, scene.slow));
    scene.bench.rest().await;
    scene.bench.core.shared.cache.clear();
    assert_eq!(scene.bench.core.shared.cache.gauges().used_bytes, 0, "bytes that nobody holds");
    let record = scene.bench.records().pop().unwrap();
    let id = record["request_id"].as_str().unwrap().as_bytes().to_vec();
    let story = scene.bench.core.shared.rings[0].lock().find(&id).unwrap();
    let asked = scene.origin.asked.borrow().clone();
    Told { body, whole, record, steps: story["steps"].to_string(), asked }
}

/// It is cut behind the bytes it has, which are right, for that reason.
fn assert_cut(told: &Told, code: &str, words: &str) {
    assert!(!told.whole && (told.body.len() as u64) < WHOLE, "{}", told.record);
    assert!(told.body == bytes_of(0, told.body.len() as u64), "what came before the cut");
    assert_eq!(told.record["reason"], code, "{}", told.record);
    assert!(told.record["detail"].as_str().unwrap().contains(words), "{}", told.record);
    assert!(told.steps.contains("cut after") && told.steps.contains(words), "{}", told.steps);
}

#[test]
fn the_slow_one_goes_on_from_where_it_is() {
    run(async {
        for has_ranges in [true, false] {
            let script = move |turn, asked: Asked| match asked_from(&asked) {
                None => first(TAG),
                Some(from) if turn == 1 && has_ranges => part(from, TAG),
                Some(_) => first(TAG), // the whole again: its front is left out
            };
            let told = read_on(fallen(&plain("rfc9111"), "", ["/a", "/a"], script).await).await;
            assert!(told.whole && told.body == bytes_of(0, WHOLE), "{} bytes", told.body.len());
            assert_eq!(told.asked.len(), 2);
            let from = asked_from(&told.asked[1]).expect("a range under the tag");
            assert!((1..WHOLE).contains(&from));
            assert_eq!((&told.record["reason"], &told.record["status"]), (&json!("own-fetch"), &json!(200)));
            assert!(told.record["detail"].as_str().unwrap().contains(&format!("byte {from}")));
            let status = if has_ranges { "answered 206" } else { "answered 200" };
            assert!(told.steps.contains("fell out of the shared window") && told.steps.contains(status));
        }
    });
}

#[test]
fn what_cannot_be_trusted_is_cut() {
    /// (what the first answer says of its tag, the second answer, the words that tell why)
    type Case = (&'static str, fn(u64) -> Reply, &'static str);
    let cases: [Case; 7] = [
        (TAG, |_| flow("200 OK", "ETag: \"v2\"\r\nContent-Length: 9\r\n", 0, 9), "another version"),
        (TAG, |from| part(from, "ETag: \"v2\"\r\n"), "another version"),
        (TAG, |from| part(from, ""), "another version"),
        (TAG, |from| part(from + 8, TAG), "another part"),
        (TAG, |from| part(from, &format!("{TAG}Content-Encoding: br\r\n")), "encoded it otherwise"),
        (TAG, |_| flow("404 Not Found", "Content-Length: 0\r\n", 0, 0), "no longer answers 200"),
        (TAG, |_| flow("200 OK", &format!("{TAG}Content-Length: 9\r\n"), 0, 9), "another length"),
    ];
    run(async {
        for (tag, second, words) in cases {
            let script = move |_, asked: Asked| match asked_from(&asked) {
                None => first(tag),
                Some(from) => second(from),
            };
            let told = read_on(fallen(&plain("cloudfront"), "", ["/a", "/a"], script).await).await;
            assert_cut(&told, "reader-too-slow", words);
            assert_eq!(told.asked.len(), 2, "{words}");
        }
    });
}

#[test]
fn without_a_strong_tag_nothing_is_asked() {
    run(async {
        for tag in ["", "ETag: W/\"v1\"\r\n", "ETag: v1\r\n"] {
            let told =
                read_on(fallen(&plain("rfc9111"), "", ["/a", "/a"], move |_, _| first(tag)).await).await;
            assert_cut(&told, "reader-too-slow", "no strong ETag");
            assert_eq!(told.asked.len(), 1);
        }
    });
}

/// What is encoded on its way into the store has other offsets than the origin's body has.
#[test]
fn what_we_have_encoded_ourselves_is_not_gone_on_with() {
    run(async {
        const BYTES: u64 = 900_000;
        let mut snapshot = plain("rfc9111");
        behavior(&mut snapshot)["compress"] = json!(true);
        behavior(&mut snapshot)["key"] = json!({"gzip": true});
        let lines = format!("{TAG}Content-Type: text/plain\r\nContent-Length: {BYTES}\r\n");
        let origin = Origin::new(move |_| now(flow("200 OK", &lines, 0, BYTES)));
        let limits = Limits { object_bytes_max: 256 * 1024, window_bytes: 64 * 1024, ..Limits::of(32 << 20) };
        let bench = Bench::with(&snapshot, Rc::new(To(origin.clone())), limits, clock(), "");
        let (mut fast, mut slow) = (bench.viewer(), bench.viewer_of(4_096));
        for viewer in [&mut fast, &mut slow] {
            viewer.send("GET /a HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n").await;
        }
        let (head, framing) = slow.head("GET").await.unwrap();
        assert!(head.contains("Content-Encoding: gzip"), "{head}");
        let whole = fast.answer("GET").await.unwrap();
        assert!(whole.whole && whole.body.len() > 512 * 1024, "{} bytes", whole.body.len());
        let mut body = Vec::new();
        assert!(!slow.body(framing, &mut body).await, "cut");
        assert!(whole.body.starts_with(&body));
        drop((fast, slow));
        bench.rest().await;
        assert_eq!(bench.records().pop().unwrap()["reason"], "reader-too-slow");
        assert_eq!(origin.asked_count(), 1);
    });
}

#[test]
fn an_origin_that_fails_in_the_second_fetch_is_the_reason() {
    run(async {
        let script = |_, asked: Asked| match asked_from(&asked) {
            None => first(TAG),
            Some(from) => {
                let (length, last) = (WHOLE - from, WHOLE - 1);
                let head = format!(
                    "HTTP/1.1 206 Partial\r\n{TAG}Content-Length: {length}\r\nContent-Range: bytes {from}-{last}/{WHOLE}\r\n\r\n"
                );
                Reply::Close([head.into_bytes(), bytes_of(from, from + 100_000)].concat())
            }
        };
        let told = read_on(fallen(&plain("rfc9111"), "", ["/a", "/a"], script).await).await;
        assert_cut(&told, "origin-cut-body", "before its declared length");
        assert!(told.steps.contains("fell out of the shared window"), "{}", told.steps);
        let script = |_, asked: Asked| match asked_from(&asked) {
            None => first(TAG),
            Some(_) => Reply::Close(Vec::new()),
        };
        let told = read_on(fallen(&plain("rfc9111"), "", ["/a", "/a"], script).await).await;
        assert_cut(&told, "origin-closed", "its own fetch from byte");
    });
}

/// A query that the key leaves out is forwarded: the two did not ask for one thing, whatever the tags say.
#[test]
fn a_tag_of_another_place_vouches_for_nothing() {
    run(async {
        let mut snapshot = plain("rfc9111");
        behavior(&mut snapshot)["forward"] = json!({"query": {"mode": "all"}});
        for (targets, is_one_place) in [(["/a?x=1", "/a?x=1"], true), (["/a?x=1", "/a?x=2"], false)] {
            let script = |_, asked: Asked| match asked_from(&asked) {
                None => first(TAG),
                Some(from) => part(from, TAG),
            };
            let told = read_on(fallen(&snapshot, "", targets, script).await).await;
            match is_one_place {
                true => assert!(told.whole && told.body == bytes_of(0, WHOLE)),
                false => assert_cut(&told, "reader-too-slow", "another place"),
            }
        }
    });
}

/// Functions at the origin run for the second fetch as for the first, and what they make of it decides.
#[test]
fn functions_see_the_second_fetch_too() {
    /// What the function does at the second call.
    type Case = (&'static str, fn(Value) -> Deed, Option<(&'static str, &'static str)>);
    let cases: [Case; 6] = [
        ("origin-request", |event| Deed::Result(request_of(&event)), None),
        ("origin-response", |event| Deed::Result(response_of(&event)), None),
        (
            "origin-request",
            |event| {
                let mut request = request_of(&event);
                request["uri"] = json!("/elsewhere");
                Deed::Result(request)
            },
            Some(("reader-too-slow", "another place")),
        ),
        (
            "origin-request",
            |_| {
                Deed::Result(
                    json!({"status": "200", "headers": {"etag": [{"key": "ETag", "value": "\"v1\""}]}}),
                )
            },
            Some(("reader-too-slow", "")),
        ),
        (
            "origin-response",
            |event| {
                let mut response = response_of(&event);
                response["headers"]["etag"] = json!([{"key": "ETag", "value": "\"v7\""}]);
                Deed::Result(response)
            },
            Some(("reader-too-slow", "another version")),
        ),
        ("origin-response", |_| Deed::Raise, Some(("function.raised", "its own fetch from byte"))),
    ];
    run(async {
        for (event, second, expected) in cases {
            let calls = Cell::new(0);
            let launcher = Launcher::start(move |seen| match calls.replace(calls.get() + 1) {
                0 if event == "origin-request" => Deed::Result(request_of(&seen)),
                0 => Deed::Result(response_of(&seen)),
                _ => second(seen),
            });
            let snapshot = with_function(event);
            let script = |_, asked: Asked| match asked_from(&asked) {
                None => first(TAG),
                Some(from) => part(from, TAG),
            };
            let told = read_on(fallen(&snapshot, &launcher.path, ["/a", "/a"], script).await).await;
            assert_eq!(launcher.calls.get(), 2, "{event}");
            match expected {
                None => {
                    assert!(told.whole && told.body == bytes_of(0, WHOLE), "{event}: {}", told.record);
                    assert!(told.steps.contains("function 'f'"), "{}", told.steps);
                }
                Some((code, words)) => assert_cut(&told, code, words),
            }
        }
    });
}

fn response_of(event: &Value) -> Value {
    event["Records"][0]["cf"]["response"].clone()
}

fn with_function(event: &str) -> Value {
    let mut snapshot = plain("cloudfront");
    snapshot["functions"] = json!([{"name": "f", "version": "v1", "timeout_ms": 10_000, "memory_mb": 128}]);
    behavior(&mut snapshot)["functions"] = json!([{"event": event, "function": "f", "include_body": false}]);
    snapshot
}

/// A function may put one tag on all versions: it says nothing of the origin's bytes.
#[test]
fn a_tag_that_a_function_gave_vouches_for_nothing() {
    run(async {
        let launcher = Launcher::start(|event| {
            let mut response = response_of(&event);
            response["headers"]["etag"] = json!([{"key": "ETag", "value": "\"v1\""}]);
            Deed::Result(response)
        });
        let script = |turn, _| first(&format!("ETag: \"o{turn}\"\r\n"));
        let snapshot = with_function("origin-response");
        let told = read_on(fallen(&snapshot, &launcher.path, ["/a", "/a"], script).await).await;
        assert_cut(&told, "reader-too-slow", "no strong ETag of its origin's");
        assert_eq!(told.asked.len(), 1);
    });
}
