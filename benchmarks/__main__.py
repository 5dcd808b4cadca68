"""`python -m benchmarks [NAME …] [--peers-only] [--quick]`: run benchmarks; exit 1 where a goal does not hold."""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys

NAMES = ("http", "functions", "cache_tests")
QUICK = {"rounds": 2, "seconds": 1.0, "keep": False}


def main() -> int:
    """Run what the command line names, all of it by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all when none is given"
    )
    parser.add_argument(
        "--peers-only", action="store_true", help="leave Skerry out; print and write nothing"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer and shorter rounds: a look that is not written down",
    )
    parser.add_argument(
        "--accept", action="store_true", help="cache_tests: write the outcomes down as expected"
    )
    asked = parser.parse_args()
    unknown = set(asked.names) - set(NAMES)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    held = True
    for name in asked.names or NAMES:
        print(f"== {name}", flush=True)
        run = importlib.import_module(f"benchmarks.{name}").main
        wanted = {
            "peers_only": asked.peers_only,
            "accepting": asked.accept,
            **(QUICK if asked.quick else {}),
        }
        held &= run(
            **{
                key: value
                for key, value in wanted.items()
                if key in inspect.signature(run).parameters
            }
        )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
