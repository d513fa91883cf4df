from __future__ import annotations

import pytest

from cc_executor.agents.argv import MAX_ARGUMENT_BYTES, checked_argv
from cc_executor.errors import InvalidSpec


def test_ordinary_arguments_pass_unchanged() -> None:
    argv = ("prog", "", "-x", "a b", 'quo"te', "new\nline", "$(id)", "é", "\udcff")

    assert checked_argv(argv, where="command") == argv


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("a\0b", "NUL"),
        ("\ud83d", "not valid text"),
        ("x" * (MAX_ARGUMENT_BYTES + 1), "131072 bytes"),
        ("é" * (MAX_ARGUMENT_BYTES // 2 + 1), "131072 bytes"),
    ],
)
def test_what_no_program_can_receive_is_refused(argument: str, problem: str) -> None:
    with pytest.raises(InvalidSpec, match=problem) as refused:
        checked_argv(("prog", argument), where="command")

    assert refused.value.where == "command"
    assert len(str(refused.value)) < 300  # it does not repeat a huge argument


def test_the_longest_argument_is_accepted() -> None:
    longest = "x" * MAX_ARGUMENT_BYTES

    assert checked_argv((longest,), where="command") == (longest,)
