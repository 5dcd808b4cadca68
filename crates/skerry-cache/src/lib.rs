//! Where objects live: the cache of a PoP, without sockets, clock or executor.
//!
//! A walk through the room:
//! [`key`] names a response; [`object`] is one as stored, [`body`] its bytes in pieces that are read while they
//! grow, [`arena`] where large pieces lie so that a socket can send them; [`cache`] finds (`lookup`) or lets a
//! request take part in fetching (`lookup_or_join`, whose question and answers are in [`lookup`]); [`fill`] is a response on its way, [`writer`] its writing end, [`fate`] what became of it; [`purge`] says what
//! a purge is, [`log`] keeps them and is asked on a hit, `journal` is their bytes on disk, [`labels`] what they
//! match; [`s3fifo`] says who leaves, [`simulate`] runs the same queue over traces; [`budget`] counts every byte,
//! [`limits`] names the limits and the gauges.
//!
//! ```
//! use bytes::Bytes;
//! use skerry_cache::{Ask, Cache, HeadParts, Judged, Keep, LabelParts, Limits, Lookup, Role, hash_key};
//!
//! let cache: Cache<u32> = Cache::new(Limits::of(64 << 20)); // metadata is the engine's; here a status
//! let labels = LabelParts { space: b"d1", host: b"example.org", paths: &[b"/a"], tags: &[] };
//! let key = b"d1|/a";
//! let ask = Ask { hash: hash_key(key), key, labels, now_ms: 0, variant_of: &|_names, _out| {} };
//! let mut scratch = Vec::new();
//!
//! let Lookup::Miss(_, Role::Lead(mut writer, _reader)) =
//!     cache.lookup_or_join(&ask, &mut scratch, &mut |_, _| Judged::Fresh)
//! else { unreachable!("the cache is empty") };
//! let parts =
//!     HeadParts { head: b"HTTP/1.1 200 OK\r\n", meta: 200, vary: b"", variant: b"", labels, body_bytes: Some(2) };
//! writer.set_head(parts, Keep::Store, 0);
//! writer.append(&Bytes::from_static(b"hi"));
//! writer.finish(None)?;
//!
//! let hit = cache.lookup(ask.hash, key, ask.variant_of, &mut scratch);
//! assert_eq!(hit.unwrap().inline_body(), Some(&b"hi"[..]));
//! # Ok::<(), skerry_cache::NotStored>(())
//! ```
//!
//! **Locks, outermost first**: a shard of the index, a fill's stage, the queue, a body, the purge log. Eviction
//! takes queue and shard one after the other, never together.

pub mod arena;
pub mod body;
pub mod budget;
pub mod cache;
pub mod fate;
pub mod fill;
mod index;
mod journal;
pub mod key;
pub mod labels;
pub mod limits;
pub mod log;
pub mod lookup;
pub mod object;
pub mod purge;
pub mod s3fifo;
pub mod simulate;
pub mod writer;

pub use arena::Arena;
pub use body::{Abort, BodyReader, ReadError};
pub use budget::{Budget, Charge, Refused, charged};
pub use cache::Cache;
pub use fate::{Became, Fate};
pub use fill::{Arrival, Course, FillHead, FillReader, Keep, Release, Storing};
pub use key::{Key, hash_key};
pub use labels::{LabelParts, Labels};
pub use limits::{Gauges, Limits};
pub use log::PurgeLog;
pub use lookup::{Ask, Judged, Lookup, MissWhy, Role};
pub use object::{HeadParts, Object};
pub use purge::{Appended, Force, Purge, Replayed, Target, TooLong, Verdict};
pub use writer::{FillWriter, NotStored, Refreshed, Started};
