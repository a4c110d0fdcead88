"""What a plugin is: a settings model with handlers.

`self` is this group's validated, frozen settings and nothing else; `Context` carries the rest.
The decorators only mark a function; `Plugin` collects the marks when the class is made.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Concatenate, Literal, ParamSpec, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlite_utils import Database, Migrations

from bot.binding import LONGEST_NAME, Binder
from bot.models.desk import Models
from bot.store.database import Db
from bot.store.log import Utterance
from bot.types import (
    Event,
    File,
    Findings,
    FriendRequest,
    Group,
    Health,
    Image,
    JoinRequest,
    Member,
    Message,
    Profile,
    Reply,
    Role,
    Sent,
    Stream,
    Verdict,
)

Returns = str | Reply | Image | Stream | None
"""What a handler may answer with; None is silence."""

P = ParamSpec("P")
S = TypeVar("S", bound="Plugin")
E = TypeVar("E", bound=Event)
R = TypeVar("R", bound=Returns)
T = TypeVar("T")
Factory = Callable[[Any, Db], AbstractAsyncContextManager[T]]
"""Makes what `Context.keep` keeps, from the plugin's settings and its database."""

MARK = "__xiaopeng__"


class Acts(Protocol):
    """What a handler may do in its group; each change is written down, with who had it done and what came of it.

    All that change something raise AdapterError: refused, or `ambiguous` where the platform agreed and nobody saw
    it happen. Left alone, the error is told to the member in one sentence.
    """

    async def recall(self, message_id: str) -> None:
        """Take a message back."""

    async def mute(self, member_id: str, seconds: int) -> None:
        """Silence a member; 0 lifts it."""

    async def mute_all(self, on: bool) -> None:
        """Silence the whole group, or let it speak again."""

    async def kick(self, member_id: str, forever: bool = False) -> None:
        """Remove a member; `forever` refuses their later requests."""

    async def rename(self, member_id: str, card: str) -> None:
        """Give a member another name in the group; empty takes it away."""

    async def admit(self, request: JoinRequest | FriendRequest, approve: bool, reason: str = "") -> None:
        """Answer a request to enter, with the reason of a refusal."""

    async def profile(self, member_id: str, fresh: bool = False) -> Profile | None:
        """What the platform knows of a member, at most a minute old unless `fresh`; None where it cannot tell."""

    async def role(self, member_id: str) -> Role:
        """A member's role this moment, operators and helpers of the admins included; UNKNOWN where nobody tells."""


class Context(Protocol):
    """All that a handler can reach, besides its settings."""

    group: Group
    member: Member
    """Who the event is about; in a job, the bot itself."""
    message: Message | None
    """The message at hand, where there is one."""
    bot_name: str
    db: Db
    models: Models

    @property
    def settings(self) -> Plugin:
        """The plugin's settings in this group: what `self` is in a handler."""

    @property
    def acts(self) -> Acts:
        """What may be done in the group, beyond speaking."""

    async def send(self, reply: str | Reply | Image | Stream) -> Sent | None:
        """Say something now. None: it did not go out, and the log says why."""

    def later(self, work: Callable[[], Awaitable[Returns]], after: float = 0) -> bool:
        """Run `work` beside the lane, `after` seconds from now; its return value is said.

        False: too much of this plugin is waiting already, and `work` is not run.
        """

    async def keep(
        self, factory: Factory[T], *, scope: Literal["group", "bot"] = "group", depends: tuple[str, ...] = ()
    ) -> T:
        """One costly object, made on first use by `factory(settings, db)`.

        It lives until the app stops or a setting in `depends` changes.
        """

    async def quoted(self) -> Utterance | None:
        """The message that the one at hand quotes, as far as the log remembers it."""

    async def fetch(self, file: File) -> bytes:
        """What a file that was shared in this group holds, at most 20 MB of it.

        Raises FetchError or AdapterError; left alone, either is told to the member in one sentence.
        """

    async def consult(self, question: str) -> Findings | None:
        """What the sources of the plugins that are on here know of it, merged; None where no source is on.

        It takes at most five seconds; a source that fails or is late is left out.
        """

    async def elsewhere(self, group_id: str) -> Context | None:
        """This plugin in another group, on behalf of the member at hand: what is said and done there happens there.

        None: the bot does not serve that group, or the plugin is off there. Who may have something done there is for
        the plugin to decide.
        """

    async def size(self) -> int | None:
        """How many members the group has; None where the platform does not say."""

    def health(self) -> Sequence[Health]:
        """What is up and what is down, the group's own troubles last."""


