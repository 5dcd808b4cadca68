//! Every attack, cut in two at every offset, against the codec alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use skerry_engine::h1::chunked::{BadChunk, Decoder, Step};
use skerry_engine::h1::request::{HEAD_BYTES_MAX, HeadFacts, Parsed, parse};
use skerry_http::head::{Framing, RequestHead};
use support::attacks::{Attack, CANARY, Fate, all};

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

/// [`read`] of a large head cut in two at every offset, the front resumed from the cut before it: where it is not decided,
/// what the codec keeps of a front is its length alone, so that a front need not be read anew for each.
fn read_at_every_cut(bytes: &[u8], until: usize, mut check: impl FnMut(usize, Read)) {
    let (mut head, mut facts, mut seen) = (RequestHead::default(), HeadFacts::default(), 0);
    for cut in 1..until {
        // a front that is refused by itself is so however much longer it is
        let is_decided = seen + 1 < cut;
        if is_decided && cut > seen + 64 && cut % 97 != 0 {
            continue;
        }
        let end = match parse(&bytes[..cut], seen, &mut head, &mut facts) {
            Parsed::Partial => {
                assert!(!is_decided, "undecided again at {cut}");
                seen = cut;
                // so much that a head which is too large is known to be, and no more: each byte is looked at
                let second = bytes.len().min(cut.max(until.min(HEAD_BYTES_MAX + CANARY.len())));
                match parse(&bytes[..second], seen, &mut head, &mut facts) {
                    Parsed::Partial => parse(bytes, second, &mut head, &mut facts),
                    parsed => parsed,
                }
            }
            parsed => parsed,
        };
        check(
            cut,
            match end {
                Parsed::Refused(refusal) => Read::Refused(refusal.status),
                Parsed::Complete(at) => Read::Whole(at),
                Parsed::Partial => Read::Partial,
            },
        );
    }
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
        let bytes = [&attack.bytes[..], CANARY.as_bytes()].concat();
        assert_eq!(read(&bytes, &[]), want(&attack), "{}", attack.name);
        let check = |cut, found| assert_eq!(found, want(&attack), "{} cut at {cut}", attack.name);
        if attack.bytes.len() > 2_000 {
            read_at_every_cut(&bytes, attack.bytes.len(), check);
        } else {
            (1..attack.bytes.len()).for_each(|cut| check(cut, read(&bytes, &[cut])));
        }
        if attack.bytes.len() < 300 {
            let each: Vec<usize> = (1..attack.bytes.len()).collect();
            assert_eq!(read(&bytes, &each), want(&attack), "{} byte by byte", attack.name);
        }
    }
}
