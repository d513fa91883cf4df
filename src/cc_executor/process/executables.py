"""Finding agents' programs, and asking them for their login."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from cc_executor.agents.base import Dialect, LoginQuery
from cc_executor.errors import (
    AgentNotInstalled,
    AgentNotLoggedIn,
    CommandNotAllowed,
    NotResponding,
    SpawnFailed,
)
from cc_executor.process.run import run_subprocess

_LOGIN_CHECK_S = 15.0


class SystemExecutables:
    """Implements `ports.executables.Executables`.

    Args:
        overrides: Absolute paths by agent name, from settings.
        search_path: PATH to look in.
        allowed: Allow-list of executables, as resolved paths or bare names; empty: any.
    """

    def __init__(
        self, *, overrides: Mapping[str, str], search_path: str, allowed: Sequence[str]
    ) -> None:
        self._overrides = overrides
        self._search_path = search_path
        self._allowed = frozenset(allowed)
        self._logged_in: set[str] = set()

    def agent(self, dialect: Dialect) -> str:
        """Return the absolute path of an agent's executable.

        The setting wins, then PATH, then the binary that comes with an installed wheel.

        Raises:
            AgentNotInstalled: It is nowhere.
        """
        override = self._overrides.get(dialect.name)
        if override is not None:
            if _is_executable(override):
                return override
            raise AgentNotInstalled(
                dialect.name,
                (override,),
                hint=f"CC_EXECUTOR_{dialect.name.upper()}_BIN names no executable file.",
            )
        program = dialect.program or dialect.name
        found = shutil.which(program, path=self._search_path) or bundled(dialect)
        if found is None:
            raise AgentNotInstalled(
                dialect.name,
                (f"{program} on PATH", *(f"wheel {wheel}" for wheel, _ in dialect.bundles)),
                hint=dialect.how_to_install,
            )
        return os.path.abspath(found)

    def command(self, argv0: str, *, cwd: str, environ: Mapping[str, str]) -> str:
        """Return the absolute path that `argv0` means in `cwd` with the child's PATH.

        Raises:
            AgentNotInstalled: There is no such executable.
            CommandNotAllowed: It is not on the allow-list.
        """
        path = environ.get("PATH", os.defpath)
        if os.sep in argv0:
            candidate = os.path.join(cwd, argv0)
            found = candidate if _is_executable(candidate) else None
        else:
            # What is relative in it is so to where the child will be, not to where we are.
            entries = (os.path.join(cwd, entry) for entry in path.split(os.pathsep))
            found = shutil.which(argv0, path=os.pathsep.join(entries))
        if found is None:
            raise AgentNotInstalled(
                argv0,
                (path if os.sep not in argv0 else os.path.join(cwd, argv0),),
                hint="Check the spelling, or give the program's absolute path.",
            )
        absolute = os.path.abspath(found)
        if self._allowed and not self._allowed & {argv0, absolute, os.path.realpath(absolute)}:
            raise CommandNotAllowed(absolute)
        return absolute

    def check_login(self, dialect: Dialect, *, environ: Mapping[str, str]) -> None:
        """Do nothing when the agent has, or may have, a login.

        An agent that cannot be asked, or answers nothing that can be understood, may have one.

        Raises:
            AgentNotLoggedIn: It says itself that it has none.
        """
        if dialect.name in self._logged_in or dialect.login_query is None:
            return
        query = dialect.login_query
        has_evidence = any(environ.get(name) for name in query.evidence)
        if not has_evidence and self._denies_login(dialect, query, environ):
            raise AgentNotLoggedIn(dialect.name, hint=query.how_to_log_in)
        self._logged_in.add(dialect.name)

    def _denies_login(
        self, dialect: Dialect, query: LoginQuery, environ: Mapping[str, str]
    ) -> bool:
        """Ask it; only a clear no counts."""
        try:
            asked = (self.agent(dialect), *query.arguments)
            answer = run_subprocess(asked, timeout_s=_LOGIN_CHECK_S, env=environ)
        except (NotResponding, SpawnFailed):
            return False
        try:
            said = json.loads(answer.stdout)
        except ValueError:
            return False
        return isinstance(said, dict) and said.get(query.key) is False


def bundled(dialect: Dialect) -> str | None:
    """Return the executable that comes inside an installed wheel, without importing it."""
    for package, inside in dialect.bundles:
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            candidate = str(Path(location) / inside)
            if _is_executable(candidate):
                return candidate
    return None


def _is_executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
