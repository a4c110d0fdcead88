"""Frames of OneBot v11 become events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.onebot_events import READERS, further, parse, source
from bot.adapters.onebot_frames import Malformed, kind, load
from bot.adapters.onebot_memory import MOST
from bot.adapters.onebot_parts import MAKERS
from bot.types import (
    AccountChanged,
    CardChanged,
    Event,
    FriendRequest,
    Group,
    JoinRequest,
    Member,
    MemberJoined,
    MemberLeft,
    Message,
    Muted,
    Poked,
    Profile,
    Reaction,
    Recalled,
    Role,
    RoleChanged,
    Text,
)
from tests.adapters.onebot_bodies import NOW, US, body, heard, values, view

FRAMES = [json.loads(line) for line in (Path(__file__).parent / "onebot_frames.jsonl").read_text().splitlines()]


def seen(kind: str, **fields: Any) -> Event | None:
    return parse({"post_type": "notice", "notice_type": kind, "time": 5, "group_id": 20001} | fields, view(), NOW)


@pytest.mark.parametrize("case", FRAMES, ids=[case["name"] for case in FRAMES])
def test_every_frame_becomes_what_it_should(case: dict[str, Any]) -> None:
    data = case["raw"].encode() if "raw" in case else json.dumps(case["frame"], ensure_ascii=False).encode()
    try:
        frame = load(data)
        event = parse(frame, view(), NOW) if "post_type" in frame else None
        became = type(event).__name__ if event else None
    except Malformed:
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
    assert source(body()) == "20001"
    assert source(body(group_id=284840486)) is None


@pytest.mark.parametrize("user", [10001000, "10001000", 10002000])
def test_what_one_of_our_accounts_said_is_no_event(user: object) -> None:
    assert parse(body(user_id=user), view(), NOW) is None


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
        ({"user_id": 0, "sub_type": "ban", "duration": 0x7FFFFFFF}, None, None),
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


def test_several_reactions_in_one_notice() -> None:
    frame = {"post_type": "notice", "notice_type": "group_msg_emoji_like", "group_id": 20001, "user_id": 30003}
    frame |= {"message_id": 9, "is_add": True, "likes": [{"emoji_id": "76"}, 5, {"emoji_id": 128077}, {"count": 1}]}
    first = parse(frame, view(), NOW)
    assert isinstance(first, Reaction)
    assert [event.emoji for event in (first, *further(frame, first))] == ["76", "128077"]
    assert further({"likes": None}, first) == []


def test_cards_and_admins() -> None:
    renamed = seen("group_card", user_id=30003, card_old="旧", card_new=" 新\n名 ")
    assert isinstance(renamed, CardChanged)
    assert (renamed.member, renamed.before, renamed.after) == (Member("qq:30003", "新 名"), "旧", "新 名")
    assert seen("group_card", user_id=10001000, card_old="", card_new="鹏") is None
    promoted = seen("group_admin", user_id=30003, sub_type="set")
    assert isinstance(promoted, RoleChanged)
    assert (promoted.member, promoted.admin) == (Member("qq:30003", role=Role.ADMIN), True)
    ours = seen("group_admin", user_id=10001000, sub_type="unset")
    assert isinstance(ours, RoleChanged)
    assert (ours.member.id, ours.admin) == ("qq:10001000", False)


@pytest.mark.parametrize(
    ("fields", "group", "member", "ours"),
    [
        ({"user_id": 30003, "target_id": 10001000}, "qq:20001", "qq:30003", True),
        ({"user_id": 30003, "target_id": 10002000}, "qq:20001", "qq:30003", True),
        ({"user_id": 30003, "target_id": 30004}, "qq:20001", "qq:30003", False),
        ({"user_id": 0, "target_id": 10001000}, "qq:20001", "qq:0", True),
        ({"user_id": 30003, "target_id": 10001000, "group_id": None}, "qq:dm:30003", "qq:30003", True),
        ({"user_id": 30003, "sender_id": 30003, "target_id": 10001000, "group_id": 0}, "qq:dm:30003", "qq:30003", True),
    ],
)
def test_pokes(fields: dict[str, Any], group: str, member: str, ours: bool) -> None:
    event = seen("notify", sub_type="poke", **fields)
    assert isinstance(event, Poked)
    assert (event.group.id, event.member.id, event.ours) == (group, member, ours)
    assert event.group.direct == group.startswith("qq:dm:")


def test_our_own_pokes_are_no_event() -> None:
    assert seen("notify", sub_type="poke", user_id=10001000, target_id=30003) is None
    assert seen("notify", sub_type="poke", user_id=30003, sender_id=10001000, target_id=30003, group_id=None) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"notice_type": "group_card", "card_new": "x"},
        {"notice_type": "group_admin", "sub_type": "set"},
        {"notice_type": "group_admin", "sub_type": "unset"},
        {"notice_type": "group_ban", "sub_type": "ban", "duration": 60},
        {"notice_type": "group_decrease", "sub_type": "kick"},
    ],
)
def test_a_notice_of_a_change_drops_what_was_read_of_the_member(fields: dict[str, Any]) -> None:
    here = view()
    for member in ("qq:30003", "qq:30004"):
        here.learn("qq:20001", Profile(Member(member, "名")), until=1e18)
    parse({"post_type": "notice", "group_id": 20001, "user_id": 30003} | fields, here, NOW)
    assert list(here.profiles) == [("qq:20001", "qq:30004")]


def test_what_is_remembered_of_members_and_groups_never_tells_an_older_story() -> None:
    here = view()

    def told(**fields: Any) -> Message:
        event = parse(body(**fields), here, NOW)
        assert isinstance(event, Message)
        return event

    first = told(group_name="茶馆")
    assert told(group_name="茶馆").member is first.member
    assert told(group_name="茶楼").group == Group("qq:20001", "茶楼")
    assert told().group == Group("qq:20001")
    assert told(sender={"nickname": "小林", "role": "member"}).member == Member("qq:30003", "小林", Role.MEMBER)
    assert told().member == first.member


def test_memories_are_bounded() -> None:
    here = view()
    for n in range(MOST + 10):
        parse(body(user_id=40000 + n, group_id=50000 + n, group_name="群"), here, NOW)
    assert len(here.members) == len(here.groups) == MOST
    assert "qq:40000" not in here.members


def test_requests() -> None:
    asked = {"post_type": "request", "request_type": "group", "sub_type": "add", "group_id": 20001, "user_id": 0}
    event = parse(asked | {"comment": "暗号", "flag": "20001|5"}, view(), NOW)
    assert isinstance(event, JoinRequest)
    assert (event.member.id, event.comment, event.flag, event.invited) == ("qq:0", "暗号", "20001|5", False)
    friend = parse({"post_type": "request", "request_type": "friend", "user_id": 3, "flag": 17}, view(), NOW)
    assert isinstance(friend, FriendRequest)
    assert (friend.group.id, friend.comment, friend.flag) == ("qq:dm:3", "", "17")


# --- whatever comes -----------------------------------------------------------------------

words = {
    "post_type": ["message", "notice", "request"],
    "message_type": ["group", "private"],
    "notice_type": list(READERS["notice"]),
    "request_type": ["friend", "group"],
}
fields = {name: st.sampled_from(known) | values for name, known in words.items()} | dict.fromkeys(
    ["time", "group_id", "user_id", "operator_id", "message_id", "sender", "duration", "likes", "flag", "comment"],
    values | st.integers(0, 3),
)
segments = st.lists(st.fixed_dictionaries({"type": st.sampled_from(list(MAKERS)), "data": values}), max_size=4)


@given(st.fixed_dictionaries({}, optional=fields | {"message": segments | values}))
def test_no_frame_raises_anything_but_malformed(frame: dict[str, Any]) -> None:
    try:
        event = parse(frame, view(), NOW)
    except Malformed:
        return
    assert event is None or event.group.id.startswith("qq:")
    assert len(kind(frame)) <= 80
