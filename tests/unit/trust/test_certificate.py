from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from skerry.trust import authority, certificate

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        ("WWW.Example.com.", "www.example.com"),
        ("*.example.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("a.*.example.com", ""),
        ("*", ""),
        ("", ""),
        ("x" * 64 + ".example", ""),
    ],
)
def test_aliases_become_dns_names(alias: str, expected: str) -> None:
    assert certificate.ascii_name(alias) == expected


def test_names_are_aliases_and_local_ones() -> None:
    names = certificate.names_of(["www.example.com", "WWW.example.com", "a.*.b"])
    assert set(names) - {"www.example.com"} == {
        *certificate.LOCAL_NAMES,
        *certificate.LOCAL_ADDRESSES,
    }


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("www.example.com", True),
        ("img.shop.example", True),
        ("us-east.skerry.localhost", True),
        ("localhost", True),
        ("127.0.0.1", True),
        ("example.com", False),
        ("a.b.shop.example", False),
        ("127.0.0.2", False),
    ],
)
def test_a_client_that_believes_the_ca_believes_the_certificate(
    tmp_path: Path, name: str, good: bool
) -> None:
    ca = authority.ensure(tmp_path / "ca", "ann@laptop", datetime.now(UTC))
    wanted = {"E1": ["www.example.com", "*.shop.example"]}
    certificate.provide(tmp_path / "tls", ca, wanted, datetime.now(UTC))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "tls" / "E1.crt", tmp_path / "tls" / "E1.key")
    client = ssl.create_default_context(cafile=ca.path)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert shake_hands(server, client, name) is good


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bool:
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(ours, server_side=True).close()
        except (ssl.SSLError, ConnectionError):
            ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(theirs, server_hostname=name).close()
        return True
    except ssl.SSLCertVerificationError:
        return False
    finally:
        theirs.close()
        thread.join()


def test_what_is_good_is_kept_and_what_is_not_is_made_anew(tmp_path: Path) -> None:
    ca = authority.make(tmp_path, "ann@laptop", NOW)
    folder = tmp_path / "tls"

    def provide(wanted: dict[str, list[str]], passed: timedelta = timedelta(0)) -> list[str]:
        return certificate.provide(folder, ca, wanted, NOW + passed)

    both = {"E1": ["a.example"], "E2": ["b.example"]}
    assert provide(both) == ["E1", "E2"]
    assert provide(both) == []
    assert provide(both, timedelta(days=8)) == []
    assert provide(both, timedelta(days=10)) == ["E1", "E2"]
    assert provide({"E1": ["a.example", "c.example"], "E2": ["b.example"]}, timedelta(days=10)) == [
        "E1"
    ]
    assert provide(both, timedelta(days=10)) == ["E1"]
    (folder / "E1.key").unlink()
    (folder / "E2.crt").write_bytes(b"cut")
    assert provide(both, timedelta(days=10)) == ["E1", "E2"]
    ca = authority.make(tmp_path, "ann@laptop", NOW)  # by another CA
    assert provide(both, timedelta(days=10)) == ["E1", "E2"]
    assert provide({"E1": ["a.example"]}, timedelta(days=10)) == []
    assert sorted(path.name for path in folder.iterdir()) == ["E1.crt", "E1.key"]
    assert stat.S_IMODE((folder / "E1.key").stat().st_mode) == 0o600


def test_it_never_outlives_the_ca(tmp_path: Path) -> None:
    ca = authority.make(tmp_path, "ann@laptop", NOW)
    near_its_end = ca.certificate.not_valid_after_utc - timedelta(days=1)
    leaf = certificate.issue(ca, ["localhost"], near_its_end)
    found = x509.load_pem_x509_certificates(leaf.chain_pem)
    assert found[0].not_valid_after_utc == found[1].not_valid_after_utc
