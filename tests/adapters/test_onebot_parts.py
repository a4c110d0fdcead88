"""Parts of a message of OneBot v11, as received and as sent."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.onebot_events import parse
from bot.adapters.onebot_frames import load
from bot.adapters.onebot_parts import cq, nodes, write
from bot.types import EVERYONE, Card, Face, File, Forward, Image, Mention, Message, Other, Part, Text
from tests.adapters.onebot_bodies import NOW, US, body, heard, view
from tests.peers.onebot import encode, escape


def parts(message: object) -> tuple[Part, ...]:
    return heard(message=message).parts


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
        File("latest.log", size=2048, id="file_id=%2Fx"),
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
        event = parse(load(frame), view(), NOW)
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


# --- CQ strings ---------------------------------------------------------------------------


@given(st.text())
def test_text_survives_a_cq_string(text: str) -> None:
    assert "".join(segment["data"]["text"] for segment in cq(escape(text))) == text


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(), max_size=4))
def test_values_survive_a_cq_string(data: dict[str, str]) -> None:
    assert cq(encode([{"type": "x", "data": data}])) == [{"type": "x", "data": data}]


@pytest.mark.parametrize("text", ["[CQ:", "[CQ:at", "[CQ:]", "[CQ:,]", "[cq:at,qq=1]", "[[CQ:at,qq=1"])
def test_what_is_no_code_is_text(text: str) -> None:
    assert parts(text) == (Text(text),)


def test_a_hostile_string_takes_no_time() -> None:
    assert len(cq("[CQ:a," * 100_000)) == 1
    assert len(cq("[CQ:a," + "," * 500_000)) == 1


# --- what is sent -------------------------------------------------------------------------


def test_written_parts() -> None:
    written = write(
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
    assert write((Text(""), Other("x"), Image()), "5") == []


def test_a_person_alone_is_named_not_mentioned() -> None:
    assert write((Mention("qq:3", "林"), Text("好")), mentions=False) == [
        {"type": "text", "data": {"text": "@林"}},
        {"type": "text", "data": {"text": "好"}},
    ]


def test_what_has_no_segment_is_told_in_words() -> None:
    forward = Forward("x", ((Text("一"), Face("1")), (Card("题", "https://a.example"),)))
    assert write((forward,)) == [{"type": "text", "data": {"text": "一\n题 https://a.example"}}]


@given(
    st.lists(st.builds(Text, st.text(min_size=1)) | st.builds(Mention, st.integers(1).map("qq:{}".format)), min_size=1)
)
def test_what_is_sent_is_what_is_read(said: list[Part]) -> None:
    frame = orjson.dumps(body(message=write(said)))
    event = parse(load(frame), view(), NOW)
    assert isinstance(event, Message)
    mentioned = [part.id for part in said if isinstance(part, Mention)]
    assert [part.id for part in event.parts if isinstance(part, Mention)] == mentioned
    assert event.text.replace(" ", "") == "".join(part.text for part in said if isinstance(part, Text)).replace(" ", "")


def test_merged_messages_are_nodes_in_our_name() -> None:
    merged = Forward("", ((Mention("qq:30002", "阿明"), Text("看这里 [CQ:at,qq=all]")), (Other("?"),), (Text("完"),)))
    written = nodes(merged, US)
    assert [node["type"] for node in written] == ["node", "node"], "what shows nothing is no message"
    data = written[0]["data"]
    assert (data["user_id"], data["uin"], data["nickname"], data["name"]) == (
        "10001000",
        "10001000",
        "鹏助理",
        "鹏助理",
    )
    # Inside merged messages nobody is called.
    assert data["content"] == [
        {"type": "text", "data": {"text": "@阿明"}},
        {"type": "text", "data": {"text": "看这里 [CQ:at,qq=all]"}},
    ]
    assert nodes(Forward(""), US) == []
