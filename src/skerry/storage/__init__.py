"""Where data lies: one SQLite file with one writer, and files named by their content.

`database` one file: `Database.open(path, kind)`, `write()` a transaction, `reader()` a connection that only reads,
           `check()` whether its pages are whole.
`blobs`    large values: `put(chunks) → name` returns once it is durable, `get(name)` verifies what it reads.
`files`    the few calls by which blobs touch the disk, so that a test can record and replay them.
`hold`     one process has a file, and says who it is.
`fault`    what SQLite and the system say, in codes of rules/errors.toml.

What is acknowledged is on the disk: WAL with `synchronous=FULL`, and for blobs write, fsync, rename, fsync of the
folder. Nothing here knows what the data means.
"""
