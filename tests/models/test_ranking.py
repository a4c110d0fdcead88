"""`Ranking` against a server on this machine, well-behaved and otherwise."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest

from bot.config import Rerank
from bot.errors import (
    ConfigError,
    ModelAuth,
    ModelBadInput,
    ModelBusy,
    ModelEmpty,
    ModelError,
    ModelQuota,
    ModelUnavailable,
)
from bot.models.ranking import QUESTION, TEXT, Ranking, vendor
from bot.models.vectors import Memory, cosine, unit
from tests.peers.openai_oddities import failure
from tests.peers.openai_server import DIMENSIONS, OpenAIServer, overlap, vector

KEY = "very/secret+0123456789abcdef"
WANTED = "怎么安装"
TEXTS = ("今天天气很好", "安装步骤：怎么下载，怎么安装", "安装")
Make = Callable[..., Ranking]
KINDS = ("embeddings", "rerank")


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def make(server: OpenAIServer) -> AsyncIterator[Make]:
    made: list[Ranking] = []

    def make(kind: str = "embeddings", **settings: object) -> Ranking:
        given: dict[str, object] = {"kind": kind, "base_url": server.base_url, "model": "m", "api_key": KEY}
        made.append(Ranking(Rerank.model_validate({**given, "timeout": 1, "retries": 0, **settings})))
        return made[-1]

    yield make
    for ranking in made:
        await ranking.close()


def inputs(server: OpenAIServer) -> list[list[str]]:
    """The texts of every request for vectors."""
    return [request.body["input"] for request in server.requests]


# --- what it says ---------------------------------------------------------------------------


async def test_vectors_give_cosines(server: OpenAIServer, make: Make) -> None:
    ranking = make()
    assert ranking.dimensions is None
    found = await ranking.rank(WANTED, TEXTS)
    about = vector(WANTED)
    assert found == pytest.approx(
        [sum(a * b for a, b in zip(about, vector(text), strict=True)) for text in TEXTS], abs=1e-6
    )
    assert found[1] > found[2] > found[0]
    assert ranking.dimensions == DIMENSIONS
    (asked,) = server.requests
    assert asked.path == "/v1/embeddings"
    assert asked.body == {"model": "m", "input": [WANTED, *TEXTS]}
    assert asked.headers["Authorization"] == f"Bearer {KEY}"


async def test_scores_come_in_the_order_of_the_texts(server: OpenAIServer, make: Make) -> None:
    ranking = make("rerank")
    assert await ranking.rank(WANTED, TEXTS) == [overlap(WANTED, text) for text in TEXTS]
    (asked,) = server.requests
    assert asked.path == "/v1/rerank"
    assert asked.body == {"model": "m", "query": WANTED, "documents": list(TEXTS), "top_n": 3}
    assert ranking.dimensions is None


@pytest.mark.parametrize("kind", KINDS)
async def test_no_texts_ask_nothing(server: OpenAIServer, make: Make, kind: str) -> None:
    assert await make(kind).rank(WANTED, []) == []
    assert server.requests == []


async def test_a_text_is_asked_for_once(server: OpenAIServer, make: Make) -> None:
    ranking = make()
    first = await ranking.rank(WANTED, TEXTS)
    assert await ranking.rank(WANTED, (*TEXTS, "新的", "新的")) == [*first, *await make().rank(WANTED, ["新的"] * 2)]
    assert inputs(server)[:2] == [[WANTED, *TEXTS], [WANTED, "新的"]]


async def test_a_question_is_not_remembered(server: OpenAIServer, make: Make) -> None:
    """Members' questions hardly come again, and would push the texts out."""
    ranking = make()
    await ranking.rank(WANTED, TEXTS)
    await ranking.rank("别的", [WANTED])
    assert inputs(server)[1] == ["别的", WANTED]


async def test_many_texts_go_in_batches_side_by_side(server: OpenAIServer, make: Make) -> None:
    texts = [f"第{number}段" for number in range(24)]
    server.delay = 0.1
    found = await make().rank("第7段", texts)
    assert found.index(max(found)) == 7
    assert sorted(map(len, inputs(server))) == [5, 10, 10]
    assert server.peak == 3


async def test_an_operator_may_widen_the_batch(server: OpenAIServer, make: Make) -> None:
    await make(batch=32).rank(WANTED, [f"第{number}段" for number in range(31)])
    assert [len(asked) for asked in inputs(server)] == [32]


