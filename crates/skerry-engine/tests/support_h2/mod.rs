//! A PoP's core for HTTP/2 and TLS: with origins that answer by path, records that are kept, and time that can be stopped.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)] // each test uses a part; a panic is the report

pub mod certificate;
pub mod frames;
pub mod origin;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response};
use serde_json::{Value, json};
use skerry_cache::{Cache, Limits};
use skerry_engine::clock::TimerClock;
use skerry_engine::core::{Core, CoreParts, Shared};
use skerry_engine::exchange::Peer;
use skerry_engine::function::lease::Launcher;
use skerry_engine::function::pool::Pool;
use skerry_engine::function_log::NoLog;
use skerry_engine::h2::connection;
use skerry_engine::log::AccessLog;
use skerry_engine::log_file::LogFile;
use skerry_engine::record::Format;
use skerry_engine::snapshot::Live;
use tokio::io::DuplexStream;

use origin::Origin;

/// Two distributions, `a.test` (with `www.a.test`) and `b.test`, before one origin.
pub fn snapshot(profile: &str) -> Value {
    let distribution = |name: &str, aliases: Value| {
        json!({
            "name": name, "id": format!("D{name}"), "aliases": aliases, "enabled": true, "default_root_object": "",
            "origins": [{
                "id": "o", "domain": "origin.test", "kind": "custom", "path": "", "protocol": "http-only",
                "http_port": 80, "https_port": 443, "ssl_protocols": [], "connect_timeout_s": 10.0,
                "connect_attempts": 1, "read_timeout_s": 300.0, "keepalive_s": 5.0, "completion_timeout_s": null,
                "headers": [], "access": "public", "region": null,
            }],
            "behaviors": [{
                "pattern": "*", "origin": "o", "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                "cached_methods": ["GET", "HEAD"], "viewer_protocol": "https-only", "key": {},
                "forward": {"cookies": {"mode": "all"}, "headers": {"mode": "all_viewer"}},
                "ttl": {"min_s": 0, "default_s": 0, "max_s": 31_536_000},
                "compress": false, "functions": [], "response_headers": null,
            }],
        })
    };
    json!({
        "format": 1, "version": 1, "profile": profile, "level": "warn", "pop": {"name": "pop", "at": "iad"}, "https_port": 8443,
        "targets": {"o": {"kind": "url", "url": "http://origin.test:80"}}, "functions": [],
        "distributions": [distribution("a", json!(["a.test", "www.a.test"])), distribution("b", json!(["b.test"]))],
    })
}

/// A core, its origin, and what it writes.
pub struct World {
    pub core: Rc<Core>,
    pub origin: Rc<Origin>,
    file: Arc<File>,
}

impl World {
    pub fn new() -> World {
        World::of(&snapshot("cloudfront"))
    }

    pub fn of(snapshot: &Value) -> World {
        let live = Live::parse(snapshot.to_string().as_bytes()).unwrap();
        let shared = Shared::new(Cache::new(Limits::of(64 << 20)), 1, live);
        let (file, log) = (Arc::new(unnamed()), Rc::new(NoLog));
        let clock = Rc::new(TimerClock::new(1_795_560_000_000));
        let launcher = Launcher { path: String::new(), token: String::new(), pop: "pop".to_owned() };
        let origin = Rc::new(Origin::default());
        let core = Core::new(CoreParts {
            functions: Pool::new(launcher, 0, shared.stats[0].clone(), clock.clone(), log.clone(), false),
            shared,
            index: 0,
            clock,
            connect: origin.clone(),
            function_log: log,
            log: AccessLog::to(LogFile::over(file.try_clone().unwrap()), Format::Json),
            seed: 7,
        });
        let ticking = core.clone();
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                ticking.tick();
            }
        });
        World { core, origin, file }
    }

    /// A raw h2 connection, as if a handshake had been.
    pub fn raw(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::task::spawn_local(connection::serve(self.core.clone(), theirs, peer(), None));
        ours
    }

    /// An h2 client.
    pub async fn client(&self) -> Client {
        Client::over(self.raw(), h2::client::Builder::new()).await
    }

    /// Every record so far.
    pub fn records(&self) -> Vec<Value> {
        self.core.tick();
        let mut bytes = vec![0; self.file.metadata().unwrap().len() as usize];
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Everything that is zero when nobody asks for anything.
    pub fn gauges(&self) -> [i64; 5] {
        let (stats, cache) = (&self.core.stats, self.core.shared.cache.gauges());
        let (connections, requests) =
            (stats.open_connections.load(Relaxed), stats.requests_active.load(Relaxed));
        [
            connections,
            requests,
            stats.functions_active.load(Relaxed),
            cache.fills as i64,
            cache.pinned_bytes as i64,
        ]
    }

    /// Wait until all is at rest; the origin may hold its answers no longer.
    pub async fn rest(&self) {
        self.origin.release();
        until("the gauges at zero", || self.gauges() == [0; 5]).await;
        let stats = &self.core.stats;
        assert_eq!(stats.requests.load(Relaxed), stats.records.load(Relaxed), "a record a request");
    }
}

pub fn peer() -> Peer {
    Peer {
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 5_000,
        is_https: true,
        tls_protocol: "",
        tls_cipher: String::new(),
    }
}

fn unnamed() -> File {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let path = std::env::temp_dir().join(format!(
        "skerry-h2-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Relaxed)
    ));
    let file = File::options().read(true).append(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

/// A client's end of an h2 connection.
pub struct Client {
    pub send: SendRequest<Bytes>,
    /// How the connection ended.
    pub over: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

impl Client {
    pub async fn over<S: skerry_engine::h1::wire::ViewerIo>(io: S, builder: h2::client::Builder) -> Client {
        let (send, connection) = builder.handshake(io).await.unwrap();
        let over = tokio::task::spawn_local(connection);
        Client { send, over }
    }

    /// Begin a request; its answer and the way for its body.
    pub async fn begin(
        &self,
        request: Request<()>,
        ended: bool,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let mut send = self.send.clone().ready().await.unwrap();
        send.send_request(request, ended).unwrap()
    }

    /// A request without a body, and its whole answer.
    pub async fn ask(&self, request: Request<()>) -> Result<Answer, h2::Error> {
        let (answer, _) = self.begin(request, true).await;
        whole(answer.await?).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(get(path)).await.unwrap()
    }
}

pub fn get(path: &str) -> Request<()> {
    Request::get(format!("https://a.test{path}")).body(()).unwrap()
}

/// Read an answer to its end, giving back window as it comes.
pub async fn whole(answer: Response<h2::RecvStream>) -> Result<Answer, h2::Error> {
    let (parts, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len()).unwrap();
        body.extend_from_slice(&piece);
    }
    stream.trailers().await?;
    Ok(Answer { status: parts.status.as_u16(), fields: parts.headers, body })
}

/// Poll a condition, two hundred seconds at most (of whichever clock runs).
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..40_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came: {what}");
}

/// Run with time that jumps over every wait.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}
