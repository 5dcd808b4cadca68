"""What Skerry costs, measured beside its peers in the same run.

`python -m benchmarks` runs all, `python -m benchmarks NAME` one, `--peers-only` leaves Skerry out and writes nothing.
`http`, `functions` and `cache_tests` are the benchmarks. They stand on `server` (a program on one core and the
CPU time it used), `peer` (the others, from the configurations in `peers/`), `snapshot` and `serve` (one PoP
alone), `load` (the clients) and `report` (the common form of results). Why CPU time and not requests a second:
on a shared machine the second says what else was running.
"""
