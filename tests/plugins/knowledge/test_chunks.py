from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.knowledge.chunks import LENGTH, LONGEST_TITLE, OVERLAP, Chunk, chunks
from plugins.knowledge.documents import Document, Section


def cut(text: str) -> list[str]:
    return [chunk.text for chunk in chunks(Document("手册", (Section(("安装",), text),)))]


def test_a_chunk_carries_its_heading_path_and_the_other_wordings() -> None:
    section = Section(("手册", "安装", "在 Windows 上"), "先装 Python。", ("怎么装", "装不上"))
    assert list(chunks(Document("手册", (section,)))) == [
        Chunk("手册 › 安装 › 在 Windows 上", "先装 Python。", "怎么装\n装不上")
    ]


def test_the_documents_title_comes_first_where_no_heading_says_it() -> None:
    assert [chunk.title for chunk in chunks(Document("手册", (Section(("安装",), "好。"),)))] == ["手册 › 安装"]


def test_cuts_behind_paragraphs_before_lines_before_sentences() -> None:
    paragraphs = "\n\n".join("一句话。" * 60 for _ in range(4))
    assert cut(paragraphs)[0] == "\n\n".join(["一句话。" * 60] * 2)
    sentences = "这是一句话。" * 200
    assert all(piece.endswith("。") for piece in cut(sentences))


def test_what_is_cut_overlaps() -> None:
    text = "，".join(f"第{number}项" for number in range(400))
    first, second, *_ = cut(text)
    shared = next(length for length in range(OVERLAP, 0, -1) if second.startswith(first[-length:]))
    assert shared >= OVERLAP // 2


def test_an_endless_heading_is_cut() -> None:
    (chunk,) = chunks(Document("手册", (Section(("长" * 1000,), "好。"),)))
    assert len(chunk.title) == LONGEST_TITLE


@given(st.text(alphabet="甲乙。，\n a.", max_size=4000))
def test_nothing_is_lost_and_nothing_is_too_long(text: str) -> None:
    pieces = cut(text)
    assert all(0 < len(piece) <= LENGTH for piece in pieces)
    rest = "".join(text.split())
    at = 0
    for piece in pieces:
        bare = "".join(piece.split())
        found = rest.find(bare, max(0, at - 2 * OVERLAP))
        assert 0 <= found <= at
        at = max(at, found + len(bare))
    assert at == len(rest)
