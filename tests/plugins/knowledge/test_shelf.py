from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from plugins.knowledge import shelf
from plugins.knowledge.chunks import Chunk
from plugins.knowledge.search import search


@pytest.fixture
def db() -> Iterator[Database]:
    db = Database(memory=True)
    shelf.tables.apply(db)
    yield db
    db.close()


def put(db: Database, name: str, source: str, *texts: str, title: str = "", digest: str = "1") -> shelf.Entry:
    chunks = [Chunk(title, text) for text in texts]
    return shelf.put(db, name, source=source, title=title, digest=digest, chunks=chunks)


def found(db: Database, question: str, *names: str) -> list[str]:
    return [hit.text for hit in search(db, names or ("shared",), question).hits]


def test_finds_what_was_put_and_forgets_what_was_dropped(db: Database) -> None:
    put(db, "shared", "a.md", "插件用 /关闭 来关。", "端口在环境变量里改。")
    assert found(db, "端口怎么改") == ["端口在环境变量里改。"]
    assert shelf.drop(db, "shared", ["a.md"]) == 1
    assert found(db, "端口怎么改") == []
    assert shelf.entries(db, "shared") == []
    assert shelf.held(db) == 0


def test_a_document_takes_the_place_of_the_earlier_one_of_its_source(db: Database) -> None:
    put(db, "shared", "a.md", "端口是 8080。")
    put(db, "shared", "a.md", "端口是 9090。", digest="2")
    assert found(db, "端口") == ["端口是 9090。"]
    assert [(entry.source, entry.digest, entry.chunks) for entry in shelf.entries(db, "shared")] == [("a.md", "2", 1)]
    assert shelf.held(db) == 1


def test_a_collection_sees_only_its_own(db: Database) -> None:
    put(db, "qq:1", "a", "暗号是蓝色的大象。")
    put(db, "qq:2", "a", "暗号是红色的狐狸。")
    assert found(db, "暗号是什么", "qq:1") == ["暗号是蓝色的大象。"]
    assert found(db, "暗号是什么", "qq:2", "nowhere") == ["暗号是红色的狐狸。"]
    assert set(found(db, "暗号是什么", "qq:1", "qq:2")) == {"暗号是蓝色的大象。", "暗号是红色的狐狸。"}
    assert found(db, "暗号是什么", "nowhere") == []


def test_another_wording_of_the_heading_is_found_and_not_shown(db: Database) -> None:
    chunk = Chunk("怎么关闭一个插件", "发 /关闭 插件名。", "停用功能")
    shelf.put(db, "shared", source="faq", title="faq", digest="1", chunks=[chunk])
    put(db, "shared", "b", "停车场在三楼。")
    assert found(db, "想停用一个功能") == ["发 /关闭 插件名。"]


def test_terms_that_are_common_are_noted_and_change_nothing_that_is_found(db: Database) -> None:
    put(db, "shared", "many", *(f"模型 {number} 的部署说明。" for number in range(200)))
    put(db, "shared", "one", "模型的蒸馏说明。")
    before = found(db, "模型的蒸馏")
    shelf.recount(db)
    noted = dict(db.execute("select term, chunks from knowledge_common").fetchall())
    assert noted["模型"] == 201
    assert "蒸馏" not in noted
    assert found(db, "模型的蒸馏")[0] == before[0] == "模型的蒸馏说明。"


def test_a_question_of_common_terms_alone_is_still_answered(db: Database) -> None:
    put(db, "shared", "many", *(f"部署模型的第 {number} 种办法。" for number in range(3000)))
    shelf.recount(db)
    assert len(found(db, "部署模型")) == 5


@pytest.mark.parametrize(
    "question",
    ['"', 'a" OR "b', "NEAR(a b)", "terms:x", "*", "(", "-x", "x AND", "'; drop table knowledge_chunks; --", "\0"],
)
def test_a_question_is_never_a_query(db: Database, question: str) -> None:
    put(db, "shared", "a", "好的文字 a b x")
    search(db, ("shared",), question)
    assert shelf.held(db) == 1


def test_what_is_half_put_is_not_there(db: Database) -> None:
    put(db, "shared", "a", "好的文字。")

    def broken() -> Iterator[Chunk]:
        yield Chunk("", "新的文字。")
        raise OSError("the disk has gone")

    db.conn.commit()
    db.execute("begin")
    with pytest.raises(OSError, match="gone"):
        shelf.put(db, "shared", source="a", title="", digest="2", chunks=broken())
    db.execute("rollback")
    assert found(db, "文字") == ["好的文字。"]


def test_many_chunks_are_written_in_batches(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "BATCH", 7)
    entry = put(db, "shared", "a", *(f"第{number}个词条。" for number in range(40)))
    assert entry.chunks == 40
    assert found(db, "第39个词条")[0] == "第39个词条。"
    shelf.drop(db, "shared", ["a"])
    assert db.execute("select count(*) from knowledge_chunks").fetchone() == (0,)


def test_the_index_is_whole_after_all_this(db: Database, tmp_path: Path) -> None:
    """FTS5's own check: a wrong delete would leave entries that point nowhere."""
    for number in range(30):
        put(db, "shared", f"{number}", f"第{number}份 文档 number {number}", title="标题 title")
    for number in range(0, 30, 2):
        put(db, "shared", f"{number}", f"换成第{number}份")
    shelf.drop(db, "shared", [str(number) for number in range(0, 30, 3)])
    vocabulary = "create virtual table temp.v using fts5vocab(main, knowledge_index, instance)"
    db.execute(vocabulary)
    left = {row[0] for row in db.execute("select doc from temp.v").fetchall()}
    assert left == {row[0] for row in db.execute("select id from knowledge_chunks").fetchall()}


def test_a_long_document_goes_in_pieces_and_is_not_found_meanwhile(db: Database) -> None:
    put(db, "shared", "long", *(f"长文的第{number}段。" for number in range(50)))
    put(db, "shared", "short", "短文一段。")
    assert shelf.drop(db, "shared", ["long"], most=20) == 1
    assert found(db, "长文的第49段") == []
    assert found(db, "短文") == ["短文一段。"]
    assert shelf.held(db) == 1
    assert [shelf.sweep(db, 20), shelf.sweep(db, 20), shelf.sweep(db, 20)] == [20, 10, 0]
    assert db.execute("select count(*) from knowledge_chunks").fetchone() == (1,)
    put(db, "shared", "long", "长文的新版。")
    assert found(db, "长文的新版")[0] == "长文的新版。"


def test_a_shelf_of_other_terms_is_indexed_anew(db: Database) -> None:
    put(db, "shared", "a", "端口在环境变量里改。", title="端口")
    put(db, "shared", "b", "密码在环境变量里改。", title="密码")
    db.execute("insert into knowledge_index (knowledge_index) values ('delete-all')")
    db.execute("update knowledge_facts set value = 0 where name = 'form'")
    assert shelf.is_outdated(db)
    assert found(db, "端口怎么改") == []
    shelf.reindex(db)
    assert not shelf.is_outdated(db)
    assert found(db, "端口怎么改")[0] == "端口在环境变量里改。"
    shelf.drop(db, "shared", ["a"])
    assert "端口在环境变量里改。" not in found(db, "端口怎么改")
