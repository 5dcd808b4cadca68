//! The writing end of a fill: head, body, and what becomes of them.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::body::{Abort, CHUNK_BYTES, Room};
use crate::budget::{Charge, Refused, charged};
use crate::cache::Core;
use crate::fate::Became;
use crate::fill::{Course, Fill, FillHead, Keep, Release, Stage};
use crate::object::{Body, Draft, HeadParts, INLINE_BODY_BYTES_MAX, Object, Origin};
use crate::purge::Verdict;

/// Why a response was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// It was not to be stored.
    Passed,
    /// It turned out larger than an object may be.
    TooLarge,
    /// It was purged while it arrived.
    Purged,
    /// Its key was invalidated while it arrived.
    Invalidated,
    /// A response that was asked for later is there already.
    Newer,
    /// The memory it needs is held by readers and fills.
    NoRoom(Refused),
    /// It ended before its declared length, or ran past it.
    Cut,
    /// No head was ever set.
    Headless,
}

/// What a fill was begun with. An object made from it later (a compressed twin, say) is as old as it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    pub(crate) id: u64,
    pub(crate) purge_seq: u64,
}

impl Started {
    /// The purge sequence read before the origin request was sent; tier requests carry it.
    pub fn purge_seq(&self) -> u64 {
        self.purge_seq
    }
}

/// Writes a fill. Dropped before [`FillWriter::finish`], it aborts: readers fail or are released, nothing is stored.
pub struct FillWriter<M: Clone + Send + Sync + 'static> {
    core: Arc<Core<M>>,
    fill: Arc<Fill<M>>,
    head: Option<Arc<FillHead<M>>>,
    course: Course,
    why_passing: NotStored,
    is_listed: bool,
    is_over: bool,
    is_tight: bool,
    /// Keeps the fill itself on the account.
    _charge: Charge,
}

