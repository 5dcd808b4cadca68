"""curl: what most people type first. HTTP/1.0, 1.1 and 2, with TLS and without."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.testing.running import Running
from tests.protocol.conftest import PAGE

Client = Callable[..., subprocess.CompletedProcess[str]]
SAID = r"%{http_code} %{http_version} %{size_download}\n"

pytestmark = pytest.mark.timeout(120)


def url(site: Running, path: str, *, tls: bool = True) -> str:
    return f"{'https' if tls else 'http'}://127.0.0.1:{site.port(tls=tls)}{path}"


def ask(site: Running, client: Client, path: str, *options: str, tls: bool = True) -> str:
    """`status version bytes` of a download."""
    words = ["curl", "-sS", "-o", "/dev/null", "-w", SAID, "--cacert", str(site.ca)]
    return client(*words, *options, url(site, path, tls=tls)).stdout.strip()


@pytest.mark.parametrize(
    ("options", "tls", "said"),
    [
        (["--http1.0"], False, f"200 1.1 {len(PAGE)}"),
        (["--http1.1"], False, f"200 1.1 {len(PAGE)}"),
        (["--http1.1"], True, f"200 1.1 {len(PAGE)}"),
        (["--http2"], True, f"200 2 {len(PAGE)}"),
        (["--http1.1", "--tls-max", "1.2"], True, f"200 1.1 {len(PAGE)}"),
        (["--http2", "--tlsv1.3"], True, f"200 2 {len(PAGE)}"),
        (["--http2", "-I"], True, "200 2 0"),
        (["--http1.1", "-I"], True, "200 1.1 0"),
        (["--http2", "-r", "0-99"], True, "206 2 100"),
        (["--http1.1", "-r", "-7"], True, "206 1.1 7"),
        (["--http2", "-r", f"{len(PAGE)}-"], True, "416 2 *"),
    ],
)
def test_a_page(site: Running, client: Client, options: list[str], tls: bool, said: str) -> None:
    site.get("/page.html")
    told = ask(site, client, "/page.html", *options, tls=tls)
    wanted = said.replace("*", told.split()[-1])
    assert told == wanted


def test_compressed_for_those_who_ask(site: Running, client: Client) -> None:
    site.get("/page.html", headers={"Accept-Encoding": "gzip"})
    words = ["curl", "-sS", "--cacert", str(site.ca), "-H", "Accept-Encoding: gzip", "--compressed"]
    assert client(*words, url(site, "/page.html")).stdout == PAGE
    small = ask(site, client, "/page.html", "-H", "Accept-Encoding: gzip").split()
    assert small[0] == "200"
    assert int(small[2]) < len(PAGE) / 4


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_what_a_viewer_has_already(site: Running, client: Client, version: str) -> None:
    etag = site.get("/page.html").header("ETag")
    told = ask(site, client, "/page.html", version, "-H", f"If-None-Match: {etag}")
    assert told == f"304 {version.removeprefix('--http')} 0"


def test_a_redirect_is_followed_to_the_pop_s_own_port(site: Running, client: Client) -> None:
    told = ask(site, client, "/secure/page.html", "-L", "--http2", tls=False)
    assert told == f"200 2 {len(PAGE)}"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_an_upload(site: Running, client: Client, tmp_path: Path, version: str, size: int) -> None:
    (tmp_path / "body").write_bytes(b"x" * size)
    words = [
        "curl",
        "-sS",
        version,
        "--cacert",
        str(site.ca),
        "--data-binary",
        f"@{tmp_path / 'body'}",
    ]
    assert client(*words, url(site, "/api/length")).stdout == str(size)


def test_an_alias_by_its_own_certificate(site: Running, client: Client) -> None:
    words = ["curl", "-sSv", "--cacert", str(site.ca), "-o", "/dev/null"]
    there = f"www.example.com:443:127.0.0.1:{site.port()}"
    told = client(*words, "--connect-to", there, "https://www.example.com/page.html").stderr
    assert 'subjectAltName: host "www.example.com" matched' in told
    assert "x-cache: " in told.lower()


def test_a_ca_that_is_not_ours_is_not_believed(site: Running, client: Client) -> None:
    told = client("curl", "-sS", url(site, "/page.html"), code=60).stderr
    assert "SSL certificate problem" in told


def test_a_hundred_at_once_on_one_connection(site: Running, client: Client) -> None:
    first = url(site, "/page.html?n=[1-100]")
    words = ["curl", "-sS", "-Z", "--parallel-max", "100", "--http2", "--cacert", str(site.ca)]
    told = client(*words, "-o", "/dev/null", "-w", r"%{http_code} %{size_download}\n", first).stdout
    assert told.splitlines() == [f"200 {len(PAGE)}"] * 100
