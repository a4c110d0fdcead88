"""The ladder: what is done, by what is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Literal, get_args

import pytest

from bot.types import Role
from plugins.spam.finding import Finding, Reason
from plugins.spam.guard.groups import Mode
from plugins.spam.guard.ladder import DAY, HEIGHT, Highest, Plan, Situation, plan

ACT = Finding(0.97, "act", rule="model")
SURE = Finding(0.99, "act", rule="duplicate")
REVIEW = Finding(0.6, "review", rule="model")
PASS = Finding(0.1, "pass")
FIRST = Situation("on", Role.MEMBER, False, 0, 1e9, frozenset(), "mute", 10)


def test_the_first_time_is_recalled_and_counts() -> None:
    assert plan(ACT, FIRST) == Plan("recall", "recall", strike=True)


def test_the_second_time_is_muted_and_the_third_for_a_day() -> None:
    second = replace(FIRST, strikes=1, since=3600)
    assert plan(ACT, second) == Plan("mute", "mute", 600, strike=True, again=True)
    third = replace(FIRST, strikes=2, since=3600)
    assert plan(ACT, third) == Plan("mute", "mute", DAY, strike=True, again=True, removal=True)


def test_what_was_under_way_is_muted_no_longer_and_does_not_count() -> None:
    assert plan(ACT, replace(FIRST, strikes=2, since=5)) == Plan("mute", "mute", 600)


def test_a_doubt_is_asked_about() -> None:
    assert plan(REVIEW, FIRST) == Plan("ask", "ask")
    assert plan(PASS, FIRST) == Plan("none", "none")


def test_a_trusted_member_is_acted_against_by_the_surest_signs_alone() -> None:
    trusted = replace(FIRST, trusted=True)
    assert plan(ACT, trusted).step == "ask"
    assert plan(SURE, trusted).step == "recall"
    # Much at once is nothing against whoever is known; a text that came again and again is.
    assert plan(replace(ACT, rule="flood"), trusted).step == "ask"
    again = replace(ACT, reasons=(Reason("model", 4.0, ""), Reason("duplicate", 2.0, "")))
    assert plan(again, trusted).step == "recall"
    assert plan(replace(again, rule="judge"), trusted).step == "ask"


def test_a_rule_that_errs_too_often_asks() -> None:
    demoted = replace(FIRST, demoted=frozenset({"duplicate"}))
    assert plan(SURE, demoted).step == "ask"
    assert plan(SURE, demoted).why
    assert plan(ACT, demoted).step == "recall"


@pytest.mark.parametrize("highest", get_args(Highest))
def test_no_step_is_higher_than_the_group_wants(highest: Highest) -> None:
    for finding, strikes, since in product((ACT, SURE, REVIEW), range(4), (1.0, 1e5)):
        found = plan(finding, replace(FIRST, highest=highest, strikes=strikes, since=since))
        assert HEIGHT.index(found.step) <= HEIGHT.index(highest)
        assert (found.seconds > 0) == (found.step == "mute")


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_nothing_is_done_and_what_would_be_is_said(mode: Mode) -> None:
    for finding, strikes in product((ACT, SURE, REVIEW), range(4)):
        found = plan(finding, replace(FIRST, mode=mode, strikes=strikes))
        assert found.step == "note"
        assert not found.acts
        assert not found.strike
        assert found.would == plan(finding, replace(FIRST, strikes=strikes)).would


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OWNER, Role.OPERATOR])
def test_admins_are_only_noted(role: Role) -> None:
    modes: tuple[Literal["off", "shadow", "on"], ...] = ("off", "shadow", "on")
    for finding, strikes, mode in product((ACT, SURE, REVIEW), range(4), modes):
        found = plan(finding, replace(FIRST, role=role, strikes=strikes, mode=mode))
        assert (found.step, found.strike, found.acts) == ("note", False, False)
