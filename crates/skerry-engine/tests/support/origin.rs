//! An origin behind the `Connect` seam: it reads requests strictly, keeps what it was asked, and answers by script.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use skerry_engine::origin::OriginError;
use skerry_engine::origin::connect::{Connect, Connecting, Stream};
use skerry_engine::origin::target::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Head with its blank line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// A header's value; names compare without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// What to do about a request.
pub enum Reply {
    /// These bytes; the connection stays.
    Keep(Vec<u8>),
    /// These bytes, then close.
    Close(Vec<u8>),
    /// Pieces with a wait before each; the connection stays.
    Slow(Vec<(Duration, Vec<u8>)>),
    /// The same, then close.
    SlowClose(Vec<(Duration, Vec<u8>)>),
    /// The same, then nothing any more.
    SlowHang(Vec<(Duration, Vec<u8>)>),
    /// A head, then what the function gives from each offset until it gives nothing.
    Flow(Vec<u8>, Box<dyn FnMut(u64) -> Vec<u8>>),
    /// Nothing, ever.
    Hang,
}

pub type Answering = Pin<Box<dyn Future<Output = Reply>>>;
pub type Script = Rc<dyn Fn(Asked) -> Answering>;

pub struct Origin {
    script: Script,
    pub asked: RefCell<Vec<Asked>>,
    pub connects: Cell<usize>,
    /// Requests it is at.
    pub open: Cell<usize>,
    /// The most at once.
    pub open_max: Cell<usize>,
    /// Refuse connections.
    pub is_down: Cell<bool>,
}

impl Origin {
    /// Answers each request by what `script` says of it.
    pub fn new(script: impl Fn(Asked) -> Answering + 'static) -> Rc<Origin> {
        Rc::new(Origin {
            script: Rc::new(script),
            asked: RefCell::default(),
            connects: Cell::new(0),
            open: Cell::new(0),
            open_max: Cell::new(0),
            is_down: Cell::new(false),
        })
    }

    /// Always the same bytes.
    pub fn always(bytes: impl Into<Vec<u8>>) -> Rc<Origin> {
        let bytes = bytes.into();
        Origin::new(move |_| now(Reply::Keep(bytes.clone())))
    }

    pub fn asked_count(&self) -> usize {
        self.asked.borrow().len()
    }

    pub fn last(&self) -> Asked {
        self.asked.borrow().last().unwrap().clone()
    }

    async fn serve(self: Rc<Self>, mut stream: DuplexStream) {
        let mut buffer = Vec::new();
        while let Some(asked) = read_request(&mut stream, &mut buffer).await {
            self.asked.borrow_mut().push(asked.clone());
            self.open.set(self.open.get() + 1);
            self.open_max.set(self.open_max.get().max(self.open.get()));
            let goes_on = self.answer(&mut stream, asked).await;
            self.open.set(self.open.get() - 1);
            if !goes_on {
                return;
            }
        }
    }

    async fn answer(&self, stream: &mut DuplexStream, asked: Asked) -> bool {
        let reply = {
            let answering = (self.script)(asked);
            tokio::pin!(answering);
            // an origin sees that it is left alone, too
            let mut byte = [0];
            tokio::select! {
                biased;
                reply = &mut answering => reply,
                _ = stream.read(&mut byte) => return false,
            }
        };
        match reply {
            Reply::Keep(bytes) => stream.write_all(&bytes).await.is_ok(),
            Reply::Close(bytes) => {
                let _ = stream.write_all(&bytes).await;
                false
            }
            Reply::Slow(parts) => slowly(stream, parts).await,
            Reply::SlowClose(parts) => {
                slowly(stream, parts).await;
                false
            }
            Reply::SlowHang(parts) => {
                let _ = slowly(stream, parts).await && stream.read(&mut [0]).await.is_ok();
                false
            }
            Reply::Flow(head, mut make) => {
                if stream.write_all(&head).await.is_err() {
                    return false;
                }
                let mut at = 0;
                loop {
                    let piece = make(at);
                    if piece.is_empty() {
                        return true;
                    }
                    at += piece.len() as u64;
                    if stream.write_all(&piece).await.is_err() {
                        return false;
                    }
                }
            }
            Reply::Hang => {
                let mut byte = [0];
                let _ = stream.read(&mut byte).await;
                false
            }
        }
    }
}

async fn slowly(stream: &mut DuplexStream, parts: Vec<(Duration, Vec<u8>)>) -> bool {
    for (wait, part) in parts {
        if !wait.is_zero() {
            let mut byte = [0];
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait) => {}
                _ = stream.read(&mut byte) => return false,
            }
        }
        if stream.write_all(&part).await.is_err() {
            return false;
        }
    }
    true
}

/// An answer without a wait.
pub fn now(reply: Reply) -> Answering {
    Box::pin(async move { reply })
}

/// The origin as the engine's way out.
pub struct To(pub Rc<Origin>);

impl Connect for To {
    fn connect<'a>(&'a self, _: &'a Address, _: Duration) -> Connecting<'a> {
        let origin = self.0.clone();
        Box::pin(async move {
            if origin.is_down.get() {
                return Err(OriginError::new(
                    "origin-connect-failed",
                    skerry_engine::origin::Retry::Always,
                    "refused",
                ));
            }
            origin.connects.set(origin.connects.get() + 1);
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            tokio::task::spawn_local(origin.serve(theirs));
            Ok(Box::new(ours) as Stream)
        })
    }
}

/// Read a request to its end; `None` when the connection ends first. What is no request is a panic: the engine must
/// never send one.
async fn read_request(stream: &mut DuplexStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
    assert!(head.lines().next().unwrap().ends_with(" HTTP/1.1"), "no request: {head:?}");
    let length = header(&head, "content-length").map(|n| n.parse::<usize>().unwrap());
    let is_chunked = header(&head, "transfer-encoding").is_some();
    assert!(!(is_chunked && length.is_some()), "two framings: {head:?}");
    let mut body = Vec::new();
    if is_chunked {
        loop {
            let line = until_crlf(stream, buffer).await?;
            let size = usize::from_str_radix(&String::from_utf8(line).unwrap(), 16).unwrap();
            exactly(stream, buffer, size + 2, &mut body).await?;
            body.truncate(body.len() - 2);
            if size == 0 {
                break;
            }
        }
    } else if let Some(n) = length {
        exactly(stream, buffer, n, &mut body).await?;
    }
    Some(Asked { head, body })
}

async fn until_crlf(stream: &mut DuplexStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = buffer.windows(2).position(|w| w == b"\r\n") {
            let line = buffer[..at].to_vec();
            buffer.drain(..at + 2);
            return Some(line);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

async fn exactly(stream: &mut DuplexStream, buffer: &mut Vec<u8>, n: usize, out: &mut Vec<u8>) -> Option<()> {
    while buffer.len() < n {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    out.extend(buffer.drain(..n));
    Some(())
}
