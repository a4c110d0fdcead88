"""What a group teaches: it helps, it holds back without ham, and it cannot be poisoned."""

from __future__ import annotations

import asyncio

import pytest

from plugins.spam.drift import Bounds, Check, objections, standing, unlikely
from plugins.spam.increment import Increment
from plugins.spam.learning import Limits, Outcome, Sample, learn, teach
from plugins.spam.replay import Example, Replay
from tests.plugins.spam.standin import Standin, school, texts


def ham(count: int = 200, seed: int = 1) -> list[Sample]:
    return [Sample(text, False, weak=True) for text in texts("ham", "gaming", count, seed)]


def ads(count: int = 40, topic: str = "games") -> list[Sample]:
    """The likeliest last: a newest sample that looks like talk would be refused by itself."""
    model = school()[0]
    found = sorted(texts("spam", topic, count), key=lambda text: model.margin(model.indices(text)))
    return [Sample(text, True) for text in found]


def lesson(samples: list[Sample], previous: Increment | None = None, limits: Limits | None = None) -> Outcome:
    return teach(*school(), samples, previous, limits)


def found(increment: Increment, wanted: list[str]) -> int:
    model = school()[0]
    return sum(model.margin(model.indices(text), increment.delta, increment.shift) >= model.act for text in wanted)


def test_a_lesson_finds_more_of_the_groups_ads_and_spares_the_talk() -> None:
    samples, others = ads(), texts("spam", "games", 200, seed=2)
    others = [text for text in others if text not in {sample.text for sample in samples}]
    outcome = lesson(ham() + samples)
    assert outcome.end == "learnt", outcome
    assert outcome.increment.version == 1
    assert outcome.increment.counts["spam"] == 40
    before, after = found(Increment("standin"), others), found(outcome.increment, others)
    assert after - before > (len(others) - before) // 8, "of those that were missed, every fifth is found"
    talk = [text for text in texts("ham", "gaming", 300, seed=3) if text not in {sample.text for sample in ham()}]
    assert found(outcome.increment, talk) - found(Increment("standin"), talk) <= len(talk) // 33
    assert outcome.before is not None
    assert outcome.after is not None
    assert outcome.after.acted <= outcome.before.acted
    assert outcome.after.found >= outcome.before.found - 1


def test_without_ham_no_ad_is_learnt() -> None:
    before = Increment("standin", 4, {1: 0.5})
    outcome = lesson(ham(39) + ads(), before)
    assert outcome.end == "needs_ham"
    assert outcome.increment is before
    assert "19/20" in outcome.words
    judged = [sample._replace(weak=False) for sample in ham(20)]
    assert lesson(judged + ads()).end == "learnt", "judged ham counts in full"


def test_ham_alone_is_learnt_at_once() -> None:
    model = school()[0]
    said = sorted(texts("ham", "deals", 100), key=lambda text: model.margin(model.indices(text)))[80]
    outcome = lesson([Sample(said, False)])
    assert outcome.end == "learnt", outcome
    indices = model.indices(said)
    assert model.margin(indices, outcome.increment.delta, outcome.increment.shift) < model.margin(indices)


@pytest.mark.parametrize("topic", ["everyday", "gaming", "tech_chat"])
def test_ten_harmless_texts_taught_as_ads_are_refused(topic: str) -> None:
    before = lesson(ham() + ads()).increment
    poison = [Sample(text, True) for text in texts("ham", topic, 10, seed=8)]
    for samples in (ham() + poison, ham() + ads() + poison):
        outcome = lesson(samples, before)
        assert outcome.end in ("unlikely", "drift"), outcome
        assert outcome.increment is before
        assert "已拒绝" in outcome.words
        assert outcome.culprits
        assert {samples[place] for place in outcome.culprits} <= {*poison, *ads()}
        assert {samples[place] for place in outcome.culprits} & set(poison)


def test_what_is_refused_as_a_whole_is_learnt_without_the_culprits() -> None:
    samples = ham() + ads(20) + [Sample(text, True) for text in texts("ham", "tech_chat", 10, seed=8)]
    outcome = lesson(samples)
    while outcome.end == "unlikely":
        assert outcome.culprits
        samples = [sample for place, sample in enumerate(samples) if place not in outcome.culprits]
        outcome = lesson(samples)
    assert outcome.end == "learnt"
    assert outcome.increment.counts["spam"] >= 18


@pytest.mark.slow
@pytest.mark.parametrize("started", [0, 20])
def test_two_hundred_harmless_texts_one_by_one_do_not_creep_in(started: int) -> None:
    limits = Limits(rounds=6)
    kept, version, taken = ham(80) + ads(started), Increment("standin"), 0
    poison = [Sample(text, True) for topic in ("everyday", "tech_chat") for text in texts("ham", topic, 100, seed=9)]
    before = lesson(kept, limits=limits).before
    for sample in poison:
        outcome = lesson([*kept, sample], version, limits)
        if outcome.end == "learnt":
            kept.append(sample)
            taken += 1
        version = outcome.increment
    model, replay = school()
    margins = [(model.margin(x.indices, version.delta, version.shift), x.spam) for x in replay.check]
    after = Check.of(margins, model.act, model.review)
    assert before is not None
    assert after.acted <= before.acted
    assert after.mean - before.mean <= 0.1 * (model.act - before.mean)
    assert taken <= 40, "what did get in looked like an ad each time"


