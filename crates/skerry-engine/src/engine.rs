//! An engine: the cores of one PoP, started from descriptors and a configuration, steered from outside.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use skerry_cache::{Cache, Force, Limits, Purge, Target};
use tokio::sync::watch;

use crate::clock::{Clock, SystemClock};
use crate::core::{Shared, format_named};
use crate::explain::{self, Question};
use crate::function::lease::Launcher;
use crate::function_log::FileLog;
use crate::journal::Journal;
use crate::log::AccessLog;
use crate::log_file::LogFile;
use crate::record::Format;
use crate::seat::Seat;
use crate::snapshot::Live;
use crate::stats;
use crate::steps::route;
use crate::tls::Acceptor;

/// For the record of an answer that has just gone out.
const EXPLAIN_PATIENCE: Duration = Duration::from_millis(200);

fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// As src/skerry/_native.pyi describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    pop: String,
    #[serde(default = "default_threads")]
    threads: usize,
    #[serde(default)]
    http_fds: Vec<RawFd>,
    #[serde(default)]
    https_fds: Vec<RawFd>,
    #[serde(default = "default_cache_bytes")]
    cache_bytes_max: u64,
    #[serde(default = "default_object_bytes")]
    object_bytes_max: u64,
    #[serde(default)]
    state_dir: String,
    #[serde(default)]
    access_log: String,
    #[serde(default = "default_format")]
    access_log_format: String,
    #[serde(default)]
    function_log: String,
    /// Of each log; 0: it grows for ever.
    #[serde(default)]
    log_bytes_max: u64,
    #[serde(default)]
    launcher: String,
    #[serde(default)]
    launcher_token: String,
    #[serde(default)]
    tls_dir: String,
    #[serde(default)]
    no_deadline: bool,
    #[serde(default)]
    trusted_roots: Vec<String>,
    /// Others of our user (functions, where they have none of their own) may not look into this process.
    #[serde(default)]
    is_private: bool,
}

fn default_cache_bytes() -> u64 {
    256 << 20
}

fn default_object_bytes() -> u64 {
    8 << 20
}

fn default_format() -> String {
    "standard".to_owned()
}

/// See src/skerry/_native.pyi `Engine.purge`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PurgeRequest {
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    soft: bool,
    #[serde(default)]
    distribution: Option<String>,
}

impl PurgeRequest {
    /// What it names, one by one. Hosts beside paths say whose paths are meant: those of the distributions that answer
    /// for them.
    fn purges(&self, live: &Live) -> Result<Vec<Purge>, String> {
        let force = if self.soft { Force::Soft } else { Force::Hard };
        let own: Option<Box<[u8]>> = self.distribution.as_ref().map(|d| d.as_bytes().into());
        let lower = |text: &String| text.to_ascii_lowercase().into_bytes().into_boxed_slice();
        let mut purges = Vec::new();
        let mut add = |target: Target, space: Option<Box<[u8]>>| purges.push(Purge { target, force, space });
        let mut spaces = BTreeSet::from([own.clone()]);
        if !self.paths.is_empty() && !self.hosts.is_empty() {
            let site_of = |host: &String| {
                let at = route::site_of(live, host.as_bytes());
                let site = at.ok_or_else(|| format!("purge: no distribution answers for '{host}'"))?;
                Ok(Some(live.sites[site].id.as_bytes().into()))
            };
            spaces = self.hosts.iter().map(site_of).collect::<Result<_, String>>()?;
        }
        for path in &self.paths {
            let target = path_target(path)?;
            spaces.iter().for_each(|space| add(target.clone(), space.clone()));
        }
        if self.paths.is_empty() {
            self.hosts.iter().for_each(|host| add(Target::Host(lower(host)), own.clone()));
        }
        self.tags.iter().for_each(|tag| add(Target::Tag(lower(tag)), own.clone()));
        if self.all {
            add(Target::All, own.clone());
        }
        if purges.is_empty() {
            return Err("purge: nothing named: paths, hosts, tags or all".to_owned());
        }
        Ok(purges)
    }
}

