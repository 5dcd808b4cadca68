//! The cache: index, queue, fills, purges and budget under one roof.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::arena::Arena;
use crate::body::{CHUNK_BYTES, Chunks};
use crate::budget::{Budget, Charge, Refused};
use crate::fill::{Fill, FillReader, Storing};
use crate::index::{Found, Index, Inserted, Shard};
use crate::limits::{Gauges, Limits};
use crate::log::PurgeLog;
use crate::lookup::{Ask, Judged, Lookup, MissWhy, Role};
use crate::object::{Body, Draft, HeadParts, INLINE_BODY_BYTES_MAX, Object, Origin};
use crate::purge::{Appended, Purge, TooLong, Verdict};
use crate::s3fifo::S3Fifo;
use crate::writer::{FillWriter, NotStored, Started};

pub(crate) struct Core<M> {
    pub(crate) index: Index<M>,
    policy: Mutex<S3Fifo<Arc<Object<M>>>>,
    pub(crate) purges: PurgeLog,
    pub(crate) budget: Arc<Budget>,
    arena: Option<Arc<Arena>>,
    pub(crate) limits: Limits,
    next_id: AtomicU64,
    pub(crate) fills_open: AtomicUsize,
}

impl<M> Core<M> {
    /// Take `bytes`, evicting what must leave for them.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<Charge, Refused> {
        loop {
            match self.budget.reserve(bytes) {
                Ok(charge) => return Ok(charge),
                Err(refused) if bytes > refused.bytes_max || !self.evict_one() => return Err(refused),
                Err(_) => {}
            }
        }
    }

    /// The queue's lock is let go before the shard's is taken: insertion takes them the other way round.
    fn evict_one(&self) -> bool {
        let Some(victim) = self.policy.lock().evict() else { return false };
        self.index.shard(victim.hash()).remove(&victim);
        true
    }

    /// Into index and queue, under the shard's lock, so that nobody finds it in the one and not in the other.
    pub(crate) fn place(&self, shard: &mut Shard<M>, object: Arc<Object<M>>) -> Result<(), NotStored> {
        match shard.insert(Arc::clone(&object), self.limits.variants_max) {
            Inserted::New => self.policy.lock().insert(object),
            Inserted::Replaced(old) => self.policy.lock().replace(&old, object),
            Inserted::Dropped(oldest) => {
                let mut policy = self.policy.lock();
                policy.remove(&oldest);
                policy.insert(object);
            }
            Inserted::Outdated => return Err(NotStored::Newer),
        }
        Ok(())
    }

    fn displace(&self, shard: &mut Shard<M>, object: &Arc<Object<M>>) {
        if shard.remove(object) {
            self.policy.lock().remove(object);
        }
    }
}

/// A PoP's cache. Clones share it.
pub struct Cache<M> {
    core: Arc<Core<M>>,
}

impl<M> Clone for Cache<M> {
    fn clone(&self) -> Self {
        Cache { core: Arc::clone(&self.core) }
    }
}

