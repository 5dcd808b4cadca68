//! A launcher by script, in the test's own thread: it hands out "workers" that are tasks, over the real wire.

use std::cell::{Cell, RefCell};
use std::io::{self, PipeWriter, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::rc::Rc;

use skerry_engine::function::lease::Launcher;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::unix::pipe;
use tokio::net::{UnixListener, UnixStream};

/// What comes of the next lease.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// A worker that loads.
    Work,
    /// One whose code does not start.
    InitError,
    /// One that ends while it loads.
    DieLoading,
    /// One that ends when a call has come, which it never reads.
    Deaf,
    /// No room.
    Busy,
    /// The connection ends without a reply.
    HangUp,
    /// A reply with six descriptors.
    TooMany,
}

/// What the launcher has seen.
#[derive(Default)]
pub struct Seen {
    pub leases: Cell<usize>,
    pub versions: RefCell<Vec<String>>,
    pub alive: Cell<usize>,
    pub calls: Cell<usize>,
}

/// A running one. `acts` are used up from the front; when there are none, workers work.
pub struct FakeLauncher {
    pub seen: Rc<Seen>,
    pub acts: Rc<RefCell<Vec<Act>>>,
    path: PathBuf,
}

impl FakeLauncher {
    pub fn start(acts: &[Act]) -> FakeLauncher {
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("skerry-launcher-{}-{number}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let (seen, acts) = (Rc::new(Seen::default()), Rc::new(RefCell::new(acts.to_vec())));
        let (all, script) = (seen.clone(), acts.clone());
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::task::spawn_local(answer(stream, all.clone(), script.clone()));
            }
        });
        FakeLauncher { seen, acts, path }
    }

    pub fn client(&self) -> Launcher {
        Launcher { path: self.path.to_str().unwrap().into(), token: "t".into(), pop: "pop".into() }
    }
}

impl Drop for FakeLauncher {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, seen: Rc<Seen>, acts: Rc<RefCell<Vec<Act>>>) {
    let mut lines = BufReader::new(stream);
    let (mut token, mut ask) = (String::new(), String::new());
    lines.read_line(&mut token).await.unwrap();
    lines.read_line(&mut ask).await.unwrap();
    assert_eq!(token, "{\"token\":\"t\"}\n");
    let ask: serde_json::Value = serde_json::from_str(&ask).unwrap();
    seen.leases.set(seen.leases.get() + 1);
    seen.versions.borrow_mut().push(ask["version"].as_str().unwrap().to_owned());
    let act = if acts.borrow().is_empty() { Act::Work } else { acts.borrow_mut().remove(0) };
    let mut stream = lines.into_inner();
    match act {
        Act::HangUp => {}
        Act::Busy => {
            let line = b"{\"ok\":false,\"code\":\"function.busy\",\"message\":\"no room\"}\n";
            stream.write_all(line).await.unwrap();
        }
        _ => hand_out(&stream, act, seen),
    }
}

fn hand_out(stream: &UnixStream, act: Act, seen: Rc<Seen>) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let (lifeline_read, lifeline_write) = io::pipe().unwrap();
    let ((out_read, out), (err_read, err)) = (io::pipe().unwrap(), io::pipe().unwrap());
    let pidfd: OwnedFd = std::fs::File::open("/dev/null").unwrap().into();
    let mut sent = vec![
        theirs.as_raw_fd(),
        pidfd.as_raw_fd(),
        lifeline_write.as_raw_fd(),
        out_read.as_raw_fd(),
        err_read.as_raw_fd(),
    ];
    if matches!(act, Act::TooMany) {
        sent.push(pidfd.as_raw_fd());
    }
    send(stream.as_raw_fd(), b"{\"ok\":true,\"lease\":1,\"worker\":1}\n", &sent);
    ours.set_nonblocking(true).unwrap();
    let socket = UnixStream::from_std(ours).unwrap();
    let mut lifeline = pipe::Receiver::from_owned_fd(lifeline_read.into()).unwrap();
    tokio::task::spawn_local(async move {
        seen.alive.set(seen.alive.get() + 1);
        let mut byte = [0];
        tokio::select! {
            _ = lifeline.read(&mut byte) => {} // init would kill it now
            () = work(socket, out, err, act, &seen) => {}
        }
        seen.alive.set(seen.alive.get() - 1);
    });
}

