//! How many bytes the cache may hold, and who holds them now.
//!
//! Everything that costs memory carries a [`Charge`]: stored objects, fills under way, windows, and every buffer
//! handed to a reader that has not let go of it. A charge gives its bytes back when it is dropped, so a body that
//! was evicted while a slow reader still sends it goes on counting until that reader is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// The cache's memory account. All figures are bytes.
#[derive(Debug)]
pub struct Budget {
    bytes_max: u64,
    used: AtomicU64,
}

/// The bytes asked for are not to be had, even after evicting everything that nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was asked for.
    pub asked_bytes: u64,
    /// The budget's limit.
    pub bytes_max: u64,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cache.budget_exhausted: {} bytes asked for, all {} are held by readers and fills; \
             raise the cache's size or lower the number of slow readers",
            self.asked_bytes, self.bytes_max
        )
    }
}

impl std::error::Error for Refused {}

impl Budget {
    /// An account of `bytes_max` bytes.
    pub fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Budget { bytes_max, used: AtomicU64::new(0) })
    }

    /// The limit.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// What is held now. May exceed the limit by what [`Budget::charge`] took without asking.
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    /// How many bytes must be freed before `bytes` more fit.
    pub fn short_of(&self, bytes: u64) -> u64 {
        self.used_bytes().saturating_add(bytes).saturating_sub(self.bytes_max)
    }

    /// Take `bytes` if they fit.
    pub fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Charge, Refused> {
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.bytes_max);
        match self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) {
            Ok(_) => Ok(Charge { budget: Arc::clone(self), bytes }),
            Err(_) => Err(Refused { asked_bytes: bytes, bytes_max: self.bytes_max }),
        }
    }

    /// Take `bytes` in any case: for small sums that cannot be refused any more.
    pub fn charge(self: &Arc<Self>, bytes: u64) -> Charge {
        self.used.fetch_add(bytes, Ordering::AcqRel);
        Charge { budget: Arc::clone(self), bytes }
    }
}

/// Bytes taken from a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Charge {
    /// What is held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Give back all but `bytes`; never takes more.
    pub fn shrink_to(&mut self, bytes: u64) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        self.budget.used.fetch_sub(surplus, Ordering::AcqRel);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// A buffer and its charge, so that the last clone of the `Bytes` gives the charge back.
struct Charged<B> {
    buffer: B,
    _charge: Charge,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Charged<B> {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_ref()
    }
}

/// Turn a buffer into `Bytes` that hold `charge` until the last clone or slice is gone.
pub fn charged<B: AsRef<[u8]> + Send + 'static>(buffer: B, charge: Charge) -> Bytes {
    Bytes::from_owner(Charged { buffer, _charge: charge })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_gives_back_what_it_took() {
        let budget = Budget::new(100);
        let first = budget.reserve(60).unwrap();
        assert_eq!(budget.reserve(41).unwrap_err(), Refused { asked_bytes: 41, bytes_max: 100 });
        assert_eq!(budget.short_of(41), 1);
        let mut second = budget.reserve(40).unwrap();
        second.shrink_to(10);
        second.shrink_to(30);
        assert_eq!((second.bytes(), budget.used_bytes()), (10, 70));
        drop(first);
        drop(second);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn what_cannot_be_refused_may_overdraw() {
        let budget = Budget::new(10);
        let over = budget.charge(15);
        assert_eq!((budget.used_bytes(), budget.short_of(1)), (15, 6));
        assert!(budget.reserve(0).is_err());
        drop(over);
        assert!(budget.reserve(10).is_ok());
    }

    #[test]
    fn bytes_hold_their_charge_to_the_last_slice() {
        let budget = Budget::new(10);
        let bytes = charged(vec![7_u8; 10], budget.reserve(10).unwrap());
        let slice = bytes.slice(3..4);
        drop(bytes);
        assert_eq!(budget.used_bytes(), 10);
        drop(slice);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn a_refusal_says_the_way_out() {
        let text = Refused { asked_bytes: 5, bytes_max: 3 }.to_string();
        assert!(
            text.starts_with("cache.budget_exhausted: 5 bytes") && text.contains("raise the cache's size")
        );
    }
}
