"""What a message wants of the bot: a command, an unknown one, or nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.binding import SLASHES, called, clean, nearest
from bot.plugin import Command, Plugin
from bot.switchboard import View
from bot.types import Mention, Message, Role

AT = frozenset("@＠")


@dataclass(frozen=True, slots=True)
class Call:
    """A command that was found, and the words behind its name."""

    command: Command
    plugin: Plugin
    line: str
    named: bool = True
    """False where no command was named, and it takes whatever is said to the bot."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A `/word` that names no command which is on here."""

    line: str

    def guess(self, view: View, role: Role) -> str | None:
        """What may have been meant, among what this role may call."""
        return nearest(self.line, [name for name, (command, _) in view.commands.items() if command.role <= role])


def addressed(message: Message, names: tuple[str, ...], accounts: Collection[str] = ()) -> tuple[str, bool] | None:
    """What is said to the bot, and whether it began with a slash; None where it is not meant.

    It is meant by a slash, a mention, a copied mention (with or without the space that the
    platforms put behind a real one), or by being alone with it. `names` are the bot's own
    everywhere; those of this group come with the message. `accounts` are all of the bot's own.
    """
    line = clean(message.text)
    first = line[:1]
    if first and first in SLASHES:
        return line[1:], True
    meant = message.group.direct
    if len(message.parts) > 1 or not message.text:
        own = {message.account.id, *accounts}
        meant = meant or any(isinstance(part, Mention) and part.id in own for part in message.parts)
    if first and first in AT:
        for name in (*message.account.names, *names):
            if name and line.startswith(name, 1):
                meant, line = True, clean(line[1 + len(name) :])
                break
    if not meant:
        return None
    if line[:1] and line[0] in SLASHES:
        return line[1:], True
    return line, False


def wanted(
    message: Message, view: View, names: tuple[str, ...], accounts: Collection[str] = ()
) -> Call | Unknown | None:
    """The command that a message calls in its group; None for mere talk.

    Without a slash a word counts as a command only where the rest fits it, so that
    "@欧小鹏 帮助 我装一下" is a question and not a wrong call of the help.
    """
    spoken = addressed(message, names, accounts)
    if spoken is None:
        return None
    line, slash = spoken
    found = called(line, view.commands)
    if found is not None:
        name, rest = found
        command, plugin = view.commands[name]
        if slash or view.addressed is None or command.binder.fits(rest):
            return Call(command, plugin, rest)
    if slash:
        return Unknown(line)
    if view.addressed is None or (not line and message.group.direct):
        return None
    command, plugin = view.addressed
    return Call(command, plugin, line, named=False)