async def test_many_documents_go_in_batches(server: OpenAIServer, make: Make) -> None:
    texts = [f"第{number}段" for number in range(70)]
    found = await make("rerank").rank("第69段", texts)
    assert found.index(max(found)) == 69
    assert [len(request.body["documents"]) for request in server.requests] == [32, 32, 6]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_vendor_would_refuse_is_made_harmless(server: OpenAIServer, make: Make, kind: str) -> None:
    """Long texts are cut; neither blanks nor half characters are sent."""
    found = await make(kind).rank("问" * 5000, ["长" * 9000, "", " \n", "\ud83d半", '{"a": "<b>"}\x00'])
    assert len(found) == 5
    body = server.requests[0].body
    question, *texts = body["input"] if kind == "embeddings" else (body["query"], *body["documents"])
    assert len(question) == QUESTION
    assert list(dict.fromkeys(texts)) == ["长" * TEXT, ".", "?半", '{"a": "<b>"}\x00']


@pytest.mark.parametrize(
    ("kind", "end", "path"),
    [
        ("rerank", "/rerank", "/v1/rerank"),
        ("rerank", "/reranks", "/v1/reranks"),
        ("rerank", "/", "/v1/rerank"),
        ("embeddings", "/embeddings/", "/v1/embeddings"),
    ],
)
async def test_a_whole_address_is_taken_as_it_is(
    server: OpenAIServer, make: Make, kind: str, end: str, path: str
) -> None:
    await make(kind, base_url=server.base_url + end).rank(WANTED, TEXTS)
    assert [request.path for request in server.requests] == [path]


# --- what goes wrong ------------------------------------------------------------------------

GOOD = {
    "embeddings": ("vectors_shuffled", "vectors_unplaced", "vectors_base64", "vectors_plain", "vectors_huge"),
    "rerank": ("scores_shuffled", "scores_as_data"),
}


@pytest.mark.parametrize(("kind", "how"), [(kind, how) for kind, hows in GOOD.items() for how in hows])
async def test_odd_answers_are_understood(server: OpenAIServer, make: Make, kind: str, how: str) -> None:
    server.behave(how)
    far, near = await make(kind).rank(WANTED, TEXTS[:2])
    assert near > 0.85
    assert far == (-3.5 if kind == "rerank" else pytest.approx(0))


EITHER = {
    "json_list": ModelUnavailable, "json_text": ModelUnavailable, "json_other": ModelUnavailable,
    "json_endless": ModelUnavailable, "json_cut": ModelUnavailable, "json_lost": ModelUnavailable,
    "json_200": ModelBusy, "flat_200": ModelAuth, "html_200": ModelUnavailable, "html_502": ModelUnavailable,
    "drop": ModelUnavailable, "close": ModelUnavailable, "no_http": ModelUnavailable,
    "busy": ModelBusy, "busy_long": ModelBusy, "no_money": ModelQuota, "payment": ModelQuota,
    "bad_key": ModelAuth, "forbidden": ModelAuth, "no_model": ModelBadInput,
}  # fmt: skip
NONSENSE = {
    "embeddings": (
        "few", "many", "twice", "beyond", "before", "named", "nan", "infinite", "endless", "words", "ragged",
        "bare", "long", "null", "bad_base64", "cut_base64", "nan_base64", "no_rows",
    ),
    "rerank": ("few", "twice", "beyond", "nan", "words", "null"),
}  # fmt: skip
PREFIX = {"embeddings": "vectors", "rerank": "scores"}
WRONG = [
    *((kind, how, error) for kind in KINDS for how, error in EITHER.items()),
    *((kind, f"{PREFIX[kind]}_{how}", ModelUnavailable) for kind in KINDS for how in NONSENSE[kind]),
    *((kind, f"{PREFIX[kind]}_none", ModelEmpty) for kind in KINDS),
]


@pytest.mark.parametrize(("kind", "how", "error"), WRONG)
async def test_a_failure_is_of_the_right_kind(
    server: OpenAIServer, make: Make, kind: str, how: str, error: type[ModelError]
) -> None:
    server.behave(how)
    ranking = make(kind)
    with pytest.raises(ModelError) as failed:
        await ranking.rank(WANTED, TEXTS[:2])
    assert type(failed.value) is error
    assert failed.value.detail
    assert failed.value.__context__ is None
    server.behave("ok")
    assert len(await ranking.rank(WANTED, TEXTS[:2])) == 2


