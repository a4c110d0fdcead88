"""A report becomes lines: each thing once, and again when it has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot.config import Config, variable
from bot.doctor.finding import Finding, ok, warn
from bot.pairing.remedies import CONNECT, REMEDIES
from bot.pairing.report import Place, Report, Seen, Trouble

SETTLE: Final = 1.5
"""Seconds that what is told of the accounts must stand before all counts as well."""

SILENCE: Final = 20.0
"""Seconds without a sign of life after which the likely causes are named."""

MUTE: Final = 5.0
"""Seconds that a connection may tell nothing before that is said."""

AGAIN: Final = 30.0
"""Seconds after which a mistake that goes on is named once more."""

DIALLED: Final = frozenset({"refused_by_peer", "unreachable", "not_onebot"})
"""Mistakes that hold until the bot is through: it tries again ever more seldom, or not at all."""

SHOWN: Final = 5
LONGEST: Final = 60
DETAIL: Final = 160


class Watch:
    """Holds what was said already. `since` (epoch seconds) is when this command began: older mistakes are history."""

    def __init__(self, config: Config, since: float, *, settle: float = SETTLE) -> None:
        self._config = config
        self._since = since
        self._silent = True
        self._settle = settle
        self._said: dict[tuple[str, str], str] = {}
        self._troubles: dict[str, tuple[float, int]] = {}
        self._steady: tuple[object, float] = (None, 0.0)
        self._hindrance = ""
        self.seen = Report()

    def see(self, report: Report, passed: float) -> Iterator[Finding]:
        """What is new in a report that was made `passed` seconds after the begin."""
        if self._hindrance:
            self._hindrance = ""
            yield ok("QQ", "the bot answers")
        self.seen = report
        state = tuple((seen.account, seen.connected, seen.online, seen.app, seen.groups) for seen in report.accounts)
        if state != self._steady[0]:
            self._steady = (state, passed)
        for seen in report.accounts:
            yield from self._account(seen, passed)
        for trouble in report.troubles:
            # That an account is offline, the account says itself.
            if trouble.kind != "account_offline" and (trouble.time >= self._since or self._holds(trouble)):
                yield from self._trouble(trouble, passed)
        if any(seen.connected for seen in report.accounts) or self._troubles:
            self._silent = False
        if self._silent and passed >= SILENCE:
            self._silent = False
            yield from self._checklist()

    def hindered(self, kind: str, passed: float) -> Iterator[Finding]:
        """Note that the bot that runs could not be asked, and why."""
        self._steady = (None, passed)
        self.seen = Report()
        if kind != self._hindrance:
            self._hindrance = kind
            yield self._known(kind, "")

    @property
    def connected(self) -> Sequence[Seen]:
        """The accounts with which all is well so far: connected, and logged in."""
        return [seen for seen in self.seen.accounts if seen.connected and seen.online]

    @property
    def rules(self) -> bool:
        """Whether the bot is an admin wherever it is."""
        return all(_rules(place) for seen in self.connected for place in seen.groups)

    def settled(self, passed: float) -> bool:
        """Whether somebody is connected, its groups are known, and nothing has moved for a while."""
        return any(seen.groups for seen in self.connected) and self._stands(passed, self._settle)

    def _stands(self, passed: float, seconds: float) -> bool:
        return passed - self._steady[1] >= seconds

    def last(self) -> Iterator[Finding]:
        """What is to be said of the accounts at the end."""
        for seen in self.connected:
            if not seen.groups:
                yield from self._say(_name(seen), "groups", self._known("no_group", _name(seen)))
            elif not any(_rules(place) for place in seen.groups):
                yield self._known("no_admin", _name(seen))

    # --- accounts -----------------------------------------------------------------------------

    def _account(self, seen: Seen, passed: float) -> Iterator[Finding]:
        name = _name(seen)
        way = "it came to us" if seen.direction == "reverse" else "the bot dialled it"
        if not seen.connected:
            told = f" ({clean(seen.detail)})" if seen.detail else ""
            yield from self._say(name, "link", warn(name, f"not connected any more{told}"))
            return
        yield from self._say(name, "link", ok(name, f"connected, {way}"))
        if seen.app:
            called = f", nickname {clean(seen.nickname)}" if seen.nickname else ""
            yield from self._say(name, "app", ok(name, f"{clean(seen.app)} {clean(seen.version)}{called}"))
        if seen.online:
            told = clean(seen.detail, DETAIL)
            yield from self._say(name, "login", warn(name, told) if told else ok(name, "logged in to QQ"))
        elif seen.app and self._stands(passed, self._settle):
            told = clean(seen.detail, DETAIL)
            yield from self._say(name, "login", self._known("account_offline", f"{name}: {told}"))
        elif self._stands(passed, MUTE):
            text = "nothing has come from it yet: is the account logged in, and is the role Universal?"
            yield from self._say(name, "login", warn(name, text))
        if seen.online and self._stands(passed, self._settle):
            groups = _groups(name, seen.groups) if seen.groups else self._known("no_group", name)
            yield from self._say(name, "groups", groups)
            if muted := [place for place in seen.groups if place.muted]:
                yield from self._say(name, "muted", self._known("muted", f"{name}: {_listed(muted)}"))

    def _say(self, name: str, slot: str, finding: Finding) -> Iterator[Finding]:
        if self._said.get((name, slot)) != finding.text:
            self._said[name, slot] = finding.text
            yield finding

    # --- mistakes -----------------------------------------------------------------------------

    def _trouble(self, trouble: Trouble, passed: float) -> Iterator[Finding]:
        when, count = self._troubles.get(trouble.kind, (0.0, 0))
        if trouble.count > count and (not count or passed - when >= AGAIN):
            self._troubles[trouble.kind] = (passed, trouble.count)
            times = f" ({trouble.count} times now)" if count else ""
            yield self._known(trouble.kind, clean(trouble.detail, DETAIL), times)

    def _holds(self, trouble: Trouble) -> bool:
        """Whether a mistake of before this command is there still: what the bot dials has not let it in."""
        through = sum(seen.connected and seen.direction == "forward" for seen in self.seen.accounts)
        return trouble.kind in DIALLED and through < len(self._config.onebot.connect)

    def _known(self, kind: str, detail: str, times: str = "") -> Finding:
        known = REMEDIES.get(kind)
        about = f" [{detail}]" if detail else ""
        if known is None:
            return warn(kind, f"{about.strip()}{times}")
        return Finding(known.level, kind, f"{known.wrong}{times} {known.remedy}{about}")

    def _checklist(self) -> Iterator[Finding]:
        """What is most likely, where nothing at all arrives."""
        peers = self._config.onebot.connect
        yield warn("nothing", "Nothing has arrived yet. What it mostly is:")
        causes = [
            "The entry there is not switched on (启用), or not saved.",
            "The account is not logged in yet: NapCat opens its connections only after the login.",
        ]
        if self._config.loopback and not peers:
            host = variable("server", "host")
            causes.append(
                f"It runs in Docker or on another machine: 127.0.0.1 is then itself, not the bot. Set {host}=0.0.0.0 "
                "and use one of the other addresses above."
            )
        elif not peers:
            causes.append("A firewall between the two, or an address of this machine that is not reached from there.")
        if peers:
            causes.append(f"The bot dials what stood here at its start: after a change of {CONNECT} restart it.")
        causes.append(
            "Its log names the error: ECONNREFUSED is a wrong host or port, 401 or 403 a wrong token, "
            "200, 404 or 405 a wrong path."
        )
        for number, cause in enumerate(causes, 1):
            yield warn("nothing", f"{number}. {cause}")


def _name(seen: Seen) -> str:
    return f"QQ {clean(seen.account.removeprefix('qq:'))}"


def _rules(place: Place) -> bool:
    return place.role in {"owner", "admin"}


def _groups(name: str, groups: Sequence[Place]) -> Finding:
    words = [f"in {len(groups)} group{'s' if len(groups) > 1 else ''}"]
    ruled = [place for place in groups if _rules(place)]
    unknown = [place for place in groups if place.role == "unknown"]
    other = [place for place in groups if place.role == "member"]
    for places, what in ((ruled, "owner or admin"), (other, "no admin"), (unknown, "role not told")):
        if places:
            words.append(f"{what} in {len(places)}: {_listed(places)}")
    return ok(name, "; ".join(words))


def _listed(places: Sequence[Place]) -> str:
    shown = [f"{clean(place.name) or '?'} ({clean(place.id.removeprefix('qq:'))})" for place in places[:SHOWN]]
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return ", ".join(shown) + more


def clean(text: str, most: int = LONGEST) -> str:
    """A stranger's words on one line of a terminal: nothing that steers it, and not without end."""
    words = "".join(char if char.isprintable() else " " for char in text).strip()
    return words if len(words) <= most else f"{words[:most]}…"
