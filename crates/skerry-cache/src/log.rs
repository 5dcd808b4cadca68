//! Purges as a log with one sequence per PoP.
//!
//! A purge touches no object. It gets a sequence number; each object carries a mark, the number up to which it is
//! known to be unaffected, first set to the number read *before its origin request was sent*. A hit compares the
//! two; only an object that is behind asks the log, then moves its mark. So a purge costs the same over one object
//! and over a million.
//!
//! The log keeps, for each thing purged, the last number of each kind, under a hash of what was purged. A
//! collision can purge something else as well and can never miss: the safe side. Prefixes are found by hashing the
//! path's beginnings at the lengths that occur.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::journal;
use crate::labels::Labels;
use crate::purge::{Appended, Force, PURGE_BYTES_MAX, Purge, Replayed, TooLong, Verdict};

const PATH: u8 = 1;
const PREFIX: u8 = 2;
const TAG: u8 = 3;
const HOST: u8 = 4;
const ALL: u8 = 5;
/// Not a purge's own kind: under a path without its query stand the purges that name one of its queries.
const QUERY: u8 = 6;

#[derive(Clone, Copy, Default)]
struct Latest {
    hard: u64,
    soft: u64,
}

impl Latest {
    fn verdict(self, mark: u64) -> Verdict {
        match (self.hard > mark, self.soft > mark) {
            (true, _) => Verdict::Hard,
            (false, true) => Verdict::Soft,
            (false, false) => Verdict::Untouched,
        }
    }
}

/// The map's keys are hashes already.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[derive(Default)]
struct Rules {
    seq: u64,
    /// Objects with a mark below count as purged: what the log forgot may have been about them.
    floor: u64,
    last_tag: u64,
    last_prefix: u64,
    last_host: u64,
    latest: HashMap<u64, Latest, BuildHasherDefault<Ready>>,
    /// Lengths of the purged prefixes, each with the last number it was purged with.
    prefix_lengths: BTreeMap<usize, u64>,
}

/// The log. Reading takes a shared lock, and only for objects that are behind.
pub struct PurgeLog {
    seq: AtomicU64,
    rules: RwLock<Rules>,
    entries_max: usize,
}

const ANY_SPACE: &[u8] = b"";

fn print_of(kind: u8, space: Option<&[u8]>, value: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[kind, u8::from(space.is_some())]);
    let space = space.unwrap_or(ANY_SPACE);
    hash.update(&(space.len() as u64).to_le_bytes());
    hash.update(space);
    hash.update(value);
    hash.digest()
}

impl Rules {
    fn apply(&mut self, seq: u64, purge: &Purge) {
        let value = purge.target.value();
        let kind = purge.target.kind();
        let latest = self.latest.entry(print_of(kind, purge.space.as_deref(), value)).or_default();
        let slot = match purge.force {
            Force::Hard => &mut latest.hard,
            Force::Soft => &mut latest.soft,
        };
        *slot = seq.max(*slot);
        match kind {
            PREFIX => {
                let length = self.prefix_lengths.entry(value.len()).or_default();
                *length = seq.max(*length);
                self.last_prefix = seq.max(self.last_prefix);
            }
            TAG => self.last_tag = seq.max(self.last_tag),
            HOST => self.last_host = seq.max(self.last_host),
            _ => {}
        }
        if let (PATH | PREFIX, Some(bare)) = (kind, bare_of(value)) {
            let latest = self.latest.entry(print_of(QUERY, None, bare)).or_default();
            latest.hard = seq.max(latest.hard);
        }
        self.seq = seq.max(self.seq);
    }

    fn verdict(&self, mark: u64, labels: &dyn Labels) -> Verdict {
        if mark >= self.seq {
            return Verdict::Untouched;
        }
        if mark < self.floor || (labels.are_tags_unknown() && self.last_tag > mark) {
            return Verdict::Hard;
        }
        let mut worst = Verdict::Untouched;
        let space = labels.space();
        let mut ask = |kind: u8, value: &[u8]| {
            for space in [None, Some(space)] {
                if let Some(latest) = self.latest.get(&print_of(kind, space, value)) {
                    worst = worse(worst, latest.verdict(mark));
                }
            }
        };
        ask(ALL, b"");
        ask(HOST, labels.host());
        labels.each_path(&mut |path| {
            ask(PATH, path);
            if self.last_prefix > mark {
                for (length, last) in self.prefix_lengths.range(..=path.len()) {
                    if *last > mark {
                        ask(PREFIX, &path[..*length]);
                    }
                }
            }
        });
        if self.last_tag > mark {
            labels.each_tag(&mut |tag| ask(TAG, tag));
        }
        worst
    }

