"""A disk that remembers what was done to it, and shows what a crash at any moment could have left.

`recorder` records every write, truncation, sync, creation, renaming and removal of SQLite's files (a VFS) and of
           blobs (`skerry.storage.files`).
`image`    builds a folder from the first so many of them: all in order, or what was not synced lost, in part or torn.
`life`     what is done to a store while it is recorded, and what has to be found after a crash.
"""
