//! Self-signed certificates made on the spot: DER by hand (RFC 5280 4.1), ECDSA on P-256.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use base64::Engine;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..128 => out.push(length as u8),
        128..256 => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(content);
    out
}

const ECDSA_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const EC_KEY: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const ALT_NAMES: &[u8] = &[0x06, 3, 0x55, 0x1d, 0x11];

/// A certificate for those names and its key, both DER.
pub fn make(names: &[&str]) -> (Vec<u8>, Vec<u8>) {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap();
    let algorithm = der(0x30, &[ECDSA_SHA256]);
    let nobody = der(0x30, &[]);
    let validity = der(0x30, &[&der(0x17, &[b"200101000000Z"]), &der(0x18, &[b"20991231235959Z"])]);
    let public = der(0x30, &[&der(0x30, &[EC_KEY, P256]), &der(0x03, &[&[0], pair.public_key().as_ref()])]);
    let general: Vec<Vec<u8>> = names.iter().map(|name| der(0x82, &[name.as_bytes()])).collect();
    let general: Vec<&[u8]> = general.iter().map(Vec::as_slice).collect();
    let mut extensions = Vec::new();
    if !names.is_empty() {
        let extension = der(0x30, &[ALT_NAMES, &der(0x04, &[&der(0x30, &general)])]);
        extensions = der(0xa3, &[&der(0x30, &[&extension])]);
    }
    let version = der(0xa0, &[&[0x02, 1, 2]]);
    let serial = der(0x02, &[&[1], &SERIAL.fetch_add(1, Relaxed).to_be_bytes()]);
    let body = der(0x30, &[&version, &serial, &algorithm, &nobody, &validity, &nobody, &public, &extensions]);
    let signature = pair.sign(&random, &body).unwrap();
    (der(0x30, &[&body, &algorithm, &der(0x03, &[&[0], signature.as_ref()])]), key.as_ref().to_vec())
}

fn pem(kind: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
        base64::engine::general_purpose::STANDARD.encode(der)
    )
}

/// A folder that goes when this does.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = std::env::temp_dir().join(format!(
            "skerry-tls-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Relaxed)
        ));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// With a pair `FILE.crt`, `FILE.key` for those names; the certificate's DER.
    pub fn add(&self, file: &str, names: &[&str]) -> Vec<u8> {
        let (certificate, key) = make(names);
        std::fs::write(self.0.join(format!("{file}.key")), pem("PRIVATE KEY", &key)).unwrap();
        std::fs::write(self.0.join(format!("{file}.crt")), pem("CERTIFICATE", &certificate)).unwrap();
        certificate
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
