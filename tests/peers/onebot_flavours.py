"""How implementations of OneBot v11 differ, as data: one `Flavour` each.

Read from their sources: NapCatQQ af074793, LuckyLilliaBot ab2b6aff, Lagrange.Core v1 e17fe356, SnowLuma a11c684,
go-cqhttp a5923f1 (with MiraiGo), onebots d09d51c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Body = dict[str, Any]

RECALL, MUTE, MUTE_ALL, KICK, RENAME, ADMIT = "recall", "mute", "mute_all", "kick", "rename", "admit"
ALL = frozenset({RECALL, MUTE, MUTE_ALL, KICK})


@dataclass(frozen=True)
class Flavour:
    """One implementation.

    words     what it answers to a failure: (retcode, text) by "act.kind", or by "kind" for every act
    pretends  acts that it answers with "ok" although nothing happened
    notices   acts of the bot itself of which it sends a notice
    lacks     actions it does not have
    """

    app: str
    token: Literal["header", "query"] = "header"
    scheme: str = "Bearer"
    bare: bool = True
    """It sends an Authorization header without a token too."""
    array: bool = True
    signed: bool = False
    """Its message ids may be negative."""
    likes: bool = True
    """Reactions come as group_msg_emoji_like, not as Lagrange's."""
    foreign_self: int | None = None
    """What it writes into a body's self_id instead of the header's, where it dials."""
    words: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    says: tuple[str, ...] = ("message", "wording")
    """The fields that carry a failure's text; where they differ, a bar in the text parts them."""
    pretends: frozenset[str] = frozenset()
    notices: frozenset[str] = ALL
    reads: frozenset[str] = frozenset()
    """Mutes ("mute", "mute_all") that the info of a member or group shows."""
    notice_first: bool = False
    """Its notice of an act comes before the act's answer; both orders occur."""
    lacks: frozenset[str] = frozenset()
    refusal: Literal["frame", "frame 1008", "1008", "403", "401 or 403"] = "401 or 403"
    """What a forward connection with a wrong token gets."""
    paths: frozenset[str] | None = None
    """Where it listens, without slashes; None: anywhere."""
    beat: float = 30
    """Seconds between its heartbeats."""
    blind: bool = False
    """Its heartbeats and status call the account online whatever happens."""
    tells_offline: bool = False
    """It sends a notice when the account is signed out."""
    default_mute: int = 1800
    fresh: bool = False
    """Its no_cache default."""
    nameless_role: str | None = None
    """What it writes for a role it does not know; None leaves the field out."""
    whole_mute: int = -1
    """The duration in its notice of a whole mute."""
    rename_seconds: float = 0
    """How long it watches for the effect of set_group_card before it answers."""
    node_in_send_msg: bool = True
    flag: Literal["seq", "group|seq", "seq-group"] = "seq"
    most_history: int | None = None
    """How many messages its history gives whatever was asked; None: as many as were asked for."""
    file: Literal["file_id", "file_id path", "file_name", "file_id name", "path", "url"] = "file_id"
    """What its segment says of a file: the words for id, name and address differ."""
    sent_type: str = "message"
    """The post_type of our own messages in its history."""

    def failure(self, kind: str, act: str = "") -> Body:
        """Its answer to a failed call, without the echo."""
        code, text = self.words.get(f"{act}.{kind}") or self.words.get(kind) or self.words["failed"]
        first, _, second = text.partition("|")
        texts = dict(zip(self.says, (first, second or first), strict=False))
        return {"status": "failed", "retcode": code, "data": None} | texts

    def keeps_quiet(self, kind: str, act: str) -> bool:
        """Whether it answers this failure with "ok"."""
        return act in self.pretends and f"{act}.{kind}" not in self.words


def _event(code: int) -> tuple[int, str]:
    method = "NodeIKernelMsgService/sendMsg ListenerName:NodeIKernelMsgListener/onMsgInfoListUpdate"
    return (
        1200,
        f'EventChecker Failed: NTEvent serviceAndMethod:{method} EventRet:\n{{"result": {code}, "errMsg": ""}}\n',
    )


NAPCAT = Flavour(
    "NapCat.Onebot",
    words={
        "failed": (1200, "失败"),
        "muted": _event(120),
        "gone": _event(110),
        "no_group": (1200, "群不存在"),
        "no_member": (1200, "成员不存在"),
        "mute.no_member": (1200, "user not in group"),
        "mute.not_admin": (1200, "ERR_NOT_GROUP_ADMIN"),
        "mute.owner": (1200, "cannot ban owner"),
        "mute.peer": (1200, "cannot ban admin"),
        "mute_all.not_admin": (1200, "SetGroupWholeBan failed: ERR_NOT_GROUP_ADMIN 120101005"),
        "rename.not_admin": (1200, "设置群名片未生效"),
        "recall.no_message": (1200, "Recall failed"),
        "no_message": (1200, "消息不存在"),
        "no_request": (1200, "No such request"),
        "empty": (1400, "消息体无法解析"),
        "malformed": (1400, "json解析失败,请检查数据格式"),
        "mixed": (1200, "转发消息不能和普通消息混在一起发送,转发需要保证message只有type为node的元素"),
        "unknown": (1404, "不支持的API"),
    },
    pretends=frozenset({KICK, RECALL}),
    reads=frozenset({MUTE, MUTE_ALL}),
    refusal="frame",
    tells_offline=True,
    fresh=True,
    default_mute=0,
    rename_seconds=1,
    file="file_id",
    sent_type="message_sent",
)

