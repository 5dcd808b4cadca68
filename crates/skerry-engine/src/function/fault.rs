//! How a call fails, and what a worker says of it.

use serde::Deserialize;

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The handler raised: its type and message.
    Raised(String),
    /// The deadline passed.
    TimedOut,
    /// The worker died.
    Crashed(String),
    /// The code could not be loaded.
    InitFailed(String),
    /// No worker in time.
    Throttled(String),
}

impl CallError {
    /// For logs: what happened, in words.
    pub fn detail(&self) -> String {
        match self {
            CallError::TimedOut => "no answer before the deadline".to_owned(),
            CallError::Raised(s)
            | CallError::Crashed(s)
            | CallError::InitFailed(s)
            | CallError::Throttled(s) => s.clone(),
        }
    }
}

/// Payload of an ERROR frame.
#[derive(Debug, Default, Deserialize)]
pub struct Trouble {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    trace: String,
}

impl Trouble {
    /// From the frame; one that cannot be read is a trouble too.
    pub fn read(payload: &[u8]) -> Trouble {
        serde_json::from_slice(payload)
            .unwrap_or_else(|_| Trouble { message: "an unreadable error".to_owned(), ..Trouble::default() })
    }

    /// Type and message.
    pub fn words(&self) -> String {
        if self.kind.is_empty() { self.message.clone() } else { format!("{}: {}", self.kind, self.message) }
    }

    /// For the function's log: the traceback, which ends with type and message, or these alone.
    pub fn whole(&self) -> String {
        if self.trace.is_empty() { self.words() } else { self.trace.clone() }
    }

    /// Type and message first, then the traceback: the first line is what an error page shows.
    pub fn words_and_trace(&self) -> String {
        if self.trace.is_empty() { self.words() } else { format!("{}\n{}", self.words(), self.trace) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_read_in_words() {
        for (payload, words, whole) in [
            (r#"{"type":"KeyError","message":"'a'","trace":"T"}"#, "KeyError: 'a'", "T"),
            (r#"{"message":"no"}"#, "no", "no"),
            ("[", "an unreadable error", "an unreadable error"),
        ] {
            let trouble = Trouble::read(payload.as_bytes());
            assert_eq!((trouble.words().as_str(), trouble.whole().as_str()), (words, whole));
        }
        assert_eq!(Trouble::read(br#"{"message":"no","trace":"T"}"#).words_and_trace(), "no\nT");
    }
}
