//! Latencies in a histogram of constant size: 32 steps per power of two, so each figure is within 3 %.

const STEPS_BITS: u32 = 5;
const STEPS: usize = 1 << STEPS_BITS;
const BUCKETS: usize = 40 * STEPS;

/// Counts of latencies in nanoseconds; the longest it tells apart is a quarter of an hour.
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_ns: u64,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Histogram {
        Histogram { counts: vec![0; BUCKETS], total: 0, max_ns: 0 }
    }

    /// Adds one latency.
    pub fn add(&mut self, ns: u64) {
        let bucket = bucket(ns).min(BUCKETS - 1);
        self.counts[bucket] += 1;
        self.total += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// The latency in nanoseconds that `share` (0 to 1) of all stay below; 0 where there are none.
    pub fn quantile_ns(&self, share: f64) -> u64 {
        let rank = ((self.total as f64) * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && *count > 0 {
                return upper_ns(bucket).min(self.max_ns);
            }
        }
        self.max_ns
    }

    /// How many were added.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest.
    pub fn max_ns(&self) -> u64 {
        self.max_ns
    }
}

fn bucket(ns: u64) -> usize {
    if ns < STEPS as u64 {
        return ns as usize;
    }
    let power = 63 - ns.leading_zeros();
    let step = (ns >> (power - STEPS_BITS)) as usize & (STEPS - 1);
    ((power - STEPS_BITS + 1) as usize) * STEPS + step
}

fn upper_ns(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let power = (bucket / STEPS) as u32 + STEPS_BITS - 1;
    let step = (bucket % STEPS) as u64;
    ((STEPS as u64 + step + 1) << (power - STEPS_BITS)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_bucket_at_most_3_percent_wide() {
        for shift in 0..39 {
            for offset in [0u64, 1, 3, 77] {
                let ns = (1u64 << shift) + offset;
                let upper = upper_ns(bucket(ns));
                assert!(upper >= ns, "{ns} > {upper}");
                assert!(upper as f64 <= ns as f64 * 1.032 + 1.0, "{ns} in a bucket up to {upper}");
            }
        }
    }

    #[test]
    fn quantiles_of_a_thousand() {
        let mut histogram = Histogram::new();
        (1..=1000u64).for_each(|us| histogram.add(us * 1000));
        assert!((495_000..=517_000).contains(&histogram.quantile_ns(0.5)));
        assert!((985_000..=1_000_000).contains(&histogram.quantile_ns(0.99)));
        assert_eq!(histogram.quantile_ns(1.0), 1_000_000);
        assert_eq!(Histogram::new().quantile_ns(0.5), 0);
    }
}
