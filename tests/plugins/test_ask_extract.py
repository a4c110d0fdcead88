"""How a passage is shown: word for word, cut where it reads well, with its source."""

from __future__ import annotations

import pytest

from bot.types import Passage
from plugins.ask import extract


def test_a_short_passage_is_shown_whole() -> None:
    passage = Passage("先装 Git。\n再运行 make run。", "安装 › Windows", "install.md", 0.9)
    assert extract.shown(passage) == (
        "资料里这样写：\n先装 Git。\n再运行 make run。\n\n依据：install.md › 安装 › Windows"
    )


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("这是一句话。" * 200, "这是一句话。"),
        ("one line\n" * 100, "one line"),
        ("A short sentence. " * 60, "A short sentence."),
        ("字" * 2000, "字"),
    ],
)
def test_a_long_passage_ends_with_a_sentence_or_line(text: str, end: str) -> None:
    cut = extract.cut(text)
    assert cut.endswith(end + extract.CUT)
    assert 300 < len(cut) <= extract.LONGEST + len(extract.CUT)
    assert text.startswith(cut.removesuffix(extract.CUT))


def test_a_cut_block_of_code_is_closed() -> None:
    cut = extract.cut("```\n" + "make run\n" * 200 + "```")
    assert cut.count("```") == 2
    assert cut.endswith("make run\n```" + extract.CUT)


def test_a_passage_without_headings_names_its_source_alone() -> None:
    assert extract.place(Passage("好", "", "小李\n（11-02）", 1)) == "小李 （11-02）"
