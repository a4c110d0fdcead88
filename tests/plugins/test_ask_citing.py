"""Which answers are what their passages say: a table of honest and lying ones, and each rule by itself."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.types import Passage
from plugins.ask import citing

TABLE = Path(__file__).with_name("ask_answers.toml")
PORT = Passage("默认监听 8080 端口，可以用环境变量 BOT_PORT 修改，改完要重启。", "网络", "config.md", 0.9)
LOGS = Passage("日志在 data/logs 目录里，保留 7 天。不支持写到远程服务器。", "日志", "faq.md", 0.8)
RATE = Passage(
    "Each key may send 1,200 requests per minute. See https://example.org/limits for more.", "", "api.md", 0.7
)
PASSAGES = (PORT, LOGS, RATE)


def table(kind: str) -> list[Any]:
    """The rows of one kind, each with the passages of its base."""
    return [
        pytest.param(
            [Passage(sure=0.5, **passage) for passage in base["passages"]],
            row,
            id=f"{base['name']}: {row['answer'][:30]}",
        )
        for base in tomllib.loads(TABLE.read_text("utf-8"))["base"]
        for row in base[kind]
    ]


def reason(answer: str, asked: str = "") -> str:
    return citing.unverified(answer, PASSAGES, asked)


@pytest.mark.parametrize(("passages", "row"), table("honest"))
def test_an_honest_answer_holds(passages: list[Passage], row: dict[str, Any]) -> None:
    assert citing.unverified(row["answer"], passages, row["question"]) == ""


@pytest.mark.parametrize(("passages", "row"), table("lying"))
def test_a_lying_answer_does_not_hold(passages: list[Passage], row: dict[str, Any]) -> None:
    found = citing.unverified(row["answer"], passages, row["question"])
    assert bool(found) is not row.get("passes", False), found


@pytest.mark.parametrize(
    ("marks", "cited"),
    [
        ("[1]", [1]),
        ("［1］", [1]),
        ("【1】", [1]),
        ("[ 1 ]", [1]),
        ("[^1]", [1]),
        ("[资料1]", [1]),
        ("[１]", [1]),
        ("[1,2]", [1, 2]),
        ("[1，2]", [1, 2]),
        ("[1、2]", [1, 2]),
        ("[1][2]", [1, 2]),
        ("[1-3]", [1, 2, 3]),
        ("[1～3]", [1, 2, 3]),
        ("[1–2, 3]", [1, 2, 3]),
    ],
)  # fmt: skip
def test_a_citation_is_written_in_many_ways(marks: str, cited: list[int]) -> None:
    answer = f"默认监听 8080 端口{marks}。"
    assert citing.cited(answer) == cited
    assert reason(answer) == ""
    assert citing.unmarked(answer) == "默认监听 8080 端口。"


@pytest.mark.parametrize(
    "answer", ["默认监听 8080 端口[2024]。", "默认监听 8080 端口 `a[1]`。", "默认监听 8080 端口(1)。"]
)
def test_other_brackets_cite_nothing(answer: str) -> None:
    assert reason(answer) == "it cites nothing"


@pytest.mark.parametrize("marks", ["[0]", "[4]", "[1][4]", "[2-9]", "[1-999]"])
def test_every_number_must_be_there(marks: str) -> None:
    assert "of 3 passages" in reason(f"默认监听 8080 端口{marks}。")


@pytest.mark.parametrize(
    "quote",
    [
        "「默认监听 8080 端口，可以用环境变量 BOT_PORT 修改」",
        "“默认监听8080端口,可以用环境变量bot_port修改”",
        "『默认监听 ８０８０ 端口……改完要重启』",
        "\n> 默认监听 8080 端口，可以用环境变量\n",
    ],
)
def test_a_quote_may_differ_in_blanks_width_and_case(quote: str) -> None:
    assert reason(f"资料里写着{quote}[1]。") == ""


@pytest.mark.parametrize(
    "quote", ["「默认监听 8080 端口，可以在网页上修改」", "\n> 默认监听端口 8080 修改\n", '"日志在 data/logs 目录里"']
)
def test_a_quote_stands_in_a_passage_that_is_cited(quote: str) -> None:
    assert reason(f"默认监听 8080 端口，资料里写着{quote}[1]。").startswith("no cited passage says")


def test_what_the_question_quotes_may_be_quoted() -> None:
    assert reason("你问的「机器人默认监听哪一个端口」，默认监听 8080 端口[1]。", "机器人默认监听哪一个端口") == ""


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("默认监听 8080 端口，用 `BOT_PORTS` 修改[1]。", "BOT_PORTS"),
        ("默认监听 8080 端口，用 BOT_HOST 修改[1]。", "BOT_HOST"),
        ("默认监听 8080 端口，修改时加 --port[1]。", "--port"),
        ("默认监听 8080 端口，在 config.yaml 里修改[1]。", "config.yaml"),
        ("日志在 data/logs 目录里，也在 /var/log 目录里[2]。", "/var/log"),
        ("默认监听 8080 端口，发送 /端口 修改[1]。", "/端口"),
        ("默认监听 8080 端口，用环境变量修改：\n```\nexport BOT_PORT\n```\n[1]", "export BOT_PORT"),
        ("默认监听 8080 端口，见 https://example.org/port [1]。", "https://example.org/port"),
        ("Each key may send 1200 requests, see https://example.org/limit [3].", "https://example.org/limit"),
    ],
)
def test_what_one_would_type_stands_in_a_passage(answer: str, named: str) -> None:
    assert named in reason(answer)


def test_what_one_would_type_may_come_from_the_question() -> None:
    assert reason("`--port` 不在资料里，默认监听 8080 端口[1]。", "启动时加 --port 行吗") == ""


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        ("Each key may send 1200 requests per minute [3].", True),
        ("Each key may send 120 requests per minute [3].", False),
        ("日志保留七天，在 data/logs 目录里[2]。", True),
        ("日志保留 7 个小时，在 data/logs 目录里[2]。", False),
        ("日志保留十七天，在 data/logs 目录里[2]。", False),
        ("1. 默认监听 8080 端口[1]\n2. 日志保留 7 天[2]", True),
        ("有 2 种情况，默认监听 8080 端口[1]。", True),
    ],
)
def test_numbers_are_exact(answer: str, held: bool) -> None:
    assert (reason(answer) == "") is held


def test_a_wrong_number_shows_where_another_passage_fits_better() -> None:
    both = (PORT, Passage("默认监听的端口要重启之后才能用。", "", "b.md", 0.5))
    assert "[1] supports" in citing.unverified("默认监听的端口可以用环境变量修改[2]。", both, "")


def test_what_a_passage_denies_is_not_affirmed() -> None:
    assert "opposite" in reason("日志支持写到远程服务器[2]。")
    assert reason("日志不能写到远程服务器[2]。") == ""


def test_a_sentence_without_a_number_is_looked_at_as_well() -> None:
    assert reason("默认监听 8080 端口[1]。希望对你有帮助！") == ""
    assert reason("默认监听 8080 端口[1]。资料里没有说怎么卸载。") == ""
    assert "supports" in reason("默认监听 8080 端口[1]。卸载的话先删掉整个系统盘再重装。")


def test_between_scripts_only_names_and_numbers_count() -> None:
    assert reason("每个密钥每分钟最多能发 1200 次请求[3]。") == ""
    assert "130" in reason("每个密钥每分钟最多能发 130 次请求[3]。")
    assert reason("It listens on port 8080, which BOT_PORT changes [1].") == ""
    assert "9090" in reason("It listens on port 9090, which BOT_PORT changes [1].")


@pytest.mark.parametrize(
    ("answer", "nothing"),
    [
        ("没找到", True),
        ("没找到。", True),
        ("「没找到」", True),
        ("抱歉，资料里没有找到相关内容。", True),
        ("Not found.", True),
        ("没找到日志时，先看 data/logs 目录[2]。", False),
        ("默认监听 8080 端口[1]。其余没找到。", False),
    ],
)
def test_it_can_say_that_nothing_was_found(answer: str, nothing: bool) -> None:
    assert citing.says_nothing(answer) is nothing


@pytest.mark.parametrize(
    "text",
    [
        "`" * 4000,
        "`a`` " * 800,
        "[" * 4000,
        "[1]" * 1000,
        "a " * 2000 + "不行",
        "1," * 2000,
        "一" * 5000,
        "「" * 4000,
        "/a" * 2000,
    ],
    ids=lambda text: text[:6],
)
def test_no_answer_takes_long(text: str) -> None:
    started = time.process_time()
    reason(f"{text}[1]", text)
    citing.says_nothing(text)
    assert time.process_time() - started < 5


def test_no_character_of_an_answer_passes_for_a_citation() -> None:
    assert reason("默认监听 8080 端口\ue001。") == "it cites nothing"
    assert reason("默认监听 8080 端口\ue0ff[1]。") == ""


@pytest.mark.parametrize("answer", ["[1]", "是的[1]。", "好的。[1][2]"])
def test_a_number_alone_claims_nothing(answer: str) -> None:
    assert "claims nothing" in reason(answer)
