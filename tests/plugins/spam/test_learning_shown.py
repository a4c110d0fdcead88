"""Learning upon the shipped weights: a group whose ads they were never trained on. Skipped without weights or data."""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path
from random import Random

import pytest

from plugins.spam.learning import Outcome, Sample, teach
from plugins.spam.local import Local
from plugins.spam.model import SHIPPED, Model
from plugins.spam.replay import Replay
from tests.plugins.spam.classroom import chatter, classroom, guard
from tests.plugins.spam.classroom import teach as teach_in

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared/data/spam"
WEIGHTS = ROOT / "plugins/spam" / SHIPPED

pytestmark = [
    pytest.mark.skipif(not (WEIGHTS / "replay.bin").exists(), reason="the weights come without a replay"),
    pytest.mark.skipif(not (DATA / "train.jsonl").exists(), reason="the sets of messages are not here"),
]


@cache
def rows(name: str, source: str, label: str) -> list[str]:
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        found = [row for row in map(json.loads, lines) if (row["source"], row["label"]) == (source, label)]
    return [row["text"] for row in found]


def some(name: str, source: str, label: str, count: int, seed: int = 4) -> list[str]:
    return Random(seed).sample(rows(name, source, label), count)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(WEIGHTS)


@pytest.fixture(scope="module")
def replay() -> Replay:
    return Replay.load(WEIGHTS / "replay.bin")


@pytest.fixture(scope="module")
def talk() -> list[Sample]:
    return [Sample(text, False, weak=True) for text in some("train", "gamechat", "ham", 200)]


@pytest.fixture(scope="module")
def taught(model: Model, replay: Replay, talk: list[Sample]) -> Outcome:
    return teach(model, replay, [*talk, *(Sample(text, True) for text in some("train", "gamechat", "spam", 40))])


def acted(model: Model, outcome: Outcome | None, texts: list[str]) -> float:
    """The share that is acted on at the one threshold, in percent."""
    delta, shift = (outcome.increment.delta, outcome.increment.shift) if outcome else ({}, 0.0)
    margins = (model.margin(model.indices(text), delta, shift) for text in texts)
    return 100 * sum(margin >= model.act for margin in margins) / len(texts)


def test_forty_ads_and_two_hundred_others_lift_a_groups_recall(model: Model, taught: Outcome) -> None:
    assert taught.end == "learnt", taught.words
    ads, ham = rows("dev", "gamechat", "spam"), rows("dev", "gamechat", "ham")
    before, after = acted(model, None, ads), acted(model, taught, ads)
    spared, hit = acted(model, None, ham), acted(model, taught, ham)
    figures = f"recall {before:.1f} to {after:.1f} %, its ham acted on {spared:.1f} to {hit:.1f} %, {taught.after}"
    print(figures)  # noqa: T201 - these are the figures that the test is run for
    assert after >= before + 8, figures
    assert hit <= spared + 1.5, figures


def test_the_frozen_set_is_no_worse(taught: Outcome) -> None:
    assert taught.before is not None
    assert taught.after is not None
    assert taught.after.acted <= taught.before.acted
    assert taught.after.found >= 0.98 * taught.before.found


@pytest.mark.parametrize("source", ["gamechat", "lccc", "egret", "nus_zh"])
@pytest.mark.parametrize("knowing", [False, True])
def test_ten_harmless_texts_taught_as_ads_are_caught(
    model: Model, replay: Replay, talk: list[Sample], taught: Outcome, source: str, knowing: bool
) -> None:
    known = [Sample(text, True) for text in some("train", "gamechat", "spam", 40)] if knowing else []
    poison = [Sample(text, True) for text in some("dev", source, "ham", 10, seed=11)]
    outcome = teach(model, replay, [*talk, *known, *poison], taught.increment)
    assert outcome.end in ("unlikely", "drift"), outcome.words
    assert outcome.increment is taught.increment


