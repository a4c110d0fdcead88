"""What a group knows: added, found, shown with its source, removed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from bot.config import Rerank
from bot.errors import AdapterError
from bot.scripted import Scripted
from bot.testing import Room
from bot.types import Group, Role
from plugins.ask import Ask
from plugins.knowledge import Knowledge, Volunteer, adding, paper
from plugins.knowledge.finding import fused
from plugins.knowledge.search import Hit
from plugins.knowledge.shelf import SHARED, put
from tests.peers.openai_server import OpenAIServer

TODAY = time.strftime("%Y-%m-%d")
CLASS = "/知识 添加 上课时间：每周三晚八点，在线上会议室。"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Room(Knowledge, Ask, Volunteer) as room:
        yield room


async def admin(room: Room, text: str, quote: str | None = None) -> str:
    """What an admin hears last."""
    return (await room.say(text, by="青", role=Role.ADMIN, quote=quote))[-1]


async def shared(room: Room, title: str, text: str, name: str = SHARED) -> None:
    """Something in a collection that is no group's own, as the command line puts it there."""
    pieces = paper.spoken(title, text, author=room.message("").member).chunks
    await room.app.store.write(lambda db: put(db, name, source=f"{title}.md", title=title, digest="", chunks=pieces))


# --- adding -------------------------------------------------------------------------------


async def test_what_an_admin_adds_is_answered_word_for_word_with_its_source(room: Room) -> None:
    added = await admin(room, CLASS)
    assert added.startswith("已收入第 ")
    assert "《上课时间》，共 1 段。撤销：/知识 删除 " in added
    assert await room.say("/问 什么时候上课") == [
        f"资料里这样写：\n每周三晚八点，在线上会议室。\n\n依据：青 {TODAY} › 上课时间"
    ]


async def test_a_member_adds_and_removes_nothing(room: Room) -> None:
    assert await room.say(CLASS) == ["只有管理员可以这样做。"]
    await admin(room, CLASS)
    [number] = [row["id"] for row in await room.rows("select id from knowledge_documents where added_by is not null")]
    assert await room.say(f"/知识 删除 {number}") == ["只有管理员可以这样做。"]
    assert len(await room.rows("select id from knowledge_documents where added_by is not null")) == 1


async def test_the_same_title_takes_the_place_of_the_first(room: Room) -> None:
    number = (await admin(room, CLASS)).split()[1]
    await admin(room, "/知识 添加 另一条：正文")
    again = await admin(room, "/knowledge add 上课时间: 改到周四晚七点。")
    assert again.startswith(f"已更新第 {number} 条《上课时间》")
    assert "改到周四晚七点" in (await room.say("/问 什么时候上课"))[0]
    assert len(await room.rows("select id from knowledge_documents where title = '上课时间'")) == 1


async def test_a_quoted_message_is_added_under_the_name_of_its_author(room: Room) -> None:
    await room.say("服务器在机房二楼，钥匙找前台拿。", by="博", message_id="said")
    assert "《机房在哪》" in await admin(room, "/知识 添加 机房在哪", quote="said")
    assert await room.say("/问 机房在哪里") == [
        f"资料里这样写：\n服务器在机房二楼，钥匙找前台拿。\n\n依据：博 {TODAY} › 机房在哪"
    ]
    assert "《服务器在机房二楼，钥匙找前台拿。》" in await admin(room, "/知识 添加", quote="said")


async def test_a_quoted_file_is_read(room: Room) -> None:
    manual = "# 机房手册\n\n## 重启交换机\n\n长按电源键十秒。\n\n## 换硬盘\n\n先下线，再拔。\n".encode()
    await room.say("", files=[room.file("手册.md", manual)], message_id="file", by="博")
    assert "《机房手册》，共 2 段" in await admin(room, "/知识 添加", quote="file")
    assert await room.say("/问 交换机怎么重启") == [
        "资料里这样写：\n长按电源键十秒。\n\n依据：手册.md › 机房手册 › 重启交换机"
    ]


async def test_a_file_in_the_same_message_is_read_and_takes_the_title_given(room: Room) -> None:
    duty = room.file("a.txt", "周一安，周二博。".encode())
    said = await room.say("/知识 添加 值班表", files=[duty], by="青", role=Role.ADMIN)
    assert "《值班表》" in said[0]


