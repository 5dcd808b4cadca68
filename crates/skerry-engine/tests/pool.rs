//! The pool of calls against a launcher by script: who gets which answer, who is turned away, what stays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic is the report

mod support;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use skerry_engine::function::pool::{CallError, FunctionLog, Pool};
use skerry_engine::snapshot::FunctionRef;
use skerry_engine::stats::CoreStats;
use support::launcher::{Act, FakeLauncher};
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::Instant;

#[derive(Default)]
struct Lines(RefCell<Vec<(String, String, String)>>);

impl FunctionLog for Lines {
    fn line(&self, _: &FunctionRef, request_id: &str, stream: &str, text: &[u8], _: u64) {
        let text = String::from_utf8_lossy(text).into_owned();
        self.0.borrow_mut().push((request_id.to_owned(), stream.to_owned(), text));
    }
}

/// A pool, its launcher and its log.
struct House {
    pool: Rc<Pool>,
    launcher: FakeLauncher,
    stats: Arc<CoreStats>,
    lines: Rc<Lines>,
}

fn function(version: &str) -> Arc<FunctionRef> {
    let (name, version) = ("f".to_owned(), version.to_owned());
    Arc::new(FunctionRef { name, version, timeout_ms: 200, memory_mb: 128 })
}

impl House {
    fn new(acts: &[Act]) -> House {
        let (launcher, stats, lines) = (FakeLauncher::start(acts), Arc::default(), Rc::new(Lines::default()));
        let pool =
            Pool::new(launcher.client(), 0, Arc::clone(&stats), support::clock(), lines.clone(), false);
        House { pool, launcher, stats, lines }
    }

    async fn call(&self, event: &str) -> Result<Bytes, CallError> {
        self.pool.call(&function("1"), event, event.into()).await
    }

