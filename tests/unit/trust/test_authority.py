from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from skerry.base.errors import ConfigError
from skerry.trust import authority

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"XDG_DATA_HOME": "/data", "HOME": "/people/ann"}, "/data/skerry"),
        ({"XDG_DATA_HOME": "relative", "HOME": "/people/ann"}, "/people/ann/.local/share/skerry"),
        ({"HOME": "/people/ann"}, "/people/ann/.local/share/skerry"),
    ],
)
def test_the_data_folder_follows_xdg(variables: dict[str, str], expected: str) -> None:
    assert authority.data_folder(variables) == Path(expected)


def test_without_any_home_it_says_what_to_set() -> None:
    with pytest.raises(ConfigError) as caught:
        authority.data_folder({})
    assert caught.value.code == "trust.no_folder"


def test_it_is_made_once_and_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "skerry"
    made = authority.ensure(folder, "ann@laptop", NOW)
    again = authority.ensure(folder, "ann@laptop", NOW + timedelta(days=100))
    assert made.fresh
    assert not again.fresh
    assert again.fingerprint == made.fingerprint
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["ca.crt", "ca.key"]


def test_it_is_made_anew_before_it_ends(tmp_path: Path) -> None:
    made = authority.ensure(tmp_path, "ann@laptop", NOW)
    later = authority.ensure(tmp_path, "ann@laptop", NOW + authority.LIFE - timedelta(days=29))
    assert later.fingerprint != made.fingerprint


def test_it_may_sign_servers_and_loopback_only(tmp_path: Path) -> None:
    extensions = authority.make(tmp_path, "ann@laptop", NOW).certificate.extensions
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert (basic.value.ca, basic.value.path_length) == (True, 0)
    bounded = (
        extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    )
    assert [str(name.value) for name in bounded] == ["127.0.0.0/8", "::1/128"]


@pytest.mark.parametrize("damage", ["cut", "mixed", "readable"])
def test_a_damaged_one_is_not_replaced_in_silence(tmp_path: Path, damage: str) -> None:
    authority.ensure(tmp_path, "ann@laptop", NOW)
    if damage == "cut":
        (tmp_path / "ca.crt").write_bytes((tmp_path / "ca.crt").read_bytes()[:200])
    elif damage == "mixed":
        other = authority.make(tmp_path, "ann@laptop", NOW)
        authority.write_private(tmp_path / "ca.key", authority.pem_of_key(other.key))
    else:
        (tmp_path / "ca.key").chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        authority.ensure(tmp_path, "ann@laptop", NOW)
    assert caught.value.code == "trust.unusable"
    assert "untrust" in caught.value.hint
