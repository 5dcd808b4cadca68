//! How old an answer is (RFC 9111 4.2.3, 5.1).

use crate::date;
use crate::fields::{Fields, Known};
use crate::list::{delta_s, members};

/// When the origin was asked and when its head arrived, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The request was sent.
    pub request_s: u64,
    /// The response head had arrived.
    pub response_s: u64,
}

/// The value of `Age`: of a list or of several lines the first member; `None` when that is no number
/// (RFC 9111 5.1: an invalid one is ignored).
pub fn parse(fields: &Fields) -> Option<u32> {
    members(fields.known(Known::Age)?).next().and_then(delta_s)
}

/// `Date` of the answer, or when it arrived where it has none that can be read (RFC 9110 6.6.1).
pub fn date_s(fields: &Fields, times: Times) -> i64 {
    fields
        .known(Known::Date)
        .and_then(|text| date::parse(text, times.response_s))
        .unwrap_or(times.response_s as i64)
}

/// Corrected initial age, seconds: the larger of what clocks say and of what `Age` says plus the time the answer
/// was under way.
pub fn initial_s(fields: &Fields, times: Times) -> u32 {
    let apparent = times.response_s as i64 - date_s(fields, times);
    let delay = times.response_s.saturating_sub(times.request_s) as i64;
    let corrected = i64::from(parse(fields).unwrap_or(0)) + delay;
    apparent.max(corrected).clamp(0, 1 << 31) as u32
}

/// The age to pass on with an answer that its origin gave an `Age`, kept or not: the corrected one, in one line. `None`
/// where it gave none that can be read; what cannot be read is not passed on (RFC 9111 5.1).
pub fn told_s(fields: &Fields, times: Times) -> Option<u32> {
    parse(fields).map(|_| initial_s(fields, times))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Times = Times { request_s: 1_000_000, response_s: 1_000_002 };

    fn aged(lines: &[&str]) -> Fields {
        lines.iter().map(|line| (&b"Age"[..], line.as_bytes())).collect()
    }

    #[test]
    fn age_is_the_first_number_or_nothing() {
        let rows: &[(&[&str], Option<u32>)] = &[
            (&["7200"], Some(7200)),
            (&["abc"], None),    // age-parse-nonnumeric
            (&["-7200"], None),  // age-parse-negative
            (&["7200.0"], None), // age-parse-float
            (&["7200;foo=bar"], None),
            (&["2147483649"], Some(1 << 31)), // age-parse-larger
            (&["7200, 0"], Some(7200)),       // age-parse-suffix
            (&["0, 7200"], Some(0)),          // age-parse-prefix
            (&["7200", "0"], Some(7200)),     // age-parse-suffix-twoline
            (&["0", "7200"], Some(0)),        // age-parse-prefix-twoline
            (&[""], None),
            (&[], None),
        ];
        for (lines, expected) in rows {
            assert_eq!(parse(&aged(lines)), *expected, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_age_is_not_told() {
        let rows: &[(&[&str], Option<u32>)] = &[
            (&["30"], Some(32)),
            (&["30, 7"], Some(32)),
            (&["30", "-7"], Some(32)),
            (&["99999999999"], Some(1 << 31)),
            (&["-1"], None),
            (&["soon"], None),
            (&[], None),
        ];
        for (lines, expected) in rows {
            assert_eq!(told_s(&aged(lines), AT), *expected, "{lines:?}");
        }
    }

    #[test]
    fn initial_age_takes_the_larger_of_both_ways() {
        let with = |age: Option<&str>, date_at: Option<u64>| {
            let mut fields = Fields::new();
            if let Some(age) = age {
                fields.push(b"Age", age.as_bytes());
            }
            if let Some(at) = date_at {
                fields.push(b"Date", &date::format(at));
            }
            initial_s(&fields, AT)
        };
        assert_eq!(with(None, None), 2, "the delay alone");
        assert_eq!(with(Some("30"), Some(AT.response_s)), 32);
        assert_eq!(with(Some("30"), Some(AT.response_s - 7200)), 7200, "freshness-max-age-date");
        assert_eq!(with(None, Some(AT.response_s + 400)), 2, "a fast clock makes nothing younger");
        assert_eq!(with(Some("99999999999"), None), 1 << 31);
    }
}
