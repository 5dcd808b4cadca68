//! The whole cache against a naive model, through any steps.
//!
//! Bodies say which request they answer, so that a byte of another key or of an older version would show.

#![allow(clippy::unwrap_used, clippy::panic)] // a panic in a test's helper is the report

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use skerry_cache::{
    Abort, Ask, Cache, Course, FillReader, FillWriter, Force, HeadParts, Judged, Keep, LabelParts, Limits,
    Lookup, NotStored, Object, Purge, Role, Target, hash_key,
};

/// Paths below `/v/` vary by language; the tag of a path is its last letter.
const PATHS: [&str; 4] = ["/v/a", "/v/b", "/n/a", "/n/b"];
const LANGUAGES: [&str; 3] = ["en", "de", "fr"];

#[derive(Clone, Debug)]
enum Step {
    Get { path: usize, language: usize, stale: bool },
    Head { fill: usize, pass: bool },
    Append { fill: usize },
    Finish { fill: usize },
    Abort { fill: usize },
    Purge { target: usize, path: usize, soft: bool },
    Invalidate { path: usize },
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (path, language, fill) = (0..PATHS.len(), 0..LANGUAGES.len(), 0_usize..4);
    let step = prop_oneof![
        8 => (path.clone(), language, proptest::bool::weighted(0.3))
            .prop_map(|(path, language, stale)| Step::Get { path, language, stale }),
        4 => (fill.clone(), proptest::bool::weighted(0.1)).prop_map(|(fill, pass)| Step::Head { fill, pass }),
        2 => fill.clone().prop_map(|fill| Step::Append { fill }),
        4 => fill.clone().prop_map(|fill| Step::Finish { fill }),
        1 => fill.prop_map(|fill| Step::Abort { fill }),
        1 => (0_usize..5, path.clone(), any::<bool>()).prop_map(|(target, path, soft)| Step::Purge { target, path, soft }),
        1 => path.prop_map(|path| Step::Invalidate { path }),
        1 => Just(Step::Sweep),
    ];
    proptest::collection::vec(step, 1..120)
}

fn varies(path: &str) -> bool {
    path.starts_with("/v/")
}

fn tag(path: &str) -> &str {
    &path[path.len() - 1..]
}

fn variant(path: &str, language: &'static str) -> &'static str {
    if varies(path) { language } else { "" }
}

fn parts<'a>(
    id: u64,
    path: &str,
    language: &'static str,
    paths: &'a [&'a [u8]],
    tags: &'a [&'a [u8]],
) -> HeadParts<'a, u64> {
    let labels = LabelParts { space: b"d", host: b"h", paths, tags };
    let vary: &[u8] = if varies(path) { b"l" } else { b"" };
    HeadParts {
        head: b"head",
        meta: id,
        vary,
        variant: variant(path, language).as_bytes(),
        labels,
        body_bytes: None,
    }
}

struct Open {
    writer: FillWriter<u64>,
    reader: FillReader<u64>,
    path: &'static str,
    language: &'static str,
    id: u64,
    course: Option<Course>,
    is_invalid: bool,
    /// What it revalidates.
    old: Option<Arc<Object<u64>>>,
}

struct Entry {
    id: u64,
    purge_seq: u64,
}

struct Model {
    cache: Cache<u64>,
    open: Vec<Open>,
    joined: Vec<FillReader<u64>>,
    stored: HashMap<(&'static str, &'static str), Entry>,
    purges: Vec<(usize, &'static str, Force)>,
    do_not_wait: HashSet<&'static str>,
}

fn matches(target: usize, aim: &str, path: &str) -> bool {
    match target {
        0 => aim == path,
        1 => path.starts_with(&aim[..3]),
        2 => tag(aim) == tag(path),
        _ => true,
    }
}

impl Model {
    fn new() -> Self {
        let limits = Limits { purge_entries_max: 4, ..Limits::of(16 << 20) };
        Model {
            cache: Cache::new(limits),
            open: Vec::new(),
            joined: Vec::new(),
            stored: HashMap::new(),
            purges: Vec::new(),
            do_not_wait: HashSet::new(),
        }
    }

    fn is_purged(&self, path: &str, since: u64, force: Force) -> bool {
        self.purges[since as usize..].iter().any(|purge| purge.2 == force && matches(purge.0, purge.1, path))
    }

