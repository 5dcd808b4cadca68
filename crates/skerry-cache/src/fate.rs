//! What became of a fill, for those who ask after it is over.
//!
//! A head goes out before its body has come, so nobody can say in it whether the answer will be stored. Whoever
//! keeps a [`Fate`] can say so later; it is small, and holds nothing of the fill itself.

use std::sync::{Arc, OnceLock};

use crate::body::Abort;
use crate::writer::NotStored;

/// The end of a fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is stored, or what was stored is good again.
    Stored,
    /// It came whole and is not stored.
    NotStored(NotStored),
    /// It did not come whole.
    Failed(Arc<Abort>),
}

/// What became of a fill, once it is over.
#[derive(Debug, Default)]
pub struct Fate(OnceLock<Became>);

impl Fate {
    /// `None` while it is under way.
    pub fn became(&self) -> Option<&Became> {
        self.0.get()
    }

    /// The first end is the true one.
    pub(crate) fn settle(&self, became: Became) {
        let _ = self.0.set(became);
    }
}
