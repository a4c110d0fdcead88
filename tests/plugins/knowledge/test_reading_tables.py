"""Tables of questions and answers, and plain text."""

from __future__ import annotations

import pytest

from plugins.knowledge.documents import Section, Unreadable
from plugins.knowledge.reading import read


def table(text: str, name: str = "faq.csv") -> tuple[Section, ...]:
    return read(name, text.encode()).sections


@pytest.mark.parametrize(
    "header", ["问题,答案,相似问", "Question, Answer ,Similar", "q,a,also", "标准问,回复,又问", "标题,回答,相似问题"]
)
def test_columns_are_found_by_their_words(header: str) -> None:
    assert table(f"{header}\n怎么装？,用 pip。,如何安装|装不上；安装\n") == (
        Section(("怎么装？",), "用 pip。", ("如何安装", "装不上", "安装")),
    )


def test_columns_may_stand_in_any_order() -> None:
    assert table("编号,答案,分类,问题\n1,用 pip。,装,怎么装？\n") == (Section(("怎么装？",), "用 pip。"),)


def test_without_a_header_the_first_two_columns_count() -> None:
    assert table("怎么装？,用 pip。,别的\n怎么卸？,删掉。\n") == (
        Section(("怎么装？",), "用 pip。"),
        Section(("怎么卸？",), "删掉。"),
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_out(delimiter: str) -> None:
    rows = [["怎么装？", "先 a, 再 b"], ["怎么卸", "删掉; 重来"], ["谁", "我"]]
    text = "\n".join(delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in rows)
    assert [(section.path[0], section.text) for section in table(text)] == [tuple(row) for row in rows]


def test_a_spreadsheets_file_is_read() -> None:
    data = b"\xef\xbb\xbf" + '问题,答案\r\n"怎么\r\n装","一""二""\r\n三"\r\n谁,我\r\n'.encode()
    assert read("x/表.CSV", data).sections == (Section(("怎么 装",), '一"二"\n三'), Section(("谁",), "我"))


def test_rows_without_a_question_or_an_answer_are_left_out() -> None:
    assert table("问题,答案\n一,\n,二\n三\n\n,,\n四,五\n") == (Section(("四",), "五"),)


@pytest.mark.parametrize("broken", ['"开着,乙', '甲,"开着', '"甲"乙,丙', '甲,"乙"丙', 'a"b,c"d"', '"' * 7])
def test_a_broken_row_takes_no_other_with_it(broken: str) -> None:
    good = [f"问{number},答{number}" for number in range(300)]
    found = table("\n".join([*good[:5], broken, *good[5:]]))
    assert {(f"问{number}",) for number in range(300)} <= {section.path for section in found}


def test_a_row_may_be_as_wide_as_it_likes() -> None:
    assert table("问,答" + "," * 1_000_000 + '\n"又",答' + "," * 1_000_000) == (
        Section(("问",), "答"),
        Section(("又",), "答"),
    )


def test_a_tsv_is_split_at_tabs_alone() -> None:
    assert table('为什么，a,b;c？\t因为 "它", 是\n', "a.tsv") == (Section(("为什么，a,b;c？",), '因为 "它", 是'),)


def test_a_text_of_pairs_is_a_table() -> None:
    assert table("怎么装？\t用 pip。\n\n怎么卸？\t\t删掉。\n谁？\t我\n", "qadata.txt") == (
        Section(("怎么装？",), "用 pip。"),
        Section(("怎么卸？",), "删掉。"),
        Section(("谁？",), "我"),
    )


def test_another_text_is_taken_as_it_stands() -> None:
    assert table("\n\n  一\t二\n# 三\n四\n\n", "a.txt") == (Section((), "  一\t二\n# 三\n四"),)


def test_a_table_without_answers_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="没有文字"):
        table("问题,答案\n一,\n")
