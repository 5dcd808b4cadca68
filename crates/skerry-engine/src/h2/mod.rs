//! HTTP/2 towards viewers, on the `h2` crate.
//!
//! [`connection`] takes streams and bounds what a connection may ask for; [`request`] makes heads of ours out of what
//! h2 decoded; [`stream`] takes one request through the walk and [`answer`] sends what comes out, as fast as the
//! viewer takes it; [`meter`] counts bytes that bring us nowhere.

pub mod answer;
pub mod connection;
pub mod meter;
pub mod request;
pub mod stream;
