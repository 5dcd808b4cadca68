from __future__ import annotations

import pytest

from skerry.process.identity import Identity, Offer
from skerry.process.ladder import Hold, NoSuchHold, climb

OWN = Offer(Identity(7, 7), "")
NONE = Offer(None, "no root")


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ("auto", OWN, Hold("T1-uid", Identity(7, 7), "")),
        ("auto", NONE, Hold("T0", None, "functions run as Skerry's own user: no root")),
        ("T0", OWN, Hold("T0", None, "")),
        ("T1-uid", OWN, Hold("T1-uid", Identity(7, 7), "")),
    ],
)
def test_climb(wanted: str, offered: Offer, expected: Hold) -> None:
    assert climb(wanted, offered) == expected


@pytest.mark.parametrize(
    ("wanted", "offered", "says"),
    [
        ("T1-uid", NONE, "no user of its own for this function: no root"),
        ("T1", OWN, "T1 is not built yet"),
        ("T3", OWN, "T3 is not built yet"),
        ("t0", OWN, "there is no sandbox 't0'"),
    ],
)
def test_a_named_rung_fails_closed(wanted: str, offered: Offer, says: str) -> None:
    with pytest.raises(NoSuchHold, match=says):
        climb(wanted, offered)
