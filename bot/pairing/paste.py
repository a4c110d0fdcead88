"""What to type into an implementation: the address from where it stands, the token, and under which names."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Final

from yarl import URL

from bot.adapters.onebot import PATH
from bot.config import Config, variable
from bot.pairing.secret import given
from bot.pairing.source import EVERYWHERE

HEARTBEAT: Final = "30000"
WEBUI: Final = 6099
"""NapCat's web page, which is often mistaken for its WebSocket server."""


def reverse(config: Config, port: int) -> Iterator[str]:
    """The lines for an implementation that connects to the bot, whose door is on `port`."""
    host = EVERYWHERE.get(config.server.host, config.server.host)
    yield "In NapCat's web page: 网络配置, 新建, Websocket客户端."
    yield "In LLBot: WebSocket反向. In Lagrange: ReverseWebSocket. In others: reverse WebSocket (反向 WebSocket)."
    yield ""
    yield from _fields([("URL", _url(host, port))], config)
    yield ""
    yield "Where it does not run beside the bot, another address reaches it:"
    yield f"  both by the bot's docker-compose.yml   {_url('bot', 8080)}"
    yield f"  in Docker on this machine              {_url('host.docker.internal', port)}"
    yield "    (on Linux start it with --add-host=host.docker.internal:host-gateway)"
    yield f"  on another machine                     {_url(_own_address(), port)}"
    if config.loopback:
        yield f"The last two need {variable('server', 'host')}=0.0.0.0 in .env: now the bot listens on {host} only."
        yield f"Then it needs a token and {variable('web', 'password')} as well, and a restart."


def forward(config: Config) -> Iterator[str]:
    """The lines for implementations that the bot dials."""
    yield "In NapCat's web page: 网络配置, 新建, Websocket服务器."
    yield "In LLBot: WebSocket正向. In Lagrange: ForwardWebSocket. In others: forward WebSocket (正向 WebSocket)."
    for peer in config.onebot.connect:
        url = URL(peer)
        yield ""
        yield f"The bot dials {url.host} on port {url.port} ({variable('onebot', 'connect')}). For that, there:"
        yield ""
        host = ("Host", "127.0.0.1; 0.0.0.0 where it runs in Docker or on another machine")
        yield from _fields([host, ("Port", str(url.port))], config)
        if url.port == WEBUI:
            yield f"Port {WEBUI} is NapCat's web page, though: its Websocket服务器 has another, often 3001."


def _fields(first: Sequence[tuple[str, str]], config: Config) -> Iterator[str]:
    """The fields of an entry, named as on NapCat's web page. Here alone the token is shown."""
    fields = [
        *first,
        ("Token", given(config) or "(leave it empty: none is set here)"),
        ("消息格式", "array"),
        ("心跳间隔", HEARTBEAT),
        ("上报自身消息", "off"),
        ("启用", "on"),
    ]
    for name, value in fields:
        # A Chinese character takes two places on a terminal.
        width = sum(1 if char.isascii() else 2 for char in name)
        yield f"  {name}{' ' * (14 - width)}{value}"


def _url(host: str, port: int) -> str:
    return f"ws://{f'[{host}]' if ':' in host else host}:{port}{PATH}"


def _own_address() -> str:
    """This machine's address towards others, as far as it can be known; choosing a route sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "this-machine"
        return str(probe.getsockname()[0])
