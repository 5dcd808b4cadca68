//! The last requests of each core, as `explain` tells them.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use skerry_cache::{Became, Fate, NotStored};
use skerry_http::head::Version;
use skerry_http::reason::Reason;

use crate::reason::meaning;
use crate::record::{Line, Note, RequestId, View, put_json, text, version_word};
use crate::steps::fill::failure_of;

/// What happened, for `explain`: the record and its steps.
#[derive(Serialize)]
struct Story<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Step<'a> {
    step: &'static str,
    at_us: u64,
    what: &'a str,
}

impl<'a> Step<'a> {
    fn of(note: &'a Note) -> Self {
        let end = note.what.char_indices().nth(TEXT_MAX).map_or(note.what.len(), |(at, _)| at);
        Step { step: note.step, at_us: note.at_us, what: &note.what[..end] }
    }
}

/// What became of the fetch behind a request, as far as it is known now.
fn tell_end(fate: &Fate, story: &mut Value) {
    let (name, sentence) = end_of(fate);
    story["stored"] = match fate.became() {
        None => Value::Null,
        Some(became) => (*became == Became::Stored).into(),
    };
    if let Some(steps) = story["steps"].as_array_mut() {
        steps.push(json!({"step": crate::walk::Step::Store.name(), "what": format!("{name}: {sentence}")}));
    }
}

fn end_of(fate: &Fate) -> (String, &'static str) {
    let reason = match fate.became() {
        None => Reason::Arriving,
        Some(Became::Stored) => Reason::Kept,
        Some(Became::NotStored(why)) => match why {
            NotStored::TooLarge => Reason::TooLarge,
            NotStored::Purged => Reason::PurgedMeanwhile,
            NotStored::Invalidated => Reason::Invalidated,
            NotStored::Newer => Reason::Newer,
            NotStored::NoRoom(_) => Reason::NoRoom,
            NotStored::Passed | NotStored::Cut | NotStored::Headless => Reason::Cut,
        },
        Some(Became::Failed(abort)) if abort.code == "cache.fill_dropped" => Reason::GivenUp,
        Some(Became::Failed(abort)) => {
            let code = failure_of(abort).code;
            let sentence = meaning(&code);
            return if sentence.is_empty() {
                (Reason::Cut.name().to_owned(), Reason::Cut.sentence())
            } else {
                (code, sentence)
            };
        }
    };
    (reason.name().to_owned(), reason.sentence())
}

/// What a request leaves behind: numbers, and in a buffer that is used again four texts, or its story as JSON.
struct Brief {
    id: RequestId,
    numbers: [u64; 8],
    client: (IpAddr, u16),
    ends: [u16; 3],
    texts: Vec<u8>,
    is_https: bool,
    version: Version,
    status: u16,
    is_story: bool,
    fate: Option<Arc<Fate>>,
}

impl Brief {
    fn bytes(&self) -> usize {
        self.texts.capacity()
    }
}

/// The last requests of one core.
pub struct Ring {
    entries: VecDeque<Brief>,
    spare: Vec<Vec<u8>>,
    /// A story while it is written: what is kept is no larger than it must be.
    scratch: Vec<u8>,
    max: usize,
    bytes: usize,
}

const TEXT_MAX: usize = 400;
/// A ring's stories never hold more.
const RING_BYTES_MAX: usize = 4 << 20;

/// A view whose texts are no longer than a person reads: what a viewer sends must not fill the memory.
fn brief<'a>(v: &View<'a>) -> View<'a> {
    let cut = |text: &'a [u8]| &text[..text.len().min(TEXT_MAX)];
    View {
        authority: cut(v.authority),
        path: cut(v.path),
        query: cut(v.query),
        referer: cut(v.referer),
        user_agent: cut(v.user_agent),
        forwarded_for: cut(v.forwarded_for),
        content_type: cut(v.content_type),
        ..*v
    }
}

impl Ring {
    /// Keeps `max` requests.
    pub fn new(max: usize) -> Self {
        Ring { entries: VecDeque::with_capacity(max), spare: Vec::new(), scratch: Vec::new(), max, bytes: 0 }
    }

