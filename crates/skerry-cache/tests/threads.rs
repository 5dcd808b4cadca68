//! Many threads on one cache that is too small: nothing older than an acknowledged purge, no byte of another key,
//! no waiter forgotten, every gauge zero at rest.

#![allow(clippy::unwrap_used, clippy::panic)] // a panic in a test's helper is the report

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::Bytes;
use skerry_cache::{
    Abort, Arrival, Ask, Cache, Course, FillReader, FillWriter, Force, HeadParts, Judged, Keep, LabelParts,
    Limits, Lookup, Purge, ReadError, Release, Role, Target, hash_key,
};

const ROUNDS: u64 = 20;
const THREADS: u64 = 6;
const KEYS: u64 = 24;
const REQUESTS: u64 = 120;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future; a waiter that is never woken fails the test instead of hanging it.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        assert!(Instant::now() < deadline, "a waiter was forgotten");
        thread::park_timeout(deadline - Instant::now());
    }
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// The origin: what each key's content is now, and what readers may rely on.
struct World {
    cache: Cache<u64>,
    version: Vec<AtomicU64>,
    acknowledged: Vec<AtomicU64>,
    hits: AtomicUsize,
    joins: AtomicUsize,
}

fn content(key: u64, version: u64, at: usize) -> u8 {
    (key * 31 + version * 7 + at as u64) as u8
}

fn body_bytes(key: u64) -> usize {
    [10, 3_000, 20_000, 150_000, 400_000][key as usize % 5] // the last is larger than an object may be
}

impl World {
    fn new() -> Self {
        let limits = Limits { object_bytes_max: 200_000, window_bytes: 64_000, ..Limits::of(1_500_000) };
        World {
            cache: Cache::new(limits),
            version: (0..KEYS).map(|_| AtomicU64::new(0)).collect(),
            acknowledged: (0..KEYS).map(|_| AtomicU64::new(0)).collect(),
            hits: AtomicUsize::new(0),
            joins: AtomicUsize::new(0),
        }
    }

    fn check(&self, key: u64, version: u64, at: usize, bytes: &[u8]) {
        for (i, byte) in bytes.iter().enumerate() {
            assert_eq!(*byte, content(key, version, at + i), "key {key} version {version} at {}", at + i);
        }
    }

    fn purge(&self, key: u64) {
        let version = self.version[key as usize].fetch_add(1, Ordering::SeqCst) + 1;
        let target = Target::Tag(format!("t{key}").into_bytes().into());
        self.cache.purge(&Purge { target, force: Force::Hard, space: None }).unwrap();
        self.acknowledged[key as usize].fetch_max(version, Ordering::SeqCst);
    }

