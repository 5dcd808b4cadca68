//! `Cache-Control`, `Pragma` and the targeted `CDN-Cache-Control`, read into one small struct.

use crate::fields::{Fields, Known};
use crate::list::{delta_s, is_ows, members, trim};
use crate::structured::{self, Bare};

/// What the directives of one message say (RFC 9111 5.2, RFC 5861, RFC 8246). Seconds are capped at 2^31.
///
/// A lifetime that is no number reads as 0: RFC 9111 4.2.1 wants such an answer taken for stale. Of a repeated
/// directive the first counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// There was such a field at all.
    pub present: bool,
    /// `max-age`.
    pub max_age_s: Option<u32>,
    /// `s-maxage`.
    pub s_maxage_s: Option<u32>,
    /// `stale-while-revalidate` (RFC 5861 3).
    pub stale_while_revalidate_s: Option<u32>,
    /// `stale-if-error` (RFC 5861 4); 0 forbids.
    pub stale_if_error_s: Option<u32>,
    /// Request `min-fresh`.
    pub min_fresh_s: Option<u32>,
    /// Request `max-stale`; without a number `u32::MAX`.
    pub max_stale_s: Option<u32>,
    /// `no-cache` for the whole answer.
    pub no_cache: bool,
    /// `no-cache="Name, …"`: see [`named_fields`].
    pub no_cache_fields: bool,
    /// `private` for the whole answer.
    pub private: bool,
    /// `private="Name, …"`: see [`named_fields`].
    pub private_fields: bool,
    /// `no-store`.
    pub no_store: bool,
    /// `no-transform`.
    pub no_transform: bool,
    /// `public`.
    pub public: bool,
    /// `must-revalidate`.
    pub must_revalidate: bool,
    /// `proxy-revalidate`.
    pub proxy_revalidate: bool,
    /// `must-understand`.
    pub must_understand: bool,
    /// `immutable`.
    pub immutable: bool,
    /// Request `only-if-cached`.
    pub only_if_cached: bool,
}

impl CacheControl {
    /// The directives of a response, all lines together.
    pub fn of_response(fields: &Fields) -> CacheControl {
        let mut said = CacheControl::default();
        if fields.has(Known::CacheControl) {
            for line in fields.get_all(b"cache-control") {
                said.read(line);
            }
        }
        said
    }

    /// The directives of a request. `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111 5.4).
    pub fn of_request(fields: &Fields) -> CacheControl {
        let mut asked = CacheControl::of_response(fields);
        if !asked.present && fields.has(Known::Pragma) {
            asked.no_cache =
                fields.get_all(b"pragma").flat_map(members).any(|m| m.eq_ignore_ascii_case(b"no-cache"));
        }
        asked
    }

    /// `CDN-Cache-Control` as a structured dictionary (RFC 9213 2.1).
    ///
    /// `None` when it is absent, empty, no valid dictionary, or gives a directive a value of the wrong type: such a
    /// field is ignored as a whole, and `Cache-Control` counts.
    pub fn targeted(fields: &Fields) -> Option<CacheControl> {
        let text = fields.joined(b"cdn-cache-control")?;
        let entries = structured::dictionary(&text)?;
        if entries.is_empty() {
            return None;
        }
        let mut said = CacheControl { present: true, ..CacheControl::default() };
        for (key, value) in &entries {
            said.take_typed(key, value)?;
        }
        Some(said)
    }

    /// The lifetime a shared cache reads from the directives alone.
    pub fn lifetime_s(&self) -> Option<u32> {
        self.s_maxage_s.or(self.max_age_s)
    }

    /// Stale reuse is forbidden to a shared cache (RFC 9111 4.2.4, 5.2.2.10).
    pub fn forbids_stale(&self) -> bool {
        self.must_revalidate || self.proxy_revalidate || self.no_cache || self.s_maxage_s.is_some()
    }

    fn read(&mut self, line: &[u8]) {
        self.present = true;
        for directive in members(line) {
            let (name, value) = name_and_value(directive);
            self.take(name, value);
        }
    }