async fn work(mut socket: UnixStream, mut out: PipeWriter, mut err: PipeWriter, act: Act, seen: &Seen) {
    if matches!(act, Act::DieLoading) {
        return;
    }
    say(&mut socket, 1, 0, b"{\"word\":\"w\"}").await;
    if matches!(act, Act::InitError) {
        return say(&mut socket, 6, 0, b"{\"type\":\"ImportError\",\"message\":\"no x\"}").await;
    }
    say(&mut socket, 3, 0, b"{}").await;
    if matches!(act, Act::Deaf) {
        socket.ready(Interest::READABLE).await.unwrap();
        return;
    }
    let mut head = [0; 16];
    while socket.read_exact(&mut head).await.is_ok() {
        let mut payload = vec![0; u32::from_le_bytes(head[..4].try_into().unwrap()) as usize];
        socket.read_exact(&mut payload).await.unwrap();
        let id = u64::from_le_bytes(head[8..].try_into().unwrap());
        let context_bytes = u32::from_le_bytes(payload[..4].try_into().unwrap()) as usize;
        let event = String::from_utf8(payload.split_off(4 + context_bytes)).unwrap();
        seen.calls.set(seen.calls.get() + 1);
        mark(&mut out, &mut err, 'B', id);
        match event.split(' ').next().unwrap() {
            "hang" => std::future::pending().await,
            "die" => return,
            "print" => write!(out, "of {id}").unwrap(),
            "slow" => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            _ => {}
        }
        mark(&mut out, &mut err, 'E', id);
        match event.as_str() {
            "raise" => say(&mut socket, 6, id, b"{\"type\":\"KeyError\",\"message\":\"'k'\"}").await,
            "foreign" => say(&mut socket, 5, id + 1, b"1").await,
            "twice" => {
                say(&mut socket, 5, id, b"1").await;
                say(&mut socket, 5, id, b"2").await;
            }
            "leave" => return say(&mut socket, 5, id, b"1").await,
            _ => say(&mut socket, 5, id, event.as_bytes()).await,
        }
    }
}

fn mark(out: &mut PipeWriter, err: &mut PipeWriter, kind: char, id: u64) {
    for pipe in [out, err] {
        let _ = writeln!(pipe, "\x1eSKERRY w {kind} {id}"); // the engine may have let go
    }
}

async fn say(socket: &mut UnixStream, kind: u8, id: u64, payload: &[u8]) {
    let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(&[kind, 0, 1, 0]);
    frame.extend_from_slice(&id.to_le_bytes());
    frame.extend_from_slice(payload);
    let _ = socket.write_all(&frame).await; // as above
}

/// `sendmsg` with descriptors.
fn send(socket: RawFd, line: &[u8], descriptors: &[RawFd]) {
    let mut control = [0u64; 16];
    let mut part = libc::iovec { iov_base: line.as_ptr().cast_mut().cast(), iov_len: line.len() };
    let bytes = size_of_val(descriptors) as u32;
    // SAFETY: an all-zero msghdr is valid, all pointers outlive the call, and the control buffer holds 128 bytes,
    // of which one header and at most six numbers are used
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(bytes) as usize;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(bytes) as usize;
        std::ptr::copy_nonoverlapping(
            descriptors.as_ptr(),
            libc::CMSG_DATA(header).cast(),
            descriptors.len(),
        );
        libc::sendmsg(socket, &message, 0)
    };
    assert_eq!(sent, line.len() as isize);
}
