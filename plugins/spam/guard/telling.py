"""What admins and members read of the guard: reports that neither link nor call, and notices of one line."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence

from plugins.spam.finding import Finding, Reason
from plugins.spam.guard.decisions import Decision, Outcome

SHOWN = 300
NAME_SHOWN = 20
REASONS_SHOWN = 4
DEEDS = {"recall": "撤回", "mute": "禁言", "unmute": "解除禁言", "kick": "移出群", "repost": "把原话发回群里"}
GONE = "已经被撤回了"
STEPS = {"none": "放过", "note": "记下", "ask": "问管理员", "recall": "撤回", "mute": "撤回并禁言", "remove": "移除"}
ENDS = {"none": "放过了", "note": "只记下了，没有动手", "ask": "问了管理员", "remove": "还没动手"}
"""What is said of a decision of which nothing was tried."""
MODES = {"off": "关闭", "shadow": "影子", "on": "开启"}
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+\-]{0,30})(?::|：)//")
_DOT = re.compile(r"(?<=[^\W_])[.。．｡](?=[^\W_])|(?<=[-_])\.(?=[^\W_])")
_CODE = re.compile(r"\[(?=\s*CQ\s*:)", re.IGNORECASE)
_PIECES = re.compile("：(?:「[^」]*」)+")
_CALL_ALL = re.compile(r"[@＠](?=\s*(?:全体成员|所有人|全体|everyone|all\b|here\b))", re.IGNORECASE)


def safe(text: str, most: int = SHOWN) -> str:
    """A member's text on one line, for others to look at: nothing in it links, calls or hides."""
    # What is to be shown at the end is a little of what may be there.
    text = " ".join(_UNSEEN.sub("", text[: 8 * most]).split())
    cut = text[:most]
    cut = _SCHEME.sub(lambda found: f"{_plain_scheme(found[1])}[:]//", cut)
    cut = _DOT.sub("[.]", cut)
    cut = _CODE.sub("［", cut).replace("@", "＠")
    return f"{cut}…" if len(text) > most else cut


def _plain_scheme(scheme: str) -> str:
    return re.sub("^http", "hxxp", scheme, flags=re.IGNORECASE)


def verbatim(text: str) -> str:
    """A member's text to be said again in their name: word for word, except for what would call everybody."""
    return _CODE.sub("［", _CALL_ALL.sub("＠ ", text))


def lasting(seconds: int) -> str:
    """Seconds as members read them."""
    for size, unit in ((86_400, "天"), (3600, "小时"), (60, "分钟")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} 秒"


def because(reasons: Sequence[Reason], most: int = 2) -> str:
    """The weightiest reasons that speak for an ad, in a few words."""
    words = dict.fromkeys(one.words for one in reasons if one.weight > 0 and one.words)
    return "、".join(list(words)[:most])


def number(decision: Decision) -> str:
    return f"#{decision.id}" if decision.id else "（没记上编号）"


def who(decision: Decision) -> str:
    name = safe(decision.member_name, NAME_SHOWN)
    account = decision.member_id.partition(":")[2]
    return f"{name}（{safe(account, 40)}）" if name and account else name or safe(account, 40) or "（已忘记的成员）"


# --- what a group reads ---------------------------------------------------------------------------


def notice(decision: Decision, *, removal: bool = False) -> str:
    """What the group is told when something was done: it repeats nothing of the message.

    removal  its admins are asked whether the author is to go
    """
    why = _PIECES.sub("", because(decision.finding.reasons))
    muted = f"，发的人禁言 {lasting(decision.outcome.seconds)}" if "mute" in decision.outcome.done else ""
    if any(one.startswith("mute") for one in decision.outcome.failed):
        muted = "，禁言没成功，请管理员看看"
    if not decision.id:
        return f"撤回了一条广告{f'（{why}）' if why else ''}{muted}。"
    # Whoever is muted can say nothing here.
    where = "私聊我" if "mute" in decision.outcome.done else ""
    undo = f"弄错了？管理员发 /误判 {decision.id}，本人{where}发 /申诉 {decision.id} 理由"
    out = f"\nTA 一再发广告，要移出群请管理员发：/移除 {decision.id} 踢出" if removal else ""
    return f"{number(decision)} 撤回了一条广告{f'（{why}）' if why else ''}{muted}。{undo}{out}"


