//! The path in a made-up world: paused clock, an origin that misbehaves, viewers and functions that do too, purges, swaps
//! and a store that is too small, on one to three cores. A seed is a run; the same seed is the same run.
//!
//! Functions sit behind a launcher and workers played in this thread, over the real sockets and frames. The cores share
//! cache and snapshot as an engine's do, but run in one thread, or no run could be had again: what they do at the very same
//! moment is for the tests of `skerry-cache`. Encoding has threads of its own, so runs are alike but for what ends at one
//! instant.
//!
//! `SKERRY_SIM_SEEDS=1000` runs more seeds, `SKERRY_SIM_SEED=7` one, with its history; `SKERRY_SIM_TO=FILE` keeps the
//! history of a run that failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a panic is the report

mod crowd;
mod handlers;
mod keys;
mod random;
mod setting;
#[path = "../support/mod.rs"]
mod support;
mod tally;
mod world;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Once;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use skerry_cache::{Force, Limits, Purge, Target};
use skerry_engine::stats::CoreStats;
use support::origin::{Asked, Origin, To, now};
use support::worker::Launcher;
use support::{Bench, clock, live, run_paused_with_sockets, until};

use crowd::{Fate, Fates};
use keys::{COUNT, KINDS, Kind, OBJECT_BYTES_MAX, ODDITIES, PATHS, query_of};
use tally::Tally;
use world::{World, hash_of};

const VIEWERS: u64 = 8;
const TURNS: u64 = 25;
const SEEDS: u64 = 24;
const CACHE_BYTES_MAX: u64 = 300 * 1024;

thread_local! { static PANICS: Cell<usize> = const { Cell::new(0) }; }

/// A task that panics takes its connection along and nobody else: count, or it would stay unseen.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.with(|count| count.set(count.get() + 1));
            before(info);
        }));
    });
}

async fn purge(world: &World, bench: &Bench) {
    let key = world.below(COUNT as u64) as usize;
    let all: Vec<usize> = (0..COUNT).collect();
    let text = |text: String| -> Box<[u8]> { text.into_bytes().into() };
    let (target, keys) = match world.below(8) {
        0..3 => (Target::Path(text(PATHS[key].to_owned())), vec![key]),
        3 | 4 => {
            let prefix = &PATHS[key][..3];
            (
                Target::Prefix(text(prefix.to_owned())),
                all.iter().copied().filter(|k| PATHS[*k].starts_with(prefix)).collect(),
            )
        }
        5 | 6 => (
            Target::Tag(text(format!("t{}", key % 2))),
            all.iter().copied().filter(|k| k % 2 == key % 2).collect::<Vec<_>>(),
        ),
        _ => (Target::All, all.clone()),
    };
    let is_soft = world.is(40);
    if KINDS[key] == Kind::AnyQuery && world.is(50) {
        return purge_under(world, bench, key, is_soft);
    }
    // what is still as it was is confirmed by a 304
    if !is_soft || world.is(50) {
        keys.iter().for_each(|key| world.publish(*key));
    }
    let force = if is_soft { Force::Soft } else { Force::Hard };
    let space = world.is(50).then(|| text("D1".to_owned()));
    bench.core.shared.cache.purge(&Purge { target: target.clone(), force, space }).unwrap();
    world.purged(&keys, is_soft);
    world.tell(format!("purge    {target:?} soft {is_soft} of {keys:?}"));
}

/// Under a query that the key leaves out: for who asks with that one, whoever asked first.
fn purge_under(world: &World, bench: &Bench, key: usize, is_soft: bool) {
    let oddity = world.below(ODDITIES);
    world.publish(key);
    let name = format!("{}{}", PATHS[key], query_of(key, 0, oddity));
    let target = Target::Path(name.clone().into_bytes().into());
    let force = if is_soft { Force::Soft } else { Force::Hard };
    bench.core.shared.cache.purge(&Purge { target, force, space: None }).unwrap();
    world.purged_under(key, oddity, is_soft);
    world.tell(format!("purge    {name} soft {is_soft}"));
}

/// Everything that is done to the PoP from outside while viewers ask.
async fn keeper(world: Rc<World>, bench: Rc<Bench>, seed: u64, ends: Rc<Cell<bool>>) {
    let mut version = 1;
    while !ends.get() {
        tokio::time::sleep(Duration::from_millis(20 + world.below(900))).await;
        match world.below(10) {
            0..4 => world.publish(world.below(COUNT as u64) as usize),
            4..8 => purge(&world, &bench).await,
            8 => {
                version += 1;
                bench.core.shared.apply(live(&setting::snapshot(seed, version)));
                world.tell(format!("snapshot {version}"));
            }
            _ => {
                let dropped = bench.core.shared.cache.sweep();
                world.tell(format!("sweep    {dropped}"));
            }
        }
    }
}

