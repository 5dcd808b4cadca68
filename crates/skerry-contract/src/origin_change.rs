//! A returned origin against the origin sent.

use crate::diff::{self, trimmed};
use crate::event::EventInput;
use crate::finding::{Action, Bench, Code, Violation, breach};
use crate::headers::{Access, allowed, is_custom_denied, is_framing};
use crate::json::{Json, shown};
use crate::limits::Limits;
use crate::origin::{AuthMethod, CustomOrigin, Origin, Protocol, S3Origin};
use crate::outcome::RequestChange;
use skerry_http::fields::{Fields, Known};
use std::mem::discriminant;
use std::ops::RangeInclusive;

const SSL_PROTOCOLS: [&str; 4] = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"];

/// The origin that `request.origin` asks for; `None` when it is as it was.
pub(crate) fn read(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    json: &Json,
) -> Result<Option<Origin>, Violation> {
    if input.trigger.is_viewer() {
        let detail = "request.origin was set, but only origin-request can change it";
        bench.remark(breach(Code::FieldIgnored, "request.origin", detail), Action::Dropped);
        return Ok(None);
    }
    let refuse = |code, detail: &str| Err(breach(code, "request.origin", detail));
    if json.map().is_none() {
        return refuse(Code::FieldType, &format!("request.origin is {}, not an object", json.kind()));
    }
    let (mut origin, kind) = match (json.given("custom"), json.given("s3")) {
        (Some(custom), None) => (Origin::Custom(read_custom(bench, input, limits, custom)?), custom),
        (None, Some(s3)) => (Origin::S3(read_s3(bench, input, s3)?), s3),
        (Some(_), Some(_)) => return refuse(Code::OriginKind, "request.origin holds both `custom` and `s3`"),
        (None, None) => return refuse(Code::OriginKind, "request.origin holds neither `custom` nor `s3`"),
    };
    *origin.headers_mut() = match (kind.given("customHeaders"), input.origin) {
        (Some(headers), _) => read_headers(bench, input, limits, headers)?,
        (None, Some(sent)) if discriminant(sent) == discriminant(&origin) => {
            let detail = "customHeaders of the origin is missing";
            let what = breach(Code::OriginMissing, "request.origin.customHeaders", detail);
            bench.remark(what, Action::Restored);
            sent.headers().to_vec()
        }
        // keys to a server are not for a bucket, nor the other way round
        (None, _) => Vec::new(),
    };
    Ok((Some(&origin) != input.origin).then_some(origin))
}

/// What origin and headers owe each other, once both are known.
pub(crate) fn settle(
    bench: &mut Bench,
    input: &EventInput,
    change: &mut RequestChange,
) -> Result<(), Violation> {
    if input.trigger.is_viewer() || (change.origin.is_none() && change.fields.is_none()) {
        return Ok(());
    }
    let Some(origin) = change.origin.as_ref().or(input.origin) else { return Ok(()) };
    for name in shared_names(input, origin, change.fields.as_ref()) {
        let detail = format!("the header {name} stands both in customHeaders and in the request's headers");
        if !bench.rule(breach(Code::HeaderTwice, name.as_str(), detail), Action::Dropped, false)? {
            // customHeaders overwrite, so the request's line is the one to go
            change.fields.get_or_insert_with(|| input.request.fields.clone()).remove(name.as_bytes());
        }
    }
    remark_host(bench, input, change);
    Ok(())
}

