"""`xiaopeng qq`: what it prints to be pasted, what it sees over real connections, and each mistake with its remedy."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.adapters.onebot import PATH, REPORT, OneBot
from bot.adapters.onebot_quirks import TABLE
from bot.config import PREFIX, Config
from bot.config import OneBot as OneBotSettings
from bot.config import Server as ServerSettings
from bot.doctor.finding import Finding
from bot.errors import ConfigError
from bot.pairing import pair, paste, secret
from bot.pairing.remedies import REMEDIES
from bot.pairing.report import Place, Report, Seen, Trouble
from bot.pairing.run import Voice, paired
from bot.pairing.watch import MUTE, SETTLE, SILENCE, Watch
from bot.server import Server
from tests.peers.onebot import LAGRANGE, NAPCAT, Flavour, OneBotPeer, Person

ROOT = Path(__file__).parent.parent
TOKEN = "a-token-of-these-tests"
ACCOUNT = 10001000


def config(*connect: str, token: str | None = TOKEN, port: int = 0, host: str = "127.0.0.1") -> Config:
    """Settings as given here alone."""
    own = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    assert not own, "these tests bring their own settings"
    onebot = OneBotSettings.model_validate({"token": token, "connect": connect})
    return Config(_env_file=None, server=ServerSettings(port=port, host=host), onebot=onebot)


class Terminal:
    """What the operator reads, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stop = asyncio.Event()
        self._moved = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def voice(self) -> Voice:
        return Voice(self.take, lambda finding: self.take(f"{finding.level} {finding.subject}: {finding.text}"))

    def take(self, line: str) -> None:
        self.lines.append(line)
        task = asyncio.get_running_loop().create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    def said(self, words: str) -> list[str]:
        return [line for line in self.lines if words in line]

    async def says(self, words: str, within: float = 6) -> str:
        """Wait for a line with these words, and return it."""
        try:
            async with asyncio.timeout(within), self._moved:
                await self._moved.wait_for(lambda: self.said(words))
        except TimeoutError:
            raise AssertionError(f"{words!r} was not said:\n" + "\n".join(self.lines)) from None
        return self.said(words)[0]

    async def remedies(self, kind: str) -> str:
        """Wait for the line of a mistake: what is wrong, and what to do."""
        known = REMEDIES[kind]
        return await self.says(f"{known.level} {kind}: {known.wrong} {known.remedy}")

    @property
    def url(self) -> str:
        return next(line.split()[-1] for line in self.lines if line.split()[:1] == ["URL"])


class Command:
    """The command as it runs: its terminal, and how it ends."""

    def __init__(self, terminal: Terminal, task: asyncio.Task[int]) -> None:
        self.terminal = terminal
        self._task = task

    async def ends(self) -> int:
        async with asyncio.timeout(6):
            return await self._task

    async def interrupted(self) -> int:
        self.terminal.stop.set()
        return await self.ends()


