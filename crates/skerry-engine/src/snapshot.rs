//! The snapshot as Python writes it (src/skerry/pop/snapshot.py), and made ready for requests.
//!
//! A snapshot is immutable. Each request holds the one it began with; a new one is seen by the next request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use skerry_contract::{Level, Trigger};
use skerry_http::forward::ForwardPolicy;
use skerry_http::head::Method;
use skerry_http::key::{KeyPolicy, Keyer};
use skerry_http::pattern::PathPattern;
use skerry_http::profile::{Profile, TtlBounds};

use crate::headers::HeadersPolicy;
use crate::origin::target::{RawTarget, Target};

#[derive(Deserialize)]
struct RawSnapshot {
    format: u32,
    version: u64,
    profile: String,
    level: Level,
    pop: RawPop,
    #[serde(default)]
    distributions: Vec<RawDistribution>,
    #[serde(default)]
    functions: Vec<FunctionRef>,
    #[serde(default)]
    targets: HashMap<String, RawTarget>,
    #[serde(default)]
    http_port: u16,
    #[serde(default)]
    https_port: u16,
}

#[derive(Deserialize)]
struct RawPop {
    name: String,
    at: String,
    #[serde(default)]
    origin_rtt_ms: f64,
}

#[derive(Deserialize)]
struct RawDistribution {
    name: String,
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    enabled: bool,
    default_root_object: String,
    origins: Vec<Origin>,
    #[serde(default)]
    groups: Vec<Group>,
    behaviors: Vec<RawBehavior>,
    #[serde(default)]
    error_responses: Vec<ErrorResponse>,
    #[serde(default)]
    viewer_tls: RawViewerTls,
    #[serde(default = "yes")]
    http2: bool,
}

fn yes() -> bool {
    true
}

#[derive(Default, Deserialize)]
struct RawViewerTls {
    #[serde(default)]
    minimum_protocol: String,
}

#[derive(Deserialize)]
struct RawBehavior {
    pattern: String,
    origin: String,
    allowed_methods: Vec<String>,
    cached_methods: Vec<String>,
    viewer_protocol: ViewerProtocol,
    key: KeyPolicy,
    forward: ForwardPolicy,
    ttl: RawTtl,
    compress: bool,
    functions: Vec<RawAssociation>,
    response_headers: Option<HeadersPolicy>,
}

#[derive(Deserialize)]
struct RawTtl {
    min_s: u64,
    default_s: u64,
    max_s: u64,
}

#[derive(Deserialize)]
struct RawAssociation {
    event: String,
    function: String,
    include_body: bool,
}

/// A function as it is called.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)] // see FunctionRef in pop/snapshot.py
pub struct FunctionRef {
    pub name: String,
    pub version: String,
    pub timeout_ms: u64,
    pub memory_mb: u32,
}

/// What to do with a viewer's protocol.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // CloudFront's own words
pub enum ViewerProtocol {
    AllowAll,
    HttpsOnly,
    RedirectToHttps,
}

/// Which protocol an origin is spoken to in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // CloudFront's own words
pub enum OriginProtocol {
    HttpOnly,
    HttpsOnly,
    MatchViewer,
}

/// S3 rules or not.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // documented in spec/distribution.py, whose JSON this is
pub enum OriginKind {
    S3,
    Custom,
}

/// An origin (spec/distribution.py).
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)] // documented in spec/distribution.py, whose JSON this is
pub struct Origin {
    pub id: String,
    pub domain: String,
    pub kind: OriginKind,
    pub path: String,
    pub protocol: OriginProtocol,
    pub http_port: u16,
    pub https_port: u16,
    pub ssl_protocols: Vec<String>,
    pub connect_timeout_s: f64,
    pub connect_attempts: u32,
    pub read_timeout_s: f64,
    pub keepalive_s: f64,
    pub completion_timeout_s: Option<f64>,
    pub headers: Vec<OriginHeader>,
    pub access: String,
    pub region: Option<String>,
}

