"""The one door: encodings, limits, and files that are nothing at all."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.knowledge.documents import Document, Section, Unreadable
from plugins.knowledge.reading import LIMIT, READABLE, encodings, read

TEXT = "# 安装\n\n先装 Python，再装它。\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("gb18030"),
        TEXT.encode("gbk"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16-be", "utf-32", "gb18030", "gbk", "crlf", "cr"],
)
def test_every_usual_encoding_is_read(data: bytes) -> None:
    assert read("a.md", data) == Document("安装", (Section(("安装",), "先装 Python，再装它。"),))


def test_a_few_broken_bytes_cost_no_more_than_themselves() -> None:
    text = "知识" * 500
    assert read("a.txt", text.encode() + "库".encode()[:2]).sections[0].text == f"{text}\ufffd"


@pytest.mark.parametrize(
    "data",
    [
        b"a\0b",
        bytes(range(256)) * 4,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40),
        b"\xff\xfe\0\0",
        b"\x1f\x8b\x08" + bytes(range(1, 9)) * 50,
        "文".encode("utf-16-le") * 9 + b"\0",
    ],
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read("a.txt", data)


@pytest.mark.parametrize("suffix", sorted(READABLE))
@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_nothing_is_unreadable(suffix: str, data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(f"a{suffix}", data)


@pytest.mark.parametrize("name", ["a.exe", "a", "", ".md/a", "md", "a.md.zip", "a.md "])
def test_another_kind_of_file_is_refused_with_advice(name: str) -> None:
    with pytest.raises(Unreadable, match="能读 Markdown"):
        read(name, b"# a\nb")


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(Unreadable, match="20 MB"):
        read("a.txt", b"a" * (LIMIT + 1))


def test_a_file_of_too_many_lines_is_refused() -> None:
    with pytest.raises(Unreadable, match="20 万行"):
        read("a.md", b"\n" * (encodings.LINES + 1))


def test_the_reason_is_one_sentence() -> None:
    with pytest.raises(Unreadable) as refused:
        read("a.md", b"\0")
    assert str(refused.value).count("。") == 1


# --- any bytes --------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *"#-=~`>|*_:.;,\t\n \"'\\<!&[](){}",
        *("```", "<!--", "-->", "<pre>", "</pre>", "<td>", "</td>", "<table>", "<h1>", "</h1>", "<main>", "<title>"),
        *("---\n", "title: x\n", ".. note:: a\n", "   ", "又问：", "问题", "答案", "文字", "\n\n"),
        *("{#a}", "\0", "\ufffd"),
        *('{"cells":[', '{"cell_type":"markdown","source":', "]}", "<w:p>"),
        *("%PDF-1.4\n", "1 0 obj", "trailer<</Root 1 0 R>>"),
    ]
)  # fmt: skip
FILES = st.binary(max_size=400) | st.lists(PIECES, max_size=60).map(lambda pieces: "".join(pieces).encode())


def only_unreadable(name: str, data: bytes) -> None:
    document = None
    with suppress(Unreadable):
        document = read(name, data)
    if document is None:
        return
    assert document.title.strip()
    assert document.sections
    for section in document.sections:
        assert section.text.strip()
        assert all(section.path)
        assert all(section.also)


@settings(deadline=None, max_examples=400)
@given(suffix=st.sampled_from(sorted(READABLE)), data=FILES)
def test_any_bytes_are_read_or_unreadable(suffix: str, data: bytes) -> None:
    only_unreadable(f"档{suffix}", data)


@settings(deadline=None, max_examples=100)
@given(xml=FILES, styles=FILES)
def test_any_bytes_in_an_archive_are_read_or_unreadable(xml: bytes, styles: bytes) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", xml)
        archive.writestr("word/styles.xml", styles)
    only_unreadable("a.docx", file.getvalue())
