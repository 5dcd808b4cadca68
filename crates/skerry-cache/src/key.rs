//! The primary key of a cached response: its bytes and their hash.

use xxhash_rust::xxh3::xxh3_64;

/// Hash of key bytes, as the index uses it.
///
/// xxh3 without a secret: whoever can choose URLs can find collisions. A collision costs one more comparison in
/// one bucket and nothing else, since every lookup compares the bytes too.
pub fn hash_key(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// An owned key, for what outlives the request. A hit needs none: lookups take `(hash, &[u8])`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    hash: u64,
    bytes: Box<[u8]>,
}

impl Key {
    /// Copy `bytes` and hash them.
    pub fn new(bytes: &[u8]) -> Self {
        Key { hash: hash_key(bytes), bytes: bytes.into() }
    }

    /// Copy `bytes` whose hash the caller has already.
    pub fn hashed(hash: u64, bytes: &[u8]) -> Self {
        debug_assert_eq!(hash, hash_key(bytes), "a key travels with its own hash");
        Key { hash, bytes: bytes.into() }
    }

    /// xxh3 of the bytes.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The bytes, as `skerry-http` built them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Is this the key with these bytes? The hash is compared first.
    pub fn is(&self, hash: u64, bytes: &[u8]) -> bool {
        self.hash == hash && *self.bytes == *bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_bytes() {
        let key = Key::new(b"/a");
        assert_eq!(key, Key::hashed(hash_key(b"/a"), b"/a"));
        assert!(key.is(hash_key(b"/a"), b"/a"));
        assert!(!key.is(hash_key(b"/b"), b"/b"));
        assert!(!key.is(key.hash(), b"/b"), "an equal hash alone proves nothing");
    }
}
