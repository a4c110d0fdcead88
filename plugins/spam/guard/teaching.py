"""What a group teaches the guard: known at once by being alike, learnt beside the lane, and taken back on request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from loguru import logger

from bot.api import Context, Refusal, Reply, StoreError
from plugins.spam.finding import Said
from plugins.spam.guard import lessons, pictures
from plugins.spam.guard.decisions import Decision, Label
from plugins.spam.guard.groups import Watched
from plugins.spam.guard.said import is_command, is_real
from plugins.spam.guard.state import Guard, kept
from plugins.spam.guard.studying import NUMBERS, Lesson
from plugins.spam.guard.tables import EVERYWHERE
from plugins.spam.model import Model

if TYPE_CHECKING:
    from plugins.spam.guard.spam import Spam

NEED_LINES, NEED_SECONDS = 1, 600.0
UNWRITTEN: Final = "学到的暂时写不进数据库，样本还在，以后再学。"
UNREADY: Final = "学习用的数据没有加载上，样本记下了，现在只按相似的认。"
NOTHING: Final = "本群还没有学过什么。"


async def model_of(guard: Guard) -> Model | None:
    """The weights of the engine; None: it has none, or did not load."""
    try:
        engine, _ = await guard.engine()
    except Exception:  # noqa: BLE001 - whoever judges with it says so
        return None
    # A judge need not be the one with weights: then there is nothing to teach.
    return getattr(engine, "model", None)


async def ready(settings: Spam, ctx: Context, guard: Guard, watched: Watched) -> None:
    """Bring what the engine is told of a group up to date; once after the start, and where others share something."""
    model = await model_of(guard)
    if await guard.school.refresh(guard.db, watched, model, share=settings.share):
        ctx.later(partial(_study, ctx, guard, watched))


def passed(ctx: Context, guard: Guard, watched: Watched, seen: Said) -> None:
    """Keep a message that passed, where a trusted member said it: so people talk here."""
    if not seen.trusted or is_command(seen.text) or not is_real(seen.text):
        return
    if guard.school.hear(watched, seen.member, seen.text):
        ctx.later(partial(_study, ctx, guard, watched))


async def learn(asked: Context, there: Context, decision: Decision, label: Label) -> str:
    """Learn from an admin's word; the sample itself stands in its table already.

    asked  where the word was given, and what comes of the lesson is told
    there  where the message was said
    """
    guard = await kept(there)
    school = guard.school
    watched = await guard.group(there.group.id)
    share = shares(there)
    if label == "ham" or share:
        school.outdated(EVERYWHERE)
    model = await model_of(guard)
    await school.refresh(guard.db, watched, model, share=share)
    if model is None or not decision.text.strip():
        return ""
    school.asked.setdefault(watched.id, []).append(asked)
    if not there.later(partial(_study, there, guard, watched)):
        school.outdated(watched.id)  # the next message that is heard brings it up again
    return ""


def shares(ctx: Context) -> bool:
    """Whether a group shares what it confirms; an admin may speak from another one, with settings of its own."""
    return bool(getattr(ctx.settings, "share", False))


# --- the lesson -------------------------------------------------------------------------------------


async def _study(ctx: Context, guard: Guard, watched: Watched) -> None:
    """One lesson of a group, with all that was taught until it begins."""
    school = guard.school
    async with school.lesson:
        asked = school.asked.pop(watched.id, [])
        model = await model_of(guard)
        if model is None or watched.mode == "off":
            return
        lesson, failed = Lesson(guard, watched, model), False
        try:
            await lesson.give()
        except StoreError as error:
            logger.warning("spam: a lesson of {} is not written: {}", watched.id, error)
            lesson.told.append(UNWRITTEN)
            failed = True
        except (OSError, ValueError) as error:
            logger.error("spam: nothing can be learnt: {}", error)
            lesson.told.append(UNREADY)
            failed = True
        if lesson.refused:
            school.outdated(EVERYWHERE)
        await school.refresh(guard.db, watched, model, share=shares(ctx))
        if failed:
            school.postpone(watched.id)
    if not asked and lesson.refused:
        asked = await _overseers(ctx, watched)
    for place in {place.group.id: place for place in asked}.values():
        # That it waits for others to talk is no news with every word.
        needs = bool(lesson.needs) and watched.may_tell(f"needs {place.group.id}", NEED_LINES, NEED_SECONDS)
        if line := lesson.line(needs=needs):
            await place.send(Reply(line, quote=False, verbatim=True))


async def _overseers(ctx: Context, watched: Watched) -> list[Context]:
    """Where admins read of what nobody waits for."""
    if watched.admin_group is None:
        return [ctx] if watched.mode == "on" else []
    there = await ctx.elsewhere(watched.admin_group)
    return [there] if there is not None else []


# --- back -------------------------------------------------------------------------------------------


async def rollback(settings: Spam, ctx: Context) -> str:
    """Take back what was taught last. Raises Refusal where there is nothing."""
    guard = await kept(ctx)
    school = guard.school
    watched = await guard.group(ctx.group.id)
    async with school.lesson:
        taken = await guard.db.write(partial(lessons.take_back, group_id=watched.id), durable=True)
        if taken is None:
            raise Refusal(NOTHING)
        school.outdated(EVERYWHERE)
        await school.refresh(guard.db, watched, await model_of(guard), share=settings.share)
    for number in taken.decisions:
        await pictures.unteach(ctx, "", number)
    what = "、".join(f"#{number}" for number in taken.decisions[:NUMBERS])
    if taken.samples > min(len(taken.decisions), NUMBERS):
        what = f"{what} 等 {taken.samples} 条" if what else f"{taken.samples} 条"
    if taken.before == taken.after:
        return f"回退了：最近教的 {what} 撤下了，它还没学进判断里。"
    place = f"第 {taken.after} 版" if taken.after else "出厂的判断"
    return f"回退了：从第 {taken.before} 版回到{place}{f'，撤下了 {what}' if taken.samples else ''}。"