/// One PoP's engine.
pub struct Engine {
    config: Config,
    shared: Arc<Shared>,
    drain: watch::Sender<Option<Instant>>,
    /// Moved when somebody wants to read what the cores have not written yet.
    flush: watch::Sender<u64>,
    listeners: Mutex<Option<Listeners>>,
    started: Instant,
    log_file: Option<Arc<LogFile>>,
    log_format: Format,
    function_file: Option<Arc<LogFile>>,
}

struct Listeners {
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
}

fn adopt(fds: &[RawFd]) -> Vec<TcpListener> {
    fds.iter()
        .map(|&fd| {
            // SAFETY: the configuration hands these descriptors over; nobody else in this process closes them
            let owned = unsafe { OwnedFd::from_raw_fd(fd) };
            TcpListener::from(owned)
        })
        .collect()
}

impl Engine {
    /// Take a configuration (JSON). Errors name the key that is wrong.
    pub fn new(config: &[u8]) -> Result<Engine, String> {
        let config: Config =
            serde_json::from_slice(config).map_err(|e| format!("engine configuration: {e}"))?;
        let log_format = format_named(&config.access_log_format).ok_or_else(|| {
            format!("access_log_format: '{}' is neither standard nor json", config.access_log_format)
        })?;
        if config.threads == 0 {
            return Err("threads: at least 1".to_owned());
        }
        let open = |key: &str, path: &str, done: io::Result<Arc<LogFile>>| {
            done.map_err(|e| format!("{key}: {path}: {e}"))
        };
        let log_file = match config.access_log.as_str() {
            "" => None,
            path => Some(open(
                "access_log",
                path,
                AccessLog::open(path.as_ref(), log_format, config.log_bytes_max, &config.pop),
            )?),
        };
        let function_file = match config.function_log.as_str() {
            "" => None,
            path => Some(open(
                "function_log",
                path,
                FileLog::open(path.as_ref(), config.log_bytes_max, &config.pop),
            )?),
        };
        let limits =
            Limits { object_bytes_max: config.object_bytes_max, ..Limits::of(config.cache_bytes_max) };
        let cache = Cache::new(limits);
        let journal = match config.state_dir.as_str() {
            "" => None,
            path => Some(
                Journal::open(path.as_ref(), cache.purges())
                    .map_err(|e| format!("state_dir: {path}: {e}"))?,
            ),
        };
        let shared = Shared::new(cache, config.threads, Live::empty()?);
        shared.shares_journal.store(journal.is_some(), Ordering::Release); // until control says hello
        *shared.journal.lock() = journal;
        let listeners = Listeners { http: adopt(&config.http_fds), https: adopt(&config.https_fds) };
        for listener in listeners.http.iter().chain(&listeners.https) {
            listener.set_nonblocking(true).map_err(|e| format!("http_fds: {e}"))?;
        }
        Ok(Engine {
            shared,
            drain: watch::channel(None).0,
            flush: watch::channel(0).0,
            listeners: Mutex::new(Some(listeners)),
            started: Instant::now(),
            log_file,
            log_format,
            function_file,
            config,
        })
    }

    /// Swap the snapshot.
    pub fn apply(&self, snapshot: &[u8]) -> Result<(), String> {
        self.shared.apply(Live::parse(snapshot)?);
        Ok(())
    }

    /// Whether another engine of this PoP may acknowledge purges: control talks to one at a time, and says hello to it.
    pub fn share_journal(&self, shares: bool) {
        self.shared.hear_purges(); // what was acknowledged until now, while requests still look
        self.shared.shares_journal.store(shares, Ordering::Release);
    }

    /// Purge; durable when it returns. The position afterwards, and how many objects were stored when it came.
    pub fn purge(&self, request: &[u8]) -> Result<(u64, usize), String> {
        let request: PurgeRequest = serde_json::from_slice(request).map_err(|e| format!("purge: {e}"))?;
        let purges = request.purges(&self.shared.live())?;
        let log = self.shared.cache.purges();
        let mut journal = self.shared.journal.lock();
        let unwritten = |error| format!("purge: not written down: {error}");
        if let Some(journal) = journal.as_mut() {
            journal.turn(log).map_err(unwritten)?;
        }
        let held = self.shared.cache.gauges().objects;
        let done: Result<u64, String> = purges.iter().try_fold(log.seq(), |_, purge| {
            let done =
                log.append(purge).map_err(|e| format!("purge: {} bytes are too many for one", e.bytes))?;
            if let Some(journal) = journal.as_mut() {
                journal.append(&done.record, log).map_err(unwritten)?;
            }
            Ok(done.seq)
        });
        if let Some(journal) = journal.as_ref() {
            journal.release();
        }
        Ok((done?, held))
    }

