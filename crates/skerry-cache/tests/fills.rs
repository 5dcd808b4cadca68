//! One response on its way, and those who wait for it.

#![allow(clippy::unwrap_used, clippy::panic)] // a panic in a test's helper is the report

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use skerry_cache::{
    Abort, Arrival, Ask, Cache, Course, FillReader, FillWriter, Force, HeadParts, Judged, Keep, LabelParts,
    Limits, Lookup, MissWhy, NotStored, Object, Purge, ReadError, Release, Role, Target, hash_key,
};

type Meta = u32;

/// A request: its path is its key, and `language` is what `Vary: l` looks at.
#[derive(Clone, Copy)]
struct Request {
    path: &'static str,
    language: &'static str,
    now_ms: u64,
}

const EN: Request = Request { path: "/a", language: "en", now_ms: 0 };
const DE: Request = Request { path: "/a", language: "de", now_ms: 0 };
const TAGS: &[&[u8]] = &[b"news"];

impl Request {
    fn ask<T>(self, then: impl FnOnce(&Ask<'_>) -> T) -> T {
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

    fn lookup(self, cache: &Cache<Meta>, judged: Judged) -> Lookup<Meta> {
        self.ask(|ask| cache.lookup_or_join(ask, &mut Vec::new(), &mut |_, _| judged))
    }

    fn miss(self, cache: &Cache<Meta>) -> Role<Meta> {
        match self.lookup(cache, Judged::Fresh) {
            Lookup::Miss(_, role) => role,
            Lookup::Hit(_) | Lookup::Stale(..) => panic!("a hit where a miss was expected"),
        }
    }

    fn lead(self, cache: &Cache<Meta>) -> (FillWriter<Meta>, FillReader<Meta>) {
        match self.miss(cache) {
            Role::Lead(writer, reader) => (writer, reader),
            Role::Join(_) => panic!("joins where it should lead"),
            Role::Alone(..) => panic!("alone where it should lead"),
        }
    }

    fn join(self, cache: &Cache<Meta>) -> FillReader<Meta> {
        match self.miss(cache) {
            Role::Join(reader) => reader,
            Role::Lead(..) | Role::Alone(..) => panic!("fetches where it should join"),
        }
    }

    fn hit(self, cache: &Cache<Meta>) -> Option<Arc<Object<Meta>>> {
        self.ask(|ask| cache.lookup(ask.hash, ask.key, ask.variant_of, &mut Vec::new()))
    }

    fn parts(self, vary: &'static str, body_bytes: Option<u64>) -> HeadParts<'static, Meta> {
        let path: &'static [u8] = self.path.as_bytes();
        let paths: &'static [&'static [u8]] = Box::leak(Box::new([path]));
        let labels = LabelParts { space: b"d", host: b"h", paths, tags: TAGS };
        let variant: &[u8] = if vary.is_empty() { b"" } else { self.language.as_bytes() };
        HeadParts { head: b"head", meta: 200, vary: vary.as_bytes(), variant, labels, body_bytes }
    }
}

fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn read_all(reader: &mut FillReader<Meta>) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::new();
    while let Some(bytes) = now(reader.read()).unwrap()? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn read_object(object: &Arc<Object<Meta>>, range: std::ops::Range<u64>) -> Vec<u8> {
    let mut reader = object.read(range);
    let mut all = Vec::new();
    while let Some(bytes) = now(reader.read()).unwrap().unwrap() {
        all.extend_from_slice(&bytes);
    }
    all
}

fn cache() -> Cache<Meta> {
    Cache::new(Limits { object_bytes_max: 300_000, window_bytes: 100_000, ..Limits::of(4 << 20) })
}

fn body(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn purge(target: Target, force: Force) -> Purge {
    Purge { target, force, space: None }
}

fn path(text: &str) -> Target {
    Target::Path(text.as_bytes().into())
}

fn at_rest(cache: &Cache<Meta>) {
    cache.clear();
    let gauges = cache.gauges();
    assert_eq!(
        (gauges.objects, gauges.resident_bytes, gauges.used_bytes, gauges.pinned_bytes, gauges.fills),
        (0, 0, 0, 0, 0)
    );
}

#[test]
fn a_thousand_misses_make_one_fetch_and_read_while_it_arrives() {
    let cache = cache();
    let (mut writer, mut leader) = EN.lead(&cache);
    let mut waiters: Vec<_> = (0..999).map(|_| EN.join(&cache)).collect();
    assert!(leader.is_leader() && !waiters[0].is_leader());
    assert_eq!(writer.reader_count(), 1000);
    assert!(now(waiters[0].head()).is_none());
    let data = body(150_000);
    assert_eq!(writer.set_head(EN.parts("", Some(150_000)), Keep::Store, 0), Course::Stores);
    writer.append(&data.slice(..70_000));
    waiters.push(EN.join(&cache)); // while the body arrives
    for waiter in &mut waiters {
        assert!(matches!(now(waiter.head()), Some(Ok(Arrival::Head(head))) if head.meta == 200));
        assert!(now(waiter.read()).unwrap().unwrap().unwrap().len() <= 70_000);
    }
    writer.append(&data.slice(70_000..));
    let object = writer.finish(None).unwrap();
    assert_eq!(read_all(&mut leader).unwrap(), data);
    waiters.iter_mut().for_each(|waiter| assert!(read_all(waiter).is_ok_and(|rest| data.ends_with(&rest))));
    assert_eq!(object.body_bytes(), 150_000);
    assert_eq!(read_object(&EN.hit(&cache).unwrap(), 65_000..70_000), data.slice(65_000..70_000));
    drop((object, leader, waiters));
    at_rest(&cache);
}

#[test]
fn small_and_large_bodies_are_stored_whole() {
    for length in [0, 1, 16_383, 16_384, 16_385, 65_536, 65_537, 300_000] {
        for declared in [None, Some(length as u64)] {
            let cache = cache();
            let data = body(length);
            let (mut writer, leader) = EN.lead(&cache);
            writer.set_head(EN.parts("", declared), Keep::Store, 0);
            for part in data.chunks(10_000) {
                writer.append(&Bytes::copy_from_slice(part));
            }
            writer.finish(None).unwrap();
            drop(leader);
            let object = EN.hit(&cache).unwrap();
            assert_eq!(
                (object.head(), *object.meta(), object.body_bytes()),
                (&b"head"[..], 200, length as u64)
            );
            assert_eq!(read_object(&object, 0..u64::MAX), data);
            assert_eq!(object.inline_body().is_some(), length <= 16_384);
            assert_eq!(cache.gauges().pinned_bytes, 0, "what is stored is what is held: {length}");
            drop(object);
            at_rest(&cache);
        }
    }
}

#[test]
fn trailers_are_kept() {
    let cache = cache();
    let (mut writer, mut leader) = EN.lead(&cache);
    writer.set_head(EN.parts("", None), Keep::Store, 0);
    writer.append(&body(5));
    writer.finish(Some(Bytes::from_static(b"t: 1"))).unwrap();
    read_all(&mut leader).unwrap();
    assert_eq!(leader.trailers().as_deref(), Some(&b"t: 1"[..]));
    assert_eq!(EN.hit(&cache).unwrap().trailers().as_deref(), Some(&b"t: 1"[..]));
}

#[test]
fn an_uncacheable_key_is_not_serialised() {
    let cache = cache();
    let (mut writer, mut leader) = EN.lead(&cache);
    let mut waiter = EN.join(&cache);
    let pass = Keep::Pass { do_not_wait_ms: 1000 };
    assert_eq!(writer.set_head(EN.parts("", None), pass, 0), Course::Passes);
    assert!(matches!(now(waiter.head()), Some(Err(Release::Uncacheable))));
    drop(waiter);
    let lonely = |now_ms| match (Request { now_ms, ..EN }).miss(&cache) {
        Role::Alone(..) => true,
        Role::Lead(..) => false,
        Role::Join(_) => panic!("nothing to join"),
    };
    assert!(lonely(1) && lonely(1) && lonely(999));
    let alone = (Request { now_ms: 999, ..EN }).miss(&cache);
    writer.append(&body(5));
    assert_eq!(writer.finish(None).unwrap_err(), NotStored::Passed);
    assert!(matches!(now(leader.head()), Some(Ok(Arrival::Head(_)))));
    assert_eq!(read_all(&mut leader).unwrap(), body(5), "the leader reads its own answer");
    assert!(!lonely(1000), "after a while requests wait again, but not for one that went alone");
    drop((leader, alone));
    at_rest(&cache);
}

#[test]
fn who_fetches_alone_may_store_and_ends_the_solitude() {
    let cache = cache();
    let (mut writer, _leader) = EN.lead(&cache);
    writer.set_head(EN.parts("", None), Keep::Pass { do_not_wait_ms: 1000 }, 0);
    let (Role::Alone(mut one, _), Role::Alone(mut two, mut two_reader)) = (EN.miss(&cache), EN.miss(&cache))
    else {
        panic!("both are alone")
    };
    assert_eq!(one.set_head(EN.parts("", None), Keep::Store, 1), Course::Stores);
    let _joined = EN.join(&cache);
    // At most one storing fill for each key, variant and purge sequence.
    assert_eq!(two.set_head(EN.parts("", None), Keep::Store, 1), Course::Passes);
    two.append(&body(9));
    assert_eq!(two.finish(None).unwrap_err(), NotStored::Newer);
    assert_eq!(read_all(&mut two_reader).unwrap(), body(9));
    one.append(&body(3));
    assert!(one.finish(None).is_ok());
    assert_eq!(EN.hit(&cache).unwrap().body_bytes(), 3);
}

#[test]
fn a_head_that_varies_releases_those_it_does_not_answer() {
    let cache = cache();
    let (mut writer, _leader) = EN.lead(&cache);
    let mut english = EN.join(&cache);
    let mut german = DE.join(&cache);
    writer.set_head(EN.parts("l", None), Keep::Store, 0);
    let arrives = |request: Request, reader: &mut FillReader<Meta>| {
        let arrival = now(reader.head()).unwrap().unwrap();
        request.ask(|ask| arrival.is_for(ask.variant_of, &mut Vec::new()))
    };
    assert!(arrives(EN, &mut english));
    assert!(!arrives(DE, &mut german));
    drop(german);
    let (mut german_writer, _german_leader) = DE.lead(&cache); // and not the English fill again
    EN.join(&cache);
    german_writer.set_head(DE.parts("l", None), Keep::Store, 0);
    writer.append(&body(1));
    german_writer.append(&body(2));
    writer.finish(None).unwrap();
    german_writer.finish(None).unwrap();
    assert_eq!(EN.hit(&cache).unwrap().body_bytes(), 1);
    assert_eq!(DE.hit(&cache).unwrap().body_bytes(), 2);
    let french = Request { language: "fr", ..EN };
    assert!(matches!(
        french.lookup(&cache, Judged::Fresh),
        Lookup::Miss(MissWhy::OtherVariant, Role::Lead(..))
    ));
    // The variant is guessed from what is stored, so two languages do not wait for each other.
    let _fr = french.lead(&cache);
    let _it = Request { language: "it", ..EN }.lead(&cache);
}

#[test]
fn a_request_after_a_purge_joins_no_older_fill() {
    let targets = [
        path("/a"),
        Target::Prefix(b"/".as_slice().into()),
        Target::Host(b"h".as_slice().into()),
        Target::Tag(b"any".as_slice().into()),
        Target::All,
    ];
    for (target, force) in targets.into_iter().flat_map(|t| [(t.clone(), Force::Hard), (t, Force::Soft)]) {
        let cache = cache();
        let (mut old, mut old_reader) = EN.lead(&cache);
        assert_eq!(cache.purge(&purge(target.clone(), force)).unwrap().seq, 1);
        let (mut new, _new_reader) = EN.lead(&cache);
        new.set_head(EN.parts("", None), Keep::Store, 0);
        new.append(&body(2));
        new.finish(None).unwrap();
        old.set_head(EN.parts("", None), Keep::Store, 0);
        old.append(&body(1));
        let stored = old.finish(None);
        assert!(stored.is_err(), "older than what is there: {target:?}");
        assert_eq!(read_all(&mut old_reader).unwrap(), body(1), "who asked before is served");
        assert_eq!(EN.hit(&cache).unwrap().body_bytes(), 2);
    }
    let cache = cache();
    let _fill = EN.lead(&cache);
    cache.purge(&purge(path("/other"), Force::Hard)).unwrap();
    EN.join(&cache); // a purge of something else separates nobody
}

#[test]
fn what_was_purged_while_it_arrived_is_not_stored() {
    let cache = cache();
    let (mut writer, _reader) = EN.lead(&cache);
    writer.set_head(EN.parts("", None), Keep::Store, 0);
    let mut joined = EN.join(&cache);
    cache.purge(&purge(Target::Tag(b"other".as_slice().into()), Force::Hard)).unwrap();
    EN.join(&cache); // the head is known, and so are its tags
    cache.purge(&purge(Target::Tag(b"news".as_slice().into()), Force::Hard)).unwrap();
    writer.append(&body(1));
    assert_eq!(writer.finish(None).unwrap_err(), NotStored::Purged);
    assert_eq!(read_all(&mut joined).unwrap(), body(1));
    assert!(EN.hit(&cache).is_none());
}

fn store(cache: &Cache<Meta>, request: Request, vary: &'static str, length: usize) -> Arc<Object<Meta>> {
    let (mut writer, _reader) = request.lead(cache);
    writer.set_head(request.parts(vary, None), Keep::Store, 0);
    writer.append(&body(length));
    writer.finish(None).unwrap()
}

#[test]
fn a_refresh_keeps_the_body_and_tells_the_waiters() {
    for length in [100, 100_000] {
        let cache = cache();
        let old = store(&cache, EN, "", length);
        let Lookup::Stale(found, Role::Lead(writer, mut leader)) = EN.lookup(&cache, Judged::Stale) else {
            panic!("stale, and the first to ask leads")
        };
        assert!(Arc::ptr_eq(&found, &old));
        let Lookup::Stale(_, Role::Join(mut waiter)) = EN.lookup(&cache, Judged::Stale) else {
            panic!("joins")
        };
        let parts = HeadParts { meta: 304, head: b"newer", ..EN.parts("", None) };
        let refreshed = writer.refresh(&found, parts);
        assert_eq!(refreshed.not_stored, None);
        for reader in [&mut leader, &mut waiter] {
            let Some(Ok(Arrival::Object(object))) = now(reader.head()) else { panic!("an object arrives") };
            assert!(Arc::ptr_eq(&object, &refreshed.object));
        }
        let hit = EN.hit(&cache).unwrap();
        assert_eq!(
            (hit.head(), *hit.meta(), read_object(&hit, 0..u64::MAX)),
            (&b"newer"[..], 304, body(length).to_vec())
        );
        assert_eq!(cache.gauges().objects, 1);
        drop((old, found, leader, waiter, refreshed, hit));
        assert_eq!(cache.gauges().pinned_bytes, 0);
        at_rest(&cache);
    }
}

#[test]
fn a_hard_purge_during_revalidation_wins() {
    let cache = cache();
    let old = store(&cache, EN, "", 10);
    let Lookup::Stale(_, Role::Lead(writer, _leader)) = EN.lookup(&cache, Judged::Stale) else {
        panic!("leads")
    };
    cache.purge(&purge(path("/a"), Force::Hard)).unwrap();
    assert!(matches!(EN.lookup(&cache, Judged::Stale), Lookup::Miss(MissWhy::Purged, Role::Lead(..))));
    assert_eq!(writer.refresh(&old, EN.parts("", None)).not_stored, Some(NotStored::Purged));
    assert!(EN.hit(&cache).is_none());
}

#[test]
fn a_soft_purge_makes_stale_until_a_new_object_comes() {
    let cache = cache();
    let old = store(&cache, EN, "", 10);
    cache.purge(&purge(Target::Tag(b"news".as_slice().into()), Force::Soft)).unwrap();
    assert!(EN.hit(&cache).unwrap().is_soft_purged());
    let mut softs = Vec::new();
    let found = EN.ask(|ask| {
        cache.lookup_or_join(ask, &mut Vec::new(), &mut |_, soft| {
            softs.push(soft);
            Judged::Stale
        })
    });
    let Lookup::Stale(_, Role::Lead(writer, _leader)) = found else { panic!("leads") };
    assert_eq!(softs, [true]);
    writer.refresh(&old, EN.parts("", None));
    assert!(!EN.hit(&cache).unwrap().is_soft_purged());
}

#[test]
fn a_fill_that_fails_stores_nothing_and_says_why() {
    let cache = cache();
    {
        let (writer, _leader) = EN.lead(&cache);
        let mut waiter = EN.join(&cache);
        let abort = Abort::new("origin.refused", "nobody listens");
        writer.abort(&abort);
        assert!(matches!(now(waiter.head()), Some(Err(Release::Failed(why))) if *why == abort));
    }
    {
        let (mut writer, mut leader) = EN.lead(&cache);
        writer.set_head(EN.parts("", Some(10)), Keep::Store, 0);
        writer.append(&body(4));
        assert_eq!(writer.finish(None).unwrap_err(), NotStored::Cut, "shorter than declared");
        assert!(
            matches!(read_all(&mut leader), Err(ReadError::Aborted(why)) if why.code == "cache.cut_fill")
        );
    }
    {
        let (mut writer, mut leader) = EN.lead(&cache);
        writer.set_head(EN.parts("", None), Keep::Store, 0);
        writer.append(&body(4));
        drop(writer);
        assert!(
            matches!(read_all(&mut leader), Err(ReadError::Aborted(why)) if why.code == "cache.fill_dropped")
        );
    }
    {
        let (writer, _leader) = EN.lead(&cache);
        let mut waiter = EN.join(&cache);
        drop(writer);
        assert!(matches!(now(waiter.head()), Some(Err(Release::LeaderGone))), "to look up again");
    }
    let (writer, _) = EN.lead(&cache);
    assert_eq!(writer.finish(None).unwrap_err(), NotStored::Headless);
    assert!(EN.hit(&cache).is_none());
    at_rest(&cache);
}

#[test]
fn a_fill_runs_on_when_its_first_reader_leaves() {
    let cache = cache();
    let (mut writer, leader) = EN.lead(&cache);
    let waiter = EN.join(&cache);
    let mut context = Context::from_waker(Waker::noop());
    drop(leader);
    assert!(writer.poll_abandoned(&mut context).is_pending());
    drop(waiter);
    assert!(writer.poll_abandoned(&mut context).is_ready());
    writer.set_head(EN.parts("", None), Keep::Store, 0);
    assert_eq!(writer.append(&body(4)), Course::Stores);
    writer.finish(None).unwrap();
    assert!(EN.hit(&cache).is_some());
}

#[test]
fn a_body_found_too_large_goes_on_as_a_window() {
    let cache = cache(); // objects up to 300,000, windows of 100,000
    let (mut writer, mut fast) = EN.lead(&cache);
    let mut slow = EN.join(&cache);
    writer.set_head(EN.parts("", None), Keep::Store, 0);
    let data = body(1_000_000);
    let mut read = Vec::new();
    for part in data.chunks(50_000) {
        assert!(matches!(now(writer.room()), Some(Course::Stores | Course::Passes)));
        writer.append(&Bytes::copy_from_slice(part));
        while let Some(Ok(Some(bytes))) = now(fast.read()) {
            read.extend_from_slice(&bytes);
        }
        assert!(cache.gauges().used_bytes < 500_000);
    }
    assert!(matches!(EN.miss(&cache), Role::Lead(..)), "nobody joins it any more");
    assert_eq!(writer.finish(None).unwrap_err(), NotStored::TooLarge);
    assert_eq!(now(fast.read()).unwrap(), Ok(None));
    assert_eq!(read, data);
    assert_eq!(read_all(&mut slow), Err(ReadError::FellOut));
    drop((fast, slow));
    at_rest(&cache);
}

#[test]
fn a_body_declared_too_large_is_not_waited_for() {
    let cache = cache();
    let (mut writer, leader) = EN.lead(&cache);
    let mut waiter = EN.join(&cache);
    assert_eq!(writer.set_head(EN.parts("", Some(300_001)), Keep::Store, 0), Course::Passes);
    assert!(matches!(now(waiter.head()), Some(Err(Release::TooLarge))));
    assert!(matches!(EN.miss(&cache), Role::Alone(..)));
    drop((waiter, leader));
    assert_eq!(now(writer.room()), Some(Course::Unwanted), "the client has left: stop fetching");
    assert_eq!(writer.append(&body(1)), Course::Unwanted);
}

#[test]
fn slow_readers_of_large_bodies_stay_within_the_budget() {
    let limits = Limits { object_bytes_max: 300_000, window_bytes: 100_000, ..Limits::of(2 << 20) };
    let cache = Cache::new(limits);
    store(&cache, DE, "", 200_000);
    let mut fills: Vec<_> = (0..30)
        .map(|i| {
            let path: &'static str = Box::leak(format!("/large/{i}").into_boxed_str());
            let request = Request { path, ..EN };
            let (mut writer, reader) = request.lead(&cache);
            writer.set_head(request.parts("", Some(1 << 30)), Keep::Store, 0);
            (writer, reader)
        })
        .collect();
    let piece = body(16_384);
    for _ in 0..100 {
        for (writer, _) in &mut fills {
            if now(writer.room()) == Some(Course::Passes) {
                writer.append(&piece);
            }
        }
        let used = cache.gauges().used_bytes;
        assert!(used <= (2 << 20) + 30 * 17_000, "{used} bytes");
    }
    assert!(DE.hit(&cache).is_none(), "what nobody reads has made room");
    // Nobody is stuck: whoever reads on gets more.
    let (writer, reader) = &mut fills[0];
    for _ in 0..20 {
        while let Some(Ok(Some(_))) = now(reader.read()) {}
        assert_eq!(now(writer.room()), Some(Course::Passes));
        writer.append(&piece);
    }
    drop(fills);
    at_rest(&cache);
}

#[test]
fn without_memory_a_storing_fill_passes() {
    let cache = Cache::new(Limits { object_bytes_max: 200_000, ..Limits::of(100_000) });
    let held = cache.reserve(60_000).unwrap();
    let (mut writer, mut reader) = EN.lead(&cache);
    writer.set_head(EN.parts("", None), Keep::Store, 0);
    assert_eq!(writer.append(&body(39_000)), Course::Stores);
    assert_eq!(now(reader.read()).unwrap().unwrap().unwrap(), body(39_000));
    assert_eq!(writer.append(&body(60_000)), Course::Passes);
    let rest = now(reader.read()).unwrap().unwrap().unwrap();
    assert!(!rest.is_empty());
    assert!(matches!(writer.finish(None), Err(NotStored::NoRoom(_))));
    drop((held, reader, rest));
    at_rest(&cache);
}

#[test]
fn an_invalidated_key_is_gone_and_stays_gone() {
    let cache = cache();
    store(&cache, EN, "l", 1);
    store(&cache, DE, "l", 2);
    let french = Request { language: "fr", ..EN };
    let (mut writer, _reader) = french.lead(&cache);
    assert_eq!(EN.ask(|ask| cache.invalidate(ask.hash, ask.key)), 2);
    assert!(EN.hit(&cache).is_none() && DE.hit(&cache).is_none());
    let _new = french.lead(&cache);
    writer.set_head(french.parts("l", None), Keep::Store, 0);
    writer.append(&body(3));
    assert_eq!(writer.finish(None).unwrap_err(), NotStored::Invalidated);
    assert_eq!(cache.gauges().objects, 0);
}

#[test]
fn a_key_has_so_many_variants_and_no_more() {
    let cache = cache();
    let languages: Vec<&'static str> =
        (0..40).map(|i| &*Box::leak(format!("l{i}").into_boxed_str())).collect();
    for language in &languages {
        store(&cache, Request { language, ..EN }, "l", 1);
    }
    assert_eq!(cache.gauges().objects, 32);
    let hits: Vec<bool> =
        languages.iter().map(|l| (Request { language: l, ..EN }).hit(&cache).is_some()).collect();
    assert_eq!(hits, [vec![false; 8], vec![true; 32]].concat(), "the oldest have left");
    at_rest(&cache);
}

#[test]
fn a_sweep_lets_the_log_forget_and_nothing_come_back() {
    let cache = Cache::new(Limits { purge_entries_max: 10, ..Limits::of(4 << 20) });
    store(&cache, EN, "", 1);
    let other = Request { path: "/b", ..EN };
    store(&cache, other, "", 1);
    let in_flight = Request { path: "/c", ..EN };
    let (mut writer, _reader) = in_flight.lead(&cache);
    writer.set_head(in_flight.parts("", None), Keep::Store, 0);
    cache.purge(&purge(path("/a"), Force::Hard)).unwrap();
    cache.purge(&purge(path("/c"), Force::Hard)).unwrap();
    for i in 0..10 {
        cache.purge(&purge(path(&format!("/x{i}")), Force::Hard)).unwrap();
    }
    assert!(cache.purges().wants_compaction());
    assert_eq!(cache.sweep(), 1);
    assert_eq!(cache.gauges().purge_entries, 0);
    assert!(EN.hit(&cache).is_none() && other.hit(&cache).is_some());
    assert_eq!(writer.finish(None).unwrap_err(), NotStored::Purged);
}

#[test]
fn equal_hashes_do_not_mix_keys() {
    let cache = cache();
    let labels = LabelParts::default();
    let put = |key: &[u8], length| {
        let parts = HeadParts { head: b"h", meta: 0, vary: b"", variant: b"", labels, body_bytes: None };
        cache.put(cache.begin(), (7, key), parts, &body(length), None).unwrap();
    };
    let length =
        |key: &[u8]| cache.lookup(7, key, &|_, _| {}, &mut Vec::new()).map(|object| object.body_bytes());
    put(b"one", 1);
    put(b"two", 20_000);
    assert_eq!((length(b"one"), length(b"two"), length(b"three")), (Some(1), Some(20_000), None));
    let lead = |key| {
        let ask = Ask { hash: 7, key, labels, now_ms: 0, variant_of: &|_, _| {} };
        match cache.lookup_or_join(&ask, &mut Vec::new(), &mut |_, _| Judged::Fresh) {
            Lookup::Miss(_, Role::Lead(writer, reader)) => (writer, reader),
            _ => panic!("joins another key's fill"),
        }
    };
    let fills = (lead(b"three"), lead(b"four"));
    assert_eq!(cache.invalidate(7, b"one"), 1);
    assert_eq!((length(b"one"), length(b"two")), (None, Some(20_000)));
    drop(fills);
    at_rest(&cache);
}

#[test]
fn what_was_begun_before_an_invalidation_is_not_put() {
    let cache = cache();
    let key = EN.path.as_bytes();
    let before = cache.begin();
    cache.invalidate(hash_key(key), key);
    let put = |started| cache.put(started, (hash_key(key), key), EN.parts("", None), b"x", None);
    assert_eq!(put(before).unwrap_err(), NotStored::Invalidated);
    let large = body(300_001);
    let parts = EN.parts("", None);
    let refused = cache.put(cache.begin(), (hash_key(key), key), parts, &large, None).unwrap_err();
    assert_eq!(refused, NotStored::TooLarge);
    assert!(put(cache.begin()).is_ok());
    let purged = cache.begin();
    cache.purge(&purge(path("/a"), Force::Hard)).unwrap();
    assert_eq!(put(purged).unwrap_err(), NotStored::Purged);
}

#[test]
fn a_head_wakes_those_who_wait_for_it() {
    struct Bell(std::sync::atomic::AtomicUsize);
    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let cache = cache();
    let ends: [fn(FillWriter<Meta>); 3] = [
        |mut writer| {
            writer.set_head(EN.parts("", None), Keep::Store, 0);
        },
        |writer| writer.abort(&Abort::new("test.abort", "")),
        drop,
    ];
    for end in ends {
        let (writer, _leader) = EN.lead(&cache);
        let mut waiter = EN.join(&cache);
        let bell = Arc::new(Bell(0.into()));
        let waker = Waker::from(Arc::clone(&bell));
        assert!(waiter.poll_head(&mut Context::from_waker(&waker)).is_pending());
        end(writer);
        assert!(bell.0.load(std::sync::atomic::Ordering::SeqCst) > 0);
        assert!(waiter.poll_head(&mut Context::from_waker(&waker)).is_ready());
    }
}
