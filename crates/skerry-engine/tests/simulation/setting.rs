//! The snapshots of a run: a behavior for each way of keying, and functions on one of them.

use serde_json::{Value, json};

use crate::support::plain;

pub fn snapshot(seed: u64, version: u64) -> Value {
    let profile = ["cloudfront", "rfc9111"][(seed % 2) as usize];
    let mut snapshot = plain(profile);
    snapshot["version"] = json!(version);
    let origin = &mut snapshot["distributions"][0]["origins"][0];
    origin["read_timeout_s"] = json!(4.0 + (version % 3) as f64);
    origin["connect_attempts"] = json!(1 + version % 2);
    let rest = &mut snapshot["distributions"][0]["behaviors"][0];
    // CloudFront keys by what it forwards; the standard's profile by Vary
    let names = json!(["x-language"]);
    if profile == "cloudfront" {
        rest["key"] = json!({ "headers": names });
    } else {
        rest["forward"] = json!({"headers": {"mode": "list", "names": names}});
    }
    let of = |pattern: &str, key: Value, forward: Value| {
        let mut behavior = plain(profile)["distributions"][0]["behaviors"][0].clone();
        behavior["pattern"] = json!(pattern);
        behavior["key"] = key;
        behavior["forward"] = forward;
        behavior
    };
    let all = json!({"query": {"mode": "all"}});
    let mut text = of("/c/*", json!({"gzip": true, "br": true}), json!({}));
    text["compress"] = json!(true);
    let by_query = of("/q/8", json!({"query": {"mode": "list", "names": ["n"]}}), all.clone());
    let any_query = of("/q/9", json!({}), all);
    let mut called = of("/f/*", json!({ "headers": names }), json!({}));
    called["functions"] = ["viewer-request", "origin-request", "origin-response", "viewer-response"]
        .map(|event| json!({"event": event, "function": "f", "include_body": false}))
        .into();
    // a save now and then: another version of the function
    let function = format!("v{}", version / 3);
    snapshot["functions"] = json!([{"name": "f", "version": function, "timeout_ms": 600, "memory_mb": 128}]);
    let behaviors = snapshot["distributions"][0]["behaviors"].as_array_mut().unwrap();
    behaviors.splice(0..0, [text, by_query, any_query, called]);
    snapshot
}