    /// Is nothing purged since `mark` about an object with these labels, by whatever host and query it is asked for?
    fn is_clear(&self, mark: u64, labels: &dyn Labels) -> bool {
        if self.verdict(mark, labels) != Verdict::Untouched || self.last_host > mark {
            return false;
        }
        let mut is_clear = true;
        labels.each_path(&mut |path| {
            let bare = bare_of(path).unwrap_or(path);
            let is_after = |latest: &Latest| latest.hard.max(latest.soft) > mark;
            // a purge of the bare path, or of some query of it; longer prefixes of it have a query in them
            for (kind, space) in [(QUERY, None), (PATH, None), (PATH, Some(labels.space()))] {
                is_clear &= !self.latest.get(&print_of(kind, space, bare)).is_some_and(is_after);
            }
        });
        is_clear
    }

    fn forget_up_to(&mut self, floor: u64) {
        self.latest.retain(|_, latest| latest.hard.max(latest.soft) > floor);
        self.latest.shrink_to_fit();
        self.prefix_lengths.retain(|_, last| *last > floor);
        self.floor = floor.max(self.floor);
    }
}

/// A path without its query; `None` where it has none.
fn bare_of(path: &[u8]) -> Option<&[u8]> {
    path.iter().position(|&b| b == b'?').map(|at| &path[..at])
}

fn worse(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::Hard, _) | (_, Verdict::Hard) => Verdict::Hard,
        (Verdict::Soft, _) | (_, Verdict::Soft) => Verdict::Soft,
        _ => Verdict::Untouched,
    }
}

impl PurgeLog {
    /// An empty log that asks for [compaction](PurgeLog::wants_compaction) beyond `entries_max` entries (about 40
    /// bytes each), and forgets at twice as many by itself.
    pub fn new(entries_max: usize) -> Self {
        PurgeLog { seq: AtomicU64::new(0), rules: RwLock::default(), entries_max: entries_max.max(1) }
    }

    /// The last number given out: the position of this PoP.
    pub fn seq(&self) -> u64 {
        self.seq.load(Ordering::Acquire)
    }

    /// Take a purge in. It holds for every lookup that begins after this returns; it is *durable* once the caller
    /// has written and synced the record, and only then may be acknowledged.
    pub fn append(&self, purge: &Purge) -> Result<Appended, TooLong> {
        let bytes = purge.target.value().len() + purge.space.as_ref().map_or(0, |space| space.len());
        if bytes > PURGE_BYTES_MAX {
            return Err(TooLong { bytes });
        }
        let mut rules = self.rules.write();
        let seq = rules.seq + 1;
        rules.apply(seq, purge);
        if rules.latest.len() > 2 * self.entries_max {
            // Nobody compacted: forget all, at the price that every object not looked at since counts as purged.
            rules.forget_up_to(seq);
        }
        self.seq.store(seq, Ordering::Release);
        Ok(Appended { seq, record: journal::encode(seq, purge) })
    }

    /// What has happened since `mark` to an object with these labels, and the number that answer holds up to.
    pub fn verdict(&self, mark: u64, labels: &dyn Labels) -> (Verdict, u64) {
        if mark >= self.seq() {
            return (Verdict::Untouched, mark);
        }
        let rules = self.rules.read();
        (rules.verdict(mark, labels), rules.seq)
    }

    /// Up to which number nothing purged since `mark` is about an object with these labels, *whatever* host and query
    /// of its paths it is asked for; `None` where something may be. For objects that many names share.
    pub fn clear_up_to(&self, mark: u64, labels: &dyn Labels) -> Option<u64> {
        let rules = self.rules.read();
        (mark >= rules.floor && rules.is_clear(mark, labels)).then_some(rules.seq)
    }

    /// Are there so many entries that the cache should be swept and the log compacted?
    pub fn wants_compaction(&self) -> bool {
        self.entry_count() > self.entries_max
    }

