"""Which files of a folder are documents, whatever stands there."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from plugins.knowledge.documents import Unreadable
from plugins.knowledge.walk import Found, contents, gone, name, walk

SUFFIXES = frozenset({".md", ".txt"})


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


def written(folder: Path, *names: str) -> None:
    for each in names:
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_text(each, encoding="utf-8")


def sources(folder: Path) -> list[str]:
    return [found.source for found in walk(folder, "docs", SUFFIXES) if not found.trouble]


def troubles(folder: Path) -> dict[str, str]:
    return {found.source: found.trouble for found in walk(folder, "docs", SUFFIXES) if found.trouble}


def test_finds_documents_in_the_order_of_their_names(docs: Path) -> None:
    written(docs, "b.md", "a.TXT", "guide/z.md", "guide/deep/er/一.md", "zoo/a.md")
    assert sources(docs) == ["docs/a.TXT", "docs/b.md", "docs/guide/z.md", "docs/guide/deep/er/一.md", "docs/zoo/a.md"]
    assert all(contents(found, 100).decode() == found.source[5:] for found in walk(docs, "docs", SUFFIXES))


def test_leaves_out_what_is_hidden_or_of_others(docs: Path) -> None:
    written(docs, ".git/a.md", ".hidden.md", "node_modules/x/readme.md", "picture.png", "md", "x.md.bak", "sub/.x/a.md")
    assert list(walk(docs, "docs", SUFFIXES)) == []


def test_follows_no_links(docs: Path) -> None:
    written(docs, "a.md", "../secret.md", "../outside/b.md")
    (docs / "same.md").symlink_to("a.md")
    (docs / "out.md").symlink_to("../secret.md")
    (docs / "folder").symlink_to("../outside")
    (docs / "loop").symlink_to(docs)
    assert [found.source for found in walk(docs, "docs", SUFFIXES)] == ["docs/a.md"]


def test_names_links_that_lead_nowhere(docs: Path) -> None:
    (docs / "lost.md").symlink_to("nowhere.md")
    (docs / "round.md").symlink_to("round.md")
    (docs / "lost.png").symlink_to("nowhere.png")
    assert troubles(docs) == dict.fromkeys(("docs/lost.md", "docs/round.md"), "is a link that leads nowhere")


def test_a_pipe_is_named_and_never_waited_for(docs: Path) -> None:
    os.mkfifo(docs / "pipe.md")
    assert troubles(docs) == {"docs/pipe.md": "is no ordinary file"}
    with pytest.raises(Unreadable, match="no ordinary file"):
        contents(Found(docs / "pipe.md", "docs/pipe.md"), 100)


def test_reads_no_more_than_the_limit(docs: Path) -> None:
    (docs / "large.md").write_bytes(b"x" * 101)
    large = Found(docs / "large.md", "docs/large.md")
    assert len(contents(large, 101)) == 101
    with pytest.raises(Unreadable, match="larger than"):
        contents(large, 100)
    with pytest.raises(Unreadable, match="larger than"):  # a file that says it is empty, and is not
        contents(Found(Path("/proc/self/environ"), "x"), 1)


def test_a_file_that_went_meanwhile_is_named(docs: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        contents(Found(docs / "gone.md", "docs/gone.md"), 100)


def test_names_are_one_on_all_machines_and_can_be_stored(docs: Path) -> None:
    (docs / "e\u0301.md").touch()
    Path(os.fsdecode(os.fsencode(docs) + b"/\xff\xfe.md")).touch()
    assert set(sources(docs)) == {"docs/é.md", "docs/\ufffd\ufffd.md"}
    with sqlite3.connect(":memory:") as connection:
        for source in sources(docs):
            assert connection.execute("select ?", [source]).fetchone() == (source,)
    connection.close()


def test_a_folder_has_its_own_name(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (docs.parent / "linked").symlink_to(docs)
    assert name(docs.parent / "linked") == "linked"
    monkeypatch.chdir(docs)
    names = [name(Path(path)) for path in (".", "../docs/", "..", "/")]
    assert names == ["docs", "docs", docs.parent.name, ""]


def test_very_deep_folders_are_walked(docs: Path) -> None:
    deep = docs
    for _ in range(1_200):
        deep /= "d"
        deep.mkdir()
    (deep / "end.md").touch()
    try:
        assert sources(docs) == [f"docs/{'d/' * 1_200}end.md"]
    finally:  # what removes the folders of tests goes no deeper than Python calls
        (deep / "end.md").unlink()
        for _ in range(1_200):
            deep.rmdir()
            deep = deep.parent


def test_a_folder_that_cannot_be_listed_is_named(docs: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is closed to root")
    written(docs, "closed/a.md", "open.md")
    (docs / "closed").chmod(0)
    try:
        assert troubles(docs) == {"docs/closed/": "cannot be listed (Permission denied)"}
        assert sources(docs) == ["docs/open.md"]
    finally:
        (docs / "closed").chmod(0o700)


def test_what_was_not_found_again_is_gone() -> None:
    known = ["docs/a.md", "docs/b.md", "docs/closed/c.md", "docs-old/d.md", "other/docs/e.md", "docs"]
    found = [Found(Path(), "docs/a.md"), Found(Path(), "docs/closed/", "cannot be listed")]
    assert gone(known, "docs", found) == ["docs/b.md"]
    assert gone(known, "docs", []) == ["docs/a.md", "docs/b.md", "docs/closed/c.md"]
