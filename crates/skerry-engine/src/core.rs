//! What one core holds, and what all cores share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use skerry_cache::Cache;

use crate::clock::SharedClock;
use crate::exchange::Meta;
use crate::function;
use crate::journal::Journal;
use crate::log::AccessLog;
use crate::origin::connect::Connect;
use crate::origin::pool::Pool;
use crate::record::{Format, ID_BYTES, RequestId, View};
use crate::ring::Ring;
use crate::snapshot::Live;
use crate::stats::{CoreStats, count};
use crate::watch::Watches;

/// Requests that `explain` can look back on, per core.
const RING_REQUESTS: usize = 2_048;

/// Read from a viewer at a time.
pub const INBOX_BYTES: usize = 32 * 1024;
const OUTBOX_BYTES: usize = 64 * 1024;

/// Shared by all cores of an engine.
pub struct Shared {
    /// The store.
    pub cache: Cache<Meta>,
    live: RwLock<Arc<Live>>,
    generation: AtomicU64,
    /// Counters, a set a core.
    pub stats: Vec<Arc<CoreStats>>,
    /// The last requests, a ring a core.
    pub rings: Vec<Mutex<Ring>>,
    /// No new connections, and the open ones end after their answer.
    pub draining: AtomicBool,
    /// Where purges are written down.
    pub journal: Mutex<Option<Journal>>,
    /// Purges may be acknowledged by another engine of this PoP: one takes the other's place, and control talks to one
    /// alone. Then each request looks first whether the journal has grown.
    pub shares_journal: AtomicBool,
    /// Largest head, target … in force.
    pub body_prefix_bytes_max: usize,
}

impl Shared {
    /// For so many cores.
    pub fn new(cache: Cache<Meta>, cores: usize, live: Live) -> Arc<Self> {
        Arc::new(Shared {
            cache,
            live: RwLock::new(Arc::new(live)),
            generation: AtomicU64::new(1),
            stats: (0..cores).map(|_| Arc::default()).collect(),
            rings: (0..cores).map(|_| Mutex::new(Ring::new(RING_REQUESTS))).collect(),
            draining: AtomicBool::new(false),
            journal: Mutex::new(None),
            shares_journal: AtomicBool::new(false),
            body_prefix_bytes_max: 64 * 1024,
        })
    }

    /// Swap the snapshot. Requests under way keep theirs.
    pub fn apply(&self, live: Live) {
        *self.live.write() = Arc::new(live);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Learn of purges that another engine has acknowledged.
    pub fn hear_purges(&self) {
        if let Some(journal) = self.journal.lock().as_mut() {
            let _ = journal.hear(self.cache.purges()); // what cannot be read now is tried again by the next request
        }
    }

    /// The snapshot of this moment.
    pub fn live(&self) -> Arc<Live> {
        self.live.read().clone()
    }
}

/// One core's own: nothing in it is locked.
pub struct Core {
    /// What all share.
    pub shared: Arc<Shared>,
    /// Which core.
    pub index: usize,
    /// Its counters.
    pub stats: Arc<CoreStats>,
    /// Time.
    pub clock: SharedClock,
    /// Idle origin connections.
    pub origins: Rc<Pool>,
    /// How new ones are made.
    pub connect: Rc<dyn Connect>,
    /// Function workers.
    pub functions: Rc<function::pool::Pool>,
    /// Where functions' findings go.
    pub function_log: Rc<dyn function::pool::FunctionLog>,
    live: RefCell<(u64, Arc<Live>)>,
    log: RefCell<AccessLog>,
    random: Cell<u64>,
    date: RefCell<(u64, Vec<u8>)>,
    /// Deadlines of its connections.
    pub watches: Watches,
    /// Bytes just received; never held across a wait.
    pub inbox: RefCell<Box<[u8]>>,
    /// Answers about to be sent; never held across a wait.
    pub outbox: RefCell<Vec<u8>>,
    /// Scratch of the sync path: variant keys.
    pub scratch: RefCell<Vec<u8>>,
    /// Scratch of the sync path: primary keys.
    pub key: RefCell<Vec<u8>>,
}

/// What a core is made of.
#[allow(missing_docs)] // see the fields of Core
pub struct CoreParts {
    pub shared: Arc<Shared>,
    pub index: usize,
    pub clock: SharedClock,
    pub connect: Rc<dyn Connect>,
    pub functions: Rc<function::pool::Pool>,
    pub function_log: Rc<dyn function::pool::FunctionLog>,
    pub log: AccessLog,
    pub seed: u64,
}

impl Core {
    /// Put one together.
    pub fn new(parts: CoreParts) -> Rc<Core> {
        let live = parts.shared.live();
        Rc::new(Core {
            stats: parts.shared.stats[parts.index].clone(),
            live: RefCell::new((0, live)),
            shared: parts.shared,
            index: parts.index,
            clock: parts.clock,
            origins: Rc::default(),
            connect: parts.connect,
            functions: parts.functions,
            function_log: parts.function_log,
            log: RefCell::new(parts.log),
            random: Cell::new(parts.seed | 1),
            date: RefCell::default(),
            watches: Watches::default(),
            inbox: RefCell::new(vec![0; INBOX_BYTES].into_boxed_slice()),
            outbox: RefCell::new(Vec::with_capacity(OUTBOX_BYTES)),
            scratch: RefCell::default(),
            key: RefCell::default(),
        })
    }