    /// How many things the log remembers.
    pub fn entry_count(&self) -> usize {
        self.rules.read().latest.len()
    }

    /// Forget what was purged up to `floor`: every object's mark has passed it (the cache was swept). A fill that
    /// began before is taken for purged when it wants to store.
    pub fn compact(&self, floor: u64) {
        self.rules.write().forget_up_to(floor);
    }

    /// Read a journal at start: whole records in any order; a torn or damaged end is left out and reported.
    /// The sequence goes on from the highest number found.
    pub fn replay(&self, journal: &[u8]) -> Replayed {
        let mut rules = self.rules.write();
        let mut replayed = Replayed { records: 0, whole_bytes: 0 };
        while let Some((record, bytes)) = journal::decode(&journal[replayed.whole_bytes..]) {
            match record {
                journal::Record::Purge(seq, purge) => rules.apply(seq, &purge),
                journal::Record::Position(seq) => {
                    rules.seq = seq.max(rules.seq);
                    rules.forget_up_to(seq);
                }
            }
            replayed.records += 1;
            replayed.whole_bytes += bytes;
        }
        self.seq.store(rules.seq, Ordering::Release);
        replayed
    }

    /// A journal that says the same in one record, for when the old one has grown long: the position alone.
    /// Whatever is older than it counts as purged, so it fits a cache whose objects do not outlive the process.
    pub fn checkpoint(&self) -> Bytes {
        journal::encode_position(self.rules.read().seq)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::labels::{LabelParts, OfRequest, Packed};
    use crate::purge::Target;

    fn purge(target: Target, force: Force, space: Option<&str>) -> Purge {
        Purge { target, force, space: space.map(|space| space.as_bytes().into()) }
    }

    fn of(text: &str) -> Box<[u8]> {
        text.as_bytes().into()
    }

    const LABELS: LabelParts<'_> = LabelParts {
        space: b"d1",
        host: b"example.org",
        paths: &[b"/img/a?x=1", b"/rewritten"],
        tags: &[b"news", b"a"],
    };

    #[test]
    fn a_purge_finds_what_it_names_and_no_more() {
        use Verdict::{Hard, Untouched};
        let rows = [
            (Target::Path(of("/img/a?x=1")), None, Hard),
            (Target::Path(of("/rewritten")), None, Hard),
            (Target::Path(of("/img/a")), None, Untouched), // the query is part of it (CloudFront, row 53)
            (Target::Path(of("/IMG/a?x=1")), None, Untouched),
            (Target::Prefix(of("/img/")), None, Hard),
            (Target::Prefix(of("/img/a?x=1")), None, Hard),
            (Target::Prefix(of("/img/a?x=12")), None, Untouched),
            (Target::Prefix(of("")), None, Hard),
            (Target::Prefix(of("/rew")), Some("d1"), Hard),
            (Target::Prefix(of("/rew")), Some("d2"), Untouched),
            (Target::Tag(of("news")), None, Hard),
            (Target::Tag(of("new")), None, Untouched),
            (Target::Tag(of("/rewritten")), None, Untouched), // kinds do not mix
            (Target::Host(of("example.org")), None, Hard),
            (Target::Host(of("example.com")), None, Untouched),
            (Target::All, None, Hard),
            (Target::All, Some("d1"), Hard),
            (Target::All, Some("d2"), Untouched),
        ];
        for (target, space, expected) in rows {
            let log = PurgeLog::new(100);
            let purge = purge(target, Force::Hard, space);
            let seq = log.append(&purge).unwrap().seq;
            let packed = LABELS.pack();
            assert_eq!(log.verdict(seq - 1, &Packed(&packed)), (expected, seq), "{purge:?}");
            assert_eq!(log.verdict(seq, &Packed(&packed)).0, Untouched, "asked for after: {purge:?}");
        }
    }

    #[test]
    fn hard_outweighs_soft_in_either_order() {
        for forces in [[Force::Hard, Force::Soft], [Force::Soft, Force::Hard]] {
            let log = PurgeLog::new(100);
            for force in forces {
                log.append(&purge(Target::All, force, None)).unwrap();
            }
            assert_eq!(log.verdict(0, &Packed(&LABELS.pack())).0, Verdict::Hard);
        }
        let log = PurgeLog::new(100);
        log.append(&purge(Target::All, Force::Soft, None)).unwrap();
        assert_eq!(log.verdict(0, &Packed(&LABELS.pack())).0, Verdict::Soft);
    }

