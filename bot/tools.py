"""The operator's tools beside the running bot: check, qq, env, export, backup, and what plugins bring."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bot.errors import XiaopengError

if TYPE_CHECKING:
    from bot.doctor.finding import Finding

ENV_FILE = Path(".env")
MUST_ACT = 2
"""The exit code where the operator must act first."""
COLORS = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}


class Form(StrEnum):
    """How an export writes its rows."""

    JSONL = "jsonl"
    CSV = "csv"


class Tools(TyperGroup):
    """The commands of this file, and those of plugins, which are loaded where one is asked for."""

    @cached_property
    def plugins(self) -> Mapping[str, Any]:
        """The command-line apps of the plugins that load; a broken plugin is named and left out."""
        from bot import loader
        from bot.doctor import plugins, settings

        config, _ = settings.read(ENV_FILE)
        modules, broken = plugins.modules(config.plugins)
        for finding in broken:
            _say(f"{finding.subject}: {finding.text}")
        return {name: typer.main.get_command(app) for name, app in loader.apps(modules).items()}

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *sorted(self.plugins.keys() - set(own))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or self.plugins.get(cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except XiaopengError as error:
            _say(str(error))
            raise typer.Exit(MUST_ACT) from None


app = typer.Typer(
    cls=Tools,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def main(ctx: typer.Context) -> None:
    """Ou Xiaopeng: a bot for technical communities. Without a command it runs."""
    if ctx.invoked_subcommand is None:
        run()


@app.command()
def run() -> None:
    """Run the bot until Ctrl-C."""
    from bot.running import run

    sys.exit(run())


@app.command()
def chat() -> None:
    """Talk to the bot in this terminal."""
    from bot.running import chat

    sys.exit(chat())


@app.command()
def check(
    online: Annotated[bool, typer.Option("--online", help="Also ask every model something tiny.")] = False,
) -> None:
    """Name all that is wrong here, with remedies.

    The exit code is 1 where the bot could not run so. Nothing is changed, and no secret is shown.
    """
    from bot import doctor, journal

    journal.start("ERROR")
    counts = dict.fromkeys(COLORS, 0)
    own = frozenset(command.callback.__name__ for command in app.registered_commands if command.callback)
    for finding in doctor.examine(ENV_FILE, online=online, reserved=own):
        counts[finding.level] += 1
        _show(finding)
    typer.echo(f"{counts['ok']} fine, {counts['warn']} to look at, {counts['fail']} to mend.")
    raise typer.Exit(1 if counts["fail"] else 0)


@app.command()
def qq(
    wait: Annotated[float | None, typer.Option(metavar="SECONDS", min=0, help="Wait no longer than this.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print only what was seen in the end, as JSON.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Where no token is set, write a new one into .env.")] = False,
) -> None:
    """Connect QQ: what to paste into NapCat or another OneBot implementation, and what is seen of it.

    The bot may run or not. It ends when an account is connected and logged in (exit code 0), or with
    Ctrl-C (1 where none is). Without --yes nothing is written unless you say so.
    """
    from bot import config, pairing
    from bot.pairing import secret

    settings = config.load(ENV_FILE)
    made = settings.onebot.enabled and not secret.given(settings) and (yes or _agreed(as_json))
    if made:
        settings = secret.make(ENV_FILE)
    raise typer.Exit(pairing.pair(settings, typer.echo, _show, wait=wait, as_json=as_json, made=made))


def _agreed(as_json: bool) -> bool:
    """Whether somebody sits at the terminal and wants a token made."""
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return typer.confirm(f"No access token is set. Make one and write it into {ENV_FILE}?", default=True)


@app.command()
def env() -> None:
    """Print all settings, as a file .env to begin with."""
    from bot import envfile

    typer.echo(envfile.example(), nl=False)


@app.command()
def export(
    tables: Annotated[list[str] | None, typer.Argument(metavar="TABLE", help="All tables, if none.")] = None,
    form: Annotated[Form, typer.Option("--format", help="JSON lines, or CSV for spreadsheets.")] = Form.JSONL,
    out: Annotated[Path | None, typer.Option(help="The folder; a new one beside the database, if none.")] = None,
    since: Annotated[float | None, typer.Option(metavar="DAYS", min=0, help="Only rows younger than this.")] = None,
    bodies: Annotated[bool, typer.Option("--bodies", help="With the texts, which may hold personal data.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write tables into files that name nobody.

    The bot may run. Ids become hashes, the same for one id within one export, and across exports where
    XIAOPENG_STORE__EXPORT_KEY is set. Names are left out, and so are texts, unless you add --bodies.
    """
    import time

    from bot import config
    from bot.store.export import export

    keeping = config.load(ENV_FILE).store
    folder = out or keeping.path.parent / time.strftime("exports/%Y%m%d-%H%M%S")
    key = keeping.export_key.get_secret_value().encode() if keeping.export_key else None
    if bodies:
        _say("Texts may hold personal data: names that members wrote stay in them. Keep the files to yourself.")
    done = export(
        keeping.path,
        folder,
        tables=tables or (),
        form=form.value,
        since_days=since,
        bodies=bodies,
        force=force,
        key=key,
    )
    for table in done:
        typer.echo(f"{table.table}: {table.rows} rows, {_size(table.file.stat().st_size)}, {table.file}")


@app.command()
def backup(
    file: Annotated[Path | None, typer.Argument(help="Where to; backups/ beside the database, if none.")] = None,
    keep: Annotated[int | None, typer.Option(min=1, metavar="N", help="Remove all but the N newest there.")] = None,
) -> None:
    """Copy the database while the bot runs, and try the copy.

    To restore: stop the bot; copy the backup over the database (XIAOPENG_STORE__PATH); remove the files
    beside it that end in -wal and -shm; start the bot.
    """
    from bot import config
    from bot.errors import ConfigError
    from bot.store import backup as copies

    path = config.load(ENV_FILE).store.path
    folder = path.parent / "backups"
    if file is not None and keep is not None:
        raise ConfigError("--keep", "It is for the default folder.", "Leave out FILE, or --keep.")
    made = copies.backup(path, file or copies.default(folder))
    rows = ", ".join(f"{table} {count}" for table, count in made.rows.items() if not table.startswith("_"))
    typer.echo(f"{made.file}: {_size(made.size)}, sound; {rows}")
    for gone in copies.prune(folder, keep) if keep else ():
        typer.echo(f"removed {gone}")


def _show(finding: Finding) -> None:
    level = typer.style(f"{finding.level:<5}", fg=COLORS[finding.level])
    typer.echo(f"{level}{finding.subject}: {_line(finding.text)}")


def _say(text: str) -> None:
    typer.echo(_line(text), err=True)


def _line(text: str) -> str:
    """One line of a text, harmless on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.1f} KB"
