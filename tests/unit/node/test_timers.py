"""Things to do later, in their order."""

from __future__ import annotations

from skerry.node.timers import Timers


def test_due_in_order_and_not_before() -> None:
    now = [0.0]
    timers = Timers(lambda: now[0])
    done: list[str] = []
    assert timers.wait_s() is None
    timers.after(2.0, lambda: done.append("b"))
    timers.after(1.0, lambda: done.append("a"))
    timers.after(2.0, lambda: done.append("c"))
    assert timers.wait_s() == 1.0
    timers.run_due()
    assert done == []
    now[0] = 2.0
    timers.run_due()
    assert done == ["a", "b", "c"]
    timers.after(0.0, lambda: timers.after(1.0, lambda: done.append("later")))
    timers.run_due()
    assert timers.wait_s() == 1.0
