//! Bodies of all sizes: stored, refreshed, passing, and within the budget.

#![allow(clippy::unwrap_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use skerry_cache::body::TIGHT_COPY_BYTES;
use skerry_cache::{
    Arrival, Cache, Course, HeadParts, Judged, Keep, Limits, Lookup, NotStored, ReadError, Release, Role,
};
use support::*;

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
fn large_pieces_move_into_the_arena_at_their_first_hit() {
    for (has_arena, length, expected) in [
        (true, 16_384, 0), // beside its head
        (true, 16_385, 1),
        (true, 65_536, 1),
        (true, 65_536 + 16_384, 1), // the second is too small to be worth a slot
        (true, 65_536 + 16_385, 2),
        (false, 300_000, 0),
    ] {
        let limits = Limits { object_bytes_max: 300_000, has_arena, ..Limits::of(4 << 20) };
        let cache = Cache::new(limits);
        assert!(has_arena || cache.arena().is_none());
        let expected = if cache.arena().is_some() { expected } else { 0 }; // huge pages: see Arena::where_safe
        let object = store(&cache, EN, "", length);
        let slots = || cache.arena().map_or(0, |arena| arena.slots_taken());
        assert_eq!(slots(), 0, "what is asked for once is not moved");
        for _ in 0..2 {
            assert_eq!(read_object(&object, 0..u64::MAX), body(length));
            assert_eq!(slots(), expected, "{length}");
        }
        let weight = cache.gauges().used_bytes;
        assert!((length as u64..length as u64 + 1_000).contains(&weight), "{weight} on the account");
        drop(object);
        at_rest(&cache);
    }
}

#[test]
fn a_slot_is_kept_for_whoever_reads_it() {
    let cache = cache();
    let object = store(&cache, EN, "", 65_536);
    let mut reader = object.read(0..u64::MAX);
    let held = now(reader.read()).unwrap().unwrap().unwrap().slice(9..);
    let Some(arena) = cache.arena() else { return }; // huge pages: see Arena::where_safe
    assert_eq!(arena.place_of(&held), Some(9));
    drop((object, reader));
    cache.clear();
    read_object(&store(&cache, DE, "", 65_536), 0..1);
    assert_eq!((arena.slots_taken(), &held[..]), (2, &body(65_536)[9..]));
    drop(held);
    assert_eq!(arena.slots_taken(), 1);
    at_rest(&cache);
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
    let limits = Limits { object_bytes_max: 300_000, window_bytes: 400_000, ..Limits::of(2 << 20) };
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
    let mut read = Vec::new();
    while read.len() < 39_000 {
        let copy = now(reader.read()).unwrap().unwrap().unwrap();
        assert!(copy.len() <= TIGHT_COPY_BYTES, "{} bytes beyond the account", copy.len());
        read.extend_from_slice(&copy);
    }
    assert_eq!(read.len(), 39_000);
    assert!(read == body(39_000));
    assert_eq!(writer.append(&body(60_000)), Course::Passes);
    let rest = now(reader.read()).unwrap().unwrap().unwrap();
    assert!(!rest.is_empty());
    assert!(matches!(writer.finish(None), Err(NotStored::NoRoom(_))));
    drop((held, reader, rest));
    at_rest(&cache);
}
