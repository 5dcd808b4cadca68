//! A launcher that hands out a worker, both played here: leases over a socket with descriptors, frames over a pair.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use skerry_engine::function::wire::{HEADER_BYTES, Kind, VERSION, header};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::{UnixListener, UnixStream};

/// What the worker does about a call.
pub enum Deed {
    /// RESULT with this value.
    Result(Value),
    /// ERROR, as a handler that raises.
    Raise,
    /// RESULT with this value and another call's id.
    Foreign(Value),
    /// Nothing, ever.
    Hang,
    /// Close.
    Die,
    /// The same after a while.
    Later(Duration, Box<Deed>),
}

pub struct Launcher {
    pub path: String,
    pub leases: Cell<usize>,
    pub calls: Cell<usize>,
    /// Workers that still run.
    pub workers: Cell<usize>,
    deed: Box<dyn Fn(Value) -> Deed>,
    folder: PathBuf,
    /// Ends of lifelines: kept here as init would.
    lifelines: RefCell<Vec<OwnedFd>>,
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Launcher {
    pub fn start(deed: impl Fn(Value) -> Deed + 'static) -> Rc<Launcher> {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("skerry-launcher-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("launcher");
        let listener = UnixListener::bind(&path).unwrap();
        let launcher = Rc::new(Launcher {
            path: path.to_str().unwrap().to_owned(),
            leases: Cell::new(0),
            calls: Cell::new(0),
            workers: Cell::new(0),
            deed: Box::new(deed),
            folder,
            lifelines: RefCell::default(),
        });
        let weak = Rc::downgrade(&launcher);
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(launcher) = weak.upgrade() else { return };
                launcher.lease(stream).await;
            }
        });
        launcher
    }

    async fn lease(self: &Rc<Self>, stream: UnixStream) {
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["token"], "t");
        line.clear();
        lines.read_line(&mut line).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["op"], "lease");
        self.leases.set(self.leases.get() + 1);
        let (ours, theirs) = StdStream::pair().unwrap();
        let (pid, life_theirs) = StdStream::pair().unwrap();
        let pipes: Vec<(OwnedFd, OwnedFd)> = (0..3).map(|_| pipe()).collect();
        let mut pipes = pipes.into_iter();
        let (life_read, life_write) = pipes.next().unwrap();
        let (out_read, out_write) = pipes.next().unwrap();
        let (err_read, err_write) = pipes.next().unwrap();
        self.lifelines.borrow_mut().push(life_read);
        let all = [
            theirs.as_raw_fd(),
            pid.as_raw_fd(),
            life_write.as_raw_fd(),
            out_read.as_raw_fd(),
            err_read.as_raw_fd(),
        ];
        let stream = lines.into_inner();
        stream.writable().await.unwrap();
        let reply = b"{\"ok\":true,\"lease\":1,\"worker\":1}\n";
        stream.try_io(Interest::WRITABLE, || send(stream.as_raw_fd(), reply, &all)).unwrap();
        ours.set_nonblocking(true).unwrap();
        let worker = self.clone();
        self.workers.set(self.workers.get() + 1);
        tokio::task::spawn_local(async move {
            let _held = (life_theirs, out_write, err_write);
            worker.work(UnixStream::from_std(ours).unwrap()).await;
            worker.workers.set(worker.workers.get() - 1);
        });
    }

    async fn work(&self, mut socket: UnixStream) {
        frame(&mut socket, Kind::Hello, 0, br#"{"word":"w"}"#).await;
        frame(&mut socket, Kind::Ready, 0, br#"{"init_ms":1}"#).await;
        let mut bytes = Vec::new();
        loop {
            let head = loop {
                match header(&bytes).unwrap() {
                    Some(head) if bytes.len() >= HEADER_BYTES + head.payload_bytes => break head,
                    _ => {}
                }
                if !matches!(socket.read_buf(&mut bytes).await, Ok(n) if n > 0) {
                    return;
                }
            };
            let payload: Vec<u8> =
                bytes.drain(..HEADER_BYTES + head.payload_bytes).skip(HEADER_BYTES).collect();
            let context = u32::from_le_bytes(payload[..4].try_into().unwrap()) as usize;
            let event: Value = serde_json::from_slice(&payload[4 + context..]).unwrap();
            self.calls.set(self.calls.get() + 1);
            let mut deed = (self.deed)(event);
            while let Deed::Later(wait, then) = deed {
                tokio::time::sleep(wait).await;
                deed = *then;
            }
            match deed {
                Deed::Result(value) => {
                    frame(&mut socket, Kind::Result, head.call_id, value.to_string().as_bytes()).await;
                }
                Deed::Raise => {
                    let trouble = br#"{"type":"KeyError","message":"x","trace":"","stage":"call"}"#;
                    frame(&mut socket, Kind::Error, head.call_id, trouble).await;
                }
                Deed::Foreign(value) => {
                    frame(&mut socket, Kind::Result, head.call_id + 1, value.to_string().as_bytes()).await;
                }
                Deed::Hang => {}
                Deed::Die | Deed::Later(..) => return,
            }
        }
    }
}

/// The request of an event: a viewer-request function that changes nothing.
pub fn request_of(event: &Value) -> Value {
    event["Records"][0]["cf"]["request"].clone()
}

async fn frame(socket: &mut UnixStream, kind: Kind, call_id: u64, payload: &[u8]) {
    let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&[kind as u8, 0]);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&call_id.to_le_bytes());
    bytes.extend_from_slice(payload);
    let _ = socket.write_all(&bytes).await; // the engine may have let go of it
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = std::io::pipe().unwrap();
    (read.into(), write.into())
}

/// `sendmsg` with descriptors.
fn send(socket: i32, bytes: &[u8], descriptors: &[i32; 5]) -> std::io::Result<usize> {
    let mut control = [0u64; 8];
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: an all-zero msghdr is valid; every pointer set below outlives the call; the control buffer is aligned
    // and larger than the space five descriptors take
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(20) as usize;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(20) as usize;
        std::ptr::copy_nonoverlapping(descriptors.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), 20);
        let n = libc::sendmsg(socket, &message, 0);
        if n < 0 { Err(std::io::Error::last_os_error()) } else { Ok(n as usize) }
    }
}
