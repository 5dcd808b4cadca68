//! Comma-separated lists as HTTP writes them (RFC 9110 5.6.1), and the bytes they are made of.

/// Optional white space: SP and HTAB (RFC 9110 5.6.3).
pub fn is_ows(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// A byte of a token (RFC 9110 5.6.2).
pub fn is_tchar(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    ) || byte.is_ascii_alphanumeric()
}

/// A non-empty token.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| is_tchar(*b))
}

/// The text without optional white space around it.
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_ows(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_ows(*last)
    {
        text = rest;
    }
    text
}

/// Members of a list, trimmed; empty ones are skipped, as a recipient must (RFC 9110 5.6.1.2).
///
/// A comma within a quoted string does not separate; a string that never ends takes the rest with it.
pub fn members(text: &[u8]) -> Members<'_> {
    split(text, b',')
}

/// As [`members`], with another separator (`;` for parameters).
pub fn split(text: &[u8], separator: u8) -> Members<'_> {
    Members { rest: Some(text), separator }
}

/// Iterator of [`members`].
#[derive(Clone, Debug)]
pub struct Members<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let text = self.rest?;
            let end = end_of_member(text, self.separator);
            self.rest = text.get(end + 1..);
            let member = trim(&text[..end]);
            if !member.is_empty() {
                return Some(member);
            }
        }
    }
}

fn end_of_member(text: &[u8], separator: u8) -> usize {
    // without a quote before it, the first separator is the end
    match memchr::memchr2(separator, b'"', text) {
        None => return text.len(),
        Some(at) if text[at] == separator => return at,
        Some(_) => {}
    }
    let (mut quoted, mut at) = (false, 0);
    while at < text.len() {
        match text[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            byte if byte == separator && !quoted => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// A number of seconds as `delta-seconds` writes it (RFC 9111 1.2.2): digits only; 2^31 stands for all larger.
pub fn delta_s(text: &[u8]) -> Option<u32> {
    const LARGEST: u32 = 1 << 31;
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = text.iter().fold(0u64, |n, d| (n * 10 + u64::from(d - b'0')).min(u64::from(LARGEST)));
    Some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_trimmed_and_empty_ones_skipped() {
        let rows: &[(&[u8], &[&[u8]])] = &[
            (b"a, b", &[b"a", b"b"]),
            (b" ,, a ,\tb,", &[b"a", b"b"]),
            (b"a=\"x,y\", b", &[b"a=\"x,y\"", b"b"]),
            (b"a=\"x\\\",y\", b", &[b"a=\"x\\\",y\"", b"b"]),
            (b"a=\"x, b", &[b"a=\"x, b"]),
            (b"", &[]),
        ];
        for (text, expected) in rows {
            assert_eq!(members(text).collect::<Vec<_>>(), *expected, "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn seconds_are_digits_and_saturate() {
        let rows: &[(&[u8], Option<u32>)] = &[
            (b"0", Some(0)),
            (b"003600", Some(3600)),
            (b"2147483647", Some(2_147_483_647)),
            (b"2147483648", Some(1 << 31)),
            (b"99999999999999999999999", Some(1 << 31)),
            (b"", None),
            (b"-1", None),
            (b"1.0", None),
            (b"+1", None),
        ];
        for (text, expected) in rows {
            assert_eq!(delta_s(text), *expected, "{:?}", String::from_utf8_lossy(text));
        }
    }
}
