//! What a result did wrong: codes, findings, violations, and how a level weighs them.

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub code: Code,
    /// Header (lower case) or field; `result` for the whole.
    pub about: String,
    /// One sentence, names included.
    pub detail: String,
}

macro_rules! codes {
    ($($variant:ident = $text:literal, $meaning:literal, $hint:literal;)+) => {
        /// A rule of the contract. The spelling is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $variant),+ }

        impl Code {
            /// Every rule, for the reference and for `explain`.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];
            /// Stable spelling.
            pub fn name(self) -> &'static str { match self { $(Code::$variant => $text),+ } }
            /// What the rule says.
            pub fn meaning(self) -> &'static str { match self { $(Code::$variant => $meaning),+ } }
            /// The way out.
            pub fn hint(self) -> &'static str { match self { $(Code::$variant => $hint),+ } }
        }
    };
}

codes! {
    NotJson = "function.result_not_json", "The result is not JSON.",
        "Return plain objects, strings and finite numbers.";
    DuplicateKey = "function.result_duplicate_key", "A key comes twice in the result.",
        "Do not mix keys that turn into the same string, such as 1 and \"1\".";
    NotObject = "function.result_not_object", "The result is not an object.",
        "Return the request or a response; a handler without `return` gives null.";
    Shape = "function.result_shape", "The result is neither the request nor a response of this trigger.",
        "A response has `status` (not `statusCode`); a request has `uri` and `headers`.";
    FieldType = "function.field_type", "A field has the wrong type.", "See the event structure for the field's type.";
    FieldReadOnly = "function.field_read_only", "A read-only field was changed.", "Leave the field as it came.";
    FieldIgnored = "function.field_ignored", "A field has no effect at this trigger.", "Remove it, or use another trigger.";
    HeaderDisallowed = "function.header_disallowed", "A header was set that functions may not set.",
        "Choose another name; `X-Edge-*` and `X-Amz-Cf-*` belong to the CDN.";
    HeaderReadOnly = "function.header_read_only", "A read-only header was added, changed or deleted.",
        "Leave the header as it came at this trigger.";
    HeaderAddRefused = "function.header_add_refused", "A header was added that this trigger may only change.",
        "Have a policy add it.";
    HeaderFraming = "function.header_framing", "A header that frames the message or belongs to the connection is not taken.",
        "Leave it out: the length follows from the body.";
    HeaderName = "function.header_name", "A header name is not a token.", "Use letters, digits and hyphens (RFC 9110 5.6.2).";
    HeaderValue = "function.header_value", "A header value is neither a string nor a list of strings, or holds control characters.",
        "Give `[{\"key\": …, \"value\": …}]` with a string; encode line breaks.";
    HeaderKey = "function.header_key", "`key` names another header than the map does.",
        "Make `key` differ from the map's name by case alone, or leave it out.";
    HeaderCase = "function.header_case", "Names in the header map are lower case.", "Write the map's name in lower case.";
    HeaderTwice = "function.header_twice", "A header stands in both customHeaders and the request's headers.",
        "Set it in one place.";
    HeadersMany = "function.headers_many", "There are more header lines than any request may carry.", "Return fewer headers.";
    HeadersSize = "function.headers_size", "The headers are larger than the limit.", "Return fewer or shorter headers.";
    Host = "function.host", "The Host header is not one host name.", "Set one `host` line with a name and perhaps a port.";
    Uri = "function.uri", "The URI is not a path.", "Begin with `/`; encode spaces, `?` and `#`.";
    Query = "function.query", "The query string holds a space, a control character or `#`.", "Percent-encode it.";
    UriSize = "function.uri_size", "Path and query together are 8,192 characters or more.", "Shorten them.";
    BodyAction = "function.body_action", "`body.action` is neither `read-only` nor `replace`.", "Use `replace` to change the body.";
    BodyEncoding = "function.body_encoding", "The body's encoding is neither `text` nor `base64`.", "Use `text` or `base64`.";
    BodyData = "function.body_data", "The body is not a string, or not the base64 it says it is.", "Give a string in the named encoding.";
    BodyIgnored = "function.body_ignored", "The body was changed without effect.",
        "Set `action` to `replace`, and include the body in the association.";
    BodySize = "function.body_size", "The replaced body is larger than the limit.", "Send less, or let the origin do it.";
    Status = "function.status", "The status is not a number from 200 to 599.", "Give a string such as \"302\".";
    StatusReadOnly = "function.status_read_only", "viewer-response cannot change the status.", "Change it at origin-response.";
    StatusText = "function.status_text", "statusDescription is no line of text.", "Give a short string, or leave it out.";
    ResponseBody = "function.response_body", "The response has a body where it cannot have one.",
        "Leave the body out; viewer-response cannot change it, and 204 has none.";
    ResponseSize = "function.response_size", "The response is larger than the limit.", "Return less, or redirect to an object.";
    OriginKind = "function.origin_kind", "The origin is not exactly one of `custom` and `s3`.", "Set one and delete the other.";
    OriginDomain = "function.origin_domain", "The origin's domainName is no DNS name.", "Give a name without scheme, port or path; no IP address.";
    OriginPath = "function.origin_path", "The origin's path is malformed.", "Begin with `/`, do not end with it, at most 255 characters.";
    OriginPort = "function.origin_port", "The origin's port is not 80, 443 or 1024 to 65535.", "Use one of those.";
    OriginProtocol = "function.origin_protocol", "The origin's protocol or sslProtocols is unknown.",
        "Use http or https; SSLv3, TLSv1, TLSv1.1, TLSv1.2.";
    OriginTimeout = "function.origin_timeout", "A timeout of the origin is out of range.", "See the limits of the profile.";
    OriginAuth = "function.origin_auth", "The S3 origin's authMethod does not fit.",
        "`origin-access-identity` needs a region and an S3 origin to come from; else `none`.";
    OriginMissing = "function.origin_missing", "A field of the origin was left out.", "Give every field when the origin changes.";
    OriginHost = "function.origin_host", "The origin's domainName changed and the Host header did not.",
        "Set `headers.host` to the new name, or the origin sees the old one.";
    CustomHeader = "function.custom_header", "A header is not allowed in an origin's customHeaders.",
        "Set it in `headers`, if that is allowed.";
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
            assert!(code.meaning().ends_with('.') && code.hint().ends_with('.'), "{}", code.name());
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
        let actions: Vec<_> = relaxed.findings.iter().map(|f| (f.weight, f.action)).collect();
        assert_eq!(actions, [(Weight::Note, Action::Kept), (Weight::Note, Action::Dropped)]);
        assert!(bench(Level::Strict).size(what()).is_err());
        assert!(bench(Level::Warn).size(what()).is_ok());
    }
}
