//! Where an object is found: shards of hash tables, each behind its own lock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::{Mutex, MutexGuard};

use crate::fill::Fill;
use crate::object::Object;

/// Number of shards. A hit holds one for about 20 ns.
const SHARD_COUNT: usize = 64;
/// Keys remembered as "do not wait" in one shard; the oldest is forgotten.
const DO_NOT_WAIT_MAX: usize = 1024;

enum Stored<M> {
    One(Arc<Object<M>>),
    /// Newest first.
    #[allow(clippy::box_collection)] // the slot stays small for the many keys that have one object
    Many(Box<Vec<Arc<Object<M>>>>),
}

impl<M> Stored<M> {
    fn objects(&self) -> &[Arc<Object<M>>] {
        match self {
            Stored::One(object) => std::slice::from_ref(object),
            Stored::Many(objects) => objects,
        }
    }
}

/// One key. Its hash is in its objects: eight bytes here would be up to twenty in a table half full.
struct Slot<M>(Stored<M>);

impl<M> Slot<M> {
    fn hash(&self) -> u64 {
        self.0.objects().first().map_or(0, |object| object.hash())
    }

    fn is(&self, hash: u64, key: &[u8]) -> bool {
        self.0.objects().first().is_some_and(|object| object.hash() == hash && object.key() == key)
    }
}

/// What a key has in store for a request.
pub(crate) enum Found<'a, M> {
    Object(&'a Arc<Object<M>>),
    /// Only other variants; the newest of them, whose `Vary` is the best guess.
    OtherVariant(&'a Arc<Object<M>>),
    Nothing,
}

/// What an insertion changed.
pub(crate) enum Inserted<M> {
    /// Nothing was there.
    New,
    /// It took this one's place.
    Replaced(Arc<Object<M>>),
    /// It came beside too many variants; this one, the oldest, had to go.
    Dropped(Arc<Object<M>>),
    /// Something that was asked for later is there already.
    Outdated,
}

/// One part of the index, and the fills under way for its keys.
pub(crate) struct Shard<M> {
    table: HashTable<Slot<M>>,
    pub(crate) fills: HashTable<Arc<Fill<M>>>,
    pub(crate) do_not_wait: DoNotWait,
    /// The first number given out after the last invalidation of any key here. What was begun before and is not
    /// among `fills` is not stored: rather a response too few than one that an unsafe method made wrong.
    pub(crate) invalidated_before: u64,
}

impl<M> Shard<M> {
    fn new() -> Self {
        Shard {
            table: HashTable::new(),
            fills: HashTable::new(),
            do_not_wait: DoNotWait::default(),
            invalidated_before: 0,
        }
    }

    /// The newest object under the key that answers the request.
    pub(crate) fn find(
        &self,
        hash: u64,
        key: &[u8],
        variant_of: &dyn Fn(&[u8], &mut Vec<u8>),
        scratch: &mut Vec<u8>,
    ) -> Found<'_, M> {
        let Some(slot) = self.table.find(hash, |slot| slot.is(hash, key)) else { return Found::Nothing };
        let objects = slot.0.objects();
        match objects.iter().find(|object| object.is_for(variant_of, scratch)) {
            Some(object) => Found::Object(object),
            None => objects.first().map_or(Found::Nothing, Found::OtherVariant),
        }
    }

    /// Put an object in, in place of the one with the same variant.
    pub(crate) fn insert(&mut self, object: Arc<Object<M>>, variants_max: usize) -> Inserted<M> {
        let hash = object.hash();
        let entry = self.table.entry(hash, |slot| slot.is(hash, object.key()), Slot::hash);
        let mut occupied = match entry {
            Entry::Vacant(vacant) => {
                vacant.insert(Slot(Stored::One(object)));
                return Inserted::New;
            }
            Entry::Occupied(occupied) => occupied,
        };
        let mut objects = match std::mem::replace(&mut occupied.get_mut().0, Stored::Many(Box::default())) {
            Stored::One(old) => vec![old],
            Stored::Many(objects) => *objects,
        };
        let same = |old: &Arc<Object<M>>| old.vary() == object.vary() && old.variant() == object.variant();
        let outcome = match objects.iter().position(same) {
            Some(at) if objects[at].id() > object.id() => Inserted::Outdated,
            Some(at) => {
                let old = objects.remove(at);
                objects.insert(0, object);
                Inserted::Replaced(old)
            }
            None => {
                objects.insert(0, object);
                let oldest = if objects.len() > variants_max { objects.pop() } else { None };
                oldest.map_or(Inserted::New, Inserted::Dropped)
            }
        };
        occupied.get_mut().0 = match (objects.len(), objects.pop()) {
            (1, Some(only)) => Stored::One(only),
            (_, last) => {
                objects.extend(last);
                Stored::Many(Box::new(objects))
            }
        };
        outcome
    }

    /// Take this very object out; false where it is not in any more.
    pub(crate) fn remove(&mut self, object: &Object<M>) -> bool {
        let hash = object.hash();
        let Ok(mut slot) = self.table.find_entry(hash, |slot| slot.is(hash, object.key())) else {
            return false;
        };
        let is_it = |other: &Arc<Object<M>>| std::ptr::eq(Arc::as_ptr(other), object);
        match &mut slot.get_mut().0 {
            Stored::One(only) if is_it(only) => {
                slot.remove();
                true
            }
            Stored::One(_) => false,
            Stored::Many(objects) => {
                let Some(at) = objects.iter().position(is_it) else { return false };
                objects.remove(at);
                if objects.is_empty() {
                    slot.remove();
                }
                true
            }
        }
    }

    /// Take all variants of a key out.
    pub(crate) fn remove_key(&mut self, hash: u64, key: &[u8]) -> Vec<Arc<Object<M>>> {
        match self.table.find_entry(hash, |slot| slot.is(hash, key)) {
            Ok(slot) => slot.remove().0.0.objects().to_vec(),
            Err(_) => Vec::new(),
        }
    }

    /// Every object of the shard.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Arc<Object<M>>> {
        self.table.iter().flat_map(|slot| slot.0.objects())
    }

    /// Forget all objects and what not to wait for; fills go on.
    pub(crate) fn clear(&mut self) {
        self.table = HashTable::new();
        self.do_not_wait = DoNotWait::default();
    }

    /// Let requests find a fill.
    pub(crate) fn list(&mut self, fill: &Arc<Fill<M>>) {
        self.fills.insert_unique(fill.hash(), Arc::clone(fill), |fill| fill.hash());
    }

    /// Let no more requests find a fill.
    pub(crate) fn unlist(&mut self, fill: &Arc<Fill<M>>) {
        if let Ok(listed) = self.fills.find_entry(fill.hash(), |other| Arc::ptr_eq(other, fill)) {
            listed.remove();
        }
    }
}

