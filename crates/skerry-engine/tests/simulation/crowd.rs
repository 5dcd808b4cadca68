//! Viewers that ask, leave, and read slowly, and check every byte they get.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::DuplexStream;

use super::world::{KINDS, Kind, LANGUAGES, PATHS, Page, World, bytes_of, language_of, length_of, tag_of};
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
    method: &'static str,
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
            _ => bench.viewer_of([64 * 1024, 700][usize::from(world.is(20))]),
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
    let (key, language) = (world.below(PATHS.len() as u64) as usize, world.below(LANGUAGES));
    let dice = world.below(20);
    let method = if dice == 0 { "HEAD" } else { "GET" };
    let from = world.below(20_000);
    let range = (dice == 1 || dice == 2).then(|| (from, from + world.below(20_000)));
    let page = world.page(key);
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
    world.tell(format!("r{id} {method} {} l{language} {lines:?} floor {}", PATHS[key], page.hard_floor));
    let text = format!(
        "{method} {} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: r{id}\r\nX-Language: {language}\r\n{lines}\r\n",
        PATHS[key]
    );
    // a connection that ended meanwhile is no failure: the request then is not seen
    let _ = tokio::io::AsyncWriteExt::write_all(&mut viewer.stream, text.as_bytes()).await;
    Question { id, key, language, method, range, is_conditional, page }
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
    assert!(version <= world.page(key).version, "r{id}: a version from the future");
    assert!(
        KINDS[key] != Kind::Private || !state.contains("; hit"),
        "r{id}: a private answer from the store"
    );
    let language = language_of(key, question.language);
    let length = length_of(key, language, version);
    let (from, to) = match status {
        206 => {
            let range = answer.header("content-range").expect("a range");
            let (span, whole) = range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
            let (from, last) = span.split_once('-').unwrap();
            assert_eq!(whole.parse::<u64>().unwrap(), length, "r{id}");
            assert_eq!(Some(from.parse().unwrap()), question.range.map(|range| range.0), "r{id}");
            (from.parse::<u64>().unwrap(), last.parse::<u64>().unwrap() + 1)
        }
        200 => (0, length),
        _ => return,
    };
    assert!(answer.body.len() as u64 <= to - from, "r{id}: more than there is");
    let want = bytes_of(key, language, version, from, from + answer.body.len() as u64);
    let odd = answer.body.iter().zip(&want).position(|(byte, wanted)| byte != wanted);
    assert_eq!(odd, None, "r{id}: this byte is not of {} l{language} v{version}", PATHS[key]);
    if answer.whole && question.method != "HEAD" {
        assert_eq!(answer.body.len() as u64, to - from, "r{id}: whole, and not its length");
    }
    let told = origin::header(&answer.head, "content-length").map(|n| n.parse::<u64>().unwrap());
    assert!(told.is_none_or(|n| n == to - from), "r{id}: content-length {told:?}");
}
