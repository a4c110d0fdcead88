"""Bytes of OneBot v11 are read and written, and answers to calls are judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.onebot_frames import LARGEST, Malformed, answer, dump, load
from tests.adapters.onebot_bodies import values


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_malformed(data: bytes) -> None:
    try:
        assert isinstance(load(data), dict)
    except Malformed:
        return


@pytest.mark.parametrize("data", [b'{"a":"\\ud83d"}', b'{"a":"\\ude00x"}', b'{"a":"\xff"}', b'{"a":"\\ud83d\\ud83d"}'])
def test_half_a_character_hides_no_frame(data: bytes) -> None:
    assert "\ufffd" in load(data)["a"]
    assert load(b'{"a":"\\ud83d\\ude00\\ud83d"}') == {"a": "😀\ufffd"}


def test_a_frame_beyond_reason_is_not_read() -> None:
    with pytest.raises(Malformed, match="size"):
        load(b" " * (LARGEST + 1))


def test_half_a_character_is_sent_as_a_question_mark() -> None:
    assert dump({"a": "x\ud83d"}) == b'{"a": "x?"}'


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
        ({"retcode": 1200, "message": "waitForSelfEcho timeout"}, "QQ 没有确认：waitForSelfEcho", True),
        ({"retcode": 1200, "message": "转发消息超时"}, "QQ 没有确认：转发消息超时", True),
        ({"retcode": 100, "wording": "failed: recv packet timed out after 15000 ms"}, "QQ 没有确认", True),
        ({"retcode": 100, "wording": "send group message failed: no response"}, "QQ 没有确认", True),
        ({"retcode": 9000}, "QQ 没有确认", True),
        ({"retcode": 120, "message": "timeout"}, "本账号在该群被禁言（timeout）", False),
        ({"retcode": 1404, "message": "x"}, "这个 OneBot 实现不支持该操作（x）", False),
    ],
)
def test_answers(said: dict[str, Any], reason: str, ambiguous: bool) -> None:
    judged = answer(said)
    assert judged.reason.startswith(reason)
    assert bool(judged.reason) == bool(reason)
    assert judged.ambiguous == ambiguous
    assert judged.muted == reason.startswith("本账号在该群被禁言")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["status", "retcode", "message", "wording", "msg"], values)))
def test_any_answer_has_one_short_line(said: dict[str, Any]) -> None:
    reason = answer(said).reason
    assert len(reason) <= 200
    assert len(reason.splitlines()) <= 1
