//! Session tickets that every engine of a project can open, also after a restart.
//!
//! The keys come from a file that `skerry.trust` writes and rotates: a line a key, newest first, `name key made_s`
//! (16 bytes, 32 bytes for AES-256-GCM, both in hex, seconds since 1970). The first key seals, every key opens.
//! A ticket is the key's name, a nonce, and the sealed session; the name is authenticated with it.

use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;

/// The file's name in `tls_dir`.
pub const FILE: &str = "tickets";
/// A day: with keys exchanged every twelve hours and kept for a day and a half, each ticket meets its key as long
/// as it lives.
const LIFETIME_S: u32 = 86_400;
const NAME_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

struct Key {
    name: [u8; NAME_BYTES],
    key: LessSafeKey,
}

/// The keys in force.
pub struct Tickets {
    keys: Vec<Key>,
    random: SystemRandom,
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tickets({} keys)", self.keys.len()) // keys are never shown
    }
}

impl Tickets {
    /// Those of a folder's file. Without one a key is made up: sessions then end with this engine.
    pub fn load(folder: &Path) -> Result<Tickets, String> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Tickets::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// From the file's text. A damaged line is left out, as its writer does: its tickets cost a full handshake, no more.
    pub fn parse(text: &str) -> Result<Tickets, String> {
        let random = SystemRandom::new();
        let mut keys: Vec<Key> = text.lines().filter_map(parse_line).collect();
        if keys.is_empty() {
            let (mut name, mut bytes) = ([0; NAME_BYTES], [0; KEY_BYTES]);
            let filled = random.fill(&mut name).and_then(|()| random.fill(&mut bytes));
            filled.map_err(|_| "no random bytes can be had for a ticket key".to_owned())?;
            keys.extend(key(name, &bytes));
        }
        Ok(Tickets { keys, random })
    }
}

fn parse_line(line: &str) -> Option<Key> {
    let mut words = line.split_whitespace();
    let (name, bytes, _made_s) = (words.next()?, words.next()?, words.next()?.parse::<u64>().ok()?);
    if words.next().is_some() {
        return None;
    }
    key(unhex(name)?, &unhex::<KEY_BYTES>(bytes)?)
}

fn key(name: [u8; NAME_BYTES], bytes: &[u8; KEY_BYTES]) -> Option<Key> {
    let unbound = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
    Some(Key { name, key: LessSafeKey::new(unbound) })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    let mut out = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks(2)) {
        let digit = |c: u8| char::from(c).to_digit(16).map(|d| d as u8);
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        !self.keys.is_empty()
    }

    fn lifetime(&self) -> u32 {
        LIFETIME_S
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let Key { name, key } = self.keys.first()?;
        // 96 random bits: by the time that two of a key's nonces may be equal (2^32 tickets), twelve hours are over
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut sealed)
            .ok()?;
        Some([&name[..], &nonce, &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(NAME_BYTES)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let Key { name, key } = self.keys.iter().find(|k| k.name == name)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        let bytes = key.open_in_place(nonce, Aad::from(name), &mut plain).ok()?.len();
        plain.truncate(bytes);
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fill: &str) -> String {
        format!("{} {} 1700000000\n", fill.repeat(NAME_BYTES), fill.repeat(KEY_BYTES))
    }

    #[test]
    fn a_ticket_opens_where_its_key_is_known_and_nowhere_else() {
        let old = Tickets::parse(&line("aa")).unwrap();
        let rotated = Tickets::parse(&(line("bb") + &line("aa"))).unwrap();
        let other = Tickets::parse(&line("cc")).unwrap();
        let ticket = old.encrypt(b"session").unwrap();
        assert_eq!(rotated.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(other.decrypt(&ticket), None);
        assert_eq!(old.decrypt(&rotated.encrypt(b"newer").unwrap()), None);
        assert_ne!(ticket, old.encrypt(b"session").unwrap());
    }

    #[test]
    fn no_byte_of_a_ticket_may_change_and_none_may_be_missing() {
        let keys = Tickets::parse(&line("aa")).unwrap();
        let ticket = keys.encrypt(b"session").unwrap();
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(keys.decrypt(&changed), None, "byte {at}");
            assert_eq!(keys.decrypt(&ticket[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn damaged_lines_are_left_out() {
        let text = format!("x y z\n{} 12\n\n{}", "aa".repeat(16), line("dd"));
        assert_eq!(Tickets::parse(&text).unwrap().keys.len(), 1);
        assert_eq!(Tickets::parse(&text).unwrap().keys[0].name, [0xdd; NAME_BYTES]);
        // without any, one is made up that no other engine has
        let (a, b) = (Tickets::parse("").unwrap(), Tickets::parse("").unwrap());
        assert_eq!(b.decrypt(&a.encrypt(b"x").unwrap()), None);
        assert!(a.enabled() && !format!("{a:?}").contains("aa"));
    }
}
