"""The guard in a group: what it removes, what it leaves alone, and how admins put it right."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from bot.api import Context, Plugin, command
from bot.errors import AdapterError
from bot.testing import PLATFORM, Room
from bot.types import Card, Forward, Group, Image, Mention, Role, Text
from plugins.spam import Spam
from plugins.spam.guard import acting, ladder
from plugins.spam.guard.telling import safe
from tests.plugins.spam.guard_room import AD, ADMIN, DOUBT, decision, engine, guarded, order

NOTICE = "#1 撤回了一条广告（留了联系方式、措辞像广告）。弄错了？管理员发 /误判 1，本人发 /申诉 1 理由"


class Echo(Plugin, title="回声"):
    """说什么回什么"""

    @command("回", "echo", addressed=True)
    async def echo(self, ctx: Context, *, words: str) -> str:
        """回声：/回 话"""
        return words


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with guarded(monkeypatch, kinds=(Echo,)) as room:
        yield room


@pytest.fixture
async def shadow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with guarded(monkeypatch, "影子", kinds=(Echo,)) as room:
        yield room


# --- what is done -----------------------------------------------------------------------------


async def test_an_ad_goes_with_its_reason(room: Room) -> None:
    assert await room.say(AD, by="贾", message_id="ad") == [NOTICE]
    assert room.platform.recalled == ["ad"]
    assert room.platform.muted == {}
    row = await decision(room)
    assert (row["verdict"], row["rule"], row["step"], row["mode"]) == ("act", "model", "recall", "on")
    assert json.loads(row["outcome"])["done"] == ["recall"]
    assert row["text"] == AD


async def test_the_line_in_the_group_repeats_nothing_of_the_ad(room: Room) -> None:
    await room.say("微信 http://x.example @全体成员", by="微信红包")
    assert "x.example" not in room.platform.texts[-1]
    assert "红包" not in room.platform.texts[-1]
    assert room.platform.sent[-1].quote is None


async def test_what_is_removed_is_answered_by_nobody_else(room: Room) -> None:
    assert await room.say("/回 你好", by="贾") == ["你好"]
    assert await room.say(AD, by="贾", mention=True) == [NOTICE]


async def test_who_does_it_again_is_muted_and_then_for_longer(room: Room) -> None:
    await room.say(AD, by="贾")
    assert room.platform.muted == {}
    [again] = await room.say(AD, by="贾")
    assert "禁言 10 分钟" in again
    assert room.platform.muted == {f"{PLATFORM}:贾": 600}


async def test_what_was_under_way_before_the_mute_does_not_make_it_longer(room: Room) -> None:
    for number in range(5):
        await room.say(AD, by="贾", message_id=f"ad{number}")
    assert room.platform.muted == {f"{PLATFORM}:贾": 600}
    assert room.platform.recalled == [f"ad{number}" for number in range(5)]


async def test_a_flood_of_notices_is_none(room: Room) -> None:
    for number in range(12):
        await room.say(AD, by=f"贾{number}")
    assert len(room.platform.recalled) == 12
    assert len([text for text in room.platform.texts if "撤回了一条广告" in text]) == 4


async def test_what_a_flood_kept_untold_is_told_with_the_next_line(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        await room.say(AD, by=f"贾{number}")
    monkeypatch.setattr(acting, "LINE_SECONDS", 0.0)
    [told] = await room.say(AD, by="后来的")
    assert told.endswith("\n（前面来得太多，没有逐条说：#5、#6）")
    [told] = await room.say(AD, by="再后来的")
    assert "没有逐条说" not in told


async def test_a_doubt_is_for_the_admins(room: Room) -> None:
    [asked] = await room.say(DOUBT, by="贾", message_id="doubt")
    assert asked == "#1 这条像广告，管理员看一下：/移除 1 或 /误判 1"
    assert room.platform.recalled == []
    assert await order(room, "/移除 1") == "#1 已撤回。"
    assert room.platform.recalled == ["doubt"]


async def test_a_quoted_ad_does_not_condemn_who_quotes_it(room: Room) -> None:
    await room.say(AD, by="贾", message_id="ad")
    assert await room.say("这是骗人的吧，大家小心", by="安", quote="ad") == []
    assert room.platform.recalled == ["ad"]
    assert engine(room).seen[-1].text == "这是骗人的吧，大家小心"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OWNER])
async def test_an_admin_is_never_acted_against(room: Room, role: Role) -> None:
    assert await room.say(AD, by="陈", role=role) == []
    assert room.platform.recalled == []
    assert (await decision(room))["step"] == "note"


async def test_other_bots_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded(monkeypatch, bots=[f"{PLATFORM}:播报"]) as room:
        seen = len(engine(room).seen)
        await room.say(AD, by="播报")
        await room.say(AD, by="bot")
        assert room.platform.recalled == []
        assert len(engine(room).seen) == seen


async def test_an_operator_is_found_out_before_anything_is_done(room: Room) -> None:
    # The platform calls them a member; the house knows better, so not even this one is stopped.
    assert await room.say(AD, by="远", mention=True) == [AD]
    assert room.platform.recalled == []
    assert (await decision(room))["step"] == "note"
    assert json.loads((await decision(room))["outcome"]) == {"spared": True}


async def test_a_helper_of_the_admins_is_not_stopped_either(room: Room) -> None:
    grant = (Text("/权限 "), Mention(f"{PLATFORM}:安", "安"), Text(" 管理"))
    await room._replies(room.message("", by="陈", role=Role.OWNER, parts=grant))
    assert await room.say(AD, by="安", mention=True) == [AD]
    assert await room.say(AD, by="贾", mention=True) != [AD]
    assert len(room.platform.recalled) == 1


async def test_whose_role_nobody_tells_is_asked_about(room: Room) -> None:
    assert await room.say(AD, by="贾", role=Role.UNKNOWN) == ["#1 这条像广告，管理员看一下：/移除 1 或 /误判 1"]
    assert room.platform.recalled == []


async def test_a_trusted_member_is_asked_about(room: Room) -> None:
    for number in range(5):
        await room.say(f"第 {number} 条认真讨论问题的话", by="安")
    assert await room.say(AD, by="安") == ["#1 这条像广告，管理员看一下：/移除 1 或 /误判 1"]
    assert await room.say("刷屏", by="安") == ["#2 这条像广告，管理员看一下：/移除 2 或 /误判 2"]
    assert room.platform.recalled == []
    assert await room.say("这是重复的微信", by="安", message_id="again") != []
    assert room.platform.recalled == ["again"]


@pytest.mark.parametrize("text", ["嗯", "好的", "👍👍👍👍👍👍👍👍", "/回 一二三四五六七八"])
async def test_small_talk_earns_no_trust(room: Room, text: str) -> None:
    for _ in range(6):
        await room.say(text, by="安")
    await room.say(AD, by="安", message_id="ad")
    assert room.platform.recalled == ["ad"]


async def test_one_text_again_and_again_earns_no_trust(room: Room) -> None:
    for _ in range(9):
        await room.say("大家早上好，今天天气不错", by="安")
    assert engine(room).seen[-1].real == 1


@pytest.mark.parametrize(("highest", "recalled"), [("记录", []), ("询问", []), ("撤回", ["ad1", "ad2"])])
async def test_a_group_says_how_far_it_goes(room: Room, highest: str, recalled: list[str]) -> None:
    await room.set(Spam, highest=highest)
    await room.say(AD, by="贾", message_id="ad1")
    await room.say(AD, by="贾", message_id="ad2")
    assert room.platform.recalled == recalled
    assert room.platform.muted == {}


async def test_what_the_platform_refuses_is_told_to_the_admins(room: Room) -> None:
    room.platform.refuses["recall"] = AdapterError("平台不让撤回别人的消息")
    [told] = await room.say(AD, by="贾")
    assert told == "#1 有一条广告我撤不了（平台不让撤回别人的消息），请管理员撤回；弄错了就发 /误判 1。"
    row = await decision(room)
    assert (row["verdict"], row["step"]) == ("act", "ask")
    assert json.loads(row["outcome"])["failed"] == ["recall: 平台不让撤回别人的消息"]
    assert (await order(room, "/防广告 待审")).startswith("等你们看的有 1 条：\n#1 ")


async def test_what_nobody_saw_happen_is_told_to_the_admins_as_well(room: Room) -> None:
    room.platform.refuses["recall"] = AdapterError("平台说好了，但没有看到生效", ambiguous=True)
    [told] = await room.say(AD, by="贾")
    assert told == ("#1 有一条广告我撤不了（平台说好了，但没有看到生效），请管理员撤回；弄错了就发 /误判 1。")
    assert "撤回成没成不确定（平台说好了，但没有看到生效）" in await order(room, "/为什么 1")


async def test_a_mute_that_is_refused_is_said(room: Room) -> None:
    await room.say(AD, by="贾")
    room.platform.refuses["mute"] = AdapterError("没有权限")
    [told] = await room.say(AD, by="贾")
    assert "，禁言没成功，请管理员看看。" in told
    assert "本人发 /申诉 2" in told


async def test_who_is_muted_is_shown_a_way_to_be_heard(room: Room) -> None:
    await room.say(AD, by="贾")
    [told] = await room.say(AD, by="贾")
    assert "本人私聊我发 /申诉 2 理由" in told


async def test_a_group_of_its_own_is_asked_about_who_does_not_stop(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "IN_FLIGHT_SECONDS", 0.0)
    for _ in range(2):
        await room.say(AD, by="贾")
    said = await room.say(AD, by="贾")
    assert said[-1].endswith("\nTA 一再发广告，要移出群请管理员发：/移除 3 踢出")
    assert room.platform.kicked == {}


async def test_what_a_kill_left_open_is_brought_back_too(room: Room) -> None:
    await room.say(AD, by="安")
    await room.say(AD, by="安")
    # As it stands in the table before anything was done.
    change = "update spam_decisions set outcome = ? where id = 2"
    await room.app.store.write(lambda db: db.execute(change, ['{"struck": true, "seconds": 600}']).rowcount)
    said = await room.say("/误判 2", by="博", role=ADMIN)
    assert said[0] == f"安 说：{AD}"
    assert said[1].startswith("好，#2 是误判：禁言解除了、原话发回群里了、这样的话以后放行。")
    assert "撤没撤成我没等到结果" in said[1]
    assert room.platform.muted == {f"{PLATFORM}:安": 0}


# --- what it looks at -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        Card("加微信领红包", "https://x.example"),
        Card("课程", "https://微信.example"),
        Forward("f", ((Text("加微信"),),)),
        Forward("f", ((Forward("g", ((Text("加微信"),),)),),)),
        Forward("f", ((Card("微信名片"),),)),
    ],
)
async def test_cards_and_merged_messages_are_read(room: Room, part: Card | Forward) -> None:
    await room._replies(room.message("", by="贾", parts=(part,), message_id="ad"))
    assert room.platform.recalled == ["ad"]


async def test_merged_messages_without_end_are_read_for_a_while(room: Room) -> None:
    deep: Forward = Forward("x", ((Text("加微信"),),))
    for _ in range(300):
        deep = Forward("x", ((deep,), (Text("甲" * 5000),)))
    await room._replies(room.message("", by="贾", parts=(deep,)))
    assert sum(map(len, engine(room).seen[-1].forwarded)) <= 20_000


async def test_a_long_message_is_cut_for_the_engine(room: Room) -> None:
    await room.say("长" * 60_000 + "微信", by="贾", message_id="ad")
    assert len(engine(room).seen[-1].text) <= 20_001
    assert room.platform.recalled == ["ad"]


async def test_a_broken_engine_lets_messages_pass(room: Room) -> None:
    assert await room.say("引擎坏掉", by="安", mention=True) == ["引擎坏掉"]
    assert await room.say(AD, by="贾", message_id="ad") == [NOTICE]


# --- undone -----------------------------------------------------------------------------------


async def test_a_wrong_decision_is_taken_back_and_the_text_passes_next_time(room: Room) -> None:
    await room.say(AD, by="安", message_id="a")
    await room.say(AD, by="安", message_id="b")
    assert room.platform.muted == {f"{PLATFORM}:安": 600}
    said = await room.say("/误判 2", by="博", role=ADMIN)
    assert said == [f"安 说：{AD}", "好，#2 是误判：禁言解除了、原话发回群里了、这样的话以后放行。"]
    assert room.platform.muted == {f"{PLATFORM}:安": 0}
    assert await room.say(AD, by="安", message_id="c") == []
    assert await room.say(AD.upper() + "  ", by="丁", message_id="d") == []
    assert room.platform.recalled == ["a", "b"]


async def test_what_is_said_again_calls_nobody_and_is_word_for_word(room: Room) -> None:
    text = "加微信 https://a.example/b?c=1 @全体成员 [CQ:at,qq=all] 谢谢@张三"
    await room.say(text, by="安")
    said = await room.say("/误判 1", by="博", role=ADMIN)
    assert said[0] == "安 说：加微信 https://a.example/b?c=1 ＠ 全体成员 ［CQ:at,qq=all] 谢谢@张三"


async def test_what_cannot_be_brought_back_is_said(room: Room) -> None:
    message = room.message("", by="安", parts=(Text("加微信"), Image(url="http://x")))
    await room._replies(message)
    said = await room.say("/误判 1", by="博", role=ADMIN)
    assert said == ["安 说：加微信", "好，#1 是误判：原话发回群里了、这样的话以后放行。图片补不回来，请 TA 重新发。"]


async def test_a_mute_that_cannot_be_lifted_is_said_and_tried_again(room: Room) -> None:
    await room.say(AD, by="安")
    await room.say(AD, by="安")
    room.platform.refuses["mute"] = AdapterError("没有权限")
    said = await room.say("/误判 2", by="博", role=ADMIN)
    assert "禁言没有解开（没有权限），请手动解除" in said[-1]
    del room.platform.refuses["mute"]
    assert await room.say("/误判 2", by="博", role=ADMIN) == ["好，#2 是误判：禁言解除了、这样的话以后放行。"]
    assert await room.say("/误判 2", by="博", role=ADMIN) == ["#2 已经按误判处理过了。"]


async def test_an_earlier_mute_stays_where_another_decision_holds(room: Room) -> None:
    for text in (AD, AD + "一", AD + "二"):
        await room.say(text, by="安")
    said = await room.say("/误判 3", by="博", role=ADMIN)
    assert "禁言先留着" in said[-1]
    assert room.platform.muted == {f"{PLATFORM}:安": 600}


async def test_trust_and_strikes_come_back(room: Room) -> None:
    for number in range(4):
        await room.say(f"第 {number} 条认真讨论问题的话", by="安")
    await room.say(AD, by="安")
    await room.say("又一条认真讨论问题的话", by="安")
    assert engine(room).seen[-1].real == 0
    await room.say("/误判 1", by="博", role=ADMIN)
    await room.say("再一条认真讨论问题的话", by="安")
    assert engine(room).seen[-1].real == 5
    await room.say("另一个微信", by="安")
    assert room.platform.muted == {}


@pytest.mark.parametrize("words", ["误判", "误判。", "/误判"])
async def test_an_admin_may_quote_the_notice(room: Room, words: str) -> None:
    await room.say(AD, by="安")
    said = await room.say(words, by="博", role=ADMIN, quote=room.last_id)
    assert said[0] == f"安 说：{AD}"


async def test_an_admin_may_quote_the_message_itself(room: Room) -> None:
    await room.say(DOUBT, by="安", message_id="doubt")
    said = await room.say("/误判", by="博", role=ADMIN, quote="doubt")
    assert said == ["好，#1 是误判：这样的话以后放行。"]
    assert await room.say(DOUBT, by="安") == []


@pytest.mark.parametrize(
    "text", ["/误判 1", "/是广告 1", "/移除 1", "/防广告", "/防广告 关闭", "/误判 99", "/为什么 1"]
)
async def test_members_may_none_of_it(room: Room, text: str) -> None:
    await room.say(AD, by="贾", message_id="ad")
    assert await room.say(text, by="安") == ["只有管理员可以这样做。"]
    assert await room.say("误判", by="安", quote=room.last_id) in ([], ["只有管理员可以这样做。"])


async def test_a_number_that_is_not_there_is_said(room: Room) -> None:
    assert await order(room, "/误判 99") == "没有 #99。"
    assert await order(room, "/误判") == "要写编号，或者引用那条消息（或我说的那条）：/误判 128"
    assert await order(room, f"/误判 {'9' * 15}") == f"没有 #{'9' * 15}。"


async def test_a_decision_of_another_group_is_nobodys_here(room: Room) -> None:
    await room.say(AD, by="贾")
    assert await order(room, "/误判 1", group=room.other) == "没有 #1。"
    assert await order(room, "/为什么 1", group=room.other) == "没有 #1。"


# --- confirmed, removed, explained --------------------------------------------------------------


async def test_an_admin_points_at_an_ad(room: Room) -> None:
    await room.say("便宜出账号", by="贾", message_id="ad")
    assert await order(room, "/广告", quote="ad") == "好，#1 记作广告了：已撤回。"
    assert room.platform.recalled == ["ad"]
    assert [row["label"] for row in await room.rows("select label from spam_samples")] == ["spam"]
    assert await order(room, "/广告", quote="ad") == "#1 已经记作广告了。"


async def test_whom_an_admin_points_at_again_is_muted(room: Room) -> None:
    for number in range(2):
        await room.say(f"便宜出账号 {number}", by="贾", message_id=f"ad{number}")
        await order(room, "/广告", quote=f"ad{number}")
    assert room.platform.muted == {f"{PLATFORM}:贾": 600}


async def test_an_admin_is_not_pointed_at(room: Room) -> None:
    await room.say("便宜出账号", by="陈", role=Role.OWNER, message_id="ad")
    assert await order(room, "/广告", quote="ad") == "TA 是管理员，我不动。"
    assert await order(room, "/广告", quote="nothing") == "我没有听到过这条消息，请在客户端里处理。"
    assert await order(room, "/广告") == "请引用那条消息。"


async def test_a_member_is_removed_by_an_admins_word_alone(room: Room) -> None:
    await room.say(AD, by="贾")
    assert await order(room, "/移除 1") == "#1 已经撤回过了。要把人也移出：/移除 1 踢出"
    assert room.platform.kicked == {}
    assert await order(room, "/移除 1 踢出") == "#1 已撤回；已移出群。"
    assert room.platform.kicked == {f"{PLATFORM}:贾": False}
    assert await room.rows("select * from spam_samples") == []
    said = await room.say("/误判 1", by="博", role=ADMIN)
    assert "TA 已经被移出群" in said[-1]


async def test_why_is_told_to_admins_and_to_the_author(room: Room) -> None:
    await room.say(AD, by="贾")
    why = await order(room, "/为什么 1")
    assert why.startswith("#1 贾（")
    assert "＋3.0 留了联系方式" in why
    assert "97%" in why
    assert await room.say("/为什么 1", by="贾") == [why]


async def test_a_question_of_why_is_no_command(room: Room) -> None:
    assert await room.say("为什么 天是蓝的", by="安", mention=True) == ["为什么 天是蓝的"]


# --- modes ------------------------------------------------------------------------------------


async def test_a_new_group_is_watched_and_left_alone(shadow: Room) -> None:
    assert await shadow.say(AD, by="贾", mention=True) == [AD]
    assert await shadow.say(DOUBT, by="贾") == []
    assert shadow.platform.recalled == []
    rows = await shadow.rows("select mode, verdict, step from spam_decisions")
    assert rows == [
        {"mode": "shadow", "verdict": "act", "step": "note"},
        {"mode": "shadow", "verdict": "review", "step": "note"},
    ]
    told = await order(shadow, "/防广告")
    assert told.startswith(
        "防广告：影子。我只看不动手，开启后才会处理。\n最近 7 天：如果开启了会处理 1 条，拿不准 1 条"
    )


async def test_an_admins_own_word_is_done_in_the_shadow_too(shadow: Room) -> None:
    await shadow.say(AD, by="贾", message_id="ad")
    assert await order(shadow, "/是广告 1") == "好，#1 记作广告了：已撤回。"
    assert shadow.platform.recalled == ["ad"]


async def test_switching_on_tells_what_will_happen(shadow: Room) -> None:
    said = await order(shadow, "/防广告 开启")
    assert said.startswith("防广告开启了：广告先撤回并说明，再发就禁言 10 分钟")
    assert "/误判 编号" in said
    assert "/防广告 关闭" in said
    assert await order(shadow, "/防广告 开启") == "防广告本来就是开启。最多做到禁言，管理员的消息我不动。"


async def test_it_says_where_it_cannot_act(shadow: Room) -> None:
    shadow.platform.roles[shadow.group.id, "room:bot"] = Role.MEMBER
    assert "请先把我设成管理员" in await order(shadow, "/防广告 开启")


async def test_off_looks_at_nothing(room: Room) -> None:
    await order(room, "/防广告 关闭")
    seen = len(engine(room).seen)
    assert await room.say(AD, by="贾") == []
    assert len(engine(room).seen) == seen
    assert await room.rows("select * from spam_decisions") == []


async def test_the_mode_outlives_a_restart(room: Room) -> None:
    await room.restart()
    await room.say(AD, by="贾", message_id="ad")
    assert room.platform.recalled == ["ad"]


@pytest.mark.parametrize("text", ["/防广告", "/帮助", f"/防广告 名单 拦截 {AD}", "/防广告 待审"])
async def test_admins_are_obeyed_whatever_the_guard_thinks(room: Room, text: str) -> None:
    assert await room.say(f"{text}", by="博", role=ADMIN) != []
    assert await room.say(f"{text}", by="远") != []
    assert room.platform.recalled == []


async def test_an_ad_in_a_command_goes_all_the_same(room: Room) -> None:
    await room.say(f"/回 {AD}", by="贾", message_id="ad")
    assert room.platform.recalled == ["ad"]


async def test_nothing_is_watched_in_a_direct_chat(room: Room) -> None:
    dm = Group(f"{PLATFORM}:dm:贾", direct=True)
    seen = len(engine(room).seen)
    await room.say(AD, by="贾", group=dm)
    assert len(engine(room).seen) == seen


async def test_forgetting_takes_a_member_out_everywhere(room: Room) -> None:
    for number in range(2):
        await room.say(f"第 {number} 条认真讨论问题的话", by="贾")
    await room.say(AD, by="贾")
    await room.say("/忘记我 确认", by="贾")
    await room.restart()
    for table in ("spam_decisions", "spam_members", "spam_reports", "spam_samples", "spam_appeals", "spam_groups"):
        rows = await room.rows(f"select * from {table}")  # noqa: S608 - the names above
        assert not [row for row in rows if "贾" in str(row)]
    assert AD not in str(await room.rows("select * from spam_decisions"))
    assert await room.rows("select * from spam_forgotten") == []


def test_the_parts_of_a_report_are_harmless() -> None:
    assert safe("点 https://a.b-c.com/x?y=1 和 www.x.cn\n@全体成员 [CQ:at,qq=all] \u202e倒\u200b") == (
        "点 hxxps[:]//a[.]b-c[.]com/x?y=1 和 www[.]x[.]cn ＠全体成员 ［CQ:at,qq=all] 倒"
    )
    assert len(safe("长" * 5000)) == 301
