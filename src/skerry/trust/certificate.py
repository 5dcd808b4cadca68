"""Certificates that PoPs show: signed by the local CA, for the names of one distribution, short-lived.

An engine reads them from a folder, `NAME.crt` (the certificate, then the CA's) beside `NAME.key`, and chooses
by the names inside. Every one also holds the names by which a laptop is reached.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from skerry.trust.authority import (
    BACKDATED,
    Authority,
    key_usage,
    pem_of_key,
    replace,
    write_private,
)

LIFE = timedelta(days=14)
RENEW_BEFORE = timedelta(days=5)
LOCAL_NAMES = ("localhost", "*.localhost", "skerry.localhost", "*.skerry.localhost")
LOCAL_ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Leaf:
    """A certificate with its key, as they stand in files. names: those it is good for, sorted."""

    names: tuple[str, ...]
    chain_pem: bytes
    key_pem: bytes
    not_after: datetime


def names_of(aliases: Sequence[str]) -> tuple[str, ...]:
    """All names of a certificate: aliases in the form that TLS uses, and the local ones.

    An alias that is no DNS name is left out; the reader of the configuration has said so already.
    """
    wanted = {ascii_name(alias) for alias in aliases} - {""}
    return tuple(sorted(wanted.union(LOCAL_NAMES, LOCAL_ADDRESSES)))


def ascii_name(alias: str) -> str:
    """Lower case, without a closing dot, letters beyond ASCII as `xn--`. A leading `*.` stays (RFC 6125, 6.4.3)."""
    star, _, rest = alias.rpartition("*.")
    try:
        encoded = rest.rstrip(".").lower().encode("idna").decode()
    except UnicodeError:
        return ""
    usable = encoded and not star and "*" not in encoded and len(encoded) <= 253
    return ("*." if alias.startswith("*.") else "") + encoded if usable else ""


def issue(authority: Authority, names: Sequence[str], now: datetime) -> Leaf:
    """A new certificate with a new key."""
    key = ec.generate_private_key(ec.SECP256R1())
    not_after = min(now + LIFE, authority.certificate.not_valid_after_utc)
    signer = authority.certificate.extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    ).value
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Skerry")]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(not_after)
        .add_extension(
            x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    chain = certificate.public_bytes(pem) + authority.certificate.public_bytes(pem)
    return Leaf(tuple(sorted(names)), chain, pem_of_key(key), not_after)


def general_name(name: str) -> x509.GeneralName:
    """A name as the extension holds it: addresses are not DNS names (RFC 5280, 4.2.1.6)."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def is_good(path: Path, authority: Authority, names: Sequence[str], now: datetime) -> bool:
    """Whether the file holds a certificate of this CA for just these names that lasts long enough."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(authority.certificate)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False  # gone, cut, of another kind of key, or of an older CA: made anew
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    held = {str(name.value) for name in found}
    ends = certificate.not_valid_after_utc
    return held == set(names) and ends - now > RENEW_BEFORE and path.with_suffix(".key").is_file()


def provide(
    folder: Path, authority: Authority, wanted: Mapping[str, Sequence[str]], now: datetime
) -> list[str]:
    """Let `folder` hold a certificate for each distribution; returns the names of those made anew.

    wanted   file name without ending (a distribution's id) → its aliases. Others' files are removed.
    Call it at the start and once an hour: what ends within five days is exchanged, key first.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = []
    for name, aliases in wanted.items():
        path, names = folder / f"{name}.crt", names_of(aliases)
        if is_good(path, authority, names, now):
            continue
        leaf = issue(authority, names, now)
        # Key first, then certificate: a reader between the two finds a pair that does not match and tries again.
        write_private(path.with_suffix(".key"), leaf.key_pem)
        replace(path, leaf.chain_pem, 0o644)
        made.append(name)
    for path in [*folder.glob("*.crt"), *folder.glob("*.key")]:
        if path.stem not in wanted:
            path.unlink()
    return made
