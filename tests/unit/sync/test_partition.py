"""Made-up worlds: cut links, lost and doubled messages, wrong clocks, lost tails, twins, images, trimming.

Each world runs the kernel's own code between nodes and a hub in memory (tests/support/partition). At the end the
weather clears up, and then nothing acknowledged is lost or doubled, and every copy shows what an
independent fold of the changes says. tests/soak runs more of them.
"""

from __future__ import annotations

import pytest

from tests.support.partition.world import COMMON, missing, worlds


@pytest.mark.timeout(120)
def test_nothing_is_lost_and_nobody_diverges() -> None:
    met = worlds(range(200), steps=150) + worlds(range(10_000_000, 10_000_030), steps=400)
    assert not missing(met, COMMON)
