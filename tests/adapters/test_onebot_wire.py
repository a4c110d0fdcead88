"""The codec of OneBot v11, without a socket."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import onebot_wire as wire
from bot.types import (
    EVERYONE,
    Account,
    AccountChanged,
    Card,
    Event,
    Face,
    File,
    Forward,
    FriendRequest,
    Group,
    Image,
    JoinRequest,
    Member,
    MemberJoined,
    MemberLeft,
    Mention,
    Message,
    Muted,
    Other,
    Part,
    Reaction,
    Recalled,
    Role,
    Text,
)
from tests.peers.onebot import encode, escape

US = Account("qq:10001000", ("小鹏", "鹏助理"))
FRAMES = [json.loads(line) for line in (Path(__file__).parent / "onebot_frames.jsonl").read_text().splitlines()]
NOW = 1795000000.0


def view() -> wire.View:
    return wire.View(Account("qq:10001000", ("小鹏",)), {"qq:10001000", "qq:10002000"}, {"20001": US})


def body(**fields: Any) -> wire.Body:
    return {
        "post_type": "message",
        "message_type": "group",
        "time": 1795400000,
        "message_id": 7,
        "group_id": 20001,
        "user_id": 30003,
        "sender": {"nickname": "小林", "card": "林", "role": "admin"},
        "message": [{"type": "text", "data": {"text": "早"}}],
    } | fields


def heard(**fields: Any) -> Message:
    event = wire.parse(body(**fields), view(), NOW)
    assert isinstance(event, Message)
    return event


def seen(kind: str, **fields: Any) -> Event | None:
    return wire.parse({"post_type": "notice", "notice_type": kind, "time": 5, "group_id": 20001} | fields, view(), NOW)


def parts(message: object) -> tuple[Part, ...]:
    return heard(message=message).parts


@pytest.mark.parametrize("case", FRAMES, ids=[case["name"] for case in FRAMES])
def test_every_frame_becomes_what_it_should(case: dict[str, Any]) -> None:
    data = case["raw"].encode() if "raw" in case else json.dumps(case["frame"], ensure_ascii=False).encode()
    try:
        frame = wire.load(data)
        event = wire.parse(frame, view(), NOW) if "post_type" in frame else None
        became = type(event).__name__ if event else None
    except wire.Malformed:
        became = "Malformed"
    assert became == case["becomes"]


def test_a_group_message_whole() -> None:
    assert heard(group_name="茶馆") == Message(
        group=Group("qq:20001", "茶馆"),
        account=US,
        time=1795400000.0,
        id="7",
        member=Member("qq:30003", "林", Role.ADMIN),
        parts=(Text("早"),),
    )


@pytest.mark.parametrize(
    ("sender", "name", "role"),
    [
        ({"nickname": "小林", "card": None, "role": "owner"}, "小林", Role.OWNER),
        ({"nickname": "小林", "card": " ", "role": "member"}, "小林", Role.MEMBER),
        ({"nickname": "小林", "card": "林", "role": "unknown"}, "林", Role.UNKNOWN),
        ({"nickname": 5}, "", Role.UNKNOWN),
        ({"role": ["owner"]}, "", Role.UNKNOWN),
        (None, "", Role.UNKNOWN),
    ],
)
def test_names_and_roles_are_best_effort(sender: object, name: str, role: Role) -> None:
    assert heard(sender=sender).member == Member("qq:30003", name, role)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(1795400000123, 1795400000.123), ("1795400000", 1795400000.0), (None, NOW), (-1, NOW), (True, NOW), (1e300, NOW)],
)
def test_time_is_in_seconds(given: object, expected: float) -> None:
    assert heard(time=given).time == expected


def test_a_temporary_session_is_direct_although_it_names_a_group() -> None:
    event = heard(message_type="private", sub_type="group", sender={"nickname": "小林"})
    assert event.group == Group("qq:dm:30003", "小林", direct=True)
    assert wire.source(body()) == "20001"
    assert wire.source(body(group_id=284840486)) is None


@pytest.mark.parametrize("user", [10001000, "10001000", 10002000])
def test_what_one_of_our_accounts_said_is_no_event(user: object) -> None:
    assert wire.parse(body(user_id=user), view(), NOW) is None


def test_parts() -> None:
    message = [
        {"type": "reply", "data": {"id": -5}},
        {"type": "at", "data": {"qq": 30002, "name": "@阿明"}},
        {"type": "at", "data": {"qq": "10001000"}},
        {"type": "at", "data": {"qq": "all"}},
        {"type": "text", "data": {"text": 5}},
        {"type": "face", "data": {"id": 178, "raw": {"x": None}}},
        {"type": "mface", "data": {"emoji_id": "ab"}},
        {"type": "record", "data": {"file": "a.amr", "url": "/root/.config/QQ/a.amr"}},
        {"type": "file", "data": {"file": "C:\\tmp\\latest.log", "file_id": "/x", "file_size": "2048"}},
        {"type": "markdown", "data": {"content": "# 你好"}},
        {"type": "hologram", "data": {}},
    ]
    event = heard(message=message)
    assert event.quote == "-5"
    assert event.parts == (
        Mention("qq:30002", "阿明"),
        Mention("qq:10001000", "鹏助理"),
        Mention(EVERYONE),
        Text("5"),
        Face("178"),
        Face("ab"),
        File("a.amr"),
        File("latest.log", size=2048),
        Text("# 你好"),
        Other("hologram"),
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"file": "A.jpg", "url": "https://img.example/a"}, Image(url="https://img.example/a", name="A.jpg")),
        ({"file": "https://img.example/a", "filename": "a.jpg"}, Image(url="https://img.example/a", name="a.jpg")),
        ({"file": "file:///etc/passwd"}, Image(name="passwd")),
        ({"file": "base64://AAAA", "url": "file:///etc/passwd"}, Image()),
        ({"url": "javascript:alert(1)"}, Image()),
        ({"file": "a.gif", "url": "https://img.example/f", "emoji_id": "ab", "emoji_package_id": 2}, Face("ab")),
    ],
)
def test_pictures_are_addresses_and_never_paths(data: object, expected: Part) -> None:
    assert parts([{"type": "image", "data": data}]) == (expected,)


def test_cards() -> None:
    raw = (
        '{"prompt":"[小程序]领券","meta":{"d":{"title":"券","qqdocurl":"https://a.example/?x=1"}},"pad":"' + "长" * 4000
    )
    (whole,) = parts([{"type": "json", "data": {"data": raw + '"}'}}])
    assert isinstance(whole, Card)
    assert (whole.title, whole.url) == ("[小程序]领券", "https://a.example/?x=1")
    assert len(whole.raw.encode()) <= 4096
    assert raw.startswith(whole.raw)
    (broken,) = parts([{"type": "json", "data": {"data": raw}}])
    assert isinstance(broken, Card)
    assert broken.title == ""
    assert broken.raw == whole.raw
    xml = '<msg brief="[分享]&amp;" url="https://a.example/?x=1&amp;y=2"><title>新闻</title></msg>'
    (card,) = parts([{"type": "xml", "data": {"data": xml}}])
    assert card == Card("[分享]&", "https://a.example/?x=1&y=2", xml)
    (share,) = parts([{"type": "share", "data": {"title": "页", "url": "https://a.example"}}])
    assert share == Card("页", "https://a.example", '{"title":"页","url":"https://a.example"}')


def test_a_card_nested_beyond_reason_hides_nothing_else() -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    for word in ("json", "share", "text", "hologram"):
        frame = orjson.dumps(body()).replace(
            b'"message":[', b'"message":[{"type":"%s","data":{"data":%s,"text":%s}},' % (word.encode(), deep, deep)
        )
        event = wire.parse(wire.load(frame), view(), NOW)
        assert isinstance(event, Message)
        assert event.text == "早"


def test_forwards_nest_three_deep() -> None:
    message: Any = [{"type": "text", "data": {"text": "底"}}]
    for level in range(5):
        message = [{"type": "forward", "data": {"id": level, "content": [{"message": message}, {"message": 5}]}}]
    (part,) = parts(message)
    for _ in range(3):
        assert isinstance(part, Forward)
        assert part.messages[1] == (Other("node"),)
        ((part,), _) = part.messages
    assert part == Forward("1")


def test_nodes_of_both_spellings() -> None:
    text = [{"type": "text", "data": {"text": "内"}}]
    nodes = [{"type": "node", "data": {"content": text}}, {"content": "[CQ:face,id=1]"}, None]
    (part,) = parts([{"type": "forward", "data": {"id": "x", "content": nodes}}])
    assert part == Forward("x", ((Text("内"),), (Face("1"),), (Other("node"),)))


def test_notices() -> None:
    member = Member("qq:30003")
    scene: dict[str, Any] = {"group": Group("qq:20001"), "account": US, "time": 5.0}
    boss = Member("qq:30001")
    assert seen("group_increase", user_id=30003, operator_id=0) == MemberJoined(**scene, member=member)
    assert seen("group_decrease", user_id=30003, operator_id=30003) == MemberLeft(**scene, member=member)
    assert seen("group_decrease", user_id=30003, operator_id=30001) == MemberLeft(**scene, member=member, operator=boss)
    assert seen("group_recall", user_id=30003, operator_id=30001, message_id=-9) == Recalled(
        **scene, message_id="-9", member=member, operator=boss
    )
    assert seen("group_increase", user_id=10001000) == AccountChanged(**scene, online=True, reason="加入了该群")
    kicked = seen("group_decrease", user_id=0, sub_type="kick_me")
    assert kicked == AccountChanged(**scene, online=False, reason="被移出了该群")
    assert seen("group_increase", user_id=10002000) is None
    offline = seen("bot_offline", user_id=10001000, message="登录已失效\n请重新登录", group_id=None)
    assert isinstance(offline, AccountChanged)
    assert (offline.group.id, offline.reason) == ("qq:*", "账号掉线：登录已失效 请重新登录")


@pytest.mark.parametrize(
    ("fields", "member", "seconds"),
    [
        ({"user_id": 30003, "sub_type": "ban", "duration": "600"}, Member("qq:30003"), 600),
        ({"user_id": 30003, "sub_type": "lift_ban", "duration": 600}, Member("qq:30003"), 0),
        ({"user_id": 30003, "duration": 0}, Member("qq:30003"), 0),
        ({"user_id": 0, "sub_type": "ban", "duration": -1}, None, None),
        ({"user_id": 0, "sub_type": "lift_ban", "duration": 0}, None, 0),
    ],
)
def test_mutes(fields: dict[str, Any], member: Member | None, seconds: int | None) -> None:
    event = seen("group_ban", **fields)
    assert isinstance(event, Muted)
    assert (event.member, event.seconds) == (member, seconds)


def test_reactions_in_both_spellings() -> None:
    one = seen("group_msg_emoji_like", user_id=30003, message_id=9, likes=[{"emoji_id": "76"}], is_add=True)
    two = seen("reaction", operator_id=30003, message_id=9, code="76", sub_type="add")
    assert isinstance(one, Reaction)
    assert one == two
    assert (one.message_id, one.emoji, one.added) == ("9", "76", True)
    gone = seen("reaction", operator_id=30003, message_id=9, code="76", sub_type="remove")
    assert isinstance(gone, Reaction)
    assert not gone.added


def test_requests() -> None:
    asked = {"post_type": "request", "request_type": "group", "sub_type": "add", "group_id": 20001, "user_id": 0}
    event = wire.parse(asked | {"comment": "暗号", "flag": "20001|5"}, view(), NOW)
    assert isinstance(event, JoinRequest)
    assert (event.member.id, event.comment, event.flag, event.invited) == ("qq:0", "暗号", "20001|5", False)
    friend = wire.parse({"post_type": "request", "request_type": "friend", "user_id": 3, "flag": 17}, view(), NOW)
    assert isinstance(friend, FriendRequest)
    assert (friend.group.id, friend.comment, friend.flag) == ("qq:dm:3", "", "17")


# --- CQ strings ---------------------------------------------------------------------------


@given(st.text())
def test_text_survives_a_cq_string(text: str) -> None:
    assert "".join(segment["data"]["text"] for segment in wire.cq(escape(text))) == text


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(), max_size=4))
def test_values_survive_a_cq_string(data: dict[str, str]) -> None:
    assert wire.cq(encode([{"type": "x", "data": data}])) == [{"type": "x", "data": data}]


@pytest.mark.parametrize("text", ["[CQ:", "[CQ:at", "[CQ:]", "[CQ:,]", "[cq:at,qq=1]", "[[CQ:at,qq=1"])
def test_what_is_no_code_is_text(text: str) -> None:
    assert parts(text) == (Text(text),)


def test_a_hostile_string_takes_no_time() -> None:
    assert len(wire.cq("[CQ:a," * 100_000)) == 1
    assert len(wire.cq("[CQ:a," + "," * 500_000)) == 1


# --- whatever comes -----------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "data", "qq", "id", "content", "message", "text", "file", "url", "meta"]), inner
        )
    ),
    max_leaves=12,
)
words = {
    "post_type": ["message", "notice", "request"],
    "message_type": ["group", "private"],
    "notice_type": list(wire.READERS["notice"]),
    "request_type": ["friend", "group"],
}
fields = {name: st.sampled_from(known) | values for name, known in words.items()} | dict.fromkeys(
    ["time", "group_id", "user_id", "operator_id", "message_id", "sender", "duration", "likes", "flag", "comment"],
    values | st.integers(0, 3),
)
segments = st.lists(st.fixed_dictionaries({"type": st.sampled_from(list(wire.MAKERS)), "data": values}), max_size=4)


@given(st.fixed_dictionaries({}, optional=fields | {"message": segments | values}))
def test_no_frame_raises_anything_but_malformed(frame: dict[str, Any]) -> None:
    try:
        event = wire.parse(frame, view(), NOW)
    except wire.Malformed:
        return
    assert event is None or event.group.id.startswith("qq:")
    assert len(wire.kind(frame)) <= 80


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_malformed(data: bytes) -> None:
    try:
        assert isinstance(wire.load(data), dict)
    except wire.Malformed:
        return


@pytest.mark.parametrize("data", [b'{"a":"\\ud83d"}', b'{"a":"\\ude00x"}', b'{"a":"\xff"}', b'{"a":"\\ud83d\\ud83d"}'])
def test_half_a_character_hides_no_frame(data: bytes) -> None:
    assert "\ufffd" in wire.load(data)["a"]
    assert wire.load(b'{"a":"\\ud83d\\ude00\\ud83d"}') == {"a": "😀\ufffd"}


def test_a_frame_beyond_reason_is_not_read() -> None:
    with pytest.raises(wire.Malformed, match="size"):
        wire.load(b" " * (wire.LARGEST + 1))


# --- answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reason", "ambiguous"),
    [
        ({"status": "ok", "retcode": 0, "data": 1}, "", False),
        ({"status": "ok", "retcode": "0", "data": 1}, "", False),
        ({"status": "async", "retcode": 1}, "", False),
        ({"status": "failed", "retcode": 0, "message": "不行"}, "不行", False),
        ({"status": "ok", "retcode": 1200, "wording": "不\n行"}, "不 行", False),
        ({"status": "failed", "retcode": -1, "msg": "坏了"}, "坏了", False),
        ({"status": "failed", "retcode": 5}, "没有说明原因（5）", False),
        ({}, "没有说明原因", False),
        ({"status": "failed", "retcode": 110}, "本账号已经不在该群", False),
        (
            {"status": "failed", "retcode": 1200, "message": 'EventRet:\n{"result": 120, "errMsg": ""}'},
            '本账号在该群被禁言（EventRet: {"result": 120, "errMsg": ""}）',
            False,
        ),
        ({"retcode": 1200, "message": 'Timeout: NTEvent x/sendMsg "result": 0'}, "QQ 没有确认", True),
        ({"retcode": 1404, "message": "x"}, "这个 OneBot 实现不支持该操作（x）", False),
    ],
)
def test_answers(said: dict[str, Any], reason: str, ambiguous: bool) -> None:
    answer = wire.answer(said)
    assert answer.reason.startswith(reason)
    assert bool(answer.reason) == bool(reason)
    assert answer.ambiguous == ambiguous
    assert answer.muted == reason.startswith("本账号在该群被禁言")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["status", "retcode", "message", "wording", "msg"], values)))
def test_any_answer_has_one_short_line(said: dict[str, Any]) -> None:
    reason = wire.answer(said).reason
    assert len(reason) <= 200
    assert len(reason.splitlines()) <= 1


# --- what is sent -------------------------------------------------------------------------


def test_written_parts() -> None:
    written = wire.write(
        (
            Mention("qq:30003", "林"),
            Text("好[CQ:at,qq=all]"),
            Image(data=b"png"),
            Face("76"),
            Mention(EVERYONE),
            Text(""),
        ),
        "-5",
    )
    assert written == [
        {"type": "reply", "data": {"id": "-5"}},
        {"type": "at", "data": {"qq": "30003"}},
        {"type": "text", "data": {"text": " 好[CQ:at,qq=all]"}},
        {"type": "image", "data": {"file": "base64://" + base64.b64encode(b"png").decode()}},
        {"type": "face", "data": {"id": "76"}},
        {"type": "at", "data": {"qq": "all"}},
    ]


def test_nothing_to_show_is_nothing_to_send() -> None:
    assert wire.write((Text(""), Other("x"), Image()), "5") == []


def test_a_person_alone_is_named_not_mentioned() -> None:
    assert wire.write((Mention("qq:3", "林"), Text("好")), mentions=False) == [
        {"type": "text", "data": {"text": "@林"}},
        {"type": "text", "data": {"text": "好"}},
    ]


def test_what_has_no_segment_is_told_in_words() -> None:
    forward = Forward("x", ((Text("一"), Face("1")), (Card("题", "https://a.example"),)))
    assert wire.write((forward,)) == [{"type": "text", "data": {"text": "一\n题 https://a.example"}}]


@given(
    st.lists(st.builds(Text, st.text(min_size=1)) | st.builds(Mention, st.integers(1).map("qq:{}".format)), min_size=1)
)
def test_what_is_sent_is_what_is_read(said: list[Part]) -> None:
    frame = orjson.dumps(body(message=wire.write(said)))
    event = wire.parse(wire.load(frame), view(), NOW)
    assert isinstance(event, Message)
    mentioned = [part.id for part in said if isinstance(part, Mention)]
    assert [part.id for part in event.parts if isinstance(part, Mention)] == mentioned
    assert event.text.replace(" ", "") == "".join(part.text for part in said if isinstance(part, Text)).replace(" ", "")


def test_half_a_character_is_sent_as_a_question_mark() -> None:
    assert wire.dump({"a": "x\ud83d"}) == b'{"a": "x?"}'
