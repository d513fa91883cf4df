from __future__ import annotations

import pytest

from cc_executor.agents.claude.limits import limited
from cc_executor.model.budgets import Caps
from cc_executor.model.launch import Launch


def argv(*arguments: str, caps: Caps) -> tuple[str, ...]:
    launch = Launch(attempt_id="a", argv=("/claude", *arguments), env={}, cwd="/")
    return limited(launch, caps).argv[1 + len(arguments) :]


def test_money_and_turns_are_told_and_nothing_else() -> None:
    everything = Caps(2_500_000, 100, 7, 60_000)
    assert argv(caps=everything) == ("--max-budget-usd=2.500000", "--max-turns=7")
    assert argv(caps=Caps(tokens=1, ms=1)) == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--max-turns=3",), "--max-turns=3"),
        (("--max-turns", "3"), "--max-turns=3"),
        (("--max-turns=9",), "--max-turns=7"),
        (("--max-turns=many",), "--max-turns=7"),
        (("--max-turns",), "--max-turns=7"),
    ],
)
def test_a_tighter_limit_that_stands_there_is_kept(given: tuple[str, ...], told: str) -> None:
    assert argv(*given, caps=Caps(turns=7)) == (told,)
