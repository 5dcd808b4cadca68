//! A viewer's stream that counts what it brings: frames that neither ask for anything nor move a body along (PING,
//! SETTINGS, PRIORITY, WINDOW_UPDATE) cost us work and the sender nothing, and h2 itself does not bound them.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::h1::wire::ViewerIo;

/// Bytes without progress after which a connection is ended. Above what may honestly arrive at once: a window of DATA
/// that nobody has read yet, and a head with its CONTINUATIONs.
const IDLE_BYTES_MAX: usize = 192 * 1024;

/// Bytes since something useful came of them.
#[derive(Debug, Default)]
pub struct Meter {
    bytes: Cell<usize>,
}

impl Meter {
    /// Something came of them: a request, a piece of a body that was read, a piece that was sent.
    pub fn renew(&self) {
        self.bytes.set(0);
    }

    /// Too many.
    pub fn is_over(&self) -> bool {
        self.bytes.get() > IDLE_BYTES_MAX
    }

    fn note(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }
}

/// The stream. Once too much has come it yields nothing more, so that whoever polls the connection can end it.
pub struct Metered<S> {
    io: S,
    meter: Rc<Meter>,
}

impl<S> Metered<S> {
    /// Around a stream.
    pub fn new(io: S, meter: Rc<Meter>) -> Self {
        Metered { io, meter }
    }
}

impl<S: ViewerIo> AsyncRead for Metered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.meter.is_over() {
            return Poll::Pending; // seen by connection::next right after this
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        this.meter.note(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: ViewerIo> AsyncWrite for Metered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn what_brings_nothing_is_counted_until_something_does() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (near, mut far) = tokio::io::duplex(IDLE_BYTES_MAX * 2);
            let meter = Rc::new(Meter::default());
            let mut metered = Metered::new(near, meter.clone());
            let mut buf = vec![0; IDLE_BYTES_MAX + 1];
            far.write_all(&buf).await.unwrap();
            metered.read_exact(&mut buf).await.unwrap();
            assert!(meter.is_over());
            far.write_all(b"x").await.unwrap();
            let mut waiting = Box::pin(metered.read(&mut buf));
            assert!(std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
            drop(waiting);
            meter.renew();
            assert_eq!(metered.read(&mut buf).await.unwrap(), 1);
        });
    }
}
