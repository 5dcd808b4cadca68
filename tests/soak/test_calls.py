"""A million calls in the storm of tests/journey/test_calls.py."""

from __future__ import annotations

import pytest

from tests.journey.test_calls import weather
from tests.support.echo import running_echo
from tests.support.nonces import Storm

CALLS = 1_000_000


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_million_calls_get_their_own_answers() -> None:
    # far enough apart that init's pause after deaths in a row does not grow
    places = list(range(50_000, CALLS, 100_000))
    with running_echo() as run:
        weather(
            run,
            Storm(run, CALLS, launcher_at=places, engine_at=[at + 50_000 for at in places[:-1]]),
        )
