//! gzip and br, done once, while an answer is stored, and not on the threads that serve.

use std::io::Write;

use bytes::Bytes;
use skerry_http::encoding::Coding;

/// Good enough to be worth storing, quick enough not to hold up the first viewer.
const GZIP_LEVEL: u32 = 6;
const BR_QUALITY: u32 = 5;
const BR_WINDOW: u32 = 20;
const BUFFER_BYTES: usize = 16 * 1024;

/// A stream being compressed.
pub enum Compressor {
    /// gzip (RFC 1952).
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    /// Brotli (RFC 7932).
    Br(Box<brotli::CompressorWriter<Vec<u8>>>),
}

impl Compressor {
    /// In that coding.
    pub fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Compressor::Gzip(flate2::write::GzEncoder::new(
                Vec::new(),
                flate2::Compression::new(GZIP_LEVEL),
            )),
            Coding::Br => Compressor::Br(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                BUFFER_BYTES,
                BR_QUALITY,
                BR_WINDOW,
            ))),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        match self {
            Compressor::Gzip(gzip) => std::mem::take(gzip.get_mut()),
            Compressor::Br(br) => std::mem::take(br.get_mut()),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Compressor::Gzip(gzip) => gzip.write_all(bytes)?,
            Compressor::Br(br) => br.write_all(bytes)?,
        }
        Ok(self.take())
    }

    fn end(self) -> std::io::Result<Vec<u8>> {
        match self {
            Compressor::Gzip(gzip) => gzip.finish(),
            Compressor::Br(br) => Ok(br.into_inner()),
        }
    }

    /// Compress a piece on a thread of its own; what is ready comes back.
    pub async fn feed(mut self, piece: Bytes) -> std::io::Result<(Self, Bytes)> {
        let done = tokio::task::spawn_blocking(move || {
            let out = self.push(&piece)?;
            Ok((self, Bytes::from(out)))
        });
        done.await.unwrap_or_else(|_| Err(std::io::Error::other("the compressor ended")))
    }

    /// The rest.
    pub async fn finish(self) -> std::io::Result<Bytes> {
        let done = tokio::task::spawn_blocking(move || self.end().map(Bytes::from));
        done.await.unwrap_or_else(|_| Err(std::io::Error::other("the compressor ended")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn compress(coding: Coding, pieces: &[&'static [u8]]) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut compressor, mut out) = (Compressor::new(coding), Vec::new());
            for piece in pieces {
                let (next, ready) = compressor.feed(Bytes::from_static(piece)).await.unwrap();
                compressor = next;
                out.extend_from_slice(&ready);
            }
            out.extend_from_slice(&compressor.finish().await.unwrap());
            out
        })
    }

    #[test]
    fn both_codings_come_back_as_they_were() {
        let text: &'static [u8] = Box::leak(b"skerry ".repeat(5_000).into_boxed_slice());
        let (a, b) = text.split_at(1234);
        let gzip = compress(Coding::Gzip, &[a, b]);
        let br = compress(Coding::Br, &[a, b]);
        assert!(gzip.len() < 500 && br.len() < 500);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, text);
        back.clear();
        brotli::Decompressor::new(&br[..], 4096).read_to_end(&mut back).unwrap();
        assert_eq!(back, text);
    }
}