    fn start(&self, version: &str, event: &str) -> JoinHandle<Result<Bytes, CallError>> {
        let (pool, function, event) = (self.pool.clone(), function(version), event.to_owned());
        tokio::task::spawn_local(async move { pool.call(&function, &event, event.clone().into()).await })
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What a call gives, and whether its worker is used again.
#[test]
fn endings() {
    let crashed = |e: &CallError| matches!(e, CallError::Crashed(_));
    for (event, error, reused) in [
        ("echo 1", None, true),
        ("raise", Some(CallError::Raised("KeyError: 'k'".into())), true),
        ("hang", Some(CallError::TimedOut), false),
        ("die", Some(CallError::Crashed(String::new())), false),
        ("foreign", Some(CallError::Crashed(String::new())), false),
        ("twice", None, false),
        ("leave", None, false),
    ] {
        run(async {
            let house = House::new(&[]);
            match (house.call(event).await, error) {
                (Ok(_), None) => {}
                (Err(got), Some(want)) => assert!(got == want || crashed(&got) && crashed(&want), "{got:?}"),
                (got, want) => panic!("{event}: {got:?} and not {want:?}"),
            }
            assert_eq!(house.call("echo 2").await, Ok("echo 2".into()), "{event}");
            assert_eq!(house.launcher.seen.leases.get(), if reused { 1 } else { 2 }, "{event}");
            until("one worker lives", || house.launcher.seen.alive.get() == 1).await;
            assert_eq!((house.pool.workers(), house.pool.waiting()), (1, 0), "{event}");
            assert_eq!(house.stats.functions_active.load(Relaxed), 0);
        });
    }
}

/// A call that no handler has seen is made again, but not for ever.
#[test]
fn unheard_calls_are_made_again() {
    for (acts, good) in [(&[Act::Deaf; 1][..], true), (&[Act::Deaf; 2], true), (&[Act::Deaf; 3], false)] {
        run(async {
            let house = House::new(acts);
            let got = house.call("echo 1").await;
            assert_eq!(got.is_ok(), good, "{got:?}");
            assert_eq!(house.launcher.seen.leases.get(), acts.len() + usize::from(good));
            assert_eq!(house.launcher.seen.calls.get(), usize::from(good));
            assert_eq!(house.call("echo 2").await, Ok("echo 2".into()));
        });
    }
}

/// Many calls at once, some bad: each its own answer.
#[test]
fn nobody_gets_anothers_answer() {
    run(async {
        let house = House::new(&[]);
        let events = ["echo", "raise", "die", "slow", "foreign", "echo", "print"];
        let calls: Vec<_> = (0..300)
            .map(|n| {
                let word = events[n % events.len()];
                let event =
                    if matches!(word, "raise" | "foreign") { word.into() } else { format!("{word} {n}") };
                (event.clone(), house.start("1", &event))
            })
            .collect();
        for (event, call) in calls {
            match (event.split(' ').next().unwrap(), call.await.unwrap()) {
                ("raise", Err(CallError::Raised(_))) | ("die" | "foreign", Err(CallError::Crashed(_))) => {}
                ("echo" | "slow" | "print", Ok(answer)) => assert_eq!(answer, event),
                (_, got) => panic!("{event}: {got:?}"),
            }
        }
        house.pool.close();
        until("no worker lives", || house.launcher.seen.alive.get() == 0).await;
        assert_eq!((house.pool.workers(), house.pool.waiting()), (0, 0));
        let lines = house.lines.0.borrow();
        assert!(
            lines.iter().filter(|(_, stream, _)| stream == "stdout").all(|(id, ..)| id.starts_with("print"))
        );
    });
}

/// Leases that fail: who learns it, and who does not.
#[test]
fn leases_that_fail() {
    use Act::{Busy, DieLoading, HangUp, InitError, TooMany, Work};
    for (acts, wants) in [
        // a launcher that is restarted, a worker that is killed while it loads: nobody notices
        (&[HangUp, Work][..], &["ok"][..]),
        (&[DieLoading, Work], &["ok"]),
        (&[DieLoading, DieLoading], &["init"]),
        (&[TooMany, Work], &["ok"]),
        (&[Busy, Busy, Work], &["ok"]),
        (&[InitError], &["init"]),
        // one of four fails while the others come: one call is lost at most
        (&[InitError, Work, Work, Work], &["init", "ok", "ok", "ok"]),
        (&[Busy, Work, Work, Work], &["ok", "ok", "ok", "ok"]),
    ] {
        run(async {
            let house = House::new(acts);
            let calls: Vec<_> = wants.iter().map(|_| house.start("1", "echo")).collect();
            let mut got = Vec::new();
            for call in calls {
                got.push(match call.await.unwrap() {
                    Ok(_) => "ok",
                    Err(CallError::InitFailed(_)) => "init",
                    Err(CallError::Throttled(_)) => "throttled",
                    Err(_) => "other",
                });
            }
            got.sort_unstable();
            assert_eq!(got, wants, "{acts:?}");
            until("no lease under way", || house.pool.workers() == house.launcher.seen.alive.get()).await;
        });
    }
}

/// A launcher that never has room: turned away in time, and no one waits on.
#[test]
fn no_room_at_all() {
    run(async {
        let house = House::new(&[Act::Busy; 100]);
        let begun = Instant::now();
        let calls: Vec<_> = (0..10).map(|_| house.start("1", "echo")).collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), Err(CallError::Throttled("no room".into())));
        }
        assert!(begun.elapsed() >= Duration::from_millis(250) && begun.elapsed() < Duration::from_secs(2));
        assert_eq!(house.stats.function_throttles.load(Relaxed), 10);
        house.launcher.acts.borrow_mut().clear();
        assert!(house.call("echo").await.is_ok());
    });
}

/// No room for a second worker, and the first comes free in time: it serves those who wait.
#[test]
fn those_who_wait_get_the_worker_that_comes_free() {
    run(async {
        let house = House::new(&[&[Act::Work][..], &[Act::Busy; 100]].concat());
        let calls: Vec<_> = (0..3).map(|_| house.start("1", "slow")).collect();
        for call in calls {
            assert!(call.await.unwrap().is_ok());
        }
        assert_eq!(house.launcher.seen.alive.get(), 1);
    });
}

