"""What comes twice is known, the last ones surely, and memory has a bound."""

from __future__ import annotations

from bot.recent import Recent


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_knows_what_came_and_not_what_came_elsewhere() -> None:
    recent = Recent(10, 900)
    assert recent.add("t:1", "m1")
    assert not recent.add("t:1", "m1")
    assert recent.add("t:2", "m1")
    assert recent.add("t:1", "m2")


def test_remembers_the_last_ones_and_forgets_the_old() -> None:
    recent = Recent(100, 900)
    for number in range(1000):
        assert recent.add("t:1", str(number))
        assert not recent.add("t:1", str(max(0, number - 99)))
    assert recent.add("t:1", "0"), "it is long gone"


def test_remembers_for_a_time_and_not_for_ever() -> None:
    clock = Clock()
    recent = Recent(100, 900, clock)
    for moment in (0, 600, 950, 1500, 1800):
        clock.now = moment
        recent.add("t:1", str(moment))
    assert not recent.add("t:1", "950")
    clock.now = 2700
    assert not recent.add("t:1", "1800"), "fifteen minutes ago"
    clock.now = 9000
    assert recent.add("t:1", "2700")
    assert recent.add("t:1", "1800"), "ids that begin anew are heard"
