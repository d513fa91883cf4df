"""Short helper programs, as rooms ask for them that may not start any themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class ProgramEnded(Protocol):
    """How a helper program ended."""

    @property
    def exit_code(self) -> int:
        """Its exit status; the negative number of the signal that ended it."""
        ...

    @property
    def stdout(self) -> bytes:
        """The beginning of what it wrote."""
        ...

    @property
    def stderr(self) -> bytes:
        """The same."""
        ...


class RunProgram(Protocol):
    """Runs a helper program to its end, bounded in time and output, without a shell."""

    def __call__(
        self,
        cmd: Sequence[str],
        timeout_s: float,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> ProgramEnded:
        """Return how it ended. Blocking: call it in a thread.

        Raises:
            SpawnFailed: It cannot be executed.
            NotResponding: It did not end in time.
        """
        ...
