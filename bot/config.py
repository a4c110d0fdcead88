"""Every setting that the operator makes outside the chat, read from the environment.

The names follow the nesting: `XIAOPENG_SERVER__PORT`. `.env.example` is generated from here
(`xiaopeng env`), and a test holds it to that.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from bot.errors import ConfigError

PREFIX = "XIAOPENG_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _peer_address(address: str) -> str:
    """Refuse what cannot be dialled, without repeating it: it may hold a token."""
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or address != address.strip() or any(character.isspace() for character in address):
        raise PydanticCustomError("address", "An address is like ws://127.0.0.1:3001 or wss://example.org/path")
    return address


PeerAddress = Annotated[str, AfterValidator(_peer_address)]
MemberId = Annotated[str, StringConstraints(pattern=r"^[a-z]+:\S+$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    """The one web server that adapters share."""

    host: str = Field(
        "127.0.0.1", description="Address to listen on; beyond loopback a token and a password are needed"
    )
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on (0: any free one)")
    hosts: tuple[str, ...] = Field(
        (), description='Further Host names the web pages answer to, as JSON: ["bot.example.org"]'
    )


class Web(Section):
    """The web chat."""

    enabled: bool = Field(True, description="Serve the web chat at /")
    password: SecretStr | None = Field(None, description="Password of the web pages; required beyond loopback")


class OneBot(Section):
    """QQ through a OneBot v11 implementation."""

    enabled: bool = Field(True, description="Accept OneBot v11 reverse WebSocket at /onebot/v11/ws")
    connect: tuple[PeerAddress, ...] = Field(
        (), description='Implementations to dial by forward WebSocket, as JSON: ["ws://127.0.0.1:3001"]'
    )
    token: SecretStr | None = Field(None, description="Access token of the implementation; required beyond loopback")
    timeout: float = Field(20, gt=0, description="Seconds to wait for the answer to a call")


class Store(Section):
    """What is kept, where, and for how long."""

    path: Path = Field(Path("data/xiaopeng.db"), description="The SQLite database")
    bodies_days: int = Field(30, ge=1, description="Days that message and answer texts are kept")
    evidence_days: int = Field(180, ge=180, description="Days that moderation evidence and the label log are kept")
    export_key: SecretStr | None = Field(
        None, description="Key of the hashes that replace ids in exports; without it each export has its own"
    )


class Model(Section):
    """One model endpoint; several are XIAOPENG_MODELS__<NAME>__..."""

    preset: str = Field("openai", description="Vendor preset: openai, deepseek, dashscope, zhipu, qianfan ...")
    base_url: str | None = Field(
        None, description="Address of an OpenAI-compatible server, where the preset's is not meant"
    )
    model: str = Field(description="The model's name at the vendor")
    api_key: SecretStr | None = Field(None, description="The vendor's key")
    timeout: float = Field(60, gt=0, description="Seconds that an answer may be silent before it counts as lost")
    retries: int = Field(2, ge=0, le=10, description="How often a failed request is tried again")
    concurrency: int = Field(16, ge=1, description="How many requests run at once")
    vision: bool = Field(False, description="Whether it reads pictures")
    input_price: float = Field(0, ge=0, description="Price of a million input tokens")
    output_price: float = Field(0, ge=0, description="Price of a million output tokens")


class Rerank(Section):
    """An endpoint that ranks what a search of the knowledge found; none is needed."""

    kind: Literal["rerank", "embeddings"] = Field(
        "rerank", description="What the endpoint speaks, /rerank or /embeddings"
    )
    base_url: str = Field(description="Its address, up to and including /v1")
    model: str = Field(description="The model's name there")
    api_key: SecretStr | None = Field(None, description="The key for it")
    timeout: float = Field(
        3, gt=0, description="Seconds that a question waits for it; after that the search does without"
    )
    retries: int = Field(1, ge=0, le=10, description="How often a failed request is tried again in that time")
    batch: int = Field(10, ge=1, le=32, description="Texts in one request of /embeddings (DashScope takes no more)")


class Quota(Section):
    """How many model answers a day; 0 is without limit."""

    member: int = Field(50, ge=0, description="Answers for one member a day")
    group: int = Field(1000, ge=0, description="Answers in one group a day")
    total: int = Field(0, ge=0, description="Answers of the whole bot a day")


class Pace(Section):
    """How fast the bot speaks and listens; 0 is without limit."""

    group: float = Field(2, ge=0, description="Messages a second that the bot sends into one group (0: no limit)")
    account: float = Field(5, ge=0, description="Messages a second that one account sends (0: no limit)")
    commands: int = Field(60, ge=0, description="Commands a minute that one member may give in one group (0: no limit)")
    loop: int = Field(10, ge=0, description="Answers in quick turn after which a talker counts as a bot (0: never)")
    length: int = Field(1500, ge=100, description="Characters after which a text is split into several messages")
    forward: int = Field(
        3,
        ge=0,
        description="A text of more messages than this goes out as one merged message, where possible (0: never)",
    )


class Lanes(Section):
    """How much may wait."""

    events: int = Field(1000, ge=10, description="Events of one group that may wait")
    tasks: int = Field(64, ge=1, description="Commands of one group that may run at once")


class Config(BaseSettings):
    """The operator's settings. Raises `ConfigError` through `load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        # The file may serve other programs too; `xiaopeng check` names what looks like a misspelt setting.
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    name: str = Field("欧小鹏", min_length=1, description="The bot's name: @name speaks to it everywhere")
    aliases: tuple[str, ...] = Field((), description='Further names it answers to, as JSON: ["小鹏"]')
    operators: frozenset[MemberId] = Field(frozenset(), description='Members with all powers, as JSON: ["qq:12345"]')
    bots: frozenset[MemberId] = Field(frozenset(), description="Other bots, never answered; same form as operators")
    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="What the log shows")
    plugins: Path | None = Field(None, description="A folder with plugins of your own")
    prompts: Path | None = Field(None, description="A folder whose prompts replace the shipped ones of the same name")
    default_model: str | None = Field(None, description="Which of the models answers, where nothing else is said")
    server: Server = Server()
    web: Web = Web()
    onebot: OneBot = OneBot()
    store: Store = Store()
    models: dict[str, Model] = Field({}, description="The models, by name")
    rerank: Rerank | None = None
    quota: Quota = Quota()
    pace: Pace = Pace()
    lanes: Lanes = Lanes()

    @property
    def loopback(self) -> bool:
        return self.server.host in LOOPBACK or self.server.host.startswith("127.")


def load(env_file: Path | None = Path(".env")) -> Config:
    """Read the settings. Raises ConfigError with the variable's name, never its value."""
    try:
        return Config(_env_file=env_file)
    except SettingsError as failed:
        found = re.search(r'field "(\w+)"', str(failed))
        raise ConfigError(
            variable(found[1] if found else ""), "is no JSON.", "See .env.example for its form."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(".env", "is not UTF-8.", "Save it as UTF-8.") from None
    except ValidationError as failed:
        first = failed.errors(include_input=False, include_url=False)[0]
        raise ConfigError(
            variable(*map(str, first["loc"])), f"{first['msg']}.", "See .env.example for its form."
        ) from None


def variable(*path: str) -> str:
    """The environment variable of a setting: `variable("server", "port")`."""
    return PREFIX + "__".join(path).upper()
