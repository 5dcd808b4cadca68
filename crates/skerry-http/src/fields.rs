//! Header fields in wire order and wire case, over one buffer.

/// One field: where its name and value lie in the buffer.
#[derive(Clone, Copy, Debug)]
struct Span {
    name_at: u32,
    name_len: u32, // 0 = removed
    value_at: u32,
    value_len: u32,
}

macro_rules! known {
    ($($variant:ident = $text:literal),+ $(,)?) => {
        /// Names that the request path asks for on nearly every message; each is found by index, not by search.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs)] // each variant is the field name it spells
        pub enum Known { $($variant),+ }

        impl Known {
            const ALL: &'static [(Known, &'static [u8])] = &[$((Known::$variant, $text.as_bytes())),+];
            /// Lower-case spelling.
            pub fn name(self) -> &'static str {
                match self { $(Known::$variant => $text),+ }
            }
        }
    };
}

known! {
    Host = "host", Connection = "connection", ContentLength = "content-length",
    TransferEncoding = "transfer-encoding", Expect = "expect", Upgrade = "upgrade", Range = "range",
    IfNoneMatch = "if-none-match", IfModifiedSince = "if-modified-since", IfMatch = "if-match",
    IfUnmodifiedSince = "if-unmodified-since", IfRange = "if-range", CacheControl = "cache-control",
    Pragma = "pragma", Authorization = "authorization", Cookie = "cookie",
    AcceptEncoding = "accept-encoding", UserAgent = "user-agent", Referer = "referer", Te = "te",
    Trailer = "trailer", Accept = "accept", XForwardedFor = "x-forwarded-for",
    Etag = "etag", LastModified = "last-modified", Date = "date", Age = "age", Expires = "expires",
    Vary = "vary", SetCookie = "set-cookie", ContentType = "content-type",
    ContentEncoding = "content-encoding", ContentRange = "content-range", Location = "location",
    Via = "via", Server = "server", KeepAlive = "keep-alive",
}

const KNOWN_COUNT: usize = Known::ALL.len();
const NONE: u16 = u16::MAX;
const BY_LENGTH_MAX: usize = 20;

/// For each name length, the slice of [`Known::ALL`] (as indices) that has it.
static BY_LENGTH: [[u8; 8]; BY_LENGTH_MAX] = by_length();

const fn by_length() -> [[u8; 8]; BY_LENGTH_MAX] {
    let mut table = [[u8::MAX; 8]; BY_LENGTH_MAX];
    let mut i = 0;
    while i < KNOWN_COUNT {
        let len = Known::ALL[i].1.len();
        let mut slot = 0;
        while table[len][slot] != u8::MAX {
            slot += 1;
        }
        table[len][slot] = i as u8;
        i += 1;
    }
    table
}

fn classify(name: &[u8]) -> Option<usize> {
    let row = BY_LENGTH.get(name.len())?;
    let first = name.first()? | 0x20;
    for &i in row {
        if i == u8::MAX {
            return None;
        }
        let candidate = Known::ALL[i as usize].1;
        if candidate[0] == first && name.eq_ignore_ascii_case(candidate) {
            return Some(i as usize);
        }
    }
    None
}

/// An ordered list of fields. Names and values are raw bytes as they came; comparison of names ignores ASCII case.
#[derive(Clone, Debug)]
pub struct Fields {
    buf: Vec<u8>,
    spans: Vec<Span>,
    first: [u16; KNOWN_COUNT],
}

impl Default for Fields {
    fn default() -> Self {
        Fields { buf: Vec::new(), spans: Vec::new(), first: [NONE; KNOWN_COUNT] }
    }
}

