"""Children: how a process is started, limited, given an identity, watched and ended. Linux only.

Everything here is standard library, because init (a process of 10 MB that must never fall) imports it.
Read `prctl` and `descriptors` first, the two ways to talk to the kernel and to a relative. `spawn` starts
a part of Skerry by fork and exec. `clone` makes a worker whose parent is init though the launcher asked
for it, so that a dead launcher takes no call along. `limits`, `identity` and `ladder` are what a worker
is held by. `pidfd` and `supervise` are what init watches and ends it with.
"""