    fn take(&mut self, name: &[u8], value: Option<&[u8]>) {
        if let Some(slot) = self.seconds(name) {
            slot.get_or_insert(value.and_then(|v| delta_s(unquoted(v))).unwrap_or(0));
        } else if name.eq_ignore_ascii_case(b"max-stale") {
            let bound = value.map_or(u32::MAX, |v| delta_s(unquoted(v)).unwrap_or(0));
            self.max_stale_s.get_or_insert(bound);
        } else if name.eq_ignore_ascii_case(b"no-cache") {
            match names_some(value) {
                true => self.no_cache_fields = true,
                false => self.no_cache = true,
            }
        } else if name.eq_ignore_ascii_case(b"private") {
            match names_some(value) {
                true => self.private_fields = true,
                false => self.private = true,
            }
        } else if let Some(flag) = self.flag(name) {
            *flag = true;
        }
    }

    /// `None` when the type is not the directive's own.
    fn take_typed(&mut self, key: &[u8], value: &Bare) -> Option<()> {
        if let Some(slot) = self.seconds(key) {
            let Bare::Integer(number) = value else { return None };
            *slot = Some(u64::try_from(*number).ok()?.min(1 << 31) as u32);
            return Some(());
        }
        let flag = match key {
            b"no-cache" => &mut self.no_cache,
            b"private" => &mut self.private,
            _ => match self.flag(key) {
                Some(flag) => flag,
                None => return Some(()), // unknown directives are ignored, whatever their type
            },
        };
        let Bare::Boolean(on) = value else { return None };
        *flag = *on;
        Some(())
    }

    fn seconds(&mut self, name: &[u8]) -> Option<&mut Option<u32>> {
        let slots: [(&[u8], &mut Option<u32>); 5] = [
            (b"max-age", &mut self.max_age_s),
            (b"s-maxage", &mut self.s_maxage_s),
            (b"stale-while-revalidate", &mut self.stale_while_revalidate_s),
            (b"stale-if-error", &mut self.stale_if_error_s),
            (b"min-fresh", &mut self.min_fresh_s),
        ];
        slots.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, slot)| slot)
    }

    fn flag(&mut self, name: &[u8]) -> Option<&mut bool> {
        let flags: [(&[u8], &mut bool); 8] = [
            (b"no-store", &mut self.no_store),
            (b"no-transform", &mut self.no_transform),
            (b"public", &mut self.public),
            (b"must-revalidate", &mut self.must_revalidate),
            (b"proxy-revalidate", &mut self.proxy_revalidate),
            (b"must-understand", &mut self.must_understand),
            (b"immutable", &mut self.immutable),
            (b"only-if-cached", &mut self.only_if_cached),
        ];
        flags.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, flag)| flag)
    }
}

/// Field names that `no-cache="…"` and `private="…"` list: they must not be kept (RFC 9111 5.2.2.4, 5.2.2.7).
pub fn named_fields(fields: &Fields) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    for directive in fields.get_all(b"cache-control").flat_map(members) {
        let (name, value) = name_and_value(directive);
        if !name.eq_ignore_ascii_case(b"no-cache") && !name.eq_ignore_ascii_case(b"private") {
            continue;
        }
        if let Some(value) = value {
            names.extend(members(unquoted(value)).map(<[u8]>::to_ascii_lowercase));
        }
    }
    names
}

