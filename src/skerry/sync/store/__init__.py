"""Where a node's logs and records lie: one partition of one lane in the node's database.

Read in this order:

`schema`       the tables, and `open_database(path)`.
`partition`    `Partition(database, name)`: `write(moment)` a transaction, `reader()` for one thread, `on_apply(hook)`.
`transaction`  what is done in one: `write`, `take`, `settle`, `renew`, `replace`, `trim`, `forget`, `accepted`.
`reader`       what is asked: `record`, `records`, `log`, `hash_at`, `batch`, `cursor`, `unsettled`, `conflicts`.
`group`        `Group(partition, moment)`: many small writes of many threads share one transaction, and one fsync.
`copies`       the rows of a log: bytes above its floor, hashes also below.
`records`      the rows of records, each with a checksum, and those that are in conflict.
`state`        the clock, what was acknowledged and what is to be forgotten.

What a transaction did is there in whole or not at all, also after a crash: a local change with its record, its row in
the log and the clock; a batch with its records, heads and cursor; and what hooks wrote in the same transaction. Why
each is so stands in docs/decisions/sync.md.
"""
