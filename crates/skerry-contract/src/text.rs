//! Bytes of a message as text of an event, and back.
//!
//! A function reads JSON, hence Unicode; a message is bytes. What is not UTF-8 is read as ISO-8859-1
//! (Developer Guide, "URI and query string encoding"), and what the function did not touch goes on as the bytes that came.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes that JSON wants escaped: `0` = as is, else the letter behind the backslash (`u` = six characters).
static ESCAPE: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 0x20 {
        table[i] = b'u';
        i += 1;
    }
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table
};

/// Append `bytes` as a JSON string, quotes included.
pub(crate) fn write(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    if std::str::from_utf8(bytes).is_ok() {
        write_escaped(out, bytes);
    } else {
        for &b in bytes {
            match b {
                0x80.. => out.extend_from_slice(&[0xc0 | (b >> 6), 0x80 | (b & 0x3f)]),
                _ => write_escaped(out, &[b]),
            }
        }
    }
    out.push(b'"');
}

fn write_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut from = 0;
    for (at, &b) in bytes.iter().enumerate() {
        let how = ESCAPE[b as usize];
        if how == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(&[b'\\', how]);
        if how == b'u' {
            let hex = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
            out.extend_from_slice(&[b'0', b'0', hex(b >> 4), hex(b & 15)]);
        }
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

/// Append a header name in lower case as a JSON string.
pub(crate) fn write_lower(out: &mut Vec<u8>, name: &[u8]) {
    let from = out.len() + 1;
    write(out, name);
    // escapes and UTF-8 beyond ASCII hold no upper-case ASCII letters, so lowering the written text is safe
    out[from..].make_ascii_lowercase();
}

/// Append `bytes` as a JSON string of base64.
pub(crate) fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let at = out.len();
    out.resize(at + bytes.len().div_ceil(3) * 4, b'=');
    if let Ok(written) = STANDARD.encode_slice(bytes, &mut out[at..]) {
        out.truncate(at + written); // always the full length; the room was made for it
    }
    out.push(b'"');
}

/// Bytes behind base64 with padding; `None` when it is not that.
pub(crate) fn read_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Is `text` the base64 of `bytes`?
pub(crate) fn is_base64_of(text: &str, bytes: &[u8]) -> bool {
    const STEP: usize = 3 * 256;
    if text.len() != bytes.len().div_ceil(3) * 4 {
        return false;
    }
    let mut buffer = [0u8; STEP / 3 * 4];
    bytes
        .chunks(STEP)
        .zip(text.as_bytes().chunks(STEP / 3 * 4))
        .all(|(raw, sent)| STANDARD.encode_slice(raw, &mut buffer).is_ok_and(|n| &buffer[..n] == sent))
}

/// Is `text` what the event said for the bytes `raw`?
pub(crate) fn is_text_of(text: &str, raw: &[u8]) -> bool {
    raw == text.as_bytes() // equal bytes are UTF-8 on both sides
        || (std::str::from_utf8(raw).is_err() && text.chars().eq(raw.iter().map(|&b| b as char)))
}

/// `x-forwarded-for` → `X-Forwarded-For`: the spelling of a header whose `key` was left out.
pub(crate) fn title_case(name: &str) -> Vec<u8> {
    let mut out = name.as_bytes().to_vec();
    let mut start = true;
    for b in &mut out {
        if start {
            b.make_ascii_uppercase();
        } else {
            b.make_ascii_lowercase();
        }
        start = *b == b'-';
    }
    out
}

/// RFC 9110 5.6.2: a field name is a token.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// RFC 9110 5.5: visible characters, spaces, tabs and bytes above ASCII; never CR, LF or NUL.
pub(crate) fn is_field_value(text: &[u8]) -> bool {
    text.iter().all(|&b| b == b'\t' || (b >= 0x20 && b != 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write(&mut out, bytes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes() {
        let rows: &[(&[u8], &str)] = &[
            (b"", r#""""#),
            (b"plain", r#""plain""#),
            (b"a\"b\\c", r#""a\"b\\c""#),
            (b"\t\n\r\x01\x1f", r#""\t\n\r\u0001\u001f""#),
            ("é€".as_bytes(), "\"é€\""),
            (b"caf\xe9\"", "\"café\\\"\""), // ISO-8859-1
        ];
        for (bytes, json) in rows {
            assert_eq!(written(bytes), *json);
            let back: String = serde_json::from_str(&written(bytes)).unwrap();
            assert!(is_text_of(&back, bytes), "{json}");
        }
        assert!(!is_text_of("café", b"cafe"));
        assert!(!is_text_of("Ã©", "é".as_bytes())); // valid UTF-8 is not read a second time as ISO-8859-1
    }

    #[test]
    fn names_are_lowered() {
        let mut out = Vec::new();
        write_lower(&mut out, b"X-Foo");
        assert_eq!(out, b"\"x-foo\"");
        assert_eq!(title_case("x-foO--b-"), b"X-Foo--B-");
    }

    #[test]
    fn base64_there_and_back() {
        for len in [0, 1, 2, 3, 767, 768, 769, 5000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let mut out = Vec::new();
            write_base64(&mut out, &bytes);
            let text = std::str::from_utf8(&out[1..out.len() - 1]).unwrap();
            assert_eq!(read_base64(text).unwrap(), bytes);
            assert!(is_base64_of(text, &bytes));
            if len > 0 {
                assert!(!is_base64_of(text, &vec![255; len]));
            }
        }
        assert_eq!(read_base64("a=b"), None);
        assert_eq!(read_base64("YQ"), None); // padding is not optional
    }
}
