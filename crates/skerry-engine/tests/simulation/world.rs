//! What is true in a run: what the origin has published, what was purged, and what happened.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::random::{Random, mix};
use crate::support::origin::{Asked, Reply};

/// How the answers of a key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Kept for 20 s, with an entity tag.
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
}

pub const KINDS: [Kind; 6] =
    [Kind::Plain, Kind::WhileRevalidate, Kind::Varies, Kind::Private, Kind::Chunked, Kind::Bare];
pub const PATHS: [&str; 6] = ["/a/0", "/a/1", "/a/2", "/b/3", "/b/4", "/b/5"];
pub const LANGUAGES: u64 = 3;
pub const OBJECT_BYTES_MAX: u64 = 96 * 1024;

/// What the origin has published of a key, and what may still be seen of it.
#[derive(Clone, Copy, Default)]
pub struct Page {
    pub version: u64,
    /// Nothing older may be seen by a request that begins now.
    pub hard_floor: u64,
    /// Nothing older may be seen fresh.
    pub soft_floor: u64,
}

pub struct World {
    pub random: RefCell<Random>,
    pub pages: RefCell<[Page; 6]>,
    pub history: Rc<RefCell<Vec<String>>>,
    start: Instant,
}

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
        Kind::Chunked if version % 2 == 1 => OBJECT_BYTES_MAX + random % 60_000,
        _ if random.is_multiple_of(5) => random % 50,
        _ => random % 40_000,
    }
}

/// Languages mean something to one key alone.
pub fn language_of(key: usize, language: u64) -> u64 {
    if KINDS[key] == Kind::Varies { language } else { 0 }
}

impl World {
    pub fn new(seed: u64, history: Rc<RefCell<Vec<String>>>) -> Rc<World> {
        Rc::new(World {
            random: RefCell::new(Random::new(seed)),
            pages: RefCell::default(),
            history,
            start: Instant::now(),
        })
    }

    pub fn below(&self, n: u64) -> u64 {
        self.random.borrow_mut().below(n)
    }

    pub fn is(&self, percent: u64) -> bool {
        self.random.borrow_mut().is(percent)
    }

    pub fn tell(&self, line: String) {
        let ms = self.start.elapsed().as_millis();
        self.history.borrow_mut().push(format!("{ms:>7} {line}"));
    }

    pub fn page(&self, key: usize) -> Page {
        self.pages.borrow()[key]
    }

    pub fn publish(&self, key: usize) {
        self.pages.borrow_mut()[key].version += 1;
    }

    /// A purge of these keys has been acknowledged.
    pub fn purged(&self, keys: &[usize], is_soft: bool) {
        for &key in keys {
            let page = &mut self.pages.borrow_mut()[key];
            if is_soft { page.soft_floor = page.version } else { page.hard_floor = page.version }
        }
    }

