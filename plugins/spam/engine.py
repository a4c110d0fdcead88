"""Judges a message: what it says, who says it, what came before, and what a group's admins have said about it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plugins.spam.contacts import contacts
from plugins.spam.explaining import said_by_model
from plugins.spam.features import LONGEST
from plugins.spam.finding import Finding, Reason, Said, Verdict
from plugins.spam.folding import Folded
from plugins.spam.lists import Listed, Lists
from plugins.spam.local import Local
from plugins.spam.memory import FLOOD_MOST, Echo, Memory
from plugins.spam.model import Model, Reading
from plugins.spam.nearest import Trace
from plugins.spam.targets import kind

SURE = 6.0
"""Log-odds of what an admin's word has decided."""
NEAR = 1.0
"""Signs beside the text can make an ad of a message whose text is short of suspicion by this much, in log-odds."""
MOST_LINKS = 5
"""So many addresses of a message are looked at."""
NOTHING = Local()
_HOST = re.compile(r"(?:[a-z][a-z0-9+.\-]*:)?/{0,2}(?:[^/?#@\s]*@)?([^/?#:@\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that speaks for an ad besides the words. `alone`: it is worth a look whatever the words are."""

    rule: str
    weight: float
    words: str
    alone: bool = False


class Engine:
    """The judge. It holds no state of any group: what it needs to know is handed to it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._act = self._odds(model.act)
        self._review = self._odds(model.review)

    @classmethod
    def load(cls, folder: Path | None = None) -> Engine:
        """With the weights in a folder, or those that come along. Raises `plugins.spam.model.Unreadable`."""
        return cls(Model.load(folder))

    def weigh(self, text: str) -> tuple[Verdict, float]:
        """The verdict on a bare text, and its margin: higher is more like an ad."""
        margin = self.model.weigh(self.model.read(text))
        return self._verdict(self._odds(margin)), margin

    def judge(
        self, said: Said, *, lists: Lists | None = None, memory: Memory | None = None, local: Local | None = None
    ) -> Finding:
        """What to think of a message. `memory` takes it in; `lists` and `local` are those of its group."""
        local = local or NOTHING
        reading = self.model.read(said.text)
        echo = memory.see(said, reading.whole) if memory is not None else Echo()
        decided = self._decided(said, reading, lists, local)
        if decided is not None:
            return decided
        margin, worst, where = self._worst(said, reading, local)
        odds = self._odds(margin)
        signs = list(self._signs(said, reading, echo, odds))
        if not signs and odds < self._review:
            return Finding(_probability(odds), "pass")
        return self._weighed(said, worst, where, odds, signs)

    # --- what admins have decided ---------------------------------------------------------

    def _decided(self, said: Said, reading: Reading, lists: Lists | None, local: Local) -> Finding | None:
        folded = reading.folded
        if lists is not None and lists.count:
            fold = self.model.reader.folding.fold
            read = folded.text if len(said.text) <= LONGEST else fold(said.text).text
            listed = lists.match(said.text, read, _hosts(said, reading), said.member)
            if listed is not None and listed.kind == "deny":
                return _sure("denied", listed.words)
            if listed is None or listed.form != "member":
                for text in (*said.cards, *said.forwarded):
                    other = fold(text)
                    beside = lists.match(text, other.text, _addresses(other), "")
                    if beside is not None and beside.kind == "deny":
                        return _sure("denied", beside.words)
            if listed is not None and self._speaks_for_all(listed, said):
                return Finding(0.0, "pass", (Reason("allowed", -SURE, listed.words),))
        if local.known or local.cleared:
            trace = Trace.of(folded)
            if local.cleared.find(trace) is not None and not (said.links or said.cards or said.forwarded):
                return Finding(0.0, "pass", (Reason("cleared", -SURE, "管理员说过这句不是广告"),))
            match = local.known.find(trace)
            if match is not None:
                return _sure("known", f"和管理员认定过的广告相似（{match.share:.0%}）")
        return None

    @staticmethod
    def _speaks_for_all(listed: Listed, said: Said) -> bool:
        """An allowed text speaks for no card or picture beside it, an allowed domain for no words; a member for all."""
        if listed.form == "member":
            return True
        return listed.form != "domain" and not (said.links or said.cards or said.forwarded or said.pictures)

    # --- what the words say ---------------------------------------------------------------

    def _worst(self, said: Said, reading: Reading, local: Local) -> tuple[float, Reading, str]:
        """The margin of the worst of a message's texts, that text, and where it stands."""
        model, delta, shift = self.model, local.delta, local.shift
        margin, worst, where = model.weigh(reading, delta, shift), reading, ""
        more = []
        if said.forwarded:
            more.append(("转发的内容里：", "\n".join(said.forwarded)))
        if said.cards:
            more.append(("卡片上：", "\n".join([*said.cards, said.text])))
        for place, text in more:
            other = model.read(text)
            weight = model.weigh(other, delta, shift)
            if weight > margin:
                margin, worst, where = weight, other, place
        return margin, worst, where

    # --- what else speaks for an ad -------------------------------------------------------

    def _signs(self, said: Said, reading: Reading, echo: Echo, odds: float) -> Iterator[Sign]:
        bare = not reading.folded.text
        reachable = odds > self._review - 2 or bool(said.links)
        if echo.groups and (reachable or not said.trusted):
            yield Sign("duplicate", 1.5 * echo.groups, f"同一个人在另外 {echo.groups} 个群也发了", echo.groups > 1)
        if echo.members and not said.trusted and reachable:
            yield Sign("duplicate", min(1.0 * echo.members, 3.0), f"另有 {echo.members} 个新人发过几乎一样的话")
        if echo.own > 1 and reachable:
            yield Sign("duplicate", min(0.7 * echo.own, 3.0), f"十分钟内已发过 {echo.own} 次", echo.own > 3)
        if echo.flood > FLOOD_MOST:
            yield Sign("flood", min(0.3 * echo.flood, 4.0), f"十秒内发了 {echo.flood} 条", alone=True)
        if said.trusted:
            return
        if said.everyone:
            yield Sign("everyone", 1.5, "新人 @ 了所有人", alone=True)
        if bare or len(reading.folded.text) < 4:
            if said.forwarded and said.real == 0:
                yield Sign("forward", 1.0, "新人第一条就是合并转发")
            elif said.cards:
                yield Sign("card", 1.0, "新人只发了一张卡片", said.real == 0)
        if any(kind(link).strong for link in said.links[:MOST_LINKS]):
            yield Sign("card", 2.0, "带了加群、加人或付款的邀请", alone=True)
        if said.real == 0 and _only_a_link(reading):
            yield Sign("link", 1.0, "新人第一条只有一个链接", alone=True)
        if said.name and self._odds(self.model.weigh(self.model.read(said.name))) > self._act:
            yield Sign("name", 2.0, "名字像广告", alone=True)

    # --- the sum --------------------------------------------------------------------------

    def _weighed(self, said: Said, reading: Reading, where: str, odds: float, signs: list[Sign]) -> Finding:
        total = odds + sum(sign.weight for sign in signs)
        verdict = self._verdict(odds)
        if verdict != "act" and odds > self._review - NEAR and total > self._act and not said.trusted:
            verdict = "act"
        if verdict == "pass" and (any(sign.alone for sign in signs) or (signs and odds > self._review - NEAR)):
            verdict = "review"
        if said.trusted and verdict == "act" and not any(sign.rule == "duplicate" for sign in signs):
            # Whoever is known here is asked about before anything is done.
            verdict = "review"
        if verdict == "pass":
            return Finding(_probability(total), "pass")
        reasons = [Reason(sign.rule, sign.weight, sign.words) for sign in signs]
        reasons += said_by_model(self.model, reading, odds, where)
        reasons.sort(key=lambda reason: -reason.weight)
        alone = self._verdict(odds) != "pass"
        rule = "model" if alone or not signs else max(signs, key=lambda sign: sign.weight).rule
        return Finding(_probability(total), verdict, tuple(reasons), rule)

    def _odds(self, margin: float) -> float:
        return self.model.odds(margin)

    def _verdict(self, odds: float) -> Verdict:
        return "act" if odds > self._act else "review" if odds > self._review else "pass"


def _sure(rule: str, words: str) -> Finding:
    return Finding(_probability(SURE), "act", (Reason(rule, SURE, words),), rule)


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0


def _hosts(said: Said, reading: Reading) -> list[str]:
    links = [found[1] for link in said.links if (found := _HOST.match(link))]
    return [*links, *_addresses(reading.folded)]


def _addresses(folded: Folded) -> list[str]:
    return [contact.handle.partition("/")[0] for contact in contacts(folded) if contact.kind == "link"]


def _only_a_link(reading: Reading) -> bool:
    """Whether a message is one address and nothing else, and not of a site that everybody knows."""
    plain = reading.folded.plain.strip()
    if not plain.isascii() or " " in plain:
        return False
    found = [one for one in contacts(reading.folded) if one.kind in ("link", "telegram")]
    return bool(found) and any(one.kind == "telegram" or kind(one.handle).kind != "harmless" for one in found)
