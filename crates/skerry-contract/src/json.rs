//! A function's result as a tree that borrows from the bytes it came in.
//!
//! `serde_json` reads the text (its own bound of 128 levels keeps nesting harmless; NaN and infinities are no JSON to it);
//! this tree adds that no key comes twice, since two readers could then see two results, and a bound on the values.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

/// Values in one result. The largest head fills a few ten thousand; megabytes of `[],[],…` would fill the memory.
const VALUES_MAX: u32 = 65_536;

/// A JSON value.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// A whole number; any other is `Float`.
    Int(i64),
    Float,
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Map(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Why bytes are no result.
#[derive(Debug)]
pub(crate) enum Unreadable {
    NotJson(String),
    DuplicateKey(String),
    TooMany,
}

impl<'a> Json<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Json<'a>, Unreadable> {
        let left = Cell::new(VALUES_MAX);
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let read = Tree { left: &left }.deserialize(&mut reader);
        read.and_then(|tree| reader.end().map(|()| tree)).map_err(|error| match error.classify() {
            // the tree takes any value, so the only complaints about data are our own
            serde_json::error::Category::Data if left.get() == 0 => Unreadable::TooMany,
            serde_json::error::Category::Data => Unreadable::DuplicateKey(error.to_string()),
            _ => Unreadable::NotJson(error.to_string()),
        })
    }

    /// The member of that name, when this is an object that has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        match self {
            Json::Map(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// As [`Json::get`], with `null` taken as absent.
    pub(crate) fn given(&self, name: &str) -> Option<&Json<'a>> {
        self.get(name).filter(|value| !matches!(value, Json::Null))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn map(&self) -> Option<&[(Cow<'a, str>, Json<'a>)]> {
        match self {
            Json::Map(members) => Some(members),
            _ => None,
        }
    }

    /// What it is, for a sentence.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Int(_) | Json::Float => "a number",
            Json::Text(_) => "a string",
            Json::List(_) => "a list",
            Json::Map(_) => "an object",
        }
    }
}

/// Reads a value, and counts it.
#[derive(Clone, Copy)]
struct Tree<'c> {
    left: &'c Cell<u32>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json<'de>, D::Error> {
        match self.left.get().checked_sub(1) {
            Some(left @ 1..) => self.left.set(left),
            _ => {
                self.left.set(0);
                return Err(D::Error::custom("too many values"));
            }
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(value).map_or(Json::Float, Json::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float)
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Json<'de>, S::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Json<'de>, M::Error> {
        let mut map: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(Key(key)) = members.next_key()? {
            map.push((key, members.next_value_seed(self)?));
        }
        match duplicate(&map) {
            Some(key) => Err(M::Error::custom(format_args!("the key `{}` comes twice", shown(key)))),
            None => Ok(Json::Map(map)),
        }
    }
}

/// A key that comes twice. Small objects are compared pair by pair, large ones sorted.
fn duplicate<'m>(map: &'m [(Cow<str>, Json)]) -> Option<&'m str> {
    if map.len() <= 24 {
        return map.iter().enumerate().find_map(|(at, (key, _))| {
            map[..at].iter().any(|(other, _)| other == key).then_some(key.as_ref())
        });
    }
    let mut keys: Vec<&str> = map.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// A name or value as it may stand in a message: bounded, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        out.push('…');
    }
    out
}

struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(value.to_owned()))
            }
        }
        from.deserialize_str(Text).map(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found() {
        let json = Json::read(br#"{"a":1,"b":[true,null,"x\n",1.5,{}]}"#).unwrap();
        assert!(matches!(json.get("a"), Some(Json::Int(1))));
        let Some(Json::List(items)) = json.get("b") else { panic!("b is a list") };
        let kinds: Vec<_> = items.iter().map(Json::kind).collect();
        assert_eq!(kinds, ["a boolean", "null", "a string", "a number", "an object"]);
        assert!(json.get("c").is_none());
        assert!(Json::read(br#"{"n":null}"#).unwrap().given("n").is_none());
    }

    #[test]
    fn what_is_no_result() {
        let deep = [b"[".repeat(500), b"]".repeat(500)].concat();
        let many: String = (0..40).map(|i| format!("\"k{i}\":0,")).collect();
        let many = format!("{{{many}\"k3\":1}}");
        let rows: &[(&[u8], bool)] = &[
            (b"", false),
            (b"{", false),
            (b"{} {}", false),
            (br#"{"a":NaN}"#, false),
            (br#"{"a":1e999}"#, false),
            (b"\"\xff\"", false),
            (br#""\ud800""#, false),
            (&deep, false),
            (br#"{"a":1,"a":1}"#, true),
            (br#"{"a":1,"\u0061":1}"#, true),
            (many.as_bytes(), true),
        ];
        for (bytes, twice) in rows {
            match Json::read(bytes) {
                Err(Unreadable::DuplicateKey(_)) => assert!(*twice, "{}", String::from_utf8_lossy(bytes)),
                Err(Unreadable::TooMany) => panic!("few values"),
                Err(Unreadable::NotJson(_)) => assert!(!*twice, "{}", String::from_utf8_lossy(bytes)),
                Ok(_) => panic!("read {}", String::from_utf8_lossy(bytes)),
            }
        }
    }

    #[test]
    fn values_are_bounded() {
        let list = |n: usize| format!("[{}0]", "[],".repeat(n - 2)).into_bytes(); // n values with the list itself
        assert!(Json::read(&list(VALUES_MAX as usize - 1)).is_ok());
        assert!(matches!(Json::read(&list(VALUES_MAX as usize)), Err(Unreadable::TooMany)));
    }

    #[test]
    fn shown_text_is_short_and_harmless() {
        assert_eq!(shown("a\r\nb"), "a\\r\\nb");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 81);
    }
}
