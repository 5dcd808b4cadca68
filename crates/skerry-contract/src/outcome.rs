//! What a result amounts to: the change it makes, or the response it is.

use crate::finding::{Finding, Level, Violation};
use crate::limits::Limits;
use crate::origin::Origin;
use skerry_http::fields::Fields;

/// By which measure a result is judged.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How strictly.
    pub level: Level,
    /// Against which quotas.
    pub limits: &'static Limits,
}

/// A verdict, and what was found on the way to it.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// What happens now.
    pub verdict: Verdict,
    /// What the result did and should not have; also kept when the verdict is a violation.
    pub findings: Vec<Finding>,
}

/// What happens after a call.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The walk goes on, with these changes.
    Continue(Box<Change>),
    /// The function made the response itself (request triggers alone).
    Respond(Box<Generated>),
    /// The viewer gets the cloud's 502.
    Violation(Violation),
}

/// What a function changed: a request at request triggers, a response at response triggers.
#[derive(Clone, Debug)]
pub enum Change {
    /// At viewer-request and origin-request.
    Request(RequestChange),
    /// At origin-response and viewer-response.
    Response(ResponseChange),
}

/// Changes to a request. `None`: untouched, the bytes that came go on.
#[derive(Clone, Debug, Default)]
pub struct RequestChange {
    /// New path, UTF-8.
    pub uri: Option<Vec<u8>>,
    /// New query without `?`; empty: none.
    pub query: Option<Vec<u8>>,
    /// The whole new list, fields that the function could not see included, each in its place.
    pub fields: Option<Fields>,
    /// The whole new body. Whoever sends it frames it: `fields` still holds the old Content-Length.
    pub body: Option<Vec<u8>>,
    /// The whole new origin.
    pub origin: Option<Origin>,
}

/// Changes to a response. `None`: untouched.
#[derive(Clone, Debug, Default)]
pub struct ResponseChange {
    /// New status, 200–599.
    pub status: Option<u16>,
    /// New reason phrase.
    pub description: Option<String>,
    /// The whole new list, fields that the function could not see included, each in its place.
    pub fields: Option<Fields>,
    /// The whole new body, empty to remove it (origin-response alone). Whoever sends it frames it.
    pub body: Option<Vec<u8>>,
}

/// A response that a function made.
#[derive(Clone, Debug, Default)]
pub struct Generated {
    /// 200–599.
    pub status: u16,
    /// Reason phrase, where the function gave one.
    pub description: Option<String>,
    /// Its fields; none of them frames the message.
    pub fields: Fields,
    /// Its body, decoded; empty for statuses that have none.
    pub body: Vec<u8>,
}

impl RequestChange {
    /// Nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.uri.is_none()
            && self.query.is_none()
            && self.fields.is_none()
            && self.body.is_none()
            && self.origin.is_none()
    }
}

impl ResponseChange {
    /// Nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.status.is_none() && self.description.is_none() && self.fields.is_none() && self.body.is_none()
    }
}