impl<M: Clone + Send + Sync + 'static> Cache<M> {
    /// An empty cache.
    pub fn new(limits: Limits) -> Self {
        Cache {
            core: Arc::new(Core {
                index: Index::new(),
                policy: Mutex::new(S3Fifo::new(limits.bytes_max)),
                purges: PurgeLog::new(limits.purge_entries_max),
                budget: Budget::new(limits.bytes_max),
                arena: limits.has_arena.then(|| Arena::where_safe(limits.bytes_max)).flatten(),
                limits,
                next_id: AtomicU64::new(1),
                fills_open: AtomicUsize::new(0),
            }),
        }
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.core.limits
    }

    /// The memory account, for buffers of the engine's own that must count as the cache's.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.core.budget
    }

    /// Where large pieces of stored bodies lie, if the system gave us such a place.
    pub fn arena(&self) -> Option<&Arc<Arena>> {
        self.core.arena.as_ref()
    }

    /// Take `bytes` from the account, evicting what must leave for them.
    pub fn reserve(&self, bytes: u64) -> Result<Charge, Refused> {
        self.core.reserve(bytes)
    }

    /// The quick way: the object that answers, untouched by hard purges, its hit counted. Whether it is fresh
    /// (and [softly purged](Object::is_soft_purged)) is the caller's to see; where it is not, or there is none,
    /// [`Cache::lookup_or_join`] follows. `scratch` is overwritten.
    pub fn lookup(
        &self,
        hash: u64,
        key: &[u8],
        variant_of: &dyn Fn(&[u8], &mut Vec<u8>),
        scratch: &mut Vec<u8>,
    ) -> Option<Arc<Object<M>>> {
        let object = match self.core.index.shard(hash).find(hash, key, variant_of, scratch) {
            Found::Object(object) => Arc::clone(object),
            Found::OtherVariant(_) | Found::Nothing => return None,
        };
        if object.standing(&self.core.purges) == Verdict::Hard {
            self.remove(&object);
            return None;
        }
        object.touch();
        Some(object)
    }

    /// Find, or take part in fetching: in one step, so that no second request slips in between. `judge` is called
    /// under a shard's lock at most once, with the object and whether it was softly purged; it must be quick and
    /// must not call the cache.
    pub fn lookup_or_join(
        &self,
        ask: &Ask<'_>,
        scratch: &mut Vec<u8>,
        judge: &mut dyn FnMut(&Object<M>, bool) -> Judged,
    ) -> Lookup<M> {
        // Before anything else is looked at: what is fetched from here on is at least this new.
        let purge_seq = self.core.purges.seq();
        let mut shard = self.core.index.shard(ask.hash);
        let (found, why, vary) = match shard.find(ask.hash, ask.key, ask.variant_of, scratch) {
            Found::Object(object) => (Some(Arc::clone(object)), MissWhy::Absent, object.vary().to_vec()),
            Found::OtherVariant(newest) => (None, MissWhy::OtherVariant, newest.vary().to_vec()),
            Found::Nothing => (None, MissWhy::Absent, Vec::new()),
        };
        let Some(object) = found else {
            return Lookup::Miss(why, self.role(&mut shard, ask, scratch, purge_seq, &vary));
        };
        let verdict = object.standing(&self.core.purges);
        if verdict == Verdict::Hard {
            self.core.displace(&mut shard, &object);
            return Lookup::Miss(MissWhy::Purged, self.role(&mut shard, ask, scratch, purge_seq, &vary));
        }
        match judge(&object, verdict == Verdict::Soft) {
            Judged::Fresh => {
                object.touch();
                Lookup::Hit(object)
            }
            Judged::Stale => {
                object.touch();
                Lookup::Stale(object, self.role(&mut shard, ask, scratch, purge_seq, &vary))
            }
            Judged::Useless => {
                Lookup::Miss(MissWhy::Useless, self.role(&mut shard, ask, scratch, purge_seq, &vary))
            }
        }
    }

    fn role(
        &self,
        shard: &mut Shard<M>,
        ask: &Ask<'_>,
        scratch: &mut Vec<u8>,
        purge_seq: u64,
        vary: &[u8],
    ) -> Role<M> {
        let alone = shard.do_not_wait.holds(ask.hash, ask.now_ms);
        if !alone {
            let under_way = shard.fills.iter_hash(ask.hash).find(|fill| {
                fill.is_under(ask.hash, ask.key)
                    && fill.takes(ask.variant_of, scratch, ask.labels, &|labels| {
                        self.core.purges.verdict(fill.purge_seq, labels).0 == Verdict::Untouched
                    })
            });
            if let Some(fill) = under_way {
                return Role::Join(FillReader::new(fill, false));
            }
        }
        scratch.clear();
        if !vary.is_empty() {
            (ask.variant_of)(vary, scratch);
        }
        let id = self.core.next_id.fetch_add(1, Ordering::Relaxed);
        let chunks = Chunks::new(&self.core.budget, self.core.arena.as_ref());
        let fill = Fill::new(id, (ask.hash, ask.key), purge_seq, (vary, scratch), chunks, alone);
        shard.list(&fill);
        let reader = FillReader::new(&fill, true);
        let writer = FillWriter::new(&self.core, fill);
        if alone { Role::Alone(writer, reader) } else { Role::Lead(writer, reader) }
    }

    /// A mark for a response that is about to be asked for outside a fill, to be stored with [`Cache::put`].
    pub fn begin(&self) -> Started {
        let purge_seq = self.core.purges.seq();
        Started { id: self.core.next_id.fetch_add(1, Ordering::Relaxed), purge_seq }
    }

    /// Store a whole response: a compressed twin of one just filled, or what something other than a fill fetched.
    pub fn put(
        &self,
        started: Started,
        (hash, key): (u64, &[u8]),
        parts: HeadParts<'_, M>,
        body: &[u8],
        trailers: Option<Bytes>,
    ) -> Result<Arc<Object<M>>, NotStored> {
        let core = &self.core;
        if body.len() as u64 > core.limits.object_bytes_max {
            return Err(NotStored::TooLarge);
        }
        let labels = parts.labels.pack();
        let body = if body.len() as u64 <= INLINE_BODY_BYTES_MAX && trailers.is_none() {
            Body::Inline(body.to_vec())
        } else {
            let chunks = Chunks::new(&core.budget, core.arena.as_ref());
            for part in body.chunks(CHUNK_BYTES) {
                chunks.open_tail(core.reserve(part.len() as u64).map_err(NotStored::NoRoom)?);
                chunks.extend_tail(part);
            }
            chunks.complete(trailers);
            Body::Chunks(chunks)
        };
        let draft = Draft::new(key, parts.vary, parts.variant, parts.head, &labels, body);
        let charge = core.reserve(draft.own_bytes::<M>()).map_err(NotStored::NoRoom)?;
        let seq = started.purge_seq;
        let origin = Origin { hash, id: started.id, purge_seq: seq, born_seq: seq };
        let object = Arc::new(draft.finish(&origin, parts.meta, charge));
        let mut shard = core.index.shard(hash);
        if started.id < shard.invalidated_before {
            return Err(NotStored::Invalidated);
        }
        if object.standing(&core.purges) == Verdict::Hard {
            return Err(NotStored::Purged);
        }
        core.place(&mut shard, Arc::clone(&object))?;
        Ok(object)
    }

    /// Take this very object out.
    pub fn remove(&self, object: &Arc<Object<M>>) {
        let mut shard = self.core.index.shard(object.hash());
        self.core.displace(&mut shard, object);
    }

    /// Forget a key with all its variants, and let no fill under way store one (RFC 9111 4.4: an unsafe method
    /// succeeded). Returns how many objects there were.
    pub fn invalidate(&self, hash: u64, key: &[u8]) -> usize {
        let mut shard = self.core.index.shard(hash);
        for fill in shard.fills.iter_hash(hash).filter(|fill| fill.is_under(hash, key)) {
            fill.is_outdated.store(true, Ordering::Release);
        }
        shard.invalidated_before = self.core.next_id.load(Ordering::Relaxed);
        let removed = shard.remove_key(hash, key);
        let mut policy = self.core.policy.lock();
        for object in &removed {
            policy.remove(object);
        }
        removed.len()
    }

    /// Purge. It holds for every lookup from here on; acknowledge it once the record is on disk.
    pub fn purge(&self, purge: &Purge) -> Result<Appended, TooLong> {
        self.core.purges.append(purge)
    }

    /// The log itself: position, replay, checkpoint.
    pub fn purges(&self) -> &PurgeLog {
        &self.core.purges
    }

    /// Ask the log about every object, drop what is purged, and let the log forget. For a background task, when
    /// [`PurgeLog::wants_compaction`]; holds one shard at a time. Returns how many objects were dropped.
    pub fn sweep(&self) -> usize {
        let seq = self.core.purges.seq();
        let mut dropped = 0;
        for mut shard in self.core.index.shards() {
            let purged: Vec<Arc<Object<M>>> = shard
                .objects()
                .filter(|object| object.standing(&self.core.purges) == Verdict::Hard)
                .cloned()
                .collect();
            dropped += purged.len();
            purged.iter().for_each(|object| self.core.displace(&mut shard, object));
        }
        self.core.purges.compact(seq);
        dropped
    }

    /// Forget every object and what not to wait for. Fills go on, and store.
    pub fn clear(&self) {
        for mut shard in self.core.index.shards() {
            let mut policy = self.core.policy.lock();
            for object in shard.objects() {
                policy.remove(object);
            }
            drop(policy);
            shard.clear();
        }
        let mut policy = self.core.policy.lock();
        if policy.is_empty() {
            policy.clear(); // its tables and ghost too
        }
    }

    /// Fills that are about to store: for invariants, and for people who ask what is under way.
    pub fn storing(&self) -> Vec<Storing> {
        let shards = self.core.index.shards();
        shards
            .flat_map(|shard| shard.fills.iter().filter_map(|fill| fill.storing()).collect::<Vec<_>>())
            .collect()
    }

    /// The gauges; not one moment's picture, but each is exact at rest.
    pub fn gauges(&self) -> Gauges {
        let (objects, resident_bytes) = {
            let policy = self.core.policy.lock();
            (policy.len(), policy.bytes())
        };
        let used_bytes = self.core.budget.used_bytes();
        Gauges {
            objects,
            resident_bytes,
            used_bytes,
            pinned_bytes: used_bytes.saturating_sub(resident_bytes),
            fills: self.core.fills_open.load(Ordering::Acquire),
            do_not_wait: self.core.index.shards().map(|shard| shard.do_not_wait.len()).sum(),
            purge_entries: self.core.purges.entry_count(),
            purge_seq: self.core.purges.seq(),
        }
    }
}
