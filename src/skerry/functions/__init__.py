"""Edge functions from Python's side: freeze code, prove it, and make workers that run it.

A function of the project becomes a `definition`: `store` freezes its code into a folder named by the
`digest` of its bytes and settings, `interpreter` finds the packages of its own environment, `lint` says
what will not run. `launcher` is a process of its own: it listens for requests, and its `zygote` clones a
worker from a prepared image; `admission` says when there is no memory for one more. The code inside a
worker is `guest/`. Engines lease workers in Rust; `lease` is the same in Python, for `proof`, which loads
a new version in a spare worker before any engine hears of it, and for tests.
"""
