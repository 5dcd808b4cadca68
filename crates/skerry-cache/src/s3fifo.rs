//! S3-FIFO by bytes: which resident leaves when room is needed.
//!
//! Yang et al., "FIFO queues are all you need for cache eviction" (SOSP 2023): a small queue (a tenth of the
//! bytes) in which newcomers must prove themselves, a main queue (the rest) that gives each touched resident
//! another round, and a ghost: the hashes of those that left the small queue unproven and go straight to main
//! when they come back. A hit changes only the resident's two-bit counter, so it needs no lock of this queue.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use hashbrown::HashTable;

/// Highest count a resident's touches reach (two bits).
pub const TOUCHES_MAX: u8 = 3;
/// A newcomer touched this often moves to main instead of leaving (the paper: "more than once").
const PROMOTE_AT: u8 = 2;
/// How many residents in use are passed over in one search for room before it gives up.
const PINNED_PASSES_MAX: u32 = 64;
/// The small queue's share of the bytes, as a divisor.
const SMALL_PART: u64 = 10;
/// Not in the queue.
const NONE: u32 = u32::MAX;

/// What the queue keeps in each resident: its place, and how often it was touched.
#[derive(Debug)]
pub struct Seat {
    place: AtomicU32,
    touches: AtomicU8,
}

impl Default for Seat {
    fn default() -> Self {
        Seat { place: AtomicU32::new(NONE), touches: AtomicU8::new(0) }
    }
}

impl Seat {
    /// Count a hit. Two racing hits may count as one; nothing depends on it.
    pub fn touch(&self) {
        let touches = self.touches.load(Ordering::Relaxed);
        if touches < TOUCHES_MAX {
            self.touches.store(touches + 1, Ordering::Relaxed);
        }
    }

    fn touches(&self) -> u8 {
        self.touches.load(Ordering::Relaxed)
    }
}

/// Something that takes room in the cache.
pub trait Resident {
    /// Hash by which the ghost remembers it.
    fn hash(&self) -> u64;
    /// Bytes it costs; must never change.
    fn weight_bytes(&self) -> u64;
    /// Its place and touches.
    fn seat(&self) -> &Seat;
    /// Is it in use, so that evicting it would free nothing now?
    fn is_pinned(&self) -> bool {
        false
    }
}

struct Node<T> {
    toward_head: u32, // newer
    toward_tail: u32, // older
    item: Option<T>,  // None: on the free list, linked by `toward_tail`
}

#[derive(Clone, Copy)]
struct Queue {
    head: u32,
    tail: u32,
    count: u32,
    bytes: u64,
}

const EMPTY: Queue = Queue { head: NONE, tail: NONE, count: 0, bytes: 0 };
const SMALL: usize = 0;
const MAIN: usize = 1;

/// The queues. Not a map: who is in the cache is the index's knowledge.
pub struct S3Fifo<T> {
    nodes: Vec<Node<T>>,
    in_main: Vec<u64>, // a bit for each node
    free: u32,
    queues: [Queue; 2],
    ghost: Ghost,
    bytes_max: u64,
    has_evicted: bool,
}

impl<T: Resident> S3Fifo<T> {
    /// Queues for a cache of `bytes_max` bytes.
    pub fn new(bytes_max: u64) -> Self {
        S3Fifo {
            nodes: Vec::new(),
            in_main: Vec::new(),
            free: NONE,
            queues: [EMPTY; 2],
            ghost: Ghost::default(),
            bytes_max,
            has_evicted: false,
        }
    }

    /// Sum of the residents' weights.
    pub fn bytes(&self) -> u64 {
        self.queues[SMALL].bytes + self.queues[MAIN].bytes
    }

    /// How many residents there are.
    pub fn len(&self) -> usize {
        (self.queues[SMALL].count + self.queues[MAIN].count) as usize
    }

