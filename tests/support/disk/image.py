"""What a crash could have left of a recorded disk.

What was synced is there. Of a file's later writes any part may be: none, some, one of them torn at any byte, or whole
sectors of it missing. Names (created, renamed, removed) come in their order, as the journals of ext4, XFS and btrfs
keep them, up to some moment after the folder's last sync.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from tests.support.disk.recorder import Step

SECTOR = 512


class _File:
    def __init__(self) -> None:
        self.durable = bytearray()
        self.pending: list[Step] = []


class _Disk:
    """Files by number, names, and the changes of names that are not synced."""

    def __init__(self) -> None:
        self.names: dict[str, _File] = {}  # as the program sees them
        self.durable: dict[str, _File] = {}
        self.pending: list[
            tuple[str, _File | None, str]
        ] = []  # name, its file (None: gone), folder

    def do(self, step: Step, chance: random.Random | None) -> None:
        match step.kind:
            case "create":
                self._bind(step.path, _File())
            case "rename":
                self._bind(step.to, self.names[step.path])
                self._bind(step.path, None)
            case "remove":
                self._bind(step.path, None)
            case "write" | "truncate":
                self.names[step.path].pending.append(step)
            case "sync":
                file = self.names[step.path]
                _settle(file, 1.0, None)
                del chance
            case "sync_folder":
                # a journal is written up to here, whatever the folder
                for name, file_, _ in self.pending:
                    _set(self.durable, name, file_)
                self.pending.clear()

    def _bind(self, name: str, file: _File | None) -> None:
        _set(self.names, name, file)
        self.pending.append((name, file, str(Path(name).parent)))


def _set(names: dict[str, _File], name: str, file: _File | None) -> None:
    if file is None:
        names.pop(name, None)
    else:
        names[name] = file


def _settle(file: _File, share: float, chance: random.Random | None) -> None:
    """Put pending writes on the platter: all, none, or a share of them, one in three of these torn."""
    for step in file.pending:
        if chance is None:
            _put(file.durable, step, step.data)
        elif chance.random() < share:
            if step.kind == "write" and chance.random() < 0.33:
                _tear(file.durable, step, chance)
            else:
                _put(file.durable, step, step.data)
    file.pending = []


def _tear(durable: bytearray, step: Step, chance: random.Random) -> None:
    if chance.random() < 0.5:
        _put(durable, step, step.data[: chance.randrange(len(step.data) + 1)])
        return
    for begin in range(0, len(step.data), SECTOR):
        if chance.random() < 0.5:
            _put(durable, step._replace(at=step.at + begin), step.data[begin : begin + SECTOR])


def _put(durable: bytearray, step: Step, data: bytes) -> None:
    if step.kind == "truncate":
        del durable[step.at :]
        return
    if not data:
        return
    if len(durable) < step.at:
        durable.extend(bytes(step.at - len(durable)))
    durable[step.at : step.at + len(data)] = data


def build(steps: Sequence[Step], folder: Path, share: float, chance: random.Random | None) -> None:
    """Write the image into a new folder. `share` of what is not synced is there: 1 with no `chance` is all of it."""
    disk = _Disk()
    for step in steps:
        disk.do(step, chance)
    kept = len(disk.pending)
    if chance is not None:
        kept = chance.randint(0, kept) if 0 < share < 1 else round(kept * share)
    for name, file, _ in disk.pending[:kept]:
        _set(disk.durable, name, file)
    folder.mkdir(parents=True)
    for name, file in disk.durable.items():
        _settle(file, share, chance)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.durable)
