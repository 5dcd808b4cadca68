"""Many small writes of many threads share one transaction, and so one fsync. Each is acknowledged after the commit.

While one group is being written the next one gathers, so nobody waits for a timer: a lone writer gets a
transaction of its own, a hundred share one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

import apsw

from skerry.base.errors import BusyError
from skerry.sync.clock import Stamp
from skerry.sync.snapshot import Key
from skerry.sync.store.partition import Partition
from skerry.sync.store.transaction import Edit, Moment

GROUP_MAX = 1000  # in one transaction, so that the last one does not wait for all


class _Wish(NamedTuple):
    key: Key
    edit: Edit
    done: Future[Stamp]


class Group:
    """One thread that writes. `moment` is asked for each change; close it before the database."""

    def __init__(self, partition: Partition, moment: Callable[[], Moment]) -> None:
        self._partition, self._moment = partition, moment
        self._waiting: list[_Wish] = []
        self._changed = threading.Condition()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="group", daemon=True)
        self._thread.start()

    def write(self, key: Key, edit: Edit) -> Future[Stamp]:
        """The stamp, once the change is durable. The edit runs in the group's thread.

        What it raises, and values that cannot be stored, come back here alone; a full disk to all of the group.
        """
        wish = _Wish(key, edit, Future())
        with self._changed:
            if not self._is_open:
                raise BusyError("sync.closed", "this store is being closed", hint="try again later")
            self._waiting.append(wish)
            self._changed.notify()
        return wish.done

    def close(self) -> None:
        """What was asked for before is written first."""
        with self._changed:
            self._is_open = False
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._is_open and not self._waiting:
                    self._changed.wait()
                taken, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            if not taken:
                return
            self._commit([wish for wish in taken if wish.done.set_running_or_notify_cancel()])

    def _commit(self, wishes: list[_Wish]) -> None:
        written: list[tuple[_Wish, Stamp]] = []
        failed: list[tuple[_Wish, Exception]] = []
        try:
            with self._partition.write() as transaction:
                for wish in wishes:
                    try:
                        stamp = transaction.write(wish.key, wish.edit, self._moment())
                    except apsw.Error:  # the transaction itself is broken
                        raise
                    # an edit is anybody's code: its error is its caller's
                    except Exception as error:
                        failed.append((wish, error))
                    else:
                        written.append((wish, stamp))
        except Exception as error:  # whatever it was, nobody may wait for ever
            for wish in wishes:
                wish.done.set_exception(error)
            return
        for wish, stamp in written:
            wish.done.set_result(stamp)
        for wish, why in failed:
            wish.done.set_exception(why)
