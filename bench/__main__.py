"""`python -m bench [name …]`: run the named benches, or all of them, and print one table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.ceiling import ceiling
from bench.closed import closed
from bench.figures import Figure, Unmeasured, machine, save, table
from bench.growth import growth
from bench.knowledge import knowledge
from bench.mixed import mixed
from bench.packages import packages
from bench.process import ROOT
from bench.question import question
from bench.soak import soak
from bench.start import idle, starts

BENCHES: Mapping[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "start": lambda options: starts(options.rounds),
    "idle": lambda options: idle(options.idle_seconds),
    "packages": lambda options: packages(),
    "generator": lambda options: ceiling(options.seconds),
    "closed": lambda options: closed(options.turns or 3, options.seconds),
    "question": lambda options: question(),
    "mixed": lambda options: mixed(options.turns or 1, options.seconds),
    "growth": lambda options: growth(options.turns or 1, options.seconds, full=options.full),
    "knowledge": lambda options: knowledge(options.corpus, full=options.full, lines=options.lines, docs=options.docs),
    "soak": lambda options: soak(options.minutes),
}
UNASKED = [name for name in BENCHES if name not in ("soak", "knowledge")]
"""What runs where nothing is named: neither an hour's soak, nor what needs a file."""


def main() -> None:
    """Exit with 1 where a bench could not run; a missed target changes nothing, for machines differ."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"which of {', '.join(BENCHES)} (default: all but soak and knowledge)"
    )
    parser.add_argument("--rounds", type=int, default=15, help="starts of each kind (default: 15)")
    parser.add_argument("--turns", type=int, help="rounds of each bot under load (closed: 3, mixed, growth: 1)")
    parser.add_argument("--seconds", type=float, default=3, help="length of one such round (default: 3)")
    parser.add_argument(
        "--full",
        action="store_true",
        help="growth: also ten million rows, and the picture; knowledge: a million chunks",
    )
    parser.add_argument("--corpus", type=Path, help="knowledge: cmrc2018_dev.json")
    parser.add_argument("--lines", type=Path, help="knowledge: folder of gt_good.txt and gt_bad.txt, for the gate")
    parser.add_argument("--docs", type=Path, help="knowledge: folder of the documents that these lines are about")
    parser.add_argument("--minutes", type=float, default=60, help="length of the soak (default: 60)")
    parser.add_argument("--idle-seconds", type=float, default=10, help="rest before memory is read (default: 10)")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results", help="folder of the JSON files")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHES)
    if unknown:
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    if options.rounds < 1 or (options.turns is not None and options.turns < 1):
        parser.error("at least one round is needed")
    place = machine()
    print(", ".join(f"{name}: {value}" for name, value in place.items()))
    figures: list[Figure] = []
    unmeasured = 0
    for name in options.names or UNASKED:
        print(f"measuring {name} ...", flush=True)
        try:
            figures += BENCHES[name](options)
        except Unmeasured as reason:
            unmeasured += 1
            print(f"{name} was not measured. {reason}")
    print(f"\n{table(figures)}\n")
    asked = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    measured = {**asked, "names": options.names or UNASKED}
    print(f"kept in {save(options.results, place, measured, figures)}")
    sys.exit(unmeasured > 0)


if __name__ == "__main__":
    main()
