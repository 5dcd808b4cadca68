//! Every attack, cut in two at every offset, against the codec alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use skerry_engine::h1::chunked::{BadChunk, Decoder, Step};
use skerry_engine::h1::request::{HeadFacts, Parsed, parse};
use skerry_http::head::{Framing, RequestHead};
use support::attacks::{Attack, Fate, all};

/// Head and body as a connection would read them, from pieces that come one after the other.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Refused(u16),
    BadBody,
    /// Bytes that belonged to it.
    Whole(usize),
    Partial,
}

fn read(bytes: &[u8], cuts: &[usize]) -> Read {
    let (mut head, mut facts) = (RequestHead::default(), HeadFacts::default());
    let (mut seen, mut body_at) = (0, None);
    for end in cuts.iter().copied().chain([bytes.len()]) {
        match parse(&bytes[..end], seen, &mut head, &mut facts) {
            Parsed::Partial => seen = end,
            Parsed::Refused(refusal) => return Read::Refused(refusal.status),
            Parsed::Complete(at) => {
                body_at = Some(at);
                break;
            }
        }
    }
    let Some(at) = body_at else { return Read::Partial };
    match head.framing {
        Framing::Length(n) => Read::Whole(at + n as usize),
        Framing::Chunked => {
            chunks(bytes, at, cuts).map_or(Read::BadBody, |end| end.map_or(Read::Partial, Read::Whole))
        }
        _ => Read::Whole(at),
    }
}

fn chunks(bytes: &[u8], from: usize, cuts: &[usize]) -> Result<Option<usize>, BadChunk> {
    let (mut decoder, mut at) = (Decoder::new(), from);
    for end in cuts.iter().copied().filter(|cut| *cut > from).chain([bytes.len()]) {
        loop {
            match decoder.step(&bytes[at..end])? {
                Step::Skip { consumed } => {
                    at += consumed;
                    break;
                }
                Step::Data { to, .. } => at += to,
                Step::End { consumed } => return Ok(Some(at + consumed)),
            }
        }
    }
    Ok(None)
}

fn want(attack: &Attack) -> Read {
    match attack.fate {
        Fate::Refused(status) => Read::Refused(status),
        Fate::BadBody => Read::BadBody,
        Fate::Served | Fate::ServedLast => Read::Whole(attack.bytes.len()),
    }
}

#[test]
fn every_input_is_read_alike_however_it_is_cut() {
    for attack in all() {
        let canary = support::attacks::CANARY.as_bytes();
        let bytes = [&attack.bytes[..], canary].concat();
        assert_eq!(read(&bytes, &[]), want(&attack), "{}", attack.name);
        // of what is large, the beginning, the limit and the end say all
        let step = if attack.bytes.len() > 2_000 { 97 } else { 1 };
        for cut in (1..attack.bytes.len()).step_by(step) {
            assert_eq!(read(&bytes, &[cut]), want(&attack), "{} cut at {cut}", attack.name);
        }
        if attack.bytes.len() < 300 {
            let each: Vec<usize> = (1..attack.bytes.len()).collect();
            assert_eq!(read(&bytes, &each), want(&attack), "{} byte by byte", attack.name);
        }
    }
}
