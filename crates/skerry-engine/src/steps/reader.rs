//! A viewer reads a fill. Where it falls out of the window that readers of an answer too large to be stored share,
//! it goes on from the offset it has reached with a fetch of its own (DESIGN, "A fill belongs to the cache").
//!
//! Head and framing are with the viewer by then, so what the second fetch brings must be the rest of the very same
//! representation: from the same place at the origin, under the same strong tag ([`skerry_http::resume`]), and
//! neither a function nor the store may have made another body of it ([`Place`]). Else the viewer is cut. The fetch
//! runs for its reader alone: it waits for nobody, and nobody for it; its speed is that of its viewer.

use std::num::NonZeroU64;
use std::rc::Rc;

use bytes::Bytes;
use skerry_cache::{Charge, FillReader, ReadError, hash_key};
use skerry_http::fields::{Fields, Known};
use skerry_http::head::RequestHead;
use skerry_http::resume::{self, Held};

use super::fetch::{Errand, Fetched, Source, fetch};
use crate::core::Core;
use crate::exchange::{CutBody, Exchange, Meta};
use crate::origin::client::READ_BYTES;
use crate::record::Note;
use crate::snapshot::Origin;
use crate::stats::{add, count};
use crate::walk::Step;

/// Where at which origin a body lies, as a digest of 64 bits. An entity tag means something there alone
/// (RFC 9110 8.8.3), and readers of one key need not have asked for one place: a query that the key ignores is
/// forwarded, a function chooses among hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(NonZeroU64);

impl Place {
    /// Of what `sent` asks of `origin`.
    pub fn of(origin: &Origin, sent: &RequestHead) -> Place {
        let mut name = Vec::new();
        for part in [origin.domain.as_bytes(), origin.path.as_bytes(), &sent.authority, &sent.target] {
            name.extend_from_slice(&(part.len() as u64).to_le_bytes());
            name.extend_from_slice(part);
        }
        Place(NonZeroU64::new(hash_key(&name)).unwrap_or(NonZeroU64::MIN))
    }
}

/// What a second fetch asks for.
#[derive(Clone, Debug)]
pub struct Resume {
    /// The first byte.
    pub at: u64,
    /// The tag its representation must have.
    pub etag: Vec<u8>,
}

/// Everything needed to go on alone; kept only where that is possible.
struct Spare {
    core: Rc<Core>,
    errand: Errand,
    place: Place,
    etag: Vec<u8>,
    coding: Option<Vec<u8>>,
    length: Option<u64>,
}

/// The rest of a body as its own fetch brings it.
struct Rest {
    core: Rc<Core>,
    source: Source,
    skip: u64,
    at: u64,
    end: Option<u64>,
    /// Its buffer is on the cache's account, as a window's is.
    _held: Charge,
}

/// What became of a reader that went alone, for its record.
pub struct Story {
    /// In words.
    pub detail: String,
    /// Steps of the second fetch.
    pub notes: Vec<Note>,
}

/// Reads a fill, and the rest alone.
pub struct Reader {
    shared: Option<FillReader<Meta>>,
    spare: Option<Box<Spare>>,
    rest: Option<Box<Rest>>,
    story: Option<Story>,
}

impl Reader {
    /// Of an answer whose head is `fields` and `meta`, for `x`.
    pub fn new(
        core: &Rc<Core>,
        x: &mut Exchange,
        reader: FillReader<Meta>,
        (fields, meta, length): (&Fields, &Meta, Option<u64>),
    ) -> Reader {
        let mut spare = None;
        // nobody falls out of a window that holds the whole
        let may_fall_out = length.is_none_or(|n| n > core.shared.cache.limits().window_bytes);
        if let (true, Some(place), Some(etag)) = (may_fall_out, meta.place, fields.known(Known::Etag)) {
            spare = Some(Box::new(Spare {
                core: core.clone(),
                errand: Errand::of(x, true),
                place,
                etag: etag.to_vec(),
                coding: fields.joined(b"content-encoding"),
                length,
            }));
        }
        Reader { shared: Some(reader), spare, rest: None, story: None }
    }

