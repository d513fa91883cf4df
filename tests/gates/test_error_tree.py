"""Every refusal is in one tree, has a code nobody else has, and says what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from cc_executor.errors import CCExecutorError
from tests.gates.declared import our_exceptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CODE: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


def faults(classes: Iterable[type[BaseException]]) -> Iterator[str]:
    """Say what is wrong with each of `classes` that breaks the rules of the tree."""
    owners: dict[str, str] = {}
    for declared in classes:
        name = declared.__name__
        if not issubclass(declared, CCExecutorError):
            yield f"{name} stands outside the tree"
            continue
        code = vars(declared).get("code")
        if not isinstance(code, str) or not CODE.fullmatch(code):
            yield f"{name} has no code of its own"
        elif owners.setdefault(code, name) != name:
            yield f"{name} has the code of {owners[code]}"
        if not str(declared.hint).endswith("."):
            yield f"{name} has no hint that is a sentence"
        if not declared.__doc__:
            yield f"{name} has no docstring"


def test_every_refusal_has_a_code_of_its_own_and_a_hint() -> None:
    declared = our_exceptions()

    assert CCExecutorError in declared
    assert list(faults(declared)) == []


class Good(CCExecutorError):
    """A refusal as it should be."""

    code = "gate.good"
    hint = "Do this instead."


class Codeless(Good):
    """Inherits the code of another."""


class Twin(Good):
    """Takes the code of another."""

    code = "gate.good"


class Shouting(Good):
    """A code that no table of codes could hold."""

    code = "Gate.SHOUTING"


class Clueless(Good):
    """Leaves its caller alone."""

    code = "gate.clueless"
    hint = ""


class Undocumented(Good):
    code = "gate.undocumented"


class Outsider(ValueError):
    """Cannot be caught with the others."""


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        (Codeless, "Codeless has no code of its own"),
        (Twin, "Twin has the code of Good"),
        (Shouting, "Shouting has no code of its own"),
        (Clueless, "Clueless has no hint that is a sentence"),
        (Undocumented, "Undocumented has no docstring"),
        (Outsider, "Outsider stands outside the tree"),
    ],
)
def test_a_class_that_breaks_the_rules_is_seen(declared: type[BaseException], fault: str) -> None:
    assert list(faults([Good, declared])) == [fault]