fn read_custom(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    json: &Json,
) -> Result<CustomOrigin, Violation> {
    let at = Fieldset { json, of: "request.origin.custom" };
    at.check_object()?;
    let sent = match input.origin {
        Some(Origin::Custom(origin)) => Some(origin),
        _ => None,
    };
    let domain = at.text("domainName")?.ok_or_else(|| at.missing("domainName"))?.to_owned();
    check_domain(at.of, &domain, 253, sent.map(|o| o.domain.as_str()))?;
    let protocol = match at.text("protocol")? {
        Some("http") => Protocol::Http,
        Some("https") => Protocol::Https,
        Some(other) => {
            let detail = format!("{}.protocol is `{}`", at.of, shown(other));
            return Err(breach(Code::OriginProtocol, format!("{}.protocol", at.of), detail));
        }
        None => at.left_out(bench, "protocol", sent.map_or(Protocol::Https, |o| o.protocol)),
    };
    let default_port = if protocol == Protocol::Https { 443 } else { 80 };
    let port = match at.number("port")? {
        Some(port) => port,
        None => i64::from(at.left_out(bench, "port", sent.map_or(default_port, |o| o.port))),
    };
    // what was sent passes back, whatever the configuration holds; here as for every field below
    let port_fits = |p: &u16| matches!(p, 80 | 443 | 1024..) || sent.is_some_and(|o| o.port == *p);
    let port = u16::try_from(port).ok().filter(port_fits).ok_or_else(|| {
        breach(Code::OriginPort, format!("{}.port", at.of), format!("{}.port is {port}", at.of))
    })?;
    let idle = limits.keepalive_s_min..=limits.keepalive_s_max;
    let keepalive_s = at.seconds(bench, "keepaliveTimeout", idle, sent.map(|o| o.keepalive_s), 5)?;
    let wait = limits.read_timeout_s_min..=limits.read_timeout_s_max;
    let read_timeout_s = at.seconds(bench, "readTimeout", wait, sent.map(|o| o.read_timeout_s), 30)?;
    let path = at.path(bench, sent.map(|o| o.path.as_str()))?;
    let ssl_protocols = match json.given("sslProtocols") {
        Some(list) => read_ssl_protocols(at.of, list, sent.map_or(&[], |o| &o.ssl_protocols))?,
        None => at.left_out(
            bench,
            "sslProtocols",
            sent.map_or_else(|| vec!["TLSv1.2".to_owned()], |o| o.ssl_protocols.clone()),
        ),
    };
    Ok(CustomOrigin {
        domain,
        path,
        port,
        protocol,
        keepalive_s,
        read_timeout_s,
        ssl_protocols,
        headers: Vec::new(),
    })
}

fn read_ssl_protocols(of: &str, list: &Json, sent: &[String]) -> Result<Vec<String>, Violation> {
    let refuse = |what: &str| {
        breach(Code::OriginProtocol, format!("{of}.sslProtocols"), format!("{of}.sslProtocols holds {what}"))
    };
    let Json::List(items) = list else { return Err(refuse("no list")) };
    items
        .iter()
        .map(|item| match item.text() {
            Some(name) if SSL_PROTOCOLS.contains(&name) || sent.iter().any(|s| s == name) => {
                Ok(name.to_owned())
            }
            Some(name) => Err(refuse(&format!("`{}`", shown(name)))),
            None => Err(refuse(item.kind())),
        })
        .collect()
}

fn read_s3(bench: &mut Bench, input: &EventInput, json: &Json) -> Result<S3Origin, Violation> {
    let at = Fieldset { json, of: "request.origin.s3" };
    at.check_object()?;
    let sent = match input.origin {
        Some(Origin::S3(origin)) => Some(origin),
        _ => None,
    };
    let domain = at.text("domainName")?.ok_or_else(|| at.missing("domainName"))?.to_owned();
    check_domain(at.of, &domain, 128, sent.map(|o| o.domain.as_str()))?;
    let refuse = |detail: &str| breach(Code::OriginAuth, "request.origin.s3.authMethod", detail);
    if domain.bytes().any(|b| b.is_ascii_uppercase()) && sent.is_none_or(|o| o.domain != domain) {
        let detail = format!("`{}` is no bucket's name: it has capitals", shown(&domain));
        return Err(breach(Code::OriginDomain, "request.origin.s3.domainName", detail));
    }
    let auth_method = match at.text("authMethod")? {
        Some("none") => AuthMethod::None,
        Some("origin-access-identity") => AuthMethod::OriginAccessIdentity,
        Some(other) => return Err(refuse(&format!("request.origin.s3.authMethod is `{}`", shown(other)))),
        None => at.left_out(bench, "authMethod", sent.map_or(AuthMethod::None, |o| o.auth_method)),
    };
    let region = match at.text("region")? {
        Some(region) => region.to_owned(),
        None => sent.map(|o| o.region.clone()).unwrap_or_default(),
    };
    if auth_method == AuthMethod::OriginAccessIdentity {
        let switched = matches!(input.origin, Some(Origin::Custom(_)));
        if switched {
            return Err(refuse(
                "an origin access identity cannot be used where a custom origin becomes a bucket",
            ));
        }
        if region.is_empty() && sent.is_none_or(|o| !o.region.is_empty()) {
            return Err(refuse("an origin access identity needs a region"));
        }
    }
    let path = at.path(bench, sent.map(|o| o.path.as_str()))?;
    Ok(S3Origin { domain, path, auth_method, region, headers: Vec::new() })
}

