"""One event's way through the house: remember, screen, obey or tell, send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from aiohttp import web
from loguru import logger

from bot import moderation
from bot.addressing import Call, Unknown, wanted
from bot.apology import apology
from bot.binding import SLASHES, BadArguments, called
from bot.config import Config
from bot.context import House, RunContext
from bot.errors import Refusal, StoreError, XiaopengError
from bot.intake import Intake
from bot.lanes import Lanes
from bot.manners import Manners
from bot.plugin import Plugin, Returns
from bot.promptly import promptly
from bot.recovery import FRESH_SECONDS
from bot.roles import Roles
from bot.sending import Run
from bot.switchboard import Switchboard, View
from bot.types import (
    Account,
    Event,
    File,
    FriendRequest,
    Group,
    Health,
    JoinRequest,
    Member,
    Message,
    Outgoing,
    Profile,
    Quoted,
    Reaction,
    Reply,
    Role,
    Verdict,
)

Receive = Callable[[Event], None]
"""Takes an event into the group's lane; returns at once and never raises."""


class Adapter(Protocol):
    """A chat platform, as the pipeline needs it.

    platform   the prefix of every id it makes ("qq")
    streams    `send` understands `Outgoing.stream`
    forwards   `send` understands one `Forward` as its only part
    """

    name: str
    platform: str
    streams: bool
    forwards: bool

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """What it serves over HTTP."""

    def listen(self, receive: Receive) -> AbstractAsyncContextManager[None]:
        """Live while entered: connect, and hand every event to `receive`."""

    async def send(self, outgoing: Outgoing) -> str:
        """Send one message and return its id. Raises AdapterError."""

    async def role(self, group: Group, member_id: str) -> Role:
        """The member's role as the platform knows it now; UNKNOWN where it cannot tell."""

    async def size(self, group: Group) -> int | None:
        """How many members the group has; None where the platform does not say."""

    async def recall(self, group: Group, message_id: str) -> None:
        """Take a message back. Raises AdapterError, ambiguous where the platform did not confirm it."""

    async def mute(self, group: Group, member_id: str, seconds: int) -> None:
        """Silence a member; 0 lifts it. Raises AdapterError, like `recall`."""

    async def mute_all(self, group: Group, on: bool) -> None:
        """Silence the whole group, or let it speak again. Raises AdapterError, like `recall`."""

    async def kick(self, group: Group, member_id: str, *, forever: bool = False) -> None:
        """Remove a member; `forever` refuses their later requests. Raises AdapterError, like `recall`."""

    async def rename(self, group: Group, member_id: str, card: str) -> None:
        """Give a member another name in the group; empty takes it away. Raises AdapterError, like `recall`."""

    async def admit(self, request: JoinRequest | FriendRequest, approve: bool, reason: str = "") -> None:
        """Answer a request to enter, with the reason of a refusal. Raises AdapterError."""

    async def profile(self, group: Group, member_id: str, *, fresh: bool = False) -> Profile | None:
        """What the platform knows of a member, `fresh` past every cache; None where it cannot tell."""

    async def history(self, group: Group, account: Account, count: int) -> Sequence[Message]:
        """The last messages of a group, oldest first, as `recovered`; empty where the platform keeps none.

        Raises AdapterError.
        """

    async def fetch(self, group: Group, file: File, limit: int) -> bytes:
        """What a file that was shared in this group holds. Raises AdapterError, also beyond `limit` bytes."""

    def health(self) -> Sequence[Health]:
        """One entry per account."""


SLOW_SCREEN_SECONDS = 0.005
SCREEN_SECONDS = 1.0
"""A screen that hangs is given up after this, and the message goes its way."""
LISTENER_BOUND = 200
LATER_PLEASE = "现在消息太多，请稍后再试。"


@dataclass(slots=True)
class Told:
    """An event on its way to one listener."""

    handler: str
    plugin: Plugin
    event: Event


