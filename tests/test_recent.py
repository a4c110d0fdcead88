"""What comes twice is known, the last ones surely, and memory has a bound."""

from __future__ import annotations

from bot.recent import Recent


def test_knows_what_came_and_not_what_came_elsewhere() -> None:
    recent = Recent(10)
    assert recent.add("t:1", "m1")
    assert not recent.add("t:1", "m1")
    assert recent.add("t:2", "m1")
    assert recent.add("t:1", "m2")


def test_remembers_the_last_ones_and_forgets_the_old() -> None:
    recent = Recent(100)
    for number in range(1000):
        assert recent.add("t:1", str(number))
        assert not recent.add("t:1", str(max(0, number - 99)))
    assert recent.add("t:1", "0"), "it is long gone"
