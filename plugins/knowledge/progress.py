"""Tells an operator how far a long work is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS = 5.0
"""Between two lines where there is no terminal."""
WIDTH = 40


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Call what it gives before each of `total` steps, with the step's name. It writes to stderr."""
    with _bar(total) if sys.stderr.isatty() else _lines(total) as step:
        yield step


def line(text: str) -> str:
    """One line of a text, harmless on a terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[now]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=total, now="")
        first = True

        def step(name: str) -> None:
            nonlocal first
            shown.update(task, advance=0 if first else 1, now=line(name)[-WIDTH:])
            first = False

        yield step


@contextmanager
def _lines(total: int) -> Iterator[Callable[[str], None]]:
    done = 0
    last = time.monotonic()

    def step(name: str) -> None:
        nonlocal done, last
        if time.monotonic() - last >= SECONDS:
            sys.stderr.write(f"{done} of {total}, now {line(name)}\n")
            sys.stderr.flush()
            last = time.monotonic()
        done += 1

    yield step
