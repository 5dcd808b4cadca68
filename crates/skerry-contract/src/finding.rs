//! What a result did wrong: codes, findings, violations, and how a level weighs them.

use crate::reason::reason;
use serde::{Deserialize, Serialize, Serializer};

/// How strictly a result is judged; `DESIGN` of the product: strict is a setting, truth is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As the cloud: every breach is its error.
    Strict,
    /// Headers and read-only fields are dropped or restored, with a finding; sizes are a finding.
    #[default]
    Warn,
    /// Headers and read-only fields are kept, except framing; sizes are a note.
    Relaxed,
}

/// How loudly a finding is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// The cloud would answer with an error.
    Warning,
    /// The cloud would do something else, or nothing, without a word.
    Note,
}

/// What was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// What the function set does not go on.
    Dropped,
    /// What the function changed or deleted is as it was.
    Restored,
    /// What the function set goes on.
    Kept,
    /// Only the beginning goes on.
    Truncated,
}

/// One thing that a result did and should not have, where the call went on all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule.
    pub code: Code,
    /// How loud.
    pub weight: Weight,
    /// Header (lower case) or field (`request.uri`, `response.status` …).
    pub about: String,
    /// One sentence, names included.
    pub detail: String,
    /// What was done.
    pub action: Action,
}

/// A result that cannot be used: the viewer gets the cloud's 502.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which rule.
    pub code: Code,
    /// Header (lower case) or field; `result` for the whole.
    pub about: String,
    /// One sentence, names included.
    pub detail: String,
}

macro_rules! codes {
    ($($variant:ident = $text:literal;)+) => {
        /// A rule of the contract. Spelling, meaning and way out are stable and stand in `rules/contract.toml`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = concat!("`", $text, "`")] $variant),+ }

        impl Code {
            /// Every rule, for the reference and for `explain`.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];
            /// Stable spelling.
            pub fn name(self) -> &'static str { match self { $(Code::$variant => $text),+ } }
        }
    };
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl Code {
    /// What the rule says.
    pub fn meaning(self) -> &'static str {
        reason(self.name()).meaning
    }

    /// The way out.
    pub fn hint(self) -> &'static str {
        reason(self.name()).hint
    }
}

codes! {
    NotJson = "function.result_not_json";
    DuplicateKey = "function.result_duplicate_key";
    TooMany = "function.result_too_many";
    NotObject = "function.result_not_object";
    Shape = "function.result_shape";
    FieldType = "function.field_type";
    FieldReadOnly = "function.field_read_only";
    FieldIgnored = "function.field_ignored";
    HeaderDisallowed = "function.header_disallowed";
    HeaderReadOnly = "function.header_read_only";
    HeaderAddRefused = "function.header_add_refused";
    HeaderFraming = "function.header_framing";
    HeaderName = "function.header_name";
    HeaderValue = "function.header_value";
    HeaderKey = "function.header_key";
    HeaderCase = "function.header_case";
    HeaderTwice = "function.header_twice";
    HeadersMany = "function.headers_many";
    HeadersSize = "function.headers_size";
    Host = "function.host";
    Uri = "function.uri";
    Query = "function.query";
    UriSize = "function.uri_size";
    BodyAction = "function.body_action";
    BodyEncoding = "function.body_encoding";
    BodyData = "function.body_data";
    BodyIgnored = "function.body_ignored";
    BodySize = "function.body_size";
    Status = "function.status";
    StatusReadOnly = "function.status_read_only";
    StatusText = "function.status_text";
    ResponseBody = "function.response_body";
    ResponseSize = "function.response_size";
    OriginKind = "function.origin_kind";
    OriginDomain = "function.origin_domain";
    OriginPath = "function.origin_path";
    OriginPort = "function.origin_port";
    OriginProtocol = "function.origin_protocol";
    OriginTimeout = "function.origin_timeout";
    OriginAuth = "function.origin_auth";
    OriginMissing = "function.origin_missing";
    OriginHost = "function.origin_host";
    CustomHeader = "function.custom_header";
}

/// The bench before which one result is judged.
pub(crate) struct Bench {
    pub(crate) level: Level,
    pub(crate) findings: Vec<Finding>,
}

impl Bench {
    fn note(&mut self, weight: Weight, what: Violation, action: Action) {
        let Violation { code, about, detail } = what;
        self.findings.push(Finding { code, weight, about, detail, action });
    }

    /// Headers and read-only fields. `Ok(true)`: what the function did stays. `framing` never stays.
    pub(crate) fn rule(&mut self, what: Violation, undo: Action, framing: bool) -> Result<bool, Violation> {
        match self.level {
            Level::Strict => Err(what),
            Level::Warn => {
                self.note(Weight::Warning, what, undo);
                Ok(false)
            }
            Level::Relaxed => {
                self.note(Weight::Note, what, if framing { undo } else { Action::Kept });
                Ok(!framing)
            }
        }
    }

    /// Sizes: an error, a finding, a note.
    pub(crate) fn size(&mut self, what: Violation) -> Result<(), Violation> {
        match self.level {
            Level::Strict => Err(what),
            Level::Warn => {
                self.note(Weight::Warning, what, Action::Kept);
                Ok(())
            }
            Level::Relaxed => {
                self.note(Weight::Note, what, Action::Kept);
                Ok(())
            }
        }
    }

    /// Where the cloud says nothing, or nobody knows what it says: told at every level, an error at none.
    pub(crate) fn remark(&mut self, what: Violation, action: Action) {
        self.note(Weight::Note, what, action);
    }
}

/// A violation, ready to be returned or weighed.
pub(crate) fn breach(code: Code, about: impl Into<String>, detail: impl Into<String>) -> Violation {
    Violation { code, about: about.into(), detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_rule_speaks() {
        let mut names: Vec<_> = Code::ALL.iter().map(|c| c.name()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]));
        for code in Code::ALL {
            assert!(code.name().starts_with("function."), "{}", code.name());
            assert!(
                code.meaning().ends_with('.') && code.hint().ends_with('.'),
                "{} is not told",
                code.name()
            );
        }
    }

    #[test]
    fn levels_weigh() {
        let what = || breach(Code::HeaderReadOnly, "via", "x");
        let bench = |level| Bench { level, findings: Vec::new() };
        assert_eq!(bench(Level::Strict).rule(what(), Action::Dropped, false), Err(what()));
        let mut warn = bench(Level::Warn);
        assert_eq!(warn.rule(what(), Action::Dropped, false), Ok(false));
        assert_eq!((warn.findings[0].weight, warn.findings[0].action), (Weight::Warning, Action::Dropped));
        let mut relaxed = bench(Level::Relaxed);
        assert_eq!(relaxed.rule(what(), Action::Dropped, false), Ok(true));
        assert_eq!(relaxed.rule(what(), Action::Dropped, true), Ok(false));
        assert_eq!(
            serde_json::to_string(&warn.findings[0]).unwrap(),
            r#"{"code":"function.header_read_only","weight":"warning","about":"via","detail":"x","action":"dropped"}"#
        );
        let actions: Vec<_> = relaxed.findings.iter().map(|f| (f.weight, f.action)).collect();
        assert_eq!(actions, [(Weight::Note, Action::Kept), (Weight::Note, Action::Dropped)]);
        assert!(bench(Level::Strict).size(what()).is_err());
        assert!(bench(Level::Warn).size(what()).is_ok());
    }
}