/// A directive cut at its first `=`. White space on either side of it is not in the grammar: the value then stands
/// for an invalid one (it keeps the space, or gets one).
fn name_and_value(directive: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', directive) {
        None => (directive, None),
        Some(at) if directive[..at].last().is_some_and(|b| is_ows(*b)) => {
            (trim(&directive[..at]), Some(b" "))
        }
        Some(at) => (&directive[..at], Some(&directive[at + 1..])),
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

fn names_some(value: Option<&[u8]>) -> bool {
    value.is_some_and(|v| members(unquoted(v)).next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn response(lines: &[&str]) -> Fields {
        lines.iter().map(|line| (&b"Cache-Control"[..], line.as_bytes())).collect()
    }

    #[test]
    fn lifetimes() {
        let rows: &[(&[&str], Option<u32>)] = &[
            (&["max-age=3600"], Some(3600)),
            (&["MaX-aGe=3600"], Some(3600)), // freshness-max-age-case-insenstive
            (&["foobar, max-age=3600"], Some(3600)), // -extension
            (&["max-age=003600"], Some(3600)), // -leading-zero
            (&["max-age=\"3600\""], Some(3600)), // -quoted
            (&["extension=\"max-age=3600\", max-age=1"], Some(1)), // -ignore-quoted
            (&["max-age=1, extension=\"max-age=3600\""], Some(1)), // -ignore-quoted-rev
            (&["max-age='3600'"], Some(0)),  // -single-quoted
            (&["max-age=-3600"], Some(0)),   // -negative
            (&["max-age=3600.0"], Some(0)),  // -decimal-zero
            (&["max-age=a3600"], Some(0)),   // -a100
            (&["max-age=3600a"], Some(0)),   // -100a
            (&["max-age =3600"], Some(0)),   // -space-before-equals
            (&["max-age= 3600"], Some(0)),   // -space-after-equals
            (&["max-age"], Some(0)),
            (&["max-age=99999999999"], Some(1 << 31)),  // -max-plus
            (&["max-age=1800, max-age=1"], Some(1800)), // first of two (RFC 9111 4.2.1)
            (&["max-age=1", "max-age=1800"], Some(1)),
            (&["max-age=3600", "s-maxage=1"], Some(1)), // s-maxage-shared-longer-multiple
            (&["public"], None),
            (&[], None),
        ];
        for (lines, expected) in rows {
            assert_eq!(CacheControl::of_response(&response(lines)).lifetime_s(), *expected, "{lines:?}");
        }
    }

    #[test]
    fn flags_and_named_fields() {
        let said = CacheControl::of_response(&response(&[
            "No-StOrE, private=\"x\"",
            "no-cache=\"A, b\", must-revalidate",
        ]));
        assert!(said.no_store && said.must_revalidate && said.private_fields && said.no_cache_fields);
        assert!(!said.private && !said.no_cache);
        let names = named_fields(&response(&["private=\"x\"", "no-cache=\"A, b\", max-age=1"]));
        assert_eq!(names, [b"x".to_vec(), b"a".to_vec(), b"b".to_vec()]);
        assert!(CacheControl::of_response(&response(&["private=\"\""])).private);
        assert!(CacheControl::of_response(&response(&["no-store=yes"])).no_store);
    }

    #[test]
    fn requests_know_pragma_only_without_cache_control() {
        let pragma: Fields = [(&b"Pragma"[..], &b"x, no-cache"[..])].into_iter().collect();
        assert!(CacheControl::of_request(&pragma).no_cache);
        let both: Fields =
            [(&b"Pragma"[..], &b"no-cache"[..]), (b"Cache-Control", b"max-stale")].into_iter().collect();
        let asked = CacheControl::of_request(&both);
        assert!(!asked.no_cache);
        assert_eq!(asked.max_stale_s, Some(u32::MAX));
    }

    #[test]
    fn targeted_fields_are_typed_or_ignored() {
        let rows: &[(&[&str], Option<Option<u32>>)] = &[
            (&["max-age=3600"], Some(Some(3600))),
            (&["max-age=99999999999"], Some(Some(1 << 31))), // cdn-max-age-max-plus
            (&["foobar, max-age=3600"], Some(Some(3600))),   // cdn-max-age-extension
            (&["max-age=1", "max-age=2"], Some(Some(2))),    // the last of equal keys (RFC 9651 4.2.2)
            (&["max-age=10000, &&&&&"], None),               // cdn-cc-invalid-sh-type-unknown
            (&["max-age=\"10000\""], None),                  // cdn-cc-invalid-sh-type-wrong
            (&["max-age =100"], None),                       // cdn-max-age-space-before-equals
            (&["max-age= 100"], None),                       // cdn-max-age-space-after-equals
            (&["MaX-aGe=3600"], None),                       // keys are lower-case
            (&["max-age=-1"], None),
            (&["no-store=1"], None),
            (&["no-store"], Some(None)),
            (&[""], None),
            (&[], None),
        ];
        for (lines, expected) in rows {
            let fields: Fields = lines.iter().map(|l| (&b"CDN-Cache-Control"[..], l.as_bytes())).collect();
            assert_eq!(CacheControl::targeted(&fields).map(|said| said.lifetime_s()), *expected, "{lines:?}");
        }
        let off: Fields = [(&b"CDN-Cache-Control"[..], &b"no-store=?0, private"[..])].into_iter().collect();
        let said = CacheControl::targeted(&off).unwrap();
        assert!(said.private && !said.no_store);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            let fields: Fields =
                [(&b"cache-control"[..], &text[..]), (b"cdn-cache-control", &text), (b"pragma", &text)].into_iter().collect();
            let _ = (CacheControl::of_request(&fields), CacheControl::targeted(&fields), named_fields(&fields));
        }
    }
}