/// At most one storing fill for a key, variant and purge position, at any moment.
async fn watcher(bench: Rc<Bench>, ends: Rc<Cell<bool>>) {
    while !ends.get() {
        let mut storing = bench.core.shared.cache.storing();
        storing.sort();
        assert!(storing.windows(2).all(|two| two[0] != two[1]), "two fills store the same: {storing:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn play(seed: u64, history: Rc<RefCell<Vec<String>>>) -> Tally {
    let world = World::new(seed, history);
    let answering = world.clone();
    let origin = Origin::new(move |asked: Asked| now(answering.answer(&asked)));
    let limits = Limits {
        object_bytes_max: OBJECT_BYTES_MAX,
        window_bytes: 16 * 1024,
        purge_entries_max: 16,
        ..Limits::of(CACHE_BYTES_MAX)
    };
    let calling = world.clone();
    let launcher = Launcher::start(move |event| handlers::deed(&calling, &event));
    let cores = 1 + (seed / 2 % 3) as usize;
    let snapshot = setting::snapshot(seed, 1);
    let bench =
        Bench::of_cores(cores, &snapshot, Rc::new(To(origin.clone())), limits, clock(), &launcher.path);
    let bench = Rc::new(bench);
    let ends = Rc::new(Cell::new(false));
    let around = [
        tokio::task::spawn_local(keeper(world.clone(), bench.clone(), seed, ends.clone())),
        tokio::task::spawn_local(watcher(bench.clone(), ends.clone())),
    ];
    let crowd: Vec<_> = (1..=VIEWERS)
        .map(|number| tokio::task::spawn_local(crowd::live(world.clone(), bench.clone(), number, TURNS)))
        .collect();
    let mut fates = Fates::new();
    for viewer in crowd {
        fates.append(&mut viewer.await.unwrap());
    }
    ends.set(true);
    for task in around {
        task.await.unwrap();
    }
    bench.rest().await;
    bench.core.shared.cache.clear();
    assert_eq!(bench.core.shared.cache.gauges().used_bytes, 0, "bytes nobody holds");
    records(&bench, &fates);
    let workers: usize = bench.cores.iter().map(|core| core.functions.workers()).sum();
    until("workers let go of are gone", || launcher.workers.get() == workers).await;
    let mut tally = world.tally.take();
    for (what, pick) in COUNTED {
        tally.add(what, bench.counted(pick));
    }
    world.tell(format!("end      {tally:?}"));
    tally
}

type Counted = (&'static str, fn(&CoreStats) -> &AtomicU64);

/// What a run comes to, by the engine's own counters.
const COUNTED: [Counted; 12] = [
    ("hits", |stats| &stats.hits),
    ("misses", |stats| &stats.misses),
    ("refreshed", |stats| &stats.refresh_hits),
    ("served stale", |stats| &stats.stale_hits),
    ("passes", |stats| &stats.passes),
    ("fills", |stats| &stats.fills),
    ("fills stored", |stats| &stats.fills_stored),
    ("own fetches", |stats| &stats.own_fetches),
    ("retries", |stats| &stats.origin_retries),
    ("function calls", |stats| &stats.function_calls),
    ("function errors", |stats| &stats.function_errors),
    ("leases", |stats| &stats.leases),
];

/// What the viewers and the functions have seen.
const SEEN: [&str; 5] = [
    "a function was the origin",
    "a function answered a viewer",
    "functions marked an answer",
    "an answer in br",
    "an answer in gzip",
];

/// Exactly one record a request.
fn records(bench: &Bench, fates: &Fates) {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let records = bench.records();
    for record in &records {
        let name = record["user_agent"].as_str().unwrap().strip_prefix('r').unwrap();
        *counts.entry(name.parse().unwrap()).or_default() += 1;
    }
    for (id, fate) in fates {
        let count = counts.get(id).copied().unwrap_or(0);
        assert!(count == 1 || (count == 0 && *fate == Fate::Perhaps), "r{id} has {count} records");
    }
    assert_eq!(records.len() as u64, bench.counted(|stats| &stats.requests));
}

/// Run a seed; its history and what it came to, or a panic that tells how to see it again.
fn run(seed: u64) -> (Vec<String>, Tally) {
    count_panics();
    let history = Rc::new(RefCell::new(Vec::new()));
    let before = PANICS.with(Cell::get);
    let done = catch_unwind(AssertUnwindSafe(|| run_paused_with_sockets(play(seed, history.clone()))));
    let history = history.take();
    let tally = done.unwrap_or_default();
    if tally.of("fills") == 0 || PANICS.with(Cell::get) != before {
        if let Ok(path) = std::env::var("SKERRY_SIM_TO") {
            std::fs::write(path, history.join("\n")).unwrap();
        }
        let tail = &history[history.len().saturating_sub(60)..];
        panic!("seed {seed} failed; its last steps:\n{}\nagain: SKERRY_SIM_SEED={seed}", tail.join("\n"));
    }
    (history, tally)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_old_nothing_foreign_nothing_twice() {
    if let Some(seed) = number("SKERRY_SIM_SEED") {
        println!("{}", run(seed).0.join("\n"));
        return;
    }
    let mut tally = Tally::default();
    for seed in 0..number("SKERRY_SIM_SEEDS").unwrap_or(SEEDS) {
        tally.merge(&run(seed).1);
    }
    println!("{tally:?}");
    for what in COUNTED.iter().map(|(what, _)| *what).chain(SEEN) {
        assert!(tally.of(what) > 0, "it never came to {what}: {tally:?}");
    }
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in [3, 4] {
        assert_eq!(hash_of(&run(seed).0), hash_of(&run(seed).0));
    }
    assert_ne!(hash_of(&run(3).0), hash_of(&run(5).0));
}
