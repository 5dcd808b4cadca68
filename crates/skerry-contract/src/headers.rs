//! Which headers a function may see, set, change or delete; read from `rules/headers.toml`.

use crate::trigger::Trigger;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../../src/skerry/rules/headers.toml");

/// What a function may do with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Seen and writable.
    Exposed,
    /// Seen; adding, changing or deleting it is an error.
    ReadOnly,
    /// Seen and writable where it came with the message, but not to be added.
    AddRefused,
    /// Neither seen nor settable.
    Disallowed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    disallowed: Vec<String>,
    framing: Vec<String>,
    origin_custom_denied: Vec<String>,
    read_only: BTreeMap<Trigger, Vec<String>>,
    add_refused: BTreeMap<Trigger, Vec<String>>,
}

const DISALLOWED: u16 = 1;
const FRAMING: u16 = 2;
const CUSTOM_DENIED: u16 = 4;
const READ_ONLY: u16 = 8; // << trigger
const ADD_REFUSED: u16 = 128; // << trigger

/// Power of two, several times the number of names, so that a probe rarely takes a second step.
const SLOTS: usize = 512;

struct Index {
    slots: Vec<Option<(Box<[u8]>, u16)>>,
    prefixes: Vec<(Box<[u8]>, u16)>,
}

impl Index {
    fn build(table: &Table) -> Index {
        let mut index = Index { slots: vec![None; SLOTS], prefixes: Vec::new() };
        let triggers = |of: &BTreeMap<Trigger, Vec<String>>, bit: u16| -> Vec<(String, u16)> {
            of.iter()
                .flat_map(|(t, names)| names.iter().map(move |n| (n.clone(), bit << *t as u16)))
                .collect()
        };
        let plain = |names: &[String], bit: u16| names.iter().map(|n| (n.clone(), bit)).collect::<Vec<_>>();
        let rows = [
            plain(&table.disallowed, DISALLOWED),
            plain(&table.framing, FRAMING),
            plain(&table.origin_custom_denied, CUSTOM_DENIED),
            triggers(&table.read_only, READ_ONLY),
            triggers(&table.add_refused, ADD_REFUSED),
        ];
        for (name, bit) in rows.into_iter().flatten() {
            match name.strip_suffix('*') {
                Some(prefix) => index.prefixes.push((prefix.as_bytes().into(), bit)),
                None => index.put(name.as_bytes(), bit),
            }
        }
        index
    }

    fn put(&mut self, name: &[u8], bit: u16) {
        let mut at = slot(name);
        while let Some((taken, bits)) = &mut self.slots[at] {
            if **taken == *name {
                *bits |= bit;
                return;
            }
            at = (at + 1) % SLOTS;
        }
        self.slots[at] = Some((name.into(), bit));
    }

    fn bits(&self, name: &[u8]) -> u16 {
        let mut at = slot(name);
        let mut bits = 0;
        while let Some((taken, found)) = &self.slots[at] {
            if taken.eq_ignore_ascii_case(name) {
                bits = *found;
                break;
            }
            at = (at + 1) % SLOTS;
        }
        if name.first().is_some_and(|b| b | 0x20 == b'x') {
            for (prefix, bit) in &self.prefixes {
                if name.len() > prefix.len() && name[..prefix.len()].eq_ignore_ascii_case(prefix) {
                    bits |= bit;
                }
            }
        }
        bits
    }
}

/// Four letters tell nearly all names of the table apart; the rest is settled by comparing.
fn slot(name: &[u8]) -> usize {
    let n = name.len();
    if n == 0 {
        return 0;
    }
    let letter = |i: usize| (name[i] | 0x20) as usize;
    let mix = letter(0) * 7 + letter(n - 1) * 31 + letter(n / 2) * 127 + letter(n / 3) * 13 + n * 61;
    mix % SLOTS
}

// The table is part of the program; a test reads it, so a broken one never leaves the workshop.
#[allow(clippy::expect_used)]
static INDEX: LazyLock<Index> =
    LazyLock::new(|| Index::build(&toml::from_str(TABLE).expect("headers.toml is well formed")));

/// What a function at `trigger` may do with the header of that name (any case).
pub fn allowed(trigger: Trigger, name: &[u8]) -> Access {
    let bits = INDEX.bits(name);
    if bits & DISALLOWED != 0 {
        Access::Disallowed
    } else if bits & (READ_ONLY << trigger as u16) != 0 {
        Access::ReadOnly
    } else if bits & (ADD_REFUSED << trigger as u16) != 0 {
        Access::AddRefused
    } else {
        Access::Exposed
    }
}

/// Does the header tell how a message ends, or belong to one connection? Such a header is never taken from a function.
pub fn is_framing(name: &[u8]) -> bool {
    INDEX.bits(name) & FRAMING != 0
}

/// Is the header barred from an origin's custom headers?
pub fn is_custom_denied(name: &[u8]) -> bool {
    INDEX.bits(name) & (CUSTOM_DENIED | DISALLOWED) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_guide() {
        use Access::*;
        use Trigger::*;
        let rows: &[(Trigger, &str, Access)] = &[
            (ViewerRequest, "X-Edge-Location", Disallowed),
            (ViewerResponse, "x-edge-", Exposed), // the pattern wants at least one more letter
            (OriginRequest, "x-amz-cf-id", Disallowed),
            (OriginRequest, "x-amz-date", Exposed),
            (ViewerRequest, "x-forwarded-proto", Disallowed),
            (ViewerRequest, "HOST", ReadOnly),
            (OriginRequest, "host", Exposed),
            (OriginRequest, "Accept-Encoding", ReadOnly),
            (ViewerRequest, "accept-encoding", Exposed),
            (ViewerRequest, "cloudfront-viewer-country", AddRefused),
            (OriginRequest, "cloudfront-viewer-country", Exposed),
            (OriginResponse, "content-length", Exposed),
            (ViewerResponse, "content-length", ReadOnly),
            (ViewerResponse, "warning", ReadOnly),
            (OriginResponse, "", Exposed),
        ];
        for (trigger, name, access) in rows {
            assert_eq!(allowed(*trigger, name.as_bytes()), *access, "{name} at {trigger:?}");
        }
    }

    #[test]
    fn every_name_of_the_table_is_found_again() {
        let table: Table = toml::from_str(TABLE).unwrap();
        let spell = |n: &str| n.replace('*', "z").to_ascii_uppercase().into_bytes();
        for name in &table.disallowed {
            for t in Trigger::ALL {
                assert_eq!(allowed(t, &spell(name)), Access::Disallowed, "{name}");
            }
        }
        for name in &table.framing {
            assert!(is_framing(&spell(name)), "{name}");
        }
        for name in &table.origin_custom_denied {
            assert!(is_custom_denied(&spell(name)), "{name}");
        }
        assert_eq!(table.read_only.len(), 4);
        for (trigger, names) in &table.read_only {
            for name in names {
                assert_eq!(allowed(*trigger, &spell(name)), Access::ReadOnly, "{name} at {trigger:?}");
            }
        }
    }

    #[test]
    fn prefixes_begin_with_x_as_the_lookup_assumes() {
        let table: Table = toml::from_str(TABLE).unwrap();
        let all = table.disallowed.iter().chain(&table.framing).chain(&table.origin_custom_denied);
        assert!(all.filter(|n| n.ends_with('*')).all(|n| n.starts_with('x')));
    }
}
