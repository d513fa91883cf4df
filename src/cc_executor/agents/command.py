"""Plain programs: argv, no shell, nothing on stdin, judged by their exit alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cc_executor.agents.argv import checked_argv
from cc_executor.agents.base import Activity, LoginQuery, Reader, Surroundings
from cc_executor.agents.endings import Verdict, crashed, ended_from_outside
from cc_executor.agents.env import COMMON
from cc_executor.agents.tail import Tail
from cc_executor.errors import InvalidSpec
from cc_executor.model.budgets import Caps
from cc_executor.model.events import AgentEvent, Stream
from cc_executor.model.failures import Failure
from cc_executor.model.launch import Launch
from cc_executor.model.outcomes import Claimed, Conclusion, Executed
from cc_executor.model.specs import TaskSpec

#: A program's answer is the end of what it printed; all of it is in the journal.
KEPT_STDOUT_BYTES: Final = 64 * 1024
_KEPT_STDERR_BYTES: Final = 4 * 1024


class Command:
    """The dialect of tasks that have a `command` instead of a prompt."""

    name: Final = "command"
    inherits: Final[Sequence[str]] = (*COMMON, "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR")
    program: Final = None
    bundles: Final[Sequence[tuple[str, str]]] = ()
    how_to_install: Final = "Install the program, or give its absolute path."
    login_query: Final[LoginQuery | None] = None
    preamble_tokens: Final = 0

    def credential_of(self, env: Mapping[str, str]) -> str | None:  # noqa: ARG002 - as every dialect has it
        """Return None: a program has no usage window."""
        return None

    def session_of(self, spec: TaskSpec, surroundings: Surroundings) -> str | None:  # noqa: ARG002 - as every dialect has it
        """Return None: a program holds no agent session."""
        return None

    def launch(self, spec: TaskSpec, surroundings: Surroundings) -> Launch:
        """Return the program as a child process.

        Raises:
            InvalidSpec: There is no command, or an argument cannot be passed to a program.
        """
        if not spec.command:
            raise InvalidSpec("command", "is empty")
        argv = (surroundings.executable, *spec.command[1:])
        return Launch(
            attempt_id=surroundings.attempt_id,
            argv=checked_argv(argv, where="command"),
            env=dict(surroundings.env),
            cwd=surroundings.cwd,
            timers=surroundings.timers,
        )

    def limited(self, launch: Launch, caps: Caps) -> Launch:  # noqa: ARG002 - as every dialect has it
        """Return the same child: a program knows no budget."""
        return launch

    def reader(self, spec: TaskSpec) -> Reader:  # noqa: ARG002 - as every dialect has it
        """Return a fresh reader."""
        return CommandReader()


class CommandReader:
    """Keeps the end of what a program prints; there is nothing else to understand in it."""

    activity: Final = Activity()

    def __init__(self) -> None:
        self._tails = {"stdout": Tail(KEPT_STDOUT_BYTES), "stderr": Tail(_KEPT_STDERR_BYTES)}

    def feed(self, stream: Stream, data: bytes) -> Sequence[tuple[AgentEvent, bool]]:
        """Take the next bytes. Plain output has no events."""
        self._tails[stream].add(data)
        return ()

    def conclude(self, executed: Executed) -> Conclusion:
        """Return success for exit status 0 and for nothing else."""
        verdict = ended_from_outside(executed) or crashed(executed) or self._exit(executed)
        return Conclusion(
            failure=verdict.failure if verdict else None,
            message=verdict.message if verdict else None,
            claimed=Claimed(text=self._tails["stdout"].text()),
        )

    def _exit(self, executed: Executed) -> Verdict | None:
        if executed.exit_code == 0:
            return None
        if executed.exit_code is None:
            return Verdict(Failure.NO_RESULT, "It ended, and its exit status is not known.")
        said = self._tails["stderr"].last_line()
        status = f"exit status {executed.exit_code}"
        return Verdict(Failure.EXIT_STATUS, f"{status}: {said}" if said else status)
