//! A fill: one origin response on its way into the cache, and those who read it meanwhile.
//!
//! It belongs to the cache, not to the request that caused it. The request that misses first gets a
//! [`FillWriter`](crate::FillWriter), which it hands to whatever fetches, and a [`FillReader`] for its own answer; later requests get
//! a reader of the same fill. Nothing here knows an executor: what waits leaves a `Waker`.
//!
//! A waiter must be ready to be *released*: the response may turn out not to be shared (then all go on by
//! themselves, at once), to vary (then those it does not answer go on), or the leader may be gone. Released means:
//! call [`Cache::lookup_or_join`](crate::Cache::lookup_or_join) again.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::body::{Abort, BodyReader, Chunks, ReadError};
use crate::budget::{Budget, Charge};
use crate::fate::Fate;
use crate::labels::{LabelParts, Labels, Packed};
use crate::object::{HeadParts, Object, answers};

/// A response head that waiters share.
#[derive(Debug)]
pub struct FillHead<M> {
    /// Serialised head.
    pub head: Bytes,
    /// The engine's metadata.
    pub meta: M,
    /// Declared length of the body.
    pub body_bytes: Option<u64>,
    pub(crate) vary: Box<[u8]>,
    pub(crate) variant: Box<[u8]>,
    pub(crate) labels: Box<[u8]>,
    _charge: Charge,
}

impl<M> FillHead<M> {
    pub(crate) fn new(parts: HeadParts<'_, M>, budget: &Arc<Budget>) -> Self {
        let labels = parts.labels.pack().into_boxed_slice();
        let bytes = parts.head.len() + parts.vary.len() + parts.variant.len() + labels.len() + size_of::<M>();
        FillHead {
            _charge: budget.charge(bytes as u64),
            head: Bytes::copy_from_slice(parts.head),
            meta: parts.meta,
            body_bytes: parts.body_bytes,
            vary: parts.vary.into(),
            variant: parts.variant.into(),
            labels,
        }
    }

    /// Does it answer the request behind `variant_of`? A waiter joined before `Vary` was known must ask, and go on
    /// by itself where not.
    pub fn is_for(&self, variant_of: &dyn Fn(&[u8], &mut Vec<u8>), scratch: &mut Vec<u8>) -> bool {
        answers(&self.vary, &self.variant, variant_of, scratch)
    }
}

/// What a waiter gets.
pub enum Arrival<M> {
    /// A response that arrives: read its body from the same reader.
    Head(Arc<FillHead<M>>),
    /// A stored response was found good (304): read the object.
    Object(Arc<Object<M>>),
}

impl<M> Arrival<M> {
    /// [`FillHead::is_for`], whichever it is.
    pub fn is_for(&self, variant_of: &dyn Fn(&[u8], &mut Vec<u8>), scratch: &mut Vec<u8>) -> bool {
        match self {
            Arrival::Head(head) => head.is_for(variant_of, scratch),
            Arrival::Object(object) => object.is_for(variant_of, scratch),
        }
    }
}

/// Why a waiter got no head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// The response is not to be shared: fetch alone.
    Uncacheable,
    /// It is larger than any object may be: fetch alone.
    TooLarge,
    /// Another fill has this variant already: look up again.
    Superseded,
    /// The leader gave up before there was a head: look up again.
    LeaderGone,
    /// The fetch failed; asking again now would fail again.
    Failed(Arc<Abort>),
}

/// What becomes of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Store it, if it turns out no larger than an object may be.
    Store,
    /// Give it to the leader alone. For `do_not_wait_ms`, requests for the key do not wait for each other.
    Pass {
        /// Milliseconds; 0 for a response that says nothing about the next one.
        do_not_wait_ms: u64,
    },
}

/// How a fill goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It will be stored.
    Stores,
    /// It passes through a window: await [`FillWriter::room`](crate::FillWriter::room) before each piece.
    Passes,
    /// It will not be stored, and nobody reads: stop fetching.
    Unwanted,
}

/// A fill that is about to store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Storing {
    /// Its primary key.
    pub key: Box<[u8]>,
    /// The variant key of what it stores.
    pub variant: Box<[u8]>,
    /// The purge position it began at.
    pub purge_seq: u64,
}

pub(crate) enum Stage<M> {
    Waiting,
    Head { head: Arc<FillHead<M>>, only_leader: Option<Release> },
    Object(Arc<Object<M>>),
    Gone(Release),
}

/// The shared half.
pub(crate) struct Fill<M> {
    pub(crate) id: u64,
    hash: u64,
    pub(crate) key: Box<[u8]>,
    pub(crate) purge_seq: u64,
    guess_vary: Box<[u8]>,
    guess_variant: Box<[u8]>,
    pub(crate) stage: Mutex<Stage<M>>,
    pub(crate) chunks: Arc<Chunks>,
    /// Set under the shard's lock: the key was invalidated, so this neither takes waiters nor is stored.
    pub(crate) is_outdated: AtomicBool,
    /// Takes no waiters: its key was one not to wait for, and its head has not said otherwise.
    pub(crate) is_alone: AtomicBool,
    pub(crate) fate: Arc<Fate>,
}

