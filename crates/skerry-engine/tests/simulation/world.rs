//! What is true in a run: what the origin has published, what was purged, and what happened.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::keys::{self, COUNT, KINDS, Kind, ODDITIES, bytes_of, language_of, length_of, tag_of};
use super::random::Random;
use super::tally::Tally;
use crate::support::origin::{Asked, Reply};

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
    pub pages: RefCell<[Page; COUNT]>,
    /// Floors of what is asked for under one value of the parameter that means nothing: purges name that, too.
    odd: RefCell<[[Page; ODDITIES as usize]; COUNT]>,
    pub tally: RefCell<Tally>,
    pub history: Rc<RefCell<Vec<String>>>,
    start: Instant,
}

impl World {
    pub fn new(seed: u64, history: Rc<RefCell<Vec<String>>>) -> Rc<World> {
        Rc::new(World {
            random: RefCell::new(Random::new(seed)),
            pages: RefCell::default(),
            odd: RefCell::default(),
            tally: RefCell::default(),
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

    /// As it stands for who asks with that parameter.
    pub fn page_under(&self, key: usize, oddity: u64) -> Page {
        let (mut page, odd) = (self.page(key), self.odd.borrow()[key][oddity as usize]);
        page.hard_floor = page.hard_floor.max(odd.hard_floor);
        page.soft_floor = page.soft_floor.max(odd.soft_floor);
        page
    }

    /// Where viewers flock to at the moment.
    pub fn hot_key(&self) -> usize {
        (self.start.elapsed().as_millis() / 1_500) as usize * 7 % COUNT
    }

    pub fn count(&self, what: &'static str) {
        self.tally.borrow_mut().count(what);
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

    /// A purge of this key under one parameter has been acknowledged.
    pub fn purged_under(&self, key: usize, oddity: u64, is_soft: bool) {
        let version = self.page(key).version;
        let page = &mut self.odd.borrow_mut()[key][oddity as usize];
        if is_soft { page.soft_floor = version } else { page.hard_floor = version }
    }

    /// How the origin answers: mostly well.
    pub fn answer(&self, asked: &Asked) -> Reply {
        let Some(key) = keys::key_of(asked.target()) else {
            return Reply::Close(Vec::new());
        };
        let language = match KINDS[key] {
            Kind::ByQuery => keys::parameter(asked.target(), "n").unwrap_or(0),
            _ => asked.header("x-language").map_or(0, |text| text.parse().unwrap_or(0)),
        };
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
            Kind::Chunked | Kind::Large => "Transfer-Encoding: chunked\r\n".to_owned(),
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
                Kind::Chunked | Kind::Large => {
                    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
                }
                _ => piece.to_vec(),
            };
            parts.push((pause, framed));
        }
        if matches!(KINDS[key], Kind::Chunked | Kind::Large) {
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

/// Fields of an answer that stay the same through a 304.
pub fn head_of(key: usize, version: u64, is_kept: bool) -> String {
    fields_of(key, version, is_kept).iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

pub fn fields_of(key: usize, version: u64, is_kept: bool) -> Vec<(&'static str, String)> {
    let control = match KINDS[key] {
        _ if !is_kept => "no-store",
        Kind::WhileRevalidate => "max-age=3, stale-while-revalidate=5",
        Kind::Private => "private",
        Kind::Bare => "max-age=5",
        Kind::Plain | Kind::Varies | Kind::Text => "max-age=4",
        _ => "max-age=20",
    };
    let mut fields = vec![
        ("Cache-Control", control.to_owned()),
        ("Cache-Tag", format!("t{}", key % 2)),
        ("X-Version", version.to_string()),
    ];
    match KINDS[key] {
        Kind::Bare => {}
        _ => fields.push(("ETag", tag_of(key, version))),
    }
    match KINDS[key] {
        Kind::Varies => fields.push(("Vary", "X-Language".to_owned())),
        Kind::Text => fields.push(("Content-Type", "text/plain".to_owned())),
        _ => {}
    }
    fields
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
