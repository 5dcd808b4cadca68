//! From the cache's file into a socket: the kernel passes pages on, and copies nothing.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::TcpStream;

/// Below this, a copy costs less than the second system call.
pub const BYTES_MIN: usize = 16 * 1024;

/// Send from `head`, which announces that more follows at once; where that is empty, up to `bytes` of `file` from
/// `place` on. How many bytes went; at least one.
pub fn poll_send(
    cx: &mut Context<'_>,
    socket: &TcpStream,
    head: &[u8],
    file: BorrowedFd<'_>,
    place: u64,
    bytes: usize,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(cx))?;
        let step =
            || if head.is_empty() { send_file(socket, file, place, bytes) } else { send_head(socket, head) };
        match socket.try_io(Interest::WRITABLE, step) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            sent => return Poll::Ready(sent),
        }
    }
}

/// Is it the call that is refused (a seccomp profile, a kernel that cannot), and not the peer that is gone?
pub fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::EPERM | libc::EACCES))
}

fn send_head(socket: &TcpStream, head: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_MORE | libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the pointer and the length are those of `head`, which the call only reads.
    let sent = unsafe { libc::send(socket.as_raw_fd(), head.as_ptr().cast(), head.len(), flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// It cannot be told not to raise SIGPIPE. Python ignores that signal in every process an engine runs in, and so does
/// Rust's own start.
fn send_file(socket: &TcpStream, file: BorrowedFd<'_>, place: u64, bytes: usize) -> io::Result<usize> {
    let mut at = libc::off_t::try_from(place).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: both descriptors are borrowed, hence open; the call writes to `at` alone, which is a local.
    let sent = unsafe { libc::sendfile(socket.as_raw_fd(), file.as_raw_fd(), &raw mut at, bytes) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::os::fd::AsFd;

    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (ours, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn a_refused_call_is_told_from_a_peer_that_is_gone() {
        for (number, expected) in [
            (libc::EINVAL, true),
            (libc::ENOSYS, true),
            (libc::EPERM, true),
            (libc::EPIPE, false),
            (libc::ECONNRESET, false),
        ] {
            assert_eq!(is_refused(&io::Error::from_raw_os_error(number)), expected, "{number}");
        }
        let (ours, theirs) = pair().await;
        let arena = skerry_cache::Arena::new(1 << 20).unwrap();
        let _slot = arena.store(&[7; 65_536]).unwrap();
        drop(theirs);
        let gone = loop {
            match poll_fn(|cx| poll_send(cx, &ours, b"", arena.as_fd(), 0, 65_536)).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        };
        assert!(!is_refused(&gone), "{gone}");
    }

    #[tokio::test]
    async fn an_empty_step_is_an_error_and_not_a_loop() {
        let (ours, _theirs) = pair().await;
        let arena = skerry_cache::Arena::new(1 << 20).unwrap();
        let past = poll_fn(|cx| poll_send(cx, &ours, b"", arena.as_fd(), 1 << 40, 10)).await.unwrap_err();
        assert_eq!(past.kind(), io::ErrorKind::WriteZero);
    }
}
