"""Plain programs: argv, no shell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cc_executor.agents.base import Activity, LoginQuery, Surroundings
from cc_executor.agents.endings import imposed
from cc_executor.agents.env import COMMON
from cc_executor.model.events import AgentEvent, Stream
from cc_executor.model.failures import Failure
from cc_executor.model.launch import Launch
from cc_executor.model.outcomes import Claimed, Conclusion, Executed
from cc_executor.model.specs import TaskSpec

#: How much of the end of stdout becomes the task's result.
KEPT_BYTES: Final = 64 * 1024
_KEPT_ERROR_BYTES: Final = 4 * 1024


class CommandDialect:
    """A program of the user's; nothing is known about its output."""

    name = "command"
    inherits: Sequence[str] = (*COMMON, "TERM")
    program = None
    bundles: Sequence[tuple[str, str]] = ()
    how_to_install = ""
    login_query: LoginQuery | None = None
    preamble_tokens = 0

    def session_of(self, spec: TaskSpec, surroundings: Surroundings) -> str | None:  # noqa: ARG002 - the port's signature
        """Return None: programs have no sessions."""
        return None

    def launch(self, spec: TaskSpec, surroundings: Surroundings) -> Launch:
        """Return the program with its arguments, as they are."""
        assert spec.command is not None
        return Launch(
            attempt_id=surroundings.attempt_id,
            argv=(surroundings.executable, *spec.command[1:]),
            env=surroundings.env,
            cwd=surroundings.cwd,
            timers=surroundings.timers,
        )

    def reader(self, spec: TaskSpec) -> CommandReader:  # noqa: ARG002 - the port's signature
        """Return a reader that keeps the end of the output."""
        return CommandReader()


class CommandReader:
    """Keeps the end of both streams; every byte is progress."""

    activity = Activity()

    def __init__(self) -> None:
        self._kept = {"stdout": b"", "stderr": b""}

    def feed(self, stream: Stream, data: bytes) -> Sequence[tuple[AgentEvent, bool]]:
        """Keep the end."""
        limit = KEPT_BYTES if stream == "stdout" else _KEPT_ERROR_BYTES
        self._kept[stream] = (self._kept[stream] + data)[-limit:]
        return ()

    def conclude(self, executed: Executed) -> Conclusion:
        """Judge by the exit status; the result is the end of stdout."""
        claimed = Claimed(text=self._kept["stdout"].decode("utf-8", "replace"))
        failure, message = self._failure(executed)
        return Conclusion(failure=failure, message=message, claimed=claimed)

    def _failure(self, executed: Executed) -> tuple[Failure | None, str | None]:
        ending = imposed(executed)
        if ending is not None:
            return ending
        if executed.signal is not None:
            return Failure.CRASHED, f"ended by {executed.signal}"
        if executed.exit_code == 0:
            return None, None
        said = self._kept["stderr"].decode("utf-8", "replace").strip().splitlines()
        last = f": {said[-1]}" if said else ""
        return Failure.EXIT_STATUS, f"exit status {executed.exit_code}{last}"