def question(decision: Decision) -> str:
    """What the group's admins are asked in the group itself, by a line that quotes nothing."""
    if not decision.id:
        return "有一条消息像广告，管理员看一下。"
    return f"#{decision.id} 这条像广告，管理员看一下：/移除 {decision.id} 或 /误判 {decision.id}"


def powerless(decision: Decision) -> str:
    """What the group's admins are asked where the platform refused, or nobody saw it obey."""
    outcome = decision.outcome
    why = next(
        (one.partition(": ")[2] for one in (*outcome.failed, *outcome.unconfirmed) if one.startswith("recall")), ""
    )
    undo = f"；弄错了就发 /误判 {decision.id}" if decision.id else ""
    return f"{number(decision)} 有一条广告我撤不了{f'（{safe(why, 60)}）' if why else ''}，请管理员撤回{undo}。"


def silent(numbers: Collection[int]) -> str:
    """What is added to a line for the decisions before it that had none; the numbers are what undoes them."""
    return f"\n（前面来得太多，没有逐条说：{'、'.join(f'#{one}' for one in numbers)}）" if numbers else ""


# --- what admins read -----------------------------------------------------------------------------


def report(decision: Decision, *, would: str = "", why: str = "", untold: int = 0, removal: bool = False) -> str:
    """A decision, whole, for the admin group."""
    finding = decision.finding
    place = safe(decision.group_name, NAME_SHOWN) or decision.group_id
    lines = [f"{number(decision)} {who(decision)} 在「{place}」"]
    lines.append(f"{likely(finding)}：{because(finding.reasons, REASONS_SHOWN) or '没有说得出的理由'}")
    lines.append(f"原文：{safe(decision.text) or '（没有文字）'}{f'［{decision.lost}］' if decision.lost else ''}")
    lines.append(f"做了：{done(decision)}{f'（{why}）' if why else ''}")
    if would and decision.mode != "on":
        lines.append(f"影子模式没有动手，开启后会：{STEPS.get(would, would)}")
    if removal:
        lines.append(f"TA 一再发广告，要移出群请发：/移除 {decision.id} 踢出")
    lines.append("引用这条回：误判、是广告、移除 或 为什么" if decision.id else "数据库暂时写不进去，编号以后补。")
    if untold:
        lines.append(f"（来得太多，另有 {untold} 条没有逐条报，看：/防广告 待审）")
    return "\n".join(lines)


def done(decision: Decision) -> str:
    """What was done, what was not, in a line."""
    outcome = decision.outcome
    told = [_deed(one, outcome) for one in outcome.done]
    told += [_deed(one, outcome, "没成功") for one in outcome.failed]
    told += [_deed(one, outcome, "成没成不确定") for one in outcome.unconfirmed]
    if not told and decision.step in ("recall", "mute"):
        return f"{STEPS[decision.step]}，没有等到结果"
    return "；".join(told) or ENDS.get(decision.step, decision.step)


def likely(finding: Finding) -> str:
    """How much a message is like an ad, in a few words; it is never claimed to be certain."""
    return f"{min(finding.score, 0.99):.0%} 像广告" if finding.verdict != "pass" else "我没看出是广告"


def explanation(decision: Decision) -> str:
    """Why a message was judged as it was, every reason with its weight."""
    finding = decision.finding
    moment = time.strftime("%m-%d %H:%M", time.localtime(decision.time))
    verdicts = {"act": "是广告", "review": "拿不准", "pass": "没问题"}
    sure = f"（{likely(finding)}）" if finding.verdict != "pass" else ""
    lines = [f"#{decision.id} {who(decision)} {moment} 说的，判断：{verdicts[finding.verdict]}{sure}"]
    lines += [f"{'＋' if one.weight >= 0 else '－'}{abs(one.weight):.1f} {one.words}" for one in finding.reasons[:8]]
    lines.append(f"做了：{done(decision)}")
    if decision.label:
        lines.append(f"管理员说：{'是广告' if decision.label == 'spam' else '误判'}")
    return "\n".join(lines)


def _deed(entry: str, outcome: Outcome, end: str = "") -> str:
    name, _, why = entry.partition(": ")
    if name == "gone":
        return GONE
    words = DEEDS.get(name, name)
    if name == "mute" and outcome.seconds:
        words = f"禁言 {lasting(outcome.seconds)}"
    return f"{words}{end}{f'（{safe(why, 60)}）' if why else ''}" if end else f"已{words}"
