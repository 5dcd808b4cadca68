//! The keys of a run: how their answers are made, and what their bytes must be.

use std::io::Read;

use super::random::mix;

/// How the answers of a key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Kept for 4 s, with an entity tag.
    Plain,
    /// Kept for 3 s, then stale while it is renewed for 5.
    WhileRevalidate,
    /// One answer a language.
    Varies,
    /// Never kept.
    Private,
    /// Of unknown length, and larger than an object may be every other version.
    Chunked,
    /// Kept for 5 s, without a validator.
    Bare,
    /// Of unknown length, and always larger than an object may be.
    Large,
    /// Text that is encoded while it is stored.
    Text,
    /// One answer a parameter `n`; a parameter `x` goes to the origin and means nothing.
    ByQuery,
    /// A query goes to the origin and means nothing.
    AnyQuery,
    /// All four functions run: one sets the language by what the viewer wants.
    Function,
}

pub const COUNT: usize = 11;
pub const KINDS: [Kind; COUNT] = [
    Kind::Plain,
    Kind::WhileRevalidate,
    Kind::Varies,
    Kind::Private,
    Kind::Chunked,
    Kind::Bare,
    Kind::Large,
    Kind::Text,
    Kind::ByQuery,
    Kind::AnyQuery,
    Kind::Function,
];
pub const PATHS: [&str; COUNT] =
    ["/a/0", "/a/1", "/a/2", "/b/3", "/b/4", "/b/5", "/b/6", "/c/7", "/q/8", "/q/9", "/f/10"];
pub const LANGUAGES: u64 = 3;
/// Values of the parameter that means nothing.
pub const ODDITIES: u64 = 3;
pub const OBJECT_BYTES_MAX: u64 = 96 * 1024;

/// Bytes of a body: each says of which key, language and version it is, and where it stands.
pub fn bytes_of(key: usize, language: u64, version: u64, from: u64, to: u64) -> Vec<u8> {
    let name = mix(key as u64 | language << 8 | version << 16);
    let cells = (from / 8..to.div_ceil(8)).flat_map(|cell| mix(name ^ cell).to_le_bytes());
    cells.skip((from % 8) as usize).take((to - from) as usize).collect()
}

/// Length of a body.
pub fn length_of(key: usize, language: u64, version: u64) -> u64 {
    let random = mix(key as u64 * 31 + language * 7 + version * 1_009);
    match KINDS[key] {
        Kind::Large => OBJECT_BYTES_MAX + 60_000 + random % 120_000,
        Kind::Chunked if version % 2 == 1 => OBJECT_BYTES_MAX + random % 60_000,
        _ if random.is_multiple_of(5) => random % 50,
        _ => random % 40_000,
    }
}

/// Languages mean something to some keys alone.
pub fn language_of(key: usize, language: u64) -> u64 {
    match KINDS[key] {
        Kind::Varies | Kind::ByQuery | Kind::Function => language,
        _ => 0,
    }
}

pub fn tag_of(key: usize, version: u64) -> String {
    format!("\"{key}-{version}\"")
}

/// What stands behind `?`, where the key has one.
pub fn query_of(key: usize, language: u64, oddity: u64) -> String {
    match KINDS[key] {
        Kind::ByQuery if oddity % 2 == 1 => format!("?x={oddity}&n={language}"),
        Kind::ByQuery => format!("?n={language}&x={oddity}"),
        Kind::AnyQuery => format!("?x={oddity}"),
        _ => String::new(),
    }
}

/// A parameter of a target.
pub fn parameter(target: &str, name: &str) -> Option<u64> {
    let (_, query) = target.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// The key of a target.
pub fn key_of(target: &str) -> Option<usize> {
    let path = target.split('?').next()?;
    PATHS.iter().position(|known| *known == path)
}

/// What an encoded body says, as far as it goes.
pub fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder: Box<dyn Read> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(body)),
        "br" => Box::new(brotli::Decompressor::new(body, 4_096)),
        odd => panic!("nobody asked for {odd}"),
    };
    // one that was cut is good up to there
    let mut piece = [0; 4_096];
    while let Ok(n) = decoder.read(&mut piece) {
        if n == 0 {
            break;
        }
        out.extend_from_slice(&piece[..n]);
    }
    out
}
