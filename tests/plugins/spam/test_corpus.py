"""What is learnt from is read with its lines, made the same for the same dice, and is no text of the data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import pytest

from plugins.spam.folding import Folding
from plugins.spam.training import grammar
from plugins.spam.training.corpus import OWN, Row, Unreadable, corpus, disguised, padded, rows, written

DATA = Path(__file__).parents[4] / "shared" / "data" / "spam"


def write(path: Path, *lines: object) -> Path:
    path.write_bytes(b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines))
    return path


def row(text: str, label: str = "spam", **more: str) -> dict[str, str]:
    return {"text": text, "label": label, **more}


def test_rows_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", row("加我", source="a"), b"", row("你好", "ham"), row("  ", "ham"))
    assert list(rows(path)) == [Row("加我", True, "a", "加我"), Row("你好", False, "mine", "你好")]


def test_a_mark_at_the_beginning_of_a_file_is_no_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", b"\xef\xbb\xbf" + json.dumps(row("加我")).encode())
    assert [one.text for one in rows(path)] == ["加我"]


@pytest.mark.parametrize(
    "bad",
    [
        b"{", b"[]", b"5", b'"text"', b"null", b"\xff\xfe", b"[" * 100_000, {"text": "a"}, {"label": "spam"},
        {"text": 5, "label": "spam"}, {"text": None, "label": "ham"}, {"text": "a", "label": "SPAM"},
        {"text": "a", "label": ["spam"]},
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, bad: object) -> None:
    path = write(tmp_path / "bad.jsonl", row("一"), row("二"), bad)
    with pytest.raises(Unreadable, match=r"bad\.jsonl:3: "):
        list(rows(path))


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        list(rows(tmp_path / "nowhere"))


def test_no_text_stands_twice_and_sources_are_chosen(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        row("只有这里有的话", source="x"),
        row("只有这里有的话", source="x"),
        row("另一句话", source="y"),
    )
    known = corpus([path], Random(1), {"x"})
    real = [one for one in known if not one.made]
    assert len({one.text for one in real}) == len(real)
    assert sum(one.source == "x" for one in real) == 1
    assert not [one for one in known if one.source == "y"]
    assert any(one.made and one.spam for one in known)
    assert any(one.made and not one.spam for one in known)


def test_what_is_made_is_made_of_something_known_and_keeps_its_label() -> None:
    known = list(written(Random(1), 1))[::40]
    roots = {one.root: one.spam for one in known}
    for one in [*disguised(known, Random(2)), *padded(known, Random(2))]:
        assert one.made
        assert roots[one.root] == one.spam
        assert one.source.startswith(f"{OWN} ")
    assert all(one.spam for one in padded(known, Random(2)))


def test_padding_holds_the_ad() -> None:
    known = list(written(Random(1), 1))[::20]
    ads = {one.text for one in known if one.spam}
    for one in padded(known, Random(3)):
        assert any(ad in one.text for ad in ads)
    assert list(padded([one for one in known if one.spam], Random(3))) == []


def test_the_same_dice_make_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row("加我", source="x"))
    assert corpus([path], Random(4)) == corpus([path], Random(4))


def test_own_texts_are_of_either_label() -> None:
    labels = [one.spam for one in written(Random(1), 1)]
    assert sum(labels) > 500
    assert len(labels) - sum(labels) > 500


@pytest.mark.skipif(not DATA.exists(), reason="the data of the benchmark is not here")
def test_no_text_of_the_data_is_among_the_templates() -> None:
    fold = Folding().fold

    def key(text: str) -> str:
        return re.sub(r"[\d\s]+", "", fold(text).text)

    known = {
        key(one["text"]): f"{one['id']} {one['text'][:60]}"
        for path in sorted(DATA.glob("*.jsonl"))
        for one in map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if len(key(one["text"])) >= 8
    }
    found: list[str] = []
    for path in sorted(Path(grammar.__file__).parent.glob("texts/*/*.txt")):
        topic = grammar.read(path)
        dice = Random(1)
        for template in topic.templates:
            keys = {key(template), *(key(topic.say(template, dice)) for _ in range(6))}
            found += [f"{path.parent.name}/{path.name}: {template} = {known[one]}" for one in keys if one in known]
    assert found == []
