//! `record`: what is known of a request, written down once, also when the viewer has left.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use skerry_cache::Fate;
use skerry_contract::Trigger;
use skerry_http::fields::Known;
use skerry_http::head::{RequestHead, Version};
use skerry_http::range;
use skerry_http::reason::Reason;

use crate::core::Core;
use crate::exchange::{Body, CutBody, Exchange, Peer, Response};
use crate::reason;
use crate::record::{Note, Outcome, RequestId, View};
use crate::snapshot::Live;
use crate::stats::{Up, add, count};

/// Owned facts of a request; dropping it writes the record.
pub struct Ledger {
    core: Rc<Core>,
    live: Arc<Live>,
    peer: Rc<Peer>,
    id: RequestId,
    begun: Instant,
    begun_unix_ms: u64,
    place: Option<(usize, usize)>,
    version: Version,
    method: Vec<u8>,
    authority: Vec<u8>,
    target: Vec<u8>,
    referer: Vec<u8>,
    user_agent: Vec<u8>,
    forwarded_for: Vec<u8>,
    /// Status sent; 0 until a head is on its way.
    pub status: u16,
    /// Bytes written to the viewer.
    pub bytes_out: u64,
    /// Bytes read from it.
    pub bytes_in: u64,
    first_byte_us: u64,
    outcome: Outcome,
    response_outcome: Outcome,
    /// A function made the answer on the way to the origin; the answer came out of the store.
    is_made_on_miss: bool,
    is_from_store: bool,
    reason: String,
    step: &'static str,
    content_type: Vec<u8>,
    content_bytes: Option<u64>,
    range: Option<(u64, u64)>,
    age_s: Option<u32>,
    ttl_s: Option<i64>,
    /// Hash of the key.
    pub key_hash: u64,
    origin: Option<Arc<str>>,
    origin_us: u64,
    detail: String,
    fate: Option<Arc<Fate>>,
    is_cut: bool,
    trace: Vec<Note>,
    _active: Up,
}

impl Ledger {
    /// Opened when a head is there.
    pub fn open(
        core: &Rc<Core>,
        live: &Arc<Live>,
        peer: &Rc<Peer>,
        head: &RequestHead,
        id: RequestId,
        begun: Instant,
    ) -> Self {
        let own = |name: Known| head.fields.known(name).unwrap_or(b"").to_vec();
        count(&core.stats.requests);
        Ledger {
            core: core.clone(),
            live: live.clone(),
            peer: peer.clone(),
            id,
            begun,
            begun_unix_ms: core.clock.unix_ms(),
            place: None,
            version: head.version,
            method: head.method_text.clone(),
            authority: head.authority.clone(),
            target: head.target.clone(),
            referer: own(Known::Referer),
            user_agent: own(Known::UserAgent),
            forwarded_for: own(Known::XForwardedFor),
            status: 0,
            bytes_out: 0,
            bytes_in: 0,
            first_byte_us: 0,
            outcome: Outcome::Error,
            response_outcome: Outcome::Error,
            is_made_on_miss: false,
            is_from_store: false,
            reason: String::new(),
            step: "parse",
            content_type: Vec::new(),
            content_bytes: None,
            range: None,
            age_s: None,
            ttl_s: None,
            key_hash: 0,
            origin: None,
            origin_us: 0,
            detail: String::new(),
            fate: None,
            is_cut: false,
            trace: Vec::new(),
            _active: Up::new(&core.stats, |s| &s.requests_active),
        }
    }

    /// The answer is known and its head about to go out.
    pub fn answer(&mut self, x: Option<&mut Exchange>, response: &Response) {
        self.status = response.status;
        self.first_byte_us = self.begun.elapsed().as_micros() as u64;
        self.outcome = response.outcome;
        self.response_outcome = response.outcome;
        self.is_made_on_miss = response.generated == Some(Trigger::OriginRequest) && !response.cache.hit;
        self.is_from_store = response.cache.hit;
        self.reason =
            response.failure.as_ref().map_or_else(|| response.cache.reason.to_owned(), |f| f.code.clone());
        self.detail = response.failure.as_ref().map_or_else(String::new, |f| f.detail.clone());
        self.step = response.step.name();
        self.content_type = response.fields.known(Known::ContentType).unwrap_or(b"").to_vec();
        self.content_bytes = response.length;
        self.range = response.fields.get(b"content-range").and_then(range::bounds);
        self.age_s = response.cache.age_s;
        self.ttl_s = response.cache.ttl_s;
        if let Some(x) = x {
            self.follow(x);
        }
        let stats = &self.core.stats;
        let cache = &response.cache;
        match response.outcome {
            Outcome::Hit if cache.stale => count(&stats.stale_hits),
            Outcome::Hit => count(&stats.hits),
            Outcome::RefreshHit => count(&stats.refresh_hits),
            Outcome::Redirect => count(&stats.redirects),
            Outcome::Miss => count(&stats.misses),
            Outcome::LambdaGenerated => {}
            _ => count(&stats.errors),
        }
    }

