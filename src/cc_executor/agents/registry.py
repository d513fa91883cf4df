"""Which dialects there are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cc_executor.agents.base import Dialect
from cc_executor.agents.claude import ClaudeDialect
from cc_executor.agents.command import CommandDialect
from cc_executor.errors import UnknownAgent

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {dialect.name: dialect for dialect in (ClaudeDialect(), CommandDialect())}
)


def dialect(name: str) -> Dialect:
    """Return a dialect.

    Raises:
        UnknownAgent: There is none with this name.
    """
    try:
        return DIALECTS[name]
    except KeyError:
        raise UnknownAgent(name, tuple(DIALECTS)) from None
