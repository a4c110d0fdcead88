"""`python -m bench [name …]`: run the named benches, or all of them, and print one table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.figures import Figure, Unmeasured, machine, save, table
from bench.packages import packages
from bench.process import ROOT
from bench.start import idle, starts

BENCHES: Mapping[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "start": lambda options: starts(options.rounds),
    "idle": lambda options: idle(options.idle_seconds),
    "packages": lambda options: packages(),
}


def main() -> None:
    """Exit with 1 where a bench could not run; a missed target changes nothing, for machines differ."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which of {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=15, help="starts of each kind (default: 15)")
    parser.add_argument("--idle-seconds", type=float, default=10, help="rest before memory is read (default: 10)")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results", help="folder of the JSON files")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHES)
    if unknown:
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    if options.rounds < 1:
        parser.error("at least one round is needed")
    place = machine()
    print(", ".join(f"{name}: {value}" for name, value in place.items()))
    figures: list[Figure] = []
    unmeasured = 0
    for name in options.names or BENCHES:
        print(f"measuring {name} ...", flush=True)
        try:
            figures += BENCHES[name](options)
        except Unmeasured as reason:
            unmeasured += 1
            print(f"{name} was not measured. {reason}")
    print(f"\n{table(figures)}\n")
    measured = {"names": options.names or list(BENCHES), "rounds": options.rounds, "idle_seconds": options.idle_seconds}
    print(f"kept in {save(options.results, place, measured, figures)}")
    sys.exit(unmeasured > 0)


if __name__ == "__main__":
    main()
