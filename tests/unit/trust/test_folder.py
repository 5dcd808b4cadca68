from __future__ import annotations

from pathlib import Path

from skerry.trust import authority, folder, ticket
from skerry.trust.folder import Furnished

START_S = 1_795_000_000.0
DAY_S = 86_400


def furnish(tmp_path: Path, wanted: dict[str, list[str]], passed_s: float = 0) -> Furnished:
    return folder.furnish(
        tmp_path / "tls",
        wanted,
        ca_folder=tmp_path / "data",
        owner="ann@laptop",
        now_s=START_S + passed_s,
        random_bytes=bytes,
    )


def test_a_folder_is_complete_after_one_call_and_left_alone_by_the_next(tmp_path: Path) -> None:
    first = furnish(tmp_path, {"E1": ["a.example"]})
    assert (first.renewed, first.rotated, first.authority.fresh) == (("E1",), True, True)
    assert sorted(path.name for path in (tmp_path / "tls").iterdir()) == [
        "E1.crt",
        "E1.key",
        ticket.FILE,
    ]
    assert not furnish(tmp_path, {"E1": ["a.example"]}, 3600).changed


def test_each_part_is_renewed_in_its_own_time(tmp_path: Path) -> None:
    furnish(tmp_path, {"E1": ["a.example"]})
    half_a_day = furnish(tmp_path, {"E1": ["a.example"]}, DAY_S / 2)
    assert (half_a_day.renewed, half_a_day.rotated) == ((), True)
    other_alias = furnish(tmp_path, {"E1": ["b.example"]}, DAY_S / 2)
    assert (other_alias.renewed, other_alias.rotated) == (("E1",), False)
    assert furnish(tmp_path, {"E1": ["b.example"]}, DAY_S * 10).renewed == ("E1",)


def test_a_ca_that_ends_takes_its_certificates_along(tmp_path: Path) -> None:
    before = furnish(tmp_path, {"E1": []})
    late_s = (authority.LIFE.days - 20) * DAY_S
    after = furnish(tmp_path, {"E1": []}, late_s)
    assert after.authority.fingerprint != before.authority.fingerprint
    assert after.renewed == ("E1",)
