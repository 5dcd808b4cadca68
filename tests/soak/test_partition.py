"""Twenty thousand worlds of tests/unit/sync/test_partition.py, which meet everything that can be met."""

from __future__ import annotations

import pytest

from tests.support.partition.world import COMMON, RARE, missing, worlds


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_twenty_thousand_worlds() -> None:
    met = worlds(range(16_000), steps=150) + worlds(range(20_000_000, 20_004_000), steps=400)
    assert not missing(met, COMMON | RARE)
