//! The loop: send a head, read its answer, send the next.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::answer;
use crate::latency::Histogram;
use crate::options::Options;

/// The rest of a browser's head behind request line and Host: what Chrome sends for a picture on a page.
const BROWSER: &str = "Connection: keep-alive\r\n\
    sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\", \"Google Chrome\";v=\"140\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-Mode: no-cors\r\n\
    Sec-Fetch-Dest: image\r\n\
    Referer: http://localhost/products/list?page=2\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n";

const DIGITS: usize = 8;
const BUFFER_BYTES: usize = 256 * 1024;
const EVENTS: usize = 64;

/// A request head in which only the number is exchanged between two requests.
struct Template {
    bytes: Vec<u8>,
    number_at: Option<usize>,
}

impl Template {
    fn new(options: &Options) -> Template {
        let path = options.path.replace("{}", &"0".repeat(DIGITS));
        let number_at = options.path.find("{}").map(|at| "GET ".len() + at);
        let rest = if options.browser { BROWSER } else { "" };
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{rest}\r\n", options.host).into_bytes();
        Template { bytes, number_at }
    }

    fn with_number(&mut self, mut number: u64) -> &[u8] {
        if let Some(at) = self.number_at {
            for digit in self.bytes[at..at + DIGITS].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        &self.bytes
    }
}

struct Connection {
    stream: TcpStream,
    sent: Instant,
    head: Vec<u8>,   // of an answer whose head has not arrived whole
    body_bytes: u64, // of an answer whose head was read
    body_left: u64,
    in_body: bool,
}

/// Which number comes next: drawn evenly from the range, or each in its turn.
struct Numbers {
    from: u64,
    urls: u64,
    next: u64,
    in_order: bool,
}

impl Numbers {
    fn next(&mut self) -> u64 {
        if self.in_order {
            self.next += 1;
            return self.from + (self.next - 1) % self.urls;
        }
        // xorshift64: even enough to draw URLs, and the same in every run.
        self.next ^= self.next << 13;
        self.next ^= self.next >> 7;
        self.next ^= self.next << 17;
        self.from + self.next % self.urls
    }
}

/// Sends for as long as asked; the report is one line of JSON. Any wrong answer ends the run with an error.
pub fn run(options: &Options) -> Result<String, String> {
    let mut template = Template::new(options);
    let seed = if options.in_order { 0 } else { 0x9E37_79B9_7F4A_7C15 };
    let mut numbers =
        Numbers { from: options.from, urls: options.urls, next: seed, in_order: options.in_order };
    let mut latencies = Histogram::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let (epoll, mut connections) = connect(options)?;
    let start = Instant::now();
    for connection in &mut connections {
        send(connection, template.with_number(numbers.next()))?;
    }
    let mut events: Vec<libc::epoll_event> = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut under_way = connections.len();
    let mut body_bytes = 0;
    while under_way > 0 {
        let ready = wait(&epoll, &mut events)?;
        for event in &events[..ready] {
            let connection = &mut connections[event.u64 as usize];
            let Some(bytes) = receive(connection, &mut buffer, options)? else { continue };
            let now = Instant::now();
            body_bytes += bytes;
            latencies.add((now - connection.sent).as_nanos() as u64);
            if now - start < options.duration {
                send(connection, template.with_number(numbers.next()))?;
            } else {
                under_way -= 1;
            }
        }
    }
    Ok(report(&latencies, start.elapsed(), body_bytes))
}

fn connect(options: &Options) -> Result<(Epoll, Vec<Connection>), String> {
    let epoll = Epoll::new()?;
    let mut connections = Vec::with_capacity(options.connections);
    for number in 0..options.connections {
        let stream = TcpStream::connect(options.address).map_err(|e| format!("cannot connect: {e}"))?;
        stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true)).map_err(|e| e.to_string())?;
        epoll.add(&stream, number as u64)?;
        connections.push(Connection {
            stream,
            sent: Instant::now(),
            head: Vec::new(),
            body_bytes: 0,
            body_left: 0,
            in_body: false,
        });
    }
    Ok((epoll, connections))
}

fn send(connection: &mut Connection, bytes: &[u8]) -> Result<(), String> {
    connection.sent = Instant::now();
    // One request is under way on a connection, so its socket's buffer is empty and takes the head whole.
    connection.stream.write_all(bytes).map_err(|e| format!("cannot send: {e}"))
}

/// Reads once. `Some(body length)` when the answer is whole.
fn receive(connection: &mut Connection, buffer: &mut [u8], options: &Options) -> Result<Option<u64>, String> {
    let count = match connection.stream.read(buffer) {
        Ok(0) => return Err(String::from("the server closed a connection that was to be kept")),
        Ok(count) => count,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(format!("cannot receive: {error}")),
    };
    if connection.in_body {
        return finish(connection, count as u64);
    }
    let kept = connection.head.len();
    let parsed = if kept == 0 {
        answer::read(&buffer[..count])?
    } else {
        connection.head.extend_from_slice(&buffer[..count]);
        answer::read(&connection.head)?
    };
    let Some(answer) = parsed else {
        if kept == 0 {
            connection.head.extend_from_slice(&buffer[..count]);
        }
        return Ok(None);
    };
    connection.head.clear();
    if answer.status != options.status {
        return Err(format!("status {} instead of {}", answer.status, options.status));
    }
    if options.length.is_some_and(|length| length != answer.body_bytes) {
        return Err(format!("Content-Length {} instead of {:?}", answer.body_bytes, options.length));
    }
    if answer.close {
        return Err(String::from("the server says close: raise its limit of requests per connection"));
    }
    connection.in_body = true;
    connection.body_bytes = answer.body_bytes;
    connection.body_left = answer.body_bytes;
    finish(connection, (kept + count - answer.head_bytes) as u64)
}

