//! What a purge and an invalidation do to objects and fills.

#![allow(clippy::unwrap_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use skerry_cache::{Cache, Force, Judged, Keep, Limits, Lookup, MissWhy, NotStored, Role, Target, hash_key};
use support::*;

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