/// A DNS name without colon, and no address (Developer Guide, "Request values: custom origin").
fn check_domain(of: &str, domain: &str, max: usize, sent: Option<&str>) -> Result<(), Violation> {
    if sent == Some(domain) {
        return Ok(());
    }
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let address = domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if domain.len() <= max && !address && domain.split('.').all(label) {
        return Ok(());
    }
    let detail =
        format!("{of}.domainName is `{}`, which is no DNS name of at most {max} characters", shown(domain));
    Err(breach(Code::OriginDomain, format!("{of}.domainName"), detail))
}

/// One kind's object.
struct Fieldset<'j, 'a> {
    json: &'j Json<'a>,
    of: &'static str,
}

impl<'j> Fieldset<'j, '_> {
    fn check_object(&self) -> Result<(), Violation> {
        match self.json.map() {
            Some(_) => Ok(()),
            None => {
                let detail = format!("{} is {}, not an object", self.of, self.json.kind());
                Err(breach(Code::FieldType, self.of, detail))
            }
        }
    }

    fn missing(&self, name: &str) -> Violation {
        breach(Code::OriginMissing, format!("{}.{name}", self.of), format!("{}.{name} is missing", self.of))
    }

    /// A field that the event always has was left out: what was sent, else the default, stands in.
    fn left_out<T>(&self, bench: &mut Bench, name: &str, instead: T) -> T {
        bench.remark(self.missing(name), Action::Restored);
        instead
    }

    fn wrong(&self, name: &str, due: &str, got: &Json) -> Violation {
        let detail = format!("{}.{name} is {}, not {due}", self.of, got.kind());
        breach(Code::FieldType, format!("{}.{name}", self.of), detail)
    }

    fn text(&self, name: &str) -> Result<Option<&'j str>, Violation> {
        match self.json.given(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, "a string", other)),
        }
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Violation> {
        match self.json.given(name) {
            None => Ok(None),
            Some(Json::Int(number)) => Ok(Some(*number)),
            Some(other) => Err(self.wrong(name, "a whole number", other)),
        }
    }

    /// Seconds in `range`, or as they were sent.
    fn seconds(
        &self,
        bench: &mut Bench,
        name: &str,
        range: RangeInclusive<u32>,
        sent: Option<u32>,
        default: u32,
    ) -> Result<u32, Violation> {
        let Some(value) = self.number(name)? else {
            return Ok(self.left_out(bench, name, sent.unwrap_or(default)));
        };
        let fits = |s: &u32| range.contains(s) || Some(*s) == sent;
        u32::try_from(value).ok().filter(fits).ok_or_else(|| {
            let (min, max) = (range.start(), range.end());
            let detail = format!("{}.{name} is {value}, the range is {min} to {max} seconds", self.of);
            breach(Code::OriginTimeout, format!("{}.{name}", self.of), detail)
        })
    }

    fn path(&self, bench: &mut Bench, sent: Option<&str>) -> Result<String, Violation> {
        let Some(path) = self.text("path")? else {
            return Ok(self.left_out(bench, "path", sent.unwrap_or_default().to_owned()));
        };
        let encoded = path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#');
        let shape = path.is_empty() || (path.starts_with('/') && !path.ends_with('/'));
        if sent == Some(path) || (encoded && shape && path.len() <= 255) {
            return Ok(path.to_owned());
        }
        let detail = format!("{}.path is `{}`", self.of, shown(path));
        Err(breach(Code::OriginPath, format!("{}.path", self.of), detail))
    }
}

