//! What HTTP means, without a socket in sight.
//!
//! Heads are kept as they came: raw bytes, wire order, wire case ([`fields`], [`head`]). Every rule about storing,
//! reusing and answering is a function over plain data; time is an argument, and nothing here reads a clock.
//!
//! In the order in which a request meets them:
//!
//! | step | module | asks |
//! |---|---|---|
//! | parse | [`target`], [`hop`] | is the target one we take; what ends at this hop? |
//! | route | [`pattern`] | which behavior does the path match? |
//! | key | [`key`], [`encoding`] | which bytes name the object? |
//! | lookup | [`vary`], [`reuse`] | which variant, and may it be served? |
//! | fetch | [`forward`], [`validators`] | what goes to the origin, under which conditions? |
//! | store | [`store`], [`age`], [`update`], [`encoding`] | may it be kept, for how long; what does a 304 renew? |
//! | finish | [`validators`], [`range`], [`cache_status`] | 304, 206, 416, and the reason that is told |
//! | after | [`invalidate`] | what did an unsafe request make stale? |
//! | after | [`resume`] | may a body that broke off go on with another answer's bytes? |
//!
//! [`profile`] holds the two readings of these rules, `rfc9111` and `cloudfront`, as one table of choices each;
//! [`reason`] the name and sentence of every refusal. [`list`], [`structured`], [`date`] and [`cache_control`] read
//! the forms in which HTTP writes things down.

pub mod age;
pub mod cache_control;
pub mod cache_status;
pub mod date;
pub mod decimal;
pub mod encoding;
pub mod fields;
pub mod forward;
pub mod head;
pub mod hop;
pub mod invalidate;
pub mod key;
pub mod list;
pub mod pattern;
pub mod profile;
pub mod range;
pub mod reason;
pub mod resume;
pub mod reuse;
pub mod status;
pub mod store;
pub mod structured;
pub mod target;
pub mod update;
pub mod validators;
pub mod vary;
