//! A stored response: it never changes, but for its purge mark and its touches.
//!
//! Key, head and a small body lie in one allocation, because a hit on a cold object waits for each cache line it
//! touches. A refresh (304) makes a new object that shares the old one's body.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;

use crate::Labels;
use crate::body::{BodyReader, Chunks};
use crate::budget::Charge;
use crate::labels::{LabelParts, OfRequest, Packed};
use crate::log::PurgeLog;
use crate::purge::Verdict;
use crate::s3fifo::{Resident, Seat};

/// Bodies up to here lie beside the head, and are copied into the response rather than sent by reference.
pub const INLINE_BODY_BYTES_MAX: u64 = 16 * 1024;
/// What an object weighs beyond its bytes: index, queue and bookkeeping.
pub const OVERHEAD_BYTES: u64 = 200;

/// The head of a response, as the engine hands it in. All byte strings are opaque here.
#[derive(Clone, Debug)]
pub struct HeadParts<'a, M> {
    /// Serialised head, ready to be sent.
    pub head: &'a [u8],
    /// The engine's own knowledge (freshness, status, validators).
    pub meta: M,
    /// Names of the `Vary` field as the engine's `variant_of` takes them; empty: one response for all requests.
    pub vary: &'a [u8],
    /// The variant key of the request that was answered, under these names.
    pub variant: &'a [u8],
    /// By what purges find it.
    pub labels: LabelParts<'a>,
    /// Length of the body, where the origin said so.
    pub body_bytes: Option<u64>,
}

/// Parts of an object's block, as ends of consecutive ranges.
#[derive(Clone, Copy, Debug)]
struct Ends {
    key: u32,
    vary: u32,
    variant: u32,
    head: u32,
    labels: u32,
}

/// Where a body is.
pub(crate) enum Body {
    /// Behind the labels in the object's own block.
    Inline(Vec<u8>),
    /// In pieces.
    Chunks(Arc<Chunks>),
}

/// An immutable stored response. `M` is the engine's metadata.
pub struct Object<M> {
    hash: u64,
    id: u64,
    /// Up to which purge it is known to stand, and (top bit) that it does so under every name: see `is_clear`.
    mark: AtomicU64,
    block: Box<[u8]>,
    chunks: Option<Arc<Chunks>>,
    charge: Charge,
    ends: Ends,
    seat: Seat,
    /// Whether it was softly purged (top bit), and the low 31 bits of the purge position when its body was asked for,
    /// which a refresh keeps. Together, for four bytes an object are four megabytes of a million.
    born_and_soft: AtomicU32,
    meta: M,
}

const SOFT: u32 = 1 << 31;
const CLEAR: u64 = 1 << 63;

/// Where a new object comes from.
pub(crate) struct Origin {
    pub hash: u64,
    pub id: u64,
    pub purge_seq: u64,
    pub born_seq: u64,
}

/// An object's block, laid out but not yet paid for.
pub(crate) struct Draft {
    block: Vec<u8>,
    ends: Ends,
    chunks: Option<Arc<Chunks>>,
}

impl Draft {
    pub(crate) fn new(
        key: &[u8],
        vary: &[u8],
        variant: &[u8],
        head: &[u8],
        labels: &[u8],
        body: Body,
    ) -> Self {
        let inline = if let Body::Inline(bytes) = &body { bytes.len() } else { 0 };
        let total = key.len() + vary.len() + variant.len() + head.len() + labels.len() + inline;
        let mut block = Vec::with_capacity(total);
        let mut add = |part: &[u8]| {
            block.extend_from_slice(part);
            block.len() as u32
        };
        let ends = Ends {
            key: add(key),
            vary: add(vary),
            variant: add(variant),
            head: add(head),
            labels: add(labels),
        };
        let chunks = match body {
            Body::Inline(bytes) => {
                add(&bytes);
                None
            }
            Body::Chunks(chunks) => Some(chunks),
        };
        Draft { block, ends, chunks }
    }

    /// What the object itself costs, beside chunks that are paid for already.
    pub(crate) fn own_bytes<M>(&self) -> u64 {
        self.block.len() as u64 + size_of::<M>() as u64 + OVERHEAD_BYTES
    }