fn finish(connection: &mut Connection, count: u64) -> Result<Option<u64>, String> {
    connection.body_left =
        connection.body_left.checked_sub(count).ok_or("more bytes arrived than Content-Length announced")?;
    if connection.body_left > 0 {
        return Ok(None);
    }
    connection.in_body = false;
    Ok(Some(connection.body_bytes))
}

fn report(latencies: &Histogram, elapsed: Duration, body_bytes: u64) -> String {
    let us = |share: f64| latencies.quantile_ns(share) as f64 / 1000.0;
    format!(
        "{{\"requests\": {}, \"seconds\": {:.6}, \"body_bytes\": {body_bytes}, \"p50_us\": {:.1}, \"p90_us\": {:.1}, \
         \"p99_us\": {:.1}, \"p999_us\": {:.1}, \"max_us\": {:.1}}}",
        latencies.total(),
        elapsed.as_secs_f64(),
        us(0.5),
        us(0.9),
        us(0.99),
        us(0.999),
        latencies.max_ns() as f64 / 1000.0,
    )
}

struct Epoll(std::os::fd::OwnedFd);

impl Epoll {
    fn new() -> Result<Epoll, String> {
        // SAFETY: no pointer is passed; the result is checked before it is used.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error().to_string());
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        Ok(Epoll(unsafe { std::os::fd::FromRawFd::from_raw_fd(descriptor) }))
    }

    fn add(&self, stream: &TcpStream, key: u64) -> Result<(), String> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: key };
        // SAFETY: both descriptors are open and the event lives until the call returns.
        let result = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, stream.as_raw_fd(), &mut event)
        };
        if result < 0 { Err(io::Error::last_os_error().to_string()) } else { Ok(()) }
    }
}

/// Waits up to two seconds: a server that is silent for so long has lost a request.
fn wait(epoll: &Epoll, events: &mut [libc::epoll_event]) -> Result<usize, String> {
    // SAFETY: the kernel writes at most `events.len()` entries into the slice.
    let ready =
        unsafe { libc::epoll_wait(epoll.0.as_raw_fd(), events.as_mut_ptr(), events.len() as i32, 2_000) };
    match ready {
        0 => Err(String::from("no answer for two seconds")),
        ready if ready > 0 => Ok(ready as usize),
        _ => Err(io::Error::last_os_error().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufRead;
    use std::net::TcpListener;

    fn options(address: std::net::SocketAddr) -> Options {
        let words =
            [&address.to_string(), "--path", "/p/{}", "--urls", "3", "--in-order", "--connections", "2"];
        let mut options = crate::options::parse(words.iter().map(|word| word.to_string())).unwrap();
        options.duration = Duration::from_millis(50);
        options
    }

    /// Answers each request with `answer`, in pieces of `piece` bytes; returns the paths asked for.
    fn serve(listener: TcpListener, connections: usize, answer: &'static [u8], piece: usize) -> Vec<String> {
        let handles: Vec<_> = (0..connections)
            .map(|_| {
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_nodelay(true).unwrap();
                std::thread::spawn(move || {
                    let mut paths = Vec::new();
                    let mut lines = io::BufReader::new(stream.try_clone().unwrap()).lines();
                    while let Some(Ok(line)) = lines.next() {
                        if line.starts_with("GET ") {
                            paths.push(line.split(' ').nth(1).unwrap().to_owned());
                        }
                        if line.is_empty() && answer.chunks(piece).any(|part| stream.write_all(part).is_err())
                        {
                            break;
                        }
                    }
                    paths
                })
            })
            .collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    }

    fn run_against(answer: &'static [u8], piece: usize) -> (Result<String, String>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let options = options(listener.local_addr().unwrap());
        let server = std::thread::spawn(move || serve(listener, 2, answer, piece));
        let report = run(&options);
        (report, server.join().unwrap())
    }

    #[test]
    fn counts_answers_that_come_whole_or_in_pieces() {
        for piece in [1000, 7] {
            let (report, mut paths) =
                run_against(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789", piece);
            let report = report.unwrap();
            assert!(
                report.starts_with(&format!("{{\"requests\": {}, ", paths.len())),
                "{report} {}",
                paths.len()
            );
            assert!(report.contains(&format!("\"body_bytes\": {}", paths.len() * 20)), "{report}");
            paths.sort();
            paths.dedup();
            assert_eq!(paths, ["/p/00000000", "/p/00000001", "/p/00000002"]);
        }
    }

    #[test]
    fn a_wrong_answer_ends_the_run() {
        for (answer, part) in [
            (&b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"[..], "status 503"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "more bytes"),
            (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "close"),
        ] {
            let (report, _) = run_against(answer, 1000);
            let message = report.unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }
}