    #[test]
    fn unknown_tags_count_as_any_tag() {
        let log = PurgeLog::new(100);
        log.append(&purge(Target::Path(of("/other")), Force::Hard, None)).unwrap();
        assert_eq!(log.verdict(0, &OfRequest::before_head(LABELS)).0, Verdict::Untouched);
        let seq = log.append(&purge(Target::Tag(of("any")), Force::Soft, None)).unwrap().seq;
        assert_eq!(log.verdict(0, &OfRequest::before_head(LABELS)).0, Verdict::Hard);
        assert_eq!(log.verdict(seq, &OfRequest::before_head(LABELS)).0, Verdict::Untouched);
    }

    #[test]
    fn what_is_forgotten_counts_as_purged() {
        let log = PurgeLog::new(4);
        for i in 0..5 {
            log.append(&purge(Target::Path(of(&format!("/{i}"))), Force::Hard, None)).unwrap();
        }
        assert!(log.wants_compaction());
        log.compact(3);
        assert_eq!(log.entry_count(), 2);
        assert_eq!(log.verdict(2, &Packed(&LABELS.pack())).0, Verdict::Hard, "below the floor");
        assert_eq!(log.verdict(3, &Packed(&LABELS.pack())).0, Verdict::Untouched);
        for i in 0..20 {
            log.append(&purge(Target::Path(of(&format!("/more/{i}"))), Force::Hard, None)).unwrap();
            assert!(log.entry_count() <= 8, "never more than twice the limit");
        }
        assert_eq!(log.verdict(5, &Packed(&LABELS.pack())).0, Verdict::Hard);
    }

    #[test]
    fn a_checkpoint_holds_the_position() {
        let log = PurgeLog::new(10);
        (0..3).for_each(|_| drop(log.append(&purge(Target::All, Force::Soft, None)).unwrap()));
        let next = PurgeLog::new(10);
        next.replay(&log.checkpoint());
        assert_eq!(next.seq(), 3);
        assert_eq!(next.verdict(2, &Packed(&LABELS.pack())).0, Verdict::Hard);
        assert_eq!(next.append(&purge(Target::All, Force::Soft, None)).unwrap().seq, 4);
    }

    #[test]
    fn a_purge_that_no_journal_could_hold_is_refused() {
        let log = PurgeLog::new(10);
        let long = vec![b'a'; PURGE_BYTES_MAX + 1].into_boxed_slice();
        let refused = log.append(&purge(Target::Path(long), Force::Hard, None)).unwrap_err();
        assert!(refused.to_string().starts_with("cache.purge_too_long"));
        assert_eq!(log.seq(), 0);
    }

    #[test]
    fn clear_is_what_no_name_of_a_path_was_purged_under() {
        let rows = [
            (Target::Path(of("/other")), true),
            (Target::Path(of("/img/ab")), true),
            (Target::Path(of("/img/ab?x=1")), true),
            (Target::Prefix(of("/img/a/")), true),
            (Target::Prefix(of("/imgs")), true),
            (Target::Tag(of("sport")), true),
            (Target::Path(of("/img/a")), false),
            (Target::Path(of("/img/a?x=2")), false),
            (Target::Prefix(of("/img/a?")), false),
            (Target::Prefix(of("/img/a?x=2")), false),
            (Target::Prefix(of("/im")), false),
            (Target::Tag(of("news")), false),
            (Target::Host(of("example.com")), false), // another name of it
            (Target::All, false),
        ];
        for (target, is_clear) in rows {
            let log = PurgeLog::new(100);
            let seq = log.append(&purge(target.clone(), Force::Soft, None)).unwrap().seq;
            let packed = LABELS.pack();
            let clear = log.clear_up_to(seq - 1, &Packed(&packed));
            assert_eq!(clear, is_clear.then_some(seq), "{target:?}");
            assert_eq!(log.clear_up_to(seq, &Packed(&packed)), Some(seq), "asked for after: {target:?}");
            log.compact(seq);
            assert_eq!(log.clear_up_to(seq - 1, &Packed(&packed)), None, "what is forgotten: {target:?}");
        }
    }

