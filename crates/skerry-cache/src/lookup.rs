//! What a request asks of the cache, and what it may be told.

use std::sync::Arc;

use crate::fill::FillReader;
use crate::labels::LabelParts;
use crate::object::Object;
use crate::writer::FillWriter;

/// What a request asks of the cache. Nothing in it is kept unless a fill begins.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// [`hash_key`](crate::key::hash_key) of `key`.
    pub hash: u64,
    /// Primary key.
    pub key: &'a [u8],
    /// Space, host and paths, as purges will name them (tags are the response's).
    pub labels: LabelParts<'a>,
    /// The caller's clock, in milliseconds; only differences matter.
    pub now_ms: u64,
    /// Appends to its second argument the request's variant key for the `Vary` names in its first.
    pub variant_of: &'a dyn Fn(&[u8], &mut Vec<u8>),
}

/// The engine's judgement of a stored object, in the light of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Serve it.
    Fresh,
    /// It may be revalidated, or served stale.
    Stale,
    /// It is of no use to this request.
    Useless,
}

/// Why nothing usable was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissWhy {
    /// The key is not stored.
    Absent,
    /// Only other variants are.
    OtherVariant,
    /// It was purged.
    Purged,
    /// The engine judged it useless.
    Useless,
}

/// What a request does that found nothing fresh.
pub enum Role<M: Clone + Send + Sync + 'static> {
    /// It fetches: the writer goes to whatever runs the fetch, the reader is for its own answer.
    Lead(FillWriter<M>, FillReader<M>),
    /// Somebody fetches already.
    Join(FillReader<M>),
    /// Its key is one not to wait for: it fetches, and nobody waits for it until its head says it is shared.
    Alone(FillWriter<M>, FillReader<M>),
}

/// What a lookup found.
pub enum Lookup<M: Clone + Send + Sync + 'static> {
    /// A fresh object, touched.
    Hit(Arc<Object<M>>),
    /// A stale object, and the part in its revalidation. A role that is not wanted is dropped.
    Stale(Arc<Object<M>>, Role<M>),
    /// Nothing usable.
    Miss(MissWhy, Role<M>),
}
