"""Which messages the lot falls on: about these the admins are asked a day later (`questions`)."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

from sqlite_utils import Database

from bot.api import Message
from plugins.spam.auditing import Auditor
from plugins.spam.finding import Finding, Said
from plugins.spam.guard import demoting, ladder
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.said import is_command

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

FACT = "audit"


def load(db: Database, watched: Watched) -> None:
    """Take up choosing, and what is known of the rules, where it was left; runs in a reader."""
    state = watched.facts.get(FACT)
    watched.audit = Auditor(0, Random(), json.loads(state) if state else None)
    demoting.load(watched)


def save(watched: Watched) -> None:
    """Note what choosing has to remember."""
    if watched.audit is not None:
        watched.note(FACT, json.dumps(watched.audit.state))


def drawn(settings: Spam, watched: Watched, message: Message, seen: Said, finding: Finding) -> float | None:
    """The chance with which a message was chosen to be asked about; None where it was not.

    No admin is asked about another, nor about a command.
    """
    auditor = watched.audit
    if auditor is None or ladder.spared(watched, message.member) or is_command(seen.text):
        return None
    auditor.daily = settings.audits
    chance: float | None = auditor.choose(finding.verdict, finding.score, watched.day())
    return chance
