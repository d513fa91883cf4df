"""Where the programs are, as the engine asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cc_executor.agents.base import Dialect


class Executables(Protocol):
    """Finds agents' programs and commands. Blocking (files, once a program): use a thread."""

    def agent(self, dialect: Dialect) -> str:
        """Return the absolute path of an agent's executable.

        Raises:
            AgentNotInstalled: It is nowhere; the error lists where it was looked for.
        """
        ...

    def command(self, argv0: str, *, cwd: str, environ: Mapping[str, str]) -> str:
        """Return the absolute path that `argv0` means in `cwd` with the child's PATH.

        Raises:
            AgentNotInstalled: There is no such executable.
            CommandNotAllowed: It is not on the allow-list.
        """
        ...

    def check_login(self, dialect: Dialect, *, environ: Mapping[str, str]) -> None:
        """Do nothing when the agent has, or may have, a login.

        Raises:
            AgentNotLoggedIn: It certainly has none.
        """
        ...
