"""Forward WebSocket: the bot dials an implementation that listens, and dials again when the line is lost."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWSTimeout,
    DummyCookieJar,
    WSCloseCode,
    WSServerHandshakeError,
)
from loguru import logger
from yarl import URL

from bot.adapters.onebot_link import LARGEST_MESSAGE, PING, Link
from bot.adapters.onebot_reader import Reader
from bot.adapters.onebot_report import Kind
from bot.config import LOOPBACK, variable
from bot.types import Health

RETRY: Final = (1.0, 30.0)
"""Seconds before the first and before each later attempt, at most."""

LIVED: Final = 5
"""A link that stood for so many first pauses was a good one: the next attempt comes soon."""

HANDSHAKE: Final = 10.0
TOKEN: Final = variable("onebot", "token")


class Dialer:
    """Keeps one connection to `address` for `reader` to read; `retry` as RETRY."""

    def __init__(self, address: str, token: str, reader: Reader, retry: tuple[float, float]) -> None:
        self._url = URL(address)
        self._token = token
        self._reader = reader
        self._first, self._most = retry
        self.shown = str(self._url.with_user(None).with_query(None))
        """The address without what may be secret in it."""
        self._link: Link | None = None
        """The last connection."""
        self._since = time.time()
        self._detail = "正在连接"

    @property
    def account(self) -> str | None:
        """Whom the last connection led to ("qq:10001"); None where that was never known."""
        return self._link.seat.view.account.id if self._link is not None and self._link.seat is not None else None

    def health(self) -> Health | None:
        """How it stands, as long as no account is known that would tell."""
        return Health(f"QQ {self.shown}", False, self._since, self._detail) if self.account is None else None

    async def run(self) -> None:
        """Dial until it is refused for good."""
        if not self._token and self._url.host not in LOOPBACK and "access_token" not in self._url.query:
            logger.warning("OneBot: {} is on another machine and is dialled without {}", self.shown, TOKEN)
        pause = self._first
        limits = ClientTimeout(total=None, sock_connect=HANDSHAKE)
        async with ClientSession(timeout=limits, cookie_jar=DummyCookieJar()) as session:
            while True:
                if self._spoken_for():
                    # Two ways to one account would push each other out for ever.
                    self._note("账号已经由另一个连接接入，这个地址先不连")
                    pause = self._most
                else:
                    began = time.monotonic()
                    outcome = await self._dial(session)
                    if outcome is None:
                        return
                    lived = time.monotonic() - began >= LIVED * self._first and outcome == "lost"
                    pause = self._first if lived else self._most if outcome == "slow" else pause
                if not self._reader.listening:
                    return
                await asyncio.sleep(pause * random.uniform(0.75, 1.25))
                pause = min(2 * pause, self._most)

    def _spoken_for(self) -> bool:
        seat = self._reader.seats.get(self.account or "")
        return seat is not None and seat.link is not None

    async def _dial(self, session: ClientSession) -> str | None:
        """Dial once and stay to the end: "lost", "unreached", "slow" (nothing to hope for soon), or None for never."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with asyncio.timeout(HANDSHAKE):
                socket = await session.ws_connect(
                    self._url,
                    headers=headers,
                    timeout=ClientWSTimeout(ws_close=2),
                    heartbeat=PING,
                    max_msg_size=LARGEST_MESSAGE,
                    decode_text=False,
                )
        except WSServerHandshakeError as refused:
            return self._handshake(refused.status)
        except (ClientConnectionError, OSError, TimeoutError) as failed:
            why = "没有应答" if isinstance(failed, TimeoutError) else "连接不上"
            self._trouble("unreachable", f"{self.shown} {why}，QQ 客户端开着吗？地址和端口对吗？")
            return "unreached"
        except ClientError:
            return self._foreign("说的不是 HTTP")

        def stands() -> bool:
            return socket.get_extra_info("socket") is not None

        link = Link(socket, stands, self._url.host or "", forward=True)
        if self.account is None:
            self._link = link
        try:
            await self._reader.serve(link, None)
        finally:
            await socket.close()  # a line that was cut is let go of, too
        if link.seat is not None:
            self._link = link
            return "slow" if link.replaced else "lost"
        if link.refused or (socket.close_code == WSCloseCode.POLICY_VIOLATION and not link.dropped):
            self._refused()
            return None
        self._note("连接后没有说明是哪个 QQ 账号")
        return "slow" if link.dropped else "unreached"

    def _handshake(self, status: int) -> str | None:
        if status in (401, 403):
            self._refused()
            return None
        if status >= 500:
            self._trouble("unreachable", f"{self.shown} 回答 HTTP {status}，QQ 客户端还没有准备好")
            return "unreached"
        return self._foreign(f"回答 HTTP {status}")

    def _foreign(self, what: str) -> str:
        detail = f"{self.shown} {what}，不是 OneBot 的正向 WebSocket：是不是填成了 WebUI 或 HTTP 的端口？"
        self._trouble("not_onebot", detail)
        return "slow"

    def _refused(self) -> None:
        """Give up for good: no later attempt would bring another token, and a hot door locks."""
        detail = f"{self.shown} 拒绝了令牌：把 {TOKEN} 改成和它那边一样，再重启机器人"
        self._reader.troubles.note("refused_by_peer", detail, log=False)
        logger.error("OneBot: {} refuses our token. Set {} to the token there, and start again", self.shown, TOKEN)
        self._note(detail)

    def _trouble(self, kind: Kind, detail: str) -> None:
        self._reader.troubles.note(kind, detail)
        self._note(detail)

    def _note(self, detail: str) -> None:
        if detail != self._detail:
            self._since, self._detail = time.time(), detail
        seat = self._reader.seats.get(self.account or "")
        if seat is not None and seat.link is None and not seat.gone:
            seat.detail = detail