/// `customHeaders`: what was sent passes as it is; what is new must be allowed.
fn read_headers(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    json: &Json,
) -> Result<Vec<(String, String)>, Violation> {
    let sent = input.origin.map_or(&[][..], Origin::headers);
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut changed = false;
    for entry in diff::read(bench, json, "request.origin.customHeaders")? {
        let name = entry.name.as_ref();
        let before: Vec<_> = sent.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).collect();
        let same = before.len() == entry.lines.len()
            && before.iter().zip(&entry.lines).all(|((_, value), given)| value == given.value);
        if same {
            headers.extend(before.into_iter().cloned());
            continue;
        }
        entry.check_text()?;
        let denied = is_custom_denied(name.as_bytes())
            || matches!(allowed(input.trigger, name.as_bytes()), Access::Disallowed | Access::ReadOnly);
        if denied {
            let detail = format!("the header {name} is not allowed in customHeaders");
            let undo = if before.is_empty() { Action::Dropped } else { Action::Restored };
            if !bench.rule(breach(Code::CustomHeader, name, detail), undo, is_framing(name.as_bytes()))? {
                headers.extend(before.into_iter().cloned());
                continue;
            }
        }
        changed = true;
        for given in &entry.lines {
            let spelling = String::from_utf8_lossy(&entry.spelling(given)).into_owned();
            headers.push((spelling, String::from_utf8_lossy(trimmed(given.value)).into_owned()));
        }
    }
    if !changed && headers.len() == sent.len() {
        return Ok(sent.to_vec()); // the event groups lines by name, so the order may differ and nothing else
    }
    check_sizes(bench, limits, &headers)?;
    Ok(headers)
}

fn check_sizes(bench: &mut Bench, limits: &Limits, headers: &[(String, String)]) -> Result<(), Violation> {
    let total: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let long = headers.iter().find(|(name, value)| {
        name.len() > limits.custom_header_name_max || value.len() > limits.custom_header_value_max
    });
    let detail = if headers.len() > limits.custom_headers_max {
        format!("customHeaders holds {} headers, the limit is {}", headers.len(), limits.custom_headers_max)
    } else if let Some((name, _)) = long {
        format!("the header {} in customHeaders is too long", shown(name))
    } else if total > limits.custom_headers_bytes_max {
        format!("customHeaders holds {total} bytes, the limit is {}", limits.custom_headers_bytes_max)
    } else {
        return Ok(());
    };
    bench.size(breach(Code::HeadersSize, "request.origin.customHeaders", detail))
}

/// Names (lower case) that stand both in customHeaders and in the request, and did not before the function.
fn shared_names(input: &EventInput, origin: &Origin, fields: Option<&Fields>) -> Vec<String> {
    let sent = input.origin.map_or(&[][..], Origin::headers);
    let fields = fields.unwrap_or(input.request.fields);
    let mut shared: Vec<String> = Vec::new();
    for (name, _) in origin.headers() {
        let before = input.request.fields.get(name.as_bytes()).is_some()
            && sent.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let lower = name.to_ascii_lowercase();
        if !before && fields.get(name.as_bytes()).is_some() && !shared.contains(&lower) {
            shared.push(lower);
        }
    }
    shared
}

/// The commonest mistake with origins: a bucket's signature and a server's virtual host go by Host.
fn remark_host(bench: &mut Bench, input: &EventInput, change: &RequestChange) {
    let (Some(sent), Some(origin)) = (input.origin, &change.origin) else { return };
    let host = change.fields.as_ref().unwrap_or(input.request.fields).known(Known::Host);
    let to = origin.domain();
    let kept = host == input.request.fields.known(Known::Host);
    let named = host.is_some_and(|host| host.eq_ignore_ascii_case(to.as_bytes()));
    if sent.domain() != to && kept && !named {
        let detail = format!("the origin is now {} and the host header is as it was", shown(to));
        bench.remark(breach(Code::OriginHost, "host", detail), Action::Kept);
    }
}
