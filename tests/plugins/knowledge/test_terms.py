from __future__ import annotations

import hashlib
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.knowledge.asking import asked, characters, is_question
from plugins.knowledge.terms import FORM, fold, singles, stem, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("数据集上传", ["数据", "据集", "集上", "上传"]),
        ("装 CUDA12.1 吗", ["装", "cuda12.1", "吗"]),
        ("ＡＢＣ１２", ["abc12"]),
        ("C++ 和 C#", ["c++", "和", "c#"]),
        ("rtmdet_tiny-8xb32", ["rtmdet", "tiny", "8xb32"]),
        ("テスト", ["テス", "スト"]),
        ("𠮷野家", ["𠮷野", "野家"]),
        ("，。！ \n", []),
    ],
)
def test_cuts_text_into_terms(text: str, expected: list[str]) -> None:
    assert terms(fold(text)) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("installing", "install"), ("installed", "installs"), ("plugins", "plugin"), ("queries", "query"),
        ("running", "run"), ("configures", "configure"), ("Stopped", "stop"),
    ],
)  # fmt: skip
def test_endings_of_english_words_do_not_matter(one: str, other: str) -> None:
    assert stem(fold(one)) == stem(fold(other))


@pytest.mark.parametrize("word", ["cuda", "this", "class", "redis", "status", "8080", "v1.2", "bus", "os"])
def test_short_and_odd_words_stay(word: str) -> None:
    assert stem(word) == word


@given(st.text(max_size=200))
def test_every_term_is_one_token_of_the_index(text: str) -> None:
    """What the index splits, or does not take for a term, would be found by nothing."""
    found = terms(fold(text)) + sorted(singles(fold(text)))
    db = sqlite3.connect(":memory:")
    db.execute("create virtual table i using fts5(t, detail='none', tokenize=\"ascii tokenchars '.+#'\")")
    db.execute("create virtual table v using fts5vocab(i, row)")
    db.execute("insert into i values (?)", [" ".join(found)])
    assert {row[0] for row in db.execute("select term from v")} == set(found)
    db.close()


def test_a_question_is_searched_without_its_question_words() -> None:
    assert asked("请问怎么关闭插件呢？") == ["关闭", "闭插", "插件"]
    assert asked("How do I close a plugin?") == ["clos", "plugin"]
    assert characters("怎么关掉它") == {"关", "掉"}


def test_nothing_but_question_words_is_searched_as_it_is() -> None:
    assert asked("为什么") == ["为什", "什么"]


@pytest.mark.parametrize(
    "line",
    [
        "怎么装",
        "装不上，报错了",
        "有没有教程",
        "这个能商用吗",
        "How do I install it",
        "anyone knows a fix",
        "用 A 还是 B",
        "装好了？",
    ],
)
def test_knows_a_question(line: str) -> None:
    assert is_question(line)


@pytest.mark.parametrize("line", ["装好了，谢谢", "早上好", "我今天用 mmdeploy 部署成功了", "nice work", "哈哈哈"])
def test_knows_what_is_no_question(line: str) -> None:
    assert not is_question(line)


def test_other_terms_are_another_form() -> None:
    """Where this fails, raise FORM with what is written here: shelves that stand there must be indexed anew."""
    text = "ＡＢＣ 安装 mmdeploy-v1.2.3 的 installing files C++ c# 数据集。好 rtmdet_tiny "
    text += "テスト ÀÉ running queries 𠮷野家 １２"
    made = hashlib.sha256(" ".join([*terms(fold(text)), *sorted(singles(fold(text)))]).encode()).hexdigest()[:16]
    assert (FORM, made) == (1, "b2da515206057614")
