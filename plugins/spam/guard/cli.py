"""`xiaopeng spam report` and `xiaopeng spam import`: what needs the bot's database, beside a running bot or without."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlite_utils import Database

from bot.api import ConfigError, database
from plugins.spam.cli import app
from plugins.spam.guard import adlist, figures, samples, telling, uptake
from plugins.spam.guard.figures import Figures
from plugins.spam.guard.tables import DAY, EVERYWHERE, tables
from plugins.spam.intervals import UNKNOWN, Interval
from plugins.spam.precision import Precision, precision, precisions, recall

__all__ = ["app"]

NAMED = 20
"""So many lines that were left out are named."""
BATCH = 200
GroupOption = Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Only this group: qq:123.")]


# --- how right it is --------------------------------------------------------------------------


@app.command()
def report(
    group: GroupOption = None,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="The last so many days.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Show how often the guard was right, per group and rule, and how sure that is.

    An interval holds the truth at 95 %. What nobody labelled is neither right nor wrong; without answers to the
    random audit the recall is unknown.
    """
    now = time.time()
    since = now - days * DAY
    with _there() as db:
        groups = _groups(db, since) if group is None else {_group(group): _name(db, group)}
        modes = dict(db.execute("select group_id, mode from spam_groups").fetchall())
        entries = [
            _entry(name, each, modes.get(each, "shadow"), figures.read(db, [each], since, now), _asking(db, each))
            for each, name in groups.items()
        ]
        total = figures.read(db, list(groups), since, now) if len(groups) > 1 else None
    found: dict[str, Any] = {"days": days, "groups": entries}
    if total is not None:
        found["all"] = _entry("", EVERYWHERE, "", total, [])
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not entries:
        typer.echo(f"Nothing was looked at in the last {days} days.")
    for entry in [*entries, *([found["all"]] if total is not None else [])]:
        typer.echo("\n".join(_told(entry)) + "\n")


def _groups(db: Database, since: float) -> dict[str, str]:
    """The groups in which something happened since then, with their names."""
    query = (
        "select group_id from spam_decisions where time >= ? union"
        " select group_id from spam_days where day >= date(?, 'unixepoch', 'localtime') order by 1"
    )
    return {each: _name(db, each) for (each,) in db.execute(query, [since, since]).fetchall()}


def _name(db: Database, group: str) -> str:
    query = "select group_name from spam_decisions where group_id = ? order by id desc limit 1"
    row = db.execute(query, [group]).fetchone()
    return row[0] if row is not None else ""


def _asking(db: Database, group: str) -> list[str]:
    """The rules that ask the admins there."""
    row = db.execute("select value from spam_facts where group_id = ? and name = 'rules'", [group]).fetchone()
    return sorted(rule for rule, change in json.loads(row[0]).items() if change["asks"]) if row is not None else []


def _entry(name: str, group: str, mode: str, found: Figures, asking: list[str]) -> dict[str, Any]:
    missed = recall(found.rows)
    return {
        "group": group,
        "name": name,
        "mode": mode,
        "seen": found.seen,
        "acted": found.acted,
        "would": found.would,
        "asked_first": found.held,
        "reviewed": {"asked": found.asked, "answered": found.settled, "spam": found.ads},
        "precision": _counted(precision(found.rows)),
        "rules": {rule: _counted(one) for rule, one in precisions(found.rows).items()},
        "asking": asking,
        "recall": {
            **_interval(missed.shown),
            "chosen": missed.chosen,
            "answered": missed.answered,
            "pointed_at": found.pointed,
        },
    }


def _counted(one: Precision) -> dict[str, Any]:
    return {
        **_interval(one.shown),
        "judged": one.acted,
        "right": one.right,
        "wrong": one.wrong,
        "unlabelled": one.unlabelled,
        "silently_accepted": one.silent,
    }


def _interval(interval: Interval) -> dict[str, float | None]:
    if interval == UNKNOWN:
        return {"low": None, "estimate": None, "high": None}
    point = None if interval.point is None else round(interval.point, 4)
    return {"low": round(interval.low, 4), "estimate": point, "high": round(interval.high, 4)}


