"""Web pages and reStructuredText."""

from __future__ import annotations

import pytest

from plugins.knowledge.documents import Document, Section, Unreadable
from plugins.knowledge.reading import html, read


def page(text: str) -> Document:
    return read("page.html", text.encode())


def rst(text: str) -> Document:
    return read("guide.rst", text.encode())


def test_a_page_is_read_under_its_headings() -> None:
    document = page(
        "<!doctype html><html><head><title>手册 &amp; 指南</title><style>p{}</style></head><body><nav>菜单</nav>"
        "<h1>安装<a class='headerlink' href='#x'>¶</a></h1><p>先 <b>下载</b>，\n 再装。</p><script>alert(1)</script>"
        "<h2>Linux &lt;x&gt; #</h2><ul><li>一</li><li><p>二</p></li></ul><footer>版权</footer></body></html>"
    )
    assert document.title == "手册 & 指南"
    assert document.sections == (
        Section(("安装",), "先 下载， 再装。"),
        Section(("安装", "Linux <x>"), "- 一\n- 二"),
    )


def test_a_title_that_holds_the_heading_gives_way_to_it() -> None:
    assert page("<title>安装 — 某某文档</title><h1>安装</h1>好").title == "安装"


@pytest.mark.parametrize("main", ["<main>{}</main>", "<div role='main'>{}</div>", "<article>{}</article>"])
def test_the_main_part_is_taken_alone(main: str) -> None:
    document = page(f"<p>登录</p>{main.format('<h1>题</h1><p>正文</p>')}<p>相关</p>")
    assert document.sections == (Section(("题",), "正文"),)


def test_an_empty_main_part_is_passed_over() -> None:
    assert page("<main></main><p>正文</p>").sections == (Section((), "正文"),)


def test_code_keeps_its_lines() -> None:
    document = page("<pre class='language-sh'><code>a  <b>b</b>\n  c &amp; ``` d</code></pre><p>尾</p>")
    assert document.sections[0].text == "````sh\na  b\n  c & ``` d\n````\n尾"


def test_a_row_of_a_table_is_a_line() -> None:
    document = page("<table><tr><th>名</th><th>值</th></tr><tr><td><p>甲</p><p>乙</p></td><td>1<br>2</td></tr></table>")
    assert document.sections[0].text == "名 | 值\n甲 乙 | 1 2"


@pytest.mark.parametrize(
    "unseen",
    [
        "<p hidden>密</p>",
        "<div aria-hidden=true>密</div>",
        "<div role=navigation><p>密<div>密</div></div>",
        "<svg><title>密</title></svg>",
        "<!-- 密 -->",
        "<template><p>密</p></template>",
        "<td class='linenos'>密</td>",
    ],
)
def test_what_a_reader_would_not_see_is_left_out(unseen: str) -> None:
    document = page(f"<title>T</title><table><tr>{unseen}</tr></table>{unseen}<p>见</p>")
    assert document.title == "T"
    assert "密" not in "".join(section.text for section in document.sections)
    assert document.sections[-1].text.endswith("见")


def test_lines_are_broken_where_the_page_breaks_them() -> None:
    assert page("<p>一<br>二</p><div>三</div>四").sections[0].text == "一\n二\n\n三\n四"


@pytest.mark.parametrize("encoding", ["gb2312", "gbk", "big5"])
def test_a_page_may_say_its_encoding(encoding: str) -> None:
    data = f"<meta charset={encoding}><h1>中文</h1><p>正文在此</p>".encode(encoding)
    assert read("a.htm", data).sections == (Section(("中文",), "正文在此"),)


def test_a_declaration_of_xml_does_not_stop_it() -> None:
    assert page("<?xml version='1.0' encoding='gbk'?><html><body>文</body></html>").sections[0].text == "文"


@pytest.mark.parametrize("charset", ["hex", "zip", "undefined", "idna", "nonsense", "rot13"])
def test_a_charset_that_is_none_does_no_harm(charset: str) -> None:
    with pytest.raises(Unreadable):
        read("a.html", f"<meta charset={charset}>".encode() + bytes(range(128, 256)))


@pytest.mark.parametrize("tag", ["<div>", "<font>", "<b>", "<span class='x'>"])
def test_nesting_has_an_end(tag: str) -> None:
    with pytest.raises(Unreadable, match="嵌套"):
        page(tag * 100_000 + "文")


def test_a_page_of_too_many_elements_is_refused() -> None:
    with pytest.raises(Unreadable, match="太大"):
        page("<p>文" * (html.ELEMENTS + 1))


# --- reStructuredText -------------------------------------------------------------------------


def test_levels_follow_the_order_of_their_lines() -> None:
    document = rst("====\n手册\n====\n\n序\n\n安装\n====\n甲\n\nLinux\n-----\n乙\n\n用法\n====\n丙\n")
    assert document.title == "手册"
    assert [section.path for section in document.sections] == [
        ("手册",),
        ("手册", "安装"),
        ("手册", "安装", "Linux"),
        ("手册", "用法"),
    ]
    assert [section.text for section in document.sections] == ["序", "甲", "乙", "丙"]


def test_a_title_loses_its_markup() -> None:
    document = rst(":orphan:\n\n用 ``pip`` 和 :ref:`别处 <x>` 装 **它**\n=======================\n文\n")
    assert document.sections == (Section(("用 pip 和 别处 装 它",), "文"),)


def test_rules_and_tables_are_no_titles() -> None:
    text = "一\n\n----\n\n二\n\n=====  =====\n甲     乙\n=====  =====\n1      2\n=====  =====\n"
    assert rst(text).sections == (Section((), text.strip()),)


def test_the_text_of_directives_is_kept_and_their_machinery_is_not() -> None:
    document = rst(
        "题\n==\n\n.. _label:\n\n.. note:: 当心\n   :class: x\n\n   别删。\n\n"
        "   .. code-block:: bash\n      :linenos:\n\n"
        "      rm a\n        b\n\n.. toctree::\n   :maxdepth: 1\n\n   a\n\n.. image:: a.png\n   :alt: 图\n\n"
        ".. figure:: b.png\n   :width: 1\n\n   图注\n\n.. 评论\n   还是评论\n\n.. [1] 脚注\n\n尾\n"
    )
    assert document.sections[0].path == ("题",)
    lines = [line for line in document.sections[0].text.split("\n") if line]
    assert lines == ["当心", "别删。", "```bash", "rm a", "  b", "```", "图注", "脚注", "尾"]


def test_directives_inside_one_another_have_an_end() -> None:
    nested = "".join(f"{'  ' * depth}.. note::\n\n" for depth in range(500)) + "  " * 500 + "文\n"
    assert "文" in rst(nested).sections[0].text
