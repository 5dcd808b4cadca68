//! What a purge is, and what the log says about an object.

use bytes::Bytes;

/// What a purge is aimed at. Bytes are compared as they are: normalising (case of hosts and tags, a leading `/`)
/// is the caller's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One path with its query, all variants.
    Path(Box<[u8]>),
    /// Every path that begins so (`/img/*` without its asterisk).
    Prefix(Box<[u8]>),
    /// Every object with this tag.
    Tag(Box<[u8]>),
    /// Every object of this host.
    Host(Box<[u8]>),
    /// Everything.
    All,
}

/// How a purged object ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It is gone; not even its validators are used again.
    Hard,
    /// It is stale: it may be revalidated, or served where stale is allowed.
    Soft,
}

/// One purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// What it is aimed at.
    pub target: Target,
    /// Gone or stale.
    pub force: Force,
    /// Only objects of this space (a distribution; an app and cache name), or of all.
    pub space: Option<Box<[u8]>>,
}

/// What the log says about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No purge since its mark is about it.
    Untouched,
    /// Softly purged.
    Soft,
    /// Purged.
    Hard,
}

/// A purge as the log took it in.
#[derive(Clone, Debug)]
pub struct Appended {
    /// Its number: responses asked for from now on carry at least this.
    pub seq: u64,
    /// What to append to the journal and sync before the purge is acknowledged.
    pub record: Bytes,
}

/// Longest target and space of one purge together; CloudFront allows 4,000 characters.
pub const PURGE_BYTES_MAX: usize = 64 * 1024;

/// A purge with a target longer than [`PURGE_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Its length.
    pub bytes: usize,
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.bytes;
        write!(
            f,
            "cache.purge_too_long: {bytes} bytes, at most {PURGE_BYTES_MAX}; purge by a prefix or a tag"
        )
    }
}

impl std::error::Error for TooLong {}

/// What a replay found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Whole records applied.
    pub records: usize,
    /// Bytes up to the end of the last whole record; what follows is a torn write and is to be cut off.
    pub whole_bytes: usize,
}

impl Target {
    /// Stable number of the kind, as journals hold it.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Target::Path(_) => 1,
            Target::Prefix(_) => 2,
            Target::Tag(_) => 3,
            Target::Host(_) => 4,
            Target::All => 5,
        }
    }

    pub(crate) fn value(&self) -> &[u8] {
        match self {
            Target::Path(value) | Target::Prefix(value) | Target::Tag(value) | Target::Host(value) => value,
            Target::All => b"",
        }
    }
}