    fn get(&mut self, path: &'static str, language: &'static str, stale: bool) {
        let paths = [path.as_bytes()];
        let labels = LabelParts { space: b"d", host: b"h", paths: &paths, tags: &[] };
        let variant_of = |names: &[u8], out: &mut Vec<u8>| {
            assert_eq!(names, b"l");
            out.extend_from_slice(language.as_bytes());
        };
        let key = path.as_bytes();
        let ask = Ask { hash: hash_key(key), key, labels, now_ms: 0, variant_of: &variant_of };
        let place = (path, variant(path, language));
        let was_stored = self.stored.get(&place).map(|entry| (entry.id, entry.purge_seq));
        let expected = was_stored.filter(|(_, seq)| !self.is_purged(path, *seq, Force::Hard));

        let quick = self.cache.lookup(ask.hash, key, ask.variant_of, &mut Vec::new());
        assert_eq!(quick.map(|object| object.id()), expected.map(|(id, _)| id));
        let mut soft_seen = None;
        let found = self.cache.lookup_or_join(&ask, &mut Vec::new(), &mut |_: &Object<u64>, soft| {
            soft_seen = Some(soft);
            if stale { Judged::Stale } else { Judged::Fresh }
        });
        let mut old = None;
        let role = match found {
            Lookup::Hit(object) => {
                let (id, seq) = expected.unwrap_or_else(|| panic!("a hit on what is not there: {place:?}"));
                assert_eq!((object.id(), *object.meta()), (id, id));
                let text = format!("{path} {language} ");
                let body = object.inline_body().unwrap();
                assert!(!varies(path) || body.starts_with(text.as_bytes()) || body.is_empty());
                assert_eq!(soft_seen, Some(self.is_purged(path, seq, Force::Soft)));
                return;
            }
            Lookup::Stale(object, role) => {
                assert_eq!(Some(object.id()), expected.map(|(id, _)| id));
                old = Some(object);
                role
            }
            Lookup::Miss(_, role) => role,
        };
        if old.is_none() {
            assert!(expected.is_none(), "a miss on what is there: {place:?}");
            self.stored.remove(&place);
        }
        match role {
            Role::Join(reader) => {
                let fill = self.open.iter().find(|open| open.id == reader.fill_id()).unwrap();
                let seq = fill.writer.started().purge_seq();
                assert_eq!(fill.path, path);
                assert!(!fill.is_invalid && fill.course != Some(Course::Passes));
                assert!(!self.is_purged(path, seq, Force::Hard) && !self.is_purged(path, seq, Force::Soft));
                assert!(fill.course.is_none() || place.1 == variant(path, fill.language));
                self.joined.push(reader);
            }
            Role::Lead(writer, reader) => {
                assert!(!self.do_not_wait.contains(path));
                self.begin(path, language, writer, reader, old);
            }
            Role::Alone(writer, reader) => {
                assert!(self.do_not_wait.contains(path));
                self.begin(path, language, writer, reader, old);
            }
        }
    }

    fn begin(
        &mut self,
        path: &'static str,
        language: &'static str,
        writer: FillWriter<u64>,
        reader: FillReader<u64>,
        old: Option<Arc<Object<u64>>>,
    ) {
        assert_eq!(writer.started().purge_seq(), self.purges.len() as u64);
        let id = reader.fill_id();
        self.open.push(Open { writer, reader, path, language, id, course: None, is_invalid: false, old });
    }

    fn head(&mut self, at: usize, pass: bool) {
        let fill = &mut self.open[at];
        if fill.course.is_some() {
            return;
        }
        let paths = [fill.path.as_bytes()];
        let tags = [tag(fill.path).as_bytes()];
        let parts = parts(fill.id, fill.path, fill.language, &paths, &tags);
        let keep = if pass { Keep::Pass { do_not_wait_ms: 1 } } else { Keep::Store };
        let course = fill.writer.set_head(parts, keep, 0);
        fill.course = Some(course);
        match (pass, course) {
            (true, _) => drop(self.do_not_wait.insert(fill.path)),
            (false, Course::Stores) => drop(self.do_not_wait.remove(fill.path)),
            (false, _) => {}
        }
        assert!(!pass || course == Course::Passes);
        let mut storing = HashSet::new();
        for open in self.open.iter().filter(|open| open.course == Some(Course::Stores)) {
            let seq = open.writer.started().purge_seq();
            let is_only =
                storing.insert((open.path, variant(open.path, open.language), seq, open.is_invalid));
            assert!(is_only || open.is_invalid, "two storing fills for one key, variant and purge sequence");
        }
    }

    fn append(&mut self, at: usize) {
        let fill = &mut self.open[at];
        if fill.course.is_some() {
            let text = format!("{} {} {} ", fill.path, fill.language, fill.id);
            fill.writer.append(&Bytes::from(text));
        }
    }

    fn finish(&mut self, at: usize) {
        let Open { writer, reader, path, language, id, course, is_invalid, old } = self.open.swap_remove(at);
        let purge_seq = writer.started().purge_seq();
        let place = (path, variant(path, language));
        let is_purged = self.is_purged(path, purge_seq, Force::Hard);
        let newer = self.stored.get(&place).is_some_and(|entry| entry.id > id);
        let is_refresh = course.is_none() && old.is_some();
        let (outcome, course) = match old.filter(|_| is_refresh) {
            Some(old) => {
                let tags = [tag(path).as_bytes()];
                let refreshed = writer.refresh(&old, parts(id, path, language, &[path.as_bytes()], &tags));
                let outcome = refreshed.not_stored.clone().map_or(Ok(refreshed.object), Err);
                (outcome, Some(Course::Stores))
            }
            None => (writer.finish(None), course),
        };
        match (outcome, course) {
            (Ok(object), Some(Course::Stores)) => {
                assert_eq!(object.id(), id);
                assert!(!is_purged && !newer && !is_invalid, "{is_purged} {newer} {is_invalid}");
                self.stored.insert(place, Entry { id, purge_seq });
            }
            (Err(NotStored::Purged), Some(Course::Stores)) => assert!(is_purged),
            (Err(NotStored::Newer), Some(Course::Stores)) => assert!(newer),
            (Err(NotStored::Invalidated), Some(Course::Stores)) => assert!(is_invalid),
            (Err(NotStored::Passed | NotStored::Newer), Some(Course::Passes)) => {}
            (Err(NotStored::Headless), None) => {}
            (outcome, course) => panic!("{:?} after {course:?}", outcome.err()),
        }
        drop(reader);
    }

