//! HTTP dates: three forms read, one written (RFC 9110 5.6.7).
//!
//! Reading is strict in layout and ignores only letter case: a date with a space, a digit or a zone out of place is
//! no date, and a cache then takes the answer for stale (cache-tests `expires-parse`).

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY_S: i64 = 86_400;

/// Bytes of an IMF-fixdate.
pub const DATE_BYTES: usize = 29;

/// Seconds since 1970 of an HTTP date in any of the three forms; `None` when it is none.
///
/// `now_s` places the two-digit years of RFC 850: one that would lie over 50 years ahead is of the last century.
pub fn parse(text: &[u8], now_s: u64) -> Option<i64> {
    match text.get(3)? {
        b',' => fixdate(text),
        b' ' => asctime(text),
        _ => rfc850(text, now_s),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn fixdate(text: &[u8]) -> Option<i64> {
    if text.len() != DATE_BYTES
        || !is_day(&text[..3], 3)
        || !laid_out(text, &[(4, b' '), (7, b' '), (11, b' '), (16, b' ')])
    {
        return None;
    }
    ends_in_gmt(text)?;
    seconds(digits(&text[12..16])?, month(&text[8..11])?, digits(&text[5..7])?, &text[17..25])
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(text: &[u8], now_s: u64) -> Option<i64> {
    let comma = memchr::memchr(b',', text)?;
    let rest = &text[comma + 1..];
    if !is_day(&text[..comma], 9)
        || rest.len() != 23
        || !laid_out(rest, &[(0, b' '), (3, b'-'), (7, b'-'), (10, b' ')])
    {
        return None;
    }
    ends_in_gmt(rest)?;
    let (this_year, _, _) = civil(now_s as i64 / DAY_S);
    let mut year = this_year - this_year % 100 + digits(&rest[8..10])?;
    if year > this_year + 50 {
        year -= 100;
    }
    seconds(year, month(&rest[4..7])?, digits(&rest[1..3])?, &rest[11..19])
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &[u8]) -> Option<i64> {
    if text.len() != 24 || !is_day(&text[..3], 3) || !laid_out(text, &[(7, b' '), (10, b' '), (19, b' ')]) {
        return None;
    }
    let day = if text[8] == b' ' { digits(&text[9..10])? } else { digits(&text[8..10])? };
    seconds(digits(&text[20..24])?, month(&text[4..7])?, day, &text[11..19])
}

fn is_day(text: &[u8], letters_max: usize) -> bool {
    DAYS.iter().any(|day| {
        let full = day.as_bytes();
        text.eq_ignore_ascii_case(&full[..full.len().min(letters_max)])
    })
}

fn laid_out(text: &[u8], marks: &[(usize, u8)]) -> bool {
    marks.iter().all(|(at, byte)| text[*at] == *byte)
}

fn ends_in_gmt(text: &[u8]) -> Option<()> {
    text.get(text.len().checked_sub(4)?..)?.eq_ignore_ascii_case(b" GMT").then_some(())
}

fn month(text: &[u8]) -> Option<i64> {
    MONTHS.iter().position(|m| text.eq_ignore_ascii_case(*m)).map(|at| at as i64 + 1)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().all(u8::is_ascii_digit).then(|| text.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

fn seconds(year: i64, month: i64, day: i64, clock: &[u8]) -> Option<i64> {
    if !laid_out(clock, &[(2, b':'), (5, b':')]) {
        return None;
    }
    let (hour, minute, second) = (digits(&clock[..2])?, digits(&clock[3..5])?, digits(&clock[6..8])?);
    // 60 is a leap second (RFC 5322 3.3) and falls on the next minute's 0
    if hour > 23 || minute > 59 || second > 60 || day < 1 || day > days_in(year, month) {
        return None;
    }
    Some(days_since_1970(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar; years are counted from March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Days since 1970-01-01 as year, month and day of the Gregorian calendar.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The instant as an IMF-fixdate. Instants after the year 9999 are written as its last second.
pub fn format(at_s: u64) -> [u8; DATE_BYTES] {
    let at = at_s.min(253_402_300_799) as i64;
    let (days, rest) = (at / DAY_S, at % DAY_S);
    let (year, month, day) = civil(days);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    out[..3].copy_from_slice(&DAYS[((days + 4) % 7) as usize].as_bytes()[..3]);
    two(&mut out[5..7], day);
    out[8..11].copy_from_slice(MONTHS[month as usize - 1]);
    two(&mut out[12..14], year / 100);
    two(&mut out[14..16], year % 100);
    two(&mut out[17..19], rest / 3600);
    two(&mut out[20..22], rest / 60 % 60);
    two(&mut out[23..25], rest % 60);
    out
}

fn two(out: &mut [u8], number: i64) {
    out[0] = b'0' + (number / 10) as u8;
    out[1] = b'0' + (number % 10) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_795_000_000; // November 2026

    #[test]
    fn the_three_forms_and_their_near_misses() {
        let rows: &[(&str, Option<i64>)] = &[
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)), // RFC 9110 5.6.7, all three the same instant
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1)),
            ("Thursday, 18-Aug-50 02:01:18 GMT", Some(2_544_400_878)), // freshness-expires-rfc850
            ("Thu Aug  8 02:01:18 2050", Some(2_543_536_878)),         // freshness-expires-ansi-c
            ("THU, 18 Aug 2050 02:01:18 GMT", Some(2_544_400_878)),    // -wrong-case-weekday
            ("Thu, 18 AUG 2050 02:01:18 GMT", Some(2_544_400_878)),    // -wrong-case-month
            ("Thu, 18 Aug 2050 02:01:18 gMT", Some(2_544_400_878)),    // -wrong-case-tz
            ("Sun, 21 Nov 2286 04:46:39 GMT", Some(10_000_039_599)),   // -far-future
            ("Mon, 29 Feb 2024 12:00:00 GMT", Some(1_709_208_000)),
            ("Mon, 29 Feb 2023 12:00:00 GMT", None),
            ("Thu, 18 Aug 2050 02:01:18 UTC", None), // freshness-expires-invalid-utc
            ("Thu, 18 Aug 2050 02:01:18 AEST", None), // -aest
            ("Thu, 18 Aug 50 02:01:18 GMT", None),   // -2-digit-year
            ("Thu 18 Aug 2050 02:01:18 GMT", None),  // -no-comma
            ("Thu, 18  Aug  2050 02:01:18 GMT", None), // -multiple-spaces
            ("Thu, 18-Aug-2050 02:01:18 GMT", None), // -date-dashes
            ("Thu, 18 Aug 2050 02.01.18 GMT", None), // -time-periods
            ("Thu, 18 Aug 2050 2:01:18 GMT", None),  // -1-digit-hour
            ("Thu, 18 Aug 2050 24:01:18 GMT", None),
            ("0", None),
            ("-1", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text.as_bytes(), NOW), *expected, "{text}");
        }
    }

    #[test]
    fn two_digit_years_lie_at_most_fifty_years_ahead() {
        let year = |s: i64| civil(s / DAY_S).0;
        assert_eq!(year(parse(b"Friday, 01-Jan-76 00:00:00 GMT", NOW).unwrap()), 2076);
        assert_eq!(year(parse(b"Saturday, 01-Jan-77 00:00:00 GMT", NOW).unwrap()), 1977);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(at in 0u64..253_402_300_800) {
            prop_assert_eq!(parse(&format(at), NOW), Some(at as i64));
        }

        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text, NOW);
        }

        #[test]
        fn no_damage_to_a_date_makes_it_panic(at in 0usize..29, byte in any::<u8>(), cut in 0usize..=29) {
            let mut text = *b"Thu, 18 Aug 2050 02:01:18 GMT";
            text[at] = byte;
            let _ = parse(&text[..cut], NOW);
        }
    }
}
