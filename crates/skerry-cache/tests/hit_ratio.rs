//! S3-FIFO against LRU, and against figures computed by another implementation.
//!
//! Origin of `EXPECTED`: libcachesim 0.3.5 (`pip install libcachesim`), `S3FIFO(cache_size)` with its defaults and
//! `LRU(cache_size)`, fed with the trace that `trace()` makes, on 2026-11-24. The trace: Zipf over `objects` keys,
//! a share of keys asked for once, sizes of 200 bytes to 64 KiB fixed by the key.

#![allow(clippy::unwrap_used)] // a panic in a test's helper is the report

use std::collections::{BTreeMap, HashMap};

use skerry_cache::object::OVERHEAD_BYTES;
use skerry_cache::simulate::{Policy, S3FifoPolicy};
use skerry_cache::{Cache, HeadParts, LabelParts, Limits, hash_key};

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

struct Trace {
    objects: usize,
    requests: usize,
    alpha: f64,
    once_percent: u64,
}

impl Trace {
    fn requests(&self) -> Vec<(u64, u64)> {
        let mut sum = 0.0;
        let cumulative: Vec<f64> = (1..=self.objects)
            .map(|rank| {
                sum += (rank as f64).powf(-self.alpha);
                sum
            })
            .collect();
        let mut state = 42;
        let mut once = self.objects as u64;
        (0..self.requests)
            .map(|_| {
                let key = if splitmix(&mut state) % 100 < self.once_percent {
                    once += 1;
                    once
                } else {
                    let u = (splitmix(&mut state) >> 11) as f64 / (1_u64 << 53) as f64 * sum;
                    cumulative.partition_point(|c| *c <= u) as u64
                };
                (key, size_of_key(key))
            })
            .collect()
    }
}

fn size_of_key(key: u64) -> u64 {
    let mut state = key;
    let spread = splitmix(&mut state) % 65_536;
    200 + spread * spread / 65_536
}

/// The plainest LRU, for comparison.
struct Lru {
    bytes_max: u64,
    bytes: u64,
    clock: u64,
    by_key: HashMap<u64, (u64, u64)>,
    by_time: BTreeMap<u64, u64>,
}

impl Policy for Lru {
    fn request(&mut self, key: u64, size: u64) -> bool {
        self.clock += 1;
        let hit = self.by_key.get(&key).copied();
        if let Some((time, _)) = hit {
            self.by_time.remove(&time);
        } else {
            self.bytes += size;
            while self.bytes > self.bytes_max
                && let Some((_, oldest)) = self.by_time.pop_first()
            {
                self.bytes -= self.by_key.remove(&oldest).unwrap().1;
            }
        }
        self.by_key.insert(key, (self.clock, size));
        self.by_time.insert(self.clock, key);
        hit.is_some()
    }
    fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn hit_ratio(policy: &mut dyn Policy, requests: &[(u64, u64)], bytes_max: u64) -> f64 {
    let mut hits = 0;
    for (key, size) in requests {
        hits += usize::from(policy.request(*key, *size));
        assert!(policy.bytes() <= bytes_max);
    }
    hits as f64 / requests.len() as f64
}

/// alpha, one-timers %, cache as % of the footprint, S3-FIFO and LRU of libcachesim.
const EXPECTED: [(f64, u64, u64, f64, f64); 6] = [
    (0.9, 0, 1, 0.4159, 0.3060),
    (0.9, 0, 10, 0.6398, 0.5714),
    (0.7, 35, 1, 0.1978, 0.1062),
    (0.7, 35, 10, 0.3944, 0.3094),
    (1.1, 10, 1, 0.6569, 0.5756),
    (1.1, 10, 10, 0.7739, 0.7380),
];

#[test]
fn hit_ratios_are_those_of_another_implementation_and_beat_lru() {
    for (alpha, once_percent, cache_percent, s3fifo, lru) in EXPECTED {
        let requests = Trace { objects: 50_000, requests: 400_000, alpha, once_percent }.requests();
        let footprint: u64 = requests.iter().copied().collect::<HashMap<u64, u64>>().values().sum();
        let bytes_max = footprint * cache_percent / 100;
        let mine = hit_ratio(&mut S3FifoPolicy::new(bytes_max, u64::MAX), &requests, bytes_max);
        let mut plain =
            Lru { bytes_max, bytes: 0, clock: 0, by_key: HashMap::new(), by_time: BTreeMap::new() };
        let plain = hit_ratio(&mut plain, &requests, bytes_max);
        println!(
            "{alpha} {once_percent} {cache_percent} {bytes_max}: s3fifo {mine:.4} ({s3fifo}) lru {plain:.4} ({lru})"
        );
        assert!((mine - s3fifo).abs() < 0.005, "alpha {alpha}: {mine:.4} where libcachesim has {s3fifo}");
        assert!(
            (plain - lru).abs() < 0.005,
            "the comparison itself: LRU {plain:.4} where libcachesim has {lru}"
        );
        assert!(mine > plain, "alpha {alpha}, cache {cache_percent} %: {mine:.4} against LRU's {plain:.4}");
    }
}

/// The whole cache, driven like a policy.
struct Real(Cache<()>);

const HEAD: &[u8] = b"h";
/// Packed empty labels: three lengths.
const LABELS_BYTES: u64 = 12;

impl Policy for Real {
    fn request(&mut self, key: u64, size: u64) -> bool {
        let key = key.to_le_bytes();
        let hash = hash_key(&key);
        if self.0.lookup(hash, &key, &|_, _| {}, &mut Vec::new()).is_some() {
            return true;
        }
        let fixed = key.len() as u64 + HEAD.len() as u64 + LABELS_BYTES + OVERHEAD_BYTES;
        let body = vec![0; (size - fixed.min(size)) as usize];
        let labels = LabelParts::default();
        let parts = HeadParts { head: HEAD, meta: (), vary: b"", variant: b"", labels, body_bytes: None };
        self.0.put(self.0.begin(), (hash, &key), parts, &body, None).unwrap();
        false
    }
    fn bytes(&self) -> u64 {
        self.0.gauges().resident_bytes
    }
}

#[test]
fn the_whole_cache_has_the_hit_ratio_of_its_policy() {
    let requests = Trace { objects: 5_000, requests: 60_000, alpha: 0.9, once_percent: 10 }.requests();
    let requests: Vec<_> = requests.into_iter().map(|(key, size)| (key, size + 300)).collect();
    let bytes_max = 8_000_000;
    let alone = hit_ratio(&mut S3FifoPolicy::new(bytes_max, u64::MAX), &requests, bytes_max);
    let mut real = Real(Cache::new(Limits::of(bytes_max)));
    let whole = hit_ratio(&mut real, &requests, bytes_max);
    assert!((alone - whole).abs() < 0.0005, "policy alone {alone:.4}, cache {whole:.4}");
    real.0.clear();
    let gauges = real.0.gauges();
    assert_eq!((gauges.objects, gauges.resident_bytes, gauges.used_bytes), (0, 0, 0));
}
