//! The four functions of a run, played behind the real frames: they do their work, and worse.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::keys::{bytes_of, key_of, length_of};
use super::world::{World, fields_of};
use crate::support::worker::Deed;

/// What the worker does about a call.
pub fn deed(world: &World, event: &Value) -> Deed {
    let cf = &event["Records"][0]["cf"];
    let kind = cf["config"]["eventType"].as_str().unwrap().to_owned();
    let dice = world.below(100);
    world.tell(format!("function {kind} {} dice {dice}", cf["request"]["uri"]));
    let good = match kind.as_str() {
        "viewer-request" => viewer_request(cf, dice),
        "origin-request" => origin_request(world, cf, dice),
        "origin-response" => origin_response(cf),
        _ => viewer_response(cf),
    };
    let deed = match dice {
        0..2 => Deed::Raise,
        2 => Deed::Hang,
        3 => Deed::Die,
        4 => Deed::Foreign(foreign(good)),
        _ => Deed::Result(good),
    };
    if world.is(50) { deed } else { Deed::Later(Duration::from_millis(world.below(200)), Box::new(deed)) }
}

fn header<'a>(message: &'a Value, name: &str) -> Option<&'a str> {
    message["headers"][name][0]["value"].as_str()
}

fn set(message: &mut Value, name: &str, value: &str) {
    message["headers"][name] = json!([{"key": name, "value": value}]);
}

/// As it would be for somebody else.
fn foreign(mut good: Value) -> Value {
    for mark in ["x-for", "x-made"] {
        set(&mut good, mark, "r0");
    }
    good
}

/// The language is what the viewer wants; sometimes it is answered here.
fn viewer_request(cf: &Value, dice: u64) -> Value {
    let mut request = cf["request"].clone();
    if dice >= 96 {
        let asker = header(&request, "x-ask").unwrap();
        return json!({"status": "200", "headers": {"x-made": [{"key": "X-Made", "value": asker}]}, "body": "made"});
    }
    let wanted = header(&request, "x-want").unwrap().to_owned();
    set(&mut request, "x-language", &wanted);
    request
}

/// It lets the request go, or is the origin itself.
fn origin_request(world: &World, cf: &Value, dice: u64) -> Value {
    let request = cf["request"].clone();
    if dice < 85 || request["method"] != "GET" {
        return request;
    }
    let key = key_of(request["uri"].as_str().unwrap()).unwrap();
    let language = header(&request, "x-language").unwrap().parse().unwrap();
    let version = world.page(key).version;
    let body = bytes_of(key, language, version, 0, length_of(key, language, version));
    let mut answer = json!({
        "status": "200", "headers": {}, "bodyEncoding": "base64",
        "body": base64::engine::general_purpose::STANDARD.encode(body),
    });
    for (name, value) in fields_of(key, version, dice < 98) {
        answer["headers"][name.to_ascii_lowercase()] = json!([{"key": name, "value": value}]);
    }
    world.count("a function was the origin");
    answer
}

/// It writes on the answer which version it has seen.
fn origin_response(cf: &Value) -> Value {
    let mut response = cf["response"].clone();
    if let Some(version) = header(&response, "x-version").map(str::to_owned) {
        set(&mut response, "x-seen", &version);
    }
    response
}

/// It writes on the answer for whom it is.
fn viewer_response(cf: &Value) -> Value {
    let mut response = cf["response"].clone();
    let asker = header(&cf["request"], "x-ask").unwrap().to_owned();
    set(&mut response, "x-for", &asker);
    response
}
