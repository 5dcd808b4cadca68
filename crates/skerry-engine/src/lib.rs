//! The request path of one PoP: sockets, the walk and its steps, fills, origins, function calls, records.

pub mod body;
pub mod clock;
pub mod compress;
pub mod core;
pub mod engine;
pub mod exchange;
pub mod explain;
pub mod function;
pub mod function_log;
pub mod h1;
pub mod h2;
pub mod headers;
pub mod journal;
pub mod ledger;
pub mod log;
pub mod log_file;
pub mod origin;
pub mod reason;
pub mod record;
pub mod ring;
mod seat;
pub mod snapshot;
pub mod stats;
pub mod steps;
pub mod tls;
pub mod walk;
pub mod watch;
