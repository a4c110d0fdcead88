"""What a question asks for, without the words that only make it a question."""

from __future__ import annotations

import re

from plugins.knowledge.terms import fold, singles, terms

QUESTION = 500
"""Characters of a question that count."""

_CHINESE = """
请问一下 请问 问一下 想问下 想问 请教一下 请教 求助 求问 有没有人 有没有大佬 有没有 有人知道
谁知道 哪位 各位 大佬们 大佬 大家 老师 你好 您好 怎么样 怎么办 怎么 怎样 如何 咋样 咋 为什么
为何 为啥 是什么意思 什么意思 是什么 什么时候 什么样 什么 是啥 干啥 啥时候 啥 哪个 哪些 哪里
哪儿 哪种 哪一 哪年 哪天 哪 多少 多大 多长 多久 多高 几个 几种 几 谁 何时 何地 何种 是不是
能不能 可不可以 可以吗 行不行 会不会 要不要 是否 能否 可否 吗 呢 吧 啊 呀 嘛 哦 哈 谢谢 感谢
帮忙 帮我 告诉我
"""
_ENGLISH = """
how what why when where who which whose whom is are was were be been am do does did can could should would will shall
may might must the a an of to in on at for from by with and or if it its this that these those there here my your our
their his her me you we they i he she them us as so then than have has had not no any some please help hi hello thanks
thank about into get got make let s t m re ve d ll
"""
ENGLISH = frozenset(_ENGLISH.split())
IDLE = frozenset(
    "的了是在我你他她它们这那个有没不能会要就都也和跟与或可以还很太再又把被给让从到对为上下里中前后来去说看想用做一"
)
"""Characters that say nothing alone."""
_CUE = re.compile(
    r"[?？]|吗|嘛|么|呢|怎么|怎样|如何|咋|为什么|为啥|为何|什么|啥|哪|谁|多少|几个|是不是|能不能|会不会|有没有|可不可以|是否|能否|可否"
    r"|请问|问下|请教|求助|求解|求带|不明白|不懂|疑问|对不上|报错|问题|办法|还是|多久|多长|多大|几点|几号|几天|何时|失败|出错|异常|不行|打不开|连不上|起不来|没反应|吧(?=$|[。.！!~～\s])|error|fail"
    r"|\b(?:how|what|why|where|when|which|who|can|could|does|do|is there|are there|any(?:one|body)|help)\b"
)
_LEFT_OUT = re.compile("|".join(sorted(map(re.escape, _CHINESE.split()), key=len, reverse=True)))


def asked(question: str) -> list[str]:
    """The terms that a question asks for, each once, in order; all its terms where nothing else is left."""
    folded = fold(question[:QUESTION])
    left = [term for term in terms(_LEFT_OUT.sub(" ", folded)) if term not in ENGLISH]
    return list(dict.fromkeys(left or terms(folded)))


def characters(question: str) -> set[str]:
    """The single Chinese characters of a question that may be found in a heading."""
    return singles(_LEFT_OUT.sub(" ", fold(question[:QUESTION]))) - IDLE


def is_question(line: str) -> bool:
    """Whether a line asks something or tells of trouble: not whether it is answered."""
    return bool(_CUE.search(fold(line[:QUESTION])))
