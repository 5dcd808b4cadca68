//! The key of an object: which bytes of a request name it (cdn rows 5, 24–28, 58).
//!
//! A key is the space, the origin and the fingerprint of the policy, written once, and then the parts of the request
//! that the policy names, raw and each with its length: two different lists of parts never write the same bytes.

use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::encoding::Accepted;
use crate::fields::Fields;
use crate::head::{Method, RequestHead, split_target};
use crate::list::trim;
use crate::pattern::glob;

/// Which names of a kind a policy takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// None of them.
    #[default]
    None,
    /// Those listed.
    List,
    /// All but those listed.
    AllExcept,
    /// All.
    All,
}

/// A choice among query parameters or cookies. Names compare by case (cdn rows 26, 27).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The kind of choice.
    pub mode: Mode,
    /// Its names.
    #[serde(default)]
    pub names: Vec<String>,
}

impl Selection {
    /// Take all.
    pub fn all() -> Selection {
        Selection { mode: Mode::All, names: Vec::new() }
    }

    /// Is this name taken? With `wildcards` the names may hold `*` and `?` (legacy cookie lists).
    pub fn takes(&self, name: &[u8], wildcards: bool) -> bool {
        let listed = || {
            self.names
                .iter()
                .any(|known| known.as_bytes() == name || (wildcards && glob(known.as_bytes(), name)))
        };
        match self.mode {
            Mode::None => false,
            Mode::All => true,
            Mode::List => listed(),
            Mode::AllExcept => !listed(),
        }
    }
}

/// What of a request belongs to the key. All of it is also forwarded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyPolicy {
    /// Query parameters.
    pub query: Selection,
    /// Cookies.
    pub cookies: Selection,
    /// Header names, any case. `host` stands for the authority.
    pub headers: Vec<String>,
    /// gzip is stored and served.
    pub gzip: bool,
    /// Brotli is stored and served.
    pub br: bool,
    /// The authority is part of the key even where no header list names it.
    pub host: bool,
    /// Cookie names may hold `*` and `?` (legacy settings).
    pub legacy: bool,
    /// The behavior checks signatures: their query parameters are left out.
    pub signed: bool,
}

impl KeyPolicy {
    /// A number that differs where two policies would read a request differently.
    pub fn fingerprint(&self) -> u64 {
        let mut text = Vec::new();
        for selection in [&self.query, &self.cookies] {
            text.push(selection.mode as u8);
            write_names(&mut text, &selection.names, false);
        }
        write_names(&mut text, &self.headers, true);
        text.extend([self.gzip, self.br, self.host, self.legacy, self.signed].map(u8::from));
        xxh3_64(&text)
    }

    /// `Accept-Encoding` is normalised: a flag is on and no list names the field (cdn row 28).
    pub fn normalises_encoding(&self) -> bool {
        (self.gzip || self.br) && !self.names_header(b"accept-encoding")
    }

    /// Is this header named by the list?
    pub fn names_header(&self, name: &[u8]) -> bool {
        self.headers.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    }
}

fn write_names(out: &mut Vec<u8>, names: &[String], any_case: bool) {
    let mut sorted: Vec<String> =
        names.iter().map(|n| if any_case { n.to_ascii_lowercase() } else { n.clone() }).collect();
    sorted.sort_unstable();
    out.extend_from_slice(&(sorted.len() as u32).to_le_bytes());
    for name in &sorted {
        write_bytes(out, name.as_bytes());
    }
}

/// Query parameters that carry a signature; they never reach key or origin (cdn row 58).
pub const SIGNING: [&[u8]; 4] = [b"Expires", b"Policy", b"Signature", b"Key-Pair-Id"];

/// Writes the keys of one behavior: its prefix is prepared once.
#[derive(Clone, Debug)]
pub struct Keyer {
    policy: KeyPolicy,
    headers: Vec<Vec<u8>>,
    prefix: Vec<u8>,
}

// One tag a kind of part; a key is the prefix and then any number of (tag, length, bytes).
const PATH: u8 = b'p';
const METHOD: u8 = b'm';
const HOST: u8 = b'a';
const QUERY: u8 = b'q';
const COOKIE: u8 = b'c';
const HEADER: u8 = b'h';
const VALUE: u8 = b'v';
const ENCODING: u8 = b'e';

