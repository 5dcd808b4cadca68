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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::PurgeLog;

    fn purges() -> Vec<Purge> {
        let space: Option<Box<[u8]>> = Some(b"dist".to_vec().into());
        let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
        vec![
            Purge { target: Target::Path(bytes("/a?b=1")), force: Force::Hard, space: space.clone() },
            Purge { target: Target::Prefix(bytes("/img/")), force: Force::Soft, space: None },
            Purge { target: Target::Tag(bytes("news")), force: Force::Hard, space: Some(bytes("")) },
            Purge { target: Target::Host(bytes("example.org")), force: Force::Hard, space },
            Purge { target: Target::All, force: Force::Soft, space: None },
        ]
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for (seq, purge) in purges().into_iter().enumerate() {
            let record = encode(seq as u64, &purge);
            match decode(&record) {
                Some((Record::Purge(read_seq, read), bytes)) => {
                    assert_eq!((read_seq, read, bytes), (seq as u64, purge, record.len()));
                }
                _ => panic!("not read back: {purge:?}"),
            }
        }
    }

    /// A crash may cut the last write at any byte, a bad disk may change one.
    #[test]
    fn a_torn_or_damaged_record_ends_the_replay_before_it() {
        let whole: Vec<u8> =
            purges().iter().take(2).enumerate().flat_map(|(i, purge)| encode(i as u64 + 1, purge)).collect();
        let first = encode(1, &purges()[0]).len();
        for cut in first..whole.len() {
            let replayed = PurgeLog::new(10).replay(&whole[..cut]);
            assert_eq!((replayed.records, replayed.whole_bytes), (1, first), "cut at {cut}");
        }
        for at in first..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            assert_eq!(PurgeLog::new(10).replay(&damaged).records, 1, "damaged at {at}");
        }
        assert_eq!(PurgeLog::new(10).replay(&whole).records, 2);
    }
}
