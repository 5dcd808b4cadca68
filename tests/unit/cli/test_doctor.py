"""Checks of `skerry doctor`, good and bad."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from skerry.cli import doctor
from tests.support import hostile
from tests.support.shop import skerry, write


def test_a_port_in_use_fails_with_its_way_out(tmp_path: Path) -> None:
    port = write(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        done = skerry(tmp_path, "doctor", "--json")
    assert done.returncode == 2
    (ports,) = (check for check in json.loads(done.stdout)["checks"] if check["name"] == "ports")
    assert not ports["good"]
    assert str(port) in ports["found"]
    assert "http_port" in ports["todo"]


def test_https_ports_are_looked_at_too(tmp_path: Path) -> None:
    first = hostile.write(tmp_path)
    https = first + 2
    found = doctor.ports(tmp_path)
    assert (found.good, found.todo) == (True, "")
    assert f"{first}–{https - 1} (http) and {https}–{https + 1} (https) are free" == found.found
    with socket.create_server(("127.0.0.1", https + 1)):
        found = doctor.ports(tmp_path)
    assert not found.good
    assert f"port {https + 1} on 127.0.0.1, wanted for https of " in found.found
    assert "https_port" in found.todo


def test_ports_that_overlap_fail_with_both_keys(tmp_path: Path) -> None:
    first = hostile.write(tmp_path)
    file = tmp_path / "skerry.toml"
    file.write_text(file.read_text().replace(f"https_port = {first + 2}", f"https_port = {first}"))
    found = doctor.ports(tmp_path)
    assert (found.good, "is also that for http of" in found.found) == (False, True)
    assert "http_port and https_port" in found.todo


def test_for_people_each_failure_is_followed_by_what_to_do(tmp_path: Path) -> None:
    done = skerry(tmp_path, "doctor")
    lines = done.stdout.splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("FAILED  project"))
    assert lines[at + 1].strip()
    assert any(line.startswith("passed  kernel") for line in lines)


def test_the_machine(tmp_path: Path) -> None:
    for check in (doctor.kernel, doctor.disk, doctor.interpreter):
        assert check(tmp_path).good
    assert doctor.run(tmp_path).found == "nothing runs"


def test_a_handler_that_is_missing_is_an_error_of_the_project(tmp_path: Path) -> None:
    hostile.write(tmp_path, http_port=1)
    found = doctor.project(tmp_path)
    assert (found.good, found.found) == (False, "hostile, 1 error")
    assert "skerry check" in found.todo
