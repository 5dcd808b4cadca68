//! Path patterns of behaviors (cdn row 2): `*` is any run of characters, `/` too; `?` is one; case counts.

/// Most characters of a pattern.
pub const PATTERN_BYTES_MAX: usize = 255;

/// A compiled path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: Vec<u8>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Any,
    Exact,
    /// One `*`, at this place, and no `?`: compare both ends.
    OneStar(usize),
    Glob,
}

impl PathPattern {
    /// Compile. A leading `/` is optional where the pattern does not begin with `*`.
    ///
    /// Errors with a sentence: empty, over 255 characters, or a character outside the documented set.
    pub fn new(pattern: &str) -> Result<PathPattern, String> {
        if pattern.is_empty() {
            return Err("a path pattern is empty; the default behavior has none".to_owned());
        }
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(format!(
                "a path pattern has {} characters; {PATTERN_BYTES_MAX} are allowed",
                pattern.len()
            ));
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "_-.*?$/~\"'@:+&".contains(c);
        if let Some(odd) = pattern.chars().find(|c| !legal(*c)) {
            return Err(format!("a path pattern cannot hold {odd:?}: {pattern:?}"));
        }
        let text = match pattern.as_bytes() {
            rooted @ [b'/' | b'*', ..] => rooted.to_vec(),
            bare => [b"/", bare].concat(),
        };
        let stars = text.iter().filter(|b| **b == b'*').count();
        let shape = match (stars, text.contains(&b'?')) {
            (0, false) => Shape::Exact,
            (1, false) if text == b"*" || text == b"/*" => Shape::Any,
            (1, false) => Shape::OneStar(memchr::memchr(b'*', &text).unwrap_or(0)),
            _ => Shape::Glob,
        };
        Ok(PathPattern { text, shape })
    }

    /// Does it match that path (without query, beginning with `/`)?
    pub fn matches(&self, path: &[u8]) -> bool {
        match self.shape {
            Shape::Any => true,
            Shape::Exact => path == self.text,
            Shape::OneStar(at) => {
                let (start, end) = (&self.text[..at], &self.text[at + 1..]);
                path.len() >= start.len() + end.len() && path.starts_with(start) && path.ends_with(end)
            }
            Shape::Glob => glob(&self.text, path),
        }
    }

    /// The pattern, with its leading `/`.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// `*` and `?` against a whole text, without recursion: on a mismatch the last `*` takes one byte more, so the work
/// is at most the product of both lengths.
pub fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                None => return false,
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    (p, t) = (after_star, from + 1);
                }
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn row_2() {
        let rows: &[(&str, &str, bool)] = &[
            ("*", "/anything/at/all", true),
            ("/*", "/", true),
            ("images/*.jpg", "/images/a.jpg", true),
            ("/images/*.jpg", "/images/a/b.jpg", true), // * crosses /
            ("/images/*.jpg", "/images/a.JPG", false),
            ("*.gif", "/a/b.gif", true),
            ("/a?.gif", "/ab.gif", true),
            ("/a?.gif", "/a.gif", false),
            ("/a?.gif", "/a/.gif", true),
            ("/a*b*c", "/axxbyybc", true),
            ("/a*b*c", "/axxbyyb", false),
            ("/api", "/api", true),
            ("/api", "/api/", false),
            ("/ab*ba", "/aba", false), // both ends may not share a byte
            ("a??.js", "/abc.js", true),
        ];
        for (pattern, path, expected) in rows {
            let compiled = PathPattern::new(pattern).unwrap();
            assert_eq!(compiled.matches(path.as_bytes()), *expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for bad in ["", "/a b", "/ä", "/%20", &"x".repeat(256)] {
            assert!(PathPattern::new(bad).is_err(), "{bad}");
        }
    }

    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some((b'*', rest)), _) => (0..=text.len()).any(|n| slow(rest, &text[n..])),
            (Some((p, rest)), Some((t, tail))) => (*p == b'?' || p == t) && slow(rest, tail),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn compiled_and_plain_matching_agree(pattern in "[ab*?/]{1,7}", path in "/[ab/]{0,8}") {
            let compiled = PathPattern::new(&pattern).unwrap();
            prop_assert_eq!(compiled.matches(path.as_bytes()), slow(compiled.text(), path.as_bytes()));
            prop_assert_eq!(glob(pattern.as_bytes(), path.as_bytes()), slow(pattern.as_bytes(), path.as_bytes()));
        }
    }
}
