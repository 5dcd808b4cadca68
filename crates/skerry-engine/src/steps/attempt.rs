//! An origin asked: where it is, the bytes it gets, and how often it is tried.

use std::rc::Rc;
use std::time::Duration;

use skerry_http::fields::Fields;
use skerry_http::head::{Method, RequestHead, ResponseHead};

use super::fetch::{Errand, Source};
use crate::body::RequestBody;
use crate::core::Core;
use crate::exchange::Failure;
use crate::origin::client::{Connection, Patience, exchange};
use crate::origin::folder;
use crate::origin::target::{Address, Target, split_port};
use crate::origin::{OriginError, Retry};
use crate::snapshot::{Live, Origin, OriginKind, OriginProtocol};
use crate::stats::count;
use crate::walk::Step;

/// Where this origin really is; a function may have set another host.
fn target_of<'a>(live: &'a Live, origin: &Origin, configured: &Origin) -> Result<&'a Target, Box<Failure>> {
    let by_host = live.targets.get(&origin.domain);
    let found = if origin.domain == configured.domain {
        live.targets.get(&configured.id).or(by_host)
    } else {
        by_host
    };
    let unmapped = |hint: &str| {
        let detail = format!(
            "origin {} ({}) is not mapped, and nothing is fetched from the open by accident",
            origin.id, origin.domain
        );
        let line = format!(
            "in skerry.toml:\n[local.origin]\n\"{}\" = \"http://127.0.0.1:9000\"   # or a folder, or \"live\"",
            origin.domain
        );
        let hint = if hint.is_empty() { line } else { hint.to_owned() };
        Box::new(Failure::new(502, "origin-unmapped", Step::Fetch, detail).with_hint(hint))
    };
    match found.or_else(|| live.targets.get("*")) {
        Some(Target::Unmapped(hint)) => Err(unmapped(hint)),
        Some(target) => Ok(target),
        None => Err(unmapped("")),
    }
}

/// Ask it, and again where that may help.
pub async fn ask(
    core: &Rc<Core>,
    errand: &mut Errand,
    origin: &Origin,
    configured: &Origin,
    sent: &RequestHead,
) -> Result<(ResponseHead, Source), Box<Failure>> {
    count(&core.stats.origin_requests);
    let live = errand.live.clone();
    if !live.origin_rtt.is_zero() {
        tokio::time::sleep(live.origin_rtt).await;
    }
    let (address, prefix) = match target_of(&live, origin, configured)? {
        Target::Folder(root) => {
            let path = format!("{}{}", origin.path, String::from_utf8_lossy(sent.path()));
            let (head, body) = folder::serve(root, sent, &path).await;
            return Ok((head, Source::Folder(Box::new(body))));
        }
        Target::Url { address, prefix } => (address.clone(), prefix.as_str()),
        Target::Live | Target::Unmapped(_) => (own_address(origin, errand.peer.is_https), ""),
    };
    let head = serialise(sent, origin, prefix, &errand.body);
    let patience = patience(origin);
    let is_safe = matches!(sent.method, Method::Get | Method::Head);
    let mut attempts_left = origin.connect_attempts.clamp(1, 3);
    loop {
        let connected = connection(core, &live, origin, &address).await;
        let reused = connected.as_ref().is_ok_and(|c| c.reused);
        let error = match connected {
            Err(error) => error,
            Ok(connection) => {
                match exchange(connection, sent.method, &head, &mut errand.body, patience).await {
                    Ok(answer) => return Ok((answer.head, Source::Origin(Box::new(answer.body)))),
                    Err(error) => error,
                }
            }
        };
        // a kept connection may have died unseen: that try costs none of the attempts (keep-alive races)
        if !reused {
            attempts_left -= 1;
        }
        let again = match error.retry {
            Retry::Always => true,
            Retry::IfSafe => is_safe && (reused || live.profile.retry_reads),
            Retry::Never => false,
        };
        if !again || attempts_left == 0 || !errand.body.can_replay() {
            return Err(Box::new(Failure::of_origin(&error, &origin.id)));
        }
        count(&core.stats.origin_retries);
        errand.note(Step::Fetch, format!("again: {}", error.detail));
        errand.body.rewind();
    }
}

fn seconds(s: f64) -> Duration {
    Duration::from_secs_f64(s.clamp(0.001, 86_400.0))
}

fn patience(origin: &Origin) -> Patience {
    Patience {
        read: seconds(origin.read_timeout_s),
        completion: origin.completion_timeout_s.map(seconds),
        keepalive: seconds(origin.keepalive_s),
    }
}

/// One that was kept, or a new one.
async fn connection(
    core: &Core,
    live: &Live,
    origin: &Origin,
    address: &Address,
) -> Result<Connection, OriginError> {
    let (stream, reused) = match core.origins.take(address) {
        Some(stream) => (stream, true),
        None => {
            count(&core.stats.origin_connects);
            if !live.origin_rtt.is_zero() {
                tokio::time::sleep(live.origin_rtt).await;
            }
            (core.connect.connect(address, seconds(origin.connect_timeout_s)).await?, false)
        }
    };
    Ok(Connection { stream, address: address.clone(), reused, pool: core.origins.clone() })
}

/// The origin's own host and port by its protocol policy (row 13).
fn own_address(origin: &Origin, viewer_is_https: bool) -> Address {
    let https = match (origin.kind, origin.protocol) {
        (OriginKind::S3, _) | (_, OriginProtocol::HttpsOnly) => true,
        (_, OriginProtocol::HttpOnly) => false,
        (_, OriginProtocol::MatchViewer) => viewer_is_https,
    };
    let (host, _) = split_port(&origin.domain);
    let port = match (origin.kind, https) {
        (OriginKind::S3, _) => 443,
        (_, true) => origin.https_port,
        (_, false) => origin.http_port,
    };
    Address { tls_name: https.then(|| host.clone()), host, port }
}

fn serialise(sent: &RequestHead, origin: &Origin, prefix: &str, body: &RequestBody) -> Vec<u8> {
    let mut fields: Fields = sent.fields.clone();
    for header in &origin.headers {
        fields.set(header.name.as_bytes(), header.value.as_bytes());
    }
    for framing in [&b"content-length"[..], b"transfer-encoding", b"connection", b"expect"] {
        fields.remove(framing);
    }
    let mut out = Vec::with_capacity(256 + fields.bytes());
    out.extend_from_slice(&sent.method_text);
    out.push(b' ');
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(origin.path.as_bytes());
    put_target(&sent.target, &mut out);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in fields.iter() {
        if value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            continue; // no function's text may end a line
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    match body.length() {
        Some(0) if matches!(sent.method, Method::Post | Method::Put | Method::Patch) => {
            out.extend_from_slice(b"Content-Length: 0\r\n")
        }
        Some(0) => {}
        Some(n) => out.extend_from_slice(format!("Content-Length: {n}\r\n").as_bytes()),
        None => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"Connection: keep-alive\r\n\r\n");
    out
}

/// A function's UTF-8 path goes out percent-encoded where a request line cannot hold it; raw bytes stay raw.
fn put_target(target: &[u8], out: &mut Vec<u8>) {
    for &b in target {
        if (0x21..0x7f).contains(&b) {
            out.push(b);
        } else {
            out.extend_from_slice(format!("%{b:02X}").as_bytes());
        }
    }
}
