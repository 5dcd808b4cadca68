from __future__ import annotations

import itertools
import stat
from collections.abc import Callable
from pathlib import Path

from skerry.trust import ticket
from skerry.trust.ticket import TicketKey

HOUR_S = 3600


def counting_bytes() -> Callable[[int], bytes]:
    numbers = itertools.count(1)
    return lambda size: bytes([next(numbers)]) * size


def test_keys_are_exchanged_every_half_day_and_kept_for_a_day_more() -> None:
    make = counting_bytes()
    keys: tuple[TicketKey, ...] = ()
    ages = []
    for hour in range(60):
        keys = ticket.rotate(keys, hour * HOUR_S, make)
        ages.append(sorted(hour - key.made_s // HOUR_S for key in keys))
    assert ages[0] == [0]
    assert ages[11] == [11]
    assert ages[12] == [0, 12]
    assert ages[35] == [11, 23, 35]
    assert ages[36] == [0, 12, 24]
    assert len({key.key for key in keys}) == len(keys)


def test_a_clock_that_is_set_back_starts_anew_and_a_small_step_does_not() -> None:
    make = counting_bytes()
    keys = ticket.rotate((), 1000 * HOUR_S, make)
    assert ticket.rotate(keys, 1000 * HOUR_S - 60, make) == keys
    (new,) = ticket.rotate(keys, 0, make)
    assert new.made_s == 0


def test_the_file_round_trips_and_leaves_out_damage() -> None:
    keys = ticket.rotate((), 5, counting_bytes())
    content = ticket.encode(keys)
    assert ticket.decode(content) == keys
    damaged = b"zz\n" + content[:40] + b"\n00 11 5\n\xff\n" + content
    assert ticket.decode(damaged) == keys


def test_refresh_writes_only_what_changed(tmp_path: Path) -> None:
    make = counting_bytes()
    assert ticket.refresh(tmp_path, 0, make)
    assert not ticket.refresh(tmp_path, HOUR_S, make)
    assert ticket.refresh(tmp_path, 12 * HOUR_S, make)
    assert len(ticket.decode((tmp_path / ticket.FILE).read_bytes())) == 2
    assert stat.S_IMODE((tmp_path / ticket.FILE).stat().st_mode) == 0o600