LLBOT = Flavour(
    "LLOneBot",
    signed=True,
    words={
        "failed": (1200, "失败"),
        "muted": (1200, "当前处于被禁言状态"),
        "gone": (1200, "发送失败"),
        "no_group": (1200, "群不存在"),
        "no_member": (1200, "群成员未找到"),
        "mute.no_member": (1200, "无法获取用户信息"),
        "kick.no_member": (1200, "无法获取用户信息"),
        "rename.no_member": (1200, "无法获取用户信息"),
        "not_admin": (1200, "ERR_NOT_GROUP_ADMIN"),
        "owner": (1200, "ERR_NOT_GROUP_ADMIN"),
        "peer": (1200, "ERR_NOT_GROUP_ADMIN"),
        "no_message": (1200, "消息不存在"),
        "recall.no_message": (1200, "消息不存在"),
        "no_request": (1200, "flag 不存在"),
        "empty": (1200, "消息体无法解析，请检查是否发送了不支持的消息类型"),
        "malformed": (1400, "json解析失败，请检查数据格式"),
        "mixed": (1200, "请使用 /send_group_forward_msg 或 /send_private_forward_msg 进行合并转发"),
        "unknown": (1404, "不支持的api"),
    },
    pretends=frozenset({RECALL}),
    notices=ALL | {RENAME},
    reads=frozenset({MUTE}),
    notice_first=True,
    refusal="frame 1008",
    node_in_send_msg=False,
    flag="group|seq",
    file="file_id path",
    sent_type="message_sent",
)

LAGRANGE = Flavour(
    "Lagrange.OneBot",
    bare=False,
    signed=True,
    likes=False,
    words={
        "failed": (200, ""),
        "muted": (120, ""),
        "gone": (110, ""),
        "no_member": (-1, ""),
        "unknown": (404, ""),
    },
    says=(),
    pretends=frozenset({MUTE, MUTE_ALL, KICK, RENAME}),
    lacks=frozenset({"get_group_shut_list", "set_msg_emoji_like", "get_file"}),
    file="file_name",
    refusal="403",
    beat=5,
    blind=True,
    tells_offline=True,
    default_mute=0,
    nameless_role="unknown",
    flag="seq-group",
)

SNOWLUMA = Flavour(
    "SnowLuma",
    bare=False,
    signed=True,
    words={
        "failed": (100, "OIDB error 1 on 0x8a0_1: failed"),
        "muted": (100, "send group message rejected: result=120 err="),
        "gone": (100, "send group message rejected: result=110 err="),
        "no_group": (100, "group not found"),
        "no_member": (100, "group member not found"),
        "not_admin": (100, "OIDB error 120101005 on 0x1253_1: ERR_NOT_GROUP_ADMIN"),
        "no_message": (100, "message not found"),
        "no_request": (100, "request not found"),
        "empty": (1400, "message is required"),
        "malformed": (1400, "bad request"),
        "unknown": (1404, "unknown action"),
    },
    says=("wording",),
    notice_first=True,
    refusal="1008",
    paths=frozenset({""}),
    file="file_id name",
    whole_mute=0x7FFFFFFF,
    sent_type="message_sent",
)

GO_CQHTTP = Flavour(
    "go-cqhttp",
    scheme="Token",
    bare=False,
    array=False,
    signed=True,
    words={
        "failed": (100, "UNKNOWN_ERROR|失败"),
        "muted": (100, "SEND_MSG_API_ERROR|send group message failed: blocked by server"),
        "gone": (100, "GROUP_NOT_FOUND|群聊不存在"),
        "no_group": (100, "GROUP_NOT_FOUND|群聊不存在"),
        "no_member": (100, "MEMBER_NOT_FOUND|人员不存在"),
        "mute.no_member": (100, "GROUP_NOT_FOUND|群聊不存在"),
        "rename.no_member": (100, "GROUP_NOT_FOUND|群聊不存在"),
        "not_admin": (100, "NOT_MANAGEABLE|机器人权限不足"),
        "owner": (100, "NOT_MANAGEABLE|机器人权限不足"),
        "peer": (100, "NOT_MANAGEABLE|机器人权限不足"),
        "no_message": (100, "MESSAGE_NOT_FOUND|消息不存在"),
        "recall.not_admin": (100, "RECALL_API_ERROR|No message meets the requirements"),
        "no_request": (100, "FLAG_NOT_FOUND|FLAG不存在"),
        "empty": (100, "EMPTY_MSG_ERROR|消息为空"),
        "unknown": (404, "API_NOT_FOUND|API不存在"),
    },
    says=("msg", "wording"),
    pretends=frozenset({MUTE_ALL, RENAME}),
    # Its library drops the notice of a mute that the account itself made.
    notices=frozenset({RECALL, KICK}),
    lacks=frozenset({"get_group_shut_list", "set_msg_emoji_like", "group_poke", "send_poke"})
    | {"get_file", "get_private_file_url"},
    file="path",
    beat=5,
    most_history=20,
)

ONEBOTS = Flavour(
    "onebots",
    token="query",
    array=False,
    foreign_self=44784501308,
    words={"failed": (-1, "failed"), "muted": (-1, "muted"), "unknown": (-1, "unknown action")},
    says=("msg",),
    notices=frozenset(),
    lacks=frozenset(
        {"get_group_msg_history", "get_group_shut_list", "send_group_forward_msg", "set_msg_emoji_like"}
        | {"group_poke", "send_poke", "get_file", "get_group_file_url", "get_private_file_url"}
    ),
    file="url",
    node_in_send_msg=False,
)

FLAVOURS = (NAPCAT, LLBOT, LAGRANGE, SNOWLUMA, GO_CQHTTP, ONEBOTS)