impl Keyer {
    /// Prepare the keys of a behavior. `space` names the distribution, or an app and its cache; `origin` the origin
    /// or origin group.
    pub fn new(space: &[u8], origin: &[u8], policy: KeyPolicy) -> Keyer {
        let mut prefix = Vec::new();
        write_bytes(&mut prefix, space);
        write_bytes(&mut prefix, origin);
        prefix.extend_from_slice(&policy.fingerprint().to_le_bytes());
        let mut headers: Vec<Vec<u8>> =
            policy.headers.iter().map(|n| n.to_ascii_lowercase().into_bytes()).collect();
        headers.sort_unstable();
        headers.dedup();
        Keyer { policy, headers, prefix }
    }

    /// The policy it writes by.
    pub fn policy(&self) -> &KeyPolicy {
        &self.policy
    }

    /// Write the key of this request into `out`, which is cleared and reused. HEAD has the key of GET; OPTIONS one of
    /// its own, and so has every other method a caller may ask about.
    pub fn write(&self, request: &RequestHead, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.prefix);
        let (path, query) = split_target(&request.target);
        write_part(out, PATH, path);
        if !matches!(request.method, Method::Get | Method::Head) {
            write_part(out, METHOD, &request.method_text);
        }
        if self.policy.host {
            write_host(out, &request.authority);
        }
        if let Some(query) = query {
            self.write_query(query, out);
        }
        if self.policy.cookies.mode != Mode::None {
            self.write_cookies(&request.fields, out);
        }
        for name in &self.headers {
            self.write_header(name, request, out);
        }
        if self.policy.normalises_encoding()
            && let Some(taken) = Accepted::asked(request, self.policy.br, self.policy.gzip)
        {
            write_part(out, ENCODING, &[u8::from(taken.br) | u8::from(taken.gzip) << 1]);
        }
    }

    fn write_query(&self, query: &[u8], out: &mut Vec<u8>) {
        match (self.policy.query.mode, self.policy.signed) {
            (Mode::None, _) => {}
            (Mode::All, false) => write_part(out, QUERY, query),
            _ => {
                for pair in query_pairs(query) {
                    if takes_pair(&self.policy, pair) {
                        write_part(out, QUERY, pair);
                    }
                }
            }
        }
    }

    fn write_cookies(&self, fields: &Fields, out: &mut Vec<u8>) {
        let mut crumbs: Vec<&[u8]> = cookies(fields)
            .filter(|crumb| self.policy.cookies.takes(name_of(crumb), self.policy.legacy))
            .collect();
        crumbs.sort_by_key(|&crumb| name_of(crumb)); // stable: cookies of one name keep their order
        for crumb in crumbs {
            write_part(out, COOKIE, crumb);
        }
    }

    fn write_header(&self, name: &[u8], request: &RequestHead, out: &mut Vec<u8>) {
        if name == b"host" {
            return write_host(out, &request.authority);
        }
        // a header that is not there writes nothing, one that is empty writes an empty value
        let mut named = false;
        for value in request.fields.get_all(name) {
            if !named {
                write_part(out, HEADER, name);
                named = true;
            }
            write_part(out, VALUE, value);
        }
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn write_part(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    write_bytes(out, bytes);
}

/// Hosts compare without case (RFC 9110 4.2.3).
fn write_host(out: &mut Vec<u8>, authority: &[u8]) {
    write_part(out, HOST, authority);
    let from = out.len() - authority.len();
    out[from..].make_ascii_lowercase();
}

/// The pairs of a query; `&` is the only delimiter (cdn row 26).
pub fn query_pairs(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|b| *b == b'&')
}

/// The cookies of all `Cookie` lines, each as `name=value`.
pub fn cookies(fields: &Fields) -> impl Iterator<Item = &[u8]> {
    fields
        .get_all(b"cookie")
        .flat_map(|line| line.split(|b| *b == b';'))
        .map(trim)
        .filter(|crumb| !crumb.is_empty())
}

/// The name of a query pair or cookie: up to `=`.
pub fn name_of(pair: &[u8]) -> &[u8] {
    match memchr::memchr(b'=', pair) {
        Some(at) => &pair[..at],
        None => pair,
    }
}

/// Does the key take this pair of the query?
pub(crate) fn takes_pair(policy: &KeyPolicy, pair: &[u8]) -> bool {
    let name = name_of(pair);
    !(policy.signed && SIGNING.contains(&name)) && policy.query.takes(name, false)
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
