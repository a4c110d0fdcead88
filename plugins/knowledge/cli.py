"""The command line of the knowledge: `xiaopeng knowledge …`. It runs beside the bot, or without it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlite_utils import Database

from bot.api import ConfigError, FetchError, database, fetch, is_shared
from plugins.knowledge import shelf, walk
from plugins.knowledge.documents import Unreadable
from plugins.knowledge.fetched import is_url, named, source
from plugins.knowledge.filling import Filling, Item, Tally
from plugins.knowledge.gate import enough, sure
from plugins.knowledge.progress import line, progress
from plugins.knowledge.reading import LIMIT, READABLE
from plugins.knowledge.scoring import score as score_lines
from plugins.knowledge.search import search

EXCERPT = 300
"""Characters of a passage that `ask` shows."""

app = typer.Typer(
    help="What the bot knows: add documents, and try what it finds in them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
GroupOption = Annotated[
    str | None, typer.Option("--group", metavar="GROUP", help="A group's own documents, by its id: qq:123.")
]
CollectionOption = Annotated[
    str | None,
    typer.Option(
        "--collection", metavar="NAME", help=f"A collection; {shelf.SHARED}, which all groups search, if none."
    ),
]


@app.command()
def add(
    targets: Annotated[list[str], typer.Argument(metavar="TARGET", help="Folders, files, http(s) addresses.")],
    group: GroupOption = None,
    collection: CollectionOption = None,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What the folder is known by, if not by its own name.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave what has gone from a folder.")] = False,
) -> None:
    """Add documents; again, to bring them up to date.

    The bot may run. Of a folder that was added before, what is new or has changed is read, and what has gone
    is removed. Interrupted, it goes on where it was. Hidden files, node_modules and links are left out.
    """
    began = time.monotonic()
    into = _collection(group, collection)
    if into == shelf.SHIPPED:
        raise typer.BadParameter(f"The collection {into} comes with the bot. Name another one.")
    files, items = _chosen(targets, name)
    with database(shelf.tables) as db, progress(len(items)) as step:
        filling = Filling(db, into, partial(is_shared, db))
        filling.renew()
        for item in items:
            step(item.source)
            filling.add(item)
        filling.flush()
        for top, found in () if keep else files.items():
            filling.remove(walk.gone(filling.kept, top, found))
        filling.recount()
    _tell(filling.tally, time.monotonic() - began)


def _chosen(targets: list[str], name: str | None) -> tuple[dict[str, list[walk.Found]], list[Item]]:
    """What was found in each folder, by its name, and all that is to be added. Raises BadParameter."""
    if name is not None and (len(targets) > 1 or is_url(targets[0]) or not name.strip("/")):
        raise typer.BadParameter("--as names one folder or file.")
    items: list[Item] = []
    folders: dict[str, list[walk.Found]] = {}
    tops = Counter[str]()
    for target in dict.fromkeys(targets):
        if is_url(target):
            items.append(Item(source(target), partial(_fetched, target)))
            continue
        path = Path(target)
        if not path.exists():
            raise typer.BadParameter(f"There is no file or folder {line(target)}.")
        top = name.strip("/") if name else walk.name(path)
        tops[top] += 1
        found = list(walk.walk(path, top, READABLE)) if path.is_dir() else [walk.Found(path, top)]
        if path.is_dir():
            folders[top] = found
        items += [Item(each.source, partial(_read, each)) for each in found]
    if twice := [top for top, count in tops.items() if count > 1]:
        raise typer.BadParameter(f"Two targets are called {line(twice[0])}. Add them one by one, with --as.")
    return folders, items


def _read(found: walk.Found) -> tuple[str, bytes]:
    return found.path.name, walk.contents(found, LIMIT)


def _fetched(url: str) -> tuple[str, bytes]:
    try:
        # Whoever types here may read what is inside the operator's network.
        page = asyncio.run(fetch(url, public=False))
    except FetchError as error:
        raise Unreadable(str(error)) from error
    return named(page), page.data


def _tell(tally: Tally, seconds: float) -> None:
    typer.echo(
        f"added {tally.added}, changed {tally.changed}, unchanged {tally.unchanged}, removed {tally.removed};"
        f" {tally.chunks} chunks, {seconds:.1f} s"
    )
    if tally.broken:
        typer.echo(f"{len(tally.broken)} could not be read:", err=True)
        for broken, reason in tally.broken:
            typer.echo(f"  {line(broken)}: {line(reason)}", err=True)
        if not tally.worked:
            raise typer.Exit(1)


@app.command("list")
def list_(
    group: GroupOption = None,
    collection: CollectionOption = None,
    every: Annotated[bool, typer.Option("--all", help="All collections.")] = False,
) -> None:
    """List documents: collection, source, number of chunks, title."""
    if every and (group or collection):
        raise typer.BadParameter("--all is all: leave out --group and --collection.")
    documents = chunks = 0
    with _there() as db:
        for name in _names(db) if every else [_collection(group, collection)]:
            for entry in shelf.entries(db, name):
                documents += 1
                chunks += entry.chunks
                typer.echo(line(name) + "\t" + line(entry.source) + f"\t{entry.chunks}\t" + line(entry.title))
    typer.echo(f"{documents} documents, {chunks} chunks", err=True)


def _names(db: Database) -> list[str]:
    return [name for (name,) in db.execute("select name from knowledge_collections order by id").fetchall()]


@app.command()
def remove(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE", help="As `list` shows them; a folder ends in /.")],
    group: GroupOption = None,
    collection: CollectionOption = None,
) -> None:
    """Remove documents, or all that lie below a folder (docs/)."""
    name = _collection(group, collection)
    with _there() as db:
        known = [entry.source for entry in shelf.entries(db, name)]
    chosen: dict[str, None] = {}
    missing = False
    for wanted in sources:
        hits = [each for each in known if each == wanted or (wanted.endswith("/") and each.startswith(wanted))]
        chosen |= dict.fromkeys(hits)
        if not hits:
            missing = True
            folder = f"{Path(wanted).name}/"
            inside = sum(each.startswith(folder) for each in known)
            hint = (
                f" {line(folder)} is a folder with {inside}: xiaopeng knowledge remove {line(folder)}" if inside else ""
            )
            typer.echo(f"{line(wanted)}: there is no such document in {line(name)}.{hint}", err=True)
    if chosen:
        with database(shelf.tables) as db:
            filling = Filling(db, name, partial(is_shared, db))
            filling.remove(chosen)
            filling.recount()
        typer.echo(f"removed {filling.tally.removed}")
    if missing:
        raise typer.Exit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="As a member would ask it.")],
    group: GroupOption = None,
    collection: CollectionOption = None,
) -> None:
    """Show what the bot would find for a question, without a model: the five best passages and their scores."""
    names = dict.fromkeys([_collection(group, collection), shelf.SHARED, shelf.SHIPPED])
    with _there() as db:
        found = search(db, list(names), question)
    if not found.hits:
        typer.echo("Nothing was found.")
        return
    share, least = sure(found), enough(found.hits[0], question)
    typer.echo(f"{'answered' if share >= least else 'not answered'}: {share:.2f} sure, {least:g} is enough")
    for number, hit in enumerate(found.hits, 1):
        typer.echo(f"\n{number}. score {hit.score:.1f}, coverage {hit.coverage:.2f}  {line(hit.source)}")
        typer.echo(f"   {line(hit.title)}")
        text = line(" ".join(hit.text.split()))
        typer.echo(f"   {text[:EXCERPT]}{'…' if len(text) > EXCERPT else ''}")


@app.command()
def score(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="JSON lines; - is the standard input.")] = "-",
    group: GroupOption = None,
    collection: CollectionOption = None,
) -> None:
    """Score lines that nobody put to the bot: whether it would speak, and what it would say.

    A line is {"id": …, "question": …}; for each comes {"id", "answer", "source", "score", "speaks"}, at once and
    in order. It is searched in the shared collection and the group's own, or in the one that is named. Where a line
    makes no sense, {"id", "error"} stands in its place, and the exit code is 1.
    """
    name = _collection(group, collection)
    with ExitStack() as stack:
        if file == "-":
            lines = sys.stdin.buffer
        else:
            try:
                lines = stack.enter_context(Path(file).open("rb"))
            except OSError as error:
                raise typer.BadParameter(f"{line(file)} cannot be read ({error.strerror}).") from None
        db = stack.enter_context(_there())
        sound = score_lines(db, [shelf.SHARED, name] if group else [name], lines, _say)
    raise typer.Exit(0 if sound else 1)


def _say(text: str) -> None:
    # In UTF-8 whatever the terminal's encoding is: JSON has no other.
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


def _collection(group: str | None, name: str | None) -> str:
    if group is not None and name is not None:
        raise typer.BadParameter("--group or --collection, not both.")
    if group is not None and (":" not in group.strip(":") or any(char.isspace() for char in group)):
        raise typer.BadParameter("A group is written like qq:123.")
    if name is not None and (not 0 < len(name) <= 40 or set(name) & set(":、，,；;") or any(map(str.isspace, name))):
        raise typer.BadParameter(
            "A collection has a short name without : or spaces; a group's own is meant by --group."
        )
    return group or name or shelf.SHARED


@contextmanager
def _there() -> Iterator[Database]:
    """The database for reading. Raises ConfigError where nothing was ever added."""
    with database() as db:
        if not db.table("knowledge_documents").exists():
            raise ConfigError("knowledge", "Nothing has been added yet.", "Run `xiaopeng knowledge add` first.")
        yield db
