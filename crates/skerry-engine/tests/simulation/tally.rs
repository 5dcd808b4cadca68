//! What has happened in a run, counted: a simulation that never comes to something says nothing of it.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub fn add(&mut self, what: &'static str, n: u64) {
        *self.0.entry(what).or_default() += n;
    }

    pub fn merge(&mut self, other: &Tally) {
        other.0.iter().for_each(|(what, n)| self.add(what, *n));
    }

    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}
