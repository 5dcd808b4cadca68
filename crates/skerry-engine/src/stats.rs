//! Counters and latencies, one set a core, read by anybody at any time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};

/// Sub-buckets an octave: the error of a quantile is at most 1/16.
const SUB: u32 = 8;
const BUCKETS: usize = 256;

/// A latency histogram in microseconds.
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }
}

fn bucket(us: u64) -> usize {
    if us < u64::from(SUB) {
        return us as usize;
    }
    let octave = 63 - us.leading_zeros();
    let sub = (us >> (octave - 3)) & u64::from(SUB - 1);
    ((octave - 2) * SUB) as usize + sub as usize
}

fn middle(bucket: usize) -> f64 {
    if bucket < SUB as usize {
        return bucket as f64;
    }
    let octave = bucket as u32 / SUB + 2;
    let low = (1u64 << octave) + ((bucket as u64 % u64::from(SUB)) << (octave - 3));
    low as f64 + (1u64 << (octave - 3)) as f64 / 2.0
}

impl Histogram {
    /// Note one latency.
    pub fn note(&self, us: u64) {
        self.buckets[bucket(us).min(BUCKETS - 1)].fetch_add(1, Relaxed);
    }
}

/// Quantiles over several histograms, milliseconds; `None` without a sample.
pub fn quantiles(all: &[&Histogram], wanted: &[f64]) -> Vec<Option<f64>> {
    let counts: Vec<u64> =
        (0..BUCKETS).map(|b| all.iter().map(|h| h.buckets[b].load(Relaxed)).sum()).collect();
    let total: u64 = counts.iter().sum();
    wanted
        .iter()
        .map(|q| {
            let rank = (q * total as f64).ceil().max(1.0) as u64;
            let mut seen = 0;
            counts.iter().position(|n| {
                seen += n;
                total > 0 && seen >= rank
            })
        })
        .map(|b| b.map(|b| middle(b) / 1000.0))
        .collect()
}

macro_rules! counters {
    ($($name:ident),+ $(,)?) => {
        /// What one core has counted since the engine started.
        #[derive(Default)]
        #[allow(missing_docs)] // rules/metrics.toml says what each counts
        pub struct CoreStats {
            $(pub $name: AtomicU64,)+
            pub open_connections: AtomicI64,
            pub requests_active: AtomicI64,
            pub functions_active: AtomicI64,
            pub edge: Histogram,
            pub hit: Histogram,
            pub origin: Histogram,
            pub function: Histogram,
        }

        /// All cores added up.
        pub fn sum(cores: &[std::sync::Arc<CoreStats>]) -> Value {
            let total = |pick: fn(&CoreStats) -> &AtomicU64| -> u64 { cores.iter().map(|c| pick(c).load(Relaxed)).sum() };
            let gauge = |pick: fn(&CoreStats) -> &AtomicI64| -> i64 { cores.iter().map(|c| pick(c).load(Relaxed)).sum() };
            let latency = |pick: fn(&CoreStats) -> &Histogram| -> Value {
                let all: Vec<&Histogram> = cores.iter().map(|c| pick(c)).collect();
                let q = quantiles(&all, &[0.5, 0.95, 0.99]);
                json!({"p50": q[0], "p95": q[1], "p99": q[2]})
            };
            let mut all = serde_json::Map::new();
            $(all.insert(stringify!($name).to_owned(), total(|c| &c.$name).into());)+
            all.insert("open_connections".to_owned(), gauge(|c| &c.open_connections).into());
            all.insert("requests_active".to_owned(), gauge(|c| &c.requests_active).into());
            all.insert("functions_active".to_owned(), gauge(|c| &c.functions_active).into());
            all.insert("edge_ms".to_owned(), latency(|c| &c.edge));
            all.insert("hit_ms".to_owned(), latency(|c| &c.hit));
            all.insert("origin_ms".to_owned(), latency(|c| &c.origin));
            all.insert("function_ms".to_owned(), latency(|c| &c.function));
            Value::Object(all)
        }
    };
}

counters! {
    requests, hits, misses, refresh_hits, stale_hits, passes, errors, redirects, refused, generated,
    bytes_out, bytes_in, origin_requests, origin_bytes, origin_errors, origin_retries, origin_connects,
    function_calls, function_errors, function_violations, function_throttles, leases, fills, fills_stored, own_fetches,
    connections, tls_handshakes, tls_resumptions, tls_failures, tls_unknown_names, floods, records,
}

/// Add one.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// Add `n`.
pub fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Relaxed);
}

/// A gauge that is up while this lives.
pub struct Up {
    stats: std::sync::Arc<CoreStats>,
    pick: fn(&CoreStats) -> &AtomicI64,
}

impl Up {
    /// Raise the gauge.
    pub fn new(stats: &std::sync::Arc<CoreStats>, pick: fn(&CoreStats) -> &AtomicI64) -> Self {
        pick(stats).fetch_add(1, Relaxed);
        Up { stats: stats.clone(), pick }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        (self.pick)(&self.stats).fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_and_their_middles_lie_inside() {
        let mut last = 0;
        for us in 0..100_000u64 {
            let b = bucket(us);
            assert!(b == last || b == last + 1);
            last = b;
            let m = middle(b);
            assert!(us < 16 || (m - us as f64).abs() <= us as f64 / 7.0, "{us} {m}");
        }
    }

    #[test]
    fn quantiles_of_a_known_set() {
        let h = Histogram::default();
        assert_eq!(quantiles(&[&h], &[0.5]), vec![None]);
        (1..=100).for_each(|ms| h.note(ms * 1000));
        let q = quantiles(&[&h], &[0.5, 0.95]);
        assert!((q[0].unwrap() - 50.0).abs() < 5.0 && (q[1].unwrap() - 95.0).abs() < 8.0, "{q:?}");
    }
}
