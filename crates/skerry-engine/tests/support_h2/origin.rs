//! An HTTP/1.1 origin in the same process, whose answers are told by the path.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use skerry_engine::origin::connect::{Connect, Connecting};
use skerry_engine::origin::target::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;

/// A request as it reached the origin.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
}

/// Answers:
/// `/stored/N`  N bytes that may be kept · `/passed/N`  N bytes that may not · `/held/N`  as stored, after `release`
/// `/deaf`  nothing, and reads nothing either, until `release`
/// `/unknown/N` N bytes of no stated length · `/cut/N`  N bytes promised, half of them sent · `/echo`  what was sent
pub struct Origin {
    seen: Rc<RefCell<Vec<Seen>>>,
    held: watch::Sender<bool>,
}

impl Default for Origin {
    fn default() -> Self {
        Origin { seen: Rc::default(), held: watch::Sender::new(true) }
    }
}

impl Origin {
    /// What has come so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// Let held answers go.
    pub fn release(&self) {
        self.held.send_replace(false);
    }
}

impl Connect for Origin {
    fn connect<'a>(&'a self, _: &'a Address, _: Duration) -> Connecting<'a> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::task::spawn_local(serve(theirs, self.seen.clone(), self.held.subscribe()));
        Box::pin(async move { Ok(Box::new(ours) as skerry_engine::origin::connect::Stream) })
    }
}

/// N bytes that tell where they stand.
pub fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at % 251) as u8).collect()
}

async fn serve(
    mut io: DuplexStream,
    seen: Rc<RefCell<Vec<Seen>>>,
    mut held: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut inbox = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = inbox.windows(4).position(|w| w == b"\r\n\r\n") {
                break String::from_utf8_lossy(&inbox.drain(..at + 4).collect::<Vec<u8>>()).into_owned();
            }
            if io.read_buf(&mut inbox).await? == 0 {
                return Ok(());
            }
        };
        let at = seen.borrow().len();
        seen.borrow_mut().push(Seen { head: head.clone(), body: Vec::new() });
        if head.contains(" /deaf ") {
            let _ = held.wait_for(|held| !held).await;
        }
        let body = read_body(&mut io, &mut inbox, &head).await?;
        seen.borrow_mut()[at].body.clone_from(&body);
        let target = head.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/");
        let mut parts = target.trim_start_matches('/').split('/');
        let kind = parts.next().unwrap_or("").to_owned();
        let bytes: usize = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        if kind == "held" {
            let _ = held.wait_for(|held| !held).await;
        }
        let content = if kind == "echo" { body } else { pattern(bytes) };
        let keep =
            if matches!(kind.as_str(), "stored" | "held" | "unknown") { "max-age=60" } else { "no-store" };
        let framing = match kind.as_str() {
            "unknown" => "Transfer-Encoding: chunked".to_owned(),
            _ => format!("Content-Length: {}", content.len()),
        };
        io.write_all(format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: {keep}\r\nETag: \"{bytes}\"\r\n{framing}\r\n\r\n").as_bytes()).await?;
        if head.starts_with("HEAD ") {
            continue;
        }
        match kind.as_str() {
            "cut" => return io.write_all(&content[..content.len() / 2]).await,
            "unknown" => {
                for piece in content.chunks(10_000) {
                    io.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
                    io.write_all(&[piece, b"\r\n"].concat()).await?;
                }
                io.write_all(b"0\r\n\r\n").await?;
            }
            _ => io.write_all(&content).await?,
        }
    }
}

async fn read_body(io: &mut DuplexStream, inbox: &mut Vec<u8>, head: &str) -> std::io::Result<Vec<u8>> {
    let lower = head.to_ascii_lowercase();
    if let Some(length) = lower.split("content-length: ").nth(1) {
        let length: usize = length.split("\r\n").next().and_then(|n| n.parse().ok()).unwrap_or(0);
        while inbox.len() < length {
            if io.read_buf(inbox).await? == 0 {
                break;
            }
        }
        let length = length.min(inbox.len());
        return Ok(inbox.drain(..length).collect());
    }
    let mut body = Vec::new();
    if !lower.contains("transfer-encoding: chunked") {
        return Ok(body);
    }
    loop {
        let line = loop {
            if let Some(at) = inbox.windows(2).position(|w| w == b"\r\n") {
                break String::from_utf8_lossy(&inbox.drain(..at + 2).collect::<Vec<u8>>()).into_owned();
            }
            if io.read_buf(inbox).await? == 0 {
                return Ok(body);
            }
        };
        let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        while inbox.len() < size + 2 {
            if io.read_buf(inbox).await? == 0 {
                return Ok(body);
            }
        }
        body.extend(inbox.drain(..size + 2).take(size));
        if size == 0 {
            return Ok(body);
        }
    }
}
