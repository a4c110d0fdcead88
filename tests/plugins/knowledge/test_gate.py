from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from plugins.knowledge import shelf
from plugins.knowledge.chunks import Chunk, chunks
from plugins.knowledge.everyday import talk
from plugins.knowledge.gate import SPEAKS, enough, sure
from plugins.knowledge.gate import topical as judged
from plugins.knowledge.reading import read
from plugins.knowledge.search import search

HERE = Path(__file__).parent
FAQ = Path(shelf.__file__).parent / "faq"
DOCS = [
    ("安装 › CUDA", "mmdeploy 的 TensorRT 后端需要 CUDA 11.3 以上。先装好 cuDNN，再编译自定义算子。"),
    ("量化", "用 int8 量化模型时，先准备校准数据集，量化后的精度一般下降不到一个点。"),
    ("转换模型", "把 PyTorch 模型转换成 ONNX：运行 tools/deploy.py，给出部署配置、模型配置和权重文件。"),
    ("推理", "多卡推理用 tensor parallel，启动服务时加上 --tp 2。"),
]


@pytest.fixture
def docs() -> Iterator[Database]:
    db = Database(memory=True)
    shelf.tables.apply(db)
    shelf.put(db, "shared", source="docs", title="手册", digest="1", chunks=[Chunk(*chunk) for chunk in DOCS])
    yield db
    db.close()


def topical(db: Database, line: str) -> float:
    return judged(search(db, ("shared",), line), line)


@pytest.mark.parametrize(
    "line",
    [
        "请问 mmdeploy 的 TensorRT 后端要什么版本的 CUDA？",
        "PyTorch 模型怎么转 ONNX",
        "int8 量化要准备什么校准数据吗",
        "how to run deploy.py for pytorch and onnx",
    ],
)
def test_would_speak_where_the_knowledge_answers(docs: Database, line: str) -> None:
    assert topical(docs, line) >= SPEAKS


@pytest.mark.parametrize(
    "line",
    [
        "中午吃什么？",
        "今天天气怎么样",
        "有人打游戏吗",
        "这个多少钱",
        "老板什么时候发工资啊",
        "what are you doing tonight?",
        "哈哈哈哈",
        "？？？",
        "",
    ],
)
def test_stays_silent_otherwise(docs: Database, line: str) -> None:
    assert topical(docs, line) < SPEAKS / 2


def test_what_asks_nothing_is_not_answered(docs: Database) -> None:
    assert topical(docs, "我用 mmdeploy 把 PyTorch 模型转成 ONNX 了，int8 量化也搞定了") == 0


@pytest.mark.parametrize("line", ["什么时候上课", "请问什么时候上课呀", "几点上课来着？"])
def test_a_question_that_an_entry_stands_under_is_answered_whatever_it_is_about(line: str) -> None:
    db = Database(memory=True)
    shelf.tables.apply(db)
    chunk = Chunk("什么时候上课", "周三晚上八点。", "一般几点上课来着")
    shelf.put(db, "shared", source="a", title="什么时候上课", digest="1", chunks=[chunk])
    assert topical(db, line) >= SPEAKS
    assert topical(db, "上课了没，什么时候吃饭呀") < SPEAKS
    db.close()


def test_an_empty_shelf_answers_nothing() -> None:
    db = Database(memory=True)
    shelf.tables.apply(db)
    assert sure(search(db, ("shared",), "怎么安装")) == 0
    assert topical(db, "怎么安装") == 0
    db.close()


def test_everyday_talk_is_known() -> None:
    assert talk("喜欢").share("喜欢") > 30 * talk("量化").share("量化")
    assert talk("go").rarity("go") < 0.5 < talk("tensorrt").rarity("tensorrt") == 1


# --- the shipped FAQ ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def faq() -> Iterator[Database]:
    db = Database(memory=True)
    shelf.tables.apply(db)
    for path in sorted(FAQ.glob("*.md")):
        document = read(path.name, path.read_bytes())
        shelf.put(db, shelf.SHIPPED, source=path.name, title=document.title, digest="1", chunks=chunks(document))
    shelf.recount(db)
    yield db
    db.close()


def rows(name: str) -> list[dict[str, str]]:
    with (HERE / f"{name}.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def headings(path: Path) -> list[str]:
    return [section.path[-1] for section in read(path.name, path.read_bytes()).sections if len(section.path) > 1]


@pytest.mark.parametrize("name", ["asked_near", "asked"])
def test_every_entry_is_asked_in_other_words(name: str) -> None:
    for language, path in (("zh-CN", FAQ / "xiaopeng.zh-CN.md"), ("en", FAQ / "xiaopeng.md")):
        asked = [row["heading"] for row in rows(name) if row["language"] == language]
        assert all(asked.count(heading) >= 2 for heading in headings(path))
        assert len(asked) == 2 * len(headings(path))


@pytest.mark.parametrize(
    ("name", "language", "first", "five"),
    [
        ("asked_near", "zh-CN", 0.86, 0.98),
        ("asked_near", "en", 0.85, 0.95),
        ("asked", "zh-CN", 0.57, 0.81),
        ("asked", "en", 0.50, 0.78),
    ],
)
def test_finds_the_entry_that_was_meant(faq: Database, name: str, language: str, first: float, five: float) -> None:
    """`asked_near` says it as a member would, `asked` avoids every word that the entry's heading has."""
    asked = [row for row in rows(name) if row["language"] == language]
    ranks = []
    for row in asked:
        titles = [hit.title.split(" › ")[-1] for hit in search(faq, (shelf.SHIPPED,), row["question"]).hits]
        ranks.append(titles.index(row["heading"]) if row["heading"] in titles else 9)
    assert sum(rank == 0 for rank in ranks) / len(asked) >= first
    assert sum(rank < 5 for rank in ranks) / len(asked) >= five


@pytest.mark.parametrize(("language", "answered", "guessed"), [("zh-CN", 0.76, 0.18), ("en", 0.83, 0.05)])
def test_says_nothing_found_rather_than_guess(faq: Database, language: str, answered: float, guessed: float) -> None:
    def share(lines: list[str]) -> float:
        return sum(map(answers, lines)) / len(lines)

    def answers(line: str) -> bool:
        found = search(faq, (shelf.SHIPPED,), line)
        return bool(found.hits) and sure(found) >= enough(found.hits[0], line)

    assert share([row["question"] for row in rows("asked_near") if row["language"] == language]) >= answered
    assert share([row["line"] for row in rows("nonsense") if row["language"] == language]) <= guessed
