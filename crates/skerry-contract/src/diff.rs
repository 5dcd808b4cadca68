//! Returned headers against the headers sent: what was added, changed, deleted, and whether it may be.

use crate::finding::{Action, Bench, Code, Violation, breach};
use crate::headers::{Access, allowed, is_framing};
use crate::json::{Json, shown};
use crate::lines::Lines;
use crate::text;
use crate::trigger::Trigger;
use skerry_http::fields::Fields;
use std::borrow::Cow;
use std::collections::HashMap;

/// More lines than a head of 20,480 bytes can hold; bounds the work of judging a result.
const LINES_MAX: usize = 8_192;

/// One name of a returned header map.
pub(crate) struct Entry<'j> {
    /// Lower case.
    pub(crate) name: Cow<'j, str>,
    pub(crate) lines: Vec<Given<'j>>,
}

/// One returned line.
#[derive(Clone, Copy)]
pub(crate) struct Given<'j> {
    key: Option<&'j str>,
    pub(crate) value: &'j str,
}

impl Entry<'_> {
    /// The spelling of a line's name.
    pub(crate) fn spelling(&self, line: &Given) -> Vec<u8> {
        line.key.map_or_else(|| text::title_case(&self.name), |key| key.as_bytes().to_vec())
    }

    /// Names and values that would break a message are refused whatever the level.
    pub(crate) fn check_text(&self) -> Result<(), Violation> {
        if !text::is_token(self.name.as_bytes()) {
            let detail = format!("`{}` is no header name", shown(&self.name));
            return Err(breach(Code::HeaderName, shown(&self.name), detail));
        }
        if !self.lines.iter().all(|line| text::is_field_value(line.value.as_bytes())) {
            let detail = format!("a value of the header {} holds a control character", self.name);
            return Err(breach(Code::HeaderValue, self.name.as_ref(), detail));
        }
        Ok(())
    }
}

/// Read a header map: `{"name": [{"key": …, "value": string or list of strings}]}`.
pub(crate) fn read<'j>(bench: &mut Bench, json: &'j Json, field: &str) -> Result<Vec<Entry<'j>>, Violation> {
    let Some(map) = json.map() else {
        let detail = format!("{field} is {}, not an object", json.kind());
        return Err(breach(Code::FieldType, field, detail));
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(map.len());
    let (mut count, mut mixed_case) = (0, false);
    for (name, lines) in map {
        let mut entry = Entry { name: Cow::Borrowed(name.as_ref()), lines: Vec::new() };
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            mixed_case = true;
            entry.name = Cow::Owned(name.to_ascii_lowercase());
            let detail = format!("the header map spells `{}` with capitals", shown(name));
            bench.remark(breach(Code::HeaderCase, shown(&entry.name), detail), Action::Kept);
        }
        read_lines(bench, &mut entry, lines)?;
        count += entry.lines.len().max(1);
        if count > LINES_MAX {
            let detail = format!("{field} holds more than {LINES_MAX} lines");
            return Err(breach(Code::HeadersMany, field, detail));
        }
        entries.push(entry);
    }
    Ok(if mixed_case { merge(entries) } else { entries })
}