# --- marks --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """A handler that members call by one of its `names`."""

    names: tuple[str, ...]
    handler: str
    role: Role
    addressed: bool
    inline: bool
    """Runs in the group's lane, so that nothing overtakes it."""
    demand: bool
    """The role is demanded before the handler runs; else the handler does so itself."""
    usage: str
    binder: Binder


@dataclass(frozen=True, slots=True)
class Listener:
    event: type[Event]
    handler: str


@dataclass(frozen=True, slots=True)
class Job:
    """A handler that runs by the clock, once for each group where its plugin is on."""

    handler: str
    seconds: float = 0
    crontab: str = ""


@dataclass(frozen=True, slots=True)
class _Mark:
    kind: Literal["command", "on", "screen", "source", "job"]
    names: tuple[str, ...] = ()
    role: Role = Role.MEMBER
    addressed: bool = False
    inline: bool = False
    demand: bool = True
    event: type[Event] | None = None
    seconds: float = 0
    crontab: str = ""


def _marked(function: T, mark: _Mark) -> T:
    setattr(function, MARK, mark)
    return function


def command(
    *names: str, role: Role = Role.MEMBER, addressed: bool = False, inline: bool = False, demand: bool = True
) -> Callable[
    [Callable[Concatenate[S, Context, P], Coroutine[Any, Any, R]]],
    Callable[Concatenate[S, Context, P], Coroutine[Any, Any, R]],
]:
    """Members call this by `/name arguments`; the first name is the Chinese one.

    The parameters after `ctx` are bound from the words by their types; a keyword-only last
    one takes the rest of the line. The docstring's first line is the usage message.

    role       who may call it; anything above MEMBER is asked of the platform afresh
    addressed  it also takes what is said to the bot without a command word
    inline     it runs in the group's lane: for changes that the next message must see
    demand     False: `role` only says whom it is shown to, and the handler itself asks who may, for example where
               an admin of one group may do something in another
    """

    def mark(
        function: Callable[Concatenate[S, Context, P], Coroutine[Any, Any, R]],
    ) -> Callable[Concatenate[S, Context, P], Coroutine[Any, Any, R]]:
        return _marked(function, _Mark("command", names, role, addressed, inline, demand))

    return mark


def on(
    event: type[E],
) -> Callable[[Callable[[S, Context, E], Coroutine[Any, Any, R]]], Callable[[S, Context, E], Coroutine[Any, Any, R]]]:
    """Called for every such event that is not a command, in order, on a bounded queue of the group."""

    def mark(
        function: Callable[[S, Context, E], Coroutine[Any, Any, R]],
    ) -> Callable[[S, Context, E], Coroutine[Any, Any, R]]:
        return _marked(function, _Mark("on", event=event))

    return mark


def screen(
    function: Callable[[S, Context, Message], Coroutine[Any, Any, Verdict | None]],
) -> Callable[[S, Context, Message], Coroutine[Any, Any, Verdict | None]]:
    """Called for every message before anything else; a `Verdict` ends its way.

    It holds up the group: it is local and takes at most 5 ms. What needs longer goes through
    `ctx.later`.
    """
    return _marked(function, _Mark("screen"))


def source(
    function: Callable[[S, Context, str], Coroutine[Any, Any, Findings | None]],
) -> Callable[[S, Context, str], Coroutine[Any, Any, Findings | None]]:
    """Called with a question that somebody asks: what does this plugin know of it?

    It only looks something up: within five seconds, and without consulting others. A plugin has one.
    """
    return _marked(function, _Mark("source"))


def every(
    *, hours: float = 0, minutes: float = 0, seconds: float = 0
) -> Callable[[Callable[[S, Context], Coroutine[Any, Any, R]]], Callable[[S, Context], Coroutine[Any, Any, R]]]:
    """Called at this interval for each group where the plugin is on."""
    interval = hours * 3600 + minutes * 60 + seconds
    if interval <= 0:
        raise TypeError("every() needs an interval: @every(hours=24)")

    def mark(
        function: Callable[[S, Context], Coroutine[Any, Any, R]],
    ) -> Callable[[S, Context], Coroutine[Any, Any, R]]:
        return _marked(function, _Mark("job", seconds=interval))

    return mark


def cron(
    crontab: str,
) -> Callable[[Callable[[S, Context], Coroutine[Any, Any, R]]], Callable[[S, Context], Coroutine[Any, Any, R]]]:
    """Called at "minute hour day month weekday" local time; weekdays are names (mon), as numbers differ."""
    fields = crontab.split()
    if len(fields) != 5 or any(character.isdigit() for character in fields[4]):
        raise TypeError(f'cron("{crontab}") needs five fields, the weekday by name: "0 9 * * mon"')

    def mark(
        function: Callable[[S, Context], Coroutine[Any, Any, R]],
    ) -> Callable[[S, Context], Coroutine[Any, Any, R]]:
        return _marked(function, _Mark("job", crontab=crontab))

    return mark