    pub(crate) fn finish<M>(self, origin: &Origin, meta: M, charge: Charge) -> Object<M> {
        Object {
            hash: origin.hash,
            id: origin.id,
            mark: AtomicU64::new(origin.purge_seq),
            block: self.block.into_boxed_slice(),
            chunks: self.chunks,
            charge,
            ends: self.ends,
            seat: Seat::default(),
            born_and_soft: AtomicU32::new(origin.born_seq as u32 & !SOFT),
            meta,
        }
    }
}

impl<M> std::fmt::Debug for Object<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = String::from_utf8_lossy(self.key());
        f.debug_struct("Object").field("id", &self.id).field("key", &key).finish_non_exhaustive()
    }
}

impl<M> Object<M> {
    fn part(&self, from: u32, to: u32) -> &[u8] {
        &self.block[from as usize..to as usize]
    }

    /// Order of the fills: of two objects of one variant, the one with the higher number was asked for later.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Hash of the primary key.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The primary key.
    pub fn key(&self) -> &[u8] {
        self.part(0, self.ends.key)
    }

    /// Names of its `Vary`; empty: it answers every request of its key.
    pub fn vary(&self) -> &[u8] {
        self.part(self.ends.key, self.ends.vary)
    }

    /// The variant key under [`Object::vary`].
    pub fn variant(&self) -> &[u8] {
        self.part(self.ends.vary, self.ends.variant)
    }

    /// The serialised head.
    pub fn head(&self) -> &[u8] {
        self.part(self.ends.variant, self.ends.head)
    }

    /// The engine's metadata.
    pub fn meta(&self) -> &M {
        &self.meta
    }

    pub(crate) fn packed_labels(&self) -> &[u8] {
        self.part(self.ends.head, self.ends.labels)
    }

    pub(crate) fn chunks(&self) -> Option<&Arc<Chunks>> {
        self.chunks.as_ref()
    }

    /// A small body, in place; `None` when the body is in chunks and must be read.
    pub fn inline_body(&self) -> Option<&[u8]> {
        if self.chunks.is_some() { None } else { Some(&self.block[self.ends.labels as usize..]) }
    }

    /// Length of the body.
    pub fn body_bytes(&self) -> u64 {
        match &self.chunks {
            Some(chunks) => chunks.end(),
            None => (self.block.len() - self.ends.labels as usize) as u64,
        }
    }

    /// Trailers in the form the fill gave them.
    pub fn trailers(&self) -> Option<Bytes> {
        self.chunks.as_ref().and_then(|chunks| chunks.trailers())
    }

    /// Was it purged softly? Then it is stale, whatever its age.
    pub fn is_soft_purged(&self) -> bool {
        self.born_and_soft.load(Ordering::Acquire) & SOFT != 0
    }

    /// Does it answer a request with these variant keys? `scratch` is overwritten.
    pub fn is_for(&self, variant_of: &dyn Fn(&[u8], &mut Vec<u8>), scratch: &mut Vec<u8>) -> bool {
        answers(self.vary(), self.variant(), variant_of, scratch)
    }

    /// The full position again: the mark is never behind it, nor two thousand million purges ahead.
    pub(crate) fn born_seq(&self) -> u64 {
        let low = u64::from(self.born_and_soft.load(Ordering::Acquire) & !SOFT);
        let mark = self.mark();
        let near = (mark & !u64::from(!SOFT)) | low;
        if near > mark { near.wrapping_sub(u64::from(SOFT)) } else { near }
    }

    /// Has anything been purged since its body was asked for?
    pub fn may_be_purged(&self, purges: &PurgeLog) -> bool {
        self.born_seq() < purges.seq()
    }

    /// Has nothing been purged that could be about it under whatever host and query of its own path? One comparison,
    /// but for the first time after each purge. A path that a function made another of is not among its names: only a
    /// request for the very path of its key may ask.
    pub fn is_clear(&self, purges: &PurgeLog) -> bool {
        let held = self.mark.load(Ordering::Acquire);
        if held & CLEAR != 0 && held & !CLEAR >= purges.seq() {
            return true;
        }
        let Some(seq) = purges.clear_up_to(self.born_seq(), &Packed(self.packed_labels())) else {
            return false;
        };
        // who has moved the mark meanwhile knows of a later purge, and that is asked about at the next hit
        let _ = self.mark.compare_exchange(held, seq | CLEAR, Ordering::AcqRel, Ordering::Relaxed);
        true
    }

