"""What the operator's log shows, and what it never does."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from bot import journal


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    handlers = logging.root.handlers[:]
    yield
    logger.remove()
    logger.configure(patcher=lambda record: None)
    logging.root.handlers[:] = handlers


def test_a_member_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    journal.start("INFO")
    logger.warning("{} said it", "安\n01-01 00:00:00 ERROR the database is gone\x1b[2J")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "\\n01-01" in lines[0]
    assert "\x1b[2J" not in lines[0]


def test_tracebacks_do_not_show_values(capsys: pytest.CaptureFixture[str]) -> None:
    journal.start("INFO")
    key = "sk-" + "secret"
    try:
        key.index("nothing")
    except ValueError:
        logger.exception("failed")
    shown = capsys.readouterr().err
    assert "ValueError" in shown
    assert "sk-secret" not in shown


def test_libraries_are_heard(capsys: pytest.CaptureFixture[str]) -> None:
    journal.start("INFO")
    logging.getLogger("some.library").warning("low on %s", "tea")
    assert "some.library: low on tea" in capsys.readouterr().err


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    journal.start("WARNING")
    logger.info("quiet")
    assert capsys.readouterr().err == ""