    fn follow(&mut self, x: &mut Exchange) {
        if x.site < x.live.sites.len() {
            self.place = Some((x.site, x.behavior));
        }
        self.key_hash = x.key_hash;
        self.origin = x.origin.clone();
        self.origin_us = x.origin_us;
        self.fate = x.fate.take();
        self.trace = std::mem::take(&mut x.trace);
    }

    /// The viewer left before there was an answer: status 0, which the standard log writes as `000` (row 72).
    pub fn leave(&mut self, x: &mut Exchange) {
        self.follow(x);
        self.step = self.trace.last().map_or(self.step, |note| note.step);
        self.cut("viewer-left");
        count(&self.core.stats.errors);
    }

    /// The body is through, or cut: where its reader went alone on the way, say so. Its head, and `Cache-Status` with
    /// it, had left before.
    pub fn hear(&mut self, body: &mut Body) {
        let Body::Fill(reader) = body else { return };
        let Some(mut story) = reader.take_story() else { return };
        let cut = if self.is_cut { self.trace.pop() } else { None };
        self.trace.append(&mut story.notes);
        self.trace.extend(cut);
        if !self.is_cut {
            self.reason = Reason::OwnFetch.name().to_owned();
            self.detail = story.detail;
        }
    }

    /// A body ended early: why.
    pub fn cut(&mut self, code: &str) {
        self.cut_by(&CutBody::plain(code));
    }

    /// `x-edge-detailed-result-type` (row 73).
    fn detailed(&self) -> &'static str {
        match self.outcome.log_word() {
            // the guide: an error response from the cache has no finer word
            "Error" if self.is_from_store => "Error",
            "Error" => reason::detailed(&self.reason),
            "LambdaGeneratedResponse" if self.is_made_on_miss => "MissGeneratedResponse",
            word => word,
        }
    }

    /// A body ended early, and who made it end says how.
    pub fn cut_by(&mut self, cut: &CutBody) {
        self.is_from_store = false; // the viewer or the origin did it
        self.reason.clone_from(&cut.code);
        self.outcome = Outcome::Error;
        self.is_cut = true;
        if !cut.detail.is_empty() {
            self.detail.clone_from(&cut.detail);
        }
        let words = if cut.detail.is_empty() { &cut.code } else { &cut.detail };
        let what = format!("cut after {} bytes: {words}", self.bytes_out);
        self.trace.push(Note { step: "record", at_us: self.begun.elapsed().as_micros() as u64, what });
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let (path, query) = skerry_http::head::split_target(&self.target);
        let site = self.place.map(|(site, _)| &self.live.sites[site]);
        let time_us = self.begun.elapsed().as_micros() as u64;
        let view = View {
            unix_ms: self.begun_unix_ms,
            id: &self.id,
            pop: &self.live.pop_code,
            client_ip: self.peer.ip,
            client_port: self.peer.port,
            is_https: self.peer.is_https,
            tls_protocol: self.peer.tls_protocol,
            tls_cipher: &self.peer.tls_cipher,
            version: self.version,
            method: &self.method,
            authority: &self.authority,
            distribution: site.map_or("-", |s| s.domain.as_str()),
            path,
            query: query.unwrap_or(b""),
            referer: &self.referer,
            user_agent: &self.user_agent,
            forwarded_for: &self.forwarded_for,
            status: self.status,
            bytes_out: self.bytes_out,
            bytes_in: self.bytes_in,
            time_us,
            first_byte_us: self.first_byte_us,
            outcome: self.outcome,
            response_outcome: self.response_outcome,
            detailed: self.detailed(),
            reason: &self.reason,
            step: self.step,
            behavior: match (site, self.place) {
                (Some(site), Some((_, b))) => &site.behaviors[b].pattern_text,
                _ => "-",
            },
            content_type: &self.content_type,
            content_bytes: self.content_bytes,
            range: self.range,
            age_s: self.age_s,
            ttl_s: self.ttl_s,
            key_hash: self.key_hash,
            snapshot: self.live.version,
            origin: self.origin.as_deref().unwrap_or(""),
            origin_us: self.origin_us,
            detail: &self.detail,
            fate: self.fate.as_ref(),
            trace: &self.trace,
        };
        add(&self.core.stats.bytes_out, self.bytes_out);
        add(&self.core.stats.bytes_in, self.bytes_in);
        self.core.stats.edge.note(time_us);
        self.core.record(&view);
    }
}
