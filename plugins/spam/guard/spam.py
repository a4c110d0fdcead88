"""The guard in a group: it looks at every message, asks, acts, explains, and is put right by the admins."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field
from sqlite_utils import Database

from bot.api import (
    Context,
    Message,
    Plugin,
    Quoted,
    Recalled,
    Refusal,
    Reply,
    Role,
    Verdict,
    command,
    cron,
    on,
    screen,
)
from plugins.spam.guard import (
    access,
    appealing,
    correcting,
    demoting,
    joining,
    listing,
    questions,
    record,
    reporting,
    state,
    switching,
    tables,
    teaching,
    telling,
    watching,
)
from plugins.spam.guard.ladder import Highest
from plugins.spam.guard.state import Engines, kept

Number = Annotated[str, Field(pattern=r"^[#＃]?\d{1,15}$")]
Numbers = Annotated[str, Field(pattern=f"^{access.NUMBERS.pattern}$")]
Removal = Annotated[str, Field(pattern=r"^([#＃]?\d{1,15}|踢出|kick)$")]
Deed = Literal[
    "开启", "影子", "关闭", "战绩", "回退", "管理群", "待审", "名单", "规则",
    "on", "shadow", "off", "stats", "rollback", "admins", "queue", "list", "rules",
]  # fmt: skip
STEPS: Final[dict[str, Highest]] = {"记录": "note", "询问": "ask", "撤回": "recall", "禁言": "mute"}
KICKS: Final = ("踢出", "kick")
REFERS: Final = "要写编号，或者引用那条消息（或我说的那条）：/{} 128"


PRIVACY: Final = (
    f"像广告的消息连同判断存 {tables.TEXT_DAYS} 天，管理员教的一直留到撤回；"
    "老成员放行的话留一些，只在本机让本群的判断更准；"
    "有模型时，拿不准的消息连同前几句会请它看一眼，打开了读图的，新人的图片也是（管理员管开关）。"
)


class Spam(Plugin, title="防广告", tables=tables.tables, privacy=PRIVACY):
    """认出广告：先只看不动手，管理员开启后撤回、禁言，弄错了能撤销"""

    newcomer: int = Field(5, title="观察新人", description="新人说满几条正经话才算熟人", ge=0, le=100)
    highest: Literal["记录", "询问", "撤回", "禁言"] = Field(
        "禁言", title="最高一步", description="开启后最多做到哪一步：记录、询问、撤回、禁言"
    )
    minutes: int = Field(10, title="禁言分钟", description="第一次禁言多少分钟，再犯是一天", ge=1, le=1440)
    window: int = Field(24, title="重犯窗口小时", description="多少小时内再发才算再犯", ge=1, le=720)
    precision: float = Field(
        0.8, title="精确度下限", description="一条规则对的比例低于它，就改为先问管理员", ge=0.5, le=0.99
    )
    audits: int = Field(3, title="抽查", description="每天随机拿几条放过的消息问管理员，0 是不问", ge=0, le=20)
    reports: int = Field(3, title="举报门槛", description="几个成员举报同一条才报给管理员", ge=1, le=50)
    opinion: bool = Field(True, title="二次意见", description="拿不准时问一问模型（要有模型）")
    reads: bool = Field(False, title="读图", description="请能看图的模型读一读新人发的图：要有模型，图会发给它")
    share: bool = Field(False, title="共享", description="确认过的广告也教给同一个运营者的别的群")

    engines: ClassVar[Engines] = staticmethod(state.shipped)

    @property
    def ceiling(self) -> Highest:
        return STEPS[self.highest]

    # --- every message --------------------------------------------------------------------------

    @screen
    async def watch(self, ctx: Context, message: Message) -> Verdict | None:
        return await watching.watch(self, ctx, message)

    @on(Recalled)
    async def gone(self, ctx: Context, event: Recalled) -> None:
        known = (await kept(ctx)).groups.get(ctx.group.id)
        if known is not None:
            known.gone.append(event.message_id)

    # --- /防广告 --------------------------------------------------------------------------------

    @command("防广告", "spam")
    async def guard(self, ctx: Context, deed: Deed | None = None, *, words: str = "") -> str | Reply:
        """看防广告的状态：/防广告（还有：开启、影子、关闭、战绩、待审、名单、规则、回退、管理群）"""
        if deed in ("战绩", "stats"):
            return await record.record(self, ctx, words)
        await access.demand(ctx)
        guard = await kept(ctx)
        if news := await demoting.news(ctx, self, guard):
            await ctx.send(Reply(news, quote=False, verbatim=True))
        match deed:
            case None:
                return await switching.told(self, ctx, guard)
            case "开启" | "on":
                return await switching.switched(self, ctx, guard, "on")
            case "影子" | "shadow":
                return await switching.switched(self, ctx, guard, "shadow")
            case "关闭" | "off":
                return await switching.switched(self, ctx, guard, "off")
            case "回退" | "rollback":
                return await teaching.rollback(self, ctx)
            case "管理群" | "admins":
                return await joining.join(ctx, guard, words)
            case "待审" | "queue":
                return await switching.queue(ctx, guard)
            case "规则" | "rules":
                return await demoting.command(guard, await access.overseen(ctx), words)
            case "名单" | "list":
                return await listing.command(ctx, guard, await guard.group(ctx.group.id), words)
        raise AssertionError(deed)

    # --- what admins say to a decision ------------------------------------------------------------

    @command("误判", "ham", role=Role.ADMIN, demand=False)
    async def ham(self, ctx: Context, *, numbers: Numbers = "") -> str:
        """撤销一个判断，把话放回来：/误判 128（或引用它，也可以一次写几个编号）"""
        guard = await kept(ctx)

        async def one(number: str) -> str:
            matter = await access.matter(ctx, guard, number, REFERS.format("误判"))
            return await correcting.ham(self, ctx, guard, matter)

        return await access.each(numbers, one)

    @command("是广告", "isspam", role=Role.ADMIN, demand=False)
    async def spam(self, ctx: Context, *, numbers: Numbers = "") -> str:
        """确认是广告，处理并记住：/是广告 128（或引用它，也可以一次写几个编号）"""
        guard = await kept(ctx)

        async def one(number: str) -> str:
            matter = await access.matter(ctx, guard, number, REFERS.format("是广告"))
            # What passed was asked about long after: it stays where it is unless they say more than what it is.
            return await correcting.spam(self, ctx, guard, matter, acts=not correcting.drawn(matter.decision))

        return await access.each(numbers, one)

    @command("广告", "ad", role=Role.ADMIN)
    async def ad(self, ctx: Context) -> str:
        """引用一条消息，当广告处理并记住：/广告"""
        guard = await kept(ctx)
        return await correcting.spam(self, ctx, guard, await self._pointed(ctx, guard))

    @command("移除", "remove", role=Role.ADMIN, demand=False)
    async def remove(self, ctx: Context, first: Removal = "", second: Literal["", "踢出", "kick"] = "") -> str:
        """撤回一条，不教我什么：/移除 128（连人一起：/移除 128 踢出）"""
        guard = await kept(ctx)
        kick = first in KICKS or second in KICKS
        number = "" if first in KICKS else first
        matter = await (access.matter(ctx, guard, number, "") if number else self._pointed(ctx, guard))
        return await correcting.remove(self, ctx, guard, matter, kick=kick)

    async def _pointed(self, ctx: Context, guard: state.Guard) -> access.Matter:
        """What an admin quotes: something said in this group, or a report of ours about it."""
        quoted = await ctx.quoted()
        if quoted is not None and quoted.ours and (quoted.ref or "").startswith(access.REF):
            return await access.matter(ctx, guard, "", "")
        return await correcting.pointed(self, ctx, guard)

    @command("为什么", "why")
    async def why(self, ctx: Context, number: Number = "") -> Reply:
        """为什么这样判断：/为什么 128（管理员和本人可以问）"""
        guard = await kept(ctx)
        decision, _ = await access.meant(ctx, guard, number, REFERS.format("为什么"))
        if decision is None or decision.member_id != ctx.member.id or decision.group_id != ctx.group.id:
            await access.allowed(ctx, guard, decision, number)
        assert decision is not None
        return Reply(telling.explanation(decision), ref=f"{access.REF}{decision.id}", verbatim=True)

    @on(Quoted)
    async def answered(self, ctx: Context, event: Quoted) -> str | Reply | None:
        """An admin who quotes what we said of a message, and simply writes what it is."""
        if not (event.ref or "").startswith(access.REF) or event.member.is_bot:
            return None
        word, _, more = event.message.text.strip(" 。.!！~，,\n").partition(" ")
        numbers = more.strip() if access.NUMBERS.fullmatch(more.strip()) else ""
        if event.ref == questions.SEVERAL and not numbers:
            return questions.WHICH if word in ("误判", "是广告", "广告") else None
        try:
            match word:
                case "误判":
                    return await self.ham(ctx, numbers=numbers)
                case "是广告" | "广告":
                    return await self.spam(ctx, numbers=numbers)
                case "移除":
                    return await self.remove(ctx, "踢出" if more.strip() in KICKS else "")
                case "为什么":
                    return await self.why(ctx)
        except Refusal as refusal:
            return str(refusal)
        return None

    # --- what members say -------------------------------------------------------------------------

    @command("举报", "report")
    async def report(self, ctx: Context) -> str | Reply | None:
        """引用一条消息，说它是广告：/举报"""
        return await reporting.report(self, ctx)

    @command("申诉", "appeal")
    async def appeal(self, ctx: Context, number: Number, *, words: str) -> str | Reply:
        """我的消息被误会了：/申诉 128 理由"""
        return await appealing.appeal(self, ctx, int(number.strip("#＃")), words)

    # --- by the clock -----------------------------------------------------------------------------

    @cron("10 10,15,20 * * *")
    async def audit(self, ctx: Context) -> None:
        await questions.due(self, ctx)

    @cron("40 4 * * *")
    async def purge(self, ctx: Context) -> None:
        group_id = ctx.group.id
        await ctx.db.write(lambda db: tables.purge(db, group_id))

    @classmethod
    def forget(cls, db: Database, member_id: str) -> None:
        tables.forget(db, member_id)
