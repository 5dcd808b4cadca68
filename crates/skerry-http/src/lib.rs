//! What HTTP means, without a socket in sight.
//!
//! Heads are kept as they came: raw bytes, wire order, wire case ([`fields`], [`head`]).
//! Every rule about storing, reusing and answering is a function over plain data; time is an argument.

pub mod fields;
pub mod head;
