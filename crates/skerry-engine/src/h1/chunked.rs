//! The chunked coding (RFC 9112 7.1), decoded strictly and without I/O.
//!
//! Chunk extensions are refused on requests' side of the house only where they hide a line feed; they are
//! dropped otherwise. Trailers are kept raw for the allow-list of [`crate::h1::chunked::Decoder::trailers`].

use skerry_http::fields::Fields;

const SIZE_DIGITS_MAX: u32 = 16;
const EXTENSION_BYTES_MAX: u32 = 1_024;
const TRAILER_BYTES_MAX: usize = 8_192;

/// Why a chunked body was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadChunk;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { digits: u32, size: u64 },
    Extension { size: u64, bytes: u32 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailers,
    Done,
}

/// Decodes one body. Feed it bytes; it says which of them are data.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    trailer: Vec<u8>,
    trailers: Fields,
}

/// What one step of decoding found.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// `consumed` bytes were framing only; call again with the rest (needs more bytes when the rest is empty).
    Skip {
        /// bytes of input used up
        consumed: usize,
    },
    /// `input[from..to]` is data.
    Data {
        /// start in the input
        from: usize,
        /// end in the input; everything before it is used up
        to: usize,
    },
    /// The body is complete; `consumed` bytes belonged to it.
    End {
        /// bytes of input used up
        consumed: usize,
    },
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder { state: State::Size { digits: 0, size: 0 }, trailer: Vec::new(), trailers: Fields::new() }
    }
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has the last chunk and its trailers been read?
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The trailer fields, once done.
    pub fn trailers(&self) -> &Fields {
        &self.trailers
    }

    /// Look at `input`; at most one run of data is returned at a time.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, BadChunk> {
        let mut at = 0;
        while at < input.len() {
            match self.state {
                State::Data { left } => {
                    let run = left.min((input.len() - at) as u64) as usize;
                    let rest = left - run as u64;
                    self.state = if rest == 0 { State::DataCr } else { State::Data { left: rest } };
                    return Ok(Step::Data { from: at, to: at + run });
                }
                State::Trailers => {
                    at += 1;
                    if self.trailer_byte(input[at - 1])? {
                        return Ok(Step::End { consumed: at });
                    }
                }
                State::Done => return Ok(Step::End { consumed: at }),
                state => {
                    self.state = framing_byte(state, input[at])?;
                    at += 1;
                }
            }
        }
        if self.state == State::Done {
            Ok(Step::End { consumed: at })
        } else {
            Ok(Step::Skip { consumed: at })
        }
    }

    /// One byte behind the last chunk; true when it ends the body.
    fn trailer_byte(&mut self, byte: u8) -> Result<bool, BadChunk> {
        self.trailer.push(byte);
        if self.trailer.len() > TRAILER_BYTES_MAX {
            return Err(BadChunk);
        }
        let ends = byte == b'\n' && [&b"\n\r\n"[..], b"\n\n"].iter().any(|end| self.trailer.ends_with(end))
            || self.trailer == b"\r\n"
            || self.trailer == b"\n";
        if ends {
            self.finish()?;
        }
        Ok(ends)
    }

    fn finish(&mut self) -> Result<(), BadChunk> {
        let bytes = &self.trailer;
        if bytes != b"\r\n" && !bytes.ends_with(b"\r\n\r\n") {
            return Err(BadChunk);
        }
        let mut lines = [httparse::EMPTY_HEADER; 32];
        match httparse::parse_headers(bytes, &mut lines) {
            Ok(httparse::Status::Complete((end, found))) if end == bytes.len() => {
                let base = bytes.as_ptr() as usize;
                for line in found {
                    let at = line.name.as_ptr() as usize - base;
                    if at >= 2 && bytes[at - 2] != b'\r' {
                        return Err(BadChunk);
                    }
                    self.trailers.push(line.name.as_bytes(), line.value);
                }
            }
            _ => return Err(BadChunk),
        }
        self.state = State::Done;
        Ok(())
    }
}