impl<M: Clone + Send + Sync + 'static> FillWriter<M> {
    pub(crate) fn new(core: &Arc<Core<M>>, fill: Arc<Fill<M>>) -> Self {
        core.fills_open.fetch_add(1, Ordering::AcqRel);
        let charge = core.budget.charge(crate::object::OVERHEAD_BYTES + fill.key.len() as u64);
        FillWriter {
            core: Arc::clone(core),
            fill,
            head: None,
            course: Course::Stores,
            why_passing: NotStored::Passed,
            is_listed: true,
            is_over: false,
            is_tight: false,
            _charge: charge,
        }
    }

    /// When this fill was begun, in purges and fills.
    pub fn started(&self) -> Started {
        Started { id: self.fill.id, purge_seq: self.fill.purge_seq }
    }

    /// How many read or wait now.
    pub fn reader_count(&self) -> usize {
        self.fill.chunks.reader_count()
    }

    /// Wait until the last reader has left. Whether to go on then is the profile's choice.
    pub fn poll_abandoned(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.fill.chunks.poll_abandoned(cx)
    }

    /// The head has come. `Keep::Pass` *demotes* the fill: waiters are released at once, and the key is noted as
    /// one not to wait for. So does a declared length that no object may have.
    pub fn set_head(&mut self, parts: HeadParts<'_, M>, keep: Keep, now_ms: u64) -> Course {
        let too_large = parts.body_bytes.is_some_and(|bytes| bytes > self.core.limits.object_bytes_max);
        let head = Arc::new(FillHead::new(parts, &self.core.budget));
        self.head = Some(Arc::clone(&head));
        let (released, do_not_wait_ms) = match keep {
            Keep::Pass { do_not_wait_ms } => {
                (Some((Release::Uncacheable, NotStored::Passed)), do_not_wait_ms)
            }
            Keep::Store if too_large => {
                (Some((Release::TooLarge, NotStored::TooLarge)), self.core.limits.do_not_wait_ms)
            }
            Keep::Store => (None, 0),
        };
        let core = Arc::clone(&self.core);
        let mut shard = core.index.shard(self.fill.hash());
        let released = released.or_else(|| {
            let rival = shard.fills.iter_hash(self.fill.hash()).any(|other| {
                !Arc::ptr_eq(other, &self.fill)
                    && other.is_under(self.fill.hash(), &self.fill.key)
                    && other.rivals(&head, self.fill.purge_seq)
            });
            rival.then_some((Release::Superseded, NotStored::Newer))
        });
        match released {
            Some((release, why)) => {
                if do_not_wait_ms > 0 {
                    shard.do_not_wait.put(self.fill.hash(), now_ms.saturating_add(do_not_wait_ms));
                }
                if std::mem::take(&mut self.is_listed) {
                    shard.unlist(&self.fill);
                }
                self.why_passing = why;
                self.course = Course::Passes;
                self.fill.chunks.start_window(self.core.limits.window_bytes);
                self.fill.settle(Stage::Head { head, only_leader: Some(release) });
            }
            None => {
                shard.do_not_wait.forget(self.fill.hash());
                self.fill.settle(Stage::Head { head, only_leader: None });
                self.fill.is_alone.store(false, Ordering::Release);
            }
        }
        drop(shard);
        self.fill.chunks.wake();
        self.course
    }

    /// Wait for room. Only a passing fill ever waits: until its fastest reader has read on.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Course> {
        if self.course == Course::Stores {
            return Poll::Ready(Course::Stores);
        }
        self.fill.chunks.poll_room(cx, self.is_tight).map(|room| match room {
            Room::Free => Course::Passes,
            Room::Unwanted => Course::Unwanted,
        })
    }

    /// [`FillWriter::poll_room`] to await.
    pub async fn room(&mut self) -> Course {
        poll_fn(|cx| self.poll_room(cx)).await
    }

    /// Add to the body. A stored body is copied into chunks of its own, so that `data`'s buffer is not pinned.
    ///
    /// A body that grows past `object_bytes_max`, or for which there is no memory, passes from here on: readers
    /// share a window of the last bytes. A passing fill takes `data` in any case; await `room` first, for that is
    /// what bounds the window.
    pub fn append(&mut self, data: &Bytes) -> Course {
        let mut rest = data.clone();
        if self.course == Course::Stores {
            if self.fill.chunks.end() + rest.len() as u64 > self.core.limits.object_bytes_max {
                self.pass_from_here(NotStored::TooLarge);
            } else {
                self.append_stored(&mut rest);
            }
        }
        if self.course == Course::Passes && !rest.is_empty() {
            self.append_passing(rest);
        }
        if self.course == Course::Passes && self.reader_count() == 0 { Course::Unwanted } else { self.course }
    }

    fn append_stored(&mut self, rest: &mut Bytes) {
        while !rest.is_empty() {
            if self.fill.chunks.tail_room() == 0 {
                // Where a chunk is not to be had, what is at hand may be.
                let at_hand = rest.len().min(CHUNK_BYTES) as u64;
                let whole = self.core.reserve(self.tail_bytes(rest.len()));
                match whole.or_else(|_| self.core.reserve(at_hand)) {
                    Ok(charge) => self.fill.chunks.open_tail(charge),
                    Err(refused) => return self.pass_from_here(NotStored::NoRoom(refused)),
                }
            }
            let taken = self.fill.chunks.extend_tail(rest);
            let _ = rest.split_to(taken);
        }
    }

    /// A chunk, or what is left of the declared length: a small body shall not cost a chunk.
    fn tail_bytes(&self, at_least: usize) -> u64 {
        let declared = self.head.as_ref().and_then(|head| head.body_bytes);
        let left = declared.map_or(u64::MAX, |bytes| bytes.saturating_sub(self.fill.chunks.end()));
        left.max(at_least as u64).min(CHUNK_BYTES as u64)
    }

    fn append_passing(&mut self, piece: Bytes) {
        let bytes = piece.len() as u64;
        let charge = match self.core.reserve(bytes) {
            Ok(charge) => {
                self.is_tight = false;
                charge
            }
            Err(_) => {
                // Under pressure a passing fill holds one piece at a time. It is never refused: its client waits.
                self.is_tight = true;
                self.core.budget.charge(bytes)
            }
        };
        self.fill.chunks.push(charged(piece, charge));
    }

    fn pass_from_here(&mut self, why: NotStored) {
        self.why_passing = why;
        self.course = Course::Passes;
        self.unlist();
        self.fill.chunks.start_window(self.core.limits.window_bytes);
    }

    fn unlist(&mut self) {
        if std::mem::take(&mut self.is_listed) {
            self.core.index.shard(self.fill.hash()).unlist(&self.fill);
        }
    }

    /// The body is whole: store it where it is to be stored, and let readers come to its end.
    /// `trailers` are the engine's bytes, given back as they are.
    pub fn finish(mut self, trailers: Option<Bytes>) -> Result<Arc<Object<M>>, NotStored> {
        let Some(head) = self.head.clone() else {
            self.fail(&Abort::new("cache.headless_fill", "the response ended before its head was set"));
            return Err(NotStored::Headless);
        };
        if head.body_bytes.is_some_and(|bytes| bytes != self.fill.chunks.end()) {
            self.fail(&Abort::new("cache.cut_fill", "the response did not have the length it declared"));
            return Err(NotStored::Cut);
        }
        let stored = if self.course == Course::Stores {
            let is_small = self.fill.chunks.end() <= INLINE_BODY_BYTES_MAX && trailers.is_none();
            let body = if is_small {
                let mut inline = Vec::with_capacity(self.fill.chunks.end() as usize);
                self.fill.chunks.copy_all(&mut inline);
                self.fill.chunks.complete(None);
                Body::Inline(inline)
            } else {
                // Complete before it is stored: an object's weight must not change.
                self.fill.chunks.complete(trailers.clone());
                Body::Chunks(Arc::clone(&self.fill.chunks))
            };
            self.store(&head, body)
        } else {
            Err(self.why_passing.clone())
        };
        self.unlist();
        self.is_over = true;
        let became = stored.as_ref().map_or_else(|why| Became::NotStored(why.clone()), |_| Became::Stored);
        self.fill.fate.settle(became);
        if self.course != Course::Stores {
            self.fill.chunks.complete(trailers);
        }
        stored
    }

    /// The stored response is still good (304): a new object with the new head and the old body takes its place,
    /// and waiters get it. The old body is not copied where it is in chunks.
    pub fn refresh(mut self, old: &Arc<Object<M>>, parts: HeadParts<'_, M>) -> Refreshed<M> {
        let head = FillHead::new(parts, &self.core.budget);
        let body = match (old.chunks(), old.inline_body()) {
            (Some(chunks), _) => Body::Chunks(Arc::clone(chunks)),
            (None, inline) => Body::Inline(inline.unwrap_or_default().to_vec()),
        };
        let draft = self.draft(&head, body);
        let bytes = draft.own_bytes::<M>();
        let (charge, mut not_stored) = match self.core.reserve(bytes) {
            Ok(charge) => (charge, None),
            // Its readers must have it; it is a head's worth of memory, for as long as they read.
            Err(refused) => (self.core.budget.charge(bytes), Some(NotStored::NoRoom(refused))),
        };
        let origin = Origin { born_seq: old.born_seq(), ..self.origin() };
        let object = Arc::new(draft.finish(&origin, head.meta.clone(), charge));
        if not_stored.is_none() {
            not_stored = self.place(&object).err();
        }
        self.unlist();
        self.is_over = true;
        self.fill.fate.settle(not_stored.clone().map_or(Became::Stored, Became::NotStored));
        self.fill.settle(Stage::Object(Arc::clone(&object)));
        self.fill.chunks.wake();
        Refreshed { object, not_stored }
    }

    /// The fetch failed: waiters get the reason, readers too after the bytes that came; nothing is stored.
    pub fn abort(mut self, abort: &Abort) {
        self.fail(abort);
    }

    fn fail(&mut self, abort: &Abort) {
        let abort = Arc::new(abort.clone());
        self.give_up(Release::Failed(Arc::clone(&abort)), abort);
    }

    fn give_up(&mut self, release: Release, abort: Arc<Abort>) {
        self.unlist();
        self.is_over = true;
        self.fill.fate.settle(Became::Failed(Arc::clone(&abort)));
        if self.head.is_none() {
            self.fill.settle(Stage::Gone(release));
        }
        self.fill.chunks.abort(abort);
    }

    fn origin(&self) -> Origin {
        let seq = self.fill.purge_seq;
        Origin { hash: self.fill.hash(), id: self.fill.id, purge_seq: seq, born_seq: seq }
    }

    fn draft(&self, head: &FillHead<M>, body: Body) -> Draft {
        Draft::new(&self.fill.key, &head.vary, &head.variant, &head.head, &head.labels, body)
    }

    fn store(&mut self, head: &FillHead<M>, body: Body) -> Result<Arc<Object<M>>, NotStored> {
        let draft = self.draft(head, body);
        let charge = self.core.reserve(draft.own_bytes::<M>()).map_err(NotStored::NoRoom)?;
        let object = Arc::new(draft.finish(&self.origin(), head.meta.clone(), charge));
        self.place(&object)?;
        Ok(object)
    }

    /// Into the index and off the list in one step, so that a request finds the one or the other.
    fn place(&mut self, object: &Arc<Object<M>>) -> Result<(), NotStored> {
        let core = Arc::clone(&self.core);
        let mut shard = core.index.shard(self.fill.hash());
        if std::mem::take(&mut self.is_listed) {
            shard.unlist(&self.fill);
        }
        if self.fill.is_outdated.load(Ordering::Acquire) {
            return Err(NotStored::Invalidated);
        }
        if object.standing(&core.purges) == Verdict::Hard {
            return Err(NotStored::Purged);
        }
        core.place(&mut shard, Arc::clone(object))
    }
}

/// What a refresh made.
pub struct Refreshed<M> {
    /// The new object; its readers have it in any case.
    pub object: Arc<Object<M>>,
    /// Why it is not in the cache, where it is not.
    pub not_stored: Option<NotStored>,
}

impl<M: Clone + Send + Sync + 'static> Drop for FillWriter<M> {
    fn drop(&mut self) {
        if !self.is_over {
            let abort =
                Abort::new("cache.fill_dropped", "the fetch was given up before the response was whole");
            self.give_up(Release::LeaderGone, Arc::new(abort));
        }
        self.core.fills_open.fetch_sub(1, Ordering::AcqRel);
    }
}
