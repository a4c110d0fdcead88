"""The bot's calls: kept, carried out, and answered as told; a test may script any answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.peers.onebot_actions import Actions
from tests.peers.onebot_flavours import Body, Flavour
from tests.peers.onebot_lines import Line
from tests.peers.onebot_segments import Segments

Script = Callable[[Body], Awaitable[Body | None]]
"""Answers a call, without its echo; None is silence."""


class Asked:
    """The peer's ear for calls; `moved` is told whenever something changed."""

    flavour: Flavour
    actions: Actions
    calls: list[Body]
    said: list[tuple[str, Segments]]
    scripts: dict[str, Script]
    moved: asyncio.Condition

    async def event(self, body: Body) -> None:
        raise NotImplementedError

    def start_task(self, work: Any) -> None:
        raise NotImplementedError

    def refuse(self, action: str, retcode: int = 1200, message: str = "失败") -> None:
        """Refuse an action from now on."""
        self.script(action, {"status": "failed", "retcode": retcode, "data": None, "message": message})

    def silence(self, action: str) -> None:
        """Carry an action out from now on, and never answer."""

        async def never(call: Body) -> None:
            await self._answer(call)

        self.scripts[action] = never

    def delay(self, action: str, seconds: float) -> None:
        """Answer an action late from now on."""

        async def late(call: Body) -> Body:
            await asyncio.sleep(seconds)
            return await self._answer(call)

        self.scripts[action] = late

    def doubt(self, action: str) -> None:
        """Answer an action as one whose effect nobody knows."""
        event = "NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg ListenerName:x"
        self.refuse(action, 1200, f'Timeout: {event}\nEventRet:\n{{"result": 0, "errMsg": ""}}')

    def script(self, action: str, answer: Body) -> None:
        """Give one answer to an action from now on."""

        async def scripted(_: Body) -> Body:
            return answer

        self.scripts[action] = scripted

    def obey(self, action: str) -> None:
        """Take back what was scripted for an action."""
        self.scripts.pop(action, None)

    @property
    def sent(self) -> dict[str, list[Segments]]:
        """What the bot sent, by group number; to a person by "private:<number>"."""
        return {where: [message for there, message in self.said if there == where] for where, _ in self.said}

    async def wait_sent(self, n: int = 1, timeout: float = 2) -> list[Segments]:  # noqa: ASYNC109 - as its callers say it
        """Wait until the bot has sent n messages in all, and return every one."""
        await self.until(lambda: len(self.said) >= n, timeout)
        return [message for _, message in self.said]

    async def wait_call(self, action: str, n: int = 1, timeout: float = 2) -> Body:  # noqa: ASYNC109 - as its callers say it
        """Wait for the n-th call of an action and return its parameters."""
        await self.until(lambda: len(self.called(action)) >= n, timeout)
        return self.called(action)[n - 1]

    def called(self, action: str) -> list[Body]:
        """The parameters of each call of an action."""
        return [call["params"] for call in self.calls if call["action"] == action]

    async def until(self, true: Callable[[], bool], within: float = 2) -> None:
        async with asyncio.timeout(within), self.moved:
            await self.moved.wait_for(true)

    async def _called(self, line: Line, data: str) -> None:
        try:
            call = json.loads(data)
            call["action"]
        except (ValueError, TypeError, KeyError):
            await line.send(json.dumps(self.flavour.failure("malformed") | {"echo": None}, ensure_ascii=False))
            return
        self.start_task(self._serve(line, call))

    async def _serve(self, line: Line, call: Body) -> None:
        self.calls.append(call)
        await self.tell()
        script = self.scripts.get(call["action"])
        answer = await (script(call) if script else self._answer(call))
        due, self.actions.due = self.actions.due, []
        if self.flavour.notice_first:
            for notice in due:
                await self.event(notice)
        if answer is not None:
            await line.send(json.dumps({**answer, "echo": call.get("echo")}, ensure_ascii=False))
        if not self.flavour.notice_first:
            for notice in due:
                await self.event(notice)
        await self.tell()

    async def tell(self) -> None:
        async with self.moved:
            self.moved.notify_all()

    async def _answer(self, call: Body) -> Body:
        """Do what a call asks, in the world of this peer."""
        return await self.actions.answer(call["action"], call.get("params") or {})
