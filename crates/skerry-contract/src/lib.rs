//! Seam of the crate; its parts follow.
