"""What tests of OneBot frames share: our account, a message to vary, and any JSON value."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bot.adapters.onebot_events import View, parse
from bot.adapters.onebot_frames import Body
from bot.types import Account, Message

US = Account("qq:10001000", ("小鹏", "鹏助理"))
NOW = 1795000000.0
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


def view() -> View:
    return View(Account("qq:10001000", ("小鹏",)), {"qq:10001000", "qq:10002000"}, {"20001": US})


def body(**fields: Any) -> Body:
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
    event = parse(body(**fields), view(), NOW)
    assert isinstance(event, Message)
    return event
