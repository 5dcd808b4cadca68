//! What the cache costs: ns a lookup, and a tag purge over a million objects.
//!
//! `cargo run --release -p skerry-cache --example cost` prints one line each. Figures are for reading, not for
//! asserting: the machine is shared.

use std::hint::black_box;
use std::time::Instant;

use skerry_cache::{Cache, Force, HeadParts, LabelParts, Limits, NotStored, Purge, Target, hash_key};

const OBJECTS: u64 = 1_000_000;

fn key(number: u64) -> [u8; 40] {
    let mut key = [b'k'; 40];
    key[..8].copy_from_slice(&number.to_le_bytes());
    key
}

fn main() -> Result<(), NotStored> {
    let cache: Cache<[u64; 4]> = Cache::new(Limits::of(4 << 30));
    for number in 0..OBJECTS {
        let tag = format!("tag{}", number % 100);
        let path = format!("/p/{number}");
        let labels = LabelParts {
            space: b"d",
            host: b"example.org",
            paths: &[path.as_bytes()],
            tags: &[tag.as_bytes()],
        };
        let parts =
            HeadParts { head: &[b'h'; 300], meta: [0; 4], vary: b"", variant: b"", labels, body_bytes: None };
        let key = key(number);
        cache.put(cache.begin(), (hash_key(&key), &key), parts, &[0; 100], None)?;
    }
    let mut scratch = Vec::new();
    for (what, among) in [("hot, 1,000 keys", 1_000), ("cold, all keys", OBJECTS)] {
        let keys: Vec<_> =
            (0..1_000_000).map(|i| key(i * 7_919 % among)).map(|key| (hash_key(&key), key)).collect();
        // The best of many short runs: what the code costs when nobody else has the core.
        let best = keys.chunks(20_000).map(|run| {
            let start = Instant::now();
            for (hash, key) in run {
                black_box(cache.lookup(*hash, key, &|_, _| {}, &mut scratch));
            }
            start.elapsed().as_nanos() as f64 / run.len() as f64
        });
        println!("lookup, {what}: {:.1} ns", best.fold(f64::MAX, f64::min));
    }
    let start = Instant::now();
    let purge = Purge { target: Target::Tag(b"tag7".as_slice().into()), force: Force::Hard, space: None };
    let appended = cache.purge(&purge);
    println!("purge of a tag over {OBJECTS} objects: {:.1} us", start.elapsed().as_nanos() as f64 / 1e3);
    black_box(appended.is_ok());
    let start = Instant::now();
    let mut hits = 0;
    for number in 0..100_000 {
        let key = key(number);
        hits += u64::from(cache.lookup(hash_key(&key), &key, &|_, _| {}, &mut scratch).is_some());
    }
    println!(
        "first lookup after it: {:.1} ns, {hits} of 100000 hit",
        start.elapsed().as_nanos() as f64 / 1e5
    );
    let start = Instant::now();
    let dropped = cache.sweep();
    println!("sweep: {:.1} ms, {dropped} dropped", start.elapsed().as_nanos() as f64 / 1e6);
    Ok(())
}