/// A viewer that leaves takes nothing along; one version's end leaves its waiters served.
#[test]
fn calls_outlive_who_asked_and_their_version() {
    run(async {
        let house = House::new(&[]);
        assert!(house.call("echo").await.is_ok());
        let gone = house.start("1", "print");
        until("its handler has it", || house.launcher.seen.calls.get() == 2).await;
        gone.abort();
        let old = house.start("1", "slow 1");
        tokio::task::yield_now().await;
        house.pool.sweep(|version| version == "2");
        assert_eq!(house.start("2", "echo").await.unwrap(), Ok("echo".into()));
        assert_eq!(old.await.unwrap(), Ok("slow 1".into()));
        until("all have run", || house.launcher.seen.calls.get() == 4).await;
        until("none is active", || house.stats.functions_active.load(Relaxed) == 0).await;
        house.pool.sweep(|version| version == "2");
        until("the old are gone", || house.launcher.seen.alive.get() == 1).await;
        assert_eq!(house.pool.workers(), 1);
        let printed =
            house.lines.0.borrow().iter().any(|(id, stream, _)| id == "print" && stream == "stdout");
        assert!(printed, "what a call printed is its own, also when nobody waits for it");
    });
}

/// What no handler has seen goes with its caller: a viewer cannot leave calls behind that nobody waits for.
#[test]
fn calls_that_still_wait_leave_with_their_callers() {
    run(async {
        let house = House::new(&[&[Act::Work][..], &[Act::Busy; 100]].concat());
        let slow = house.start("1", "slow");
        until("it runs", || house.launcher.seen.calls.get() == 1).await;
        let waiting: Vec<_> = (0..20).map(|_| house.start("1", "echo")).collect();
        until("they wait", || house.pool.waiting() == 20).await;
        waiting.iter().for_each(|call| call.abort());
        until("they are gone", || house.stats.functions_active.load(Relaxed) == 1).await;
        assert!(slow.await.unwrap().is_ok());
        assert_eq!(house.launcher.seen.calls.get(), 1);
        assert!(house.call("echo").await.is_ok());
    });
}

/// Workers that died while idle are not given out, and are not counted.
#[test]
fn dead_idle_workers_are_let_go() {
    run(async {
        let house = House::new(&[]);
        assert!(house.call("leave").await.is_ok());
        until("it has left", || house.launcher.seen.alive.get() == 0).await;
        until("it is noticed", || {
            house.pool.sweep(|_| true);
            house.pool.workers() == 0
        })
        .await;
    });
}

async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A burst leaves workers behind: the last used stays long, the others do not.
#[test]
fn a_burst_is_forgotten_sooner_than_the_function() {
    run(async {
        let house = House::new(&[]);
        let calls: Vec<_> = (0..3).map(|n| house.start("1", &format!("slow {n}"))).collect();
        for call in calls {
            assert!(call.await.unwrap().is_ok());
        }
        for (passed_s, left) in [(20, 3), (20, 1), (250, 1), (20, 0)] {
            pass(Duration::from_secs(passed_s)).await;
            house.pool.sweep(|_| true);
            assert_eq!(house.pool.workers(), left, "{passed_s} s later");
        }
    });
}

/// Code that fails to load again and again is not started anew for each call, and is tried again in time.
#[test]
fn loading_rests_after_failures_in_a_row() {
    run(async {
        let house = House::new(&[&[Act::InitError; 4][..], &[Act::Work, Act::DieLoading]].concat());
        let call = async || match house.call("echo").await {
            Ok(_) => "ok",
            Err(CallError::InitFailed(words)) if words.contains("tried again in 1 s") => "rests 1 s",
            Err(CallError::InitFailed(words)) if words.contains("tried again in 2 s") => "rests 2 s",
            Err(CallError::InitFailed(_)) => "init",
            Err(_) => "other",
        };
        for (passed_ms, said, leases) in [
            (0, "init", 1),
            (0, "init", 2),
            (0, "init", 3),
            (0, "rests 1 s", 3),
            (900, "rests 1 s", 3),
            (150, "init", 4), // one more try, and twice the rest
            (1_000, "rests 1 s", 4),
            (1_050, "ok", 5),
            (0, "ok", 5),
        ] {
            pass(Duration::from_millis(passed_ms)).await;
            assert_eq!(
                (call().await, house.launcher.seen.leases.get()),
                (said, leases),
                "{passed_ms} ms later"
            );
        }
        assert!(house.start("2", "echo").await.unwrap().is_ok(), "another version has nothing to do with it");
    });
}
