//! Viewers that ask, leave, and read slowly, and check every byte they get.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::DuplexStream;

use super::keys::{
    COUNT, KINDS, Kind, LANGUAGES, ODDITIES, PATHS, bytes_of, decoded, language_of, length_of, query_of,
    tag_of,
};
use super::world::{Page, World};
use crate::support::viewer::{Answer, Framing, Viewer};
use crate::support::{Bench, origin};

/// What became of a request, for the count of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stood alone on its connection, whole: exactly one record.
    Seen,
    /// Its connection may have ended before it was read: one record, or none.
    Perhaps,
}

pub type Fates = BTreeMap<u64, Fate>;

struct Question {
    id: u64,
    key: usize,
    language: u64,
    oddity: u64,
    method: &'static str,
    accepted: &'static str,
    range: Option<(u64, u64)>,
    is_conditional: bool,
    /// As it stood when the request was sent.
    page: Page,
}

/// One viewer's life.
pub async fn live(world: Rc<World>, bench: Rc<Bench>, number: u64, turns: u64) -> Fates {
    let mut fates = Fates::new();
    let mut viewer: Option<Viewer<DuplexStream>> = None;
    for turn in 0..turns {
        tokio::time::sleep(Duration::from_millis(world.below(3) * world.below(600))).await;
        let id = number * 1_000 + turn * 10;
        let mut open = match viewer.take() {
            Some(kept) if world.is(70) => kept,
            _ => {
                let core = world.below(bench.cores.len() as u64) as usize;
                bench.viewer_at(core, [64 * 1024, 700][usize::from(world.is(20))])
            }
        };
        let question = ask(&world, id, &mut open).await;
        fates.insert(id, Fate::Seen);
        viewer = match world.below(10) {
            0 => None, // leaves at once
            1 => {
                tokio::time::sleep(Duration::from_millis(world.below(300))).await;
                None // leaves while it waits
            }
            2 => {
                // another one behind it, unasked for
                let second = ask(&world, id + 1, &mut open).await;
                fates.insert(id + 1, Fate::Perhaps);
                let goes_on =
                    hear(&world, &mut open, &question, 0).await && hear(&world, &mut open, &second, 0).await;
                goes_on.then_some(open)
            }
            3 => hear(&world, &mut open, &question, 1 + world.below(40)).await.then_some(open),
            4 => {
                leave_within(&world, &mut open, &question).await;
                None
            }
            _ => hear(&world, &mut open, &question, 0).await.then_some(open),
        };
    }
    fates
}

async fn ask(world: &World, id: u64, viewer: &mut Viewer<DuplexStream>) -> Question {
    let key = if world.is(40) { world.hot_key() } else { world.below(COUNT as u64) as usize };
    let (language, oddity) = (world.below(LANGUAGES), world.below(ODDITIES));
    let dice = world.below(20);
    let method = if dice == 0 { "HEAD" } else { "GET" };
    let from = world.below(20_000);
    let range = (dice == 1 || dice == 2).then(|| (from, from + world.below(20_000)));
    let page = world.page_under(key, oddity);
    let is_conditional = dice == 3 || dice == 4;
    let mut lines = String::new();
    if let Some((from, to)) = range {
        lines.push_str(&format!("Range: bytes={from}-{to}\r\n"));
    }
    if is_conditional {
        lines.push_str(&format!(
            "If-None-Match: {}\r\n",
            tag_of(key, page.version.saturating_sub(world.below(2)))
        ));
    }
    let accepted = ["", "gzip", "br", "gzip, br"][world.below(4) as usize];
    if !accepted.is_empty() {
        lines.push_str(&format!("Accept-Encoding: {accepted}\r\n"));
    }
    // where functions run it is they who say which language it is
    let wanted = if KINDS[key] == Kind::Function { "X-Want" } else { "X-Language" };
    lines.push_str(&format!("{wanted}: {language}\r\nX-Ask: r{id}\r\n"));
    let target = format!("{}{}", PATHS[key], query_of(key, language, oddity));
    world.tell(format!("r{id} {method} {target} l{language} {lines:?} floor {}", page.hard_floor));
    let text = format!("{method} {target} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: r{id}\r\n{lines}\r\n");
    // a connection that ended meanwhile is no failure: the request then is not seen
    let _ = tokio::io::AsyncWriteExt::write_all(&mut viewer.stream, text.as_bytes()).await;
    Question { id, key, language, oddity, method, accepted, range, is_conditional, page }
}

/// Read an answer to its end, `slow` ms a piece, and check it; false when the connection is of no more use.
async fn hear(world: &World, viewer: &mut Viewer<DuplexStream>, question: &Question, slow: u64) -> bool {
    if slow > 0 {
        tokio::time::sleep(Duration::from_millis(slow * 20)).await;
    }
    viewer.pace = (slow > 0).then(|| Duration::from_millis(slow));
    let answer = viewer.answer(question.method).await;
    viewer.pace = None;
    let Some(answer) = answer else {
        world.tell(format!("r{} no answer", question.id));
        return false;
    };
    check(world, question, &answer);
    answer.whole && answer.header("connection") != Some("close")
}