impl<M> Fill<M> {
    pub(crate) fn new(
        id: u64,
        (hash, key): (u64, &[u8]),
        purge_seq: u64,
        (vary, variant): (&[u8], &[u8]),
        chunks: Arc<Chunks>,
        is_alone: bool,
    ) -> Arc<Self> {
        Arc::new(Fill {
            id,
            hash,
            key: key.into(),
            purge_seq,
            guess_vary: vary.into(),
            guess_variant: variant.into(),
            stage: Mutex::new(Stage::Waiting),
            chunks,
            is_outdated: AtomicBool::new(false),
            is_alone: AtomicBool::new(is_alone),
            fate: Arc::default(),
        })
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn is_under(&self, hash: u64, key: &[u8]) -> bool {
        self.hash == hash && *self.key == *key
    }

    /// May this request wait for it? `untouched` asks the purge log about the labels known so far.
    pub(crate) fn takes(
        &self,
        variant_of: &dyn Fn(&[u8], &mut Vec<u8>),
        scratch: &mut Vec<u8>,
        asked: LabelParts<'_>,
        untouched: &dyn Fn(&dyn Labels) -> bool,
    ) -> bool {
        if self.is_outdated.load(Ordering::Acquire) || self.is_alone.load(Ordering::Acquire) {
            return false;
        }
        match &*self.stage.lock() {
            Stage::Waiting => {
                answers(&self.guess_vary, &self.guess_variant, variant_of, scratch)
                    && untouched(&crate::labels::OfRequest::before_head(asked))
            }
            Stage::Head { head, only_leader: None } => {
                head.is_for(variant_of, scratch)
                    && untouched(&Packed(&head.labels))
                    && untouched(&crate::labels::OfRequest::after_tags(asked))
            }
            Stage::Head { .. } | Stage::Object(_) | Stage::Gone(_) => false,
        }
    }

    /// Is it about to store this very variant, asked for after the same purges?
    pub(crate) fn rivals(&self, head: &FillHead<M>, purge_seq: u64) -> bool {
        match &*self.stage.lock() {
            Stage::Head { head: own, only_leader: None } => {
                self.purge_seq == purge_seq && own.vary == head.vary && own.variant == head.variant
            }
            _ => false,
        }
    }

    /// What it is about to store; nothing where it has no head yet, passes, or was invalidated.
    pub(crate) fn storing(&self) -> Option<Storing> {
        if self.is_outdated.load(Ordering::Acquire) {
            return None;
        }
        match &*self.stage.lock() {
            Stage::Head { head, only_leader: None } => Some(Storing {
                key: self.key.clone(),
                variant: head.variant.clone(),
                purge_seq: self.purge_seq,
            }),
            _ => None,
        }
    }

    /// Waking the waiters is the caller's next step, once it holds no lock.
    pub(crate) fn settle(&self, stage: Stage<M>) {
        *self.stage.lock() = stage;
    }
}

/// One who waits for a fill and reads it. Dropping it is leaving.
pub struct FillReader<M> {
    fill: Arc<Fill<M>>,
    body: BodyReader,
    is_leader: bool,
}

impl<M> FillReader<M> {
    pub(crate) fn new(fill: &Arc<Fill<M>>, is_leader: bool) -> Self {
        FillReader { fill: Arc::clone(fill), body: BodyReader::of(&fill.chunks, 0..u64::MAX), is_leader }
    }

    /// Is this the reader of the request that caused the fill?
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }

    /// The fill's number, the same for all its readers: for records and `explain`.
    pub fn fill_id(&self) -> u64 {
        self.fill.id
    }

    /// What becomes of the fill, to be asked when it is over.
    pub fn fate(&self) -> &Arc<Fate> {
        &self.fill.fate
    }

    /// Wait for what arrives.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrival<M>, Release>> {
        self.body.park(cx); // before looking, so that nothing arrives in between unheard
        match &*self.fill.stage.lock() {
            Stage::Waiting => Poll::Pending,
            Stage::Head { only_leader: Some(release), .. } if !self.is_leader => {
                Poll::Ready(Err(release.clone()))
            }
            Stage::Head { head, .. } => Poll::Ready(Ok(Arrival::Head(Arc::clone(head)))),
            Stage::Object(object) => Poll::Ready(Ok(Arrival::Object(Arc::clone(object)))),
            Stage::Gone(release) => Poll::Ready(Err(release.clone())),
        }
    }

    /// [`FillReader::poll_head`] to await.
    pub async fn head(&mut self) -> Result<Arrival<M>, Release> {
        poll_fn(|cx| self.poll_head(cx)).await
    }

    /// The next bytes of the body as they arrive, `None` at its end.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ReadError>> {
        self.body.poll_read(cx)
    }

    /// [`FillReader::poll_read`] to await.
    pub async fn read(&mut self) -> Result<Option<Bytes>, ReadError> {
        self.body.read().await
    }

    /// Bytes that have come so far, and the length of the body once it is complete.
    pub fn come(&self) -> (u64, Option<u64>) {
        (self.fill.chunks.end(), self.fill.chunks.length())
    }

    /// The offset of the next byte.
    pub fn at(&self) -> u64 {
        self.body.at()
    }

    /// Trailers in the form the writer gave them, once all is read.
    pub fn trailers(&self) -> Option<Bytes> {
        self.body.trailers()
    }
}
