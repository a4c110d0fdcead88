"""`xiaopeng spam …`: train the filter, score it, ask it about a text, give it one's own ads, see how right it is."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from plugins.spam.engine import Engine
from plugins.spam.finding import Finding, Said
from plugins.spam.model import Unreadable

app = typer.Typer(name="spam", no_args_is_help=True, help="The guard against ads: train it, score it, ask it.")

Weights = Annotated[
    Path | None, typer.Option("--weights", help="Folder of weights; those that come along if not given.")
]
WORDS = {"act": "spam", "review": "review", "pass": "ham"}


@app.command()
def train(
    data: Annotated[list[Path], typer.Option("--data", help="jsonl file with text, label (spam|ham) and source.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the weights and their card.")],
    sources: Annotated[str, typer.Option(help="Only rows of these sources, separated by commas.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed and data give the same weights.")] = 1,
) -> None:
    """Train weights on labelled texts and on texts of our own templates."""
    try:
        from plugins.spam.training.corpus import Unreadable as BadData
        from plugins.spam.training.corpus import corpus
        from plugins.spam.training.weights import train as fit
    except ImportError as missing:
        raise _fail(f'training needs scikit-learn: pip install "ouxiaopeng[training]" ({missing})') from missing
    dice = Random(seed)
    try:
        rows = corpus(data, dice, {name.strip() for name in sources.split(",") if name.strip()})
    except (BadData, OSError) as error:
        raise _fail(str(error)) from error
    known = {row.source for row in rows}
    if missing_sources := [name for name in sources.split(",") if name.strip() and name.strip() not in known]:
        raise _fail(f"no rows of {', '.join(missing_sources)} in the data")
    try:
        figures = fit(rows, out, dice)
    except OSError as error:
        raise _fail(str(error)) from error
    typer.echo(f"{out}: {figures['rows']:.0f} texts in {figures['seconds']:.0f} s; see {out / 'CARD.md'}")


@app.command()
def score(weights: Weights = None) -> None:
    """Read {"id", "text"} lines, write {"id", "score", "verdict"} lines (verdict spam, review or ham)."""
    engine = _engine(weights)
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            id, text = row["id"], row["text"]
            if not isinstance(text, str):
                raise TypeError("text is no string")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            typer.echo(f"line {number}: needs an object with id and text ({error})", err=True)
            continue
        finding, margin = engine.weigh(text)
        answer = {"id": id, "score": round(margin, 5), "verdict": WORDS[finding]}
        try:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # Nobody listens any more; what is buffered must not be flushed again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return


@app.command()
def check(
    text: Annotated[str, typer.Argument(help="The message.")],
    name: Annotated[str, typer.Option(help="The member's name in the group.")] = "",
    weights: Weights = None,
) -> None:
    """Explain what the filter thinks of one message, as a newcomer's first."""
    finding = _engine(weights).judge(Said(text=text, name=name))
    typer.echo(_told(finding))


def _told(finding: Finding) -> str:
    words = {"act": "广告", "review": "拿不准，会问管理员", "pass": "放行"}
    lines = [f"{words[finding.verdict]}（像广告的把握 {finding.score:.1%}）"]
    lines += [f"  {reason.weight:+.1f}  {reason.words}" for reason in finding.reasons]
    return "\n".join(lines)


def _engine(weights: Path | None) -> Engine:
    try:
        return Engine.load(weights)
    except Unreadable as error:
        raise _fail(str(error)) from error


def _fail(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(1)