impl Fields {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forget all fields, keep the memory.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.spans.clear();
        self.first = [NONE; KNOWN_COUNT];
    }

    /// Add a field at the end.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let name_at = self.buf.len() as u32;
        self.buf.extend_from_slice(name);
        let value_at = self.buf.len() as u32;
        self.buf.extend_from_slice(value);
        self.note(Span { name_at, name_len: name.len() as u32, value_at, value_len: value.len() as u32 });
    }

    fn note(&mut self, span: Span) {
        let name = &self.buf[span.name_at as usize..(span.name_at + span.name_len) as usize];
        if let Some(i) = classify(name)
            && self.first[i] == NONE
        {
            self.first[i] = self.spans.len().min(NONE as usize - 1) as u16;
        }
        self.spans.push(span);
    }

    fn reindex(&mut self) {
        self.first = [NONE; KNOWN_COUNT];
        for (at, span) in self.spans.iter().enumerate() {
            let name = &self.buf[span.name_at as usize..(span.name_at + span.name_len) as usize];
            if let Some(i) = classify(name)
                && self.first[i] == NONE
            {
                self.first[i] = at.min(NONE as usize - 1) as u16;
            }
        }
    }

    fn value_of(&self, span: &Span) -> &[u8] {
        &self.buf[span.value_at as usize..(span.value_at + span.value_len) as usize]
    }

    fn name_of(&self, span: &Span) -> &[u8] {
        &self.buf[span.name_at as usize..(span.name_at + span.name_len) as usize]
    }

    /// First value of a well-known field, by index.
    pub fn known(&self, name: Known) -> Option<&[u8]> {
        match self.first[name as usize] {
            NONE => None,
            at => self.spans.get(at as usize).map(|s| self.value_of(s)),
        }
    }

    /// Does the field occur at all?
    pub fn has(&self, name: Known) -> bool {
        self.first[name as usize] != NONE
    }

    /// First value of any field.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.spans
            .iter()
            .find(|s| s.name_len as usize == name.len() && self.name_of(s).eq_ignore_ascii_case(name))
            .map(|s| self.value_of(s))
    }

    /// Every value of a field, in wire order.
    pub fn get_all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.spans
            .iter()
            .filter(move |s| s.name_len as usize == name.len() && self.name_of(s).eq_ignore_ascii_case(name))
            .map(|s| self.value_of(s))
    }

    /// Every value of a field joined with `, ` (RFC 9110 5.3); `None` when it does not occur.
    pub fn joined(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut out: Option<Vec<u8>> = None;
        for value in self.get_all(name) {
            match &mut out {
                None => out = Some(value.to_vec()),
                Some(all) => {
                    all.extend_from_slice(b", ");
                    all.extend_from_slice(value);
                }
            }
        }
        out
    }

    /// All fields in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.spans.iter().map(|s| (self.name_of(s), self.value_of(s)))
    }

    /// Number of field lines.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// No field at all?
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of names and values together (without separators), as limits count them.
    pub fn bytes(&self) -> usize {
        self.spans.iter().map(|s| (s.name_len + s.value_len) as usize).sum()
    }

    /// Remove every line of that name; tells whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        self.retain(|n, _| !n.eq_ignore_ascii_case(name))
    }

    /// Keep the lines for which `keep(name, value)` holds; tells whether one went.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) -> bool {
        let buf = &self.buf;
        let before = self.spans.len();
        self.spans.retain(|s| {
            keep(
                &buf[s.name_at as usize..(s.name_at + s.name_len) as usize],
                &buf[s.value_at as usize..(s.value_at + s.value_len) as usize],
            )
        });
        if self.spans.len() == before {
            return false;
        }
        self.reindex();
        true
    }

    /// Replace all lines of that name by one, in the place of the first (at the end when there was none).
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let mut place = None;
        for (at, s) in self.spans.iter().enumerate() {
            if s.name_len as usize == name.len() && self.name_of(s).eq_ignore_ascii_case(name) {
                place = Some(at);
                break;
            }
        }
        let Some(at) = place else { return self.push(name, value) };
        let name_at = self.buf.len() as u32;
        self.buf.extend_from_slice(name);
        let value_at = self.buf.len() as u32;
        self.buf.extend_from_slice(value);
        self.spans[at] =
            Span { name_at, name_len: name.len() as u32, value_at, value_len: value.len() as u32 };
        let (buf, mut seen) = (&self.buf, 0usize);
        self.spans.retain(|s| {
            seen += 1;
            seen - 1 <= at
                || !buf[s.name_at as usize..(s.name_at + s.name_len) as usize].eq_ignore_ascii_case(name)
        });
        self.reindex();
    }

    /// Append `name: value\r\n` for every line.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.reserve(self.buf.len() + 4 * self.spans.len());
        for s in &self.spans {
            out.extend_from_slice(self.name_of(s));
            out.extend_from_slice(b": ");
            out.extend_from_slice(self.value_of(s));
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl<'a> FromIterator<(&'a [u8], &'a [u8])> for Fields {
    fn from_iter<T: IntoIterator<Item = (&'a [u8], &'a [u8])>>(all: T) -> Self {
        let mut fields = Fields::new();
        for (name, value) in all {
            fields.push(name, value);
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Fields {
        [(&b"Host"[..], &b"a"[..]), (b"X-One", b"1"), (b"cookie", b"a=1"), (b"Cookie", b"b=2")]
            .into_iter()
            .collect()
    }

    #[test]
    fn known_names_are_found_whatever_their_case() {
        let f = sample();
        assert_eq!(f.known(Known::Host), Some(&b"a"[..]));
        assert_eq!(f.known(Known::Cookie), Some(&b"a=1"[..]));
        assert_eq!(f.known(Known::Range), None);
    }

    #[test]
    fn every_known_name_classifies_to_itself() {
        for (known, text) in Known::ALL {
            assert_eq!(classify(text), Some(*known as usize));
        }
    }

    #[test]
    fn set_replaces_in_place_and_drops_the_rest() {
        let mut f = sample();
        f.set(b"Cookie", b"c=3");
        let lines: Vec<_> = f.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2], (b"Cookie".to_vec(), b"c=3".to_vec()));
        assert_eq!(f.known(Known::Cookie), Some(&b"c=3"[..]));
    }

    #[test]
    fn remove_reindexes() {
        let mut f = sample();
        assert!(f.remove(b"HOST"));
        assert!(!f.has(Known::Host));
        assert_eq!(f.known(Known::Cookie), Some(&b"a=1"[..]));
        assert_eq!(f.joined(b"cookie"), Some(b"a=1, b=2".to_vec()));
    }
}
