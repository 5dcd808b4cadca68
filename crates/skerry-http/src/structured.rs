//! Structured field values, as far as the path needs them (RFC 9651): dictionaries read, items written.

use crate::list::is_tchar;

/// A bare item. Strings are not unescaped: nobody here asks for their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bare {
    /// `12`
    Integer(i64),
    /// `1.5`; only its type matters.
    Decimal,
    /// `"text"` or `%"text"`; only its type matters.
    String,
    /// `token`
    Token(Vec<u8>),
    /// `:YQ==:`
    Bytes,
    /// `?1`
    Boolean(bool),
    /// `@1659578233`
    Date,
    /// `(a b)`
    InnerList,
}

/// The members of a dictionary, parameters checked and dropped; the last of equal keys wins.
/// `None` when the text is no dictionary at all.
pub fn dictionary(text: &[u8]) -> Option<Vec<(Vec<u8>, Bare)>> {
    let mut reader = Reader { text, at: 0 };
    let mut entries: Vec<(Vec<u8>, Bare)> = Vec::new();
    reader.skip(|b| b == b' ');
    while !reader.is_done() {
        let key = reader.key()?.to_vec();
        let value = if reader.eat(b'=') { reader.item_or_list()? } else { Bare::Boolean(true) };
        reader.parameters()?;
        entries.retain(|(known, _)| *known != key);
        entries.push((key, value));
        reader.skip(is_ows);
        if reader.is_done() {
            break;
        }
        if !reader.eat(b',') {
            return None;
        }
        reader.skip(is_ows);
        if reader.is_done() {
            return None; // a trailing comma (RFC 9651 4.2.2)
        }
    }
    Some(entries)
}

/// Append a token where the text is one, else a string.
pub fn write_token_or_string(out: &mut Vec<u8>, text: &[u8]) {
    let starts = text.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'*');
    if starts && text.iter().all(|b| is_tchar(*b) || matches!(b, b':' | b'/')) {
        out.extend_from_slice(text);
    } else {
        write_string(out, text);
    }
}

/// Append a string; bytes that a string cannot hold become `?`, so that the field as a whole stays readable.
pub fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0x20..=0x7e => out.push(*byte),
            _ => out.push(b'?'),
        }
    }
    out.push(b'"');
}

fn is_ows(byte: u8) -> bool {
    crate::list::is_ows(byte)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&skipped) {
            self.at += 1;
        }
    }

    fn while_in(&mut self, kept: impl Fn(u8) -> bool) -> &'a [u8] {
        let from = self.at;
        self.skip(kept);
        &self.text[from..self.at]
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        if !self.peek().is_some_and(|b| b.is_ascii_lowercase() || b == b'*') {
            return None;
        }
        Some(self.while_in(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'*')
        }))
    }

    fn parameters(&mut self) -> Option<()> {
        while self.eat(b';') {
            self.skip(|b| b == b' ');
            self.key()?;
            if self.eat(b'=') {
                self.item()?;
            }
        }
        Some(())
    }

    fn item_or_list(&mut self) -> Option<Bare> {
        if !self.eat(b'(') {
            return self.item();
        }
        loop {
            self.skip(|b| b == b' ');
            if self.eat(b')') {
                return Some(Bare::InnerList);
            }
            self.item()?;
            self.parameters()?;
            if !matches!(self.peek()?, b' ' | b')') {
                return None;
            }
        }
    }

    fn item(&mut self) -> Option<Bare> {
        match self.peek()? {
            b'"' => self.string(),
            b'?' => self.boolean(),
            b':' => self.bytes(),
            b'@' => {
                self.at += 1;
                matches!(self.number()?, Bare::Integer(_)).then_some(Bare::Date)
            }
            b'%' => {
                self.at += 1;
                self.string()
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                Some(Bare::Token(self.while_in(|b| is_tchar(b) || matches!(b, b':' | b'/')).to_vec()))
            }
            _ => None,
        }
    }

    fn string(&mut self) -> Option<Bare> {
        if !self.eat(b'"') {
            return None;
        }
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' if !matches!(self.text.get(self.at + 1), Some(b'"' | b'\\')) => return None,
                b'\\' => self.at += 2,
                0x20..=0x7e => self.at += 1,
                _ => return None,
            }
        }
        self.at += 1;
        Some(Bare::String)
    }

    fn boolean(&mut self) -> Option<Bare> {
        let on = match self.text.get(self.at + 1)? {
            b'1' => true,
            b'0' => false,
            _ => return None,
        };
        self.at += 2;
        Some(Bare::Boolean(on))
    }

    fn bytes(&mut self) -> Option<Bare> {
        self.at += 1;
        self.skip(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
        self.eat(b':').then_some(Bare::Bytes)
    }

    /// At most 15 digits, or 12 before and 3 after the point (RFC 9651 3.3.1, 3.3.2).
    fn number(&mut self) -> Option<Bare> {
        let negative = self.eat(b'-');
        let whole = self.while_in(|b| b.is_ascii_digit());
        if whole.is_empty() {
            return None;
        }
        if self.eat(b'.') {
            let fraction = self.while_in(|b| b.is_ascii_digit());
            return (whole.len() <= 12 && (1..=3).contains(&fraction.len())).then_some(Bare::Decimal);
        }
        if whole.len() > 15 {
            return None;
        }
        let number = whole.iter().fold(0i64, |n, d| n * 10 + i64::from(d - b'0'));
        Some(Bare::Integer(if negative { -number } else { number }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dictionaries() {
        let rows: &[(&str, Option<usize>)] = &[
            ("", Some(0)),
            ("a", Some(1)),
            ("a, b=2;x=1;y, c=?0", Some(3)),
            ("a=1, a=2", Some(1)),
            ("a=(1 \"x\" t), b=:YQ==:, c=@12, d=1.5, e=%\"x\"", Some(5)),
            ("a,", None),
            ("a b", None),
            ("A=1", None),
            ("a=", None),
            ("a=1.", None),
            ("a=1234567890123456", None),
            ("a=\"x", None),
            ("a=\"\\n\"", None),
            ("a=(1", None),
            ("a=?2", None),
            ("a=@1.5", None),
            ("&", None),
        ];
        for (text, expected) in rows {
            assert_eq!(dictionary(text.as_bytes()).map(|d| d.len()), *expected, "{text}");
        }
    }

    #[test]
    fn items_are_written_as_tokens_where_they_are() {
        let rows: &[(&str, &str)] = &[
            ("no-store", "no-store"),
            ("a/b:c", "a/b:c"),
            ("1st", "\"1st\""),
            ("say \"x\\y\"", "\"say \\\"x\\\\y\\\"\""),
            ("ü", "\"??\""),
            ("", "\"\""),
        ];
        for (text, expected) in rows {
            let mut out = Vec::new();
            write_token_or_string(&mut out, text.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), *expected);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = dictionary(&text);
        }

        #[test]
        fn what_is_written_is_read_back(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut out = b"a=".to_vec();
            write_token_or_string(&mut out, &text);
            prop_assert!(dictionary(&out).is_some_and(|d| d.len() == 1));
        }
    }
}