    /// One request, repeated as often as it is released.
    fn request(&self, key: u64, state: &mut u64) {
        let bytes = key.to_le_bytes();
        let hash = hash_key(&bytes);
        loop {
            let paths = [&bytes[..]];
            let labels = LabelParts { space: b"", host: b"", paths: &paths, tags: &[] };
            let ask = Ask { hash, key: &bytes, labels, now_ms: 0, variant_of: &|_, _| {} };
            let at_least = self.acknowledged[key as usize].load(Ordering::SeqCst);
            let role = match self.cache.lookup_or_join(&ask, &mut Vec::new(), &mut |_, _| Judged::Fresh) {
                Lookup::Hit(object) => {
                    assert!(*object.meta() >= at_least, "older than an acknowledged purge");
                    let mut reader = object.read(0..u64::MAX);
                    let mut at = 0;
                    while let Some(piece) = wait(reader.read()).unwrap() {
                        self.check(key, *object.meta(), at, &piece);
                        at += piece.len();
                    }
                    assert_eq!(at, body_bytes(key));
                    self.hits.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Lookup::Stale(..) => panic!("nothing is stale here"),
                Lookup::Miss(_, role) => role,
            };
            let (writer, reader) = match role {
                Role::Lead(writer, reader) | Role::Alone(writer, reader) => (Some(writer), reader),
                Role::Join(reader) => (None, reader),
            };
            let mine = writer.is_some();
            let luck = random(state) % 20;
            let outcome = thread::scope(|scope| {
                if let Some(writer) = writer {
                    scope.spawn(move || self.fetch(key, writer, luck));
                }
                self.follow(key, at_least, reader, luck)
            });
            if !mine {
                self.joins.fetch_add(1, Ordering::Relaxed);
            }
            if outcome {
                return;
            }
        }
    }

    /// What a fetch task does.
    fn fetch(&self, key: u64, mut writer: FillWriter<u64>, luck: u64) {
        let version = self.version[key as usize].load(Ordering::SeqCst); // after the purge sequence was read
        let tag = format!("t{key}");
        let labels = LabelParts { space: b"", host: b"", paths: &[], tags: &[tag.as_bytes()] };
        let length = body_bytes(key);
        let declared = (luck.is_multiple_of(2) && length < 200_000).then_some(length as u64);
        let parts =
            HeadParts { head: b"h", meta: version, vary: b"", variant: b"", labels, body_bytes: declared };
        let keep = if luck == 1 { Keep::Pass { do_not_wait_ms: 1 } } else { Keep::Store };
        if luck == 2 {
            return; // the task dies
        }
        writer.set_head(parts, keep, 0);
        let all: Vec<u8> = (0..length).map(|at| content(key, version, at)).collect();
        for piece in all.chunks(9_000) {
            if wait(writer.room()) == Course::Unwanted {
                return;
            }
            writer.append(&Bytes::copy_from_slice(piece));
            if luck == 3 {
                return writer.abort(&Abort::new("origin.cut", "on purpose"));
            }
        }
        let _ = writer.finish(None);
    }

    /// What a request does with its reader; false: look up again.
    fn follow(&self, key: u64, at_least: u64, mut reader: FillReader<u64>, luck: u64) -> bool {
        let version = match wait(reader.head()) {
            Ok(Arrival::Head(head)) => head.meta,
            Ok(Arrival::Object(object)) => *object.meta(),
            Err(Release::Failed(_)) => return true,
            Err(_) => return false,
        };
        assert!(version >= at_least, "joined a fill older than an acknowledged purge");
        let mut at = 0;
        loop {
            match wait(reader.read()) {
                Ok(Some(piece)) => {
                    self.check(key, version, at, &piece);
                    at += piece.len();
                    if luck == 4 {
                        return true; // the client leaves
                    }
                }
                Ok(None) => {
                    assert_eq!(at, body_bytes(key));
                    return true;
                }
                Err(ReadError::FellOut) => return false,
                Err(ReadError::Aborted(_)) => return true,
                Err(ReadError::Absent) => panic!("nothing here has holes"),
            }
        }
    }
}

#[test]
fn threads_agree() {
    let (mut hits, mut joins) = (0, 0);
    for round in 0..ROUNDS {
        let world = World::new();
        thread::scope(|scope| {
            for number in 0..THREADS {
                let world = &world;
                scope.spawn(move || {
                    let mut state = (round * THREADS + number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    for _ in 0..REQUESTS {
                        let key = random(&mut state) % KEYS * (random(&mut state) % 3) / 2;
                        match random(&mut state) % 40 {
                            0 => world.purge(key),
                            1 => {
                                world.cache.invalidate(hash_key(&key.to_le_bytes()), &key.to_le_bytes());
                            }
                            2 if number == 0 => {
                                world.cache.sweep();
                            }
                            3 if number == 1 => world.cache.clear(),
                            _ => world.request(key, &mut state),
                        }
                    }
                });
            }
        });
        hits += world.hits.load(Ordering::Relaxed);
        joins += world.joins.load(Ordering::Relaxed);
        world.cache.clear();
        let gauges = world.cache.gauges();
        assert_eq!(
            (gauges.objects, gauges.resident_bytes, gauges.used_bytes, gauges.fills),
            (0, 0, 0, 0),
            "round {round}"
        );
    }
    assert!(hits > 1000 && joins > 20, "the test tests something: {hits} hits, {joins} joins");
}