    fn purge(&mut self, target: usize, aim: &'static str, soft: bool) {
        let bytes = |text: &str| text.as_bytes().into();
        let kind = match target {
            0 => Target::Path(bytes(aim)),
            1 => Target::Prefix(bytes(&aim[..3])),
            2 => Target::Tag(bytes(tag(aim))),
            3 => Target::Host(bytes("h")),
            _ => Target::All,
        };
        let force = if soft { Force::Soft } else { Force::Hard };
        let appended = self.cache.purge(&Purge { target: kind, force, space: Some(bytes("d")) }).unwrap();
        self.purges.push((target, aim, force));
        assert_eq!(appended.seq, self.purges.len() as u64);
        if self.cache.purges().wants_compaction() {
            self.sweep();
        }
    }

    /// The log forgets here: what is in flight and older counts as purged from now on.
    fn sweep(&mut self) {
        self.cache.sweep();
        let purges = &self.purges;
        self.stored.retain(|(path, _), entry| {
            !purges[entry.purge_seq as usize..].iter().any(|p| p.2 == Force::Hard && matches(p.0, p.1, path))
        });
        let now = self.purges.len() as u64;
        let older = self.open.iter().any(|open| open.writer.started().purge_seq() < now);
        if older {
            // Finish them here, for the model does not forget as the log does.
            let open = std::mem::take(&mut self.open);
            open.into_iter().for_each(|open| open.writer.abort(&Abort::new("test.swept", "")));
        }
    }

    fn invalidate(&mut self, path: &'static str) {
        self.cache.invalidate(hash_key(path.as_bytes()), path.as_bytes());
        self.stored.retain(|(stored, _), _| *stored != path);
        for open in self.open.iter_mut().filter(|open| open.path == path) {
            open.is_invalid = true;
        }
    }

    fn step(&mut self, step: &Step) {
        let count = self.open.len();
        let pick = |fill: usize| (fill < count).then_some(fill);
        match *step {
            Step::Get { path, language, stale } => self.get(PATHS[path], LANGUAGES[language], stale),
            Step::Head { fill, pass } => pick(fill).map_or((), |fill| self.head(fill, pass)),
            Step::Append { fill } => pick(fill).map_or((), |fill| self.append(fill)),
            Step::Finish { fill } => pick(fill).map_or((), |fill| self.finish(fill)),
            Step::Abort { fill } => {
                if let Some(fill) = pick(fill) {
                    self.open.swap_remove(fill).writer.abort(&Abort::new("test.abort", ""));
                }
            }
            Step::Purge { target, path, soft } => self.purge(target, PATHS[path], soft),
            Step::Invalidate { path } => self.invalidate(PATHS[path]),
            Step::Sweep => self.sweep(),
        }
        let gauges = self.cache.gauges();
        assert_eq!(gauges.fills, self.open.len());
        assert!(gauges.used_bytes >= gauges.resident_bytes);
        if self.open.is_empty() && self.joined.is_empty() {
            assert_eq!(gauges.pinned_bytes, 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cache_is_its_model(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
        let Model { cache, open, joined, .. } = model;
        drop((open, joined));
        cache.clear();
        let gauges = cache.gauges();
        prop_assert_eq!((gauges.objects, gauges.used_bytes, gauges.fills), (0, 0, 0));
    }
}

/// Histories on which cache and model once disagreed.
mod history {
    use super::*;

    fn get(path: usize) -> Step {
        Step::Get { path, language: 0, stale: false }
    }

    /// A fill of a key not to wait for was on no list, so an unsafe method's invalidation did not reach it, and what
    /// it had asked for before was stored after.
    #[test]
    fn an_invalidation_reaches_a_fill_that_nobody_waits_for() {
        let (finish, head) = (|fill| Step::Finish { fill }, |fill, pass| Step::Head { fill, pass });
        let asked = [get(0), get(0), get(0), get(0), get(0), get(3), finish(0), get(0), head(0, true)];
        let then =
            [get(2), finish(0), get(2), get(3), Step::Invalidate { path: 3 }, head(2, false), finish(2)];
        let mut model = Model::new();
        for step in asked.iter().chain(&then) {
            model.step(step);
        }
    }
}
