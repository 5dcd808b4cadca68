//! Origins: where they are ([`target`]), how a connection is made ([`connect`]) and kept ([`pool`]), what is
//! said over it ([`client`]), and the folder that plays an S3 bucket ([`folder`]).

pub mod client;
pub mod connect;
pub mod folder;
pub mod pool;
pub mod target;

/// What went wrong with an origin. `code`: a name of rules/reasons.toml; it decides status and log words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginError {
    /// Reason name.
    pub code: &'static str,
    /// In words, for logs and error pages; no secrets.
    pub detail: String,
    /// May the same request be tried once more on another connection?
    pub retry: Retry,
}

/// When a failed attempt may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing of the request has reached the origin.
    Always,
    /// The origin may have seen it: only what is safe to repeat.
    IfSafe,
    /// It would end the same way.
    Never,
}

impl OriginError {
    /// An error with its words.
    pub fn new(code: &'static str, retry: Retry, detail: impl Into<String>) -> Self {
        OriginError { code, detail: detail.into(), retry }
    }

    /// CloudFront's status for it (row 19): who cannot be reached is 502, who does not answer in time 504.
    pub fn status(&self) -> u16 {
        match self.code {
            "body-cut" | "bad-chunk" => 400, // the viewer's body, not the origin's answer
            "origin-connect-timeout" | "origin-read-timeout" | "origin-completion-timeout" => 504,
            _ => 502,
        }
    }
}