/// A header sent with each request to an origin. Its value is never shown.
#[derive(Clone, Deserialize)]
#[allow(missing_docs)] // documented in spec/distribution.py, whose JSON this is
pub struct OriginHeader {
    pub name: String,
    pub value: String,
}

impl std::fmt::Debug for OriginHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: …", self.name)
    }
}

/// Two origins, and the statuses of the first that call for the second.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)] // documented in spec/distribution.py, whose JSON this is
pub struct Group {
    pub id: String,
    pub members: Vec<String>,
    pub statuses: Vec<u16>,
}

/// What replaces an error.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)] // documented in spec/distribution.py, whose JSON this is
pub struct ErrorResponse {
    pub status: u16,
    pub page: Option<String>,
    pub code: Option<u16>,
    pub min_ttl_s: u32,
}

/// A set of methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MethodSet(u16);

impl MethodSet {
    fn of(names: &[String]) -> Self {
        MethodSet(names.iter().fold(0, |set, name| set | 1 << Method::parse(name.as_bytes()) as u16))
    }

    /// All seven?
    pub fn is_all(self) -> bool {
        [Method::Get, Method::Head, Method::Options, Method::Post, Method::Put, Method::Patch, Method::Delete]
            .into_iter()
            .all(|method| self.has(method))
    }

    /// Is it among them?
    pub fn has(self, method: Method) -> bool {
        method != Method::Other && self.0 & (1 << method as u16) != 0
    }
}

/// A function at an event.
#[derive(Clone, Debug)]
pub struct Association {
    /// Which.
    pub function: Arc<FunctionRef>,
    /// The event carries the request's body.
    pub include_body: bool,
}

/// Where a behavior's misses go: indices into [`Site::origins`], the second only for a group.
#[derive(Clone, Debug)]
pub struct Route {
    /// Asked first.
    pub primary: usize,
    /// Asked where the first fails.
    pub secondary: Option<usize>,
    /// Statuses of the first that count as failing.
    pub statuses: Vec<u16>,
    /// Id of origin or group: a part of the key.
    pub id: String,
}

/// A behavior, ready.
pub struct Behavior {
    /// Place in the order of precedence.
    pub index: usize,
    /// As written.
    pub pattern_text: String,
    /// Matches paths.
    pub pattern: PathPattern,
    /// Misses.
    pub route: Route,
    /// Allowed at all.
    pub allowed: MethodSet,
    /// Answered from the cache.
    pub cached: MethodSet,
    /// What of http and https.
    pub viewer_protocol: ViewerProtocol,
    /// Writes keys, and holds the policy they are written by.
    pub key: Keyer,
    /// What origins see.
    pub forward: ForwardPolicy,
    /// Freshness.
    pub ttl: TtlBounds,
    /// gzip and br at store.
    pub compress: bool,
    /// By trigger.
    pub functions: [Option<Association>; 4],
    /// A response headers policy.
    pub response_headers: Option<Arc<HeadersPolicy>>,
    /// Digest of that policy: a head rendered under another one is not used.
    pub headers_digest: u64,
}

impl Behavior {
    /// The function at that event.
    pub fn function(&self, trigger: Trigger) -> Option<&Association> {
        self.functions[trigger as usize].as_ref()
    }
}

/// What viewers may speak (rows 10, 11). Policies below TLS 1.2 are a finding in Python: rustls has no such protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewerTls {
    /// A policy `TLSv1.3_…`.
    pub tls13_only: bool,
    /// HTTP/2 is offered.
    pub http2: bool,
}

/// A distribution, ready.
#[allow(missing_docs)] // as in spec/distribution.py
pub struct Site {
    pub name: String,
    pub id: String,
    pub domain: String,
    pub via: String,
    pub via_value: String,
    pub aliases: Vec<String>,
    pub enabled: bool,
    pub default_root_object: String,
    pub behaviors: Vec<Behavior>,
    pub origins: Vec<Arc<Origin>>,
    pub errors: Vec<ErrorResponse>,
    pub viewer_tls: ViewerTls,
}

impl Site {
    /// What was asked for this status.
    pub fn error_response(&self, status: u16) -> Option<&ErrorResponse> {
        self.errors.iter().find(|e| e.status == status)
    }
}

