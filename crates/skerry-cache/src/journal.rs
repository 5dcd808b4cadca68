//! The bytes of a purge on disk: written before a purge is acknowledged, read at start.
//!
//! A record is `length u32 | body | xxh3(body) u64`, all little-endian; the body is
//! `seq u64 | kind u8 | force u8 | space length u32 (u32::MAX: all spaces) | space | value`.

use bytes::{BufMut, Bytes, BytesMut};
use xxhash_rust::xxh3::xxh3_64;

use crate::purge::{Force, Purge, Target};

const POSITION: u8 = 0;
const ALL_SPACES: u32 = u32::MAX;
const FRAME_BYTES: usize = 4 + 8;
const FIXED_BYTES: usize = 8 + 1 + 1 + 4;
/// Longest body taken for one: a damaged length must not be believed.
const BODY_BYTES_MAX: usize = 1 << 20;

pub(crate) enum Record {
    Purge(u64, Purge),
    /// Everything up to here is forgotten.
    Position(u64),
}

pub(crate) fn encode(seq: u64, purge: &Purge) -> Bytes {
    frame(seq, purge.target.kind(), purge.force, purge.space.as_deref(), purge.target.value())
}

pub(crate) fn encode_position(seq: u64) -> Bytes {
    frame(seq, POSITION, Force::Hard, None, b"")
}

fn frame(seq: u64, kind: u8, force: Force, space: Option<&[u8]>, value: &[u8]) -> Bytes {
    let body_bytes = FIXED_BYTES + space.map_or(0, <[u8]>::len) + value.len();
    let mut out = BytesMut::with_capacity(FRAME_BYTES + body_bytes);
    out.put_u32_le(body_bytes as u32);
    out.put_u64_le(seq);
    out.put_u8(kind);
    out.put_u8(match force {
        Force::Hard => 0,
        Force::Soft => 1,
    });
    out.put_u32_le(space.map_or(ALL_SPACES, |space| space.len() as u32));
    out.put_slice(space.unwrap_or_default());
    out.put_slice(value);
    let sum = xxh3_64(&out[4..]);
    out.put_u64_le(sum);
    out.freeze()
}

/// The first record and the bytes it took; `None` where there is no whole, undamaged one.
pub(crate) fn decode(journal: &[u8]) -> Option<(Record, usize)> {
    let (length, rest) = journal.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > BODY_BYTES_MAX {
        return None;
    }
    let (body, rest) = rest.split_at_checked(length)?;
    let (sum, _) = rest.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*sum) != xxh3_64(body) {
        return None;
    }
    Some((decode_body(body)?, length + FRAME_BYTES))
}

fn decode_body(body: &[u8]) -> Option<Record> {
    let (seq, rest) = body.split_first_chunk::<8>()?;
    let seq = u64::from_le_bytes(*seq);
    let (&[kind, force], rest) = rest.split_first_chunk::<2>()?;
    let (space_bytes, rest) = rest.split_first_chunk::<4>()?;
    let (space, value) = match u32::from_le_bytes(*space_bytes) {
        ALL_SPACES => (None, rest),
        bytes => rest.split_at_checked(bytes as usize).map(|(space, value)| (Some(space.into()), value))?,
    };
    let target = match kind {
        POSITION => return Some(Record::Position(seq)),
        1 => Target::Path(value.into()),
        2 => Target::Prefix(value.into()),
        3 => Target::Tag(value.into()),
        4 => Target::Host(value.into()),
        5 => Target::All,
        _ => return None,
    };
    let force = match force {
        0 => Force::Hard,
        1 => Force::Soft,
        _ => return None,
    };
    Some(Record::Purge(seq, Purge { target, force, space }))
}
