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
//! tables of data, `src/skerry/rules/headers.toml` and `limits.toml`, behind [`allowed`] and [`Limits`];
//! the sentences for what can go wrong stand in `contract.toml`, behind [`reason::reason`].
//!
//! [`Level`] decides how a breach is weighed. *Structure* (no object, bad status, bad URI, malformed header or origin)
//! is the cloud's error at every level: anything softer would open what an authorising function closes.
//! *Headers and read-only fields* are an error, undone, or kept; *sizes* an error, a finding, a note.
//! What frames a message ([`is_framing`]) is never taken from a function.
//!
//! # Where the guide is silent
//!
//! Chosen here, to be settled with a real account: a field left out of a returned request (`headers` too) is unchanged;
//! a key that comes twice, and a URI with `?`, `#`, a space or a control character, are errors; a status may be a whole
//! number, as in the guide's own samples; `null` is no result at response triggers either; a KB is 1,024 bytes; a
//! header counts as name, value and four bytes; names in the header map may have capitals, and those that differ by
//! case alone are one header; a header whose `key` names another is dropped with a finding below strict; a field that
//! has no effect (an `origin` at viewer-request, a body that is not included) is a note, not an error; an origin's
//! field left out is as it was.
//!
//! ```
//! use skerry_contract::*;
//! use skerry_http::fields::Fields;
//!
//! let fields: Fields = [(&b"Host"[..], &b"shop.example.com"[..])].into_iter().collect();
//! let input = EventInput {
//!     trigger: Trigger::ViewerRequest,
//!     distribution_id: "EDFDVBD6EXAMPLE",
//!     distribution_domain: "d111111abcdef8.cloudfront.net",
//!     request_id: "4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==",
//!     client_ip: "203.0.113.178",
//!     request: RequestView { method: b"GET", uri: b"/", query: b"", fields: &fields },
//!     body: None,
//!     origin: None,
//!     response: None,
//! };
//! let limits = Limits::of(Profile::Aws2026);
//! let mut event = Vec::new();
//! build(&input, limits, &mut event); // … to the function, and back:
//! let result = br#"{"uri": "/mobile/", "headers": {"host": [{"value": "shop.example.com"}],
//!                   "x-edge-location": [{"value": "fra"}]}}"#;
//!
//! let strict = judge(&input, result, Policy { level: Level::Strict, limits });
//! let Verdict::Violation(violation) = &strict.verdict else { panic!("{strict:?}") };
//! assert_eq!(violation.about, "x-edge-location");
//! assert_eq!(cloud_error(Failure::Invalid(violation)).status, 502);
//!
//! let warn = judge(&input, result, Policy { level: Level::Warn, limits });
//! let Verdict::Continue(change) = warn.verdict else { panic!("{warn:?}") };
//! let Change::Request(change) = *change else { panic!("a request trigger changes requests") };
//! assert_eq!(change.uri.as_deref(), Some(&b"/mobile/"[..]));
//! assert!(change.fields.is_none()); // the header was dropped, so all fields go on as they came
//! assert_eq!(warn.findings[0].action, Action::Dropped);
//! ```

pub mod event;
pub mod failure;
pub mod finding;
pub mod headers;
pub mod limits;
pub mod origin;
pub mod outcome;
pub mod reason;
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
