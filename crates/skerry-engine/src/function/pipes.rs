//! A worker's two output pipes, read without ever waking a core for a quick call.
//!
//! The marks that stand around each call would make a pipe readable, and so wake the core, several times a call.
//! So the pipes are not in the reactor: they are read when an answer has come, and only while a call takes long
//! are they watched, lest a handler that prints much waits for ever on a full pipe.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::output::Splitter;

/// Reads at a time from one pipe: a flood must not keep the core from everybody else.
const READS_AT_ONCE: usize = 8;

/// What a read has left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    More,
    Closed,
}

/// One stream.
pub struct Pipe {
    end: PipeReader,
    /// What came, by call.
    pub text: Splitter,
}

impl Pipe {
    fn new(end: OwnedFd) -> io::Result<Pipe> {
        // SAFETY: plain fcntl on a descriptor that we own; O_NONBLOCK is of this end alone
        let done = unsafe {
            let flags = libc::fcntl(end.as_raw_fd(), libc::F_GETFL);
            libc::fcntl(end.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK)
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Pipe { end: PipeReader::from(end), text: Splitter::new("-") })
    }
}

fn pull(end: &PipeReader, text: &mut Splitter) -> Left {
    // marks alone fit into the small one; only a talkative call pays for clearing a large one
    let mut small = [0; 512];
    match read(end, text, &mut small) {
        Left::More => {}
        other => return other,
    }
    let mut large = [0; 16 * 1024];
    for _ in 0..READS_AT_ONCE {
        match read(end, text, &mut large) {
            Left::More => {}
            other => return other,
        }
    }
    Left::More
}

fn read(mut end: &PipeReader, text: &mut Splitter, bytes: &mut [u8]) -> Left {
    match end.read(bytes) {
        Ok(0) => Left::Closed,
        Ok(n) => {
            text.feed(&bytes[..n]);
            if n < bytes.len() { Left::Nothing } else { Left::More }
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Left::Nothing,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Left::More,
        Err(_) => Left::Closed,
    }
}

/// Both streams.
pub struct Pipes {
    /// What it prints.
    pub out: Pipe,
    /// What it complains.
    pub err: Pipe,
}

impl Pipes {
    /// Over the read ends.
    pub fn new(out: OwnedFd, err: OwnedFd) -> io::Result<Pipes> {
        Ok(Pipes { out: Pipe::new(out)?, err: Pipe::new(err)? })
    }

    /// The word of this worker's marks.
    pub fn expect(&mut self, word: &str) {
        (self.out.text, self.err.text) = (Splitter::new(word), Splitter::new(word));
    }

    /// Read what is there.
    pub fn drain(&mut self) {
        pull(&self.out.end, &mut self.out.text);
        pull(&self.err.end, &mut self.err.text);
    }

    /// Read whatever comes, for as long as the returned future is polled.
    pub async fn watch(&mut self) -> io::Result<()> {
        let Pipes { out, err } = self;
        tokio::try_join!(watch(out), watch(err))?;
        std::future::pending().await // both are closed: the socket tells the rest
    }
}

async fn watch(pipe: &mut Pipe) -> io::Result<()> {
    let Pipe { end, text } = pipe;
    // SAFETY: the borrowed end outlives `watched`, which leaves the reactor when it is dropped
    let watched = unsafe { AsyncFd::register_with_interest(end.as_fd(), Interest::READABLE)? };
    loop {
        let mut ready = watched.readable().await?;
        match pull(end, text) {
            Left::Nothing => ready.clear_ready(),
            Left::More => tokio::task::yield_now().await,
            Left::Closed => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn a_flood_flows_while_it_is_watched() {
        let ((out, mut writes), (err, _held)) = (io::pipe().unwrap(), io::pipe().unwrap());
        let mut pipes = Pipes::new(out.into(), err.into()).unwrap();
        pipes.expect("w");
        let writer = tokio::task::spawn_blocking(move || {
            for _ in 0..1_000 {
                writes.write_all(&[b'x'; 1_000]).unwrap(); // far more than a pipe holds
            }
        });
        tokio::select! {
            done = pipes.watch() => done.unwrap(),
            done = writer => done.unwrap(),
        }
        pipes.drain();
        let pieces = pipes.out.text.take(true);
        let total: u64 = pieces.iter().map(|p| p.text.len() as u64 + p.dropped_bytes).sum();
        assert!(total > 1_000_000 - 64 * 1024 * 2, "{total}");
        assert!(pipes.err.text.take(true).is_empty());
    }
}
