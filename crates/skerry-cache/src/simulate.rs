//! Eviction policies alone, for traces: the planner's question "what hit ratio would this cache have?".
//!
//! [`S3FifoPolicy`] is the very queue that the cache runs, with a map beside it where the cache has its index.

use std::collections::HashMap;
use std::sync::Arc;

use crate::s3fifo::{Resident, S3Fifo, Seat};

/// A cache seen from outside: which requests hit.
pub trait Policy {
    /// One request for `key`, whose object weighs `bytes`. Hit, or miss and then admitted where it fits.
    fn request(&mut self, key: u64, bytes: u64) -> bool;
    /// What is resident now.
    fn bytes(&self) -> u64;
}

struct Token {
    key: u64,
    bytes: u64,
    seat: Seat,
}

impl Resident for Arc<Token> {
    fn ghost_hash(&self) -> u64 {
        self.key.wrapping_mul(0x9E37_79B9_7F4A_7C15) // traces number their keys; the ghost wants a hash
    }
    fn weight_bytes(&self) -> u64 {
        self.bytes
    }
    fn seat(&self) -> &Seat {
        &self.seat
    }
}

/// S3-FIFO as the cache runs it.
pub struct S3FifoPolicy {
    queue: S3Fifo<Arc<Token>>,
    residents: HashMap<u64, Arc<Token>>,
    bytes_max: u64,
    object_bytes_max: u64,
}

impl S3FifoPolicy {
    /// A cache of `bytes_max` bytes that refuses objects larger than `object_bytes_max`.
    pub fn new(bytes_max: u64, object_bytes_max: u64) -> Self {
        S3FifoPolicy {
            queue: S3Fifo::new(bytes_max),
            residents: HashMap::new(),
            bytes_max,
            object_bytes_max: object_bytes_max.min(bytes_max),
        }
    }
}

impl Policy for S3FifoPolicy {
    fn request(&mut self, key: u64, bytes: u64) -> bool {
        if let Some(token) = self.residents.get(&key) {
            token.seat.touch();
            return true;
        }
        if bytes > self.object_bytes_max {
            return false;
        }
        while self.queue.bytes() + bytes > self.bytes_max {
            let Some(victim) = self.queue.evict() else { return false };
            self.residents.remove(&victim.key);
        }
        let token = Arc::new(Token { key, bytes, seat: Seat::default() });
        self.residents.insert(key, Arc::clone(&token));
        self.queue.insert(token);
        false
    }

    fn bytes(&self) -> u64 {
        self.queue.bytes()
    }
}
