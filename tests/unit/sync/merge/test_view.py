"""What readers see: fields over the whole, expiry by the stamp, conflicts told."""

from __future__ import annotations

import copy

from skerry.sync.change import Change, Known, Path
from skerry.sync.clock import Stamp, stamp_of
from skerry.sync.merge import write
from skerry.sync.merge.policy import Policy
from skerry.sync.merge.record import Record, apply
from skerry.sync.merge.view import view


def at(ms: int, node: int = 1) -> Stamp:
    return stamp_of(ms << 16, bytes([node]) * 8)


def put_in(record: Record, ms: int, *operations: Known, node: int = 1) -> Record:
    apply(record, Change(at(ms, node), "s", "k", list(operations)))
    return record


def shown(record: Record, now_ms: int = 0) -> object:
    found = view(record, now_ms)
    return None if found is None else found.value


def test_nothing_was_ever_written() -> None:
    assert view(Record(), 0) is None


def test_a_value_that_is_no_map_is_shown_as_it_is() -> None:
    assert shown(put_in(Record(), 1, write.put(None, b"bytes"))) == b"bytes"
    assert shown(put_in(Record(), 1, write.put(None, None))) is None
    assert view(put_in(Record(), 1, write.put(None, None)), 0) is not None  # null is not nothing


def test_time_to_live_is_counted_from_the_stamp() -> None:
    record = put_in(Record(), 1000, write.put(None, {"a": 1}, ttl_ms=500))
    assert shown(record, 1499) == {"a": 1}
    assert shown(record, 1500) is None
    put_in(record, 1400, write.assign(record, ("b",), 2))
    assert shown(record, 1500) is None
    put_in(record, 1600, write.assign(record, ("c",), 3))
    assert shown(record, 1600) == {"c": 3}  # an edit after the end begins anew


def test_increments_are_added_to_an_assigned_number() -> None:
    record = put_in(Record(), 1, write.put(None, {"n": 5, "text": "x", "yes": True}))
    put_in(record, 2, write.add(record, ("n",), 2, at(2)), write.add(record, ("text",), 1, at(2)))
    put_in(record, 3, write.add(record, ("yes",), 1, at(3)))
    assert shown(record) == {"n": 7, "text": 1, "yes": 1}


def test_an_increment_that_a_delete_had_not_seen_revives() -> None:
    record = Record()
    delete, add = write.delete(record), write.add(record, ("n",), 3, at(1, node=2))
    put_in(record, 2, delete)
    put_in(record, 1, add, node=2)
    assert shown(record) == {"n": 3}


def test_conflicts_are_told_by_path_and_policies_choose() -> None:
    record, path = Record(), ("v",)
    one, two = write.write(record, path, "one"), write.write(record, path, "two")
    put_in(record, 1, one)
    put_in(record, 2, two, node=2)
    for policy, value in ((Policy.MANUAL, "two"), (Policy.FIRST_WRITE, "one")):
        found = view(record, 0, {path: policy})
        assert found is not None
        assert found.value == {"v": value}
        assert [other.version.value for other in found.conflicts[path].others] == [
            "one" if value == "two" else "two"
        ]
    put_in(record, 3, write.write(record, path, "both"))
    found = view(record, 0)
    assert found is not None
    assert (found.value, found.conflicts, found.stamp) == ({"v": "both"}, {}, at(3))


def test_a_whole_record_may_have_versions_and_one_may_be_a_deletion() -> None:
    record = Record()
    one = write.write(record, (), {"a": 1})
    gone = write.write(record, (), None, present=False)
    put_in(record, 1, one)
    put_in(record, 2, gone, node=2)
    assert view(record, 0) is None
    found = view(record, 0, {(): Policy.FIRST_WRITE})
    assert found is not None
    assert found.value == {"a": 1}


def test_a_deletion_as_a_version_takes_a_field_away() -> None:
    record, path = put_in(Record(), 1, write.put(None, {"a": {"x": 1, "y": 2}})), ("a", "x")
    put_in(record, 2, write.write(record, path, None, present=False))
    assert shown(record) == {"a": {"y": 2}}


def test_showing_never_changes_the_record() -> None:
    record = put_in(Record(), 1, write.put(None, {"a": {"b": {"c": 1}}}))
    paths: list[Path] = [("a", "b", "d"), ("a", "e"), ("f",)]
    for ms, path in enumerate(paths, 2):
        put_in(record, ms, write.assign(record, path, {"deep": [1]}))
    put_in(record, 9, write.assign(record, ("f", "deep", "er"), 1))
    put_in(record, 10, write.unset(record, ("a", "b", "c")))
    before = copy.deepcopy(record)
    assert shown(record) == {
        "a": {"b": {"d": {"deep": [1]}}, "e": {"deep": [1]}},
        "f": {"deep": {"er": 1}},
    }
    assert record == before


def test_taking_away_what_is_not_there_makes_nothing() -> None:
    record = put_in(Record(), 1, write.put(None, {"a": 1}))
    put_in(record, 2, write.unset(record, ("b", "c")))
    put_in(record, 3, write.unset(record, ("a", "x")))
    assert shown(record) == {"a": 1}