# --- the plugin itself --------------------------------------------------------------------


class Plugin(BaseModel):
    """Subclass it with a Chinese `title`; the fields are its settings, one instance a group.

    title    how members and admins call it
    name     its English name; the class's own in lower case unless given
    tables   its migrations, applied at the start; with tables, `forget` must be there
    default  whether it is on where a group has not said otherwise
    fixed    it cannot be switched off; only for the house's own
    privacy  what `/隐私` is to say of it: what it keeps of members and for how long, one sentence
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    plugin_title: ClassVar[str] = ""
    plugin_name: ClassVar[str] = ""
    plugin_default: ClassVar[bool] = True
    plugin_fixed: ClassVar[bool] = False
    plugin_privacy: ClassVar[str] = ""
    plugin_tables: ClassVar[Migrations | None] = None
    plugin_commands: ClassVar[tuple[Command, ...]] = ()
    plugin_listeners: ClassVar[tuple[Listener, ...]] = ()
    plugin_screens: ClassVar[tuple[str, ...]] = ()
    plugin_sources: ClassVar[tuple[str, ...]] = ()
    plugin_jobs: ClassVar[tuple[Job, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        name: str = "",
        tables: Migrations | None = None,
        default: bool = True,
        fixed: bool = False,
        privacy: str = "",
        **kwargs: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        title = cls.model_config.get("title")  # pydantic takes this class argument for itself
        if not title:
            raise TypeError(f"{cls.__name__} needs a title: class {cls.__name__}(Plugin, title=…)")
        cls.plugin_title = title
        cls.plugin_name = name or cls.__name__.lower()
        cls.plugin_tables = tables
        cls.plugin_default = default
        cls.plugin_fixed = fixed
        cls.plugin_privacy = privacy
        marks = [(name, getattr(function, MARK)) for name, function in vars(cls).items() if hasattr(function, MARK)]
        # pydantic takes a handler that bears the name of a setting for the setting's default.
        clash = [name for name, setting in cls.model_fields.items() if hasattr(setting.default, MARK)]
        if clash:
            raise TypeError(f"{cls.__name__}: {', '.join(sorted(clash))} is both a setting and a handler")
        cls.plugin_commands = tuple(cls._command(name, mark) for name, mark in marks if mark.kind == "command")
        cls.plugin_listeners = tuple(Listener(mark.event, name) for name, mark in marks if mark.kind == "on")
        cls.plugin_screens = tuple(name for name, mark in marks if mark.kind == "screen")
        cls.plugin_sources = tuple(name for name, mark in marks if mark.kind == "source")
        if len(cls.plugin_sources) > 1:
            raise TypeError(f"{cls.__name__} has more than one source: {', '.join(cls.plugin_sources)}")
        cls.plugin_jobs = tuple(Job(name, mark.seconds, mark.crontab) for name, mark in marks if mark.kind == "job")
        forgets = any("forget" in vars(base) for base in cls.__mro__[: cls.__mro__.index(Plugin)])
        if tables is not None and not forgets:
            raise TypeError(
                f"{cls.__name__} has tables: it must say how to forget a member (forget(cls, db, member_id))"
            )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Takes the class arguments, which pydantic hands on to `__pydantic_init_subclass__`."""
        super().__init_subclass__()

    @classmethod
    def _command(cls, name: str, mark: _Mark) -> Command:
        function = getattr(cls, name)
        usage = (inspect.getdoc(function) or "").partition("\n")[0]
        if not usage:
            raise TypeError(f"{cls.__name__}.{name} needs a docstring: its first line is the usage message")
        if not mark.names:
            raise TypeError(f"{cls.__name__}.{name} needs a name: @command(…)")
        if max(map(len, mark.names)) > LONGEST_NAME:
            raise TypeError(f"{cls.__name__}.{name}: a command's name has at most {LONGEST_NAME} characters")
        return Command(mark.names, name, mark.role, mark.addressed, mark.inline, mark.demand, usage, Binder(function))

    @classmethod
    def forget(cls, db: Database, member_id: str) -> None:
        """Delete or unlink what is stored of a member; runs in the writer, all plugins in one transaction."""

    @classmethod
    def describe(cls) -> str:
        """The plugin's own docstring: what admins and members read about it."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]
