//! What holds for any exchange and any result.

// in a test a panic is the report
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sample;

use proptest::prelude::*;
use sample::{LEVELS, Sample, merge};
use serde_json::{Value, json};
use skerry_contract::*;
use skerry_http::fields::Fields;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z][A-Za-z0-9-]{0,12}",
        prop::sample::select(vec![
            "Host",
            "VIA",
            "Content-Length",
            "Transfer-Encoding",
            "X-Edge-Foo",
            "x-cache",
            "Connection",
            "Cookie",
            "Accept-Encoding",
            "If-None-Match",
            "Set-Cookie",
            "TE",
        ])
        .prop_map(str::to_owned),
    ]
}

fn lines() -> impl Strategy<Value = Fields> {
    let value = prop::collection::vec(prop_oneof![0x20u8..=0x7e, 0x80u8..=0xff], 0..24);
    prop::collection::vec((name(), value), 0..24)
        .prop_map(|all| all.iter().map(|(n, v)| (n.as_bytes(), v.as_slice())).collect())
}

/// Configurations hold more than a function may ask for; they must all pass through it.
fn origin() -> impl Strategy<Value = Origin> {
    let headers = || prop::collection::vec((name(), any::<String>()), 0..14);
    let custom =
        (any::<String>(), any::<String>(), any::<[u16; 3]>(), any::<bool>(), any::<Vec<String>>(), headers())
            .prop_map(
                |(domain, path, [port, keepalive_s, read_timeout_s], https, ssl_protocols, headers)| {
                    Origin::Custom(CustomOrigin {
                        domain,
                        path,
                        port,
                        protocol: if https { Protocol::Https } else { Protocol::Http },
                        keepalive_s: keepalive_s.into(),
                        read_timeout_s: read_timeout_s.into(),
                        ssl_protocols,
                        headers,
                    })
                },
            );
    let s3 = (any::<[String; 3]>(), any::<bool>(), headers()).prop_map(
        |([domain, path, region], oai, headers)| {
            let auth_method = if oai { AuthMethod::OriginAccessIdentity } else { AuthMethod::None };
            Origin::S3(S3Origin { domain, path, auth_method, region, headers })
        },
    );
    prop_oneof![custom, s3]
}

