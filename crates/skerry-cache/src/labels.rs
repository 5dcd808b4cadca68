//! By what a purge finds an object: space, host, paths and tags, packed into one piece of bytes.
//!
//! They are read only when an object is behind a purge, so they are kept small rather than quick.

/// By what an object can be found by a purge.
pub trait Labels {
    /// Its space.
    fn space(&self) -> &[u8];
    /// Its host.
    fn host(&self) -> &[u8];
    /// Calls `each` with every path it is known under (the viewer's, and the one a function rewrote it to).
    fn each_path(&self, each: &mut dyn FnMut(&[u8]));
    /// Calls `each` with every tag.
    fn each_tag(&self, each: &mut dyn FnMut(&[u8]));
    /// Tags are not known yet (a fill whose head has not come): any tag purge must be taken to be about it.
    fn are_tags_unknown(&self) -> bool {
        false
    }
}

/// Labels as a request or response has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct LabelParts<'a> {
    /// The distribution, or the app and cache name.
    pub space: &'a [u8],
    /// Host of the request, lower case.
    pub host: &'a [u8],
    /// Paths with query: the viewer's and, where a function rewrote it, the one after.
    pub paths: &'a [&'a [u8]],
    /// Tags from the response, as purges will name them.
    pub tags: &'a [&'a [u8]],
}

impl LabelParts<'_> {
    /// Pack them. Each part is `length u32 | bytes`; paths are preceded by their number, tags fill the rest.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.space);
        put(&mut out, self.host);
        out.extend_from_slice(&(self.paths.len() as u32).to_le_bytes());
        for part in self.paths.iter().chain(self.tags) {
            put(&mut out, part);
        }
        out
    }
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u32).to_le_bytes());
    out.extend_from_slice(part);
}

fn take<'a>(packed: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = packed.split_first_chunk::<4>() else { return b"" };
    let at = (u32::from_le_bytes(*length) as usize).min(rest.len());
    let (part, rest) = rest.split_at(at);
    *packed = rest;
    part
}

/// Packed labels, read in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a>(pub &'a [u8]);

impl<'a> Packed<'a> {
    fn after_host(&self) -> (u32, &'a [u8]) {
        let mut rest = self.0;
        take(&mut rest);
        take(&mut rest);
        rest.split_first_chunk::<4>().map_or((0, rest), |(count, rest)| (u32::from_le_bytes(*count), rest))
    }
}

impl Labels for Packed<'_> {
    fn space(&self) -> &[u8] {
        let mut rest = self.0;
        take(&mut rest)
    }

    fn host(&self) -> &[u8] {
        let mut rest = self.0;
        take(&mut rest);
        take(&mut rest)
    }

    fn each_path(&self, each: &mut dyn FnMut(&[u8])) {
        let (count, mut rest) = self.after_host();
        for _ in 0..count {
            each(take(&mut rest));
        }
    }

    fn each_tag(&self, each: &mut dyn FnMut(&[u8])) {
        let (count, mut rest) = self.after_host();
        for _ in 0..count {
            take(&mut rest);
        }
        while !rest.is_empty() {
            each(take(&mut rest));
        }
    }
}

/// Labels of a request alone, which carries no tags.
pub(crate) struct OfRequest<'a> {
    parts: LabelParts<'a>,
    are_tags_unknown: bool,
}

impl<'a> OfRequest<'a> {
    /// For a response whose head has not come: its tags may be any.
    pub(crate) fn before_head(parts: LabelParts<'a>) -> Self {
        OfRequest { parts, are_tags_unknown: true }
    }

    /// For an object whose tags have been looked at already.
    pub(crate) fn after_tags(parts: LabelParts<'a>) -> Self {
        OfRequest { parts, are_tags_unknown: false }
    }
}

impl Labels for OfRequest<'_> {
    fn space(&self) -> &[u8] {
        self.parts.space
    }
    fn host(&self) -> &[u8] {
        self.parts.host
    }
    fn each_path(&self, each: &mut dyn FnMut(&[u8])) {
        self.parts.paths.iter().for_each(|path| each(path));
    }
    fn each_tag(&self, _: &mut dyn FnMut(&[u8])) {}
    fn are_tags_unknown(&self) -> bool {
        self.are_tags_unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        parts.iter().map(|part| part.to_vec()).collect()
    }

    #[test]
    fn what_is_packed_is_read_back() {
        type Parts = &'static [&'static [u8]];
        let rows: [(Parts, Parts); 4] = [
            (&[], &[]),
            (&[b"/a?x=1"], &[]),
            (&[b"/a", b"/b"], &[b"news", b"", b"sport"]),
            (&[b""], &[b"t"]),
        ];
        for (paths, tags) in rows {
            let packed = LabelParts { space: b"dist", host: b"example.org", paths, tags }.pack();
            let read = Packed(&packed);
            let (mut read_paths, mut read_tags) = (Vec::new(), Vec::new());
            read.each_path(&mut |path| read_paths.push(path.to_vec()));
            read.each_tag(&mut |tag| read_tags.push(tag.to_vec()));
            assert_eq!((read.space(), read.host()), (&b"dist"[..], &b"example.org"[..]));
            assert_eq!((read_paths, read_tags), (owned(paths), owned(tags)));
        }
    }
}
