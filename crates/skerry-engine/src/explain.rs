//! What would happen to a request: the walk's own decisions, without its effects.

use serde::Deserialize;
use serde_json::{Value, json};
use skerry_cache::hash_key;
use skerry_contract::Trigger;
use skerry_http::cache_control::CacheControl;
use skerry_http::head::{Method, RequestHead};
use skerry_http::reuse::{Reuse, reuse};

use crate::core::Shared;
use crate::exchange::Meta;
use crate::h1::request::is_authority;
use crate::origin::target::Target;
use crate::snapshot::{Behavior, Live, Site};
use crate::steps::admit::{Admission, decide};
use crate::steps::{lookup, route, store};

/// A request to think about.
#[derive(Deserialize)]
pub struct Question {
    url: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

fn head_of(question: &Question) -> Result<(RequestHead, bool), String> {
    let url = question.url.as_str();
    let (is_https, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ if url.starts_with('/') => (false, url),
        _ => return Err(format!("'{url}' is no URL: http(s)://host/path or /path")),
    };
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, target) = rest.split_at(slash);
    if !authority.is_empty() && !is_authority(authority.as_bytes()) {
        return Err(format!("'{authority}' is no host"));
    }
    let method = if question.method.is_empty() { "GET" } else { &question.method };
    let mut head = RequestHead {
        method: Method::parse(method.as_bytes()),
        method_text: method.as_bytes().to_vec(),
        target: if target.is_empty() { b"/".to_vec() } else { target.as_bytes().to_vec() },
        authority: authority.as_bytes().to_vec(),
        ..RequestHead::default()
    };
    head.fields.push(b"Host", authority.as_bytes());
    for (name, value) in &question.headers {
        head.fields.push(name.as_bytes(), value.as_bytes());
    }
    Ok((head, is_https))
}

/// Answer it.
pub fn explain(shared: &Shared, question: &Question, now_s: u64) -> Result<Value, String> {
    let live = shared.live();
    let (mut head, is_https) = head_of(question)?;
    let mut steps = Vec::new();
    let mut note = |step: &str, what: String| steps.push(json!({"step": step, "what": what}));
    let Some(site_at) = route::site_of(&live, &head.authority) else {
        note(
            "route",
            format!("no distribution answers for '{}': 403", String::from_utf8_lossy(&head.authority)),
        );
        return Ok(json!({"url": question.url, "snapshot": live.version, "status": 403, "steps": steps}));
    };
    let site = &live.sites[site_at];
    let behavior_at = route::behavior_of(site, head.path());
    if route::is_ambiguous(site, head.path(), behavior_at) {
        note("route", "path-ambiguous: decoded, the path belongs to another behavior: 400".to_owned());
        return Ok(json!({"url": question.url, "snapshot": live.version, "status": 400, "steps": steps}));
    }
    let behavior = &site.behaviors[behavior_at];
    note("route", format!("distribution {}, behavior {}", site.name, behavior.pattern_text));
    let mut answer = json!({
        "url": question.url, "pop": live.pop, "snapshot": live.version, "distribution": site.name,
        "behavior": behavior.pattern_text,
    });
    match decide(&live, site, behavior, is_https, (head.method, head.version, head.framing)) {
        Admission::Yes => note("admit", "let in".to_owned()),
        Admission::Redirect(status) => {
            note("admit", format!("{status} to https, port {}", live.https_port));
            answer["status"] = status.into();
            answer["steps"] = steps.into();
            return Ok(answer);
        }
        Admission::No(status, code) => {
            note("admit", format!("{status}: {code}"));
            answer["status"] = status.into();
            answer["steps"] = steps.into();
            return Ok(answer);
        }
    }
    if let Some(association) = behavior.function(Trigger::ViewerRequest) {
        note(
            "viewer_request",
            format!(
                "function '{}' would be called; what it changes cannot be foreseen",
                association.function.name
            ),
        );
        note("key", "if it left the request as it is:".to_owned());
    }
    if head.path() == b"/" && !site.default_root_object.is_empty() {
        head.target.splice(0..1, format!("/{}", site.default_root_object).into_bytes());
        note("key", format!("/ stands for /{}", site.default_root_object));
    }
    look(shared, &live, site, behavior, &head, now_s, &mut note, &mut answer);
    // a function stands before the lookup: what comes after it is said under a condition, and so is the result
    if behavior.function(Trigger::ViewerRequest).is_some()
        && let Some(result) = answer["result"].as_str()
    {
        answer["result"] = format!("{result}, unless its function changes the request").into();
    }
    answer["steps"] = steps.into();
    Ok(answer)
}