    /// The shared body, where it is still being read: nobody wants this viewer's any more.
    pub fn into_shared(self) -> Option<FillReader<Meta>> {
        self.shared
    }

    /// Trailer lines, once the body is over. Those of a part may speak of the part, so they are not passed on.
    pub fn trailers(&self) -> Option<Bytes> {
        self.shared.as_ref().and_then(FillReader::trailers)
    }

    /// What there is to tell, once.
    pub fn take_story(&mut self) -> Option<Story> {
        self.story.take()
    }

    /// The next bytes, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CutBody> {
        if let Some(shared) = &mut self.shared {
            match shared.read().await {
                Err(ReadError::FellOut) => self.go_alone().await?,
                read => return read.map_err(|error| CutBody::of_read(&error)),
            }
        }
        match &mut self.rest {
            Some(rest) => rest.next().await,
            None => Err(too_slow("its own fetch was given up".to_owned())),
        }
    }

    async fn go_alone(&mut self) -> Result<(), CutBody> {
        // first of all let go of the shared one: a fill that nobody reads any more need not go on for us
        let Some(shared) = self.shared.take() else { return Ok(()) };
        let (at, (seen_bytes, ended)) = (shared.at(), shared.come());
        drop(shared);
        let Some(spare) = self.spare.take() else {
            return Err(too_slow(format!(
                "it fell behind at byte {at}, and the answer has no strong ETag of its origin's to go on by"
            )));
        };
        let Spare { core, mut errand, place, etag, coding, length } = *spare;
        count(&core.stats.own_fetches);
        let room = core.shared.cache.reserve(READ_BYTES as u64);
        let held = room.unwrap_or_else(|_| core.shared.cache.budget().charge(READ_BYTES as u64));
        errand.note(Step::Fetch, format!("fell out of the shared window at byte {at}: a fetch of its own"));
        errand.resume = Some(Resume { at, etag: etag.clone() });
        let fetched = fetch(&core, &mut errand).await;
        let detail = format!("from byte {at} on by a fetch of its own");
        self.story = Some(Story { detail, notes: errand.notes });
        let fetched = fetched.map_err(|failure| CutBody {
            code: failure.code,
            detail: format!("its own fetch from byte {at} on failed: {}", failure.detail),
        })?;
        let length = length.or(ended);
        let held_bytes = Held { at, etag: &etag, coding: coding.as_deref(), length, seen_bytes };
        let rest = judge(place, &held_bytes, &fetched)
            .map_err(|why| too_slow(format!("its own fetch from byte {at} on is of no use: {why}")))?;
        self.rest = Some(Box::new(Rest {
            core,
            source: fetched.source,
            skip: rest.skip,
            at,
            end: rest.end,
            _held: held,
        }));
        Ok(())
    }
}

fn judge(place: Place, held: &Held<'_>, fetched: &Fetched) -> Result<resume::Rest, &'static str> {
    let rest = resume::judge(held, fetched.head.status, &fetched.head.fields, fetched.length)?;
    match fetched.place {
        Some(own) if own == place => Ok(rest),
        Some(_) => Err("it came from another place than the first"),
        None => Err("a function made another answer of it"),
    }
}

impl Rest {
    async fn next(&mut self) -> Result<Option<Bytes>, CutBody> {
        loop {
            let Some(mut piece) = self.source.next().await.map_err(CutBody::of_origin)? else { break };
            add(&self.core.stats.origin_bytes, piece.len() as u64);
            let skipped = self.skip.min(piece.len() as u64);
            let _ = piece.split_to(skipped as usize);
            self.skip -= skipped;
            if piece.is_empty() {
                continue;
            }
            self.at += piece.len() as u64;
            if self.end.is_some_and(|end| self.at > end) {
                return Err(CutBody::plain("length-exceeded"));
            }
            return Ok(Some(piece));
        }
        if self.skip > 0 || self.end.is_some_and(|end| self.at != end) {
            return Err(CutBody::plain("length-missed"));
        }
        Ok(None)
    }
}

fn too_slow(detail: String) -> CutBody {
    CutBody { code: "reader-too-slow".to_owned(), detail }
}
