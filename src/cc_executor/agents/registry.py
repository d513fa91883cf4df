"""Every agent we speak with, by the name that a task gives it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cc_executor.agents.base import Dialect
from cc_executor.agents.claude import Claude
from cc_executor.agents.command import Command
from cc_executor.errors import UnknownAgent

_ALL: Final[tuple[Dialect, ...]] = (Claude(), Command())

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({one.name: one for one in _ALL})


def dialect(name: str) -> Dialect:
    """Return the dialect of this name.

    Raises:
        UnknownAgent: There is none; the error lists those that there are.
    """
    try:
        return DIALECTS[name]
    except KeyError:
        raise UnknownAgent(name, tuple(sorted(DIALECTS))) from None