@asynccontextmanager
async def pairing(settings: Config) -> AsyncIterator[Command]:
    terminal = Terminal()
    task = asyncio.create_task(paired(settings, terminal.voice, terminal.stop, settle=0.3, often=0.05))
    try:
        waits = asyncio.create_task(terminal.says("Waiting."))
        await asyncio.wait([waits, task], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waits.cancel()
            await task
        await waits
        yield Command(terminal, task)
    finally:
        terminal.stop.set()
        await asyncio.wait([task])


def admin(peer: OneBotPeer, group: int = 20001, role: str = "admin") -> None:
    """Put the account into a group."""
    peer.world.at(group)[str(peer.self_id)] = Person(peer.nickname, role=role)


# --- what to paste ------------------------------------------------------------------------


def test_the_paper_and_the_terminal_say_the_same() -> None:
    paper = (ROOT / "docs/operators.md").read_text("utf-8")
    table = paper.partition("### When it does not connect")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    assert [row for row in rows if row[0] in {known.wrong for known in REMEDIES.values()}] == [
        (known.wrong, known.remedy) for known in REMEDIES.values()
    ]


def test_the_paper_names_every_implementation_that_is_known() -> None:
    paper = (ROOT / "docs/operators.md").read_text("utf-8")
    table = paper.partition("### Implementations")[2].partition("\n### ")[0]
    for known in TABLE.values():
        assert known.name in table


def test_what_to_paste_is_whole() -> None:
    lines = list(paste.reverse(config(port=8080), 8080))
    fields = dict(line.split(maxsplit=1) for line in lines if re.match(r"  [^\s]+ +\S+$", line))
    assert fields["URL"] == f"ws://127.0.0.1:8080{PATH}"
    assert (fields["Token"], fields["消息格式"], fields["启用"]) == (TOKEN, "array", "on")
    assert any("Websocket客户端" in line for line in lines)
    assert any(f"ws://bot:8080{PATH}" in line for line in lines)
    assert any(f"ws://host.docker.internal:8080{PATH}" in line for line in lines)
    assert any("XIAOPENG_SERVER__HOST=0.0.0.0" in line for line in lines)


def test_who_listens_beyond_loopback_is_not_told_to() -> None:
    lines = "\n".join(paste.reverse(config(port=8080, host="0.0.0.0"), 8080))
    assert f"ws://127.0.0.1:8080{PATH}" in lines
    assert "XIAOPENG_SERVER__HOST" not in lines


def test_what_to_paste_for_dialling_names_no_secret_of_the_address() -> None:
    lines = "\n".join(paste.forward(config("ws://me:pass@127.0.0.1:3001/?access_token=hidden", "ws://127.0.0.1:6099")))
    assert "Websocket服务器" in lines
    assert "3001" in lines
    assert "hidden" not in lines
    assert "pass" not in lines
    assert "6099 is NapCat's web page" in lines


# --- the token ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "{line}\n"),
        ("XIAOPENG_NAME=小鹏", "XIAOPENG_NAME=小鹏\n{line}\n"),
        ("A=1\r\n# XIAOPENG_ONEBOT__TOKEN=\r\nB=2\r\n", "A=1\r\n{line}\r\nB=2\r\n"),
        ("XIAOPENG_ONEBOT__TOKEN=\nB=2\n", "{line}\nB=2\n"),
    ],
)
def test_a_token_finds_its_line_and_nobody_else_reads_it(tmp_path: Path, before: str | None, after: str) -> None:
    file = tmp_path / ".env"
    if before is not None:
        file.write_bytes(before.encode())
        file.chmod(0o644)
    token = secret.given(secret.make(file))
    assert len(token) >= 32
    assert file.read_bytes().decode() == after.format(line=f"XIAOPENG_ONEBOT__TOKEN={token}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_token_that_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("xiaopeng_onebot__token=mine\n", "utf-8")
    with pytest.raises(ConfigError, match="set already"):
        secret.make(file)
    assert file.read_text("utf-8") == "xiaopeng_onebot__token=mine\n"
    file.unlink()
    monkeypatch.setenv("XIAOPENG_ONEBOT__TOKEN", "of-the-environment")
    with pytest.raises(ConfigError, match="set already"):
        secret.make(file)
    assert not file.exists()


# --- a report becomes lines ---------------------------------------------------------------


def told(found: list[Finding]) -> str:
    return "\n".join(f"{finding.level} {finding.subject}: {finding.text}" for finding in found)


def account(*groups: Place, online: bool = True) -> Seen:
    return Seen(
        account="qq:1",
        nickname="小鹏",
        app="NapCat.Onebot",
        version="4.18",
        connected=True,
        online=online,
        groups=groups,
    )


def test_silence_names_the_likely_causes_once() -> None:
    watch = Watch(config(), 0)
    assert list(watch.see(Report(), SILENCE - 1)) == []
    said = told(list(watch.see(Report(), SILENCE)))
    assert "runs in Docker or on another machine" in said
    assert "XIAOPENG_SERVER__HOST=0.0.0.0" in said
    assert list(watch.see(Report(), SILENCE * 3)) == []


def test_who_listens_beyond_loopback_hears_of_firewalls() -> None:
    said = told(list(Watch(config(host="0.0.0.0"), 0).see(Report(), SILENCE)))
    assert "firewall" in said
    assert "XIAOPENG_SERVER__HOST" not in said


def test_a_connection_that_says_nothing_is_told() -> None:
    watch = Watch(config(), 0)
    mute = Report(accounts=(Seen(account="1", connected=True, detail="还没有收到数据"),))
    assert "connected, it came to us" in told(list(watch.see(mute, 0)))
    assert "nothing has come from it yet" in told(list(watch.see(mute, MUTE)))
    assert not watch.connected


def test_who_dials_is_not_told_of_loopback() -> None:
    said = told(list(Watch(config("ws://127.0.0.1:3001"), 0).see(Report(), SILENCE)))
    assert "Nothing has arrived yet" in said
    assert "XIAOPENG_SERVER__HOST" not in said


def test_a_mistake_is_told_once_and_again_when_it_goes_on() -> None:
    watch = Watch(config(), 100)
    first = Trouble(kind="token_wrong", detail="127.0.0.1", time=101, count=1)
    assert REMEDIES["token_wrong"].remedy in told(list(watch.see(Report(troubles=(first,)), 1)))
    again = first.model_copy(update={"time": 106, "count": 2})
    assert list(watch.see(Report(troubles=(again,)), 6)) == []
    still = first.model_copy(update={"time": 140, "count": 8})
    assert "8 times" in told(list(watch.see(Report(troubles=(still,)), 40)))
    assert list(watch.see(Report(troubles=(still,)), 90)) == []


def test_a_mistake_of_yesterday_is_not_told() -> None:
    old = Trouble(kind="token_wrong", time=99, count=5)
    assert list(Watch(config(), 100).see(Report(troubles=(old,)), 0)) == []


@pytest.mark.parametrize("through", [False, True])
def test_a_door_that_stays_shut_to_the_bot_is_told_however_old(through: bool) -> None:
    old = Trouble(kind="refused_by_peer", detail="ws://127.0.0.1:3001", time=99)
    seen = account().model_copy(update={"direction": "forward", "connected": through})
    said = told(list(Watch(config("ws://127.0.0.1:3001"), 100).see(Report(accounts=(seen,), troubles=(old,)), 0)))
    assert (REMEDIES["refused_by_peer"].remedy in said) is not through


def test_an_account_that_was_here_before_is_told_once() -> None:
    watch = Watch(config(), 100)
    gone = account().model_copy(update={"connected": False, "detail": "连接断开"})
    assert told(list(watch.see(Report(accounts=(gone,)), 0))) == "warn QQ 1: not connected any more (连接断开)"
    assert list(watch.see(Report(accounts=(gone,)), 1)) == []


def test_a_kind_that_is_new_is_told_all_the_same() -> None:
    trouble = Trouble(kind="moon_phase", detail="full", time=5)
    assert "full" in told(list(Watch(config(), 0).see(Report(troubles=(trouble,)), 0)))


def test_groups_are_told_when_they_stand_and_names_cannot_steer_the_terminal() -> None:
    watch = Watch(config(), 0)
    groups = (
        Place(id="qq:20001", name="甲\x1b[2J\n\u202e乙", role="owner"),
        Place(id="qq:20002", name="丙", role="member", muted=True),
        Place(id="qq:20003", name="丁" * 500),
    )
    first = told(list(watch.see(Report(accounts=(account(*groups),)), 0)))
    assert "NapCat.Onebot 4.18, nickname 小鹏" in first
    assert "3 groups" not in first
    assert not watch.settled(0)
    said = told(list(watch.see(Report(accounts=(account(*groups),)), SETTLE)))
    assert "in 3 groups; owner or admin in 1: 甲 [2J  乙 (20001); no admin in 1: 丙 (20002); role not told in 1" in said
    assert REMEDIES["muted"].wrong in said
    assert len(said) < 800
    assert watch.settled(SETTLE)
    assert list(watch.last()) == []


def test_many_groups_make_one_line() -> None:
    watch = Watch(config(), 0)
    groups = [Place(id=f"qq:{number}", name="群", role="member") for number in range(300)]
    list(watch.see(Report(accounts=(account(*groups),)), 0))
    said = told(list(watch.see(Report(accounts=(account(*groups),)), SETTLE)))
    assert "in 300 groups" in said
    assert "and 295 more" in said
    assert REMEDIES["no_admin"].wrong in told(list(watch.last()))


# --- over real connections, reverse -------------------------------------------------------


async def test_an_account_that_comes_is_told_and_all_is_well() -> None:
    async with pairing(config()) as command:
        terminal = command.terminal
        async with OneBotPeer(terminal.url, ACCOUNT, TOKEN, LAGRANGE) as peer:
            admin(peer)
            assert await command.ends() == 0
        assert terminal.said(f"QQ {ACCOUNT}: connected, it came to us")
        assert terminal.said("Lagrange.OneBot")
        assert terminal.said("owner or admin in 1")
        assert terminal.said("可以了")
        assert terminal.said("make run")


async def test_the_token_stands_in_its_line_alone(capfd: pytest.CaptureFixture[str]) -> None:
    async with pairing(config()) as command:
        terminal = command.terminal
        for token in (None, "wrong", TOKEN):
            with suppress(aiohttp.ClientError):
                async with OneBotPeer(f"{terminal.url}/?access_token={TOKEN}", ACCOUNT, token):
                    pass
        await terminal.remedies("wrong_path")
        assert await command.interrupted() == 1
    (line,) = terminal.said(TOKEN)
    assert line.split() == ["Token", TOKEN]
    assert TOKEN not in "".join(capfd.readouterr())


async def bare(url: str, **headers: str) -> None:
    """Ask for a WebSocket with these headers instead of the usual ones."""
    peer = OneBotPeer(url, ACCOUNT, TOKEN, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await peer.connect()


async def post(url: str) -> None:
    """Post an event as HTTP clients do that know the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    http = url.replace("ws", "http", 1)
    async with aiohttp.ClientSession() as session, session.post(http, json={}, headers=headers) as answer:
        assert answer.status >= 400


async def without_token(url: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await OneBotPeer(url, ACCOUNT).connect()


async def wrong_token(url: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await OneBotPeer(url, ACCOUNT, "wrong").connect()


MISTAKES: dict[str, Callable[[str], Awaitable[None]]] = {
    "token_missing": without_token,
    "token_wrong": wrong_token,
    "wrong_path": lambda url: bare(url + "/"),
    "wrong_role": lambda url: bare(url, x_client_role="Everything"),
    "no_self_id": lambda url: bare(url, x_self_id="no account"),
    "not_websocket": post,
}


async def test_an_address_without_a_path_is_told() -> None:
    async with pairing(config()) as command:
        host = command.terminal.url.removesuffix("/onebot/v11/ws")
        await bare(f"{host}/", host="bot:8080")
        await command.terminal.remedies("wrong_path")
        assert await command.interrupted() == 1


@pytest.mark.parametrize("kind", MISTAKES)
async def test_a_mistake_on_the_way_in_is_told_with_its_remedy(kind: str) -> None:
    async with pairing(config()) as command:
        await MISTAKES[kind](command.terminal.url)
        await command.terminal.remedies(kind)
        assert await command.interrupted() == 1
        assert command.terminal.said("Not connected.")


async def test_two_programs_with_one_account_are_told() -> None:
    async with pairing(config()) as command, OneBotPeer(command.terminal.url, ACCOUNT, TOKEN) as one:
        for _ in range(3):
            await one.close()
            async with OneBotPeer(command.terminal.url, ACCOUNT, TOKEN):
                await one.connect()
        await command.terminal.remedies("replaced")


async def test_an_account_that_is_logged_out_is_told() -> None:
    async with pairing(config()) as command, OneBotPeer(command.terminal.url, ACCOUNT, TOKEN) as peer:
        await peer.heartbeat(online=False)
        line = await command.terminal.remedies("account_offline")
        assert str(ACCOUNT) in line
        assert await command.interrupted() == 1


async def test_an_account_in_no_group_is_told_and_enough_for_now() -> None:
    async with pairing(config()) as command, OneBotPeer(command.terminal.url, ACCOUNT, TOKEN):
        await command.terminal.remedies("no_group")
        assert await command.interrupted() == 0
        await command.terminal.remedies("no_group")


async def test_an_account_that_is_an_admin_nowhere_is_told() -> None:
    async with pairing(config()) as command, OneBotPeer(command.terminal.url, ACCOUNT, TOKEN) as peer:
        admin(peer, role="member")
        assert await command.ends() == 0
        await command.terminal.remedies("no_admin")


# --- forward ------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def elsewhere() -> AsyncIterator[str]:
    """A web page where a WebSocket server was meant, as NapCat's on port 6099."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<title>NapCat WebUI</title>", content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/{path:.*}", page)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_an_account_that_was_dialled_is_told() -> None:
    async with OneBotPeer(self_id=ACCOUNT, token=TOKEN) as peer:
        admin(peer, role="owner")
        async with pairing(config(peer.address)) as command:
            assert await command.ends() == 0
            assert command.terminal.said(f"QQ {ACCOUNT}: connected, the bot dialled it")
            assert command.terminal.said("Websocket服务器")


@pytest.mark.parametrize("flavour", [NAPCAT, LAGRANGE], ids=["frame", "http"])
async def test_a_token_that_the_dialled_one_refuses_is_told(flavour: Flavour) -> None:
    async with (
        OneBotPeer(self_id=ACCOUNT, token="another", flavour=flavour) as peer,
        pairing(config(peer.address)) as command,
    ):
        await command.terminal.remedies("refused_by_peer")
        assert await command.interrupted() == 1


async def test_an_address_where_nobody_listens_is_told() -> None:
    async with pairing(config(f"ws://127.0.0.1:{free_port()}")) as command:
        await command.terminal.remedies("unreachable")
        assert await command.interrupted() == 1


async def test_a_web_page_instead_of_a_server_is_told() -> None:
    async with elsewhere() as url, pairing(config(url)) as command:
        assert "6099" in await command.terminal.remedies("not_onebot")


async def test_a_dialled_account_that_is_logged_out_is_told() -> None:
    async with OneBotPeer(self_id=ACCOUNT, token=TOKEN) as peer, pairing(config(peer.address)) as command:
        await peer.wait_linked()
        await peer.heartbeat(online=False)
        await command.terminal.remedies("account_offline")


# --- a bot that runs already --------------------------------------------------------------


@asynccontextmanager
async def bot(settings: Config) -> AsyncIterator[Config]:
    """The door of a bot that runs, at a port that stays."""
    adapter = OneBot(settings.onebot)
    async with Server(settings, adapter.routes(), lambda: {"ok": True}), adapter.listen(lambda event: None):
        yield settings


async def test_a_bot_that_runs_is_asked() -> None:
    port = free_port()
    async with bot(config(port=port)) as settings, pairing(settings) as command:
        assert command.terminal.said(f"The bot runs on port {port}")
        async with OneBotPeer(command.terminal.url, ACCOUNT, TOKEN) as peer:
            admin(peer)
            assert await command.ends() == 0
        assert command.terminal.said("The bot runs: say")


async def test_no_token_is_shown_whatever_a_bot_says() -> None:
    detail = f"somebody came with {TOKEN}"
    trouble = Trouble(kind="token_wrong", detail=detail, time=time.time() + 60).model_dump()

    async def report(request: web.Request) -> web.Response:
        return web.json_response({"accounts": [], "troubles": [trouble]})

    settings = config(port=free_port())
    async with Server(settings, [web.get(REPORT, report)], lambda: {"ok": True}), pairing(settings) as command:
        assert "somebody came with …" in await command.terminal.remedies("token_wrong")
        assert len(command.terminal.said(TOKEN)) == 1


async def test_what_is_no_report_is_told() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.json_response({"accounts": "many"})

    settings = config(port=free_port())
    async with Server(settings, [web.get(REPORT, page)], lambda: {"ok": True}), pairing(settings) as command:
        await command.terminal.remedies("report_missing")


async def test_a_bot_with_another_token_is_told() -> None:
    port = free_port()
    async with bot(config(port=port, token="old-token")), pairing(config(port=port)) as command:
        await command.terminal.remedies("report_refused")
        assert await command.interrupted() == 1


async def test_a_bot_that_goes_and_comes_back_is_told() -> None:
    port = free_port()
    async with bot(config(port=port)):
        command_context = pairing(config(port=port))
        command = await command_context.__aenter__()
    await command.terminal.remedies("bot_gone")
    async with bot(config(port=port)):
        await command.terminal.says("the bot answers")
    await command_context.__aexit__(None, None, None)


async def test_the_command_that_runs_already_is_told() -> None:
    port = free_port()
    async with pairing(config(port=port)):
        with pytest.raises(ConfigError, match="runs already, in another window"):
            async with pairing(config(port=port)):
                pass


async def test_a_port_that_another_program_holds_is_told() -> None:
    async with elsewhere() as url:
        with pytest.raises(ConfigError, match=r"already in use.*XIAOPENG_SERVER__PORT"):
            async with pairing(config(port=URL(url).port or 0)):
                pass


# --- as it is typed -----------------------------------------------------------------------


def typed(folder: Path, *words: str, terminal: int | None = None, **settings: str) -> subprocess.Popen[str]:
    """The command in a folder; at a terminal, if there is one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    env = clean | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | settings
    return subprocess.Popen(
        [sys.executable, "-m", "bot", "qq", *words],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=subprocess.PIPE if terminal is None else terminal,
        text=True,
    )


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_the_command_from_a_new_folder_to_all_is_well(tmp_path: Path) -> None:
    port = free_port()
    with typed(tmp_path, "--wait", "20", "--yes", XIAOPENG_SERVER__PORT=str(port)) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not any("Waiting." in line for line in lines):
            line = await asyncio.to_thread(process.stdout.readline)
            assert line, await asyncio.to_thread(process.communicate)
            lines.append(line)
        (token,) = [line.split()[1] for line in lines if line.split()[:1] == ["Token"]]
        assert (tmp_path / ".env").read_text("utf-8") == f"XIAOPENG_ONEBOT__TOKEN={token}\n"
        peer = OneBotPeer(f"ws://127.0.0.1:{port}{PATH}", ACCOUNT, token)
        admin(peer)
        async with peer:
            out, errors = await asyncio.to_thread(process.communicate)
    assert (process.returncode, errors) == (0, ""), out
    assert "owner or admin in 1" in out
    assert "可以了" in out
    assert token not in out
    assert files(tmp_path) == [".env"], "no database is opened"


def test_scripts_get_json_and_an_exit_code(tmp_path: Path) -> None:
    with typed(tmp_path, "--wait", "0.5", "--json", XIAOPENG_ONEBOT__TOKEN=TOKEN, XIAOPENG_SERVER__PORT="0") as process:
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (1, "")
    assert json.loads(out) == {"connected": False, "settled": False, "accounts": [], "troubles": []}
    assert TOKEN not in out


def test_a_shut_door_is_told() -> None:
    shut = config().model_copy(update={"onebot": OneBotSettings(enabled=False)})
    with pytest.raises(ConfigError, match="XIAOPENG_ONEBOT__ENABLED"):
        pair(shut, print, print)


@pytest.mark.parametrize("answer", ["y", "n"])
def test_somebody_at_a_terminal_is_asked_before_a_token_is_written(tmp_path: Path, answer: str) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        process = typed(tmp_path, terminal=theirs, XIAOPENG_SERVER__PORT="0")
        os.close(theirs)
        terminal.write(f"{answer}\n".encode())
        shown = b""
        while b"Waiting." not in shown:
            shown += terminal.read(4096)
        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # a terminal that nobody holds any more reads as an error
            while more := terminal.read(4096):
                shown += more
        assert process.wait(20) == 1
    assert b"Make one and write it into .env?" in shown
    assert b"Not connected." in shown
    assert files(tmp_path) == ([".env"] if answer == "y" else [])
