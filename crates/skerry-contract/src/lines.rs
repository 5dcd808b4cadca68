//! The field lines of a message, grouped by name, for the event and for the comparison with it.

use crate::headers::{Access, allowed};
use crate::trigger::Trigger;
use skerry_http::fields::Fields;
use std::cmp::Ordering;

/// No further line of that name.
const END: u32 = u32::MAX;

/// One field line.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) access: Access,
    /// Index of the first line of its name.
    pub(crate) head: usize,
    next: u32,
}

/// All lines in wire order, and a sorted index, so that no message is searched line by line
/// (a 20 KB head can hold thousands of them).
pub(crate) struct Lines<'a> {
    pub(crate) all: Vec<Line<'a>>,
    order: Vec<u32>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(fields: &'a Fields, trigger: Trigger) -> Lines<'a> {
        let mut all: Vec<Line<'a>> = Vec::with_capacity(fields.len());
        for (at, (name, value)) in fields.iter().enumerate() {
            all.push(Line { name, value, access: Access::Exposed, head: at, next: END });
        }
        let mut order: Vec<u32> = (0..all.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| by_name(all[a as usize].name, all[b as usize].name).then(a.cmp(&b)));
        for at in 0..order.len() {
            let i = order[at] as usize;
            let before = at.checked_sub(1).map(|b| order[b] as usize);
            match before {
                Some(b) if all[b].name.eq_ignore_ascii_case(all[i].name) => {
                    all[b].next = i as u32;
                    all[i].head = all[b].head;
                    all[i].access = all[b].access;
                }
                _ => all[i].access = allowed(trigger, all[i].name),
            }
        }
        Lines { all, order }
    }

    /// Index of the first line of that name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        let at = self.order.partition_point(|&i| by_name(self.all[i as usize].name, name) == Ordering::Less);
        let i = *self.order.get(at)? as usize;
        self.all[i].name.eq_ignore_ascii_case(name).then_some(i)
    }

    /// The lines of one name in wire order, beginning with the line `head`.
    pub(crate) fn chain(&self, head: usize) -> impl Iterator<Item = &Line<'a>> {
        let mut at = head as u32;
        std::iter::from_fn(move || {
            let line = self.all.get(at as usize)?; // END lies beyond every message
            at = line.next;
            Some(line)
        })
    }
}

/// By length first: most comparisons then end at once.
fn by_name(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| {
        let lower = |s: &u8| s.to_ascii_lowercase();
        a.iter().map(lower).cmp(b.iter().map(lower))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_wire_order() {
        let fields: Fields = [
            (&b"B"[..], &b"1"[..]),
            (b"a", b"2"),
            (b"b", b"3"),
            (b"Via", b"4"),
            (b"B", b"5"),
            (b"X-Cache", b"6"),
        ]
        .into_iter()
        .collect();
        let lines = Lines::of(&fields, Trigger::ViewerRequest);
        let heads: Vec<usize> = lines.all.iter().map(|l| l.head).collect();
        assert_eq!(heads, [0, 1, 0, 3, 0, 5]);
        let b: Vec<_> = lines.chain(lines.find(b"b").unwrap()).map(|l| l.value).collect();
        assert_eq!(b, [b"1", b"3", b"5"]);
        assert_eq!(lines.all[3].access, Access::ReadOnly);
        assert_eq!(lines.all[5].access, Access::Disallowed);
        assert_eq!(lines.find(b"c"), None);
        assert_eq!(lines.find(b""), None);
    }
}