    /// Counters and gauges. The records of what they count are on their way to the disk.
    pub fn status(&self) -> Value {
        self.flush.send_modify(|times| *times += 1);
        let live = self.shared.live();
        let gauges = self.shared.cache.gauges();
        let mut status = stats::sum(&self.shared.stats);
        status["pop"] = self.config.pop.clone().into();
        status["snapshot"] = live.version.into();
        status["uptime_s"] = self.started.elapsed().as_secs().into();
        let lost = |log: &Option<Arc<LogFile>>| log.as_ref().map_or(0, |log| log.lost());
        status["records_lost"] = lost(&self.log_file).into();
        status["function_lines_lost"] = lost(&self.function_file).into();
        status["draining"] = self.shared.draining.load(Ordering::Acquire).into();
        status["cache"] = json!({
            "objects": gauges.objects, "resident_bytes": gauges.resident_bytes, "used_bytes": gauges.used_bytes,
            "pinned_bytes": gauges.pinned_bytes, "fills": gauges.fills, "purge_seq": gauges.purge_seq,
            "bytes_max": self.config.cache_bytes_max,
        });
        status
    }

    /// What happened to a request. An answer reaches its viewer before its record is written: while some are at work,
    /// one that is not found is waited for a moment.
    pub fn explain_request(&self, id: &str) -> Option<Value> {
        let end = Instant::now() + EXPLAIN_PATIENCE;
        loop {
            let at_work = self.shared.stats.iter().any(|s| s.requests_active.load(Ordering::Acquire) > 0);
            let found = self.shared.rings.iter().find_map(|ring| ring.lock().find(id.as_bytes()));
            if found.is_some() || !at_work || Instant::now() > end {
                return found;
            }
            std::thread::park_timeout(Duration::from_millis(1)); // nobody unparks: a pause
        }
    }

    /// The id of the newest request.
    pub fn last_request(&self) -> Option<String> {
        let newest = self.shared.rings.iter().filter_map(|ring| ring.lock().last()).max();
        newest.map(|(_, id)| id)
    }

    /// What would happen to a request.
    pub fn explain_url(&self, question: &[u8]) -> Result<Value, String> {
        let question: Question = serde_json::from_slice(question).map_err(|e| format!("explain: {e}"))?;
        explain::explain(&self.shared, &question, SystemClock.unix_ms() / 1000)
    }

    /// Serve until drained.
    pub fn run(&self) -> Result<(), String> {
        if self.config.is_private {
            // SAFETY: prctl with these arguments touches no memory; it cannot fail
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
        }
        let Some(listeners) = self.listeners.lock().take() else {
            return Err("run: it runs already".to_owned());
        };
        let tls = Acceptor::load(self.config.tls_dir.as_ref())?;
        let mut threads = Vec::new();
        for index in 0..self.config.threads {
            let clone =
                |all: &[TcpListener]| all.iter().map(TcpListener::try_clone).collect::<io::Result<Vec<_>>>();
            let parts = (|| Ok::<_, io::Error>((clone(&listeners.http)?, clone(&listeners.https)?)))()
                .map_err(|e| format!("run: {e}"))?;
            let seat = Seat {
                index,
                shared: self.shared.clone(),
                drain: self.drain.subscribe(),
                flush: self.flush.subscribe(),
                http: parts.0,
                https: parts.1,
                log: self.log_file.clone().map(|file| (file, self.log_format)),
                function_file: self.function_file.clone(),
                launcher: Launcher {
                    path: self.config.launcher.clone(),
                    token: self.config.launcher_token.clone(),
                    pop: self.config.pop.clone(),
                },
                no_deadline: self.config.no_deadline,
                tls: tls.clone(),
                trusted_roots: self.config.trusted_roots.iter().map(PathBuf::from).collect(),
            };
            let thread = std::thread::Builder::new()
                .name(format!("core-{index}"))
                .spawn(move || seat.run())
                .map_err(|e| format!("run: {e}"))?;
            threads.push(thread);
        }
        drop(listeners);
        for thread in threads {
            match thread.join() {
                Ok(done) => done?,
                Err(_) => return Err("a core ended unexpectedly".to_owned()),
            }
        }
        Ok(())
    }

