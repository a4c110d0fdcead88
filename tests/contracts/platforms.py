"""The stages of the house's adapters: pages of the web chat, and an implementation of OneBot."""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from bot.types import Account, Outgoing, Text
from tests.adapters.test_webchat import House, Tab
from tests.contracts.stage import Seen, Stage
from tests.peers.onebot import OneBotPeer

GROUP, MEMBER, OWNER = 20001, 30003, 30001
Frame = dict[str, Any]


@dataclass
class WebStage(Stage):
    """Two pages in one group: who speaks, and who watches; the page shows what the bot does."""

    house: House = field(default_factory=House)
    speaker: Tab | None = None
    life: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def tab(self) -> Tab:
        assert self.speaker is not None
        return self.speaker

    @property
    def member(self) -> str:
        return str(self.tab.me["id"])

    @property
    def stranger(self) -> str:
        return "web:nobody"

    def undeliverable(self) -> list[Outgoing]:
        return [*super().undeliverable(), Outgoing(self.group, self.account, (Text("好"),), to=self.stranger)]

    async def _said(self, before: int) -> str:
        await self.until(lambda: len(self.messages()) > before)
        return self.messages()[-1].id

    async def say(self, text: str, *, quote: str | None = None, to_bot: bool = False) -> str:
        before = len(self.messages())
        parts: list[str | Frame] = [{"mention": "web:bot"}] if to_bot else []
        await self.tab.say(*parts, text, group=self.group.id, **({"quote": quote} if quote else {}))
        return await self._said(before)

    async def show(self, image: bytes) -> str:
        before = len(self.messages())
        _, answer = await self.tab.upload(image)
        await self.tab.say({"image": answer["id"]}, group=self.group.id)
        return await self._said(before)

    async def share(self, name: str, data: bytes) -> str:
        before = len(self.messages())
        _, answer = await self.tab.attach(name, data)
        await self.tab.say({"file": answer["id"]}, group=self.group.id)
        return await self._said(before)

    async def _room(self) -> Frame:
        """The room as a page shows it that the member opens anew."""
        page = await self.house.tab(token=self.tab.token)
        room = page.rooms[self.group.id]
        await page.socket.close()
        return room

    async def seen(self) -> list[Seen]:
        return [await self._seen(shown) for shown in (await self._room())["messages"] if shown["from"]["bot"]]

    async def _seen(self, shown: Frame) -> Seen:
        seen = Seen(quote=shown["quote"], private_to=self.member if shown["private"] else None)
        for part in shown["parts"]:
            seen.text += part.get("text", "")
            seen.mentions += [part["mention"]] if "mention" in part else []
            if "image" in part:
                async with self.house.http.get(part["image"]) as picture:
                    seen.images.append(await picture.read())
        return seen

    async def removed(self, message_id: str) -> bool:
        return any(shown["id"] == message_id and shown["removed"] for shown in (await self._room())["messages"])

    async def muted(self) -> bool:
        before = len(self.messages())
        await self.tab.say("我能说话吗", group=self.group.id)
        while True:
            frame = await self.tab.socket.receive_json(timeout=5)
            if frame["is"] == "error":
                return bool(frame["code"] == "muted")
            if len(self.messages()) > before:
                return False

    async def _members(self) -> list[Frame]:
        watcher = await self.house.tab("旁观")
        members: list[Frame] = watcher.rooms[self.group.id]["members"]
        await watcher.tell(do="leave", group=self.group.id)
        await watcher.socket.close()
        return members

    async def name(self) -> str:
        return next(str(member["name"]) for member in await self._members() if member["id"] == self.member)

    async def inside(self, member_id: str) -> bool:
        return any(member["id"] == member_id for member in await self._members())

    async def close(self) -> None:
        await self.life.aclose()


@dataclass
class OneBotStage(Stage):
    peer: OneBotPeer = field(default_factory=OneBotPeer)
    life: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def member(self) -> str:
        return f"qq:{MEMBER}"

    def undeliverable(self) -> list[Outgoing]:
        return [*super().undeliverable(), Outgoing(self.group, Account("qq:404"), (Text("好"),))]

    async def say(self, text: str, *, quote: str | None = None, to_bot: bool = False) -> str:
        said = [{"type": "reply", "data": {"id": quote}}] if quote else []
        said += [{"type": "at", "data": {"qq": str(self.peer.self_id)}}] if to_bot else []
        return await self.peer.say(GROUP, MEMBER, [*said, {"type": "text", "data": {"text": text}}])

    async def again(self, message_id: str) -> bool:
        await self.peer.again(message_id)
        return True

    async def show(self, image: bytes) -> str:
        data = {"file": "0F.png", "url": "https://multimedia.nt.qq.com.cn/download?rkey=x"}
        return await self.peer.say(GROUP, MEMBER, [{"type": "image", "data": data}])

    async def share(self, name: str, data: bytes) -> str:
        return await self.peer.share(GROUP, MEMBER, name, data)

    async def seen(self) -> list[Seen]:
        found = []
        for where, segments in self.peer.said:
            seen = Seen()
            if where.startswith("private:"):
                seen.private_to = "qq:" + where.removeprefix("private:")
            for segment in segments:
                data = segment["data"]
                match segment["type"]:
                    case "text":
                        seen.text += data["text"]
                    case "at":
                        seen.mentions.append(f"qq:{data['qq']}")
                    case "reply":
                        seen.quote = str(data["id"])
                    case "image":
                        seen.images.append(base64.b64decode(data["file"].removeprefix("base64://")))
            found.append(seen)
        return found

    async def ask_in(self) -> bool:
        await self.peer.request(GROUP, 30009, "问题：从哪来\n答案：仓库")
        return True

    def demote(self) -> bool:
        self.peer.world[str(GROUP)][str(self.peer.self_id)].role = "member"
        return True

    async def removed(self, message_id: str) -> bool:
        return self.peer.life.records[message_id].recalled

    async def muted(self) -> bool:
        group = self.peer.world[str(GROUP)]
        return group.silent or group[str(MEMBER)].muted

    async def name(self) -> str:
        person = self.peer.world[str(GROUP)][str(MEMBER)]
        return person.card or person.nickname

    async def inside(self, member_id: str) -> bool:
        return member_id.removeprefix("qq:") in self.peer.world[str(GROUP)]

    async def close(self) -> None:
        await self.life.aclose()