#[allow(clippy::too_many_arguments)] // one call site: the arguments are what explain() has gathered
fn look(
    shared: &Shared,
    live: &Live,
    site: &Site,
    behavior: &Behavior,
    head: &RequestHead,
    now_s: u64,
    note: &mut dyn FnMut(&str, String),
    answer: &mut Value,
) {
    if let Some((forward, reason)) = lookup::bypass(behavior, head) {
        note("key", format!("not looked up ({}): {reason}", forward.token()));
        answer["result"] = "Miss".into();
        answer["reason"] = reason.into();
        return would_fetch(live, site, behavior, note);
    }
    let mut key = Vec::new();
    behavior.key.write(head, &mut key);
    let hash = hash_key(&key);
    answer["key"] = format!("{hash:016x}").into();
    note("key", parts(behavior));
    let variant_of = |names: &[u8], out: &mut Vec<u8>| store::variant_of(behavior, head, names, out);
    let stone = shared.cache.lookup(hash, &key, &variant_of, &mut Vec::new());
    let stored = stone.as_ref().and_then(|s| s.meta().stored);
    let Some(stored) = stored else {
        note("lookup", "nothing stored under this key".to_owned());
        answer["result"] = "Miss".into();
        return would_fetch(live, site, behavior, note);
    };
    let asked = if live.profile.request_directives {
        CacheControl::of_request(&head.fields)
    } else {
        CacheControl::default()
    };
    answer["age_s"] = stored.age_s(now_s).into();
    answer["ttl_s"] = stored.ttl_s(now_s).into();
    match reuse(live.profile, &stored, &asked, now_s) {
        Reuse::Fresh => {
            let meta: Option<&Meta> = stone.as_ref().map(|s| s.meta());
            answer["result"] = "Hit".into();
            answer["status"] = meta.map_or(200, |m| m.status).into();
            note(
                "lookup",
                format!(
                    "a fresh stored answer: age {} s, {} s left",
                    stored.age_s(now_s),
                    stored.ttl_s(now_s)
                ),
            );
        }
        Reuse::StaleServable { .. } => {
            answer["result"] = "Hit".into();
            note("lookup", "a stale stored answer that may be served".to_owned());
        }
        Reuse::Revalidate(reason) | Reuse::Unsatisfiable(reason) => {
            answer["result"] = "RefreshHit".into();
            note("lookup", format!("stored, but to be confirmed first: {}", reason.sentence()));
            would_fetch(live, site, behavior, note);
        }
    }
}

/// Which functions and which origin a fetch would meet.
fn would_fetch(live: &Live, site: &Site, behavior: &Behavior, note: &mut dyn FnMut(&str, String)) {
    for (trigger, step) in
        [(Trigger::OriginRequest, "origin_request"), (Trigger::OriginResponse, "origin_response")]
    {
        if let Some(association) = behavior.function(trigger) {
            note(step, format!("function '{}' would be called", association.function.name));
        }
    }
    let origin = &site.origins[behavior.route.primary];
    let way = match live.targets.get(&origin.id).or_else(|| live.targets.get(&origin.domain)) {
        None | Some(Target::Unmapped(_)) => "which is not mapped: 502".to_owned(),
        Some(Target::Folder(path)) => format!("a folder: {}", path.display()),
        Some(Target::Url { address, prefix }) => format!("at {}:{}{prefix}", address.host, address.port),
        Some(Target::Live) => format!("live: {}", origin.domain),
    };
    note("fetch", format!("origin {}, {way}", origin.id));
}

/// What the key is made of, in words.
fn parts(behavior: &Behavior) -> String {
    use skerry_http::key::Mode;
    let policy = behavior.key.policy();
    let mut words = vec!["path".to_owned()];
    let mut add = |what: &str, selection: &skerry_http::key::Selection| match selection.mode {
        Mode::None => {}
        Mode::All => words.push(format!("all {what}")),
        Mode::List => words.push(format!("{what} {}", selection.names.join(", "))),
        Mode::AllExcept => words.push(format!("all {what} but {}", selection.names.join(", "))),
    };
    add("query parameters", &policy.query);
    add("cookies", &policy.cookies);
    if !policy.headers.is_empty() {
        words.push(format!("headers {}", policy.headers.join(", ")));
    }
    if policy.normalises_encoding() {
        words.push("encoding".to_owned());
    }
    format!("made of {}", words.join(" + "))
}
