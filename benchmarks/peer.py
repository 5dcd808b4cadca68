"""The peers, started from the configurations in `peers/`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.server import CLIENT_CORE, SERVER_CORE, Server, free_port

PEERS = Path(__file__).parent / "peers"
PACKAGES = {"nginx": "nginx-light", "haproxy": "haproxy", "wrk": "wrk", "h2load": "nghttp2-client"}
NGINX_CACHE = "nginx 1.22 proxy_cache"
NGINX_RETURN = "nginx 1.22 return 200"
HAPROXY = "HAProxy 2.6 cache"


def install_missing() -> None:
    """Install the Debian packages that are missing; where that cannot be, say which they are."""
    missing = [package for program, package in PACKAGES.items() if not find(program)]
    if not missing:
        return
    print(f"installing {' '.join(missing)}", flush=True)
    for command in (["apt-get", "-q", "update"], ["apt-get", "-q", "-y", "install", *missing]):
        done = subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if done.returncode:
            raise SystemExit(
                f"peers are missing: install {' '.join(missing)} ({done.stderr.strip()[-200:]})"
            )


def find(program: str) -> str | None:
    """Path of a program, also where it lies in a folder for administrators."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def version(program: str) -> str:
    """What the program says of itself, first line."""
    flag = "--version" if program == "h2load" else "-v"
    done = subprocess.run(
        [find(program) or program, flag], check=False, capture_output=True, text=True
    )
    return (done.stdout + done.stderr).strip().splitlines()[0].removeprefix("nginx version: ")


def write_configuration(name: str, folder: Path, **values: object) -> Path:
    """Fill in a configuration of `peers/` and lay it into `folder`."""
    text = (PEERS / name).read_text()
    for key, value in {"FOLDER": folder, **values}.items():
        text = text.replace(f"@{key}@", str(value))
    path = folder / name
    path.write_text(text)
    return path


def start_nginx(
    label: str, name: str, folder: Path, *, core: int | None = SERVER_CORE, **values: object
) -> Server:
    """An nginx in the foreground with its files in `folder`."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    port, tls_port = free_port(), free_port()
    path = write_configuration(name, folder, PORT=port, TLS_PORT=tls_port, **values)
    # `user`: where root starts it, the worker stays root, for the folder on tmpfs is ours alone.
    command = [
        find("nginx") or "nginx",
        "-c",
        str(path),
        "-p",
        str(folder),
        "-e",
        str(folder / "error.log"),
    ]
    command += ["-g", "daemon off; user root;" if Path("/root").owner() == _me() else "daemon off;"]
    return Server(label, command, port, core=core, tls_port=tls_port, folder=folder)


def _me() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


def start_origin(folder: Path) -> Server:
    """The origin: 1 KB and 64 KB files, on the client's core."""
    files = folder / "files"
    files.mkdir(parents=True)
    (files / "1k").write_bytes(body(1024))
    (files / "64k").write_bytes(body(65536))
    return start_nginx("origin", "origin.conf", folder / "nginx", core=CLIENT_CORE, FILES=files)


def body(size: int) -> bytes:
    """`size` printable bytes that neither repeat soon nor need quoting in a configuration."""
    return b"".join(b"%07d " % number for number in range(size // 8 + 1))[:size]


def start_nginx_cache(folder: Path, origin: Server, tls: Path) -> Server:
    """nginx proxy_cache. tls: folder with bench.crt and bench.key."""
    return start_nginx(
        NGINX_CACHE,
        "nginx_cache.conf",
        folder,
        ORIGIN=origin.port,
        CERTIFICATE=tls / "bench.crt",
        KEY=tls / "bench.key",
    )


def start_nginx_return(folder: Path) -> Server:
    """nginx that answers 1 KB from its configuration."""
    return start_nginx(NGINX_RETURN, "nginx_return.conf", folder, BODY=body(1024).decode())


def start_haproxy(folder: Path, origin: Server, tls: Path) -> Server:
    """HAProxy with its cache."""
    folder.mkdir(parents=True)
    pem = folder / "bench.pem"
    pem.write_bytes((tls / "bench.crt").read_bytes() + (tls / "bench.key").read_bytes())
    port, tls_port = free_port(), free_port()
    values = {"PORT": port, "TLS_PORT": tls_port, "ORIGIN": origin.port, "PEM": pem}
    path = write_configuration("haproxy_cache.cfg", folder, **values)
    command = [find("haproxy") or "haproxy", "-db", "-f", str(path)]
    return Server(HAPROXY, command, port, tls_port=tls_port, folder=folder)
