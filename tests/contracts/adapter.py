"""What every `Adapter` keeps to, whatever platform is behind it.

A test module subclasses `AdapterContract` and gives it a `Stage`: the adapter, alive, and a platform on which
members speak and on which they see what the bot does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from bot.errors import AdapterError
from bot.types import (
    File,
    Group,
    Image,
    JoinRequest,
    Member,
    MemberJoined,
    Mention,
    Message,
    Role,
    Text,
)
from tests.contracts.stage import HOSTILE, PNG, TEXT, Stage, says_why


class AdapterContract(ABC):
    """The tests; a subclass makes the stage."""

    @abstractmethod
    def make(self) -> AbstractAsyncContextManager[Stage]:
        """A stage, alive."""

    @pytest.fixture
    async def stage(self) -> AsyncIterator[Stage]:
        async with self.make() as stage:
            yield stage

    # --- what it hears ------------------------------------------------------------------------

    async def test_ids_bear_the_platform(self, stage: Stage) -> None:
        event = await stage.hears(await stage.say("早"))
        prefix = f"{stage.adapter.platform}:"
        for identity in (event.group.id, event.account.id, event.member.id):
            assert identity.startswith(prefix)
            assert len(identity) > len(prefix)
        assert (event.group.id, event.member.id, event.account.id) == (stage.group.id, stage.member, stage.account.id)
        assert not event.group.direct
        assert event.member.name

    async def test_messages_come_in_order_and_once(self, stage: Stage) -> None:
        ids = [await stage.say(f"第 {n} 句") for n in range(20)]
        await stage.hears(ids[-1])
        assert [message.id for message in stage.messages()] == ids
        assert [message.text for message in stage.messages()] == [f"第 {n} 句" for n in range(20)]
        assert len(set(ids)) == 20

    async def test_what_comes_twice_has_one_id(self, stage: Stage) -> None:
        first = await stage.say("重复")
        if not await stage.again(first):
            return
        await stage.hears(await stage.say("之后"))
        twice = [message for message in stage.messages() if message.text == "重复"]
        # The pipeline drops the second by its id: the adapter need not.
        assert {message.id for message in twice} == {first}

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    async def test_hostile_words_come_and_go_unharmed(self, stage: Stage, text: str) -> None:
        event = await stage.hears(await stage.say(text))
        assert event.text == text
        assert all(isinstance(part, Text) for part in event.parts)
        await stage.send(Text(text))
        (shown,) = await stage.seen()
        assert (shown.text, shown.mentions, shown.images) == (text, [], [])

    async def test_a_mention_and_a_quote_are_parts_of_their_own(self, stage: Stage) -> None:
        first = await stage.say("问题")
        event = await stage.hears(await stage.say(" 看这个", quote=first, to_bot=True))
        assert event.quote == first
        assert [part.id for part in event.parts if isinstance(part, Mention)] == [stage.account.id]
        assert event.text.strip() == "看这个"

    async def test_a_picture_comes_by_bytes_or_address(self, stage: Stage) -> None:
        event = await stage.hears(await stage.show(PNG))
        (picture,) = event.parts
        assert isinstance(picture, Image)
        assert picture.data == PNG or picture.url

    async def test_a_shared_file_is_got(self, stage: Stage) -> None:
        said = await stage.share("说明 (1).md", TEXT)
        event = await stage.hears(said)
        (file,) = event.parts
        assert isinstance(file, File)
        assert (file.name, file.size in (None, len(TEXT))) == ("说明 (1).md", True)
        assert await stage.adapter.fetch(stage.group, file, len(TEXT)) == TEXT
        with pytest.raises(AdapterError, match="太大") as refused:
            await stage.adapter.fetch(stage.group, file, len(TEXT) - 1)
        says_why(refused.value)
        await stage.hears(await stage.say("之后"))
        assert [message.id for message in stage.messages() if message.parts == (file,)] == [said]

    async def test_a_file_that_is_nowhere_is_not_got(self, stage: Stage) -> None:
        for file in (File("x"), File("x", id="404"), File("x", url="/etc/passwd", id="file_id=404&file=/etc/passwd")):
            with pytest.raises(AdapterError) as refused:
                await stage.adapter.fetch(stage.group, file, 1000)
            says_why(refused.value)

    # --- what it says -------------------------------------------------------------------------

    async def test_it_quotes_mentions_and_shows(self, stage: Stage) -> None:
        asked = await stage.say("怎么装")
        await stage.hears(asked)
        ids = [await stage.send(Mention(stage.member, "安"), Text("先看这里"), Image(data=PNG), quote=asked)]
        ids.append(await stage.send(Text("再看那里")))
        first, second = await stage.seen()
        assert (first.text.strip(), first.quote, first.mentions, first.images) == (
            "先看这里",
            asked,
            [stage.member],
            [PNG],
        )
        assert (second.text, second.quote, second.mentions) == ("再看那里", None, [])
        assert len(set(ids)) == 2
        assert all(ids)

    async def test_a_private_reply_is_for_one_alone(self, stage: Stage) -> None:
        asked = await stage.say("/悄悄")
        await stage.hears(asked)
        await stage.send(Text("只告诉你"), to=stage.member)
        (shown,) = await stage.seen()
        assert (shown.text, shown.private_to) == ("只告诉你", stage.member)

    async def test_what_cannot_be_sent_is_refused(self, stage: Stage) -> None:
        for outgoing in stage.undeliverable():
            with pytest.raises(AdapterError) as refused:
                await stage.adapter.send(outgoing)
            says_why(refused.value)
            assert not refused.value.ambiguous
        assert await stage.seen() == []

    # --- what it does -------------------------------------------------------------------------

    async def test_it_takes_messages_back(self, stage: Stage) -> None:
        theirs = await stage.say("广告")
        await stage.hears(theirs)
        ours = await stage.send(Text("说错了"))
        for message_id in (theirs, ours):
            await stage.works(
                "recall", stage.adapter.recall(stage.group, message_id), partial(stage.removed, message_id)
            )
        with pytest.raises(AdapterError) as refused:
            await stage.adapter.recall(stage.group, "404")
        says_why(refused.value)

    async def test_it_mutes_and_lifts(self, stage: Stage) -> None:
        async def free() -> bool:
            return not await stage.muted()

        if await stage.works("mute", stage.adapter.mute(stage.group, stage.member, 600), stage.muted):
            await stage.works("mute", stage.adapter.mute(stage.group, stage.member, 0), free)
        if await stage.works("mute_all", stage.adapter.mute_all(stage.group, True), stage.muted):
            await stage.works("mute_all", stage.adapter.mute_all(stage.group, False), free)
        if not await stage.muted():
            await stage.hears(await stage.say("又能说了"))

    async def test_it_renames(self, stage: Stage) -> None:
        async def renamed() -> bool:
            return await stage.name() == "新名字"

        await stage.works("rename", stage.adapter.rename(stage.group, stage.member, "新名字"), renamed)

    async def test_it_removes(self, stage: Stage) -> None:
        async def gone() -> bool:
            return not await stage.inside(stage.member)

        await stage.works("kick", stage.adapter.kick(stage.group, stage.member), gone)

    async def test_it_admits(self, stage: Stage) -> None:
        assert await stage.ask_in() == ("admit" not in stage.unable)
        if "admit" in stage.unable:
            nobody = JoinRequest(
                group=stage.group, account=stage.account, time=0, member=Member(stage.stranger), comment="", flag="x"
            )
            with pytest.raises(AdapterError) as refused:
                await stage.adapter.admit(nobody, True)
            says_why(refused.value)
            return
        await stage.until(lambda: any(isinstance(event, JoinRequest) for event in stage.heard))
        (request,) = [event for event in stage.heard if isinstance(event, JoinRequest)]
        assert request.comment
        await stage.adapter.admit(request, True)
        assert await stage.inside(request.member.id)
        await stage.until(lambda: any(isinstance(event, MemberJoined) for event in stage.heard))
        with pytest.raises(AdapterError) as again:
            await stage.adapter.admit(request, True)
        says_why(again.value)

    async def test_without_rights_nothing_passes_as_done(self, stage: Stage) -> None:
        said = await stage.say("广告")
        await stage.hears(said)
        name = await stage.name()
        if not stage.demote():
            return
        for act in (
            partial(stage.adapter.recall, stage.group, said),
            partial(stage.adapter.mute, stage.group, stage.member, 600),
            partial(stage.adapter.mute_all, stage.group, True),
            partial(stage.adapter.rename, stage.group, stage.member, "新名字"),
            partial(stage.adapter.kick, stage.group, stage.member),
        ):
            with pytest.raises(AdapterError) as refused:
                await act()
            says_why(refused.value)
        assert not await stage.removed(said)
        assert not await stage.muted()
        assert await stage.inside(stage.member)
        assert await stage.name() == name

    async def test_nobody_is_acted_upon_who_is_not_there(self, stage: Stage) -> None:
        for member_id in (stage.stranger, "elsewhere:1"):
            for act in (partial(stage.adapter.mute, seconds=60), partial(stage.adapter.rename, card="名")):
                with pytest.raises(AdapterError) as refused:
                    await act(stage.group, member_id)
                says_why(refused.value)
        with pytest.raises(AdapterError) as refused:
            await stage.adapter.kick(stage.group, "elsewhere:1")
        says_why(refused.value)

    # --- what it knows ------------------------------------------------------------------------

    async def test_it_knows_its_members(self, stage: Stage) -> None:
        await stage.hears(await stage.say("早"))
        assert await stage.adapter.role(stage.group, stage.member) == Role.MEMBER
        assert await stage.adapter.role(stage.group, stage.stranger) == Role.UNKNOWN
        assert await stage.adapter.role(stage.group, "elsewhere:1") == Role.UNKNOWN
        assert (await stage.adapter.size(stage.group) or 0) >= 1
        assert await stage.adapter.size(Group(f"{stage.adapter.platform}:404")) is None
        profile = await stage.adapter.profile(stage.group, stage.member, fresh=True)
        if "profile" in stage.unable:
            assert profile is None
        else:
            assert profile is not None
            assert (profile.member.id, profile.member.role) == (stage.member, Role.MEMBER)
            assert profile.member.name
        assert await stage.adapter.profile(stage.group, stage.stranger, fresh=True) is None

    async def test_it_reads_what_was_said(self, stage: Stage) -> None:
        ids = [await stage.say(f"第 {n} 句") for n in range(4)]
        await stage.hears(ids[-1])
        found = await stage.adapter.history(stage.group, stage.account, 3)
        if "history" in stage.unable:
            assert list(found) == []
            return
        assert [message.id for message in found] == ids[1:]
        assert [message.text for message in found] == ["第 1 句", "第 2 句", "第 3 句"]
        assert all(message.recovered and message.group.id == stage.group.id for message in found)
        assert not any(message.recovered for message in stage.messages())

    # --- its life -----------------------------------------------------------------------------

    async def test_its_health_is_told(self, stage: Stage) -> None:
        await stage.hears(await stage.say("早"))
        (health,) = stage.adapter.health()
        assert (health.up, health.detail) == (True, "")
        assert health.name

    async def test_its_end_ends_everything(self, stage: Stage) -> None:
        await stage.hears(await stage.say("早"))
        before = len(stage.heard)
        await stage.close()
        assert not any(health.up for health in stage.adapter.health())
        assert [event for event in stage.heard[before:] if isinstance(event, Message)] == []
        if stage.ends_sending:
            with pytest.raises(AdapterError) as refused:
                await stage.send(Text("好"))
            says_why(refused.value)