def _told(entry: dict[str, Any]) -> Iterator[str]:
    name = telling.safe(entry["name"], telling.NAME_SHOWN)
    head = "all groups" if entry["group"] == EVERYWHERE else f"{telling.safe(entry['group'], 80)} {name}".rstrip()
    mode = f" ({entry['mode']})" if entry["mode"] else ""
    yield f"{head}{mode}: {entry['seen']} messages seen"
    yield (
        f"  acted {entry['acted']}, would have acted {entry['would']}, asked first {entry['asked_first']};"
        f" in doubt {entry['reviewed']['asked']}, answered {entry['reviewed']['answered']}"
    )
    missed = entry["recall"]
    yield f"  {'rule':12}{'judged':>8}{'right':>8}{'wrong':>8}{'open':>8}{'silent':>8}  precision (95 %)"
    for rule, one in [*entry["rules"].items(), ("together", entry["precision"])]:
        counts = "".join(f"{one[what]:8}" for what in ("judged", "right", "wrong", "unlabelled", "silently_accepted"))
        yield f"  {rule:12}{counts}  {_between(one)}{'  (asks the admins)' if rule in entry['asking'] else ''}"
    yield (
        f"  recall {_between(missed)}, from {missed['answered']} of {missed['chosen']} audited;"
        f" {missed['pointed_at']} pointed at"
    )


def _between(one: dict[str, Any]) -> str:
    if one["low"] is None:
        return "unknown"
    estimate = "" if one["estimate"] is None else f"{one['estimate']:.3f} "
    return f"{estimate}[{one['low']:.3f}, {one['high']:.3f}]"


# --- an admin's own ads -----------------------------------------------------------------------


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help=".txt (one a line), .csv (a column text), .jsonl (as for training).")],
    group: GroupOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="For all groups, which is what happens without --group.")
    ] = False,
) -> None:
    """Teach your own list of ads; a running bot knows them within a minute.

    Left out and named: what is there already, what comes twice, and what is too short or too ordinary to be known
    by. What an admin of the group called harmless stays so.
    """
    if every and group is not None:
        raise typer.BadParameter("--group or --all, not both.")
    into = _group(group) if group is not None else EVERYWHERE
    with database(tables) as db:
        there = samples.active(db, into, shared=True)
        known = {samples.key(text) for _, label, text in there if label == "spam"} - {None}
        harmless = {samples.key(text) for _, label, text in there if label == "ham"} - {None}
        try:
            found = adlist.sort(file, {*filter(None, known)}, {*filter(None, harmless)})
        except adlist.Unreadable as error:
            typer.echo(f"{telling.safe(str(file), 200)}: {error}", err=True)
            raise typer.Exit(1) from error
        ads = list(found.ads.values())
        for start in range(0, len(ads), BATCH):
            # A running bot waits for each of these.
            with db.conn:
                db.conn.execute("begin immediate")
                samples.bring(db, into, ads[start : start + BATCH])
                uptake.mark(db, into)
    typer.echo(f"{len(ads)} ads for {'all groups' if into == EVERYWHERE else into}; {len(found.left)} lines left out")
    for number, why, text in found.left[:NAMED]:
        typer.echo(f"  line {number}: {why}{f': {telling.safe(text, 40)}' if text else ''}", err=True)
    if len(found.left) > NAMED:
        typer.echo(f"  and {len(found.left) - NAMED} more", err=True)
    if not ads and not found.known:
        raise typer.Exit(1)


def _group(group: str) -> str:
    if ":" not in group.strip(":") or any(char.isspace() for char in group):
        raise typer.BadParameter("A group is written like qq:123.")
    return group


@contextmanager
def _there() -> Iterator[Database]:
    """The database for reading. Raises ConfigError where no bot ever ran on it."""
    with database() as db:
        if not db.table("spam_decisions").exists():
            raise ConfigError("spam", "The guard has not looked at anything yet.", "Start the bot first.")
        yield db
