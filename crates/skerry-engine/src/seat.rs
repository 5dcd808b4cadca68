//! A core's thread: its runtime, its listeners, what ticks, and its end.

use std::net::TcpListener;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::clock::{Clock, SystemClock};
use crate::core::{Core, CoreParts, Shared};
use crate::exchange::Peer;
use crate::function::lease::Launcher;
use crate::function::pool::{FunctionLog, Pool};
use crate::function_log::{FileLog, NoLog};
use crate::h1::connection;
use crate::log::AccessLog;
use crate::log_file::LogFile;
use crate::origin::connect::NetConnect;
use crate::record::Format;
use crate::tls::Acceptor;

/// What one core's thread takes with it.
pub(crate) struct Seat {
    pub index: usize,
    pub shared: Arc<Shared>,
    pub drain: watch::Receiver<Option<Instant>>,
    pub flush: watch::Receiver<u64>,
    pub http: Vec<TcpListener>,
    pub https: Vec<TcpListener>,
    pub log: Option<(Arc<LogFile>, Format)>,
    pub function_file: Option<Arc<LogFile>>,
    pub launcher: Launcher,
    pub no_deadline: bool,
    pub tls: Option<Acceptor>,
    pub trusted_roots: Vec<PathBuf>,
}

impl Seat {
    pub(crate) fn run(self) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| format!("core: {e}"))?;
        LocalSet::new().block_on(&runtime, self.serve())
    }

    fn core(&mut self) -> Result<Rc<Core>, String> {
        let clock: Rc<dyn Clock> = Rc::new(SystemClock);
        let log: Rc<dyn FunctionLog> = match &self.function_file {
            Some(file) => FileLog::new(file.clone(), &self.launcher.pop, clock.clone()),
            None => Rc::new(NoLog),
        };
        let stats = self.shared.stats[self.index].clone();
        let functions =
            Pool::new(self.launcher.clone(), self.index, stats, clock.clone(), log.clone(), self.no_deadline);
        let roots: Vec<Vec<u8>> = crate::tls::read_roots(&self.trusted_roots)?;
        Ok(Core::new(CoreParts {
            shared: self.shared.clone(),
            index: self.index,
            clock,
            connect: Rc::new(NetConnect::new(&roots)),
            functions,
            function_log: log,
            log: self.log.take().map_or_else(AccessLog::none, |(file, format)| AccessLog::to(file, format)),
            seed: seed(),
        }))
    }

    async fn serve(mut self) -> Result<(), String> {
        let core = self.core()?;
        let tls = self.tls.take();
        let mut accepting = Vec::new();
        for (listener, secure) in
            self.http.drain(..).map(|l| (l, None)).chain(self.https.drain(..).map(|l| (l, tls.clone())))
        {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(|e| format!("core: {e}"))?;
            accepting.push(tokio::task::spawn_local(accept(
                core.clone(),
                listener,
                secure,
                self.drain.clone(),
            )));
        }
        let (ticking, renewing, mut told) = (core.clone(), tls, (String::new(), 0));
        let mut flush = self.flush.clone();
        let ticker = tokio::task::spawn_local(async move {
            let mut every = tokio::time::interval(Duration::from_secs(1));
            loop {
                tokio::select! {
                    _ = every.tick() => ticking.tick(),
                    Ok(()) = flush.changed() => {
                        ticking.flush();
                        continue;
                    }
                }
                if let Some(tls) = renewing.as_ref().filter(|_| ticking.index == 0) {
                    renew(tls, &mut told);
                }
            }
        });
        for task in accepting {
            let _ = task.await; // a listener that failed has said so; the others go on
        }
        // without a listener there is still the order to end to be waited for
        let deadline = loop {
            if let Some(at) = *self.drain.borrow_and_update() {
                break at;
            }
            if self.drain.changed().await.is_err() {
                break Instant::now();
            }
        };
        let own = self.shared.stats[self.index].clone();
        while Instant::now() < deadline
            && (own.open_connections.load(Ordering::Relaxed) > 0
                || own.functions_active.load(Ordering::Relaxed) > 0)
        {
            core.watches.sweep(core.clock.unix_ms(), true);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ticker.abort();
        core.functions.close();
        core.tick();
        Ok(())
    }
}

/// Certificates and ticket keys are exchanged while an engine runs; what cannot be read leaves the old ones in use. It
/// is said once, and not at first: for a moment a pair may stand there half exchanged.
fn renew(tls: &Acceptor, told: &mut (String, u32)) {
    match tls.refresh() {
        Ok(_) => *told = (String::new(), 0),
        Err(error) if error == told.0 => {
            told.1 += 1;
            if told.1 == 2 {
                eprintln!("{error}; the certificates read before stay in use");
            }
        }
        Err(error) => *told = (error, 1),
    }
}

/// Ids need to be unlike those of other cores, PoPs and starts.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

async fn accept(
    core: Rc<Core>,
    listener: tokio::net::TcpListener,
    tls: Option<Acceptor>,
    mut drain: watch::Receiver<Option<Instant>>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            _ = drain.wait_for(Option::is_some) => return, // dropping the listener takes it out of epoll, then closes it
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let _ = stream.set_nodelay(true);
                let peer = Peer {
                    ip: from.ip().to_canonical(),
                    port: from.port(),
                    is_https: tls.is_some(),
                    tls_protocol: "",
                    tls_cipher: String::new(),
                };
                let core = core.clone();
                match &tls {
                    None => {
                        tokio::task::spawn_local(connection::serve(core, stream, peer));
                    }
                    Some(tls) => {
                        tokio::task::spawn_local(tls.clone().serve(core, stream, peer));
                    }
                }
            }
            // out of descriptors: the backlog keeps who knocks; try again shortly
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
