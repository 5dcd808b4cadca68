//! What is refused over HTTP/2 (facts: HTTP-layer security, class 3), and that the connection can be used on after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)] // a panic is the report of a test

mod support_h2;

use bytes::Bytes;
use http::Request;
use support_h2::frames::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, Raw, block, frame, request,
};
use support_h2::{World, get, run, whole};

/// What answers an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// 400, recorded.
    Status400,
    /// 200: an odd thing that is harmless.
    Status200,
    /// RST_STREAM with that code, by h2 itself.
    Reset(u32),
    /// GOAWAY with that code.
    Connection(u32),
}
use Ends::{Connection, Reset, Status200, Status400};

const PROTOCOL_ERROR: u32 = 1;

/// First byte of a head: `:status` as an index of the static table (RFC 7541, appendix A).
async fn ending(raw: &mut Raw, stream: u32) -> Ends {
    loop {
        let came = raw.next().await.expect("closed without a word");
        match came.kind {
            HEADERS if came.stream == stream && came.payload[0] == 0x8c => return Status400,
            HEADERS if came.stream == stream && came.payload[0] == 0x88 => return Status200,
            RST_STREAM if came.stream == stream => return Reset(came.code()),
            GOAWAY => return Connection(came.code()),
            _ => {}
        }
    }
}

/// What is wrong, the fields, how it ends.
type Row = (&'static str, Vec<(&'static str, &'static str)>, Ends);

fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    request("/passed/1", &[(name, value)])
}

fn plain_fields() -> Vec<Row> {
    vec![
        ("plain", request("/passed/1", &[]), Status200),
        ("te: trailers", with("te", "trailers"), Status200),
        ("te: gzip", with("te", "gzip"), Reset(PROTOCOL_ERROR)),
        ("transfer-encoding", with("transfer-encoding", "chunked"), Reset(PROTOCOL_ERROR)),
        ("connection", with("connection", "x-a"), Reset(PROTOCOL_ERROR)),
        ("keep-alive", with("keep-alive", "5"), Reset(PROTOCOL_ERROR)),
        ("proxy-connection", with("proxy-connection", "close"), Reset(PROTOCOL_ERROR)),
        ("upgrade", with("upgrade", "h2c"), Reset(PROTOCOL_ERROR)),
        ("http2-settings", with("http2-settings", "AAA"), Status400),
        ("value begins with a space", with("x-a", " b"), Status400),
        ("value ends with a tab", with("x-a", "b\t"), Status400),
        ("length with END_STREAM", with("content-length", "3"), Reset(PROTOCOL_ERROR)),
        ("length +0", with("content-length", "+0"), Reset(PROTOCOL_ERROR)),
        ("another host", with("host", "b.test"), Status400),
        ("the same host", with("host", "a.test"), Status200),
    ]
}

fn pseudo_fields() -> Vec<Row> {
    vec![
        ("two paths", with(":path", "/b"), Reset(PROTOCOL_ERROR)),
        (
            "pseudo after plain",
            request("/passed/1", &[("x-a", "b"), (":method", "GET")]),
            Reset(PROTOCOL_ERROR),
        ),
        ("a response's pseudo", with(":status", "200"), Reset(PROTOCOL_ERROR)),
        (
            "no path",
            vec![(":method", "GET"), (":scheme", "https"), (":authority", "a.test")],
            Reset(PROTOCOL_ERROR),
        ),
        (
            "no method",
            vec![(":scheme", "https"), (":authority", "a.test"), (":path", "/")],
            Reset(PROTOCOL_ERROR),
        ),
        (
            "no scheme",
            vec![(":method", "GET"), (":authority", "a.test"), (":path", "/")],
            Reset(PROTOCOL_ERROR),
        ),
        ("no authority", vec![(":method", "GET"), (":scheme", "https"), (":path", "/")], Status400),
        (
            "userinfo",
            vec![(":method", "GET"), (":scheme", "https"), (":authority", "u@a.test"), (":path", "/")],
            Status400,
        ),
        ("space in path", request("/a b", &[]), Reset(PROTOCOL_ERROR)),
        ("CR LF in path", request("/a\r\nx: y", &[]), Reset(PROTOCOL_ERROR)),
        ("backslash in path", request("/a\\b", &[]), Status400),
        ("path without slash", request("passed", &[]), Reset(PROTOCOL_ERROR)),
        (
            "CR LF in authority",
            vec![(":method", "GET"), (":scheme", "https"), (":authority", "a\r\nb"), (":path", "/")],
            Reset(PROTOCOL_ERROR),
        ),
    ]
}

#[test]
fn heads() {
    let rows = [plain_fields(), pseudo_fields()].concat();
    run(async {
        for (what, fields, want) in rows {
            let world = World::new();
            let mut raw = Raw::new(world.raw(), &[]).await;
            raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields))).await;
            assert_eq!(ending(&mut raw, 1).await, want, "{what}");
            let reached = usize::from(want == Status200);
            raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&request("/passed/1", &[])))).await;
            assert_eq!(ending(&mut raw, 3).await, Status200, "{what}: the request behind it");
            let seen = world.origin.seen();
            assert_eq!(seen.len(), 1 + reached, "{what}");
            assert!(
                seen.iter()
                    .all(|s| !s.head.contains("x-a") && !s.head.to_lowercase().contains("connection: x")),
                "{what}: {seen:?}"
            );
            drop(raw);
            world.rest().await;
            let refused = world.records().iter().filter(|r| r["status"] == 400).count();
            assert_eq!(refused, usize::from(want == Status400), "{what}");
        }
    });
}

