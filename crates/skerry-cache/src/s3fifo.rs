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
    fn ghost_hash(&self) -> u64;
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
        let queue = if self.ghost.take(item.ghost_hash()) || filling { MAIN } else { SMALL };
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
                    self.ghost.remember(item.ghost_hash(), self.queues[MAIN].count as usize);
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
    order: VecDeque<u32>,  // prints, oldest first
    first: u32,            // position of the front of `order`, counted from the beginning, wrapping
    known: HashTable<u32>, // position of each print's latest entry
}

fn print_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The table wants high bits too, and a print has none.
fn spread(print: u32) -> u64 {
    u64::from(print).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Ghost {
    fn remember(&mut self, hash: u64, len_max: usize) {
        let print = print_of(hash);
        if self.order.len() == self.order.capacity() {
            self.order.reserve_exact(self.order.len() / 8 + 64);
        }
        self.order.push_back(print);
        let Ghost { order, first, known } = self;
        let print_at = |position: &u32| order[position.wrapping_sub(*first) as usize];
        let position = first.wrapping_add(order.len() as u32 - 1);
        known
            .entry(spread(print), |other| print_at(other) == print, |other| spread(print_at(other)))
            .insert(position);
        // Entries that came back leave holes in `order`; they may take as much room again, not more.
        while self.known.len() > len_max || self.order.len() > 2 * len_max {
            let Some(oldest) = self.order.front().copied() else { break };
            let position = self.first;
            self.forget(oldest, |latest| latest == position);
            self.order.pop_front();
            self.first = position.wrapping_add(1);
        }
    }

    fn forget(&mut self, print: u32, when: impl Fn(u32) -> bool) -> bool {
        let Ghost { order, first, known } = self;
        let is_it = |at: &u32| order[at.wrapping_sub(*first) as usize] == print && when(*at);
        known.find_entry(spread(print), is_it).map(|known| known.remove()).is_ok()
    }

    /// Was it here? Then no more.
    fn take(&mut self, hash: u64) -> bool {
        self.forget(print_of(hash), |_| true)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    struct Thing {
        name: u64,
        bytes: u64,
        seat: Seat,
        pinned: Cell<bool>,
    }

    impl Resident for Rc<Thing> {
        fn ghost_hash(&self) -> u64 {
            self.name << 32
        }
        fn weight_bytes(&self) -> u64 {
            self.bytes
        }
        fn seat(&self) -> &Seat {
            &self.seat
        }
        fn is_pinned(&self) -> bool {
            self.pinned.get()
        }
    }

    fn thing(name: u64, bytes: u64) -> Rc<Thing> {
        Rc::new(Thing { name, bytes, seat: Seat::default(), pinned: Cell::new(false) })
    }

    fn evict(queue: &mut S3Fifo<Rc<Thing>>) -> Option<u64> {
        queue.evict().map(|thing| thing.name)
    }

    /// Small queue of 10 bytes, main of 90, past the stage of filling.
    fn warm() -> S3Fifo<Rc<Thing>> {
        let mut queue = S3Fifo::new(100);
        queue.insert(thing(0, 1));
        assert_eq!(evict(&mut queue), Some(0));
        queue.ghost = Ghost::default();
        queue
    }

    #[test]
    fn newcomers_leave_in_order_and_the_touched_stay() {
        let mut queue = warm();
        let things: Vec<_> = (1..=4).map(|name| thing(name, 5)).collect();
        things.iter().for_each(|thing| queue.insert(Rc::clone(thing)));
        things[0].seat.touch(); // once is not enough
        things[1].seat.touch();
        things[1].seat.touch();
        assert_eq!([evict(&mut queue), evict(&mut queue)], [Some(1), Some(3)]);
        assert_eq!((queue.len(), queue.bytes(), queue.queues[MAIN].count), (2, 10, 1));
    }

    #[test]
    fn who_comes_back_from_the_ghost_goes_to_main() {
        let mut queue = warm();
        queue.insert(thing(1, 5));
        let kept = thing(2, 5);
        (0..3).for_each(|_| kept.seat.touch());
        queue.push(MAIN, Rc::clone(&kept));
        assert_eq!(evict(&mut queue), Some(1));
        queue.insert(thing(1, 5));
        assert_eq!(queue.queues[MAIN].count, 2);
        queue.insert(thing(3, 5)); // never seen: small
        assert_eq!(queue.queues[SMALL].count, 1);
    }

    #[test]
    fn the_ghost_knows_as_many_as_main_has() {
        let mut ghost = Ghost::default();
        (0..10_u64).for_each(|name| ghost.remember(name << 32, 4));
        assert_eq!((0..10_u64).filter(|name| ghost.take(name << 32)).collect::<Vec<_>>(), [6, 7, 8, 9]);
        for name in 0..100_u64 {
            ghost.remember(name << 32, 4);
            assert!(ghost.take(name << 32) && !ghost.take(name << 32));
        }
        assert!(ghost.order.len() <= 8, "holes are bounded");
    }

    #[test]
    fn main_gives_another_round_for_each_touch() {
        let mut queue = warm();
        let (first, second) = (thing(1, 50), thing(2, 50));
        queue.push(MAIN, Rc::clone(&first));
        queue.push(MAIN, second);
        first.seat.touch();
        assert_eq!([evict(&mut queue), evict(&mut queue), evict(&mut queue)], [Some(2), Some(1), None]);
    }

    #[test]
    fn who_is_in_use_is_passed_over_and_not_for_ever() {
        let mut queue = warm();
        let used = thing(1, 5);
        used.pinned.set(true);
        queue.insert(Rc::clone(&used));
        assert_eq!(evict(&mut queue), None, "all in use: no endless loop");
        queue.insert(thing(2, 5));
        assert_eq!(evict(&mut queue), Some(2));
        used.pinned.set(false);
        assert_eq!(evict(&mut queue), Some(1));
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_replacement_takes_place_touches_and_weight_over() {
        let mut queue = warm();
        let (old, new) = (thing(1, 5), thing(1, 8));
        queue.insert(Rc::clone(&old));
        queue.insert(thing(2, 1));
        (0..2).for_each(|_| old.seat.touch());
        queue.replace(&old, Rc::clone(&new));
        assert_eq!((queue.len(), queue.bytes()), (2, 9));
        assert_eq!(evict(&mut queue), Some(2), "the replacement was touched twice and moves to main");
        assert!(queue.remove(&old).is_none(), "the old one is not in any more");
        queue.replace(&old, thing(3, 2)); // old has left: the new one is a newcomer
        assert_eq!((queue.len(), queue.bytes()), (2, 10));
        assert!(queue.remove(&new).is_some());
        queue.clear();
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
    }

    proptest::proptest! {
        /// Law: bytes and count are those of a plain list of who is in, through any steps.
        #[test]
        fn accounts_are_exact(steps in proptest::collection::vec((0_u8..5, 0_usize..8, 1_u64..20), 1..200)) {
            let mut queue = S3Fifo::new(100);
            let mut inside: Vec<Rc<Thing>> = Vec::new();
            for (number, (step, which, bytes)) in steps.into_iter().enumerate() {
                let at = which % inside.len().max(1);
                match step {
                    0 | 1 => {
                        let new = thing(number as u64, bytes);
                        queue.insert(Rc::clone(&new));
                        inside.push(new);
                    }
                    2 => {
                        if let Some(victim) = queue.evict() {
                            inside.retain(|thing| !Rc::ptr_eq(thing, &victim));
                        }
                    }
                    3 if !inside.is_empty() => {
                        let new = thing(number as u64, bytes);
                        queue.replace(&inside[at], Rc::clone(&new));
                        inside[at] = new;
                    }
                    4 if !inside.is_empty() => {
                        inside[at].seat.touch();
                        if which > 5 {
                            proptest::prop_assert!(queue.remove(&inside.swap_remove(at)).is_some());
                        }
                    }
                    _ => {}
                }
                proptest::prop_assert_eq!(queue.len(), inside.len());
                proptest::prop_assert_eq!(queue.bytes(), inside.iter().map(|thing| thing.bytes).sum::<u64>());
            }
            while queue.evict().is_some() {}
            proptest::prop_assert_eq!((queue.len(), queue.bytes()), (0, 0));
        }
    }
}