@pytest.mark.parametrize("how", ["hang", "json_stuck", "json_drip"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_question_waits_no_longer_than_was_set(server: OpenAIServer, make: Make, kind: str, how: str) -> None:
    """In all: neither a retry nor a server that sends a byte now and then makes it longer."""
    ranking = make(kind, timeout=0.5, retries=5)
    await ranking.prepare()
    server.behave(how)
    begun = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"^no answer within 0\.5 s$"):
        await ranking.rank(WANTED, TEXTS)
    assert time.monotonic() - begun < 1
    await server.disconnected()


async def test_a_failed_request_is_tried_again(server: OpenAIServer, make: Make) -> None:
    server.behave("html_502", times=1)
    assert len(await make(retries=1, timeout=5).rank(WANTED, TEXTS)) == 3
    assert len(server.requests) == 2


@pytest.mark.parametrize("how", ["bad_key", "no_money", "no_model", "busy_long"])
async def test_what_stays_as_it_is_is_asked_once(server: OpenAIServer, make: Make, how: str) -> None:
    server.behave(how)
    with pytest.raises(ModelError):
        await make(retries=5).rank(WANTED, TEXTS)
    assert len(server.requests) == 1


async def test_vectors_that_came_before_a_failure_are_kept(server: OpenAIServer, make: Make) -> None:
    texts = [f"第{number}段" for number in range(24)]
    server.behave("busy", times=1)
    ranking = make()
    with pytest.raises(ModelBusy):
        await ranking.rank(WANTED, texts)
    server.requests.clear()
    assert len(await ranking.rank(WANTED, texts)) == 24
    assert sum(map(len, inputs(server))) < 15


async def test_another_model_behind_the_address_is_noticed(server: OpenAIServer, make: Make) -> None:
    """Vectors of two lengths are not compared; the next question begins afresh."""
    ranking = make()
    await ranking.rank(WANTED, TEXTS)
    server.behave(failure(200, {"data": [{"index": 0, "embedding": [1, 0]}]}), times=1)
    with pytest.raises(ModelUnavailable, match="another length"):
        await ranking.rank(WANTED, TEXTS)
    assert len(await ranking.rank(WANTED, TEXTS)) == 3
    assert inputs(server)[-1] == [WANTED, *TEXTS]


async def test_no_secret_is_said(server: OpenAIServer, make: Make) -> None:
    server.behave(failure(500, {"error": {"message": f"no such key: {KEY}"}}))
    with pytest.raises(ModelUnavailable) as failed:
        await make().rank(WANTED, TEXTS)
    assert "no such key: ***" in failed.value.detail


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://open.bigmodel.cn/api/paas/v4", "zhipu"),
        ("https://dashscope.aliyuncs.com/compatible-api/v1", "dashscope"),
        ("https://bigmodel.example/v4", "openai"),
    ],
)
def test_a_vendor_is_known_by_its_address(address: str, name: str) -> None:
    """Its codes are its own: 1113 is an empty account at Zhipu, and means nothing elsewhere."""
    assert vendor(address).name == name


async def test_it_is_closed_for_good(make: Make) -> None:
    ranking = make()
    await ranking.rank(WANTED, TEXTS)
    await ranking.close()
    with pytest.raises(ModelUnavailable):
        await ranking.rank(WANTED, TEXTS)


async def test_whoever_goes_takes_the_request_along(server: OpenAIServer, make: Make) -> None:
    ranking = make(timeout=30)
    server.behave("hang")
    asking = asyncio.get_running_loop().create_task(ranking.rank(WANTED, TEXTS))
    await server.asked()
    asking.cancel()
    await server.disconnected()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize(
    ("name", "value"),
    [("base_url", "foo"), ("base_url", " "), ("base_url", "http://"), ("api_key", "sk-ü"), ("api_key", "a b")],
)
def test_a_setting_that_cannot_be_right_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^XIAOPENG_RERANK__{name.upper()}: ") as refused:
        Ranking(Rerank.model_validate({"base_url": "http://127.0.0.1:1/v1", "model": "m", name: value}))
    assert name == "base_url" or value not in str(refused.value)


def test_the_sdk_is_loaded_on_first_use() -> None:
    code = (
        "import sys; from bot.config import Rerank; from bot.models.ranking import Ranking;"
        "Ranking(Rerank(base_url='http://127.0.0.1:1/v1', model='m')); sys.exit('openai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- vectors --------------------------------------------------------------------------------


def test_the_memory_is_bounded_and_keeps_what_is_used() -> None:
    memory = Memory(3)
    memory.put((text, unit([1.0, number])) for number, text in enumerate("甲乙丙"))
    assert memory.get("甲") == unit([1, 0])
    memory.put([("丁", unit([0, 1]))])
    assert len(memory) == 3
    assert memory.get("乙") is None
    assert memory.get("甲")


def test_the_memory_holds_vectors_of_one_length() -> None:
    memory = Memory()
    memory.put([("甲", unit([1, 0])), ("乙", unit([1, 0, 0]))])
    assert (memory.get("甲"), memory.get("乙")) == (None, unit([1, 0, 0]))


def test_a_cosine_keeps_its_bounds() -> None:
    for numbers in ([0.1] * 7, [3.0, 4.0], [1e-300, 1e-300]):
        one = unit(numbers)
        assert 1 - 1e-6 < cosine(one, one) <= 1
        assert -1 <= cosine(one, unit([-number for number in numbers])) < -1 + 1e-6
    assert cosine(unit([0, 0]), unit([1, 0])) == 0
