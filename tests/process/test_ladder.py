from __future__ import annotations

from cc_executor.process.ladder import StopLadder
from cc_executor.process.order import Rung

STDIN, TERM, KILL = Rung("stdin", 2), Rung("terminate", 3), Rung("kill", 5)


def climbed(ladder: StopLadder, *instants: float) -> list[str | None]:
    return [rung.action if (rung := ladder.climb(now)) else None for now in instants]


def test_nothing_is_done_before_it_begins() -> None:
    ladder = StopLadder((TERM, KILL))

    assert climbed(ladder, 0, 100) == [None, None]
    assert ladder.next_at is None


def test_each_rung_has_its_grace() -> None:
    ladder = StopLadder((STDIN, TERM, KILL))
    ladder.begin(10)

    assert climbed(ladder, 10, 11.9, 12, 14.9, 15, 99) == [
        "stdin",
        None,
        "terminate",
        None,
        "kill",
        None,
    ]
    assert ladder.rung == KILL


def test_beginning_again_changes_nothing() -> None:
    ladder = StopLadder((TERM, KILL))
    ladder.begin(10)
    climbed(ladder, 10)

    ladder.begin(11)

    assert ladder.next_at == 13


def test_the_last_rung_can_be_had_at_once() -> None:
    ladder = StopLadder((STDIN, TERM, KILL))
    ladder.begin(10)
    climbed(ladder, 10)

    ladder.skip_to_kill(10.5)

    assert climbed(ladder, 10.5, 11) == ["kill", None]


def test_it_can_be_had_without_any_other() -> None:
    ladder = StopLadder((STDIN, TERM, KILL))

    ladder.skip_to_kill(1)

    assert climbed(ladder, 1) == ["kill"]


def test_after_the_last_rung_there_is_none() -> None:
    ladder = StopLadder((KILL,))
    ladder.begin(1)
    climbed(ladder, 1)

    ladder.skip_to_kill(2)

    assert climbed(ladder, 3) == [None]
    assert ladder.next_at is None


def test_a_ladder_without_kill_gets_one_and_one_with_more_ends_at_it() -> None:
    without = StopLadder((TERM,))
    without.begin(0)
    beyond = StopLadder((KILL, TERM))
    beyond.begin(0)

    assert climbed(without, 0, 3) == ["terminate", "kill"]
    assert climbed(beyond, 0, 99) == ["kill", None]