def test_harmless_texts_that_stay_among_the_samples_do_not_creep_in_either() -> None:
    samples = ham(80) + ads(20)
    version = lesson(samples).increment
    for text in texts("ham", "everyday", 30, seed=9):
        samples.append(Sample(text, True))
        version = lesson(samples, version).increment
    assert version.version <= 8, "from the first handful on every lesson is refused"


def test_ads_taught_as_ham_are_refused() -> None:
    samples = ham() + [Sample(text, False) for text in texts("spam", "accounts", 40, seed=7)]
    outcome = lesson(samples)
    assert outcome.end == "drift", outcome
    assert "漏掉" in outcome.words


def test_ads_taught_as_ham_one_by_one_do_not_creep_in_and_the_newest_is_named() -> None:
    kept, version, named = ham(40), Increment("standin"), 0
    for text in texts("spam", "accounts", 40, seed=7):
        outcome = lesson([*kept, Sample(text, False)], version)
        version = outcome.increment
        if outcome.end == "learnt":
            kept.append(Sample(text, False))
        named += outcome.culprits == (len(kept),)
    assert named > 0
    model, replay = school()
    caught = [model.margin(x.indices) >= model.act for x in replay.check if x.spam]
    still = [model.margin(x.indices, version.delta, version.shift) >= model.act for x in replay.check if x.spam]
    assert sum(caught) - sum(still) <= max(1, int(0.02 * len(caught)))


def test_the_last_word_on_a_text_counts() -> None:
    text = ads()[0].text
    outcome = lesson([*ham(), Sample(text, True), Sample(text, False)])
    assert outcome.increment.counts == {"spam": 0, "ham": 1, "weak": 200}


def test_an_ad_among_what_passed_is_no_ham() -> None:
    text = max(texts("spam", "games", 50), key=len)
    passed = Sample(text.replace(text[4], "", 1), False, weak=True)
    outcome = lesson([*ham(), passed, Sample(text, True)])
    assert outcome.increment.counts == {"spam": 1, "ham": 0, "weak": 200}


def test_the_same_samples_give_the_same_increment() -> None:
    one, two = lesson(ham() + ads()).increment, lesson(ham() + ads()).increment
    assert one.to_bytes() == two.to_bytes()


def test_only_the_latest_samples_are_used() -> None:
    limits = Limits(each=30, bounds=Bounds(false=99, asked=1, missed=1, rise=9, likely=0))
    outcome = lesson(ham(80) + [Sample(sample.text, False) for sample in ham(50, seed=6)] + ads(), limits=limits)
    assert outcome.increment.counts == {"spam": 30, "ham": 30, "weak": 30}


def test_without_samples_a_group_is_back_at_the_shipped_weights() -> None:
    outcome = lesson([], Increment("standin", 3, {1: 2.0}, 0.5))
    assert (outcome.end, outcome.increment) == ("nothing", Increment("standin", 4))


@pytest.mark.parametrize("text", ["", "\0" * 50, "💥" * 1000, "广" * 20_000])
def test_odd_samples_end_in_an_outcome(text: str) -> None:
    model = school()[0]
    outcome = teach(model, Replay([Example((), True)], [Example((), False)]), [*ham(60), Sample(text, True)])
    assert outcome.words


async def test_the_bot_goes_on_while_a_group_learns() -> None:
    model, replay = school()
    done = asyncio.Event()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while not done.is_set():
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    outcome = await learn(model, replay, ham() + ads())
    done.set()
    await beating
    assert beats > 100, "hundreds of turns of the loop, not one long one"
    assert outcome.increment.to_bytes() == lesson(ham() + ads()).increment.to_bytes()


def test_the_objections_say_what_would_have_happened() -> None:
    before = Check(ham=500, spam=200, acted=1, asked=4, found=150, mean=-4.0)
    assert list(objections(before, before, 1.0, Bounds())) == []
    after = Check(ham=500, spam=200, acted=13, asked=40, found=120, mean=-3.0)
    assert list(objections(before, after, 1.0, Bounds())) == [
        "会把 12 条正常消息当广告",
        "会漏掉 30 条原来认得出的广告",
        "会多拿 36 条正常消息来问管理员",
        "会让正常消息整体更像广告",
    ]


def test_neither_old_ads_nor_a_drip_hide_ordinary_talk() -> None:
    talk = list(range(100))
    assert standing([-1, 50, 200], talk) == [0.0, 0.5, 1.0]
    assert unlikely([0.95] * 40, 0.7) == 0
    assert unlikely([0.9, 0.6, 0.9, 0.8], 0.7) == 0
    assert unlikely([0.95] * 200 + [0.3], 0.7) == 1
    assert unlikely([0.95] * 200 + [0.5] * 5, 0.7) == 5
    assert unlikely([0.95] * 200 + [0.5, 0.8] * 5, 0.7) == 10
    assert unlikely([], 0.7) == 0


def test_the_standin_is_a_fair_one() -> None:
    model, replay = school()
    assert isinstance(model, Standin)
    check = Check.of([(model.margin(x.indices), x.spam) for x in replay.check], model.act, model.review)
    assert check.found > 0.7 * check.spam
    assert check.acted == 0
