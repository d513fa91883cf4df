"""How a run is shown while it lasts, and what is printed when it is over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from cc_executor.cli.render.view import View
    from cc_executor.model.results import ExecutionResult


class Presentation(NamedTuple):
    """What the flags `--json`, `--events` and `--quiet` ask for."""

    as_json: bool = False
    as_events: bool = False
    quiet: bool = False

    def checked(self) -> Presentation:
        """Return itself.

        Raises:
            click.UsageError: It asks for two things on one stdout.
        """
        if self.as_json and self.as_events:
            raise click.UsageError("--json and --events exclude each other.")
        return self

    def view(self, execution: ExecutionResult, *, from_start: bool = True) -> View:
        """Return the view of an execution; the live one must be shown it from its start."""
        from cc_executor.cli.render.machine import EventLines, RawOutput, Silent

        announce = not self.quiet
        if self.as_events:
            return EventLines(announce=announce)
        if self.as_json:
            return Silent(announce=announce)
        if is_one_command(execution):
            return RawOutput(announce=announce, explain=True)
        if self.quiet:
            return Silent(explain=True)
        return for_people(from_start=from_start)

    def conclude(self, execution: ExecutionResult) -> None:
        """Print what came of it on stdout: the object, or the answer to a single prompt."""
        from cc_executor.cli.render.data import write_answer, write_json

        if self.as_json:
            write_json(execution.to_json())
        elif not self.as_events and len(execution.tasks) == 1 and not is_one_command(execution):
            only = execution.tasks[0]
            # What a failed agent said last is no answer: `show` has it.
            if only.ok and only.result is not None:
                write_answer(only.result)


def for_people(*, from_start: bool) -> View:
    """Return the live view on a terminal, plain lines elsewhere; both on stderr."""
    from cc_executor.cli.render.terminal import can_show_live

    if from_start and can_show_live(sys.stderr):
        from cc_executor.cli.render.live import LiveView

        return LiveView(sys.stderr)
    from cc_executor.cli.render.lines import Lines

    return Lines(sys.stderr)


def is_one_command(execution: ExecutionResult) -> bool:
    """Tell whether it is a single plain program: its own output is then what is shown."""
    return len(execution.tasks) == 1 and execution.tasks[0].record.spec.command is not None
