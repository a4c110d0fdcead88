"""`OpenAIChat` against a server on this machine, well-behaved and otherwise."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing

import pytest
from pydantic import SecretStr

from bot.config import Model
from bot.errors import (
    ConfigError,
    ModelAuth,
    ModelBadInput,
    ModelBusy,
    ModelEmpty,
    ModelError,
    ModelFiltered,
    ModelQuota,
    ModelTruncated,
    ModelUnavailable,
)
from bot.models.base import Completion, Turn, Usage
from bot.models.openai import OpenAIChat
from bot.types import Image
from tests.peers.openai_oddities import Odd, chunk, event, failure
from tests.peers.openai_server import OpenAIServer

KEY = "very/secret+0123456789abcdef"
ASKED = (Turn("system", "你是助手"), Turn("user", "在吗"))
Make = Callable[..., OpenAIChat]


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def make(server: OpenAIServer) -> AsyncIterator[Make]:
    made: list[OpenAIChat] = []

    def make(**settings: object) -> OpenAIChat:
        given: dict[str, object] = {"model": "test-model", "base_url": server.base_url, "api_key": KEY}
        defaults: dict[str, object] = {"timeout": 1, "retries": 0}
        made.append(OpenAIChat("main", Model.model_validate({**given, **defaults, **settings})))
        return made[-1]

    yield make
    for chat in made:
        await chat.close()


async def ask(
    chat: OpenAIChat,
    turns: Sequence[Turn] = ASKED,
    options: Mapping[str, object] | None = None,
    completion: Completion | None = None,
) -> list[str]:
    pieces: list[str] = []
    await listen(chat, pieces, turns, options, completion)
    return pieces


async def listen(
    chat: OpenAIChat,
    pieces: list[str],
    turns: Sequence[Turn] = ASKED,
    options: Mapping[str, object] | None = None,
    completion: Completion | None = None,
) -> None:
    """Ask, and keep in `pieces` what came even where it ends in a failure."""
    async with aclosing(chat.chat(turns, options or {}, completion or Completion())) as stream:
        async for piece in stream:
            assert piece
            pieces.append(piece)


async def test_streams_an_answer(server: OpenAIServer, make: Make) -> None:
    server.answer, server.echo = "很高兴认识你，我是小助手。", "test-model-0901"
    completion = Completion()
    pieces = await ask(make(), completion=completion)
    assert "".join(pieces) == server.answer
    assert len(pieces) > 2
    assert completion == Completion("test-model-0901", Usage(6, len(server.answer)), "stop")
    asked = server.requests[0]
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.body == {
        "model": "test-model",
        "messages": [{"role": "system", "content": "你是助手"}, {"role": "user", "content": "在吗"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_a_picture_goes_out_beside_the_text(server: OpenAIServer, make: Make) -> None:
    picture = Image(data=b"\xff\xd8 picture", mime="image/jpeg")
    await ask(make(), (Turn("system", "抄字"), Turn("user", "抄下来", (picture, Image(data=b"x")))))
    system, user = server.requests[0].body["messages"]
    assert system == {"role": "system", "content": "抄字"}
    assert user["content"] == [
        {"type": "text", "text": "抄下来"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9ggcGljdHVyZQ=="}},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,eA=="}},
    ]


async def test_pieces_come_as_they_are_written(server: OpenAIServer, make: Make) -> None:
    server.answer, server.chunk_delay = "一二三四五六七八", 0.2
    chat = make()
    await ask(chat)
    begun = time.monotonic()
    async with aclosing(chat.chat(ASKED, {}, Completion())) as stream:
        await anext(stream)
        first = time.monotonic() - begun
        async for _ in stream:
            pass
    assert first < time.monotonic() - begun - 0.3


async def test_options_go_into_the_request(server: OpenAIServer, make: Make) -> None:
    options = {"temperature": 0.2, "max_tokens": 9, "enable_thinking": False, "stream": False, "model": "other"}
    await ask(make(), options=options)
    body = server.requests[0].body
    assert (body["temperature"], body["max_tokens"], body["enable_thinking"]) == (0.2, 9, False)
    assert (body["stream"], body["model"]) == (True, "test-model")


async def test_a_preset_may_know_no_token_counts(server: OpenAIServer, make: Make) -> None:
    completion = Completion()
    await ask(make(preset="mindie"), completion=completion)
    assert "stream_options" not in server.requests[0].body
    assert completion.usage == Usage(None, None)


async def test_what_members_type_arrives_as_it_is(server: OpenAIServer, make: Make) -> None:
    server.answer = lambda request: request.question
    hostile = 'a\0b"}]}\n\ndata: [DONE]\n\n\u202e𝕏👩‍👩‍👧{{ 7*7 }}' + "长" * 20_000
    assert "".join(await ask(make(), [Turn("user", hostile)])) == hostile


@pytest.mark.parametrize(
    "odd",
    [
        "keep_alive", "no_done", "crlf", "no_space", "split_utf8", "byte_by_byte", "slow_drip", "plain_type",
        "reasoning", "think", "parts", "not_a_stream", "no_counts", "strangers", "abort_after_finish",
    ],
)  # fmt: skip
async def test_reads_an_odd_but_whole_answer(server: OpenAIServer, make: Make, odd: str) -> None:
    server.behave(odd)
    completion = Completion()
    assert "".join(await ask(make(), completion=completion)) == "你好，世界"
    assert (completion.model, completion.finish) == ("odd-model", "stop")
    assert completion.usage == (Usage(3, 4) if odd == "not_a_stream" else Usage())


async def test_reads_a_huge_chunk(server: OpenAIServer, make: Make) -> None:
    server.behave("huge_chunk")
    assert sum(map(len, await ask(make()))) == 1_000_000


async def test_a_slow_answer_may_take_longer_than_the_silence(server: OpenAIServer, make: Make) -> None:
    server.behave("slow_drip")
    begun = time.monotonic()
    assert "".join(await ask(make(timeout=0.8))) == "你好，世界"
    assert time.monotonic() - begun > 0.8


async def test_does_not_wait_long_for_the_token_counts(
    server: OpenAIServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.models.openai.GRACE_SECONDS", 0.2)
    server.behave("hang_after_finish")
    begun = time.monotonic()
    assert "".join(await ask(make(timeout=30))) == "你好，世界"
    assert time.monotonic() - begun < 5
    await server.disconnected()


@pytest.mark.parametrize(
    ("odd", "kind", "said", "words"),
    [
        ("cut_stream", ModelTruncated, "你好", "finish_reason"),
        ("no_finish", ModelTruncated, "你好", "finish_reason"),
        ("drop_stream", ModelTruncated, "你好", "Not enough data"),
        ("hang_in_stream", ModelTruncated, "你好", "Timeout"),
        ("bad_json", ModelTruncated, "你好", "JSON"),
        ("bad_utf8", ModelTruncated, "你好", "utf-8"),
        ("bad_utf8_first", ModelUnavailable, "", "utf-8"),
        ("endless_json", ModelUnavailable, "", "Recursion"),
        ("empty_stream", ModelEmpty, "", "No text"),
        ("only_done", ModelEmpty, "", "No text"),
        ("no_content", ModelEmpty, "", "finish_reason stop"),
        ("blank_content", ModelEmpty, "", "finish_reason stop"),
        ("only_thoughts", ModelEmpty, "", "finish_reason length"),
        ("json_200", ModelBusy, "", "[engine_overloaded_error] The model is overloaded"),
        ("json_200_as_events", ModelQuota, "", "[insufficient_quota] no money"),
        ("html_200", ModelUnavailable, "", "HTTP 200 text/html: <html>"),
        ("error_event", ModelBusy, "", "[rate_limit_exceeded] busy"),
        ("error_event_late", ModelFiltered, "你好", "content_filter"),
        ("error_event_flat", ModelBadInput, "", "[400] too long"),
        ("error_event_text", ModelUnavailable, "", "worker died"),
        ("filtered", ModelFiltered, "", "content_filter"),
        ("sensitive", ModelFiltered, "你好", "sensitive"),
        ("no_resource", ModelBusy, "", "insufficient_system_resource"),
        ("html_502", ModelUnavailable, "", "HTTP 502 <html>"),
        ("drop", ModelUnavailable, "", "disconnected"),
        ("close", ModelUnavailable, "", "disconnected"),
        ("hang", ModelUnavailable, "", "Timeout"),
        ("no_http", ModelUnavailable, "", "status line"),
        ("busy", ModelBusy, "", "HTTP 429 [rate_limit_error] slow down"),
        ("payment", ModelQuota, "", "HTTP 402 Insufficient Balance"),
        ("bad_key", ModelAuth, "", "HTTP 401 [invalid_api_key]"),
        ("forbidden", ModelAuth, "", "HTTP 403 no access"),
        ("no_model", ModelBadInput, "", "HTTP 404 [model_not_found]"),
    ],
)
async def test_names_what_went_wrong(
    server: OpenAIServer, make: Make, odd: str, kind: type[ModelError], said: str, words: str
) -> None:
    server.behave(odd)
    pieces: list[str] = []
    with pytest.raises(ModelError) as caught:
        await listen(make(), pieces)
    assert type(caught.value) is kind
    assert words in caught.value.detail
    assert "".join(pieces) == said
    assert caught.value.model == "main"
    assert len(server.requests) == 1


async def test_works_again_after_every_failure(server: OpenAIServer, make: Make) -> None:
    chat = make(concurrency=1)
    for odd in ("cut_stream", "drop_stream", "hang_in_stream", "html_200", "json_200", "busy", "bad_utf8", "no_http"):
        server.behave(odd, times=1)
        with pytest.raises(ModelError):
            await ask(chat)
        assert "".join(await ask(chat)) == server.answer


async def test_nobody_listens(make: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ModelUnavailable) as caught:
            await ask(make(base_url=address))
    assert "Connect call failed" in caught.value.detail


async def test_an_old_connection_that_the_server_closed_does_no_harm(server: OpenAIServer, make: Make) -> None:
    chat = make(retries=1)
    await ask(chat)
    server.behave("close", times=1)
    assert "".join(await ask(chat)) == server.answer


@pytest.mark.parametrize("odd", ["busy", "html_502", "drop"])
async def test_the_sdk_tries_again(server: OpenAIServer, make: Make, odd: str) -> None:
    server.behave(odd, times=1)
    assert "".join(await ask(make(retries=1))) == server.answer
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("preset", "odd", "kind"),
    [("zhipu", "no_money", ModelQuota), ("openai", "busy_long", ModelBusy), ("openai", "payment", ModelQuota)],
)
async def test_does_not_try_again_in_vain(
    server: OpenAIServer, make: Make, preset: str, odd: str, kind: type[ModelError]
) -> None:
    server.behave(odd)
    with pytest.raises(kind):
        await ask(make(preset=preset, retries=2))
    assert len(server.requests) == 1


async def test_waits_as_long_as_the_server_asks(server: OpenAIServer, make: Make) -> None:
    server.behave("busy_wait", times=1)
    begun = time.monotonic()
    await ask(make(retries=1, timeout=2))
    assert time.monotonic() - begun >= 1


async def test_a_failure_without_end_is_cut(server: OpenAIServer, make: Make) -> None:
    server.behave(Odd((b"x" * 60_000,) * 400, status=400, content_type="text/plain", gap=0.02))
    begun = time.monotonic()
    with pytest.raises(ModelBadInput):
        await ask(make())
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("field", ["message", "code", "type", "text", "event", "content"])
async def test_the_key_is_in_no_error(server: OpenAIServer, make: Make, field: str) -> None:
    told = f"the key {KEY} ({KEY.replace('/', chr(92) + '/')}) is wrong. You sent Authorization: Bearer {KEY}"
    server.behave(
        {
            "text": failure(500, f"<html>{told}</html>"),
            "event": Odd((event({"error": {"message": told}}),)),
            "content": Odd((event(chunk("x" * 10)), f"data: {told}\n\n".encode())),
        }.get(field)
        or failure(400, {"error": {field: told}})
    )
    with pytest.raises(ModelError) as caught:
        await ask(make())
    error: BaseException | None = caught.value
    assert error
    assert error.__cause__ is None
    assert error.__context__ is None
    for words in (caught.value.detail, str(error), repr(error), str(error.__dict__)):
        assert KEY not in words
        assert "0123456789" not in words


def test_the_key_is_in_no_description() -> None:
    chat = OpenAIChat("main", Model(model="m", api_key=SecretStr(KEY)))
    assert KEY not in repr(chat)


async def test_a_detail_is_one_short_printable_line(server: OpenAIServer, make: Make) -> None:
    server.behave(failure(400, {"error": {"message": "bad\r\n\x1b[2J\u202e\0" + "长" * 5000}}))
    with pytest.raises(ModelBadInput) as caught:
        await ask(make())
    assert caught.value.detail.startswith(r"HTTP 400 bad\r\n\x1b[2J\u202e\x00长")
    assert len(caught.value.detail) == 300
    assert caught.value.detail.isprintable()


async def test_leaving_early_ends_the_request(server: OpenAIServer, make: Make) -> None:
    server.chunk_delay, server.answer = 0.05, "长" * 4000
    chat = make(concurrency=1)
    async with aclosing(chat.chat(ASKED, {}, Completion())) as stream:
        await anext(stream)
    await server.disconnected()
    server.chunk_delay = 0
    assert "".join(await ask(chat)) == server.answer


@pytest.mark.parametrize("odd", ["hang", "hang_in_stream"])
async def test_cancelling_ends_the_request(server: OpenAIServer, make: Make, odd: str) -> None:
    server.behave(odd, times=1)
    chat = make(concurrency=1, timeout=30)
    task = asyncio.create_task(ask(chat))
    await server.asked()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.disconnected()
    assert "".join(await ask(chat)) == server.answer


async def test_keeps_to_the_concurrency(server: OpenAIServer, make: Make) -> None:
    server.delay = 0.1
    chat = make(concurrency=3)
    answers = await asyncio.gather(*(ask(chat) for _ in range(9)))
    assert {"".join(answer) for answer in answers} == {server.answer}
    assert server.peak == 3


async def test_answers_side_by_side_do_not_mix(server: OpenAIServer, make: Make) -> None:
    server.answer, server.chunk_delay = lambda request: request.question * 20, 0.001
    chat = make()
    answers = await asyncio.gather(*(ask(chat, [Turn("user", f"第{number}问。")]) for number in range(12)))
    assert ["".join(answer) for answer in answers] == [f"第{number}问。" * 20 for number in range(12)]


async def test_keeps_its_connection(server: OpenAIServer, make: Make) -> None:
    chat = make()
    for _ in range(5):
        await ask(chat)
    assert len({request.port for request in server.requests}) == 1


async def test_is_unavailable_once_closed(server: OpenAIServer, make: Make) -> None:
    chat = make()
    await ask(chat)
    await chat.close()
    await chat.close()
    with pytest.raises(ModelUnavailable):
        await ask(chat)


async def test_the_environment_tells_vendors_nothing(
    server: OpenAIServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "ambient")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    await ask(make(api_key=None))
    assert "ambient" not in str(server.requests[0].headers)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"preset": "opnai"}, "XIAOPENG_MODELS__MAIN__PRESET"),
        ({"base_url": "localhost:8000"}, "XIAOPENG_MODELS__MAIN__BASE_URL"),
        ({"base_url": "http://[::1"}, "XIAOPENG_MODELS__MAIN__BASE_URL"),
        ({"base_url": None, "preset": "mindie"}, "XIAOPENG_MODELS__MAIN__BASE_URL"),
        ({"base_url": None, "api_key": None}, "XIAOPENG_MODELS__MAIN__API_KEY"),
        ({"api_key": "sk-密钥"}, "XIAOPENG_MODELS__MAIN__API_KEY"),
    ],
)
async def test_tells_the_operator_what_cannot_be_right(make: Make, settings: Mapping[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(**settings)
    assert words in str(caught.value)
    assert "sk-" not in str(caught.value)


def test_the_sdk_is_imported_on_first_use() -> None:
    code = "import sys, bot.models.openai; sys.exit('openai' in sys.modules or 'httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_loop_goes_on_while_the_sdk_is_imported() -> None:
    code = """
import asyncio, time
from bot.config import Model
from bot.models.base import Completion, Turn
from bot.models.openai import OpenAIChat
from bot.types import Image
from bot.errors import ModelUnavailable

async def main():
    chat = OpenAIChat("main", Model(model="m", base_url="http://127.0.0.1:9/v1", retries=0))
    async def ask():
        try:
            async for piece in chat.chat([Turn("user", "?")], {}, Completion()):
                pass
        except ModelUnavailable:
            pass
        await chat.close()
    tasks = [asyncio.create_task(ask()) for _ in range(3)]
    longest, last = 0.0, time.monotonic()
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    print(longest)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    printed, _ = await process.communicate()
    assert float(printed) < 0.4
