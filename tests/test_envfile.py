"""`.env.example` says all that can be set, and nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bot import envfile
from bot.config import PREFIX, Config, Rerank, load

FILE = Path(__file__).parent.parent / ".env.example"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def test_the_file_is_what_the_settings_say() -> None:
    assert FILE.read_text("utf-8") == envfile.example(), "run: xiaopeng env > .env.example"


def test_names_every_setting_once() -> None:
    named = re.findall(rf"^# ({PREFIX}[^=\s]+)=", envfile.example(), re.MULTILINE)
    assert named == [setting.variable for setting in envfile.settings()]
    assert len(named) == len(set(named))
    for path in ("server", "port"), ("store", "bodies_days"), ("models", "<NAME>", "api_key"), ("rerank", "model"):
        assert PREFIX + "__".join(path).replace("name", "NAME").upper() in named


def test_shows_the_defaults(tmp_path: Path) -> None:
    """Taking off every # changes nothing, but for the model and the reranker that it makes."""
    text = re.sub(rf"^# ({PREFIX})", r"\1", envfile.example(), flags=re.MULTILINE)
    text = text.replace("<NAME>__MODEL=", "<NAME>__MODEL=some").replace("<NAME>", "MAIN")
    text = re.sub("(RERANK__(?:BASE_URL|MODEL)=)", r"\1http://x", text)
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    read = load(tmp_path / ".env")
    assert read.models["main"].model == "some"
    assert read.rerank == Rerank(base_url="http://x", model="http://x")
    assert read.model_copy(update={"models": {}, "rerank": None}) == Config(_env_file=None)


def test_every_setting_is_described() -> None:
    for setting in envfile.settings():
        assert setting.field.description, setting.variable
        assert setting.title


def test_is_readable() -> None:
    lines = envfile.example().splitlines()
    assert all(line == "" or line.startswith("#") for line in lines)
    assert max(map(len, lines)) <= 120
    assert "# XIAOPENG_WEB__ENABLED=true" in lines
    assert "# XIAOPENG_NAME=欧小鹏" in lines
    assert "TRACE, DEBUG, INFO" in envfile.example()


def test_variables_of_a_named_model() -> None:
    known = envfile.variables("main")
    assert known["XIAOPENG_MODELS__MAIN__API_KEY"] is not None
    assert known["XIAOPENG_SERVER"] is None
    assert "XIAOPENG_MODELS__MAIN__KEY" not in known
