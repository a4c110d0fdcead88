"""The models: whether each could be asked, and with `--online`, whether each answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from types import MappingProxyType
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.config import Config, Model, Rerank, variable
from bot.doctor.finding import Finding, fail, failed, ok, warn
from bot.errors import (
    ConfigError,
    ModelAuth,
    ModelBadInput,
    ModelBusy,
    ModelEmpty,
    ModelError,
    ModelFiltered,
    ModelQuota,
    ModelTruncated,
    ModelUnavailable,
)
from bot.models.base import Completion, Turn
from bot.models.openai import OpenAIChat
from bot.models.presets import PRESETS
from bot.models.ranking import Ranking

QUESTION = "Say OK."
PATIENCE_SECONDS = 60.0
STAND_IN = "http://localhost/v1"

WORDS: Mapping[type[ModelError], str] = MappingProxyType(
    {
        ModelAuth: "the key is wrong or may not use this model. Set {key}, and look at the model's name",
        ModelQuota: "the account behind the key has no money or quota left. Top it up",
        ModelBusy: "the vendor is busy or limits the rate. Try again later",
        ModelFiltered: "the vendor's filter refused even a greeting. Ask the vendor",
        ModelBadInput: "the request was not understood. Set {model} to a model that this vendor has",
        ModelUnavailable: "no connection. Look at {url}, the network and the proxy",
        ModelTruncated: "the answer broke off. Try again later",
        ModelEmpty: "the server answered with nothing. Look at {model}",
    }
)
RERANK_WORDS: Mapping[type[ModelError], str] = MappingProxyType(
    {
        **WORDS,
        ModelBadInput: "the request was not understood. Look at {kind}, {url} and {model}",
        ModelUnavailable: "no connection, no answer in time, or one that {kind} does not give. "
        "Look at {url}, {kind}, the network and the proxy; {timeout} is how long it may take",
    }
)
TEXTS = ("安装步骤：先下载安装包，再运行安装程序。", "今天天气很好，适合出去走走。")
"""The first one answers `WANTED`, the second does not."""
WANTED = "怎么安装？"


def look(config: Config, *, online: bool) -> Iterator[Finding]:
    """What is wrong with the registered models, without asking them; `online`: they are asked later."""
    if not config.models:
        yield warn(
            "models", "None is registered: questions get stock phrases. Set XIAOPENG_MODELS__MAIN__MODEL and so on."
        )
    for name, model in config.models.items():
        problems = list(_problems(name, model))
        yield from problems
        if not problems:
            asked = "" if online else " (not asked; --online asks)"
            yield ok(f"model {name}", f"{model.model} at {_place(model)}{asked}")
    if config.rerank is not None:
        problems = list(_rerank_problems(config.rerank))
        yield from problems
        if not problems:
            asked = "" if online else " (not asked; --online asks)"
            yield ok("reranker", f"{config.rerank.model} at {_bare(config.rerank.base_url)}{asked}")
    default = config.default_model
    if default is not None and default not in config.models:
        names = ", ".join(config.models) or "none"
        yield fail(variable("default_model"), f"No model has this name. Registered: {names}.")


def ask(config: Config) -> Iterator[Finding]:
    """Ask every model, and the reranker, something tiny, all at once."""

    async def all_of_them() -> list[Finding]:
        asked = [_ask(name, model) for name, model in config.models.items()]
        return await asyncio.gather(*asked, *([_rank(config.rerank)] if config.rerank else []))

    yield from asyncio.run(all_of_them())


def _problems(name: str, model: Model) -> Iterator[Finding]:
    """All that keeps the model from being made: what is named is replaced, and the rest looked at."""
    right: dict[str, dict[str, object]] = {
        variable("models", name, "preset"): {"preset": "openai", "base_url": model.base_url or STAND_IN},
        variable("models", name, "base_url"): {"base_url": STAND_IN},
        variable("models", name, "api_key"): {"api_key": SecretStr("stand-in")},
    }
    while True:
        try:
            OpenAIChat(name, model)
        except ConfigError as error:
            # What stands where a preset is due may be a key that was pasted into the wrong line.
            known = f"There is no such preset. Use one of {', '.join(PRESETS)}."
            yield fail(error.setting, known) if error.setting.endswith("__PRESET") else failed(error)
            change = right.pop(error.setting, None)
            if change is None:
                return
            model = model.model_copy(update=change)
        else:
            return


def _rerank_problems(rerank: Rerank) -> Iterator[Finding]:
    """The same of the reranker."""
    right: dict[str, dict[str, object]] = {
        variable("rerank", "base_url"): {"base_url": STAND_IN},
        variable("rerank", "api_key"): {"api_key": None},
    }
    while True:
        try:
            Ranking(rerank)
        except ConfigError as error:
            yield failed(error)
            rerank = rerank.model_copy(update=right.pop(error.setting))
        else:
            return


async def _ask(name: str, model: Model) -> Finding:
    chat = OpenAIChat(name, model.model_copy(update={"retries": 0}))
    subject = f"model {name}"
    started = time.monotonic()
    completion = Completion()
    try:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            aclosing(chat.chat([Turn("user", QUESTION)], {}, completion)) as said,
        ):
            await anext(said, None)
    except TimeoutError:
        return fail(subject, f"It said nothing for {PATIENCE_SECONDS:g} s. Look at the server or the network.")
    except ModelError as error:
        return _failure(subject, error, WORDS, "models", name)
    finally:
        await chat.close()
    return ok(subject, f"answers; the first words took {time.monotonic() - started:.1f} s")


async def _rank(rerank: Rerank) -> Finding:
    """Whether the reranker can tell a text that answers a question from one that does not."""
    subject = "reranker"
    ranking = Ranking(rerank.model_copy(update={"retries": 0}))
    try:
        await ranking.prepare()
        started = time.monotonic()
        good, bad = await ranking.rank(WANTED, TEXTS)
        took = time.monotonic() - started
    except ModelError as error:
        return _failure(subject, error, RERANK_WORDS, "rerank")
    finally:
        await ranking.close()
    of = f" by vectors of {ranking.dimensions} numbers" if ranking.dimensions else ""
    if good <= bad:
        setting = variable("rerank", "model")
        return warn(
            subject, f"It ranks{of}, but the wrong one of two texts first ({good:.3f}, {bad:.3f}). Look at {setting}."
        )
    return ok(subject, f"ranks{of}; two texts took {took:.1f} s ({good:.3f}, {bad:.3f})")


def _failure(subject: str, error: ModelError, words: Mapping[type[ModelError], str], *section: str) -> Finding:
    """What to do about a failure; `section` is where the settings are."""
    settings = {
        "key": variable(*section, "api_key"),
        "model": variable(*section, "model"),
        "url": variable(*section, "base_url"),
        "kind": variable(*section, "kind"),
        "timeout": variable(*section, "timeout"),
    }
    advice = next((words for kind, words in words.items() if isinstance(error, kind)), "it failed")
    return fail(subject, f"{type(error).__name__}: {advice.format(**settings)}. It said: {_line(error.detail)}")


def _place(model: Model) -> str:
    return _bare(model.base_url or PRESETS[model.preset.strip().lower()].base_url or "")


def _bare(address: str) -> str:
    """An address without the user and the password that it may hold."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _line(text: str) -> str:
    """What a server said, harmless on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)[:200]