    /// Close the listeners (closing only: the socket is init's), finish what was accepted, at the latest after
    /// `deadline`.
    pub fn drain(&self, deadline: Duration) {
        self.shared.draining.store(true, Ordering::Release);
        self.drain.send_replace(Some(Instant::now() + deadline));
    }
}

/// `/a`, or `/a*` for everything that begins so; `*` only at the end (row 53).
fn path_target(path: &str) -> Result<Target, String> {
    if !path.starts_with('/') {
        return Err(format!("purge: path '{path}' does not begin with /"));
    }
    match path.strip_suffix('*') {
        Some("/") => Ok(Target::All),
        Some(prefix) if prefix.contains('*') => {
            Err(format!("purge: path '{path}': * is allowed at the end alone"))
        }
        Some(prefix) => Ok(Target::Prefix(prefix.as_bytes().into())),
        None if path.contains('*') => Err(format!("purge: path '{path}': * is allowed at the end alone")),
        None => Ok(Target::Path(path.as_bytes().into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `https://h/a` is the path `/a` of the distribution that answers for `h`, and nothing else of it or of others.
    #[test]
    fn a_host_beside_paths_says_whose_they_are() {
        let site = |name: &str| {
            json!({"name": name, "id": name, "aliases": [format!("{name}.test")], "enabled": true,
                "default_root_object": "", "origins": [{"id": "o", "domain": "o.test", "kind": "custom", "path": "",
                    "protocol": "http-only", "http_port": 80, "https_port": 443, "ssl_protocols": [],
                    "connect_timeout_s": 1.0, "connect_attempts": 1, "read_timeout_s": 1.0, "keepalive_s": 1.0,
                    "completion_timeout_s": null, "headers": [], "access": "public", "region": null}],
                "behaviors": [{"pattern": "*", "origin": "o", "allowed_methods": ["GET"], "cached_methods": ["GET"],
                    "viewer_protocol": "allow-all", "key": {}, "forward": {},
                    "ttl": {"min_s": 0, "default_s": 0, "max_s": 1}, "compress": false, "functions": [],
                    "response_headers": null}]})
        };
        let snapshot = json!({"format": 1, "version": 1, "profile": "cloudfront", "level": "warn",
            "pop": {"name": "pop", "at": "iad"}, "https_port": 1, "targets": {}, "functions": [],
            "distributions": [site("one"), site("two")]});
        let live = Live::parse(snapshot.to_string().as_bytes()).unwrap();
        let named = |request: Value| {
            let request: PurgeRequest = serde_json::from_value(request).unwrap();
            let purges = request.purges(&live)?;
            let told = purges.into_iter().map(|purge| {
                let space = purge.space.map(|space| String::from_utf8(space.into()).unwrap());
                (format!("{:?}", purge.target), space)
            });
            Ok::<Vec<(String, Option<String>)>, String>(told.collect())
        };
        let target = |target: Target| format!("{target:?}");
        let path = || target(Target::Path(b"/a"[..].into()));
        let rows = [
            (json!({"paths": ["/a"]}), vec![(path(), None)]),
            (json!({"paths": ["/a"], "hosts": ["TWO.test"]}), vec![(path(), Some("two".to_owned()))]),
            (
                json!({"paths": ["/*"], "hosts": ["one.test"]}),
                vec![(target(Target::All), Some("one".to_owned()))],
            ),
            (json!({"hosts": ["one.test"]}), vec![(target(Target::Host(b"one.test"[..].into())), None)]),
        ];
        for (request, expected) in rows {
            assert_eq!(named(request.clone()).unwrap(), expected, "{request}");
        }
        let stranger = named(json!({"paths": ["/a"], "hosts": ["three.test"]})).unwrap_err();
        assert_eq!(stranger, "purge: no distribution answers for 'three.test'");
        assert!(named(json!({})).unwrap_err().contains("nothing named"));
    }

    /// While one engine takes another's place: what the one acknowledges, the other knows with its next request.
    #[test]
    fn a_purge_of_the_twin_is_known() {
        let folder = std::env::temp_dir().join(format!("skerry-twins-{}", std::process::id()));
        let config = json!({"pop": "p", "threads": 1, "state_dir": folder.to_str().unwrap()}).to_string();
        let [old, new] = [(); 2].map(|()| Engine::new(config.as_bytes()).unwrap());
        let seq = |engine: &Engine| engine.status()["cache"]["purge_seq"].as_u64().unwrap();
        assert_eq!(old.purge(br#"{"paths":["/a"]}"#), Ok((1, 0)));
        assert!(new.shared.shares_journal.load(Ordering::Acquire), "until control says hello");
        new.shared.hear_purges();
        assert_eq!(seq(&new), 1);
        assert_eq!(old.purge(br#"{"paths":["/b"]}"#), Ok((2, 0)));
        new.share_journal(false);
        assert_eq!(seq(&new), 2, "what was acknowledged before the hello");
        old.share_journal(true);
        assert_eq!(new.purge(br#"{"paths":["/c"]}"#), Ok((3, 0)));
        assert_eq!(old.purge(br#"{"paths":["/d"]}"#), Ok((4, 0)), "no number is given out twice");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_record_that_is_about_to_be_written_is_waited_for() {
        let engine = Engine::new(br#"{"pop":"p","threads":1}"#).unwrap();
        let (id, stats) = ([b'a'; crate::record::ID_BYTES], engine.shared.stats[0].clone());
        let name = String::from_utf8(id.to_vec()).unwrap();
        assert!(engine.explain_request(&name).is_none());
        stats.requests_active.fetch_add(1, Ordering::AcqRel);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| engine.explain_request(&name));
            while !asked.is_finished() && engine.shared.rings[0].lock().last().is_none() {
                engine.shared.rings[0].lock().push(&crate::record::tests::view(&id, &[]));
            }
            stats.requests_active.fetch_sub(1, Ordering::AcqRel);
            assert!(asked.join().unwrap().is_some());
        });
    }

    #[test]
    fn configurations_that_are_wrong_say_where() {
        for (config, word) in [
            (r#"{"threads":0}"#, "threads"),
            (r#"{"acess_log":"x"}"#, "acess_log"),
            (r#"{"access_log_format":"w3c"}"#, "w3c"),
            (r#"{"access_log":"/nonexistent/x"}"#, "/nonexistent/x"),
            ("{", "engine configuration"),
        ] {
            let error = Engine::new(config.as_bytes()).err().unwrap();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_is_told_stands_in_the_table() {
        const OTHERS: [&str; 3] = ["pop", "draining", "cache"];
        let table: toml::Table = include_str!("../../../src/skerry/rules/metrics.toml").parse().unwrap();
        let known: Vec<&String> = table.values().flat_map(|kind| kind.as_table().unwrap().keys()).collect();
        let status = Engine::new(br#"{"threads":1}"#).unwrap().status();
        let told: Vec<&String> =
            status.as_object().unwrap().keys().filter(|name| !OTHERS.contains(&name.as_str())).collect();
        for name in &told {
            assert!(known.contains(name), "{name} is not in the table");
        }
        assert_eq!(known.len(), told.len(), "{known:?} {told:?}");
    }

    #[test]
    fn purge_requests() {
        let engine = Engine::new(br#"{"threads":1}"#).unwrap();
        assert!(engine.purge(br#"{"paths":["a"]}"#).is_err());
        assert!(engine.purge(br#"{"paths":["/a*b"]}"#).is_err());
        assert!(engine.purge(br"{}").is_err());
        assert_eq!(engine.purge(br#"{"paths":["/a","/b*"]}"#), Ok((2, 0)));
        assert_eq!(engine.status()["cache"]["purge_seq"], 2);
    }
}