async def test_a_file_that_is_none_to_read_is_refused_in_words(room: Room) -> None:
    said = await room.say("/知识 添加", files=[room.file("x.exe", b"MZ")], by="青", role=Role.ADMIN)
    assert said[0].startswith("《x.exe》不认识这种文件。")
    room.platform.refuses["fetch"] = AdapterError("文件已经过期了")
    said = await room.say("/知识 添加", files=[room.file("x.md", b"#")], by="青", role=Role.ADMIN)
    assert said == ["平台说：文件已经过期了。"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("/知识 添加", "要写成：/知识 添加 标题：正文"),
        ("/知识 添加 只有标题", "要写成：/知识 添加 标题：正文"),
        ("/知识 添加 ：只有正文", "要写成：/知识 添加 标题：正文"),
        (f"/知识 添加 {'长' * 101}：正文", "标题最多 100 个字。"),
        (f"/知识 添加 长文：{'字' * 20_001}", "太长了，一条最多 20000 个字"),
        ("/知识 删除 上课", "要写编号，例如：/知识 删除 3"),
        ("/知识 删除 99", "本群没有第 99 条资料"),
        ("/知识 列表 二", "页数要写成数字。"),
        ("/知识 列表 9", "本群还没有自己的资料。"),
        ("/知识 试", "要试什么问题？"),
        ("/知识 来源", "请引用我的一条有依据的回答"),
        ("/知识", "本群的资料：/知识 添加 标题：正文"),
        ("/知识 吃饭", "本群的资料：/知识 添加 标题：正文"),
    ],
)
async def test_what_does_not_fit_is_told_in_one_sentence(room: Room, words: str, said: str) -> None:
    assert (await admin(room, words)).startswith(said)


async def test_addresses_and_times_do_not_end_a_title(room: Room) -> None:
    assert "《群网站》" in await admin(room, "/知识 添加 群网站：https://example.org")
    assert "《周三 20:00 的课》" in await admin(room, "/知识 添加 周三 20:00 的课：讲算子")


async def test_a_full_group_is_told_so(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "DOCUMENTS", 1)
    await admin(room, CLASS)
    assert (await admin(room, "/知识 添加 另一条：正文")).startswith("本群的资料满 ")
    assert (await admin(room, CLASS)).startswith("已更新")


@pytest.mark.parametrize(
    "text",
    [
        "坏字\ud800符怎么登录",
        '"; drop table knowledge_chunks; --',
        "空\x00字节怎么办",
        "<script>alert(1)</script>怎么办",
        "% %s {0} {name} \\",
        "\u00a71 OR NEAR(a b) * ^",
        "\u202e反过来怎么看",
        "\uff1a\uff1a\n\n",
        "如何" * 200,
    ],
)
async def test_whatever_is_written_breaks_nothing(room: Room, text: str) -> None:
    await admin(room, "/开启 主动答")
    await room.set(Volunteer, wait=0)
    for line in (
        "/知识 添加 {}：{}",
        "/知识 删除 {}",
        "/知识 列表 {}",
        "/知识 试 {}",
        "/待答 {}",
        "/待答 忽略 {}",
        "{}",
        "/问 {}",
    ):
        said = await room.say(line.replace("{}", text), by="青", role=Role.ADMIN)
        assert not any("出了点意外" in one or "数据库" in one for one in said), line
    await admin(room, CLASS)
    assert "每周三晚八点" in (await room.say("/问 什么时候上课"))[0]


# --- listing and removing -----------------------------------------------------------------


async def test_the_list_has_numbers_by_which_things_are_removed(room: Room) -> None:
    number = (await admin(room, CLASS)).split()[1]
    assert await room.say("/知识 列表") == [
        f"本群的资料 1 条：\n{number}. 上课时间（青 {TODAY}，1 段）\n另外还查：自带问答。"
    ]
    assert await admin(room, f"/知识 删除 {number}") == f"已删除第 {number} 条《上课时间》。"
    assert (await room.say("/问 什么时候上课"))[0].startswith("没找到相关的资料，已记给管理员")


async def test_a_long_list_comes_in_pages(room: Room) -> None:
    for number in range(21):
        await admin(room, f"/知识 添加 第{number}讲：讲义{number}")
    [first] = await room.say("/知识 列表")
    assert first.startswith("本群的资料 21 条，第 1/2 页：\n")
    assert first.endswith("下一页：/知识 列表 2")
    [second] = await room.say("/知识 列表 2")
    assert "第0讲" in second
    assert "第0讲" not in first


