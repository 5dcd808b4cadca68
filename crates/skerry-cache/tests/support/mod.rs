//! Requests against a small cache, without an executor.

#![allow(dead_code)] // each test file uses its part
#![allow(clippy::unwrap_used, clippy::panic)] // a panic in a test's helper is the report

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use skerry_cache::{
    Ask, Cache, FillReader, FillWriter, Force, HeadParts, Judged, Keep, LabelParts, Limits, Lookup, Object,
    Purge, ReadError, Role, Target, hash_key,
};

pub type Meta = u32;

/// A request: its path is its key, and `language` is what `Vary: l` looks at.
#[derive(Clone, Copy)]
pub struct Request {
    pub path: &'static str,
    pub language: &'static str,
    pub now_ms: u64,
}

pub const EN: Request = Request { path: "/a", language: "en", now_ms: 0 };
pub const DE: Request = Request { path: "/a", language: "de", now_ms: 0 };
pub const TAGS: &[&[u8]] = &[b"news"];

impl Request {
    pub fn ask<T>(self, then: impl FnOnce(&Ask<'_>) -> T) -> T {
        let paths = [self.path.as_bytes()];
        let labels = LabelParts { space: b"d", host: b"h", paths: &paths, tags: &[] };
        let variant_of = |names: &[u8], out: &mut Vec<u8>| {
            if names == b"l" {
                out.extend_from_slice(self.language.as_bytes());
            }
        };
        let key = self.path.as_bytes();
        then(&Ask { hash: hash_key(key), key, labels, now_ms: self.now_ms, variant_of: &variant_of })
    }

    pub fn lookup(self, cache: &Cache<Meta>, judged: Judged) -> Lookup<Meta> {
        self.ask(|ask| cache.lookup_or_join(ask, &mut Vec::new(), &mut |_, _| judged))
    }

    pub fn miss(self, cache: &Cache<Meta>) -> Role<Meta> {
        match self.lookup(cache, Judged::Fresh) {
            Lookup::Miss(_, role) => role,
            Lookup::Hit(_) | Lookup::Stale(..) => panic!("a hit where a miss was expected"),
        }
    }

    pub fn lead(self, cache: &Cache<Meta>) -> (FillWriter<Meta>, FillReader<Meta>) {
        match self.miss(cache) {
            Role::Lead(writer, reader) => (writer, reader),
            Role::Join(_) => panic!("joins where it should lead"),
            Role::Alone(..) => panic!("alone where it should lead"),
        }
    }

    pub fn join(self, cache: &Cache<Meta>) -> FillReader<Meta> {
        match self.miss(cache) {
            Role::Join(reader) => reader,
            Role::Lead(..) | Role::Alone(..) => panic!("fetches where it should join"),
        }
    }

    pub fn hit(self, cache: &Cache<Meta>) -> Option<Arc<Object<Meta>>> {
        self.ask(|ask| cache.lookup(ask.hash, ask.key, ask.variant_of, &mut Vec::new()))
    }

    pub fn parts(self, vary: &'static str, body_bytes: Option<u64>) -> HeadParts<'static, Meta> {
        let path: &'static [u8] = self.path.as_bytes();
        let paths: &'static [&'static [u8]] = Box::leak(Box::new([path]));
        let labels = LabelParts { space: b"d", host: b"h", paths, tags: TAGS };
        let variant: &[u8] = if vary.is_empty() { b"" } else { self.language.as_bytes() };
        HeadParts { head: b"head", meta: 200, vary: vary.as_bytes(), variant, labels, body_bytes }
    }
}

pub fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

pub fn read_all(reader: &mut FillReader<Meta>) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    while let Some(bytes) = now(reader.read()).unwrap()? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

pub fn read_object(object: &Arc<Object<Meta>>, range: std::ops::Range<u64>) -> Vec<u8> {
    let mut reader = object.read(range);
    let mut all = Vec::new();
    while let Some(bytes) = now(reader.read()).unwrap().unwrap() {
        all.extend_from_slice(&bytes);
    }
    all
}

pub fn cache() -> Cache<Meta> {
    Cache::new(Limits { object_bytes_max: 300_000, window_bytes: 100_000, ..Limits::of(4 << 20) })
}

pub fn body(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}

pub fn purge(target: Target, force: Force) -> Purge {
    Purge { target, force, space: None }
}

pub fn path(text: &str) -> Target {
    Target::Path(text.as_bytes().into())
}

pub fn at_rest(cache: &Cache<Meta>) {
    cache.clear();
    let gauges = cache.gauges();
    assert_eq!(
        (gauges.objects, gauges.resident_bytes, gauges.used_bytes, gauges.pinned_bytes, gauges.fills),
        (0, 0, 0, 0, 0)
    );
    assert_eq!(cache.arena().map_or(0, |arena| arena.slots_taken()), 0);
}

pub fn store(cache: &Cache<Meta>, request: Request, vary: &'static str, length: usize) -> Arc<Object<Meta>> {
    let (mut writer, _reader) = request.lead(cache);
    writer.set_head(request.parts(vary, None), Keep::Store, 0);
    writer.append(&body(length));
    writer.finish(None).unwrap()
}
