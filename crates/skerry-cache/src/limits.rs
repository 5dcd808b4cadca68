//! How large the cache and its parts may be, and how large they are.

/// How large things may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Everything: objects, fills under way, windows, buffers that readers hold.
    pub bytes_max: u64,
    /// Body of one object.
    pub object_bytes_max: u64,
    /// What a passing fill keeps: three quarters behind its fastest reader, for the others, and one before it.
    pub window_bytes: u64,
    /// Variants under one key; the oldest leaves.
    pub variants_max: usize,
    /// For how long requests for a key do not wait after its response was found too large.
    pub do_not_wait_ms: u64,
    /// Purges remembered before the cache wants a sweep (about 40 bytes each).
    pub purge_entries_max: usize,
    /// Bodies too large to lie beside their head go into a file in memory ([`crate::arena`]), where there is one.
    pub has_arena: bool,
}

impl Limits {
    /// The defaults around a cache of `bytes_max` bytes.
    pub fn of(bytes_max: u64) -> Self {
        Limits {
            bytes_max,
            object_bytes_max: 1 << 20,
            window_bytes: 256 * 1024,
            variants_max: 32,
            do_not_wait_ms: 120_000,
            purge_entries_max: 100_000,
            has_arena: true,
        }
    }
}

/// Gauges. All but `purge_seq`, `purge_entries` and `do_not_wait` are zero at rest after a clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Stored objects.
    pub objects: usize,
    /// Their weight.
    pub resident_bytes: u64,
    /// All that is on the account.
    pub used_bytes: u64,
    /// What is on the account beyond the stored objects: fills, windows, buffers that readers hold.
    pub pinned_bytes: u64,
    /// Fills under way.
    pub fills: usize,
    /// Keys not to wait for.
    pub do_not_wait: usize,
    /// Things the purge log remembers.
    pub purge_entries: usize,
    /// The purge position.
    pub purge_seq: u64,
}
