//! Class 5 over real sockets: what is no part of the key does not shape what is stored under it. Each request comes in one
//! piece and cut in eight ways, with a canary behind it, before anything is stored, against what is stored, and where a
//! function is called; then somebody asks for the same without any of it. The origin believes all it is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::rc::Rc;

use serde_json::json;
use skerry_cache::Limits;
use support::attacks::CANARY;
use support::origin::{Asked, Origin, Reply, To, now};
use support::sockets::{exchange, listen, statuses};
use support::worker::{Deed, Launcher, request_of};
use support::{Bench, behavior, clock, plain, run};

const CUTS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Miss,
    Hit,
    Function,
}

/// What becomes of the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Answered, and the connection used on.
    Served,
    /// Refused by the profile `cloudfront` with 403, else answered; the connection is used on.
    Fat,
    /// Refused with this status (431: or what the profile says), and the connection closed.
    Refused(u16),
}

/// `@` is the target.
fn poisons() -> Vec<(String, Fate)> {
    let lines = [
        "X-Forwarded-Host: evil",
        "X-Forwarded-Server: evil",
        "X-Forwarded-Scheme: evil",
        "X-Forwarded-Proto: evil",
        "X-Forwarded-Port: evil",
        "X-Forwarded-Prefix: /evil",
        "X-Host: evil",
        "Forwarded: host=evil",
        "X-Original-URL: /evil",
        "X-Rewrite-URL: /evil",
        "X-HTTP-Method-Override: evil",
        "X-HTTP-Method: evil",
        "X-Method-Override: evil",
        "Accept: evil/bogus",
        "Accept-Language: evil",
        "Accept-Charset: evil",
        "Cookie: a=evil",
        "Authorization: evil",
        "User-Agent: evil",
        "Referer: evil",
        "Origin: evil",
        "Content-Type: evil/evil",
        "Content-Language: evil",
        "Content-Encoding: evil",
        "Range: bytes=9000-",
        "Range: bytes=0-1,evil",
        "If-Match: \"evil\"",
        "If-None-Match: \"evil\"",
        "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
        "If-Range: \"evil\"",
        "TE: evil",
        "Max-Forwards: 0",
    ];
    let mut all: Vec<_> = lines
        .iter()
        .map(|line| (format!("GET @ HTTP/1.1\r\nHost: a.test\r\n{line}\r\n\r\n"), Fate::Served))
        .collect();
    let whole = [
        ("GET @?a=1;b=evil HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Served),
        ("GET @?evil HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Served),
        ("GET @?a=1&a=evil HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Served),
        ("GET http://a.test@ HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Served),
        ("GET @ HTTP/1.1\r\nHost: A.TEST\r\n\r\n", Fate::Served),
        ("GET @ HTTP/1.1\r\nHost: a.test:666\r\n\r\n", Fate::Served),
        ("HEAD @ HTTP/1.1\r\nHost: a.test\r\nX-Host: evil\r\n\r\n", Fate::Served),
        ("GET @ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nevil", Fate::Fat),
        (
            "GET @ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
            Fate::Fat,
        ),
        ("GET http://evil.test@ HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
        ("GET http://a.test@ HTTP/1.1\r\nHost: evil.test\r\n\r\n", Fate::Refused(400)),
        ("GET @ HTTP/1.1\r\nHost: a.test\r\nHost: evil.test\r\n\r\n", Fate::Refused(400)),
        ("GET @ HTTP/1.1\r\nHost: a.test@evil.test\r\n\r\n", Fate::Refused(400)),
        ("GET @#evil HTTP/1.1\r\nHost: a.test\r\n\r\n", Fate::Refused(400)),
        ("GET @ HTTP/1.1\r\nHost: a.test\r\nX-Meta: evil\x07\r\n\r\n", Fate::Refused(400)),
    ];
    all.extend(whole.map(|(text, fate)| (text.to_owned(), fate)));
    for (bytes, fate) in [(12_000, Fate::Served), (21_000, Fate::Refused(431))] {
        let large = "evil".repeat(bytes / 4);
        all.push((format!("GET @ HTTP/1.1\r\nHost: a.test\r\nX-Large: {large}\r\n\r\n"), fate));
    }
    all
}

/// It answers by what it is told, and lets everything be kept.
fn believes(asked: &Asked) -> Reply {
    let seen = asked.head.to_lowercase();
    let has = |text: &str| seen.contains(text);
    let status = match () {
        () if has("range: bytes=9") => "416 No",
        () if has("method") => "405 No",
        () if has("accept: evil") => "406 No",
        () if has("if-match") || has("if-unmodified-since") => "412 No",
        () if seen.len() > 8_000 => "400 No",
        () if asked.target().contains('?') => "302 Found",
        () => "200 OK",
    };
    let body = format!("{seen}{}", String::from_utf8_lossy(&asked.body));
    let target = asked.target();
    let head = format!(
        "HTTP/1.1 {status}\r\nCache-Control: max-age=600\r\nLocation: {target}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Reply::Keep(if asked.method() == "HEAD" { head } else { head + &body }.into_bytes())
}

fn attack(profile: &'static str, path: Path) {
    run(async {
        let launcher = Launcher::start(|event| Deed::Result(request_of(&event)));
        let mut snapshot = plain(profile);
        if path == Path::Function {
            snapshot["functions"] =
                json!([{"name": "f", "version": "v1", "timeout_ms": 5_000, "memory_mb": 128}]);
            behavior(&mut snapshot)["functions"] =
                json!([{"event": "viewer-request", "function": "f", "include_body": true}]);
        }
        let origin = Origin::new(|asked: Asked| now(believes(&asked)));
        let connect = Rc::new(To(origin));
        let bench = Bench::with(&snapshot, connect, Limits::of(64 << 20), clock(), &launcher.path);
        let at = listen(&bench.core).await;
        let mut answers = 0;
        for (number, (poison, fate)) in poisons().into_iter().enumerate() {
            let tasks: Vec<_> = (0..CUTS)
                .map(|cut| {
                    let target = format!("/p{number}-{cut}");
                    let clean = format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n");
                    let poison = poison.replacen('@', &target, 1);
                    tokio::task::spawn_local(async move {
                        let primed = match path {
                            Path::Hit => exchange(at, clean.as_bytes(), 0).await,
                            _ => String::new(),
                        };
                        let bytes = format!("{poison}{CANARY}");
                        let own = exchange(at, bytes.as_bytes(), cut * poison.len() / CUTS).await;
                        (primed, own, exchange(at, clean.as_bytes(), 0).await)
                    })
                })
                .collect();
            for task in tasks {
                let (primed, own, clean) = task.await.unwrap();
                let place = format!("{path:?} {profile} {:.90}:\n{own:.600}\nthen:\n{clean:.900}", poison);
                let (came, canaries) = (statuses(&own), own.matches("get /canary").count());
                match fate {
                    Fate::Refused(status) => {
                        let status = if status == 431 && profile == "cloudfront" { 413 } else { status };
                        assert_eq!((came, canaries), (vec![status], 0), "{place}");
                    }
                    Fate::Served => assert_eq!((came.len(), came[1], canaries), (2, 200, 1), "{place}"),
                    Fate::Fat => {
                        assert_eq!((came.len(), came[1], canaries), (2, 200, 1), "{place}");
                        assert_eq!(came[0] == 403, profile == "cloudfront", "{place}");
                    }
                }
                assert_eq!(statuses(&clean), [200], "{place}");
                assert!(!clean.contains("evil") && !clean.contains("666"), "{place}");
                answers += statuses(&primed).len() + statuses(&own).len() + 1;
            }
        }
        bench.rest().await;
        assert_eq!(bench.records().len(), answers, "one record an answer");
    });
}

#[test]
fn nothing_unkeyed_shapes_what_is_stored() {
    attack("cloudfront", Path::Miss);
    attack("rfc9111", Path::Miss);
}

#[test]
fn nothing_unkeyed_changes_what_is_stored() {
    attack("cloudfront", Path::Hit);
    attack("rfc9111", Path::Hit);
}

#[test]
fn nothing_unkeyed_passes_by_a_function() {
    attack("cloudfront", Path::Function);
}