#[test]
fn names_and_values_that_no_head_can_hold_end_the_stream_or_the_connection() {
    run(async {
        for (name, value) in
            [("X-Upper", "a"), ("", "a"), ("x a", "b"), ("x-a", "b\r\nc: d"), ("x-a", "b\0"), ("x\n", "b")]
        {
            let world = World::new();
            let mut raw = Raw::new(world.raw(), &[]).await;
            raw.send(&frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                1,
                &block(&request("/passed/1", &[(name, value)])),
            ))
            .await;
            let ended = ending(&mut raw, 1).await;
            assert!(matches!(ended, Reset(_) | Connection(_)), "{name:?}: {value:?}: {ended:?}");
            assert!(world.origin.seen().is_empty());
            drop(raw);
            world.rest().await;
        }
    });
}

#[test]
fn a_body_that_is_not_as_long_as_it_says_reaches_no_origin_whole() {
    run(async {
        for (declared, sent) in [("3", "abcd"), ("5", "abcd")] {
            let world = World::new();
            let mut raw = Raw::new(world.raw(), &[]).await;
            let mut fields = request("/echo", &[("content-length", declared)]);
            fields[0].1 = "POST";
            raw.send(&frame(HEADERS, END_HEADERS, 1, &block(&fields))).await;
            raw.send(&frame(DATA, END_STREAM, 1, sent.as_bytes())).await;
            assert_eq!(ending(&mut raw, 1).await, Reset(PROTOCOL_ERROR), "{declared}");
            raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&request("/passed/1", &[])))).await;
            assert_eq!(ending(&mut raw, 3).await, Status200);
            drop(raw);
            world.rest().await;
            assert!(world.origin.seen().iter().all(|s| s.body != b"abcd"));
        }
    });
}

#[test]
fn cookie_crumbs_are_one_field_to_an_origin() {
    run(async {
        let world = World::new();
        let mut raw = Raw::new(world.raw(), &[]).await;
        let fields = request(
            "/passed/1",
            &[("cookie", "a=1"), ("x-between", "y"), ("cookie", "b=2"), ("cookie", "c=3")],
        );
        raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields))).await;
        assert_eq!(ending(&mut raw, 1).await, Status200);
        let head = world.origin.seen()[0].head.to_lowercase();
        assert!(head.contains("\r\ncookie: a=1; b=2; c=3\r\n"), "{head}");
        assert_eq!(head.matches("cookie:").count(), 1);
    });
}

#[test]
fn limits_and_methods_have_their_own_statuses() {
    run(async {
        for (profile, large) in [("cloudfront", 413), ("rfc9111", 431)] {
            let world = World::of(&support_h2::snapshot(profile));
            let client = world.client().await;
            let long = |bytes: usize| "x".repeat(bytes);
            let rows = [
                (Request::get(format!("https://a.test/passed/1?{}", long(8_192))).body(()).unwrap(), 414),
                (
                    Request::get("https://a.test/passed/1").header("x-long", long(20_460)).body(()).unwrap(),
                    large,
                ),
                (Request::builder().method("TRACE").uri("https://a.test/").body(()).unwrap(), 501),
                (Request::builder().method("OPTIONS").uri("https://a.test").body(()).unwrap(), 200),
                (Request::get("https://nobody.test/passed/1").body(()).unwrap(), 403),
                (
                    Request::get("https://a.test/passed/1").header("expect", "200-maybe").body(()).unwrap(),
                    417,
                ),
            ];
            let count = rows.len();
            for (request, want) in rows {
                let what = format!("{request:.60?}");
                assert_eq!(client.ask(request).await.unwrap().status, want, "{profile} {what}");
            }
            drop(client);
            world.rest().await;
            assert_eq!(world.records().len(), count);
        }
    });
}

#[test]
fn a_refused_request_with_a_body_is_answered_and_its_body_left() {
    run(async {
        let world = World::new();
        let client = world.client().await;
        let request = Request::post("https://a.test/echo").header("host", "b.test").body(()).unwrap();
        let (answer, mut send) = client.begin(request, false).await;
        assert_eq!(whole(answer.await.unwrap()).await.unwrap().status, 400);
        let reset = std::future::poll_fn(|cx| send.poll_reset(cx)).await.unwrap();
        assert_eq!(reset, h2::Reason::NO_ERROR, "RFC 9113 8.1");
        assert!(send.send_data(Bytes::from_static(b"late"), true).is_err());
        assert_eq!(client.ask(get("/passed/3")).await.unwrap().status, 200);
        drop((client, send));
        world.rest().await;
    });
}