    /// The snapshot for a request that begins now, and all purges of before.
    pub fn live(&self) -> Arc<Live> {
        if self.shared.shares_journal.load(Ordering::Acquire) {
            self.shared.hear_purges();
        }
        let generation = self.shared.generation.load(Ordering::Acquire);
        let mut held = self.live.borrow_mut();
        if held.0 != generation {
            *held = (generation, self.shared.live());
        }
        held.1.clone()
    }

    /// 64 random bits (wyrand; ids need to be unlike, not secret).
    pub fn random(&self) -> u64 {
        let seed = self.random.get().wrapping_add(0xa076_1d64_78bd_642f);
        self.random.set(seed);
        let wide = u128::from(seed) * u128::from(seed ^ 0xe703_7ed1_a0b4_28db);
        (wide >> 64) as u64 ^ wide as u64
    }

    /// A new request id.
    pub fn new_id(&self) -> RequestId {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut id = [b'='; ID_BYTES];
        let (mut bits, mut left) = (0u64, 0);
        for byte in &mut id[..ID_BYTES - 2] {
            if left < 6 {
                bits = self.random();
                left = 60;
            }
            *byte = ALPHABET[(bits & 63) as usize];
            bits >>= 6;
            left -= 6;
        }
        id
    }

    /// Append the date of this second as an HTTP date.
    pub fn put_date(&self, now_s: u64, out: &mut Vec<u8>) {
        let mut date = self.date.borrow_mut();
        if date.0 != now_s || date.1.is_empty() {
            *date = (now_s, skerry_http::date::format(now_s).to_vec());
        }
        out.extend_from_slice(&date.1);
    }

    /// The access record and the ring; called exactly once a request.
    pub fn record(&self, view: &View<'_>) {
        count(&self.stats.records);
        self.log.borrow_mut().write(view);
        self.shared.rings[self.index].lock().push(view);
    }

    /// Write what is buffered.
    pub fn flush(&self) {
        self.log.borrow_mut().flush();
    }

    /// Once a second: write what is buffered, close what is idle.
    pub fn tick(&self) {
        self.flush();
        self.watches.sweep(self.clock.unix_ms(), self.shared.draining.load(Ordering::Acquire));
        self.origins.sweep();
        let live = self.live();
        self.functions.sweep(|version| live.uses_function(version));
        if self.index == 0 && self.shared.cache.purges().wants_compaction() {
            self.shared.cache.sweep();
        }
    }
}

/// Format by its name in the configuration.
pub fn format_named(name: &str) -> Option<Format> {
    match name {
        "standard" => Some(Format::Standard),
        "json" => Some(Format::Json),
        _ => None,
    }
}
