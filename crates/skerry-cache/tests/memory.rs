//! What an object costs beyond its own bytes, by counting what the allocator hands out.

#![allow(clippy::unwrap_used)] // a panic in a test's helper is the report

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use skerry_cache::{Cache, HeadParts, LabelParts, Limits, hash_key};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; only a counter is kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n";
const BODY: &[u8] = &[0; 100];
const LABELS: LabelParts<'_> = LabelParts { space: b"", host: b"", paths: &[], tags: &[] };
const OWN_BYTES: usize = 8 + HEAD.len() + BODY.len() + 12;

fn fill(cache: &Cache<()>, keys: std::ops::Range<u64>) {
    for key in keys {
        let key = key.to_le_bytes();
        let parts =
            HeadParts { head: HEAD, meta: (), vary: b"", variant: b"", labels: LABELS, body_bytes: None };
        cache.put(cache.begin(), (hash_key(&key), &key), parts, BODY, None).unwrap();
    }
}

/// One test, for the counter is the whole process's.
#[test]
fn an_object_costs_at_most_200_bytes_of_index() {
    let empty = HELD.load(Ordering::Relaxed);
    {
        let cache: Cache<()> = Cache::new(Limits::of(1 << 30));
        let mut before = 0;
        // Just after and just before the tables double, and in between.
        for count in [20_000_u64, 30_000, 50_000, 58_000, 70_000, 120_000, 200_000] {
            fill(&cache, before..count);
            before = count;
            let each = (HELD.load(Ordering::Relaxed) - empty) as f64 / count as f64 - OWN_BYTES as f64;
            println!("{count} objects: {each:.1} bytes each beyond their own {OWN_BYTES}");
            assert!(each <= 200.0, "{each:.1} bytes an object at {count}");
        }
    }
    {
        // A cache that evicts keeps a ghost as well.
        let weight = OWN_BYTES as u64 + skerry_cache::object::OVERHEAD_BYTES;
        let cache: Cache<()> = Cache::new(Limits::of(50_000 * weight));
        fill(&cache, 0..200_000);
        assert_eq!(cache.gauges().objects, 50_000);
        let each = (HELD.load(Ordering::Relaxed) - empty) as f64 / 50_000.0 - OWN_BYTES as f64;
        println!("evicting: {each:.1} bytes each");
        assert!(each <= 200.0, "{each:.1} bytes an object with the ghost full");
        cache.clear();
        let rest = HELD.load(Ordering::Relaxed) - empty;
        assert!(rest < 64 * 1024, "{rest} bytes after a clear");
    }
}