prop_compose! {
    fn exchange()(
        origin in prop::option::of(origin()),
        trigger in prop::sample::select(Trigger::ALL.to_vec()),
        request in lines(),
        response in lines(),
        path in prop::collection::vec(prop_oneof![0x21u8..=0x3e, 0x40u8..=0x7e, 0x80u8..=0xff], 0..40),
        query in prop::collection::vec(prop_oneof![0x21u8..=0x7e, 0x80u8..=0xff], 0..40),
        body in prop::option::of((prop::collection::vec(any::<u8>(), 0..60), any::<bool>())),
        status in 100u16..=999,
    ) -> Sample {
        Sample { request, response, uri: [b"/", &path[..]].concat(), query, body, status, origin, ..Sample::at(trigger) }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "status",
            "uri",
            "querystring",
            "headers",
            "body",
            "origin",
            "custom",
            "s3",
            "key",
            "value",
            "action",
            "replace",
            "data",
            "encoding",
            "base64",
            "text",
            "host",
            "via",
            "x-edge-a",
            "domainName",
            "port",
            "customHeaders",
            "bodyEncoding",
            "200",
            "/",
            "statusDescription",
            "method",
            "clientIp",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Nothing that leaves a judgement can break a message.
fn assert_sound(sample: &Sample, judgement: &Judgement) {
    let check = |fields: &Fields, sent: Option<&Fields>| {
        for (n, v) in fields.iter() {
            let raw = sent.is_some_and(|s| s.iter().any(|line| line == (n, v)));
            let clean = !v.iter().any(|b| matches!(b, b'\r' | b'\n' | 0));
            assert!(raw || (clean && !n.is_empty() && !is_framing(n)), "{:?}", String::from_utf8_lossy(n));
        }
    };
    match &judgement.verdict {
        Verdict::Violation(v) => assert!(!v.detail.is_empty() && !v.about.contains('\n')),
        Verdict::Respond(made) => {
            assert!((200..=599).contains(&made.status));
            check(&made.fields, None);
        }
        Verdict::Continue(change) => match change.as_ref() {
            Change::Request(change) => {
                change.fields.iter().for_each(|f| check(f, Some(&sample.request)));
                if let Some(uri) = &change.uri {
                    assert!(
                        uri.starts_with(b"/") && !uri.iter().any(|b| *b <= b' ' || *b == b'?' || *b == b'#')
                    );
                }
            }
            Change::Response(change) => change.fields.iter().for_each(|f| check(f, Some(&sample.response))),
        },
    }
}

proptest! {
    #[test]
    fn an_unchanged_result_changes_nothing(sample in exchange()) {
        let mut event = Vec::new();
        build(&sample.input(), Limits::of(Profile::Aws2026), &mut event);
        let event: Value = serde_json::from_slice(&event).expect("an event is JSON");
        let member = if sample.trigger.is_request() { "request" } else { "response" };
        let result = serde_json::to_vec(&event["Records"][0]["cf"][member]).unwrap();
        for level in LEVELS {
            let judgement = sample.judge(level, &result);
            prop_assert!(judgement.findings.is_empty(), "{:?}", judgement.findings);
            let Verdict::Continue(change) = judgement.verdict else { panic!("{:?}", judgement.verdict) };
            match *change {
                Change::Request(change) => prop_assert!(change.is_empty(), "{change:?}"),
                Change::Response(change) => prop_assert!(change.is_empty(), "{change:?}"),
            }
        }
    }

    #[test]
    fn any_bytes_are_judged(sample in exchange(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for level in LEVELS {
            assert_sound(&sample, &sample.judge(level, &bytes));
        }
    }

    #[test]
    fn any_json_is_judged(sample in exchange(), value in value()) {
        let bytes = serde_json::to_vec(&value).unwrap();
        for level in LEVELS {
            assert_sound(&sample, &sample.judge(level, &bytes));
        }
    }

    #[test]
    fn any_alteration_is_judged(sample in exchange(), patch in value(), at in 0usize..4, name in name()) {
        let mut result = sample.unchanged();
        let patch = match at {
            0 => patch,
            1 => json!({"headers": {name: patch}}),
            2 => json!({"headers": {name: [{"value": patch}]}}),
            _ => json!({"origin": {"custom": patch}}),
        };
        merge(&mut result, &patch);
        let bytes = serde_json::to_vec(&result).unwrap();
        for level in LEVELS {
            assert_sound(&sample, &sample.judge(level, &bytes));
        }
    }

    #[test]
    fn strict_refuses_whatever_warn_warns_of(sample in exchange(), patch in value(), name in name()) {
        let mut result = sample.unchanged();
        merge(&mut result, &json!({"headers": {name: [{"value": patch}]}}));
        let bytes = serde_json::to_vec(&result).unwrap();
        let strict = sample.judge(Level::Strict, &bytes);
        let warn = sample.judge(Level::Warn, &bytes);
        let refused = matches!(strict.verdict, Verdict::Violation(_));
        let warned = warn.findings.iter().any(|f| f.weight == Weight::Warning);
        prop_assert_eq!(refused, warned || matches!(warn.verdict, Verdict::Violation(_)));
    }

    #[test]
    fn a_cut_result_is_no_result(sample in exchange(), at in any::<prop::sample::Index>()) {
        let bytes = serde_json::to_vec(&sample.unchanged()).unwrap();
        let cut = &bytes[..at.index(bytes.len())];
        let judgement = sample.judge(Level::Relaxed, cut);
        let Verdict::Violation(violation) = judgement.verdict else { panic!("{judgement:?}") };
        prop_assert_eq!(violation.code, Code::NotJson);
    }
}
