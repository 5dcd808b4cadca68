//! The little that has to be read of a response: where its head ends, its status and its length.

/// What a complete head says.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Bytes of head, blank line included.
    pub head_bytes: usize,
    /// Content-Length.
    pub body_bytes: u64,
    /// The server will close behind this answer.
    pub close: bool,
}

/// Reads a head. `Ok(None)`: more bytes are needed. `Err`: no answer this client can measure by.
pub fn read(bytes: &[u8]) -> Result<Option<Answer>, &'static str> {
    let mut status = None;
    let mut body_bytes = None;
    let mut close = false;
    let mut at = 0;
    while let Some(length) = line_end(&bytes[at..]) {
        let line = &bytes[at..at + length];
        at += length + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.first() {
            None => {
                let status = status.ok_or("a head without status line")?;
                let body_bytes = body_bytes.ok_or("an answer without Content-Length")?;
                return Ok(Some(Answer { status, head_bytes: at, body_bytes, close }));
            }
            Some(b'H') if status.is_none() => status = Some(read_status(line)?),
            Some(b'C' | b'c') if named(line, b"content-length") => body_bytes = Some(read_length(line)?),
            Some(b'C' | b'c') if named(line, b"connection") => close = line.ends_with(b"close"),
            Some(_) if status.is_none() => return Err("not HTTP/1.1"),
            Some(_) => {}
        }
    }
    Ok(None)
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    // SAFETY: the pointer and the length belong to the same slice, and memchr only reads it.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), i32::from(b'\n'), bytes.len()) };
    (!found.is_null()).then(|| found as usize - bytes.as_ptr() as usize)
}

fn named(line: &[u8], name: &[u8]) -> bool {
    line.len() > name.len() && line[name.len()] == b':' && line[..name.len()].eq_ignore_ascii_case(name)
}

fn read_status(line: &[u8]) -> Result<u16, &'static str> {
    let digits = line.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or("not HTTP/1.1")?;
    decimal(digits).map(|status| status as u16).ok_or("a status that is no number")
}

fn read_length(line: &[u8]) -> Result<u64, &'static str> {
    decimal(line["content-length:".len()..].trim_ascii()).ok_or("a Content-Length that is no number")
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] =
        b"HTTP/1.1 404 Not Found\r\nDate: x\r\ncontent-LENGTH:  12 \r\nConnection: close\r\n\r\nbody";

    #[test]
    fn reads_a_head_once_it_is_whole() {
        let end = HEAD.len() - 4;
        for cut in 0..end {
            assert_eq!(read(&HEAD[..cut]), Ok(None), "cut at {cut}");
        }
        let answer = Answer { status: 404, head_bytes: end, body_bytes: 12, close: true };
        assert_eq!(read(HEAD), Ok(Some(answer)));
    }

    #[test]
    fn refuses_what_it_cannot_measure() {
        for head in [
            &b"HTTP/1.0 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 2x0 OK\r\nContent-Length: 1\r\n\r\n",
            b"Date: x\r\n\r\n",
            b"\r\n",
        ] {
            assert!(read(head).is_err(), "{:?}", String::from_utf8_lossy(head));
        }
    }
}