async def test_what_is_shared_is_found_and_not_removed_by_a_group(room: Room) -> None:
    await shared(room, "集群申请", "在门户网站提交工单申请集群。")
    [row] = await room.rows("select id from knowledge_documents where title = '集群申请'")
    assert await room.say("/问 怎么申请集群") == [
        "资料里这样写：\n在门户网站提交工单申请集群。\n\n依据：集群申请.md › 集群申请"
    ]
    assert (await admin(room, f"/知识 删除 {row['id']}")).startswith("本群没有第 ")


# --- finding ------------------------------------------------------------------------------


async def test_a_group_knows_nothing_of_another_groups_own(room: Room) -> None:
    await admin(room, CLASS)
    assert (await room.say("/问 什么时候上课", group=room.other))[0].startswith("没找到相关的资料")
    for name in (room.group.id, f"shared、{room.group.id}"):
        said = await room.say(f"/设置 知识 资料集 {name}", by="青", role=Role.ADMIN, group=room.other)
        assert said == ["「资料集」的值不对。"]


async def test_named_collections_are_searched_where_a_group_says_so(room: Room) -> None:
    await room.set(Knowledge, faq=False)
    await shared(room, "集群申请", "在门户网站提交工单申请集群。", name="运维")
    assert (await room.say("/问 怎么申请集群"))[0].startswith("没找到")
    await room.set(Knowledge, collections=["运维"])
    assert "依据：集群申请.md" in (await room.say("/问 怎么申请集群"))[0]


async def test_the_shipped_answers_are_found_until_a_group_switches_them_off(room: Room) -> None:
    [said] = await room.say("/问 欧小鹏是什么？")
    assert said.splitlines()[-1].startswith("依据：自带问答 › ")
    await room.set(Knowledge, faq=False)
    assert (await room.say("/问 欧小鹏是什么？"))[0].startswith("没找到")


async def test_the_shipped_answers_are_read_again_only_when_they_change(room: Room) -> None:
    await room.say("/问 欧小鹏是什么？")
    kept = "select id, digest from knowledge_documents where source = 'xiaopeng.zh-CN.md'"
    before = await room.rows(kept)
    await room.restart()
    await room.say("/问 欧小鹏是什么？")
    assert await room.rows(kept) == before
    await room.app.store.write(lambda db: db.execute("update knowledge_documents set digest = 'old'"))
    await room.restart()
    await room.say("/问 欧小鹏是什么？")
    assert (await room.rows(kept))[0]["digest"] == before[0]["digest"]


async def test_in_a_direct_chat_nothing_is_listed(room: Room) -> None:
    alone = Group("room:dm:安", direct=True)
    assert await room.say("/问 周末去哪里爬山", group=alone) == ["没找到相关的资料。"]
    assert await room.rows("select * from knowledge_pending") == []


def hit(id: int, score: float) -> Hit:
    return Hit(id, "", "", "", "", "", "", score, 0.0, frozenset())


def test_two_orders_are_put_together() -> None:
    hits = [hit(1, 4.0), hit(2, 3.0), hit(3, 2.0)]
    assert [one.id for one in fused(hits, [0.1, 0.9, 0.2])] == [2, 1, 3]
    assert [one.id for one in fused(hits, [3.0, 2.0, 1.0])] == [1, 2, 3]


# --- where it comes from, and how a question fares ----------------------------------------


async def test_the_source_of_an_answer_is_shown_with_its_whole_passage(room: Room) -> None:
    await admin(room, CLASS)
    await room.say("/问 什么时候上课")
    answer = room.last_id
    [said] = await room.say("/知识 来源", quote=answer)
    assert said.startswith(f"最贴切的资料：青 {TODAY} › 上课时间\n每周三晚八点，在线上会议室。")
    await room.restart()
    assert await room.say("/知识 source", quote=answer) == [said]
    await admin(room, "/知识 添加 上课时间：改了。")
    await admin(room, "/知识 删除 " + (await room.say("/知识 列表"))[0].splitlines()[1].partition(".")[0])
    assert (await room.say("/知识 来源", quote=answer))[0].splitlines()[1] == "原文后来删了或改了。"


async def test_a_models_answer_has_its_sources_too() -> None:
    async with Room(Knowledge, Ask, models={"main": Scripted("每周三晚八点 [1]。")}) as room:
        await admin(room, CLASS)
        [said] = await room.say("/问 什么时候上课")
        assert "[1]" in said
        assert f"最贴切的资料：青 {TODAY} › 上课时间" in (await room.say("/知识 来源", quote=room.last_id))[0]


