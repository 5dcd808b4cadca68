//! A core without an engine around it: own snapshot, own origins, own clock, and its records to count.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)] // each test uses a part; a panic is the report

pub mod attacks;
pub mod launcher;
pub mod origin;
pub mod sockets;
pub mod viewer;
pub mod worker;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};
use skerry_cache::{Cache, Limits};
use skerry_engine::clock::{Clock, SharedClock, TimerClock};
use skerry_engine::core::{Core, CoreParts, Shared};
use skerry_engine::exchange::Peer;
use skerry_engine::function::lease::Launcher;
use skerry_engine::function::pool::Pool;
use skerry_engine::function_log::NoLog;
use skerry_engine::h1::connection;
use skerry_engine::log::AccessLog;
use skerry_engine::log_file::LogFile;
use skerry_engine::origin::connect::Connect;
use skerry_engine::record::Format;
use skerry_engine::snapshot::Live;
use skerry_engine::stats::CoreStats;
use tokio::io::DuplexStream;

/// One distribution with one behavior and one origin, `o`; change what a test is about.
pub fn plain(profile: &str) -> Value {
    json!({
        "format": 1, "version": 1, "profile": profile, "level": "warn", "pop": {"name": "pop", "at": "iad"},
        "https_port": 8443,
        "targets": {"o": {"kind": "url", "url": "http://origin.test:80"}},
        "functions": [],
        "distributions": [{
            "name": "d", "id": "D1", "aliases": ["a.test"], "enabled": true, "default_root_object": "",
            "origins": [{
                "id": "o", "domain": "origin.test", "kind": "custom", "path": "", "protocol": "http-only",
                "http_port": 80, "https_port": 443, "ssl_protocols": [], "connect_timeout_s": 10.0,
                "connect_attempts": 3, "read_timeout_s": 30.0, "keepalive_s": 5.0, "completion_timeout_s": null,
                "headers": [], "access": "public", "region": null,
            }],
            "behaviors": [{
                "pattern": "*", "origin": "o",
                "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                "cached_methods": ["GET", "HEAD"], "viewer_protocol": "allow-all",
                "key": {}, "forward": {}, "ttl": {"min_s": 0, "default_s": 0, "max_s": 31_536_000},
                "compress": false, "functions": [], "response_headers": null,
            }],
        }],
    })
}

/// The only behavior of [`plain`].
pub fn behavior(snapshot: &mut Value) -> &mut Value {
    &mut snapshot["distributions"][0]["behaviors"][0]
}

/// A clock that moves with tokio's timer, paused or not.
pub fn clock() -> SharedClock {
    Rc::new(TimerClock::new(1_795_560_000_000))
}

pub fn live(snapshot: &Value) -> Live {
    Live::parse(snapshot.to_string().as_bytes()).unwrap()
}

