"""The models: whether each could be asked, and with `--online`, whether each answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from types import MappingProxyType
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.config import Config, Model, variable
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
    default = config.default_model
    if default is not None and default not in config.models:
        names = ", ".join(config.models) or "none"
        yield fail(variable("default_model"), f"No model has this name. Registered: {names}.")


def ask(config: Config) -> Iterator[Finding]:
    """Ask every model something tiny, all at once."""

    async def all_of_them() -> list[Finding]:
        return await asyncio.gather(*(_ask(name, model) for name, model in config.models.items()))

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
        settings = {
            "key": variable("models", name, "api_key"),
            "model": variable("models", name, "model"),
            "url": variable("models", name, "base_url"),
        }
        words = next((words for kind, words in WORDS.items() if isinstance(error, kind)), "it failed")
        return fail(subject, f"{type(error).__name__}: {words.format(**settings)}. It said: {_line(error.detail)}")
    finally:
        await chat.close()
    return ok(subject, f"answers; the first words took {time.monotonic() - started:.1f} s")


def _place(model: Model) -> str:
    """Where a model is asked, without the user and the password that an address may hold."""
    parts = urlsplit(model.base_url or PRESETS[model.preset.strip().lower()].base_url or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _line(text: str) -> str:
    """What a server said, harmless on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)[:200]