    /// Remember a request. A request with steps is kept whole; one without, as little as says the same.
    pub fn push(&mut self, v: &View<'_>) {
        let mut texts = self.spare.pop().unwrap_or_default();
        while self.entries.len() >= self.max || self.bytes > RING_BYTES_MAX {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes();
            texts = oldest.texts;
        }
        texts.clear();
        let mut ends = [0u16; 3];
        let is_story = !v.trace.is_empty();
        if is_story {
            let steps = v.trace.iter().map(Step::of).collect();
            self.scratch.clear();
            put_json(&Story { line: Line::of(&brief(v)), steps }, &mut self.scratch);
            texts.reserve_exact(self.scratch.len());
            texts.extend_from_slice(&self.scratch);
        } else {
            for (end, part) in ends.iter_mut().zip([v.method, v.authority, v.path]) {
                texts.extend_from_slice(&part[..part.len().min(TEXT_MAX)]);
                *end = texts.len() as u16;
            }
            texts.extend_from_slice(v.behavior.as_bytes());
        }
        let entry = Brief {
            id: *v.id,
            numbers: [
                v.unix_ms,
                v.bytes_out,
                v.time_us,
                v.age_s.map_or(0, u64::from),
                v.ttl_s.unwrap_or(0).max(0) as u64,
                v.key_hash,
                v.snapshot,
                v.content_bytes.unwrap_or(0),
            ],
            client: (v.client_ip, v.client_port),
            ends,
            texts,
            is_https: v.is_https,
            version: v.version,
            status: v.status,
            is_story,
            fate: v.fate.cloned(),
        };
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
    }

    /// What happened to a request.
    pub fn find(&self, id: &[u8]) -> Option<Value> {
        let e = self.entries.iter().rev().find(|e| e.id == id)?;
        if e.is_story {
            let mut story: Value = serde_json::from_slice(&e.texts).ok()?;
            if let Some(fate) = &e.fate {
                tell_end(fate, &mut story);
            }
            return Some(story);
        }
        let [method, host, path] = e.ends.map(usize::from);
        let n = e.numbers;
        Some(json!({
            "time_ms": n[0], "request_id": text(&e.id), "client_ip": e.client.0.to_string(), "client_port": e.client.1,
            "scheme": if e.is_https { "https" } else { "http" }, "protocol": version_word(e.version),
            "method": text(&e.texts[..method]), "host": text(&e.texts[method..host]), "path": text(&e.texts[host..path]),
            "behavior": text(&e.texts[path..]), "status": e.status, "bytes_out": n[1], "time_us": n[2],
            "result": "Hit", "reason": "", "step": "lookup", "age_s": n[3], "ttl_s": n[4],
            "key": format!("{:016x}", n[5]), "snapshot": n[6], "content_bytes": n[7],
            "steps": [{"step": "lookup", "at_us": n[2], "what": "a fresh stored answer"}],
        }))
    }

    /// The newest request's id.
    pub fn last(&self) -> Option<(u64, String)> {
        self.entries.back().map(|e| (e.numbers[0], text(&e.id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::view;
    use crate::record::{ID_BYTES, Note};

    #[test]
    fn the_ring_is_bounded_by_bytes_whatever_viewers_send() {
        let mut ring = Ring::new(100_000);
        let agent = vec![0xff; 19_500];
        let notes: Vec<Note> =
            (0..8).map(|_| Note { step: "route", at_us: 1, what: "x".repeat(8_000) }).collect();
        for _ in 0..5_000 {
            ring.push(&View { user_agent: &agent, path: &agent, ..view(&[b'a'; ID_BYTES], &notes) });
        }
        let held: usize = ring.entries.iter().map(Brief::bytes).sum();
        assert!(held == ring.bytes && held < RING_BYTES_MAX + 16_384, "{held} {}", ring.bytes);
        assert!(ring.entries.len() > 300, "{}", ring.entries.len());
    }

    #[test]
    fn the_ring_forgets_the_oldest_and_finds_the_rest() {
        let mut ring = Ring::new(2);
        for b in [b'a', b'b', b'c'] {
            ring.push(&view(&[b; ID_BYTES], &[]));
        }
        assert!(ring.find(&[b'a'; ID_BYTES]).is_none());
        assert_eq!(ring.find(&[b'c'; ID_BYTES]).unwrap()["path"], "/a b");
        let notes = [Note { step: "route", at_us: 1, what: "x".into() }];
        ring.push(&view(&[b'd'; ID_BYTES], &notes));
        assert_eq!(ring.find(&[b'd'; ID_BYTES]).unwrap()["steps"][0]["step"], "route");
    }
}
