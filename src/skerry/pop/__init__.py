"""A PoP from Python's side.

`compile` turns a project into the `snapshot` that an engine serves; `engine` is the process shell around
the native core, which keeps the last good snapshot and answers control over `frames`; `purge` says what a
purge names; `records` reads what engines write down about requests; `explain` tells it to a person.
"""
