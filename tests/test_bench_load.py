"""The benches that load bots: the generator tells the truth, and each scenario still runs. Nothing here is timed."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from aiohttp import WSMsgType, web

from bench.audit import Kept, kept, rows
from bench.bots import BARE, BOT, PEERS, READER, Bot
from bench.growth import picture
from bench.load.crowd import FIRST, Crowd
from bench.load.ledger import Ledger
from bench.load.wire import Refused, dial, frame
from bench.mixed import GUESSES, Search
from bench.peers.rows import Rows
from bench.plugins.ping import Ping
from bench.prefill import prefill
from bench.process import free_port
from bench.question import beside
from bench.runs import load_on, run
from bench.soak import soak
from bot.testing import Room

two_cores = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="bot and generator need a core each, and Linux to be kept there",
)


@pytest.fixture
async def far_end() -> AsyncIterator[tuple[int, list[str]]]:
    """A server that sends back what it is sent; its port, and the tokens that it was shown."""
    tokens: list[str] = []

    async def echo(request: web.Request) -> web.WebSocketResponse:
        tokens.append(request.headers["Authorization"])
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await socket.ping(b"are you there")
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.add_routes([web.get("/ws", echo)])
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield port, tokens
    await runner.cleanup()


# --- the wire -----------------------------------------------------------------------------


async def test_frames_of_every_length_go_out_and_come_back(far_end: tuple[int, list[str]]) -> None:
    port, tokens = far_end
    sizes = (0, 1, 125, 126, 127, 65_535, 65_536, 300_000)
    heard: list[bytes] = []
    wire = await dial(port, "/ws", {"Authorization": "Bearer x"}, heard.append)
    wire.write(b"".join(frame(b"x" * size) for size in sizes) + frame(b"", 8))
    await wire.closed
    assert list(map(len, heard)) == list(sizes)
    assert tokens == ["Bearer x"]


async def test_a_handshake_that_is_refused_says_so(far_end: tuple[int, list[str]]) -> None:
    with pytest.raises(Refused, match="404"):
        await dial(far_end[0], "/elsewhere", {}, lambda payload: None)


# --- what is said, and what is held against it ----------------------------------------------


def payload(data: bytes) -> dict[str, object]:
    body: dict[str, object] = orjson.loads(data[data.index(b"{") :])
    return body


def test_a_message_said_again_differs_by_its_number_alone() -> None:
    crowd = Crowd(3)
    said = crowd.command(2, 5)
    again = crowd.again(said)
    first, second = payload(said.data), payload(again.data)
    assert (first["message_id"], second["message_id"]) == (said.number, again.number) == (FIRST, FIRST + 1)
    assert second["raw_message"] == f"/ping {again.number}"
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"message_id", "message_seq", "real_id", "real_seq", "raw_message", "message"}


def test_the_ledger_sees_what_is_lost_doubled_astray_and_overtaken() -> None:
    ledger, crowd = Ledger(), Crowd(2)
    one, two, three, four = (crowd.command(group) for group in (0, 0, 1, 1))
    for said in (one, two, three, four):
        ledger.asked(said, 1.0)
    ledger.replied(two.number, two.group, 1.5)
    ledger.replied(one.number, one.group, 2.0)
    ledger.replied(one.number, one.group, 2.0)
    ledger.replied(three.number, one.group, 2.0)
    told = ledger.told()
    assert (told["replies"], told["max_ms"]) == (3, 1000)
    assert (told["lost"], told["duplicates"], told["astray"], told["disorder"]) == (1, 1, 1, 1)


async def test_the_log_is_held_against_what_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "bench.db"
    assert rows(path) == 0
    with Rows(path) as log:
        for group, number in (("a", 10), ("b", 12), ("a", 13), ("b", 11), ("a", 13)):
            log.add((group, str(number), "m", "name", 0.0, "text"))
    assert rows(path) == 5
    assert kept(path, 10, 4) == Kept(missing=0, double=1, disorder=1)
    assert kept(path, 10, 6) == Kept(missing=2, double=1, disorder=1)
    assert kept(path, 13, 1, before=4) == Kept(missing=0, double=0, disorder=0)


# --- bots under load -------------------------------------------------------------------------


@two_cores
@pytest.mark.slow
@pytest.mark.parametrize("bot", [BARE, BOT], ids=lambda bot: bot.name)
def test_every_command_of_a_closed_loop_is_answered_and_logged(bot: Bot) -> None:
    found = run(bot, "closed", groups=5, members=8, seconds=0.3)
    assert found["replies"] >= 80
    assert found["sent"] > found["replies"]  # what warmed it up was logged too
    assert (found.lost, found.disorder) == (0, 0)
    assert found["cpu_us"] > 0
    assert found.told["strange"] == {}


async def test_our_own_plugin_answers_and_looks_at_every_message() -> None:
    async with Room(Ping) as room:
        assert await room.say("/ping 17") == ["pong 17"]
        assert await room.say("早上好") == []
        assert await room.rows("select act from audit") == []
        assert await room.say("加微信领取内部优惠券") == []
        acts = await room.rows("select act, plugin from audit")
        assert {row["plugin"] for row in acts} == {"ping"}


@two_cores
@pytest.mark.slow
def test_a_mixture_comes_at_its_rate_and_is_logged_whole() -> None:
    found = run(BARE, "mixed", groups=20, rate=400, seconds=1, behind=30)
    assert (found["sent"], found["replies"], found["kept"]) == (400, 20, 1)
    assert found["warmed"] == 70
    assert (found.lost, found.disorder) == (0, 0)
    assert found["seconds"] >= 0.99


@two_cores
def test_the_generator_alone_is_in_time() -> None:
    told = load_on(READER, "mixed", groups=2, rate=2000, seconds=0.5, command_every=0)
    assert (told["sent"], told["warmed"], told["replies"]) == (1000, 2, 0)


@two_cores
def test_a_bot_that_answers_nothing_falls_behind() -> None:
    told = load_on(READER, "soak", groups=2, rate=200, seconds=60, behind=0.2, warm_seconds=0.2)
    assert (told["kept"], told["replies"]) == (0, 0)
    assert told["sent"] < 400


@two_cores
@pytest.mark.slow
def test_a_rate_that_no_bot_holds_is_not_held() -> None:
    search = Search(BARE, 0.3)
    assert search.holds(GUESSES["NoneBot2"])
    assert search.best is not None
    assert search.best["rate"] == GUESSES["NoneBot2"]
    assert not search.holds(200_000)
    assert search.best["rate"] == GUESSES["NoneBot2"]


@two_cores
@pytest.mark.slow
def test_questions_reach_the_model_and_the_sdk_asks_the_same() -> None:
    with beside(0.01) as asked:
        assert len(asked.ask(4, groups=2)) == 4
        assert len(asked.ask(6, groups=3, at_once=True)) == 6
        assert len(asked.ask(1, groups=1)) == 1
        assert all(took >= 10 for took in asked.sdk.ask(3, at_once=True))


@two_cores
@pytest.mark.slow
def test_a_soak_ends_with_its_memory_and_nothing_lost() -> None:
    figures = {figure.name: figure for figure in soak(0.05)}
    assert figures["soak of 0.05 min, messages"].value == 600 + 550
    assert figures["soak, commands answered"].value == 30
    assert figures["soak, lost or doubled"].met
    assert len(figures["soak, memory RSS, most"].samples) > 2


@two_cores
@pytest.mark.slow
def test_a_log_is_filled_in_the_bots_own_schema(tmp_path: Path) -> None:
    prefill(tmp_path, 1000)
    path = tmp_path / BOT.database
    assert rows(path) == 1000
    with closing(sqlite3.connect(path)) as connection:
        counts = [connection.execute(f"select count(*) from {name}").fetchone()[0] for name in ("said", "commands")]  # noqa: S608 - two names
        indexes = connection.execute("select count(*) from pragma_index_list('messages')").fetchone()[0]
    assert counts == [50, 50]
    assert indexes == 1
    assert run(BOT, "mixed", tmp_path, groups=10, rate=100, seconds=0.5, behind=30).lost == 0


# --- the rest --------------------------------------------------------------------------------


def test_the_picture_shows_every_point() -> None:
    drawn = picture({"groups": [(10, 98.2), (10_000, 109.9)], "rows": [(0, 98.2), (1_000_000, 101), (10_000_000, 180)]})
    root = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    name = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f".//{name}circle")) == 5
    assert "10M 180" in root.attrib["aria-label"]
    heights = [float(dot.attrib["cy"]) for dot in root.findall(f".//{name}circle")]
    assert heights[4] == min(heights)
    assert "prefers-color-scheme: dark" in drawn


@pytest.mark.parametrize("path", sorted(PEERS.glob("*.txt")), ids=lambda path: path.stem)
def test_the_peers_packages_are_pinned_and_name_no_host(path: Path) -> None:
    lines = path.read_text("utf-8").split()
    assert len(lines) > 5
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines)