/// A snapshot, ready.
#[allow(missing_docs)] // as in pop/snapshot.py
pub struct Live {
    pub version: u64,
    pub profile: &'static Profile,
    pub level: Level,
    pub pop: String,
    pub pop_code: String,
    pub origin_rtt: Duration,
    pub sites: Vec<Site>,
    pub targets: HashMap<String, Target>,
    pub http_port: u16,
    pub https_port: u16,
    functions: HashSet<String>,
    exact: HashMap<Vec<u8>, usize>,
    wildcards: Vec<(Vec<u8>, usize)>,
}

impl Live {
    /// Nothing configured yet.
    pub fn empty() -> Result<Live, String> {
        Live::parse(br#"{"format":1,"version":0,"profile":"cloudfront","level":"warn","pop":{"name":"pop","at":"xxx"}}"#)
    }

    /// Read and check a snapshot.
    pub fn parse(json: &[u8]) -> Result<Live, String> {
        let raw: RawSnapshot = serde_json::from_slice(json).map_err(|e| format!("snapshot: {e}"))?;
        if raw.format != 1 {
            return Err(format!("snapshot: format {} is not 1", raw.format));
        }
        let functions: HashMap<String, Arc<FunctionRef>> =
            raw.functions.into_iter().map(|f| (f.name.clone(), Arc::new(f))).collect();
        let mut live = Live {
            version: raw.version,
            profile: Profile::named(&raw.profile)?,
            level: raw.level,
            pop: raw.pop.name,
            pop_code: format!("{}50-C1", raw.pop.at.to_uppercase()),
            origin_rtt: Duration::from_secs_f64((raw.pop.origin_rtt_ms / 1000.0).clamp(0.0, 10.0)),
            sites: Vec::new(),
            targets: HashMap::new(),
            http_port: raw.http_port,
            https_port: raw.https_port,
            functions: functions.values().map(|f| f.version.clone()).collect(),
            exact: HashMap::new(),
            wildcards: Vec::new(),
        };
        for (name, target) in raw.targets {
            live.targets.insert(name, Target::try_from(target)?);
        }
        for distribution in raw.distributions {
            let site = site(distribution, &functions)?;
            live.name_site(&site);
            live.sites.push(site);
        }
        Ok(live)
    }

    fn name_site(&mut self, site: &Site) {
        let index = self.sites.len();
        for alias in site.aliases.iter().chain(std::iter::once(&site.domain)) {
            let alias = alias.to_ascii_lowercase();
            match alias.strip_prefix('*') {
                Some(suffix) => self.wildcards.push((suffix.as_bytes().to_vec(), index)),
                None => {
                    self.exact.insert(alias.into_bytes(), index);
                }
            }
        }
        // the longest suffix wins
        self.wildcards.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
    }

    /// Is this version of a function still called by anybody?
    pub fn uses_function(&self, version: &str) -> bool {
        self.functions.contains(version)
    }

    /// What a viewer may speak that asks for this server name. One that names no distribution of ours is let in by
    /// either protocol; `route` tells it what is wrong.
    pub fn viewer_tls(&self, name: Option<&str>) -> ViewerTls {
        let site = self.site_of(name.unwrap_or("").as_bytes());
        site.map_or(ViewerTls { tls13_only: false, http2: true }, |site| self.sites[site].viewer_tls)
    }

    /// The site for a lower-case host without port: exact, then wildcard, then the only one where the host is
    /// nobody's alias (an address, `localhost`, `POP.skerry.localhost`).
    pub fn site_of(&self, host: &[u8]) -> Option<usize> {
        if let Some(&index) = self.exact.get(host) {
            return Some(index);
        }
        for (suffix, index) in &self.wildcards {
            // a wildcard stands for exactly one label
            if host.len() > suffix.len()
                && host.ends_with(suffix)
                && !host[..host.len() - suffix.len()].contains(&b'.')
            {
                return Some(*index);
            }
        }
        (self.sites.len() == 1 && is_local(host)).then_some(0)
    }
}

/// Hosts people type on their own machine: VOCABULARY "Names people type".
pub fn is_local(host: &[u8]) -> bool {
    let text = std::str::from_utf8(host).unwrap_or("x");
    host.is_empty()
        || host == b"localhost"
        || host.ends_with(b".localhost")
        || text.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}

fn site(raw: RawDistribution, functions: &HashMap<String, Arc<FunctionRef>>) -> Result<Site, String> {
    let wrong = |why: String| format!("snapshot: distribution '{}': {why}", raw.name);
    let origins: Vec<Arc<Origin>> = raw.origins.into_iter().map(Arc::new).collect();
    let mut behaviors = Vec::new();
    for (index, b) in raw.behaviors.into_iter().enumerate() {
        let route = route(&b.origin, &origins, &raw.groups).map_err(wrong)?;
        behaviors.push(behavior(index, b, route, &raw.id, functions).map_err(wrong)?);
    }
    if behaviors.last().is_none_or(|b| b.pattern_text != "*") {
        return Err(wrong("no default behavior".to_owned()));
    }
    let domain = format!("{}.cloudfront.net", raw.id.to_ascii_lowercase());
    Ok(Site {
        via: format!("{domain} (CloudFront)"),
        via_value: format!("1.1 {domain} (CloudFront)"),
        domain,
        name: raw.name,
        id: raw.id,
        aliases: raw.aliases,
        enabled: raw.enabled,
        default_root_object: raw.default_root_object,
        behaviors,
        origins,
        errors: raw.error_responses,
        viewer_tls: ViewerTls {
            tls13_only: raw.viewer_tls.minimum_protocol.starts_with("TLSv1.3"),
            http2: raw.http2,
        },
    })
}

fn route(id: &str, origins: &[Arc<Origin>], groups: &[Group]) -> Result<Route, String> {
    let find = |id: &str| origins.iter().position(|o| o.id == id).ok_or_else(|| format!("no origin '{id}'"));
    let Some(group) = groups.iter().find(|g| g.id == id) else {
        return Ok(Route { primary: find(id)?, secondary: None, statuses: vec![], id: id.to_owned() });
    };
    let [first, second] = &group.members[..] else { return Err(format!("not two members in group '{id}'")) };
    Ok(Route {
        primary: find(first)?,
        secondary: Some(find(second)?),
        statuses: group.statuses.clone(),
        id: id.to_owned(),
    })
}

fn behavior(
    index: usize,
    b: RawBehavior,
    route: Route,
    space: &str,
    functions: &HashMap<String, Arc<FunctionRef>>,
) -> Result<Behavior, String> {
    let mut at_events: [Option<Association>; 4] = Default::default();
    for a in &b.functions {
        let trigger = Trigger::parse(&a.event).ok_or_else(|| format!("no event '{}'", a.event))?;
        let function = functions.get(&a.function).ok_or_else(|| format!("no function '{}'", a.function))?;
        at_events[trigger as usize] =
            Some(Association { function: function.clone(), include_body: a.include_body });
    }
    let digest = |h: &HeadersPolicy| xxhash_rust::xxh3::xxh3_64(format!("{h:?}").as_bytes());
    Ok(Behavior {
        index,
        pattern: PathPattern::new(&b.pattern)?,
        pattern_text: b.pattern,
        key: Keyer::new(space.as_bytes(), route.id.as_bytes(), b.key),
        route,
        allowed: MethodSet::of(&b.allowed_methods),
        cached: MethodSet::of(&b.cached_methods),
        viewer_protocol: b.viewer_protocol,
        forward: b.forward,
        ttl: TtlBounds {
            min_s: seconds(b.ttl.min_s),
            default_s: seconds(b.ttl.default_s),
            max_s: seconds(b.ttl.max_s),
        },
        compress: b.compress,
        functions: at_events,
        headers_digest: b.response_headers.as_ref().map_or(0, digest),
        response_headers: b.response_headers.map(Arc::new),
    })
}

fn seconds(s: u64) -> u32 {
    s.min(u64::from(skerry_http::profile::TTL_S_MAX)) as u32
}