    fn any_purge() -> impl Strategy<Value = Purge> {
        let word = "[ab]{0,2}(\\?[ab]{0,2})?".prop_map(|word| word.into_bytes().into_boxed_slice());
        let target = (0..5, word).prop_map(|(kind, word)| match kind {
            0 => Target::Path(word),
            1 => Target::Prefix(word),
            2 => Target::Tag(word),
            3 => Target::Host(word),
            _ => Target::All,
        });
        let force = prop_oneof![Just(Force::Hard), Just(Force::Soft)];
        let space = proptest::option::of("[xy]".prop_map(|space| space.into_bytes().into_boxed_slice()));
        (target, force, space).prop_map(|(target, force, space)| Purge { target, force, space })
    }

    /// The same question, asked of the plain list of purges.
    fn naive(purges: &[Purge], mark: u64, labels: LabelParts<'_>) -> Verdict {
        let matches = |purge: &Purge| {
            purge.space.as_ref().is_none_or(|space| **space == *labels.space)
                && match &purge.target {
                    Target::Path(path) => labels.paths.contains(&&**path),
                    Target::Prefix(prefix) => labels.paths.iter().any(|path| path.starts_with(prefix)),
                    Target::Tag(tag) => labels.tags.contains(&&**tag),
                    Target::Host(host) => **host == *labels.host,
                    Target::All => true,
                }
        };
        let about = purges[mark as usize..].iter().filter(|purge| matches(purge));
        about.fold(Verdict::Untouched, |worst, purge| {
            worse(worst, if purge.force == Force::Hard { Verdict::Hard } else { Verdict::Soft })
        })
    }

    proptest! {
        /// Law: what is clear is untouched under every host and every query.
        #[test]
        fn clear_covers_every_name(
            purges in proptest::collection::vec(any_purge(), 0..6), path in "[ab]{1,2}", first in "(\\?[ab]{0,2})?",
            then in "(\\?[ab]{0,2})?", host in "[ab]{0,3}", space in "[xy]", mark in 0_usize..6,
        ) {
            let log = PurgeLog::new(1000);
            purges.iter().for_each(|purge| drop(log.append(purge).unwrap()));
            let mark = mark.min(purges.len()) as u64;
            let (first, then) = (format!("{path}{first}"), format!("{path}{then}"));
            let own = LabelParts { space: space.as_bytes(), host: b"a", paths: &[first.as_bytes()], tags: &[b"a"] };
            if log.clear_up_to(mark, &Packed(&own.pack())).is_some() {
                let paths = [first.as_bytes(), then.as_bytes(), path.as_bytes()];
                let asked = LabelParts { host: host.as_bytes(), paths: &paths, ..own };
                prop_assert_eq!(naive(&purges, mark, asked), Verdict::Untouched);
            }
        }

        /// Law: the log answers as the plain list does, before and after a replay of its records in any order.
        #[test]
        fn the_log_is_the_list(
            purges in proptest::collection::vec(any_purge(), 0..12),
            path in "[ab]{0,4}", tag in "[ab]{0,3}", host in "[ab]{0,3}", space in "[xy]",
            mark in 0_usize..12, shift in 0_usize..12,
        ) {
            let log = PurgeLog::new(1000);
            let mut records: Vec<Bytes> = purges.iter().map(|purge| log.append(purge).unwrap().record).collect();
            let labels = LabelParts {
                space: space.as_bytes(), host: host.as_bytes(), paths: &[path.as_bytes()], tags: &[tag.as_bytes()],
            };
            let packed = labels.pack();
            let mark = mark.min(purges.len()) as u64;
            let expected = naive(&purges, mark, labels);
            prop_assert_eq!(log.verdict(mark, &Packed(&packed)).0, expected);

            let turn = shift % records.len().max(1);
            records.rotate_left(turn);
            let replayed = PurgeLog::new(1000);
            replayed.replay(&records.concat());
            prop_assert_eq!(replayed.seq(), log.seq());
            prop_assert_eq!(replayed.verdict(mark, &Packed(&packed)).0, expected);
        }
    }
}