    /// Is nothing resident?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn small_bytes_max(&self) -> u64 {
        self.bytes_max / SMALL_PART
    }

    /// Let a newcomer in. Room is the caller's care: [`S3Fifo::evict`] first.
    pub fn insert(&mut self, item: T) {
        item.seat().touches.store(0, Ordering::Relaxed);
        // Until something had to leave there is no reason to make anyone prove itself: fill the main queue.
        let filling = !self.has_evicted && self.queues[SMALL].bytes >= self.small_bytes_max();
        let queue = if self.ghost.take(item.hash()) || filling { MAIN } else { SMALL };
        self.push(queue, item);
    }

    /// Put `new` in the place of `old`, touches kept: a refreshed object is as popular as it was.
    /// Where `old` has left already, `new` is a newcomer.
    pub fn replace(&mut self, old: &T, new: T) {
        let place = old.seat().place.load(Ordering::Relaxed);
        if place == NONE {
            return self.insert(new);
        }
        new.seat().touches.store(old.seat().touches(), Ordering::Relaxed);
        new.seat().place.store(place, Ordering::Relaxed);
        old.seat().place.store(NONE, Ordering::Relaxed);
        let queue = self.queue_of(place);
        let bytes = &mut self.queues[queue].bytes;
        *bytes = *bytes - old.weight_bytes() + new.weight_bytes();
        self.nodes[place as usize].item = Some(new);
    }

    /// Take `item` out, if it is in.
    pub fn remove(&mut self, item: &T) -> Option<T> {
        let place = item.seat().place.load(Ordering::Relaxed);
        if place == NONE { None } else { self.unlink(place) }
    }

    /// The resident that must leave next, taken out; `None` when there is none, or when all that were looked at
    /// are in use.
    pub fn evict(&mut self) -> Option<T> {
        let mut passes = 0;
        while passes < PINNED_PASSES_MAX {
            let small = self.queues[SMALL];
            let main = self.queues[MAIN];
            if small.count == 0 && main.count == 0 {
                return None;
            }
            let main_is_full = main.bytes > self.bytes_max - self.small_bytes_max();
            let from = if small.count == 0 || (main_is_full && main.count > 0) { MAIN } else { SMALL };
            let item = self.unlink(self.queues[from].tail)?;
            let touches = item.seat().touches();
            if item.is_pinned() {
                passes += 1;
                self.push(MAIN, item);
            } else if from == SMALL && touches >= PROMOTE_AT {
                item.seat().touches.store(0, Ordering::Relaxed);
                self.push(MAIN, item);
            } else if from == MAIN && touches > 0 {
                item.seat().touches.store(touches - 1, Ordering::Relaxed);
                self.push(MAIN, item);
            } else {
                if from == SMALL {
                    self.ghost.remember(item.hash(), self.queues[MAIN].count as usize);
                }
                self.has_evicted = true;
                return Some(item);
            }
        }
        None
    }

    /// Forget everyone, the ghost too.
    pub fn clear(&mut self) {
        for node in &self.nodes {
            if let Some(item) = &node.item {
                item.seat().place.store(NONE, Ordering::Relaxed);
            }
        }
        *self = S3Fifo::new(self.bytes_max);
    }

    fn queue_of(&self, place: u32) -> usize {
        usize::from(self.in_main[place as usize / 64] >> (place % 64) & 1 == 1)
    }

    fn push(&mut self, queue: usize, item: T) {
        let place = self.take_place();
        let bit = 1 << (place % 64);
        let word = &mut self.in_main[place as usize / 64];
        *word = if queue == MAIN { *word | bit } else { *word & !bit };
        item.seat().place.store(place, Ordering::Relaxed);
        let list = &mut self.queues[queue];
        list.bytes += item.weight_bytes();
        list.count += 1;
        let head = std::mem::replace(&mut list.head, place);
        if head == NONE {
            list.tail = place;
        } else {
            self.nodes[head as usize].toward_head = place;
        }
        self.nodes[place as usize] = Node { toward_head: NONE, toward_tail: head, item: Some(item) };
    }

    fn take_place(&mut self) -> u32 {
        if self.free != NONE {
            let place = self.free;
            self.free = self.nodes[place as usize].toward_tail;
            return place;
        }
        if self.nodes.len() == self.nodes.capacity() {
            // An eighth at a time: doubling would leave half of the index's largest table empty.
            self.nodes.reserve_exact(self.nodes.len() / 8 + 64);
        }
        self.nodes.push(Node { toward_head: NONE, toward_tail: NONE, item: None });
        self.in_main.resize(self.nodes.len().div_ceil(64), 0);
        (self.nodes.len() - 1) as u32
    }

    fn unlink(&mut self, place: u32) -> Option<T> {
        let queue = self.queue_of(place);
        let node = &mut self.nodes[place as usize];
        let item = node.item.take()?;
        let (newer, older) = (node.toward_head, node.toward_tail);
        node.toward_tail = self.free;
        self.free = place;
        match newer {
            NONE => self.queues[queue].head = older,
            newer => self.nodes[newer as usize].toward_tail = older,
        }
        match older {
            NONE => self.queues[queue].tail = newer,
            older => self.nodes[older as usize].toward_head = newer,
        }
        self.queues[queue].count -= 1;
        self.queues[queue].bytes -= item.weight_bytes();
        item.seat().place.store(NONE, Ordering::Relaxed);
        Some(item)
    }
}

/// Hashes of those that left unproven, oldest forgotten first, as many as main has residents.
///
/// 32 bits of the hash are kept: a false match (one in four billion a lookup and entry) lets a newcomer into main
/// unproven and costs nothing else.
#[derive(Default)]
struct Ghost {
    order: VecDeque<u32>,
    first: u32, // position of the front of `order`, counted from the beginning, wrapping
    known: HashTable<(u32, u32)>, // print, position of its latest entry in `order`
}

impl Ghost {
    fn print(hash: u64) -> u32 {
        (hash >> 32) as u32
    }

    fn spread(print: u32) -> u64 {
        u64::from(print).wrapping_mul(0x9E37_79B9_7F4A_7C15) // the table uses the high bits, a print has none
    }

    fn remember(&mut self, hash: u64, len_max: usize) {
        let print = Self::print(hash);
        let position = self.first.wrapping_add(self.order.len() as u32);
        let same = |known: &(u32, u32)| known.0 == print;
        self.known.entry(Self::spread(print), same, |known| Self::spread(known.0)).insert((print, position));
        if self.order.len() == self.order.capacity() {
            self.order.reserve_exact(self.order.len() / 8 + 64);
        }
        self.order.push_back(print);
        // Entries that came back leave holes in `order`; they may take as much room again, not more.
        while self.known.len() > len_max || self.order.len() > 2 * len_max {
            let Some(oldest) = self.order.pop_front() else { break };
            let position = self.first;
            self.first = position.wrapping_add(1);
            self.forget(oldest, |latest| latest == position);
        }
    }

    fn forget(&mut self, print: u32, when: impl Fn(u32) -> bool) -> bool {
        let found = self.known.find_entry(Self::spread(print), |known| known.0 == print && when(known.1));
        found.map(|known| known.remove()).is_ok()
    }

    /// Was it here? Then no more.
    fn take(&mut self, hash: u64) -> bool {
        self.forget(Self::print(hash), |_| true)
    }
}