    fn mark(&self) -> u64 {
        self.mark.load(Ordering::Acquire) & !CLEAR
    }

    /// Is it labelled with this host and this path?
    pub fn is_named(&self, host: &[u8], path: &[u8]) -> bool {
        let labels = Packed(self.packed_labels());
        let mut has_path = false;
        labels.each_path(&mut |own| has_path |= own == path);
        has_path && host.eq_ignore_ascii_case(labels.host())
    }

    /// What was purged since then that this request names and the object may not: the path a viewer asked for where a
    /// function made another of it, another query of the same key, another host?
    pub fn verdict_for(&self, purges: &PurgeLog, asked: LabelParts<'_>) -> Verdict {
        if !self.may_be_purged(purges) {
            return Verdict::Untouched;
        }
        purges.verdict(self.born_seq(), &OfRequest::after_tags(asked)).0
    }

    /// Mark it as softly purged.
    pub fn soften(&self) {
        self.born_and_soft.fetch_or(SOFT, Ordering::AcqRel);
    }

    /// Ask the log what happened since the mark, and move the mark. One comparison when nothing did.
    pub(crate) fn standing(&self, purges: &PurgeLog) -> Verdict {
        let held = self.mark.load(Ordering::Acquire);
        let mark = held & !CLEAR;
        if mark < purges.seq() {
            let (verdict, seq) = purges.verdict(mark, &Packed(self.packed_labels()));
            match verdict {
                Verdict::Hard => return Verdict::Hard, // the mark stays: whoever else holds it learns it too
                Verdict::Soft => self.soften(),
                Verdict::Untouched => {}
            }
            // where another moved it meanwhile, it stands at that one's
            let _ = self.mark.compare_exchange(held, seq, Ordering::AcqRel, Ordering::Relaxed);
        }
        if self.is_soft_purged() { Verdict::Soft } else { Verdict::Untouched }
    }
}

impl<M: Send + Sync + 'static> Object<M> {
    /// Read `range` of the body (`0..u64::MAX` for all). The reader keeps the bytes alive and accounted for.
    pub fn read(self: &Arc<Self>, range: Range<u64>) -> BodyReader {
        if let Some(chunks) = &self.chunks {
            return BodyReader::of(chunks, range).settling();
        }
        let start = self.ends.labels as usize;
        let length = (self.block.len() - start) as u64;
        let from = range.start.min(length) as usize;
        let to = range.end.min(length).max(from as u64) as usize;
        let block = Bytes::from_owner(Block(Arc::clone(self)));
        BodyReader::whole(block.slice(start + from..start + to))
    }
}

/// An object's block as the owner of `Bytes`.
struct Block<M>(Arc<Object<M>>);

impl<M> AsRef<[u8]> for Block<M> {
    fn as_ref(&self) -> &[u8] {
        &self.0.block
    }
}

/// Does a response with this `Vary` answer the request behind `variant_of`?
pub(crate) fn answers(
    vary: &[u8],
    variant: &[u8],
    variant_of: &dyn Fn(&[u8], &mut Vec<u8>),
    scratch: &mut Vec<u8>,
) -> bool {
    if vary.is_empty() {
        return true;
    }
    scratch.clear();
    variant_of(vary, scratch);
    *scratch == variant
}

impl<M> Resident for Arc<Object<M>> {
    fn ghost_hash(&self) -> u64 {
        // Variants of one key are residents of their own.
        self.hash ^ xxhash_rust::xxh3::xxh3_64(self.variant())
    }
    fn weight_bytes(&self) -> u64 {
        self.charge.bytes() + self.chunks.as_ref().map_or(0, |chunks| chunks.end())
    }
    fn seat(&self) -> &Seat {
        &self.seat
    }
    /// The index and the queue hold one reference each; more are readers.
    fn is_pinned(&self) -> bool {
        Arc::strong_count(self) > 2 || self.chunks.as_ref().is_some_and(|chunks| chunks.reader_count() > 0)
    }
}

impl<M> Object<M> {
    /// Count a hit.
    pub(crate) fn touch(&self) {
        self.seat.touch();
    }
}
