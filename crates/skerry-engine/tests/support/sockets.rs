//! An engine's core on a real port, and what is said to it there.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use skerry_engine::core::Core;
use skerry_engine::h1::connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::peer;

/// Serve a core's viewers on a port of this machine.
pub async fn listen(core: &Rc<Core>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, core) = (listener.local_addr().unwrap(), core.clone());
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::task::spawn_local(connection::serve(core.clone(), stream, peer(false)));
        }
    });
    at
}

/// Send it in parts and read all that comes until the connection ends.
pub async fn exchange(at: SocketAddr, bytes: &[u8], cut: usize) -> String {
    let stream = TcpStream::connect(at).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut read, mut write) = stream.into_split();
    let (first, second) = bytes.split_at(cut);
    let writing = async {
        // a peer that has refused us may have closed before all is written
        let _ = write.write_all(first).await;
        if !second.is_empty() && cut > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await; // so that the parts come apart
        }
        let _ = write.write_all(second).await;
        let _ = write.shutdown().await;
    };
    let mut text = Vec::new();
    let reading = async {
        let _ = read.read_to_end(&mut text).await;
    };
    tokio::join!(writing, reading);
    String::from_utf8_lossy(&text).into_owned()
}

/// Final status lines in what came.
pub fn statuses(text: &str) -> Vec<u16> {
    let lines = text.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok());
    lines.filter(|status| *status != 100).collect()
}
