"""`python -m bench.knowledge FILE`, or `bench/knowledge FILE` by any Python of the environment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # where it is run as a folder

from bench.figures import Unmeasured, machine, table
from bench.knowledge import knowledge


def main() -> None:
    """Exit with 1 where it could not run; a missed target changes nothing."""
    parser = argparse.ArgumentParser(prog="python -m bench.knowledge", description=knowledge.__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="cmrc2018_dev.json")
    parser.add_argument("--full", action="store_true", help="also a million chunks: 3 GB of disk, a quarter of an hour")
    parser.add_argument("--lines", type=Path, help="folder of gt_good.txt and gt_bad.txt, for the gate")
    parser.add_argument("--docs", type=Path, help="folder of the projects' documents, for the gate")
    options = parser.parse_args()
    print(", ".join(f"{name}: {value}" for name, value in machine().items()), flush=True)
    try:
        print(table(knowledge(options.file, full=options.full, lines=options.lines, docs=options.docs)))
    except Unmeasured as reason:
        print(reason)
        sys.exit(1)


if __name__ == "__main__":
    main()
