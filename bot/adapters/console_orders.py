"""The lines with a colon that drive the demo: how each is written, and what it is for."""

from __future__ import annotations

from typing import NamedTuple

from bot.errors import Refusal


class Order(NamedTuple):
    """How a line that drives the demo is written, and what it does; `example` where it needs words."""

    form: str
    purpose: str
    example: str = ""


ORDERS = {
    "help": Order(":help", "看这份说明"),
    "as": Order(":as 名字", "换一个人说话，没来过的会入群", ":as 小红"),
    "role": Order(":role admin|owner|member", "换身份：管理员、群主、成员", ":role admin"),
    "join": Order(":join", "加入现在这个群"),
    "leave": Order(":leave", "离开现在这个群"),
    "group": Order(":group demo|test", "换到示例群或测试群", ":group test"),
    "quote": Order(":quote 编号 内容", "引用一条消息说话", ":quote 3 谢谢"),
    "react": Order(":react 编号 表情", "给一条消息贴表情，不写表情就是 👍", ":react 3 👍"),
    "unreact": Order(":unreact 编号 表情", "把表情拿掉", ":unreact 3 👍"),
    "recall": Order(":recall 编号", "撤回自己的消息，管理员可以撤回别人的", ":recall 3"),
    "image": Order(":image 路径", "发一张图片，最多 5 MB", ":image ~/图.png"),
    "file": Order(":file 路径", "发一个文件，最多 20 MB", ":file ~/说明.md"),
    "dm": Order(":dm 内容", "和机器人私聊", ":dm 你好"),
    "quit": Order(":quit", "离开，Ctrl-D 和 Ctrl-C 也行"),
}
HELP = "\n".join(
    ["直接打字就是发言，@名字 可以提到别人。冒号开头的行用来演示：",
     *(f"{order.form}  {order.purpose}" for order in ORDERS.values()),
     "::内容  发一条冒号开头的消息"]
)  # fmt: skip


def wrong(order: Order) -> Refusal:
    """What to say to a line that is not written like that."""
    return Refusal(f"要写成 {order.form}，比如 {order.example}" if order.example else f"只要写 {order.form} 就好")
