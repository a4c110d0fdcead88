"""Why the model thinks so, in an admin's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from plugins.spam.contacts import contacts
from plugins.spam.features import traits
from plugins.spam.finding import Reason
from plugins.spam.model import Model, Reading

PIECES = 4
"""So many telling pieces of the text are named."""
LEAST = 0.15
"""What weighs less than this, in log-odds, is not worth naming."""
DISGUISES: Mapping[str, str] = MappingProxyType(
    {
        "hidden": "零宽等看不见的字符",
        "wide": "全角字符",
        "styled": "花体字符",
        "combining": "叠加符号",
        "accent": "带调字母",
        "confusable": "形近字符",
        "scripts": "混用文字",
        "digit": "变形数字",
        "numerals": "汉字数字",
        "spaced": "字间插空",
        "split": "字间插符号",
        "parts": "拆字",
        "traditional": "繁体异体字",
        "entities": "字符编码",
        "doubled": "叠字",
        "emoji": "表情符号",
    }
)
CONTACTS: Mapping[str, str] = MappingProxyType(
    {
        "link": "链接",
        "telegram": "电报号",
        "wechat": "微信号",
        "qq": "QQ 号",
        "group": "群号",
        "phone": "手机号",
        "number": "长数字",
    }
)


def said_by_model(model: Model, reading: Reading, odds: float, where: str = "") -> Iterator[Reason]:
    """The model's reasons, whose weights add up to `odds`: the contacts, the disguise, and the words themselves."""
    folded = reading.folded
    named = {name: model.share(name, reading) for name in traits(model.reader.folding, folded)}
    kinds = [contact.kind for contact in contacts(folded)]
    touch = sum(weight for name, weight in named.items() if name.startswith(("contact", "calls", "signs")))
    if kinds and touch > LEAST:
        words = "、".join(dict.fromkeys(CONTACTS[kind] for kind in kinds))
        odds -= touch
        yield Reason("model", round(touch, 2), f"{where}留了{words}")
    hidden = sum(weight for name, weight in named.items() if name.startswith("hidden"))
    if hidden > LEAST:
        how = "、".join(f"{DISGUISES[kind]} {count} 处" for kind, count in folded.disguise.items())
        odds -= hidden
        yield Reason("model", round(hidden, 2), f"{where}用了{how}")
    if odds <= 0:
        yield Reason("model", round(odds, 2), f"{where}用词不像广告")
        return
    pieces = model.telling(reading, PIECES)
    words = "用词像广告" + ("：" + "".join(f"「{piece}」" for piece in pieces) if pieces else "")
    yield Reason("model", round(odds, 2), f"{where}{words}")
