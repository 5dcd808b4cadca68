//! A worker leased from the launcher: one line asked, one line answered, with five descriptors.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;

/// Socket, pidfd, lifeline, stdout, stderr.
const DESCRIPTORS: usize = 5;
const REPLY_BYTES_MAX: usize = 64 * 1024;
/// A launcher that is being restarted is back within a second; the listener keeps us waiting meanwhile.
const TRIES: u32 = 3;

/// What a worker is held by.
#[derive(Debug)]
pub struct Lease {
    /// Frames.
    pub socket: OwnedFd,
    /// Ends when the process does.
    pub pidfd: OwnedFd,
    /// Dropped, init kills the worker.
    pub lifeline: OwnedFd,
    /// What it prints.
    pub stdout: OwnedFd,
    /// What it complains.
    pub stderr: OwnedFd,
    /// Process id, for people.
    pub pid: i32,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLease {
    /// No memory or no room for another worker now.
    Busy(String),
    /// It would not start, now or later.
    Refused(String),
    /// The launcher cannot be reached.
    Away(String),
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    #[serde(default)]
    worker: i32,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: String,
}

/// Where leases come from.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// Path of its socket.
    pub path: String,
    /// Proves that we are an engine of this node.
    pub token: String,
    /// Name of this PoP.
    pub pop: String,
}

impl Launcher {
    /// Lease a worker that has loaded (or is loading) this version of a function.
    pub async fn lease(&self, function: &str, version: &str, patience: Duration) -> Result<Lease, NoLease> {
        let mut last = NoLease::Away("no launcher".to_owned());
        for _ in 0..TRIES {
            match tokio::time::timeout(patience, self.ask(function, version)).await {
                Err(_) => {
                    return Err(NoLease::Away(format!(
                        "the launcher did not answer within {} s",
                        patience.as_secs()
                    )));
                }
                Ok(Ok(done)) => return done,
                Ok(Err(error)) => last = NoLease::Away(error.to_string()),
            }
        }
        Err(last)
    }

    async fn ask(&self, function: &str, version: &str) -> io::Result<Result<Lease, NoLease>> {
        let mut stream = UnixStream::connect(&self.path).await?;
        let hello = serde_json::json!({"token": self.token});
        let ask =
            serde_json::json!({"op": "lease", "function": function, "version": version, "pop": self.pop});
        stream.write_all(format!("{hello}\n{ask}\n").as_bytes()).await?;
        let (mut line, mut descriptors) = (Vec::new(), Vec::new());
        while !line.ends_with(b"\n") {
            stream.readable().await?;
            match stream
                .try_io(Interest::READABLE, || receive(stream.as_raw_fd(), &mut line, &mut descriptors))
            {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                // what came too much is closed as it goes
                Ok(_) if line.len() > REPLY_BYTES_MAX || descriptors.len() > DESCRIPTORS => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the launcher's reply is not ours",
                    ));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        let reply: Reply =
            serde_json::from_slice(&line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        if !reply.ok {
            let mut words = reply.message;
            if !reply.detail.is_empty() {
                words = format!("{words}\n{}", reply.detail);
            }
            return Ok(Err(if reply.code.contains("busy") {
                NoLease::Busy(words)
            } else {
                NoLease::Refused(words)
            }));
        }
        let mut all = descriptors.into_iter();
        match (all.next(), all.next(), all.next(), all.next(), all.next(), all.next()) {
            (Some(socket), Some(pidfd), Some(lifeline), Some(stdout), Some(stderr), None) => {
                Ok(Ok(Lease { socket, pidfd, lifeline, stdout, stderr, pid: reply.worker }))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// `recvmsg` with room for our descriptors; they are closed on exec.
fn receive(socket: RawFd, line: &mut Vec<u8>, descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut bytes = [0u8; 4096];
    let mut control = [0u64; 16]; // aligned for cmsghdr; room for more than five, so that too many are seen and closed
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: an all-zero msghdr is valid; every pointer set below outlives the call
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: `message` points to live buffers of the stated sizes
    let n = unsafe { libc::recvmsg(socket, &mut message, libc::MSG_CMSG_CLOEXEC) };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    line.extend_from_slice(&bytes[..n as usize]);
    // SAFETY: the macros walk the control buffer the kernel has just filled, within msg_controllen
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let count = ((*header).cmsg_len - libc::CMSG_LEN(0) as usize) / size_of::<RawFd>();
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for i in 0..count {
                    descriptors.push(OwnedFd::from_raw_fd(data.add(i).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
    }
    Ok(n as usize)
}
