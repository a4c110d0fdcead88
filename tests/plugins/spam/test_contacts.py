"""Real handles are found, in every disguise; what only looks like one is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.spam.contacts import calls, contacts, prices
from plugins.spam.folding import Folding

FOLDING = Folding()


def found(text: str) -> set[tuple[str, str]]:
    return {(contact.kind, contact.handle) for contact in contacts(FOLDING.fold(text))}


@pytest.mark.parametrize(
    ("text", "kind", "handle"),
    [
        ("加微信abc12345", "wechat", "abc12345"),
        ("VX：hello_123", "wechat", "hello_123"),
        ("加v abc123", "wechat", "abc123"),
        ("我的wx是abcd1234", "wechat", "abcd1234"),
        ("薇❤xiaoming88", "wechat", "xiaoming88"),
        ("➕V hello_123", "wechat", "hello_123"),
        ("ⓥⓧ hello123", "wechat", "hello123"),
        ("V\u200bX：ａｂｃ12345", "wechat", "abc12345"),
        ("V X : a b c 1 2 3 4", "wechat", "abc1234"),
        ("加微信 abс1234", "wechat", "abc1234"),
        ("加彳山一攵亻言 abc1234", "wechat", "abc1234"),
        ("卫星号：kf9988", "wechat", "kf9988"),
        ("微信同号13800138000", "phone", "13800138000"),
        ("电话138 0013 8000", "phone", "13800138000"),
        ("电话138-0013-8000", "phone", "13800138000"),
        ("+86 13800138000", "phone", "13800138000"),
        ("幺三八零零一三八零零零", "phone", "13800138000"),
        ("①③⑧00①38000", "phone", "13800138000"),
        ("QQ群 12345678", "qq", "12345678"),
        ("扣扣：二三四五六七八", "qq", "2345678"),
        ("Q 2 3 4 5 6 7 8", "qq", "2345678"),
        ("企鹅 123456789", "qq", "123456789"),
        ("群号：123456789", "group", "123456789"),
        ("进裙 987654321", "group", "987654321"),
        ("找 @abc_def 领取", "telegram", "abc_def"),
        ("https://t.me/+AbCdEf", "telegram", "+abcdef"),
        ("官网 www.best88.vip/?code=1", "link", "www.best88.vip/?code=1"),
        ("http://a.com/x/", "link", "a.com/x"),
        ("注册163888.com，加我", "link", "163888.com"),
        ("ｗｗｗ.best88.ｃｏｍ", "link", "www.best88.com"),
        ("点击abc.com(备用)", "link", "abc.com"),
    ],
)
def test_a_handle_is_found(text: str, kind: str, handle: str) -> None:
    assert (kind, handle) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "v1.2.3", "升级到 v8 了", "v2ray", "V2EX", "V100显卡", "python3.11", "vue3", "v-model", "v-if", "wx.login()",
        "wx.request(url)", "微信小程序", "微信 8.0.30", "微信支付回调", "企业微信机器人 webhook", "微信sdk",
        "微服务 spring",
        "微软 office", "微调 lora", "威胁 abcd", "维度 dimension", "微积分 xyzzy", "a@b.com", "联系 foo@example.com",
        "@张三 看下", "git@github.com:a/b.git", "@types/node", "npm i @vue/cli", "user@host", "commit 3f2a1b9c8d",
        "192.168.1.1", "10.0.0.1:8080", "订单号 202405061234", "error 404", "README.md", "main.py", "vue.js", "docs.rs",
        "self.store.one", "this.app", "x.to(device)", "df.info()", "console.info", "1.5.0.dev", "v1.0.0.dev1",
        "app.run()",
        "self.app_name", "扣1", "扣钱 100", "QQ 机器人", "群里 200 人", "0x1234567", "1234567890123", "http://127.0.0.1:8080/a",
        "localhost:3000", "U+1F600", "2024-05-06 12:30:11", "x = 1; y = 2", "一二三四五六七", "三五个人", "",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_handle_is_none(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("faq 12345", "12345"), ("seq:100000", "100000"), ("req 1234567", "1234567"), ("错误码 10061", "10061"),
        ("本群 500000 人", "500000"), ("端口 12345", "12345"), ("V100 显卡 12345", "12345"),
    ],
)  # fmt: skip
def test_a_number_without_a_way_to_use_it_is_a_number_only(text: str, number: str) -> None:
    assert found(text) == {("number", number)}


@pytest.mark.parametrize("text", ["加我微信", "私聊", "滴滴我", "扫码进群", "联系客服", "加群", "+v", "戳我", "dm me"])
def test_who_asks_to_get_in_touch_is_heard(text: str) -> None:
    assert calls(FOLDING.fold(text)) > 0


@pytest.mark.parametrize("text", ["附加信息", "增加系统", "加载完成", "联网失败", "+1", "a+b", "扫描文件", "更加下沉"])
def test_who_says_something_else_does_not_ask(text: str) -> None:
    assert calls(FOLDING.fold(text)) == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("100元", 1), ("￥100", 1), ("¥ 9.9", 1), ("£5", 1), ("$20", 1), ("300一天", 1), ("9.9块 19.9块", 2),
        ("1,000元", 1),
        ("月入5w", 1), ("２０元", 1), ("10kb", 0), ("3rd", 0), ("5kg", 0), ("2way", 0), ("第3个", 0), ("", 0),
    ],
)  # fmt: skip
def test_prices_are_counted(text: str, count: int) -> None:
    assert prices(FOLDING.fold(text)) == count


@given(st.text(max_size=200))
def test_any_text_has_contacts_that_are_told_apart(text: str) -> None:
    folded = FOLDING.fold(text)
    known = contacts(folded)
    assert len(set(known)) == len(known)
    assert all(contact.handle and not contact.handle.isspace() for contact in known)
    assert calls(folded) >= 0 <= prices(folded)


@given(st.from_regex(r"[a-z][a-z0-9]{4,8}[0-9]", fullmatch=True))
def test_a_handle_is_found_whatever_it_is(handle: str) -> None:
    assert ("wechat", handle) in found(f"有需要的加微信：{handle}")


@given(st.from_regex(r"[1-9][0-9]{5,9}", fullmatch=True))
def test_a_number_of_qq_is_found_in_every_script(number: str) -> None:
    for digits in ("0123456789", "０１２３４５６７８９", "⓪①②③④⑤⑥⑦⑧⑨", "٠١٢٣٤٥٦٧٨٩"):
        assert ("qq", number) in found("加QQ：" + number.translate(str.maketrans("0123456789", digits)))
