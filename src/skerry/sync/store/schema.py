"""The tables of a node's database. All partitions lie in one file, for a transaction may not leave it."""

from __future__ import annotations

from pathlib import Path

from skerry.storage.database import Database, Kind

# a change is at `log.id << POSITION_BITS | position`: rows of one log lie together, and the end is where it grows
POSITION_BITS = 40

_FIRST = """
CREATE TABLE part(id INTEGER PRIMARY KEY, lane TEXT NOT NULL, partition TEXT NOT NULL, state BLOB NOT NULL,
    UNIQUE(lane, partition)) STRICT;

-- floor_stamp and stamp are of the changes at floor and head
CREATE TABLE log(id INTEGER PRIMARY KEY, part INTEGER NOT NULL, origin BLOB NOT NULL, incarnation INTEGER NOT NULL,
    floor_at INTEGER NOT NULL, floor_hash BLOB NOT NULL, floor_stamp BLOB NOT NULL,
    head_at INTEGER NOT NULL, head_hash BLOB NOT NULL, stamp BLOB NOT NULL, gaps BLOB,
    UNIQUE(part, origin, incarnation)) STRICT;

-- boot, milliseconds since it and wall clock are those of the origin's own changes
CREATE TABLE entry(at INTEGER PRIMARY KEY, hash BLOB NOT NULL, raw BLOB NOT NULL,
    boot BLOB, boot_ms INTEGER, wall_ms INTEGER) STRICT;

-- hashes outlive changes: they tell apart what a restored image still has to say
CREATE TABLE past(at INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;

CREATE TABLE record(part INTEGER NOT NULL, space TEXT NOT NULL, key TEXT NOT NULL, crc INTEGER NOT NULL,
    raw BLOB NOT NULL, PRIMARY KEY(part, space, key)) STRICT, WITHOUT ROWID;

-- as it was before the first change that is not settled; NULL where there was none
CREATE TABLE before(part INTEGER NOT NULL, space TEXT NOT NULL, key TEXT NOT NULL, raw BLOB,
    PRIMARY KEY(part, space, key)) STRICT, WITHOUT ROWID;

-- records with more than one version somewhere
CREATE TABLE conflict(part INTEGER NOT NULL, space TEXT NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY(part, space, key)) STRICT, WITHOUT ROWID;
"""

NODE = Kind("node's data", 0x534B5931, (_FIRST,))  # "SKY1"


def open_database(
    path: Path, *, who: str = "skerry", vfs: str = "", check: bool = True
) -> Database:
    """The node's database, made if there is none. Raises what `Database.open` does."""
    return Database.open(path, NODE, who=who, vfs=vfs, check=check)