fn read_lines<'j>(bench: &mut Bench, entry: &mut Entry<'j>, lines: &'j Json) -> Result<(), Violation> {
    let wrong = |name: &str, kind: &str| {
        let name = shown(name);
        let detail = format!("the header {name} is {kind}; a list of objects with a `value` is due");
        breach(Code::HeaderValue, name, detail)
    };
    let Json::List(items) = lines else { return Err(wrong(&entry.name, lines.kind())) };
    entry.lines.reserve_exact(items.len());
    for item in items {
        if item.map().is_none() {
            return Err(wrong(&entry.name, item.kind()));
        }
        let mut key = match item.given("key") {
            None => None,
            Some(Json::Text(key)) => Some(key.as_ref()),
            Some(other) => return Err(wrong(&entry.name, other.kind())),
        };
        if let Some(other) = key.filter(|key| !key.eq_ignore_ascii_case(&entry.name)) {
            let detail =
                format!("the header {} has a line with the key `{}`", shown(&entry.name), shown(other));
            if !bench.rule(breach(Code::HeaderKey, shown(&entry.name), detail), Action::Dropped, false)? {
                continue;
            }
            key = None;
        }
        match item.get("value") {
            Some(Json::Text(value)) => entry.lines.push(Given { key, value }),
            Some(Json::List(values)) => {
                for value in values {
                    let value = value.text().ok_or_else(|| wrong(&entry.name, value.kind()))?;
                    entry.lines.push(Given { key, value });
                }
            }
            Some(other) => return Err(wrong(&entry.name, other.kind())),
            None => return Err(wrong(&entry.name, "without a value")),
        }
    }
    Ok(())
}

/// Names that differ by case alone are one header.
fn merge(entries: Vec<Entry>) -> Vec<Entry> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut merged: Vec<Entry> = Vec::new();
    for entry in entries {
        match places.get(entry.name.as_ref()) {
            Some(&at) => merged[at].lines.extend(entry.lines),
            None => {
                places.insert(entry.name.to_string(), merged.len());
                merged.push(entry);
            }
        }
    }
    merged
}

/// What becomes of the lines of one name.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// Not in the result.
    Absent,
    /// The raw lines go on.
    Keep,
    /// The lines of that entry take their place.
    Replace(usize),
}

/// Compare a returned header map with `sent`; `None` when nothing changes.
pub(crate) fn diff(
    bench: &mut Bench,
    trigger: Trigger,
    headers: &Json,
    sent: &Fields,
    field: &str,
) -> Result<Option<Fields>, Violation> {
    let entries = read(bench, headers, field)?;
    let lines = Lines::of(sent, trigger);
    let mut fates = vec![Fate::Absent; lines.all.len()];
    let mut added: Vec<usize> = Vec::new();
    let mut changed = false;
    for (at, entry) in entries.iter().enumerate() {
        if entry.lines.is_empty() {
            continue; // an empty list deletes, as leaving the name out does
        }
        let head = lines.find(entry.name.as_bytes());
        let take = judge(bench, trigger, entry, &lines, head)?;
        changed |= take;
        match head {
            Some(head) => fates[head] = if take { Fate::Replace(at) } else { Fate::Keep },
            None if take => added.push(at),
            None => {}
        }
    }
    for (at, fate) in fates.iter_mut().enumerate() {
        if lines.all[at].head == at && *fate == Fate::Absent {
            match may_go(bench, trigger, &lines, at)? {
                true => changed = true,
                false => *fate = Fate::Keep,
            }
        }
    }
    Ok(changed.then(|| assemble(&lines, &fates, &entries, &added)))
}

