//! The request path of one PoP: sockets, the walk and its steps, fills, origins, function calls, records.
#![allow(missing_docs)] // lifted once the walk stands

pub mod body;
pub mod clock;
pub mod h1;
pub mod origin;