/// Read a part of the answer, check it, and leave.
async fn leave_within(world: &World, viewer: &mut Viewer<DuplexStream>, question: &Question) {
    let Some((head, framing)) = viewer.head(question.method).await else { return };
    let Framing::Length(n) = framing else { return };
    let want = world.below(n.max(1)) as usize;
    let mut body = Vec::new();
    let _ = viewer.take(want, &mut body).await;
    check(world, question, &Answer { head, body, whole: false });
}

fn check(world: &World, question: &Question, answer: &Answer) {
    let Question { id, key, page, .. } = *question;
    let state = answer.header("cache-status").unwrap_or("");
    let status = answer.status();
    let version: Option<u64> = answer.header("x-version").map(|text| text.parse().unwrap());
    world.tell(format!(
        "r{id} {status} {} v{version:?} {} bytes whole {} {state}",
        answer.x_cache(),
        answer.body.len(),
        answer.whole
    ));
    if status == 304 {
        assert!(question.is_conditional, "r{id}: a 304 nobody asked for");
    }
    if is_made(world, question, answer) {
        return;
    }
    let Some(version) = version else {
        assert!(status >= 400, "r{id}: {status} without a version");
        return;
    };
    let is_stale = state.contains("; hit") && state.contains("detail=");
    assert!(version >= page.hard_floor, "r{id}: version {version} after a purge at {}", page.hard_floor);
    assert!(
        is_stale || version >= page.soft_floor,
        "r{id}: fresh {version} after a soft purge at {}",
        page.soft_floor
    );
    assert!(version <= world.page_under(key, question.oddity).version, "r{id}: a version from the future");
    assert!(
        KINDS[key] != Kind::Private || !state.contains("; hit"),
        "r{id}: a private answer from the store"
    );
    check_body(world, question, answer, version);
}

/// What functions have written on an answer is of this request and of this answer; true: one of them made all of it.
fn is_made(world: &World, question: &Question, answer: &Answer) -> bool {
    if KINDS[question.key] != Kind::Function {
        return false;
    }
    let own = format!("r{}", question.id);
    for name in ["x-made", "x-for"] {
        assert!(
            answer.header(name).is_none_or(|text| text == own),
            "{own}: another's {name}: {}",
            answer.head
        );
    }
    if answer.header("x-made").is_some() {
        assert!(answer.header("cache-status").is_none(), "{own}: {}", answer.head);
        world.count("a function answered a viewer");
        return true;
    }
    if let Some(version) = answer.header("x-version") {
        assert_eq!(answer.header("x-for"), Some(&*own), "the function's mark is missing: {}", answer.head);
        assert!(
            answer.header("x-seen").is_none_or(|seen| seen == version),
            "{own}: the mark of another answer: {}",
            answer.head
        );
        world.count("functions marked an answer");
    }
    false
}

fn check_body(world: &World, question: &Question, answer: &Answer, version: u64) {
    let (id, key) = (question.id, question.key);
    let language = language_of(key, question.language);
    let length = length_of(key, language, version);
    let coding = answer.header("content-encoding");
    let told = origin::header(&answer.head, "content-length").map(|n| n.parse::<u64>().unwrap());
    let (from, to) = match answer.status() {
        206 => {
            let range = answer.header("content-range").expect("a range");
            let (span, whole) = range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
            let (from, last) = span.split_once('-').unwrap();
            let (from, to): (u64, u64) = (from.parse().unwrap(), last.parse::<u64>().unwrap() + 1);
            assert_eq!(Some(from), question.range.map(|range| range.0), "r{id}");
            assert!(told.is_none_or(|n| n == to - from), "r{id}: {told:?}");
            if coding.is_some() {
                return; // a part of an encoded body says nothing by itself
            }
            assert_eq!(whole.parse::<u64>().unwrap(), length, "r{id}");
            (from, to)
        }
        200 => (0, length),
        _ => return,
    };
    let body = match coding {
        None => answer.body.clone(),
        Some(coding) => {
            assert_eq!(KINDS[key], Kind::Text, "r{id}: {coding}");
            let accepted = question.accepted;
            assert!(accepted.split(", ").any(|own| own == coding), "r{id}: {coding} and not {accepted}");
            world.count(if coding == "br" { "an answer in br" } else { "an answer in gzip" });
            decoded(coding, &answer.body)
        }
    };
    assert!(body.len() as u64 <= to - from, "r{id}: more than there is");
    let want = bytes_of(key, language, version, from, from + body.len() as u64);
    let odd = body.iter().zip(&want).position(|(byte, wanted)| byte != wanted);
    assert_eq!(odd, None, "r{id}: this byte is not of {} l{language} v{version}", PATHS[key]);
    if answer.whole && question.method != "HEAD" {
        assert_eq!(body.len() as u64, to - from, "r{id}: whole, and not its length");
    }
    assert!(coding.is_some() || told.is_none_or(|n| n == to - from), "r{id}: content-length {told:?}");
}