/// A file that has no name any more: records go there and are read back.
pub fn unnamed() -> File {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("skerry-records-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).append(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

/// A core, and what it writes. With several, all run in the test's own thread, each with its own pools, and share the
/// cache and the snapshot as an engine's do.
pub struct Bench {
    /// The first.
    pub core: Rc<Core>,
    pub cores: Vec<Rc<Core>>,
    file: Arc<File>,
}

impl Bench {
    /// With a cache of 64 MB.
    pub fn new(snapshot: &Value, connect: Rc<dyn Connect>) -> Bench {
        Bench::with(snapshot, connect, Limits::of(64 << 20), clock(), "")
    }

    pub fn with(
        snapshot: &Value,
        connect: Rc<dyn Connect>,
        limits: Limits,
        clock: SharedClock,
        launcher: &str,
    ) -> Bench {
        Bench::of_cores(1, snapshot, connect, limits, clock, launcher)
    }

    pub fn of_cores(
        count: usize,
        snapshot: &Value,
        connect: Rc<dyn Connect>,
        limits: Limits,
        clock: SharedClock,
        launcher: &str,
    ) -> Bench {
        let shared = Shared::new(Cache::new(limits), count, live(snapshot));
        let (file, log) = (Arc::new(unnamed()), Rc::new(NoLog));
        let launcher = Launcher { path: launcher.to_owned(), token: "t".to_owned(), pop: "pop".to_owned() };
        let core_of = |index: usize| {
            let (stats, launcher) = (shared.stats[index].clone(), launcher.clone());
            Core::new(CoreParts {
                shared: shared.clone(),
                index,
                clock: clock.clone(),
                connect: connect.clone(),
                functions: Pool::new(launcher, index, stats, clock.clone(), log.clone(), false),
                function_log: log.clone(),
                log: AccessLog::to(LogFile::over(file.try_clone().unwrap()), Format::Json),
                seed: 7 + index as u64,
            })
        };
        let cores: Vec<_> = (0..count).map(core_of).collect();
        let ticking = cores.clone();
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                ticking.iter().for_each(|core| core.tick());
            }
        });
        Bench { core: cores[0].clone(), cores, file }
    }

    /// Connect as a viewer.
    pub fn viewer(&self) -> viewer::Viewer<DuplexStream> {
        self.viewer_of(64 * 1024)
    }

    /// Connect as a viewer whose connection holds no more than `bytes`.
    pub fn viewer_of(&self, bytes: usize) -> viewer::Viewer<DuplexStream> {
        self.viewer_at(0, bytes)
    }

    /// The same on one of several cores.
    pub fn viewer_at(&self, core: usize, bytes: usize) -> viewer::Viewer<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(bytes);
        tokio::task::spawn_local(connection::serve(self.cores[core].clone(), theirs, peer(false)));
        viewer::Viewer::new(ours)
    }

    /// Connect over "TLS": the engine is told so.
    pub fn secure_viewer(&self) -> viewer::Viewer<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::task::spawn_local(connection::serve(self.core.clone(), theirs, peer(true)));
        viewer::Viewer::new(ours)
    }

    /// Every record written so far.
    pub fn records(&self) -> Vec<Value> {
        self.cores.iter().for_each(|core| core.tick());
        let mut bytes = vec![0; self.file.metadata().unwrap().len() as usize];
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Everything that should be zero when nobody asks for anything.
    pub fn gauges(&self) -> [i64; 5] {
        let cache = self.core.shared.cache.gauges();
        let sum = |pick: fn(&CoreStats) -> &AtomicI64| -> i64 {
            self.cores.iter().map(|core| pick(&core.stats).load(Relaxed)).sum()
        };
        [
            sum(|stats| &stats.open_connections),
            sum(|stats| &stats.requests_active),
            sum(|stats| &stats.functions_active),
            cache.fills as i64,
            cache.pinned_bytes as i64,
        ]
    }

    /// Wait until all is at rest.
    pub async fn rest(&self) {
        for _ in 0..6_000 {
            if self.gauges() == [0; 5] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let storing = self.core.shared.cache.storing();
        panic!("connections, requests, functions, fills, pinned bytes: {:?} {storing:?}", self.gauges());
    }

    /// One of its counters, over all cores.
    pub fn counted(&self, pick: fn(&CoreStats) -> &AtomicU64) -> u64 {
        self.cores.iter().map(|core| pick(&core.stats).load(Relaxed)).sum()
    }

    pub fn now_ms(&self) -> u64 {
        Clock::unix_ms(&*self.core.clock)
    }
}

pub fn peer(is_https: bool) -> Peer {
    Peer {
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 5_000,
        is_https,
        tls_protocol: "",
        tls_cipher: String::new(),
    }
}

/// Poll a condition, ten seconds at most (of whichever clock runs).
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came: {what}");
}

/// Run with real time.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

/// Run with time that jumps over every wait.
pub fn run_paused<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

/// The same with real sockets, too: what they bring is there at once, and time may jump to the next timer before it is
/// read.
pub fn run_paused_with_sockets<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}
