//! Handshakes: which certificate is shown, which protocol is spoken, which host may be asked for, and what outlives an engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)] // a panic is the report of a test

mod support_h2;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use http::Request;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, SupportedProtocolVersion, version,
};
use skerry_engine::tls::Acceptor;
use support_h2::certificate::Folder;
use support_h2::{Client, World, peer, run, snapshot, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Secure = TlsStream<DuplexStream>;

/// A client's side of TLS, which keeps its sessions.
fn trusting(
    certificates: &[Vec<u8>],
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for der in certificates {
        roots.add(CertificateDer::from(der.clone())).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    Arc::new(config)
}

const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// Connect to a core behind an acceptor. `name`: an address sends no server name.
async fn connect(
    world: &World,
    acceptor: &Acceptor,
    config: &Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<Secure> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::task::spawn_local(acceptor.clone().serve(world.core.clone(), theirs, peer()));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(config.clone()).connect(name, ours).await
}

async fn h2(io: Secure) -> Client {
    assert_eq!(io.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    Client::over(io, h2::client::Builder::new()).await
}

/// One request over HTTP/1.1; head and body as they came.
async fn h1(io: &mut Secure, host: &str) -> String {
    io.write_all(format!("GET /stored/5 HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize =
                head.split("Content-Length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
            if body.len() >= length {
                return text.into_owned();
            }
        }
        assert!(io.read_buf(&mut bytes).await.unwrap() > 0);
    }
}

fn of_host(host: &str) -> Request<()> {
    Request::get(format!("https://{host}/stored/5")).body(()).unwrap()
}

/// `a.crt` for a.test and www.a.test, `b.crt` for b.test and *.b.test; both also for localhost.
fn folder() -> (Folder, Vec<Vec<u8>>) {
    let folder = Folder::new();
    let a = folder.add("a", &["a.test", "www.a.test", "localhost"]);
    let b = folder.add("b", &["B.test", "*.b.test", "localhost"]);
    (folder, vec![a, b])
}

#[test]
fn the_certificate_is_the_one_for_the_name() {
    run(async {
        let world = World::new();
        let (folder, roots) = folder();
        let acceptor = Acceptor::load(folder.path()).unwrap().unwrap();
        let config = trusting(&roots, BOTH, &[b"http/1.1"]);
        for (name, want) in
            [("a.test", 0), ("WWW.a.test", 0), ("b.test", 1), ("x.b.test", 1), ("localhost", 0)]
        {
            let mut io = connect(&world, &acceptor, &config, name).await.unwrap();
            h1(&mut io, name).await;
            let shown = io.get_ref().1.peer_certificates().unwrap()[0].to_vec();
            assert!(shown == roots[want], "{name}");
        }
        for name in ["c.test", "x.y.b.test", "x.a.test"] {
            let error = connect(&world, &acceptor, &config, name).await.unwrap_err();
            assert!(error.to_string().to_lowercase().contains("alert"), "{name}: {error}");
        }
        until("failures are counted", || world.core.stats.tls_failures.load(Relaxed) == 3).await;
        assert_eq!(world.core.stats.tls_unknown_names.load(Relaxed), 3);
        // with a default, a stranger's name is shown that one, and the viewer decides
        let default = folder.add("default", &["elsewhere.test"]);
        assert!(acceptor.refresh().unwrap());
        let roots = [roots, vec![default.clone()]].concat();
        let config = trusting(&roots, BOTH, &[b"http/1.1"]);
        let error = connect(&world, &acceptor, &config, "c.test").await.unwrap_err();
        assert!(error.to_string().contains("not valid for name"), "{error}");
        world.rest().await;
    });
}

#[test]
fn what_stands_in_no_certificate_is_said_by_its_file() {
    run(async {
        let world = World::new();
        let folder = Folder::new();
        folder.add("_.b.test", &[]);
        let acceptor = Acceptor::load(folder.path()).unwrap().unwrap();
        let config = trusting(&[], BOTH, &[]);
        // that it was shown is known from the viewer's complaint: it trusts nobody
        let error = connect(&world, &acceptor, &config, "x.b.test").await.unwrap_err();
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
        let error = connect(&world, &acceptor, &config, "b.test").await.unwrap_err();
        assert!(error.to_string().to_lowercase().contains("alert"), "{error}");
    });
}

#[test]
fn a_folder_is_read_again_when_it_changes() {
    run(async {
        let world = World::new();
        let (folder, mut roots) = folder();
        let acceptor = Acceptor::load(folder.path()).unwrap().unwrap();
        assert!(!acceptor.refresh().unwrap());
        // a key without its certificate, as it stands while a pair is exchanged
        let pair = |end: &str| folder.path().join(format!("a.{end}"));
        let old_key = std::fs::read(pair("key")).unwrap();
        roots[0] = folder.add("a", &["a.test", "more.a.test"]);
        let new_key = std::fs::read(pair("key")).unwrap();
        std::fs::write(pair("key"), &old_key).unwrap();
        assert!(acceptor.refresh().unwrap_err().contains("a.crt"));
        let config = trusting(&roots, BOTH, &[]);
        assert!(connect(&world, &acceptor, &config, "b.test").await.is_ok(), "the rest stays in use");
        std::fs::write(pair("key"), &new_key).unwrap();
        assert!(acceptor.refresh().unwrap());
        assert!(connect(&world, &acceptor, &config, "more.a.test").await.is_ok());
    });
}

#[test]
fn folders_that_cannot_be_read_say_why() {
    let missing = Acceptor::load("/nonexistent/tls".as_ref()).err().unwrap();
    assert!(missing.starts_with("tls_dir: /nonexistent/tls"), "{missing}");
    let folder = Folder::new();
    std::fs::write(folder.path().join("x.crt"), "nonsense").unwrap();
    let broken = Acceptor::load(folder.path()).err().unwrap();
    assert!(broken.contains("x.crt"), "{broken}");
    assert!(Acceptor::load("".as_ref()).unwrap().is_none());
}

#[test]
fn the_protocol_is_what_both_want_and_the_distribution_allows() {
    run(async {
        let mut snapshot = snapshot("cloudfront");
        snapshot["distributions"][1]["viewer_tls"] =
            serde_json::json!({"minimum_protocol": "TLSv1.3_2025", "certificate": "x"});
        snapshot["distributions"][1]["http2"] = false.into();
        let world = World::of(&snapshot);
        let (folder, roots) = folder();
        let acceptor = Acceptor::load(folder.path()).unwrap().unwrap();
        let old: &[&SupportedProtocolVersion] = &[&version::TLS12];
        let (both_alpn, none): (&[&[u8]], &[&[u8]]) = (&[b"h2", b"http/1.1"], &[]);
        for (name, versions, alpn, want) in [
            ("a.test", BOTH, both_alpn, Some((ProtocolVersion::TLSv1_3, Some(&b"h2"[..])))),
            ("a.test", old, both_alpn, Some((ProtocolVersion::TLSv1_2, Some(b"h2")))),
            ("a.test", BOTH, none, Some((ProtocolVersion::TLSv1_3, None))),
            ("b.test", BOTH, both_alpn, Some((ProtocolVersion::TLSv1_3, Some(b"http/1.1")))),
            ("b.test", old, both_alpn, None),
        ] {
            let io = connect(&world, &acceptor, &trusting(&roots, versions, alpn), name).await;
            let got = io.ok().map(|io| {
                let session = io.get_ref().1;
                (session.protocol_version().unwrap(), session.alpn_protocol().map(<[u8]>::to_vec))
            });
            assert_eq!(
                got,
                want.map(|(version, alpn)| (version, alpn.map(<[u8]>::to_vec))),
                "{name} {}",
                versions.len()
            );
        }
        world.rest().await;
    });
}

#[test]
fn records_name_protocol_and_suite_as_the_vendor_spells_them() {
    run(async {
        let world = World::new();
        let (folder, roots) = folder();
        let acceptor = Acceptor::load(folder.path()).unwrap().unwrap();
        for (versions, protocol) in [(BOTH, "TLSv1.3"), (&[&version::TLS12][..], "TLSv1.2")] {
            let mut io =
                connect(&world, &acceptor, &trusting(&roots, versions, &[]), "a.test").await.unwrap();
            h1(&mut io, "a.test").await;
            drop(io);
            world.rest().await;
            let record = world.records().pop().unwrap();
            assert_eq!(record["tls_protocol"], protocol, "{record}");
            let cipher = record["tls_cipher"].as_str().unwrap();
            assert!(cipher.contains("256-GCM-SHA384") || cipher.contains("256_GCM_SHA384"), "{cipher}");
            assert!(cipher.starts_with("TLS_AES") || cipher.starts_with("ECDHE-ECDSA"), "{cipher}");
        }
    });
}

#[test]
fn sessions_outlive_an_engine_and_a_rotation_of_keys() {
    run(async {
        for versions in [&[&version::TLS13][..], &[&version::TLS12]] {
            let (folder, roots) = folder();
            let key = |fill: &str| format!("{} {} 1795560000\n", fill.repeat(16), fill.repeat(32));
            std::fs::write(folder.path().join("tickets"), key("ab")).unwrap();
            let config = trusting(&roots, versions, &[b"http/1.1"]);
            let mut kinds = Vec::new();
            let mut resumed = 0;
            for keys in [key("ab"), key("ab"), key("cd") + &key("ab"), key("cd"), key("ef")] {
                // an engine of its own each time: only the folder is shared
                std::fs::write(folder.path().join("tickets"), keys).unwrap();
                let world = World::new();
                let acceptor = Acceptor::load(folder.path()).unwrap().unwrap();
                let mut io = connect(&world, &acceptor, &config, "a.test").await.unwrap();
                assert!(h1(&mut io, "a.test").await.starts_with("HTTP/1.1 200"));
                kinds.push(io.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed));
                drop(io);
                world.rest().await;
                resumed += world.core.stats.tls_resumptions.load(Relaxed);
            }
            assert_eq!(kinds, [false, true, true, true, false], "{:?}", versions[0]);
            assert_eq!(resumed, 3);
        }
    });
}

#[test]
fn a_host_of_another_certificate_is_misdirected() {
    let rows = [
        ("a.test", "a.test", 200),
        ("a.test", "A.test:8443", 200),
        ("a.test", "www.a.test", 200),
        ("a.test", "b.test", 421),
        ("b.test", "x.b.test", 403), // covered, though nobody's alias
        ("b.test", "a.test", 421),
        ("a.test", "nobody.test", 421),
        ("localhost", "a.test", 200), // one certificate for both names
        ("localhost", "b.test", 421),
        ("127.0.0.1", "a.test", 200), // no server name: the first certificate
        ("127.0.0.1", "b.test", 421),
        ("a.test", "localhost", 403), // local names are fine here; with two distributions they are nobody's
        ("a.test", "127.0.0.1:8443", 403),
    ];
    run(async {
        let world = World::new();
        let (folder, roots) = folder();
        let acceptor = Acceptor::load(folder.path()).unwrap().unwrap();
        for (name, host, want) in rows {
            let h1_only = trusting(&roots, BOTH, &[b"http/1.1"]);
            let with_h2 = trusting(&roots, BOTH, &[b"h2"]);
            let (h1_only, with_h2) = if name == "127.0.0.1" {
                (careless(&h1_only), careless(&with_h2))
            } else {
                (h1_only, with_h2)
            };
            let mut io = connect(&world, &acceptor, &h1_only, name).await.unwrap();
            for turn in 0..2 {
                let answer = h1(&mut io, host).await;
                assert!(
                    answer.starts_with(&format!("HTTP/1.1 {want} ")),
                    "h1 {turn} {name} {host}: {answer}"
                );
            }
            let client = h2(connect(&world, &acceptor, &with_h2, name).await.unwrap()).await;
            for turn in 0..2 {
                assert_eq!(client.ask(of_host(host)).await.unwrap().status, want, "h2 {turn} {name} {host}");
            }
            assert_ne!(client.ask(of_host(name)).await.unwrap().status, 421, "the connection goes on");
        }
        world.rest().await;
        let misdirected =
            world.records().iter().filter(|r| r["status"] == 421 && r["reason"] == "misdirected").count();
        assert_eq!(misdirected, 4 * rows.iter().filter(|r| r.2 == 421).count());
    });
}

/// The same, believing whatever is shown: what `curl -k` does.
fn careless(config: &Arc<ClientConfig>) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(config);
    config.dangerous().set_certificate_verifier(Arc::new(Anyone(rustls::crypto::ring::default_provider())));
    Arc::new(config)
}

#[derive(Debug)]
struct Anyone(rustls::crypto::CryptoProvider);

impl rustls::client::danger::ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn handshakes_that_do_not_end_are_ended() {
    run(async {
        let world = World::new();
        let (folder, _) = folder();
        let acceptor = Acceptor::load(folder.path()).unwrap().unwrap();
        for bytes in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x40\x00"] {
            let (mut ours, theirs) = tokio::io::duplex(1024);
            let serving =
                tokio::task::spawn_local(acceptor.clone().serve(world.core.clone(), theirs, peer()));
            ours.write_all(bytes).await.unwrap();
            until("it is over", || serving.is_finished()).await;
        }
        assert_eq!(world.core.stats.tls_failures.load(Relaxed), 4);
        world.rest().await;
    });
}
