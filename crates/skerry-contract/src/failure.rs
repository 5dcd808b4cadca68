//! The cloud's errors: what the viewer gets when a call ends without a usable result.

use crate::finding::Violation;
use crate::reason::{Reason, reason};

/// `x-cache` of a response that a function made.
pub const X_CACHE_GENERATED: &str = "LambdaGeneratedResponse from cloudfront";

/// How a call ended without a usable result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<'a> {
    /// The handler raised.
    Raised,
    /// The deadline passed.
    TimedOut,
    /// The worker died: out of memory, exit, signal.
    Crashed,
    /// The module could not be loaded, or the handler is not there.
    InitFailed,
    /// The handler returned something that cannot be used.
    Invalid(&'a Violation),
    /// No worker was free in time.
    Throttled,
}

/// What the viewer gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudError {
    /// 502 or 503.
    pub status: u16,
    /// Text of the `x-cache` header.
    pub x_cache: &'static str,
    /// Stable code for logs and `explain`.
    pub code: &'static str,
    /// One sentence with category and header, in our own words.
    pub sentence: String,
    /// The way out.
    pub hint: &'static str,
}

const EXECUTION: &str = "LambdaExecutionError from cloudfront";
const VALIDATION: &str = "LambdaValidationError from cloudfront";
const LIMIT: &str = "LambdaLimitExceeded from cloudfront";

/// The error for a failure. None of them may be stored by a cache.
pub fn cloud_error(failure: Failure) -> CloudError {
    let (status, x_cache, code) = match failure {
        Failure::Raised => (503, EXECUTION, "function.raised"),
        Failure::TimedOut => (503, EXECUTION, "function.timed_out"),
        Failure::Crashed => (503, EXECUTION, "function.crashed"),
        Failure::InitFailed => (503, EXECUTION, "function.init_failed"),
        Failure::Invalid(violation) => (502, VALIDATION, violation.code.name()),
        Failure::Throttled => (503, LIMIT, "function.throttled"),
    };
    let Reason { meaning, hint } = reason(code);
    let sentence = match failure {
        Failure::Invalid(violation) => {
            format!("The edge function returned an invalid result: {}.", violation.detail)
        }
        _ => meaning.to_owned(),
    };
    CloudError { status, x_cache, code, sentence, hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Code, breach};

    #[test]
    fn statuses_and_texts() {
        let violation =
            breach(Code::HeaderDisallowed, "x-edge-location", "the header x-edge-location may not be set");
        let rows = [
            (Failure::Raised, 503, "LambdaExecutionError from cloudfront", "function.raised"),
            (Failure::TimedOut, 503, "LambdaExecutionError from cloudfront", "function.timed_out"),
            (Failure::Crashed, 503, "LambdaExecutionError from cloudfront", "function.crashed"),
            (Failure::InitFailed, 503, "LambdaExecutionError from cloudfront", "function.init_failed"),
            (
                Failure::Invalid(&violation),
                502,
                "LambdaValidationError from cloudfront",
                "function.header_disallowed",
            ),
            (Failure::Throttled, 503, "LambdaLimitExceeded from cloudfront", "function.throttled"),
        ];
        for (failure, status, x_cache, code) in rows {
            let error = cloud_error(failure);
            assert_eq!((error.status, error.x_cache, error.code), (status, x_cache, code));
            assert!(error.sentence.ends_with('.') && error.hint.ends_with('.'), "{code}");
        }
        assert!(cloud_error(Failure::Invalid(&violation)).sentence.contains("x-edge-location"));
    }
}
