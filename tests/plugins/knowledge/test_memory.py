from __future__ import annotations

from sqlite_utils import Database

from plugins.knowledge import memory, shelf
from plugins.knowledge.chunks import Chunk
from plugins.knowledge.memory import Memory
from plugins.knowledge.search import search


def test_what_is_remembered_is_that_of_one_state_of_the_shelf() -> None:
    db, known = Database(memory=True), Memory()
    shelf.tables.apply(db)

    def put(text: str) -> None:
        shelf.put(db, "shared", source="a", title="", digest=text, chunks=[Chunk("", text)])

    def found() -> list[str]:
        return [hit.text for hit in search(db, ("shared",), "端口怎么改", memory=known).hits]

    assert found() == []
    put("端口在环境变量里改。")
    assert found() == found() == ["端口在环境变量里改。"]
    put("端口写死了，改不了。")
    assert found() == ["端口写死了，改不了。"]
    shelf.drop(db, "shared", ["a"])
    assert found() == []
    db.close()


def test_with_and_without_a_memory_the_same_is_found() -> None:
    db, known = Database(memory=True), Memory()
    shelf.tables.apply(db)
    texts = [f"第{number}台设备的端口是 {8000 + number}。" for number in range(80)]
    shelf.put(db, "shared", source="a", title="", digest="1", chunks=[Chunk("设备", text) for text in texts])
    shelf.recount(db)
    for question in ("第7台设备的端口", "8012 是谁的端口", "设备", "第7台设备的端口"):
        assert search(db, ("shared",), question, memory=known) == search(db, ("shared",), question)
    db.close()


def test_it_does_not_grow_without_end() -> None:
    known = Memory()
    first = known.of(1)
    for number in range(memory.TERMS + 1):
        first.holders[str(number), ()] = ([], 0, 0.0)
    assert known.of(1).holders == {}
    assert len(first.holders) > memory.TERMS
