"""Merging: what a record is after any changes, in any order, however often they came.

Read `record` first: a record's state and `apply` (a change) and `join` (another copy). It stands on three
kinds of cells that are more than "the latest wins": `counter`, `members` (sets) and `siblings` (versions
beside each other). `write` makes operations from a record as its writer sees it, `view` shows a record to
people, and `policy` chooses among siblings: `first-write`, `server-wins`, `client-wins`, `custom`, `manual`.

Two rules decide everything. A cell is seen unless something at its path or above it has a later stamp: so
`put` and `delete` clear the record and an edit after a delete revives it. And what has to know what its
writer had seen (a removal, a version, the reset of a counter) carries that with it. Hence apply and join are
commutative, associative and idempotent, and arrival order never counts.
"""
