"""A copy of a log in memory, kept as a store would keep it: bytes above the floor, hashes also below."""

from __future__ import annotations

from skerry.sync import log as logs
from skerry.sync.change import stamp_in
from skerry.sync.clock import ZERO, Stamp
from skerry.sync.log import Answer, Append, Batch, Head, LogName


class Copy:
    """`changes[position]` from floor + 1 to the head; `stamp` and `floor_stamp` are of the changes at these."""

    def __init__(self, name: LogName) -> None:
        self.log = logs.empty(name)
        self.changes: dict[int, bytes] = {}
        self.hashes: dict[int, bytes] = {}
        self.stamp: Stamp = ZERO
        self.floor_stamp: Stamp = ZERO

    @property
    def head(self) -> Head:
        return self.log.head

    def hash_at(self, position: int) -> bytes | None:
        return self.log.name.start.hash if position == 0 else self.hashes.get(position)

    def at(self, position: int) -> Head:
        found = self.hash_at(position)
        assert found is not None
        return Head(position, found)

    def stamp_at(self, position: int) -> Stamp:
        """Of the change at a position that is not below the floor; ZERO at the beginning."""
        at_floor = position == self.log.floor.position
        return self.floor_stamp if at_floor else stamp_in(self.changes[position])

    def after(self, position: int) -> list[bytes]:
        """The changes after a position that is not below the floor."""
        assert position >= self.log.floor.position
        return [self.changes[at] for at in range(position + 1, self.head.position + 1)]

    def batch(self, begin: int, count: int) -> Batch:
        end = min(self.head.position, begin + count)
        raws = [self.changes[at] for at in range(begin + 1, end + 1)]
        return Batch(self.log.name, self.at(begin), raws, self.at(end).hash)

    def look(self, batch: Batch) -> Append:
        """What `take` would say."""
        return logs.append(self.log, batch, self.hash_at)

    def take(self, batch: Batch) -> tuple[Answer, list[bytes]]:
        """Append; the answer and what was new."""
        found = self.look(batch)
        if found.answer is not Answer.ACCEPT:
            return found.answer, []
        for at, (raw, rolled) in enumerate(zip(batch.changes, found.hashes, strict=True)):
            if at >= found.skip:
                self.changes[batch.prev.position + 1 + at] = raw
                self.hashes[batch.prev.position + 1 + at] = rolled
        self.log, self.stamp = found.log, stamp_in(batch.changes[-1])
        return found.answer, batch.changes[found.skip :]

    def write(self, raws: list[bytes]) -> None:
        """The origin's own: they follow the head."""
        first = self.head.position + 1
        self.log, hashes = logs.extend(self.log, raws)
        for at, (raw, rolled) in enumerate(zip(raws, hashes, strict=True), first):
            self.changes[at], self.hashes[at] = raw, rolled
            self.stamp = stamp_in(raw)

    def cut(self, position: int) -> None:
        """Forget all after a position: it was never there, or it is another life's."""
        for at in range(position + 1, self.head.position + 1):
            self.changes.pop(at, None)
            self.hashes.pop(at, None)
        self.log = logs.Log(self.log.name, self.log.floor, self.at(position))
        self.stamp = self.stamp_at(position)

    def trim(self, position: int) -> None:
        """Drop the bytes up to a position; the hashes stay."""
        if position <= self.log.floor.position:
            return
        self.floor_stamp = self.stamp_at(position)
        self.log = logs.trim(self.log, self.at(position))
        for at in [at for at in self.changes if at <= self.log.floor.position]:
            del self.changes[at]

    def begin_at(self, head: Head, stamp: Stamp) -> None:
        """What is before is known by its effect, from a snapshot."""
        self.log = logs.Log(self.log.name, head, head)
        self.changes.clear()
        self.hashes = {at: h for at, h in self.hashes.items() if at < head.position}
        self.hashes[head.position] = head.hash
        self.stamp = self.floor_stamp = stamp