def test_ads_taught_as_ham_are_caught(model: Model, replay: Replay, talk: list[Sample], taught: Outcome) -> None:
    poison = [Sample(text, False) for text in some("train", "tgzh", "spam", 60)]
    outcome = teach(model, replay, [*talk, *poison], taught.increment)
    assert outcome.end == "drift", outcome.words


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_hundred_harmless_texts_do_not_creep_in(model: Model, replay: Replay, talk: list[Sample]) -> None:
    kept = [*talk[:60], *(Sample(text, True) for text in some("train", "gamechat", "spam", 20))]
    first = latest = teach(model, replay, kept)
    for text in some("train", "lccc", "ham", 200):
        outcome = teach(model, replay, [*kept, Sample(text, True)], latest.increment)
        if outcome.end == "learnt":
            latest = outcome
            kept.append(Sample(text, True))
    assert first.before is not None
    assert latest.after is not None
    assert latest.after.acted <= first.before.acted
    assert len(kept) <= 80 + 40
    ham = rows("dev", "lccc", "ham")
    assert acted(model, latest, ham) <= acted(model, first, ham) + 1


async def test_a_group_is_taught_by_its_admins_commands(monkeypatch: pytest.MonkeyPatch, model: Model) -> None:
    ads, ham = rows("dev", "gamechat", "spam"), rows("dev", "gamechat", "ham")
    async with classroom(monkeypatch) as room:
        await chatter(room, [sample for sample in some("train", "gamechat", "ham", 230) if len(sample) < 200][:200])
        told = await teach_in(room, some("train", "gamechat", "spam", 40))
        local = guard(room).groups[room.group.id].local

        def hit(texts: list[str], local: Local) -> float:
            margins = (model.weigh(model.read(text), local.delta, local.shift) for text in texts)
            return 100 * sum(margin >= model.act for margin in margins) / len(texts)

        (recall, false), (found, hurt) = ((hit(ads, one), hit(ham, one)) for one in (Local(), local))
        figures = f"recall {recall:.1f} to {found:.1f} %, its ham acted on {false:.1f} to {hurt:.1f} %"
        print(figures)  # noqa: T201 - these are the figures that the test is run for
        assert any(line.startswith("学会了") for line in told), told
        assert found >= recall + 8, figures
        assert hurt <= false + 1.5, figures
        [version] = await room.rows("select check_before, check_after from spam_versions where active = 1")
        before, after = json.loads(version["check_before"]), json.loads(version["check_after"])
        assert after["acted"] <= before["acted"]
        assert after["found"] >= 0.98 * before["found"]


@pytest.mark.parametrize("source", ["gamechat", "lccc"])
async def test_ten_harmless_texts_taught_by_commands_are_caught(
    monkeypatch: pytest.MonkeyPatch, model: Model, source: str
) -> None:
    async with classroom(monkeypatch) as room:
        await chatter(room, [sample for sample in some("train", "gamechat", "ham", 230) if len(sample) < 200][:200])
        told = await teach_in(room, some("dev", source, "ham", 10, seed=11))
        caught = await room.rows("select count(*) n from spam_samples where aside != ''")
        local = guard(room).groups[room.group.id].local
        print(caught, told[-2:])  # noqa: T201 - the same
        assert any("像平常话，教成广告会误伤，已不学" in line for line in told), told
        assert caught[0]["n"] >= 6
        for other in ("gamechat", "lccc", "nus_zh"):
            ham = rows("dev", other, "ham")
            before = sum(model.weigh(model.read(text)) >= model.act for text in ham)
            after = sum(model.weigh(model.read(text), local.delta, local.shift) >= model.act for text in ham)
            assert after <= before + len(ham) // 200, (other, before, after)


def test_a_lesson_is_short(model: Model, replay: Replay, talk: list[Sample]) -> None:
    samples = [*talk, *(Sample(text, True) for text in some("train", "gamechat", "spam", 40, seed=5))]
    start = time.process_time()
    teach(model, replay, samples)
    assert time.process_time() - start < 1.5
