"""nghttp and h2load: HTTP/2 as nghttp2, the reference implementation, speaks it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

from skerry.testing.running import Running
from tests.protocol.conftest import PAGE

Client = Callable[..., subprocess.CompletedProcess[str]]

PLAIN = ["-H", "accept-encoding: identity"]  # nghttp asks for gzip by itself

pytestmark = pytest.mark.timeout(120)


def url(site: Running, path: str) -> str:
    return f"https://127.0.0.1:{site.port()}{path}"


def test_a_page_frame_by_frame(site: Running, client: Client) -> None:
    told = client("nghttp", "-nv", *PLAIN, url(site, "/page.html")).stdout
    assert "The negotiated protocol: h2" in told
    assert re.search(r"recv .*:status: 200", told)
    assert sum(int(size) for size in re.findall(r"recv DATA frame <length=(\d+)", told)) == len(
        PAGE
    )
    assert "GOAWAY" not in told.partition("recv DATA")[0], "no complaint"


def test_bodies_are_whole(site: Running, client: Client) -> None:
    assert client("nghttp", url(site, "/page.html")).stdout == PAGE


def test_many_streams_on_one_connection(site: Running, client: Client) -> None:
    told = client("nghttp", "-ns", *(url(site, f"/page.html?n={n}") for n in range(50))).stdout
    assert len(re.findall(r"\s200 +\d.* /page\.html", told)) == 50


def test_small_windows_are_kept(site: Running, client: Client) -> None:
    told = client("nghttp", "-nv", *PLAIN, "-w", "10", "-W", "10", url(site, "/page.html")).stdout
    pieces = [int(size) for size in re.findall(r"recv DATA frame <length=(\d+)", told)]
    assert sum(pieces) == len(PAGE)
    assert max(pieces) <= 1023


def test_an_upload(site: Running, client: Client, tmp_path_factory: pytest.TempPathFactory) -> None:
    body = tmp_path_factory.mktemp("upload") / "body"
    body.write_bytes(b"x" * 500_000)
    assert client("nghttp", "-d", str(body), url(site, "/api/length")).stdout == "500000"


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (["-c", "1", "-m", "1"], "/page.html"),
        (["-c", "8", "-m", "32"], "/page.html"),
        (["-c", "8", "-m", "100"], "/page.html"),
        (["-c", "8", "--h1"], "/page.html"),
        (["-c", "4", "-m", "8"], "/"),
    ],
)
def test_none_of_thousands_fails(
    site: Running, client: Client, options: list[str], path: str
) -> None:
    site.get(path)
    told = client("h2load", "-n", "2000", *options, url(site, path)).stdout
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in told
    assert "status codes: 2000 2xx" in told


def test_without_tls_it_is_http_1(site: Running, client: Client) -> None:
    plain = f"http://127.0.0.1:{site.port(tls=False)}/page.html"
    told = client("h2load", "--h1", "-n", "2000", "-c", "8", plain).stdout
    assert "2000 succeeded, 0 failed" in told
