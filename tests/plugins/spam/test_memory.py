"""Who floods and what comes again, within a window and within bounds."""

from __future__ import annotations

import sys
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.spam.finding import Said
from plugins.spam.memory import FEWEST, FLOOD_MOST, FLOOD_SECONDS, KEPT, MOST, WINDOW_SECONDS, Echo, Memory

DICE = Random(3)
ONE = frozenset(DICE.sample(range(1 << 21), 120))
OTHER = frozenset(DICE.sample(range(1 << 21), 120))


def said(text: str = "text", time: float = 0.0, group: str = "g", member: str = "m", *, trusted: bool = False) -> Said:
    return Said(text, group=group, member=member, time=time, trusted=trusted)


def changed(features: frozenset[int], share: float, dice: Random) -> frozenset[int]:
    """Some of the features replaced by others."""
    kept = dice.sample(sorted(features), int(len(features) * (1 - share)))
    return frozenset([*kept, *dice.sample(range(1 << 21), len(features) - len(kept))])


def test_nothing_came_before_the_first() -> None:
    assert Memory().see(said(), ONE) == Echo(flood=1)


def test_what_one_member_repeats_is_counted_by_group() -> None:
    memory = Memory()
    for time, group in enumerate(["a", "a", "b", "c", "c"]):
        memory.see(said(time=time * 20, group=group), ONE)
    assert memory.see(said(time=100, group="a"), ONE) == Echo(own=2, groups=2, members=0, flood=1)


def test_what_others_repeat_counts_once_each_and_the_trusted_do_not_count() -> None:
    memory = Memory()
    for member in ("x", "y", "y"):
        memory.see(said(member=member), ONE)
    memory.see(said(member="z", trusted=True), ONE)
    assert memory.see(said(member="m"), ONE).members == 2


def test_what_is_alike_is_found_under_other_words_and_what_is_not_is_not() -> None:
    memory = Memory()
    memory.see(said("one", member="x"), ONE)
    assert memory.see(said("two", member="m"), changed(ONE, 0.03, Random(1))).members == 1
    assert memory.see(said("three", member="q"), OTHER).members == 0


def test_long_messages_are_compared_by_a_sample() -> None:
    dice = Random(9)
    long = frozenset(dice.sample(range(1 << 21), 6_000))
    found = near = 0
    for _ in range(20):
        memory = Memory()
        memory.see(said("one", member="x"), long)
        found += memory.see(said("two", member="m"), changed(long, 0.04, dice)).members
        near += memory.see(said("three", member="q"), changed(long, 0.5, dice)).members
    assert found >= 18
    assert near == 0


def test_short_messages_are_alike_by_chance_and_are_not_compared() -> None:
    memory = Memory()
    few = sorted(ONE)[: FEWEST - 1]
    memory.see(said(member="x"), few)
    assert memory.see(said(member="m"), few).members == 0


def test_what_was_said_before_the_window_is_forgotten() -> None:
    memory = Memory()
    memory.see(said(time=0, member="x"), ONE)
    assert memory.see(said(time=WINDOW_SECONDS - 1, member="y"), ONE).members == 1
    assert memory.see(said(time=WINDOW_SECONDS + 1, member="z"), ONE).members == 1  # of y alone
    assert memory.see(said(time=9 * WINDOW_SECONDS, member="z"), ONE) == Echo(flood=1)


def test_a_flood_is_counted_for_each_member_and_group() -> None:
    memory = Memory()
    for number in range(FLOOD_MOST):
        assert memory.see(said(time=number), ()).flood == number + 1
    assert memory.see(said(time=FLOOD_MOST, member="other"), ()).flood == 1
    assert memory.see(said(time=FLOOD_MOST, group="other"), ()).flood == 1
    assert memory.see(said(time=FLOOD_MOST + 2 * FLOOD_SECONDS), ()).flood == 1


def test_the_oldest_are_let_go_where_there_is_too_much() -> None:
    memory = Memory()
    dice = Random(4)
    first = frozenset(dice.sample(range(1 << 21), 60))
    memory.see(said("first", member="x"), first)
    for number in range(MOST + 10):
        memory.see(said(str(number), member=str(number)), dice.sample(range(1 << 21), 60))
    assert memory.see(said("first", member="y"), first).members == 0
    last = dice.sample(range(1 << 21), 60)
    memory.see(said("last", member="x"), last)
    assert memory.see(said("last", member="y"), last).members == 1


def _size(thing: object, seen: set[int]) -> int:
    """Bytes of a thing and of all that it holds."""
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    size = sys.getsizeof(thing)
    if isinstance(thing, dict):
        return size + sum(_size(key, seen) + _size(value, seen) for key, value in thing.items())
    if isinstance(thing, str | int | float | bytes):
        return size
    for name in getattr(type(thing), "__slots__", ()):
        size += _size(getattr(thing, name), seen)
    if hasattr(thing, "__dict__"):
        size += _size(vars(thing), seen)
    return size + (sum(_size(one, seen) for one in thing) if hasattr(thing, "__iter__") else 0)


def test_a_hundred_thousand_messages_stay_within_bounds() -> None:
    memory = Memory()
    dice = Random(6)
    for number in range(100_000):
        who = said(str(number), time=number * 0.001, group=str(dice.randrange(50)), member=str(dice.randrange(9_000)))
        start = dice.randrange(1 << 20)
        memory.see(who, range(start, start + dice.choice([3, 3, 3, 45])))
    assert _size(memory, set()) < 60_000_000
    assert len(memory._texts) <= MOST
    assert len(memory._times) <= MOST
    assert sum(map(len, memory._by_key.values())) <= 4 * MOST


def test_one_text_said_without_end_and_texts_that_share_their_beginning_stay_within_bounds() -> None:
    memory = Memory()
    for number in range(5_000):
        memory.see(said("same", time=number * 0.01, member=str(number)), ONE)
    dice = Random(8)
    for number in range(5_000):
        memory.see(said(str(number), time=60), [0, 1, 2, 3, *dice.sample(range(1 << 21), 60)])
    assert _size(memory, set()) < 60_000_000


def test_a_long_message_takes_no_more_room_than_its_sample() -> None:
    memory = Memory()
    for number in range(50):
        memory.see(said("长" * 20_000 + str(number), time=number), range(number, number + 20_000))
    assert _size(memory, set()) < 50 * (KEPT * 100 + 3_000)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 2e3),
            st.sampled_from("abc"),
            st.sampled_from("xyz"),
            st.booleans(),
            st.sets(st.integers(0, 99)),
        ),
        max_size=40,
    )
)
@settings(max_examples=60)
def test_any_order_of_times_can_be_seen(messages: list[tuple[float, str, str, bool, set[int]]]) -> None:
    memory = Memory()
    for time, group, member, trusted, features in messages:
        words = ",".join(map(str, sorted(features)))
        echo = memory.see(said(words, time, group, member, trusted=trusted), features)
        assert echo.flood >= 1
        assert echo.groups <= 2
        assert echo.members <= 2
