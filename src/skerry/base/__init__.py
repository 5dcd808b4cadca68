"""What every room stands on: errors, findings, clocks, ids, units, logging.

Read `errors` first (whose fault is it?), then `finding` (what a reader has to say about somebody's
files), then the small rest. Nothing here knows anything of HTTP, clouds or processes.
"""
