"""Markdown and notebooks, as people write them."""

from __future__ import annotations

import json

import pytest

from plugins.knowledge.documents import Document, Section, Unreadable
from plugins.knowledge.reading import read


def markdown(text: str) -> Document:
    return read("docs/guide.md", text.encode())


def paths(document: Document) -> list[tuple[str, ...]]:
    return [section.path for section in document.sections]


def test_text_stands_under_its_headings_word_for_word() -> None:
    document = markdown(
        "前言\n\n# 安装\n\n用 **pip**：\n\n    缩进  的\n\n## Linux\n- 一\n- 二\n# 用法\n见 [这里](a.md)\n"
    )
    assert document.title == "安装"
    assert document.sections == (
        Section((), "前言"),
        Section(("安装",), "用 **pip**：\n\n    缩进  的"),
        Section(("安装", "Linux"), "- 一\n- 二"),
        Section(("用法",), "见 [这里](a.md)"),
    )


def test_a_file_without_a_heading_is_called_by_its_name() -> None:
    assert markdown("只有一句。") == Document("guide", (Section((), "只有一句。"),))


def test_underlined_headings_are_headings_and_rules_are_not() -> None:
    document = markdown("大\n===\n甲\n\n小\n---\n乙\n\n---\n\n- 项\n---\n丙一\n丙二\n---\n| a |\n---\n")
    assert paths(document) == [("大",), ("大", "小")]
    assert document.sections[1].text == "乙\n\n---\n\n- 项\n---\n丙一\n丙二\n---\n| a |\n---"


@pytest.mark.parametrize(
    "code",
    [
        "```bash\n# 注释\n```",
        "~~~\n# 注释\n```\n## 注释\n~~~",
        "````\n```\n# 注释\n```\n````",
        "- 项\n\n  ```\n# 注释\n  ```",
        "> ```\n# 注释\n> ```",
        "1. ```py\n# 注释\n   ```",
        "<pre>\n# 注释\n</pre>",
        "    # 注释",
        "```\n<!-- 留着 -->\n```",
        "写作 `<!-- 又问：A -->` 即可",
        "    <!-- 留着 -->",
    ],
)
def test_what_stands_in_code_stays_as_it_is(code: str) -> None:
    document = markdown(f"# 一\n{code}\n\n# 二\n尾\n")
    assert document.sections == (Section(("一",), code if code[0] == " " else code.strip()), Section(("二",), "尾"))


def test_a_fence_left_open_takes_the_rest() -> None:
    assert markdown("# 一\n```\n# 二\n").sections == (Section(("一",), "```\n# 二"),)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("# **粗** 和 *斜* 与 `co_de`", "粗 和 斜 与 co_de"),
        ("# 用 `a*b*c` 与 snake_case_name", "用 a*b*c 与 snake_case_name"),
        ("# [链接](http://x/y_z_) 和 [引用][1] ![图](a.png)", "链接 和 引用 图"),
        ("# [![徽章](a.svg)](b)", "徽章"),
        ('# <a name="x"></a>锚 {#anchor}', "锚"),
        ("# 一 &amp; 二 \\* 三", "一 & 二 * 三"),
        ("# 尾 ##", "尾"),
        ("# C#", "C#"),
        ("##没有空格", "没有空格"),
        ("#    多空格", "多空格"),
    ],
)
def test_a_headings_markup_is_taken_off(written: str, read_as: str) -> None:
    assert paths(markdown(f"{written}\n文\n")) == [(read_as,)]


@pytest.mark.parametrize("line", ["#话题", "#include <a>", "####### 七", "\\# 不是", "    # 代码"])
def test_what_only_looks_like_a_heading_is_text(line: str) -> None:
    assert markdown(f"{line}\n").sections[0].path == ()


def test_a_comment_under_a_heading_gives_its_other_wordings() -> None:
    document = markdown(
        "## 怎么装\n\n<!-- 又问：如何安装；装不上 -->\n用 pip。\n## 卸载\n<!-- also: remove; delete -->\n删掉。\n"
    )
    assert document.sections == (
        Section(("怎么装",), "用 pip。", ("如何安装", "装不上")),
        Section(("卸载",), "删掉。", ("remove", "delete")),
    )


def test_other_comments_are_nobodys_business() -> None:
    document = markdown("# 一\n甲<!-- 密 -->乙\n<!--\n# 不是\n又问：不是\n-->\n丙\n<!-- 又问：太晚 -->\n")
    assert document.sections == (Section(("一",), "甲乙\n\n丙"),)


def test_a_comment_left_open_hides_nothing() -> None:
    assert markdown("# 一\n<!-- 开\n\n# 二\n文\n").sections[1] == Section(("二",), "文")


@pytest.mark.parametrize("front", ["---\ntitle: '手 册'\ntags: [a]\n---\n", '+++\ntitle = "手 册"\n+++\n'])
def test_front_matter_gives_the_title_and_is_not_shown(front: str) -> None:
    document = markdown(f"{front}# 一\n文\n")
    assert document == Document("手 册", (Section(("一",), "文"),))


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert markdown("---\n甲 乙\n---\n").sections[0].text == "---\n甲 乙\n---"


def notebook(cells: list[dict[str, object]], **more: object) -> bytes:
    return json.dumps({"cells": cells, "nbformat": 4, **more}, ensure_ascii=False).encode()


def test_a_notebook_gives_its_words_and_code_without_outputs() -> None:
    cells: list[dict[str, object]] = [
        {"cell_type": "markdown", "source": ["# 教程\n", "先装。\n", "```\n开着"]},
        {"cell_type": "code", "source": "# 一\nprint('``` ')", "outputs": [{"text": "输出"}]},
        {"cell_type": "markdown", "source": "## 再来\n好。"},
        {"cell_type": "raw", "source": "生的"},
        {"cell_type": "code", "source": []},
    ]
    document = read("a.ipynb", notebook(cells, metadata={"kernelspec": {"language": "python"}}))
    assert document.title == "教程"
    assert document.sections == (
        Section(("教程",), "先装。\n```\n开着\n\n````python\n# 一\nprint('``` ')\n````"),
        Section(("教程", "再来"), "好。"),
    )


@pytest.mark.parametrize(
    "data", [b"{", b"[" * 100_000, b'{"a":' * 100_000, b"[]", b'{"cells": 3}', b'{"cells": [1, {}]}']
)
def test_a_broken_notebook_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read("a.ipynb", data)
