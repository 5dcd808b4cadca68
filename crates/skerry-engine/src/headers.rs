//! A response headers policy: remove first, then CORS, then set (row 67). Pure.

use serde::Deserialize;
use skerry_http::fields::Fields;

/// As in spec/distribution.py `ResponseHeaders`.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs)]
pub struct HeadersPolicy {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub remove: Vec<String>,
    #[serde(default)]
    pub cors: Option<Cors>,
    #[serde(default)]
    pub set: Vec<SetHeader>,
    #[serde(default)]
    pub server_timing_percent: f64,
}

/// A header to set; `override`: also where the origin sent one.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)]
pub struct SetHeader {
    pub name: String,
    pub value: String,
    #[serde(rename = "override")]
    pub overrides: bool,
}

/// CORS settings.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Cors {
    pub allow_credentials: bool,
    pub allow_headers: Vec<String>,
    pub allow_methods: Vec<String>,
    pub allow_origins: Vec<String>,
    #[serde(default)]
    pub expose_headers: Vec<String>,
    #[serde(default)]
    pub max_age_s: Option<u64>,
    #[serde(rename = "override")]
    pub overrides: bool,
}

/// What of the request CORS looks at.
#[derive(Clone, Copy, Debug, Default)]
pub struct CorsRequest<'a> {
    /// `Origin`
    pub origin: Option<&'a [u8]>,
    /// An OPTIONS request with `Access-Control-Request-Method`
    pub preflight: bool,
}

impl HeadersPolicy {
    /// Does the result depend on the request (so that a rendered head cannot be kept)?
    pub fn depends_on_request(&self) -> bool {
        self.cors.is_some() || self.server_timing_percent > 0.0
    }

    /// Change `fields` as the policy says.
    pub fn apply(&self, fields: &mut Fields, request: CorsRequest<'_>) {
        for name in &self.remove {
            fields.remove(name.as_bytes());
        }
        if let Some(cors) = &self.cors
            && let Some(origin) = request.origin
        {
            cors.apply(fields, origin, request.preflight);
        }
        for header in &self.set {
            put(fields, &header.name, header.value.as_bytes(), header.overrides);
        }
    }
}

fn put(fields: &mut Fields, name: &str, value: &[u8], overrides: bool) {
    if overrides || fields.get(name.as_bytes()).is_none() {
        fields.set(name.as_bytes(), value);
    }
}

const CORS_NAMES: [&str; 6] = [
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
];

impl Cors {
    /// Without override, an origin that sent any CORS header keeps all of its own.
    fn apply(&self, fields: &mut Fields, origin: &[u8], preflight: bool) {
        let present = CORS_NAMES.iter().any(|name| fields.get(name.as_bytes()).is_some());
        if present && !self.overrides {
            return;
        }
        CORS_NAMES.iter().for_each(|name| {
            fields.remove(name.as_bytes());
        });
        let any = self.allow_origins.iter().any(|o| o == "*");
        let matched = any || self.allow_origins.iter().any(|o| origin_matches(o, origin));
        if !matched {
            return;
        }
        // credentials and `*` exclude each other (Fetch standard, 3.2.5), so the origin itself is named
        let allowed: &[u8] = if any && !self.allow_credentials { b"*" } else { origin };
        fields.push(b"Access-Control-Allow-Origin", allowed);
        if allowed != b"*" {
            let vary = fields.joined(b"vary").unwrap_or_default();
            if !vary.split(|&b| b == b',').any(|v| v.trim_ascii().eq_ignore_ascii_case(b"origin")) {
                fields.push(b"Vary", b"Origin");
            }
        }
        if self.allow_credentials {
            fields.push(b"Access-Control-Allow-Credentials", b"true");
        }
        if !self.expose_headers.is_empty() {
            fields.push(b"Access-Control-Expose-Headers", self.expose_headers.join(",").as_bytes());
        }
        if preflight {
            fields.push(b"Access-Control-Allow-Methods", methods(&self.allow_methods).as_bytes());
            if !self.allow_headers.is_empty() {
                fields.push(b"Access-Control-Allow-Headers", self.allow_headers.join(",").as_bytes());
            }
            if let Some(age) = self.max_age_s {
                fields.push(b"Access-Control-Max-Age", age.to_string().as_bytes());
            }
        }
    }
}

fn methods(names: &[String]) -> String {
    if names.iter().any(|n| n == "ALL") {
        return "GET, DELETE, HEAD, OPTIONS, PATCH, POST, PUT".to_owned();
    }
    names.join(", ")
}

/// `*` in a policy's origin stands for one leftmost part: `https://*.example.com`.
fn origin_matches(pattern: &str, origin: &[u8]) -> bool {
    let Ok(origin) = std::str::from_utf8(origin) else { return false };
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(origin),
        Some((before, after)) => {
            origin.len() > before.len() + after.len()
                && origin[..before.len()].eq_ignore_ascii_case(before)
                && origin[origin.len() - after.len()..].eq_ignore_ascii_case(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(fields: &Fields) -> String {
        let mut out = Vec::new();
        fields.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn cors(origins: &[&str], credentials: bool, overrides: bool) -> HeadersPolicy {
        HeadersPolicy {
            cors: Some(Cors {
                allow_credentials: credentials,
                allow_headers: vec!["*".into()],
                allow_methods: vec!["GET".into()],
                allow_origins: origins.iter().map(|s| s.to_string()).collect(),
                expose_headers: vec![],
                max_age_s: Some(60),
                overrides,
            }),
            ..HeadersPolicy::default()
        }
    }

    #[test]
    fn removal_comes_before_setting() {
        let policy: HeadersPolicy = serde_json::from_str(
            r#"{"remove":["server"],"set":[{"name":"Server","value":"s","override":false},{"name":"X","value":"1","override":false}]}"#,
        )
        .unwrap();
        let mut fields: Fields = [(&b"Server"[..], &b"o"[..]), (b"X", b"0")].into_iter().collect();
        policy.apply(&mut fields, CorsRequest::default());
        assert_eq!(text(&fields), "X: 0\r\nServer: s\r\n");
    }

    #[test]
    fn cors_rows() {
        let ask = |policy: &HeadersPolicy, origin: &str, preflight| {
            let mut fields = Fields::new();
            policy.apply(&mut fields, CorsRequest { origin: Some(origin.as_bytes()), preflight });
            text(&fields)
        };
        assert_eq!(
            ask(&cors(&["*"], false, true), "https://a.example", false),
            "Access-Control-Allow-Origin: *\r\n"
        );
        assert!(
            ask(&cors(&["*"], true, true), "https://a", false)
                .starts_with("Access-Control-Allow-Origin: https://a\r\nVary: Origin\r\n")
        );
        assert_eq!(ask(&cors(&["https://*.b.example"], false, true), "https://b.example", false), "");
        assert!(
            ask(&cors(&["https://*.b.example"], false, true), "https://x.b.example", true)
                .contains("Access-Control-Max-Age: 60")
        );
    }

    #[test]
    fn an_origin_that_speaks_cors_keeps_its_own_unless_overridden() {
        let mut fields: Fields = [(&b"Access-Control-Allow-Origin"[..], &b"z"[..])].into_iter().collect();
        cors(&["*"], false, false)
            .apply(&mut fields, CorsRequest { origin: Some(b"https://a"), preflight: false });
        assert_eq!(text(&fields), "Access-Control-Allow-Origin: z\r\n");
    }
}