async def test_what_a_model_wrote_does_not_become_knowledge() -> None:
    async with Room(Knowledge, Ask, models={"main": Scripted("大概在二楼。")}) as room:
        await room.say("/问 机房在哪里")
        assert (await admin(room, "/知识 添加 机房", quote=room.last_id)).startswith("这是模型写的回答，不能当资料。")


async def test_a_reranker_has_a_say_in_what_comes_first() -> None:
    async with OpenAIServer() as server:
        rerank = Rerank(base_url=server.base_url, model="m", retries=0)
        async with Room(Knowledge, Ask, rerank=rerank) as room:
            await room.set(Knowledge, faq=False)
            for title, text in (("登录平台", "登录平台要先绑定手机。"), ("登录集群", "集群怎么登录：用跳板机。")):
                await admin(room, f"/知识 添加 {title}：{text}")
            [said] = await room.say("/问 集群怎么登录")
            assert "用跳板机" in said
            [request] = [came for came in server.requests if "documents" in came.body]
            assert request.body["query"] == "集群怎么登录"
            assert len(request.body["documents"]) == 2


async def test_a_question_can_be_tried(room: Room) -> None:
    await admin(room, "/知识 添加 训练营积分兑换算力：在个人中心点积分，选算力卡时长。")
    [said] = await room.say("/知识 试 有人知道积分怎么兑换算力吗")
    asked, unasked, first, *_ = said.splitlines()
    assert [asked, unasked] == ["问我：会答。", "没人叫我：会接话（本群没有开主动答）。"]
    assert first.startswith(f"1. 青 {TODAY} › 训练营积分兑换算力（把握 ")
    await admin(room, "/开启 主动答")
    assert (await room.say("/知识 试 有人知道积分怎么兑换算力吗"))[0].splitlines()[1] == "没人叫我：会接话。"
    [said] = await room.say("/知识 试 积分兑换算力")
    assert said.splitlines()[1] == "没人叫我：不说话，这不像是在提问。"
    [said] = await room.say("/知识 试 周末去哪里爬山")
    assert "问我：答没找到" in said


# --- forgetting ---------------------------------------------------------------------------


async def test_who_asks_to_be_forgotten_leaves_the_knowledge_without_a_name(room: Room) -> None:
    await room.say("服务器在机房二楼，钥匙找前台拿。", by="博", message_id="said")
    await admin(room, "/知识 添加 机房在哪", quote="said")
    await room.say("/问 机房在哪里", by="博")
    await room.say("/问 机房在哪里", by="安")
    await room.say("/忘记我 确认", by="博")
    await room.say("/忘记我 确认", by="青")
    assert (await room.say("/问 机房在哪里"))[0].endswith("依据：群友 › 机房在哪")
    assert await room.rows("select * from knowledge_documents where added_by is not null") == []
    assert await room.rows("select * from knowledge_answers where member_id = 'room:博'") == []
    assert await room.rows("select * from knowledge_said") == []
    assert await room.rows("select * from knowledge_answers where passages like '%博%'") == []


async def test_the_number_of_what_was_removed_is_not_given_again(room: Room) -> None:
    await room.say("服务器在机房二楼。", by="博", message_id="said")
    number = (await admin(room, "/知识 添加 机房在哪", quote="said")).split()[1]
    await room.app.store.write(lambda db: db.execute("delete from knowledge_documents where id = ?", [number]))
    await shared(room, "集群申请", "在门户网站提交工单申请集群。")
    await room.say("/忘记我 确认", by="博")
    rows = await room.rows("select id > ? as later, source from knowledge_documents where title = '集群申请'", number)
    assert rows == [{"later": 1, "source": "集群申请.md"}]


async def test_old_answers_are_dropped(room: Room) -> None:
    await admin(room, CLASS)
    await room.say("/问 什么时候上课")
    await room.run("purge")
    assert len(await room.rows("select * from knowledge_answers")) == 1
    await room.app.store.write(lambda db: db.execute("update knowledge_answers set time = time - 31 * 86400"))
    await room.run("purge")
    assert await room.rows("select * from knowledge_answers") == []


async def test_what_comes_near_is_named_and_not_given_for_an_answer(room: Room) -> None:
    await shared(room, "怎么借用会议室", "在前台登记，每次两小时。")
    (said,) = await room.say("/问 会议室的投影仪坏了找谁")
    assert said.startswith("没找到相关的资料")
    assert said.endswith("相近的有：《怎么借用会议室》")
    assert "前台" not in said
