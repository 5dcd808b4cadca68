//! One response on its way, and those who wait for it.

#![allow(clippy::unwrap_used, clippy::panic)] // a panic in a test's helper is the report

mod support;

use std::sync::Arc;
use std::task::{Context, Waker};

use skerry_cache::{
    Abort, Arrival, Ask, Course, FillReader, FillWriter, HeadParts, Judged, Keep, LabelParts, Lookup,
    MissWhy, NotStored, ReadError, Release, Role,
};
use support::*;

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
fn a_head_wakes_those_who_wait_for_it() {
    struct Bell(std::sync::atomic::AtomicUsize);
    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let cache = cache();
    type End = fn(FillWriter<Meta>) -> Option<FillWriter<Meta>>;
    let ends: [End; 3] = [
        |mut writer| {
            writer.set_head(EN.parts("", None), Keep::Store, 0);
            Some(writer)
        },
        |writer| {
            writer.abort(&Abort::new("test.abort", ""));
            None
        },
        |_dropped| None,
    ];
    for end in ends {
        let (writer, _leader) = EN.lead(&cache);
        let mut waiter = EN.join(&cache);
        let bell = Arc::new(Bell(0.into()));
        let waker = Waker::from(Arc::clone(&bell));
        assert!(waiter.poll_head(&mut Context::from_waker(&waker)).is_pending());
        let _open = end(writer);
        assert!(bell.0.load(std::sync::atomic::Ordering::SeqCst) > 0);
        assert!(waiter.poll_head(&mut Context::from_waker(&waker)).is_ready());
    }
}
