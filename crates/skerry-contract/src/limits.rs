//! What a function may use and return, per profile; read from `rules/limits.toml`.

use crate::trigger::Trigger;
use serde::Deserialize;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../../src/skerry/rules/limits.toml");

/// Which edition of the vendor's quotas is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// The quotas page of 2025/2026.
    #[default]
    Aws2026,
    /// The quotas page of 2023: 5 s and 128 MB on the viewer side, over-long bodies cut silently.
    AwsClassic,
}

impl Profile {
    /// Spelling in configuration and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Aws2026 => "aws-2026",
            Profile::AwsClassic => "aws-classic",
        }
    }

    /// The profile of that spelling.
    pub fn parse(name: &str) -> Option<Profile> {
        [Profile::Aws2026, Profile::AwsClassic].into_iter().find(|p| p.name() == name)
    }
}

/// What happens to a replaced request body that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyOver {
    /// It is an error.
    Refuse,
    /// It is cut to the limit.
    Truncate,
}

/// One profile's row of the table. `viewer`/`origin` tells the side on which the trigger stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each field is described where its value stands, in limits.toml
pub struct Limits {
    pub timeout_viewer_s: u32,
    pub timeout_origin_s: u32,
    pub memory_viewer_mb_max: u32,
    pub memory_origin_mb_max: u32,
    pub code_viewer_bytes_max: usize,
    pub code_origin_bytes_max: usize,
    pub response_viewer_bytes_max: usize,
    pub response_origin_bytes_max: usize,
    pub body_viewer_bytes_max: usize,
    pub body_origin_bytes_max: usize,
    pub body_viewer_base64_max: usize,
    pub body_origin_base64_max: usize,
    pub body_over_max: BodyOver,
    pub keepalive_s_min: u32,
    pub keepalive_s_max: u32,
    pub read_timeout_s_min: u32,
    pub read_timeout_s_max: u32,
    pub request_bytes_max: usize,
    pub uri_chars_max: usize,
    pub custom_headers_max: usize,
    pub custom_header_name_max: usize,
    pub custom_header_value_max: usize,
    pub custom_headers_bytes_max: usize,
    pub tmp_bytes_max: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    #[serde(rename = "aws-2026")]
    aws_2026: Limits,
    aws_classic: Limits,
}

// The table is part of the program; a test reads it, so a broken one never leaves the workshop.
#[allow(clippy::expect_used)]
static LIMITS: LazyLock<Table> = LazyLock::new(|| toml::from_str(TABLE).expect("limits.toml is well formed"));

impl Limits {
    /// The row of a profile.
    pub fn of(profile: Profile) -> &'static Limits {
        match profile {
            Profile::Aws2026 => &LIMITS.aws_2026,
            Profile::AwsClassic => &LIMITS.aws_classic,
        }
    }

    /// Seconds a call at `trigger` may take.
    pub fn timeout_s(&self, trigger: Trigger) -> u32 {
        if trigger.is_viewer() { self.timeout_viewer_s } else { self.timeout_origin_s }
    }

    /// Bytes of a request body that are shown to, or taken as text from, a function.
    pub fn body_bytes_max(&self, trigger: Trigger) -> usize {
        if trigger.is_viewer() { self.body_viewer_bytes_max } else { self.body_origin_bytes_max }
    }

    /// Characters of a replacement body in base64.
    pub fn body_base64_max(&self, trigger: Trigger) -> usize {
        if trigger.is_viewer() { self.body_viewer_base64_max } else { self.body_origin_base64_max }
    }

    /// Bytes of headers and body of a response that a function makes.
    pub fn response_bytes_max(&self, trigger: Trigger) -> usize {
        if trigger.is_viewer() { self.response_viewer_bytes_max } else { self.response_origin_bytes_max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_and_the_editions_differ_where_the_pages_do() {
        let (new, old) = (Limits::of(Profile::Aws2026), Limits::of(Profile::AwsClassic));
        assert_eq!((new.timeout_s(Trigger::ViewerRequest), old.timeout_s(Trigger::ViewerRequest)), (30, 5));
        assert_eq!(old.timeout_s(Trigger::OriginResponse), 30);
        assert_eq!(new.body_bytes_max(Trigger::ViewerRequest), 40 * 1024);
        assert_eq!(new.body_bytes_max(Trigger::OriginRequest), 1024 * 1024);
        assert_eq!((new.body_over_max, old.body_over_max), (BodyOver::Refuse, BodyOver::Truncate));
        assert_eq!(new.body_base64_max(Trigger::ViewerRequest), 54_476);
        assert_eq!(new.response_bytes_max(Trigger::ViewerResponse), 40_960);
    }

    #[test]
    fn profile_names_round_trip() {
        for p in [Profile::Aws2026, Profile::AwsClassic] {
            assert_eq!(Profile::parse(p.name()), Some(p));
        }
        assert_eq!(Profile::parse("aws"), None);
    }
}
