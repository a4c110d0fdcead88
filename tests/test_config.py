"""The settings, and what the operator is told where one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import load, variable
from bot.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("XIAOPENG_"):
            monkeypatch.delenv(name)


def test_a_variable_follows_the_nesting() -> None:
    assert variable("server", "port") == "XIAOPENG_SERVER__PORT"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("XIAOPENG_NAME=小明\nXIAOPENG_SERVER__PORT=1\nTZ=Asia/Shanghai\n", "utf-8")
    monkeypatch.setenv("XIAOPENG_SERVER__PORT", "2")
    config = load(file)
    assert (config.name, config.server.port) == ("小明", 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XIAOPENG_SERVER__PORT", "secret-thing"),
        ("XIAOPENG_ALIASES", "secret-thing"),
        ("XIAOPENG_OPERATORS", '["secret-thing"]'),
        ("XIAOPENG_ONEBOT__CONNECT", '["http://secret-thing"]'),
        ("XIAOPENG_ONEBOT__CONNECT", '["ws://?access_token=secret-thing"]'),
        ("XIAOPENG_ONEBOT__CONNECT", '["ws://secret-thing:port"]'),
        ("XIAOPENG_ONEBOT__CONNECT", '["ws://[secret-thing"]'),
        ("XIAOPENG_ONEBOT__CONNECT", '["ws://secret thing-secret-thing"]'),
        ("XIAOPENG_WEB__PASWORD", "secret-thing"),
        ("XIAOPENG_STORE__EVIDENCE_DAYS", "7"),
    ],
)
def test_the_setting_is_named_and_its_value_is_not(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        load(None)
    assert str(refused.value).startswith(name)
    assert "secret-thing" not in str(refused.value)


def test_a_reranker_is_registered_by_two_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(None).rerank is None
    monkeypatch.setenv("XIAOPENG_RERANK__BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("XIAOPENG_RERANK__MODEL", "bge")
    rerank = load(None).rerank
    assert rerank
    assert (rerank.kind, rerank.base_url, rerank.model, rerank.timeout) == ("rerank", "http://127.0.0.1:1/v1", "bge", 3)


@pytest.mark.parametrize(
    ("given", "missing"), [("BASE_URL", "MODEL"), ("MODEL", "BASE_URL"), ("API_KEY", "BASE_URL"), ("KIND", "BASE_URL")]
)
def test_half_a_reranker_is_named(given: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"XIAOPENG_RERANK__{given}", "rerank")
    with pytest.raises(ConfigError, match=f"^XIAOPENG_RERANK__{missing}: "):
        load(None)


def test_addresses_to_dial_stay_as_they_were_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOPENG_ONEBOT__CONNECT", '["ws://127.0.0.1:3001", "wss://[::1]:1/a/?b=c"]')
    assert load(None).onebot.connect == ("ws://127.0.0.1:3001", "wss://[::1]:1/a/?b=c")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("XIAOPENG_NAME=小明".encode("gb18030"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load(file)
