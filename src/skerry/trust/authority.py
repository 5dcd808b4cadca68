"""The local CA: one a user, made when the first certificate is needed, believed when `skerry trust` is run.

Its key lies in the user's data folder and not in a project, so that a project can be copied, deleted or
committed without it, and one `skerry trust` serves all projects.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from skerry.base.errors import ConfigError

CERTIFICATE = "ca.crt"
KEY = "ca.key"
LIFE = timedelta(
    days=825
)  # Apple refuses longer lives of what users install; one rule for all systems
BACKDATED = timedelta(hours=1)  # a laptop's clock may be a little behind a container's
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class Authority:
    """The CA with its key. folder: where both lie. fresh: it was made just now, so nobody believes it yet."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    folder: Path
    fresh: bool = False

    @property
    def path(self) -> Path:
        """The certificate's file, to hand to `curl --cacert`."""
        return self.folder / CERTIFICATE

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hex: what a certificate viewer shows."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def data_folder(variables: Mapping[str, str]) -> Path:
    """Where a user's own data of ours lies (XDG Base Directory 0.8: $XDG_DATA_HOME, absolute, else ~/.local/share).

    variables   the process's environment. Raises ConfigError where there is neither it nor a home.
    """
    given = variables.get("XDG_DATA_HOME", "")
    if given.startswith("/"):
        return Path(given) / "skerry"
    home = variables.get("HOME", "")
    if not home.startswith("/"):
        raise ConfigError(
            "trust.no_folder",
            "neither XDG_DATA_HOME nor HOME names a folder for the local CA",
            hint="set XDG_DATA_HOME to a folder that only you can read",
        )
    return Path(home) / ".local" / "share" / "skerry"


def read(folder: Path) -> Authority | None:
    """The CA in `folder`, or None. Raises ConfigError where it lies there but cannot be used."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
        key = serialization.load_pem_private_key((folder / KEY).read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise unusable(folder, str(error)) from error
    if (
        not isinstance(key, ec.EllipticCurvePrivateKey)
        or key.public_key() != certificate.public_key()
    ):
        raise unusable(folder, "certificate and key do not belong together")
    if (folder / KEY).stat().st_mode & 0o077:
        raise unusable(folder, f"others can read {KEY}, so it may be known")
    return Authority(certificate, key, folder)


def ensure(folder: Path, owner: str, now: datetime) -> Authority:
    """The CA in `folder`; made where there is none or where it ends within a month.

    owner   who it belongs to (`ann@laptop`): stands in its name, so that a person finds it in a browser's list
    """
    there = read(folder)
    if there is not None and there.certificate.not_valid_after_utc - now > RENEW_BEFORE:
        return there
    made = make(folder, owner, now)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(folder / KEY, pem_of_key(made.key))
    replace(folder / CERTIFICATE, made.certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return made


def make(folder: Path, owner: str, now: datetime) -> Authority:
    """A new CA, not yet written.

    It may sign servers' certificates only, and for addresses those of loopback only (RFC 5280, 4.2.1.10): a
    stolen key then passes for no machine by address. Names cannot be bounded, for aliases are the user's own.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Skerry"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Skerry local CA of {owner}"[:64]),
        ]
    )
    loopback = [
        x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
        x509.IPAddress(ipaddress.ip_network("::1/128")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.NameConstraints(loopback, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key, folder, fresh=True)


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """A CA signs certificates and lists; a server signs handshakes."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS #8, not encrypted: the file's mode guards it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_private(path: Path, content: bytes) -> None:
    """A file that only its owner can read, from its first byte on."""
    replace(path, content, 0o600)


def replace(path: Path, content: bytes, mode: int) -> None:
    """Exchange a file as a whole: a reader sees the old or the new, never a part."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)


def unusable(folder: Path, why: str) -> ConfigError:
    """What to say of a CA that cannot be used. It is not replaced in silence: the system may believe the old."""
    return ConfigError(
        "trust.unusable",
        f"the local CA cannot be used: {why}",
        hint="`skerry untrust` removes it; the next `skerry up` makes a new one",
        about=str(folder),
    )


def utc(now_s: float) -> datetime:
    """A clock's seconds as certificates want them."""
    return datetime.fromtimestamp(int(now_s), UTC)
