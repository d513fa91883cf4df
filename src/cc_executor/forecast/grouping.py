"""Which runs resemble each other: levels, from broad to narrow."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final

from cc_executor.model.forecasts import Subject

#: From so many observations on a level gives the method its name.
_ENOUGH: Final = 3

_NAMES: Final = (
    "history: everything",
    "history: same agent",
    "history: same size",
    "history: same kind",
    "history: same prompt",
)

#: From broad to narrow; None: of no group at this level.
Groups = tuple[Hashable | None, ...]


def groups_of(subject: Subject) -> Groups:
    """Return the groups of a task, from broad to narrow; None where it is in none.

    Everything; its agent; model, effort and size of the prompt; its kind; its very prompt. The
    last three are also told apart by what stands before them.
    """
    setting = subject.agent, subject.model, subject.effort
    return (
        "",
        subject.agent,
        (*setting, _size(subject.tokens)),
        (*setting, subject.kind) if subject.kind else None,
        (*setting, subject.digest) if subject.digest else None,
    )


def method_for(keys: Groups, others: Sequence[Groups]) -> tuple[str, int]:
    """Return which level matters most, in a few words, and how many observations it has.

    Args:
        keys: The groups of a task.
        others: Those of all observations.
    """
    for level in reversed(range(len(keys))):
        key = keys[level]
        count = 0 if key is None else sum(other[level] == key for other in others)
        if count >= _ENOUGH:
            return _NAMES[level], count
    return "formula and history", len(others)


def _size(tokens: int) -> int:
    """Return the size class of a prompt: each is twice as large as the one before."""
    return round(math.log2(max(1, tokens)))