class Pipeline:
    """Takes each event one straight way. One lane per group keeps the order."""

    def __init__(
        self, config: Config, board: Switchboard, house: House, adapters: Mapping[str, Adapter], roles: Roles
    ) -> None:
        self.board = board
        self.house = house
        self._config = config
        self._adapters = adapters
        self._roles = roles
        self._names = tuple(sorted({config.name, *config.aliases}, key=len, reverse=True))
        self.lanes: Lanes[str, Event] = Lanes(self.handle, config.lanes.events)
        self.listeners: Lanes[tuple[str, str], Told] = Lanes(self._hear, LISTENER_BOUND)
        self.tasks: dict[str, set[asyncio.Task[object]]] = {}
        self.intake = Intake(
            config.lanes,
            adapters,
            house.log,
            house.powers.forgotten,
            lanes=self.lanes,
            running=lambda group_id: len(self.tasks.get(group_id, ())),
            full=self._full,
        )
        self._manners = Manners(config.pace)
        self._screened: set[str] = set()

    def _full(self, message: Message) -> None:
        """No room in the lane: whoever gave a command hears so."""
        if isinstance(self._wanted(message, self.board.view(message.group.id)), Call):
            self._later_please(message)

    def _later_please(self, message: Message) -> None:
        """Once, until the group is calm again."""
        if not self.intake.overloaded(message.group.id):
            self._speak(message, LATER_PLEASE)

    def _wanted(self, message: Message, view: View) -> Call | Unknown | None:
        return wanted(message, view, self._names, self.intake.accounts.own)

    # --- one event's way ---------------------------------------------------------------------

    async def handle(self, event: Event) -> None:
        if not isinstance(event, Message):
            self.house.log.happened(event)
            await self.tell(event)
            return
        self.house.log.heard(event)
        if self._is_bot(event.member) and not event.member.is_bot:
            event = replace(event, member=replace(event.member, is_bot=True))
        view = self.board.view(event.group.id)
        found = self._wanted(event, view)
        if view.screens and not self._steers(event, found) and await self.stopped(event, view):
            return
        if event.recovered and time.time() - event.time > FRESH_SECONDS:
            return  # the talk has gone on: an answer now would only surprise
        if event.member.is_bot or found is None:
            await self.tell(event)
        elif isinstance(found, Unknown):
            await self._suggest(event, view, found)
        elif not found.named and event.quote is not None and Quoted in view.listeners:
            self._spawn(event.group.id, self._quoting(event, view, found))
        else:
            await self.obey(event, found)

    def _steers(self, message: Message, found: Call | Unknown | None) -> bool:
        """Whether an admin gives a command of control: no screen may keep them from switching it off."""
        if not isinstance(found, Call) or not found.plugin.plugin_fixed:
            return False
        return self._roles.known(message.group, message.member) >= Role.ADMIN

    def _is_bot(self, member: Member) -> bool:
        return member.is_bot or member.id in self._config.bots or member.id in self.intake.accounts.own

    async def stopped(self, message: Message, view: View) -> bool:
        for handler, plugin in view.screens:
            context = self._context(plugin, message)
            started = time.perf_counter()
            try:
                verdict: Verdict | None = await promptly(getattr(plugin, handler)(context, message), SCREEN_SECONDS)
            except Exception:  # noqa: BLE001 - a broken screen must not let the group fall silent
                logger.exception("The screen of {} failed", plugin.plugin_name)
                continue
            took = time.perf_counter() - started
            # What a screen loads when it first runs is no habit of it.
            known = plugin.plugin_name in self._screened
            self._screened.add(plugin.plugin_name)
            if took > SLOW_SCREEN_SECONDS and known:
                logger.warning("The screen of {} took {:.1f} ms", plugin.plugin_name, took * 1000)
            if verdict is not None:
                self._spawn(message.group.id, self._act(plugin, context.run, message, verdict))
                return True
        return False

    async def _act(self, plugin: Plugin, run: Run, message: Message, verdict: Verdict) -> None:
        await moderation.carry_out(
            verdict,
            platform=self._adapters[message.group.platform],
            plugin=plugin,
            message=message,
            outbox=self.house.outbox,
            store=self.house.store,
            run=run,
        )

    # --- commands ------------------------------------------------------------------------------

    async def _quoting(self, message: Message, view: View, call: Call) -> None:
        """What is said to the bot by quoting it: platforms add a mention to a quote, which makes no question of it.

        Whoever listens for quotes hears it first; where none of them answers, it is the question after all.
        """
        quoted = await self._quoted(message)
        for handler, plugin in view.listeners[Quoted] if quoted is not None else ():
            assert quoted is not None
            context = self._context(plugin, quoted)
            try:
                reply: Returns = await getattr(plugin, handler)(context, quoted)
            except Exception as error:  # noqa: BLE001 - one listener's failure must not swallow the question
                logger.opt(exception=not isinstance(error, XiaopengError)).error("{}: {}", plugin.plugin_name, error)
                continue
            if reply is not None:
                await self._finish(context, reply)
                return
            await context.close()
        await self.obey(message, call)

    async def _suggest(self, message: Message, view: View, unknown: Unknown) -> None:
        """An unknown `/word`: the nearest command, or silence, since other bots have commands too."""
        if any(called(unknown.line, command.names) for kind in self.board.catalog for command in kind.plugin_commands):
            return  # it belongs to a plugin that is off here
        guess = unknown.guess(view, max(Role.MEMBER, self._roles.known(message.group, message.member)))
        if guess is not None and await self._manners.may(message, slash=True) is True:
            self._speak(message, f"没有这个命令，是想说「/{guess}」吗？")

    async def obey(self, message: Message, call: Call) -> None:
        """From a found command to its running handler, in the lane as far as order demands."""
        if (message.group.id, message.id) in self.intake.answered:
            self.intake.duplicates += 1
            return
        if not self._steers(message, call):
            manners = await self._manners.may(message, slash=message.text.lstrip()[:1] in SLASHES)
            if manners is not True:
                if manners:
                    self._speak(message, manners)
                return
        context = self._context(call.plugin, message)
        if call.command.inline:
            await self._take(message)
            reply = await self._outcome(context, call, message)
            self._spawn(message.group.id, self._finish(context, reply))
            self._manners.replied(message)
            return
        running, most = len(self.tasks.get(message.group.id, ())), self._config.lanes.tasks
        if running >= most:
            self._later_please(message)
            return
        crowded = running > most // 2
        if crowded:
            # Here the lane waits, so that what runs may come to its end before more is begun.
            await self._take(message)
        self._spawn(message.group.id, self._answer(context, call, message, taken=crowded))

    async def _take(self, message: Message) -> None:
        # Where this cannot be written, the memory of this process still answers it only once.
        with suppress(StoreError):
            await self.house.log.take(message)

    async def _answer(self, context: RunContext, call: Call, message: Message, *, taken: bool) -> None:
        if not taken:
            await self._take(message)
        await self._finish(context, await self._outcome(context, call, message))
        self._manners.replied(message)

    async def _outcome(self, context: RunContext, call: Call, message: Message) -> Returns:
        """Role, arguments, handler: what to say, whatever happens."""
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            if call.command.role > Role.MEMBER and call.command.demand:
                await self._roles.demand(message, call.command.role)
            arguments = call.command.binder.bind(call.line)
            handler: Callable[..., Awaitable[Returns]] = getattr(call.plugin, call.command.handler)
            reply = await handler(context, **arguments)
            outcome = "ok"
            return reply
        except BadArguments:
            outcome = "usage"
            return Reply(call.command.usage, verbatim=True)
        except Exception as error:  # noqa: BLE001 - here every failure of a handler ends, told by kind
            outcome = type(error).__name__
            # A refusal is the plugin's own sentence, and may hold what a model wrote; the other apologies are ours.
            ours = not isinstance(error, Refusal) or not context.run.produced
            return Reply(apology(error, call.plugin.plugin_name), verbatim=ours)
        finally:
            ms = round((time.perf_counter() - started) * 1000, 2)
            command = call.command.names[-1]
            self.house.log.obeyed(message, context.member.id, call.plugin.plugin_name, command, outcome, ms)

    async def _finish(self, context: RunContext, reply: Returns) -> None:
        """Send the reply of a handler; where its answer breaks off, say so."""
        try:
            if reply is not None:
                await context.send(reply)
        except Exception as error:  # noqa: BLE001 - an answer may break off in any way; the member is told
            await context.send(Reply(apology(error, context.run.plugin), verbatim=True))
        finally:
            await context.close()

    async def guard(self, context: RunContext, work: Callable[[], Awaitable[Returns]], *, silent: bool = False) -> None:
        """Run work beside the lane and say what it returns; its failure is logged, not said.

        `silent`: what another bot caused is heard, and not answered.
        """
        try:
            reply = await work()
            if reply is not None and not silent:
                await context.send(reply)
        except Exception as error:  # noqa: BLE001 - nobody waits for this work; the log is where it is told
            logger.opt(exception=not isinstance(error, XiaopengError)).error(
                "Work of {} in {} failed: {}", context.run.plugin, context.group.id, error
            )
        finally:
            await context.close()

    # --- life ------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        waiting = self.house.waiting.values()
        beside = self.listeners.busy or self.intake.recovery.busy or any(waiting)
        return self.lanes.busy or bool(self.tasks) or beside

    async def close(self, grace: float = 5.0) -> None:
        """Hear no more, let what is under way come to its end for `grace` seconds, then cancel it."""
        await self.intake.close()
        await self.lanes.close(grace)
        await self.listeners.close(grace)
        tasks = [task for tasks in (*self.tasks.values(), *self.house.waiting.values()) for task in tasks]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # --- listeners -------------------------------------------------------------------------------

    async def tell(self, event: Event) -> None:
        """Hand an event to the listeners, each on its own bounded queue."""
        view = self.board.view(event.group.id)
        if not view.listeners:
            return
        if isinstance(event, Reaction) and Reaction in view.listeners:
            origin = await self.house.outbox.origin(event.group.id, event.message_id)
            if origin is not None:
                event = replace(event, ref=origin[0], answer=origin[1])
        if isinstance(event, Message) and event.quote is not None and Quoted in view.listeners:
            quoted = await self._quoted(event)
            if quoted is not None:
                self._put(view, quoted)
        self._put(view, event)

    async def _quoted(self, message: Message) -> Quoted | None:
        """What a message quotes, where we have said it."""
        origin = await self.house.outbox.origin(message.group.id, message.quote or "")
        if origin is None:
            return None
        return Quoted(
            group=message.group, account=message.account, time=message.time, message=message, member=message.member,
            ref=origin[0], answer=origin[1],
        )  # fmt: skip

    def _put(self, view: View, event: Event) -> None:
        for handler, plugin in view.listeners.get(type(event), ()):
            if not self.listeners.put((plugin.plugin_name, event.group.id), Told(handler, plugin, event)):
                self.intake.dropped[event.group.id] += 1

    async def _hear(self, told: Told) -> None:
        context = self._context(told.plugin, told.event)
        work = partial(getattr(told.plugin, told.handler), context, told.event)
        await self.guard(context, work, silent=self._is_bot(context.member))

    async def run_job(self, group: Group, kind: type[Plugin], handler: str) -> None:
        """A plugin's job in one group, if it is on there."""
        plugin = self.board.view(group.id).plugins.get(kind)
        if plugin is None:
            return
        account = await self.speaker(group)
        if account is None:
            return
        run = Run(plugin.plugin_name, group, account, Member(account.id, self._config.name, is_bot=True))
        context = RunContext(self.house, plugin, run)
        await self.guard(context, partial(getattr(plugin, handler), context))

    async def speaker(self, group: Group) -> Account | None:
        """The account of ours that speaks for a group; None where none ever heard of it."""
        return self.intake.accounts.speaker(group) or await self.house.log.account(group.id)

    # --- helpers ---------------------------------------------------------------------------------

    def _run(self, plugin: str, event: Event) -> Run:
        message = event if isinstance(event, Message) else getattr(event, "message", None)
        member = getattr(event, "member", None) or Member(event.account.id, self._config.name)
        group = event.group
        if not group.name and not group.direct:
            # Many a notice carries no name of its group, while messages do.
            name = self.house.log.name(group.id)
            if name:
                group = Group(group.id, name)
        return Run(plugin, group, event.account, member, message)

    def _speak(self, message: Message, text: str) -> None:
        """Say a sentence of the house itself, beside the lane."""
        if len(self.tasks.get(message.group.id, ())) < 2 * self._config.lanes.tasks:
            self._spawn(message.group.id, self.house.outbox.say(self._run("control", message), text))

    def warn(self, text: str) -> None:
        """Tell the operators, each in a direct chat, where one of our accounts is on their platform."""
        for operator in self._config.operators:
            platform, _, number = operator.partition(":")
            account = next(
                (Account(id) for id in sorted(self.intake.accounts.own) if id.startswith(f"{platform}:")), None
            )
            if platform in self._adapters and account is not None:
                group = Group(f"{platform}:dm:{number}", direct=True)
                run = Run("control", group, account, Member(operator))
                self._spawn(group.id, self.house.outbox.say(run, text))

    def _context(self, plugin: Plugin, event: Event) -> RunContext:
        return RunContext(self.house, plugin, self._run(plugin.plugin_name, event))

    def _spawn(self, group_id: str, work: Coroutine[Any, Any, object]) -> None:
        """Run beside the lane, watched."""
        tasks = self.tasks.setdefault(group_id, set())
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(partial(self._done, group_id))

    def _done(self, group_id: str, task: asyncio.Task[object]) -> None:
        tasks = self.tasks[group_id]
        tasks.discard(task)
        if not tasks:
            del self.tasks[group_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error("Something beside the lane of {} failed", group_id)
