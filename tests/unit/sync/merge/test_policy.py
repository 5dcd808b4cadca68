"""The same siblings give the same choice everywhere, whatever the policy; arrival order never counts."""

from __future__ import annotations

import itertools

import pytest

from skerry.base.errors import CodeError
from skerry.sync.clock import ZERO, stamp_of
from skerry.sync.merge.policy import Policy, Sibling, choose, of, resolve
from skerry.sync.merge.siblings import Siblings, Version, write

EDGE1, HUB, EDGE2 = (stamp_of(n << 16, bytes([n]) * 8) for n in (1, 2, 3))
VERSIONS = {
    EDGE1: Version("first"),
    HUB: Version("hub", server=True),
    EDGE2: Version("last"),
}


@pytest.mark.parametrize("order", list(itertools.permutations(VERSIONS)))
@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        (Policy.FIRST_WRITE, "first"),
        (Policy.SERVER_WINS, "hub"),
        (Policy.CLIENT_WINS, "last"),
        (Policy.CUSTOM, "last"),
        (Policy.MANUAL, "last"),
    ],
)
def test_policies(policy: Policy, shown: str, order: tuple[bytes, ...]) -> None:
    siblings = Siblings()
    for stamp in order:
        write(siblings, stamp, VERSIONS[stamp], ZERO)
    choice = choose(policy, of(siblings, ZERO))
    assert choice.shown.version.value == shown
    assert [other.version.value for other in choice.others] == [
        value for value in ("first", "hub", "last") if value != shown
    ]


def test_a_policy_for_a_side_that_has_not_written_takes_the_other() -> None:
    edges = [Sibling(stamp, VERSIONS[stamp]) for stamp in (EDGE1, EDGE2)]
    assert choose(Policy.SERVER_WINS, edges).shown.stamp == EDGE2
    hubs = [Sibling(HUB, VERSIONS[HUB])]
    assert choose(Policy.CLIENT_WINS, hubs).shown.stamp == HUB


def test_older_siblings_than_asked_for_are_not_seen() -> None:
    siblings = Siblings(dict(VERSIONS))
    assert [sibling.stamp for sibling in of(siblings, HUB)] == [HUB, EDGE2]


def test_a_resolver_gets_the_values_oldest_first_and_no_deletions() -> None:
    gone = Sibling(stamp_of(9 << 16, bytes(8)), Version(None, present=False))
    beside = [*(Sibling(stamp, VERSIONS[stamp]) for stamp in sorted(VERSIONS)), gone]
    assert resolve(beside, list) == ["first", "hub", "last"]


def test_a_resolver_that_fails_is_the_user_s_fault_and_loses_nothing() -> None:
    with pytest.raises(CodeError, match="the resolver raised ZeroDivisionError") as caught:
        resolve([Sibling(HUB, VERSIONS[HUB])], lambda values: 1 // 0)
    assert caught.value.code == "sync.resolver_failed"