    /// How the origin answers: mostly well.
    pub fn answer(&self, asked: &Asked) -> Reply {
        let Some(key) = PATHS.iter().position(|path| *path == asked.target()) else {
            return Reply::Close(Vec::new());
        };
        let language = asked.header("x-language").map_or(0, |text| text.parse().unwrap_or(0));
        let version = self.page(key).version;
        let dice = self.below(100);
        self.tell(format!(
            "origin   {} {} l{language} v{version} dice {dice} range {:?} if {:?}",
            asked.method(),
            asked.target(),
            asked.header("range"),
            asked.header("if-none-match")
        ));
        let wait = Duration::from_millis(self.below(4) * self.below(80));
        match dice {
            0..3 => return Reply::Hang,
            3..5 => return Reply::Close(Vec::new()),
            5..9 => return Reply::Slow(vec![(wait, status_only(503))]),
            9..12 => return Reply::Slow(vec![(wait, status_only(404))]),
            _ => {}
        }
        let is_kept = dice >= 16;
        let head = head_of(key, version, is_kept);
        if asked.header("if-none-match") == Some(&tag_of(key, version)) {
            return Reply::Slow(vec![(
                wait,
                format!("HTTP/1.1 304 Not Modified\r\n{head}\r\n").into_bytes(),
            )]);
        }
        let language = language_of(key, language);
        let whole = length_of(key, language, version);
        // an own fetch goes on under a condition (RFC 9110 13.1.5)
        let holds = asked.header("if-range").is_none_or(|tag| tag == tag_of(key, version));
        let (line, from, to) = match range_of(asked.header("range").filter(|_| holds), whole) {
            Some((from, to)) if dice >= 25 => {
                (format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{whole}", to - 1), from, to)
            }
            _ => ("200 OK".to_owned(), 0, whole),
        };
        let interim = if dice == 99 { "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" } else { "" };
        let framing = match KINDS[key] {
            Kind::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
            _ => format!("Content-Length: {}\r\n", to - from),
        };
        let head = format!("{interim}HTTP/1.1 {line}\r\n{head}{framing}\r\n").into_bytes();
        if asked.method() == "HEAD" {
            return Reply::Slow(vec![(wait, head)]);
        }
        let mut parts = vec![(wait, head)];
        let body = bytes_of(key, language, version, from, to);
        let step = 200 + self.below(30_000) as usize;
        for piece in body.chunks(step) {
            let pause = Duration::from_millis(if self.is(30) { self.below(60) } else { 0 });
            let framed = match KINDS[key] {
                Kind::Chunked => [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat(),
                _ => piece.to_vec(),
            };
            parts.push((pause, framed));
        }
        if KINDS[key] == Kind::Chunked {
            parts.push((Duration::ZERO, b"0\r\n\r\n".to_vec()));
        }
        ended(parts, dice)
    }
}

/// Whole, cut (the last part, and half of the one before it, never come), or hanging behind its head.
fn ended(mut parts: Vec<(Duration, Vec<u8>)>, dice: u64) -> Reply {
    if (12..14).contains(&dice) && parts.len() > 1 {
        parts.pop();
        let half = parts.last().map_or(0, |(_, bytes)| bytes.len() / 2);
        if parts.len() > 1
            && let Some(last) = parts.last_mut()
        {
            last.1.truncate(half);
        }
        return Reply::SlowClose(parts);
    }
    if dice == 14 {
        parts.truncate(2);
        return Reply::SlowHang(parts);
    }
    Reply::Slow(parts)
}

fn status_only(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno").into_bytes()
}

pub fn tag_of(key: usize, version: u64) -> String {
    format!("\"{key}-{version}\"")
}

fn head_of(key: usize, version: u64, is_kept: bool) -> String {
    let control = match KINDS[key] {
        _ if !is_kept => "no-store",
        Kind::WhileRevalidate => "max-age=3, stale-while-revalidate=5",
        Kind::Private => "private",
        Kind::Bare => "max-age=5",
        Kind::Plain | Kind::Varies | Kind::Chunked => "max-age=20",
    };
    let tag =
        if KINDS[key] == Kind::Bare { String::new() } else { format!("ETag: {}\r\n", tag_of(key, version)) };
    let vary = if KINDS[key] == Kind::Varies { "Vary: X-Language\r\n" } else { "" };
    format!("Cache-Control: {control}\r\n{tag}{vary}Cache-Tag: t{}\r\nX-Version: {version}\r\n", key % 2)
}

fn range_of(range: Option<&str>, whole: u64) -> Option<(u64, u64)> {
    let (from, to) = range?.strip_prefix("bytes=")?.split_once('-')?;
    let from = from.parse::<u64>().ok()?;
    let to = if to.is_empty() { whole } else { to.parse::<u64>().ok()? };
    (from < whole).then_some((from, (to + 1).min(whole)))
}

pub fn hash_of(history: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    history.hash(&mut hasher);
    hasher.finish()
}
