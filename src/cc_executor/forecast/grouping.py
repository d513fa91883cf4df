"""Which runs resemble each other: levels, from broad to narrow."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final

from cc_executor.model.forecasts import Observation, Subject

#: From so many observations on a level gives the method its name.
_ENOUGH: Final = 3

_NAMES: Final = (
    "history: everything",
    "history: same agent",
    "history: same size",
    "history: same kind",
    "history: same prompt",
)


def groups_of(subject: Subject) -> tuple[Hashable | None, ...]:
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


def method_for(subject: Subject, history: Sequence[Observation]) -> tuple[str, int]:
    """Return which level mattered most, in a few words, and how many observations it has."""
    keys = groups_of(subject)
    counts = [0] * len(keys)
    for one in history:
        for level, (key, other) in enumerate(zip(keys, groups_of(one.subject), strict=True)):
            counts[level] += key is not None and key == other
    for level in reversed(range(len(keys))):
        if counts[level] >= _ENOUGH:
            return _NAMES[level], counts[level]
    return "formula and history", len(history)


def _size(tokens: int) -> int:
    """Return the size class of a prompt: each is twice as large as the one before."""
    return round(math.log2(max(1, tokens)))
