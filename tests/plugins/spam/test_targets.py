"""Where codes lead, and what that says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.spam import pictured, targets
from plugins.spam.codes import Code
from plugins.spam.finding import Finding, Reason, Said


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("https://weixin.qq.com/g/AwYAAAbc", "wechat_group"),
        ("HTTPS://WEIXIN.QQ.COM/g/AwYAAAbc", "wechat_group"),
        (" weixin.qq.com/g/AwYAAAbc\n", "wechat_group"),
        ("https:\\\\weixin.qq.com\\g\\AwYAAAbc", "wechat_group"),
        ("https://weixin.qq.com./g/AwYAAAbc", "wechat_group"),
        ("https://weixin.qq.com//g/AwYAAAbc", "wechat_group"),
        ("https://u.wechat.com/MKabc", "wechat_person"),
        ("https://work.weixin.qq.com/ca/abc", "wechat_person"),
        ("https://work.weixin.qq.com/gm/abc", "wechat_group"),
        ("http://weixin.qq.com/r/abc", "wechat_account"),
        ("wxp://f2f0abc", "payment"),
        ("https://qr.alipay.com/fkx12345", "payment"),
        ("HTTPS://QR.ALIPAY.COM/FKX12345", "payment"),
        ("bitcoin:1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "payment"),
        ("https://qm.qq.com/cgi-bin/qm/qr?k=abc&group_code=123", "qq"),
        ("https://qm.qq.com/q/abc", "qq"),
        ("https://t.me/+abc", "telegram"),
        ("tg://resolve?domain=abc", "telegram"),
        ("https://chat.whatsapp.com/abc", "chat"),
        ("9₤HU0012ABCde₤ 复制打开", "shop"),
        ("复制这条 ￥HU0012ABCde￥ 打开", "shop"),
        ("https://m.tb.cn/h.abc", "shop"),
        ("BEGIN:VCARD\nVERSION:3.0\nTEL:1\nEND:VCARD", "person"),
        ("WIFI:T:WPA;S:home;P:secret;;", "wifi"),
        ("otpauth://totp/GitHub:me?secret=JBSW", "secret"),
        ("OTPAUTH-MIGRATION://offline?data=abc", "secret"),
        ("https://login.weixin.qq.com/l/abc==", "login"),
        ("https://github.com/a/b", "harmless"),
        ("https://gist.github.com/a/b", "harmless"),
        ("https://docs.python.org/3/", "harmless"),
        ("https://mp.weixin.qq.com/s/abc", "harmless"),
        ("https://meeting.tencent.com/dm/abc", "harmless"),
        ("https://arxiv.org/abs/1", "harmless"),
        ("https://github.com@evil.example/", "link"),
        ("https://github.com.evil.example/", "link"),
        ("https://evil.example/github.com/", "link"),
        ("https://evil.example\\@github.com/", "link"),
        ("https://notgithub.com/", "link"),
        ("https://link.zhihu.com/?target=https://evil.example", "link"),
        ("https://www.google.com/url?q=https://evil.example", "link"),
        ("https://[::1", "link"),
        ("https://example.com", "link"),
        ("文档 https://github.com/a，加群 https://weixin.qq.com/g/abc", "wechat_group"),
        ("hello", "text"),
        ("3.14", "text"),
        ("", "text"),
        ("1234567890128", "text"),
    ],
)
def test_the_kind_of_a_code(text: str, kind: str) -> None:
    assert targets.kind(text).kind == kind


@given(st.text(max_size=300))
def test_any_text_has_a_kind_whose_words_say_nothing_of_it(text: str) -> None:
    target = targets.kind(text)
    assert target.words == targets.WORDS[target.kind]


@given(st.text(max_size=40), st.sampled_from(["https://", "wxp://", "//", "http://[", "weixin.qq.com/", "WIFI:"]))
def test_hostile_addresses_raise_nothing(text: str, start: str) -> None:
    targets.kind(start + text)
    targets.address(start + text)


def test_long_texts_cost_little() -> None:
    for text in ("https://" * 400, "a." * 1500, "￥" * 3000, "(" * 3000, "a" * 3000 + "://"):
        targets.kind(text)
        targets.address(text)


# --- what they say ------------------------------------------------------------------------

PASS = Finding(0.02, "pass")
DOUBT = Finding(0.6, "review", (Reason("model", 0.8, "措辞像广告"),), "model")
ACT = Finding(0.97, "act", (Reason("model", 3.0, "措辞像广告"),), "model")
GROUP, LINK, SAFE = map(targets.kind, ("https://weixin.qq.com/g/a", "https://example.com", "https://github.com/a"))


def test_a_newcomers_group_code_is_for_the_admins_to_see() -> None:
    found = pictured.with_codes(PASS, [GROUP], trusted=False)
    assert (found.verdict, found.rule) == ("review", "code")
    assert [reason.words for reason in found.reasons] == ["图里有微信群的二维码"]
    assert found.score > PASS.score


def test_a_group_code_beside_doubtful_words_is_an_ad() -> None:
    found = pictured.with_codes(DOUBT, [GROUP], trusted=False)
    assert (found.verdict, found.rule) == ("act", "code")
    assert {reason.rule for reason in found.reasons} == {"model", "code"}


def test_links_alone_decide_nothing() -> None:
    found = pictured.with_codes(PASS, [LINK, LINK, SAFE], trusted=False)
    assert (found.verdict, found.rule, len(found.reasons)) == ("pass", "", 1)
    assert pictured.with_codes(PASS, [SAFE], trusted=False) == PASS


def test_trusted_members_may_show_codes() -> None:
    assert pictured.with_codes(DOUBT, [GROUP], trusted=True) == DOUBT


def test_a_known_ad_is_one_from_everybody() -> None:
    found = pictured.with_known(PASS, "和管理员确认过的广告图一样")
    assert (found.verdict, found.rule) == ("act", "picture")
    assert found.score >= 0.99


def test_the_engine_sees_codes_as_links_and_as_words_of_others() -> None:
    secrets = ("otpauth://totp/a?secret=JBSW", "WIFI:P:pw;;")
    texts = ("https://example.com/a", "加我领红包", *secrets, "github.com/a")
    codes = [Code(text, "QR Code") for text in texts]
    said = pictured.said_with(Said("看图", links=("l",), forwarded=("f",)), codes, ["图里的字", "  "])
    assert said == Said("看图", links=("l", "https://example.com/a"), forwarded=("f", "加我领红包", "图里的字"))


@pytest.mark.parametrize("before", [PASS, DOUBT, ACT])
@pytest.mark.parametrize("after", [PASS, DOUBT, ACT])
def test_what_a_model_reads_never_makes_it_milder_and_never_acts_alone(before: Finding, after: Finding) -> None:
    found = pictured.with_read(before, after)
    order = ("pass", "review", "act")
    assert order.index(found.verdict) >= order.index(before.verdict)
    assert found.score >= before.score
    assert found.verdict != "act" or before.verdict == "act"
    if before is PASS and after is not PASS:
        assert (found.verdict, found.rule, found.reasons[0].words) == ("review", "read", pictured.READ_WORDS)


@pytest.mark.parametrize("finding", [PASS, DOUBT, ACT])
def test_no_code_makes_anything_milder(finding: Finding) -> None:
    for kind in targets.WORDS:
        found = pictured.with_codes(finding, [targets.Target(kind, targets.WORDS[kind])], trusted=False)
        assert pictured.stronger(finding, found) is found or found == finding
