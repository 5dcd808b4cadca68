//! What Lambda@Edge means: event in, result out, verdict. No I/O.
//!
//! A call has three parts, and this crate is the first and the last of them:
//!
//! 1. [`event::build`] writes the event for an [`EventInput`] into a buffer that is used again for the next call;
//! 2. somebody runs the function and brings back the JSON text of its result, or a [`Failure`];
//! 3. [`judge`] compares the result with the same [`EventInput`] and answers with a [`Verdict`]
//!    (go on with these changes, here is the response, or the cloud's error) and with [`Finding`]s;
//!    [`cloud_error`] says what the viewer gets when there is no usable result.
//!
//! Everything is judged as a *difference* from what was sent: only so can "read-only" be told from "left alone",
//! and only so do bytes that the function did not touch go on as they came (no conversion is ever reversed).
//! Whether a function runs at all is [`runs`]. What may be done with a header, and how much of anything, stands in
//! two tables of data, `src/skerry/rules/headers.toml` and `limits.toml`, behind [`allowed`] and [`Limits`].
//!
//! [`Level`] decides how a breach is weighed. *Structure* (no object, bad status, bad URI, malformed header or origin)
//! is the cloud's error at every level: anything softer would open what an authorising function closes.
//! *Headers and read-only fields* are an error, undone, or kept; *sizes* an error, a finding, a note.
//! What frames a message ([`is_framing`]) is never taken from a function.

pub mod event;
pub mod failure;
pub mod finding;
pub mod headers;
pub mod limits;
pub mod origin;
pub mod outcome;
pub mod trigger;
pub mod verdict;

mod diff;
mod json;
mod lines;
mod origin_change;
mod request;
mod response;
mod text;

pub use event::{BodyView, EventInput, RequestView, ResponseView, build};
pub use failure::{CloudError, Failure, X_CACHE_GENERATED, cloud_error};
pub use finding::{Action, Code, Finding, Level, Violation, Weight};
pub use headers::{Access, allowed, is_framing};
pub use limits::{BodyOver, Limits, Profile};
pub use origin::{AuthMethod, CustomOrigin, Origin, Protocol, S3Origin};
pub use outcome::{Change, Generated, Judgement, Policy, RequestChange, ResponseChange, Verdict};
pub use trigger::{Runs, Situation, Skip, Trigger, runs};
pub use verdict::judge;
