"""The people of the groups and what they say, as the frames that NapCat would send."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass

import orjson

from bench.load.wire import frame

SELF = 10001000
FIRST = 1_000_000_000
"""The first message id: all have ten digits, so that one message can be made from another."""
FIRST_GROUP = 200_000
FIRST_MEMBER = 300_000
MEMBERS = 20
"""How many people there are in a group."""

LINES = (
    "早上好，有人用过新版的编译器吗？",
    "我昨天升级以后就报错了，日志在下面：TypeError: 'NoneType' object is not subscriptable",
    "把依赖的版本锁住，再清一下缓存试试",
    "哈哈哈哈",
    "收到",
    "这个问题文档里有写，在「安装」那一节的最后，要先装 3.11",
    "周六的线下活动几点开始？需要带电脑吗",
    "下午两点，在学院路那边，带上就行，现场有网",
    "请教一下，asyncio 里面怎么优雅地取消一个任务？我现在是直接 cancel，但是偶尔会漏掉清理",
    "用 try/finally 包住，或者写成异步上下文管理器；别把 CancelledError 吞了",
    "+1",
    "我这边也是，等一个修复版吧，反正不急",
    "谁有那篇讲 SQLite WAL 的文章？上周群里发过的那个，我忘了收藏",
    "https://sqlite.org/wal.html 看官方这个就够了，写得很清楚",
    "感谢！",
    "刚测了一下，批量插入从每秒几百条到了六万条，主要就是别一条一条提交",
    "图里那个参数是不是写反了",
    "新人报到，坐标杭州，做嵌入式的，请多关照",
    "欢迎欢迎",
    "今天的 CI 又红了，谁动了锁文件？",
)
NAMES = ("林晚", "阿哲", "Kevin", "小满", "rust 小学生", "北辰", "不吃香菜", "老王", "Momo", "江上清风")
CARDS = ("", "", "", "杭州-后端-林晚", "【管理】阿哲", "前端 | 小满", "在读研二")
GROUPS = ("开源交流群", "Python 进阶", "嵌入式与物联网", "算法打卡", "社区值班")


@dataclass(frozen=True, slots=True)
class Said:
    """One message: its number is the message's id, and what `/ping` names."""

    number: int
    group: int
    command: bool
    data: bytes
    """The whole WebSocket frame."""


class Crowd:
    """Makes messages, numbered from `first`; the same `seed` says the same things in the same groups."""

    def __init__(self, groups: int, *, first: int = FIRST, seed: int = 7) -> None:
        self.groups = groups
        self._random = random.Random(seed)
        self._numbers = itertools.count(first)

    def chatter(self, group: int | None = None) -> Said:
        """A line of somebody; mostly text, at times with a face, a mention, a quote or a picture."""
        choose = self._random
        group = choose.randrange(self.groups) if group is None else group
        number = next(self._numbers)
        parts: list[dict[str, object]] = [{"type": "text", "data": {"text": choose.choice(LINES)}}]
        kind = choose.random()
        if kind < 0.03:
            parts.append({"type": "face", "data": {"id": str(choose.randrange(300))}})
        elif kind < 0.06:
            parts.insert(0, {"type": "at", "data": {"qq": str(self._member(group))}})
        elif kind < 0.08:
            parts.insert(0, {"type": "reply", "data": {"id": str(max(1, number - 40))}})
        elif kind < 0.10:
            url = f"https://multimedia.nt.qq.com.cn/download?appid=1407&fileid={number:032x}&rkey=CAQSKAB6JWENi5LM"
            image = {"summary": "", "file": f"{number:032X}.png", "sub_type": 0, "url": url, "file_size": "48213"}
            parts.append({"type": "image", "data": image})
        return self._said(number, group, self._member(group), parts)

    def command(self, group: int | None = None, member: int | None = None, words: str = "/ping {}") -> Said:
        """A command; the number takes the place of the braces. `member` counts within the group."""
        group = self._random.randrange(self.groups) if group is None else group
        number = next(self._numbers)
        parts: list[dict[str, object]] = [{"type": "text", "data": {"text": words.format(number)}}]
        return self._said(number, group, self._member(group, member), parts, command=True)

    def again(self, said: Said) -> Said:
        """The same words of the same member, under the next number: cheaper than made anew."""
        number = next(self._numbers)
        data = said.data.replace(b"%010d" % said.number, b"%010d" % number)
        return Said(number, said.group, said.command, data)

    def _member(self, group: int, member: int | None = None) -> int:
        within = self._random.randrange(MEMBERS) if member is None else member
        return FIRST_MEMBER + group * MEMBERS + within

    def _said(
        self, number: int, group: int, member: int, parts: list[dict[str, object]], *, command: bool = False
    ) -> Said:
        texts = [
            str(part["data"]["text"]) for part in parts if isinstance(part["data"], dict) and "text" in part["data"]
        ]
        sender = {
            "user_id": member,
            "nickname": NAMES[member % len(NAMES)],
            "card": CARDS[member % len(CARDS)],
            "role": "admin" if member % MEMBERS == 0 else "member",
        }
        body = {
            "self_id": SELF,
            "user_id": member,
            "time": int(time.time()),
            "message_id": number,
            "message_seq": number,
            "real_id": number,
            "real_seq": str(number),
            "message_type": "group",
            "sender": sender,
            "raw_message": "".join(texts),
            "font": 14,
            "sub_type": "normal",
            "message": parts,
            "message_format": "array",
            "post_type": "message",
            "group_id": FIRST_GROUP + group,
            "group_name": f"{GROUPS[group % len(GROUPS)]} {group}",
        }
        return Said(number, FIRST_GROUP + group, command, frame(orjson.dumps(body)))


def meta(kind: str, **fields: object) -> bytes:
    """A meta event as a frame: the lifecycle or a heartbeat."""
    body = {"time": int(time.time()), "self_id": SELF, "post_type": "meta_event", "meta_event_type": kind, **fields}
    return frame(orjson.dumps(body))
