"""Settings in words: from what an admin types to a value, and back."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import orjson
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bot.errors import Refusal
from bot.plugin import Plugin

YES = frozenset({"开", "开启", "是", "on", "true", "yes", "1"})
NO = frozenset({"关", "关闭", "否", "off", "false", "no", "0"})
EMPTY = frozenset({"无", "空", "none"})
DEFAULT = frozenset({"默认", "default"})
REASONS = {
    "greater_than_equal": "不能小于 {ge}",
    "greater_than": "要大于 {gt}",
    "less_than_equal": "不能大于 {le}",
    "less_than": "要小于 {lt}",
    "int_parsing": "要写成整数",
    "int_from_float": "要写成整数",
    "float_parsing": "要写成数字",
    "bool_parsing": "要写「开」或「关」",
    "string_too_long": "最多 {max_length} 个字",
    "string_too_short": "至少 {min_length} 个字",
    "literal_error": "要写其中之一：{expected}",
    "enum": "要写其中之一：{expected}",
    "too_long": "最多 {max_length} 项",
    "too_short": "至少 {min_length} 项",
}


def title(kind: type[Plugin], name: str) -> str:
    """What admins call a setting; its name where the plugin has it no more."""
    field = kind.model_fields.get(name)
    return (field.title if field else None) or name


def find(kind: type[Plugin], word: str) -> str | None:
    """The name of the setting that admins call `word`, by its title or its English name."""
    wanted = word.casefold()
    return next((name for name in kind.model_fields if wanted in (name.casefold(), title(kind, name).casefold())), None)


def read(settings: Plugin, name: str, words: str) -> Any:
    """The value that an admin's words mean, beside the group's other settings. Raises Refusal with what would fit."""
    kind = type(settings)
    try:
        return checked(settings, name, _meant(kind.model_fields[name], words))
    except ValidationError as error:
        raise Refusal(f"「{title(kind, name)}」{reason(error)}。") from None


def checked(settings: Plugin, name: str, value: object) -> Any:
    """The value as the plugin's own model takes it beside the other settings. Raises ValidationError."""
    others = {field: getattr(settings, field) for field in settings.model_fields_set}
    return getattr(type(settings).model_validate(others | {name: value}), name)


def _meant(field: FieldInfo, words: str) -> object:
    """What the words mean, by the type of the setting."""
    kind, lower = field.annotation, words.casefold()
    if kind is bool:
        return True if lower in YES else False if lower in NO else words
    if get_origin(kind) in (list, tuple, set, frozenset):
        for mark in "，、；;,":
            words = words.replace(mark, " ")
        return words.split()
    if lower in EMPTY and (type(None) in get_args(kind) or kind is str):
        return None if type(None) in get_args(kind) else ""
    return words


def reason(error: ValidationError) -> str:
    """Why a value is wrong, as half a sentence."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    words = REASONS.get(first["type"])
    bounds = {name: show(bound) for name, bound in first.get("ctx", {}).items()}
    if "expected" in bounds:
        bounds["expected"] = bounds["expected"].replace("'", "").replace(" or ", "、").replace(", ", "、")
    return words.format_map(bounds) if words else "的值不对"


def show(value: Any) -> str:
    """A value as admins read it."""
    if value is None:
        return "无"
    if value is True or value is False:
        return "开" if value else "关"
    if isinstance(value, list | tuple | set | frozenset):
        return "、".join(map(str, value)) or "无"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "（空）"


def dump(value: Any) -> str:
    """A value as it is stored: JSON."""
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