/// Does what the function returned for one name go on?
fn judge(
    bench: &mut Bench,
    trigger: Trigger,
    entry: &Entry,
    lines: &Lines,
    head: Option<usize>,
) -> Result<bool, Violation> {
    let name = entry.name.as_ref();
    let access = head.map_or_else(|| allowed(trigger, name.as_bytes()), |at| lines.all[at].access);
    // a header that the function could not see counts as added, whatever lies beneath
    let seen = head.filter(|_| access != Access::Disallowed);
    if let Some(at) = seen {
        let same_values = lines.chain(at).count() == entry.lines.len()
            && lines
                .chain(at)
                .zip(&entry.lines)
                .all(|(line, given)| text::is_text_of(given.value, line.value));
        let same_names = lines
            .chain(at)
            .zip(&entry.lines)
            .all(|(line, given)| given.key.is_none_or(|key| key.as_bytes() == line.name));
        if same_values && (same_names || access == Access::ReadOnly) {
            return Ok(false);
        }
    }
    entry.check_text()?;
    let framing = is_framing(name.as_bytes());
    let (verb, undo) =
        if seen.is_some() { ("changed", Action::Restored) } else { ("added", Action::Dropped) };
    let take = match access {
        Access::Disallowed => {
            let detail = format!("the header {name} may not be set by a function (at {})", trigger.name());
            bench.rule(breach(Code::HeaderDisallowed, name, detail), Action::Dropped, framing)?
        }
        Access::ReadOnly => {
            let detail = format!("the read-only header {name} was {verb} at {}", trigger.name());
            bench.rule(breach(Code::HeaderReadOnly, name, detail), undo, framing)?
        }
        Access::AddRefused if seen.is_none() => {
            let detail = format!("the header {name} may be changed but not added at {}", trigger.name());
            bench.rule(breach(Code::HeaderAddRefused, name, detail), Action::Dropped, framing)?
        }
        _ if framing => {
            let detail = format!("the header {name} was {verb}; the sender of a message sets it");
            bench.remark(breach(Code::HeaderFraming, name, detail), undo);
            false
        }
        _ => true,
    };
    if take && name == "host" && trigger.is_request() {
        check_host(entry)?;
    }
    Ok(take)
}

/// RFC 9112 3.2: exactly one Host, and nothing in it that could end the line, the authority or the key early.
fn check_host(entry: &Entry) -> Result<(), Violation> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]%".contains(&b);
    match entry.lines.as_slice() {
        [one] if !one.value.is_empty() && one.value.bytes().all(fits) => Ok(()),
        [one] => Err(breach(Code::Host, "host", format!("`{}` is no host name", shown(one.value)))),
        many => Err(breach(Code::Host, "host", format!("there are {} host lines", many.len()))),
    }
}

/// May the header whose first line is `at`, missing in the result, go?
fn may_go(bench: &mut Bench, trigger: Trigger, lines: &Lines, at: usize) -> Result<bool, Violation> {
    let line = &lines.all[at];
    let name = String::from_utf8_lossy(line.name).to_ascii_lowercase();
    // without Host a request is malformed (RFC 9112 3.2), so its loss is undone like a change of framing
    let framing = is_framing(line.name) || name == "host";
    match line.access {
        Access::Disallowed => Ok(false), // never shown, so never deleted
        Access::ReadOnly => {
            let detail = format!("the read-only header {name} was deleted at {}", trigger.name());
            bench.rule(breach(Code::HeaderReadOnly, name, detail), Action::Restored, framing)
        }
        _ if is_framing(line.name) => {
            let detail = format!("the header {name} was deleted; the sender of a message sets it");
            bench.remark(breach(Code::HeaderFraming, name, detail), Action::Restored);
            Ok(false)
        }
        _ => Ok(true),
    }
}

/// The new list: raw lines where they were, replaced ones in the place of the first, added ones at the end.
fn assemble(lines: &Lines, fates: &[Fate], entries: &[Entry], added: &[usize]) -> Fields {
    let mut fields = Fields::new();
    for (at, line) in lines.all.iter().enumerate() {
        match fates[line.head] {
            Fate::Keep => fields.push(line.name, line.value),
            Fate::Replace(entry) if line.head == at => {
                for given in &entries[entry].lines {
                    // a line that was left alone keeps the bytes that came
                    let raw =
                        lines.chain(at).find(|l| text::is_text_of(given.value, l.value)).map(|l| l.value);
                    let value = raw.unwrap_or_else(|| trimmed(given.value));
                    fields.push(&entries[entry].spelling(given), value);
                }
            }
            Fate::Replace(_) | Fate::Absent => {}
        }
    }
    for &entry in added {
        for given in &entries[entry].lines {
            fields.push(&entries[entry].spelling(given), trimmed(given.value));
        }
    }
    fields
}

/// RFC 9110 5.5: white space around a value is not part of it.
pub(crate) fn trimmed(value: &str) -> &[u8] {
    value.trim_matches([' ', '\t']).as_bytes()
}