/// One byte of a chunk's size line, or of the line end behind its data.
fn framing_byte(state: State, byte: u8) -> Result<State, BadChunk> {
    match state {
        State::Size { digits, size } => size_byte(byte, digits, size),
        State::Extension { size, bytes } => {
            let is_control = (byte < 0x20 && byte != b'\r' && byte != b'\t') || byte == 0x7f;
            match byte {
                _ if bytes >= EXTENSION_BYTES_MAX || is_control => Err(BadChunk),
                b'\r' => Ok(State::SizeLf { size }),
                _ => Ok(State::Extension { size, bytes: bytes + 1 }),
            }
        }
        State::SizeLf { size: 0 } if byte == b'\n' => Ok(State::Trailers),
        State::SizeLf { size } if byte == b'\n' => Ok(State::Data { left: size }),
        State::DataCr if byte == b'\r' => Ok(State::DataLf),
        State::DataLf if byte == b'\n' => Ok(State::Size { digits: 0, size: 0 }),
        _ => Err(BadChunk),
    }
}

fn size_byte(byte: u8, digits: u32, size: u64) -> Result<State, BadChunk> {
    let value = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        b'\r' if digits > 0 => return Ok(State::SizeLf { size }),
        b';' if digits > 0 => return Ok(State::Extension { size, bytes: 0 }),
        _ => return Err(BadChunk),
    };
    if digits >= SIZE_DIGITS_MAX || size >= 1 << 59 {
        return Err(BadChunk);
    }
    Ok(State::Size { digits: digits + 1, size: size << 4 | u64::from(value) })
}

/// Write the line that opens a chunk of `len` bytes.
pub fn open(len: usize, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut shift = (usize::BITS - len.leading_zeros()).div_ceil(4).max(1) * 4;
    while shift > 0 {
        shift -= 4;
        out.push(HEX[len >> shift & 15]);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All data and what was left behind the end.
    fn decode(parts: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>, bool), BadChunk> {
        let (mut decoder, mut data, mut rest) = (Decoder::new(), Vec::new(), Vec::new());
        for part in parts {
            rest.extend_from_slice(part);
            loop {
                match decoder.step(&rest)? {
                    Step::Skip { consumed } => {
                        rest.drain(..consumed);
                        break;
                    }
                    Step::Data { from, to } => {
                        data.extend_from_slice(&rest[from..to]);
                        rest.drain(..to);
                    }
                    Step::End { consumed } => {
                        rest.drain(..consumed);
                        break;
                    }
                }
            }
        }
        Ok((data, rest, decoder.is_done()))
    }

    #[test]
    fn every_split_of_a_body_decodes_alike() {
        let whole = b"3\r\nabc\r\n0a;x=y\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\nGET";
        for cut in 0..whole.len() {
            let (data, rest, done) = decode(&[&whole[..cut], &whole[cut..]]).unwrap();
            assert_eq!((&data[..], &rest[..], done), (&b"abc0123456789"[..], &b"GET"[..], true), "{cut}");
        }
    }

    #[test]
    fn faulty_chunks_are_refused() {
        for bytes in [
            &b"0x1\r\na\r\n0\r\n\r\n"[..],
            b"1\na\r\n0\r\n\r\n",
            b"1 \r\na\r\n0\r\n\r\n",
            b" 1\r\na\r\n0\r\n\r\n",
            b"-1\r\na\r\n0\r\n\r\n",
            b"+1\r\na\r\n0\r\n\r\n",
            b"\r\na\r\n0\r\n\r\n",
            b"1;a\nb\r\na\r\n0\r\n\r\n",
            b"1\r\naXX0\r\n\r\n",
            b"1\r\na\n0\r\n\r\n",
            b"1\r\nab\r\n0\r\n\r\n",
            b"00000000000000001\r\na\r\n0\r\n\r\n",
            b"ffffffffffffffff\r\na",
            b"0\r\nX: y\n\r\n",
            b"0\r\nno colon\r\n\r\n",
            b"0\r\n\n",
        ] {
            assert_eq!(decode(&[bytes]), Err(BadChunk), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn sizes_are_written_without_leading_zeros() {
        for (len, want) in [(1usize, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (65_536, "10000\r\n")] {
            let mut out = Vec::new();
            open(len, &mut out);
            assert_eq!(out, want.as_bytes());
        }
    }
}
