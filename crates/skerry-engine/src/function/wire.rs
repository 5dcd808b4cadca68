//! Frames between engine and worker: 16 bytes little-endian (length, type, flags, version, call id), then payload.

/// Version of the frames.
pub const VERSION: u16 = 1;
/// A frame's payload is never larger.
pub const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of a header.
pub const HEADER_BYTES: usize = 16;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // the words of the wire
pub enum Kind {
    Hello = 1,
    Load = 2,
    Ready = 3,
    Invoke = 4,
    Result = 5,
    Error = 6,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the three parts the module comment names
pub struct Header {
    pub kind: Kind,
    pub payload_bytes: usize,
    pub call_id: u64,
}

/// The peer does not speak our frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFrame;

/// Read a header from 16 bytes or more; `None` = not yet.
pub fn header(bytes: &[u8]) -> Result<Option<Header>, BadFrame> {
    let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let payload_bytes = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let version = u16::from_le_bytes([head[6], head[7]]);
    if version != VERSION || payload_bytes > FRAME_BYTES_MAX {
        return Err(BadFrame);
    }
    let kind = match head[4] {
        1 => Kind::Hello,
        2 => Kind::Load,
        3 => Kind::Ready,
        4 => Kind::Invoke,
        5 => Kind::Result,
        6 => Kind::Error,
        _ => return Err(BadFrame),
    };
    let mut id = [0; 8];
    id.copy_from_slice(&head[8..16]);
    Ok(Some(Header { kind, payload_bytes, call_id: u64::from_le_bytes(id) }))
}

/// Append an INVOKE frame.
pub fn invoke(call_id: u64, context: &[u8], event: &[u8], out: &mut Vec<u8>) {
    let payload = 4 + context.len() + event.len();
    out.reserve(HEADER_BYTES + payload);
    out.extend_from_slice(&(payload as u32).to_le_bytes());
    out.extend_from_slice(&[Kind::Invoke as u8, 0]);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&call_id.to_le_bytes());
    out.extend_from_slice(&(context.len() as u32).to_le_bytes());
    out.extend_from_slice(context);
    out.extend_from_slice(event);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoke_reads_back() {
        let mut out = Vec::new();
        invoke(7, b"{}", b"[1]", &mut out);
        let head = header(&out).unwrap().unwrap();
        assert_eq!(head, Header { kind: Kind::Invoke, payload_bytes: 9, call_id: 7 });
        assert_eq!(&out[HEADER_BYTES..], b"\x02\0\0\0{}[1]");
        assert_eq!(header(&out[..15]).unwrap(), None);
    }

    #[test]
    fn foreign_frames_are_refused() {
        let mut out = Vec::new();
        invoke(7, b"{}", b"[1]", &mut out);
        for (at, value) in [(4, 9u8), (6, 2), (3, 0xff)] {
            let mut bad = out.clone();
            bad[at] = value;
            assert_eq!(header(&bad), Err(BadFrame));
        }
    }
}
