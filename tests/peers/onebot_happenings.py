"""What happens at the platform, told to the bot as events: people speak, come, go, are muted, take back, react."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tests.peers.onebot_actions import Actions
from tests.peers.onebot_flavours import Body, Flavour
from tests.peers.onebot_segments import Segments, number, text
from tests.peers.onebot_shelf import BUSID, segment
from tests.peers.onebot_world import POWER, Denied, Group, Life, Person, Record, Request

AS_KNOWN = "as known"
"""The role that the world knows; "member" for who is new."""


class Happenings:
    """The peer's voice of the platform; the world follows what happens, also while nobody is connected."""

    flavour: Flavour
    life: Life
    actions: Actions
    heartbeats: float | None

    async def event(self, body: Body) -> None:
        raise NotImplementedError

    def found(
        self,
        group: int,
        own: str = "admin",
        *,
        owner: int | None = None,
        admins: Iterable[int] = (),
        members: Iterable[int] = (),
        name: str = "",
    ) -> Group:
        """Make a group in which rights hold; `own` is our account's role there."""
        made = self.life.world.at(group)
        made.name = name
        made[self.life.own] = Person(self.actions.nickname, role=own)
        for role, users in {"owner": [owner] if owner else [], "admin": admins, "member": members}.items():
            made.update({str(user): Person(f"成员{user}", role=role) for user in users})
        return made

    async def say(
        self,
        group: int | None,
        user: int,
        said: str | Segments,
        *,
        role: str | None = AS_KNOWN,
        name: str | None = None,
        message_id: int | str | None = None,
        **more: object,
    ) -> str:
        """Speak in a group (None: privately); a string is plain text. Returns the message's id.

        Raises Denied("muted") in a group where rights hold.
        """
        if message_id is None:
            message_id = self.life.next_id()
        person = self._person(group, user, role, name)
        place = None if group is None else self.life.world.at(group)
        mute = person.muted or (place is not None and place.silent and POWER.get(person.role or "", 1) == 1)
        if place is not None and self.life.own in place and mute:
            raise Denied("muted")
        key = None if group is None else str(group)
        body = self.actions.message(key, str(user), person, text(said), message_id) | more
        self.life.heard(Record(str(message_id), key, str(user), text(said), body))
        await self.event(body)
        return str(message_id)

    async def share(self, group: int | None, user: int, name: str, data: bytes) -> str:
        """Share a file: a message, and beside it in a group a notice without its id. Returns the message's id."""
        shelf = self.life.shelf
        await shelf.open()
        shared = shelf.put(name, data)
        if group is not None:
            file = {"id": shared.id, "name": name, "size": len(data), "busid": BUSID}
            await self.notice("group_upload", group_id=group, user_id=user, file=file)
        return await self.say(group, user, [segment(self.flavour, shelf, shared)])

    async def again(self, message_id: str) -> None:
        """Send a message's frame once more, as implementations do after a hiccup."""
        await self.event(self.life.records[message_id].body)

    def _person(self, group: int | None, user: int, role: str | None, name: str | None) -> Person:
        person = self.life.world.at(group).setdefault(str(user), Person(name or f"成员{user}"))
        person.nickname = name or person.nickname
        if role != AS_KNOWN:
            person.role = role
        return person

    async def notice(self, kind: str, **fields: object) -> None:
        await self.event({"post_type": "notice", "notice_type": kind} | fields)

    async def join(self, group: int, user: int, operator: int = 0) -> None:
        if str(user) == self.life.own:
            self.life.world.at(group).gone = False
        self._person(group, user, AS_KNOWN, None)
        fields = {"sub_type": "approve", "group_id": group, "user_id": user, "operator_id": operator}
        await self.notice("group_increase", **fields)

    async def leave(self, group: int, user: int, operator: int = 0, sub_type: str = "leave") -> None:
        place = self.life.world.at(group)
        place.pop(str(user), None)
        place.gone = place.gone or str(user) == self.life.own or sub_type in {"kick_me", "disband"}
        fields = {"sub_type": sub_type, "group_id": group, "user_id": user, "operator_id": operator}
        await self.notice("group_decrease", **fields)

    async def recall(self, group: int, user: int, message_id: str, operator: int | None = None) -> None:
        if record := self.life.records.get(message_id):
            record.recalled = True
        fields = {"group_id": group, "user_id": user, "operator_id": user if operator is None else operator}
        await self.notice("group_recall", **fields, message_id=number(message_id))

    async def ban(self, group: int, user: int, seconds: int, operator: int = 30001) -> None:
        """Mute a member; user 0 is the whole group (any seconds but 0 mean until lifted), and 0 seconds lift it."""
        place = self.life.world.at(group)
        if user == 0:
            place.silent, seconds = seconds != 0, self.flavour.whole_mute if seconds else 0
        elif person := place.get(str(user)):
            person.muted_until = time.time() + seconds if seconds > 0 else 0
        elif str(user) == self.life.own:
            place.own_mute = time.time() + seconds if seconds > 0 else 0
        fields = {"sub_type": "ban" if seconds else "lift_ban", "duration": seconds, "operator_id": operator}
        await self.notice("group_ban", group_id=group, user_id=user, **fields)

    async def promote(self, group: int, user: int, *, admin: bool = True) -> None:
        """Make somebody an admin, or take it away."""
        self._person(group, user, "admin" if admin else "member", None)
        await self.notice("group_admin", sub_type="set" if admin else "unset", group_id=group, user_id=user)

    async def card(self, group: int, user: int, card: str) -> None:
        """A member changes their own name in the group."""
        person = self._person(group, user, AS_KNOWN, None)
        before, person.card = person.card or "", card
        await self.notice("group_card", group_id=group, user_id=user, card_old=before, card_new=card)

    async def poke(self, group: int, user: int, target: int) -> None:
        fields = {"sub_type": "poke", "group_id": group, "user_id": user, "target_id": target}
        await self.notice("notify", **fields)

    async def react(self, group: int, user: int, message_id: str, emoji: str = "76", *, added: bool = True) -> None:
        target: Body = {"group_id": group, "message_id": number(message_id)}
        if self.flavour.likes:
            likes = [{"emoji_id": emoji, "count": 1}]
            await self.notice("group_msg_emoji_like", **target, user_id=user, likes=likes, is_add=added)
        else:
            sub_type = "add" if added else "remove"
            await self.notice("reaction", **target, operator_id=user, sub_type=sub_type, code=emoji, count=1)

    async def request(self, group: int | None, user: int, comment: str = "", *, invited: bool = False) -> str:
        """Somebody asks to enter a group, asks us into one (`invited`), or (None) to be a friend. Returns the flag."""
        number = next(self.life.numbers)
        forms = {
            "seq": str(number),
            "group|seq": f"{group}|{number}|{2 if invited else 7}|0",
            "seq-group": f"{number}-{group}-{2 if invited else 1}-0",
        }
        flag = forms[self.flavour.flag] if group is not None else f"u_{user}_{number}"
        self.life.requests[flag] = Request(flag, group, user, comment, invited)
        body: Body = {"post_type": "request", "user_id": user, "comment": comment, "flag": flag}
        if group is None:
            await self.event(body | {"request_type": "friend"})
        else:
            sub_type = "invite" if invited else "add"
            await self.event(body | {"request_type": "group", "sub_type": sub_type, "group_id": group})
        return flag

    async def lose_account(self, message: str = "登录已失效") -> None:
        """The account is signed out, while the connection stays; some tell it, the others' heartbeats do."""
        self.actions.online = False
        if self.flavour.tells_offline:
            await self.notice("bot_offline", user_id=int(self.life.own), tag="下线通知", message=message)
        else:
            await self.heartbeat(False, self._interval())

    async def regain_account(self) -> None:
        """The account is signed in again."""
        self.actions.online = True
        if self.flavour.blind:
            await self.notice("bot_online", user_id=int(self.life.own), reason="Login")
        await self.heartbeat(True, self._interval())

    def _interval(self) -> int:
        return int(1000 * (self.heartbeats or self.flavour.beat))

    async def heartbeat(self, online: bool | None = True, interval: int = 30000) -> None:
        await self.event(self._beat(online, interval))

    def _beat(self, online: bool | None, interval: int) -> Body:
        status = {"online": online, "good": True}
        return {"post_type": "meta_event", "meta_event_type": "heartbeat", "status": status, "interval": interval}