/// Keys whose responses are not shared, so that their requests do not queue behind each other.
///
/// Known by hash alone: a collision costs a second origin request.
#[derive(Default)]
pub(crate) struct DoNotWait {
    until_ms: HashMap<u64, u64>,
    order: VecDeque<u64>,
}

impl DoNotWait {
    pub(crate) fn put(&mut self, hash: u64, until_ms: u64) {
        if self.until_ms.insert(hash, until_ms).is_none() {
            self.order.push_back(hash);
        }
        if self.order.len() > DO_NOT_WAIT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.until_ms.remove(&oldest);
        }
    }

    /// Is it to be left alone? An entry past its time is dropped.
    pub(crate) fn holds(&mut self, hash: u64, now_ms: u64) -> bool {
        match self.until_ms.get(&hash) {
            None => false,
            Some(until_ms) if *until_ms > now_ms => true,
            Some(_) => {
                self.forget(hash);
                false
            }
        }
    }

    pub(crate) fn forget(&mut self, hash: u64) {
        if self.until_ms.remove(&hash).is_some() {
            self.order.retain(|other| *other != hash);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.until_ms.len()
    }
}

/// All shards.
pub(crate) struct Index<M> {
    shards: Box<[Mutex<Shard<M>>]>,
}

impl<M> Index<M> {
    pub(crate) fn new() -> Self {
        Index { shards: (0..SHARD_COUNT).map(|_| Mutex::new(Shard::new())).collect() }
    }

    /// The shard of a key. The table takes the hash's low and top bits, so shards go by bits in between.
    pub(crate) fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<M>> {
        self.shards[(hash >> 40) as usize % SHARD_COUNT].lock()
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, Shard<M>>> {
        self.shards.iter().map(|shard| shard.lock())
    }
}
