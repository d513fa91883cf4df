"""Views that leave stdout to data: nothing, each event as a line of JSON, or a program's bytes."""

from __future__ import annotations

import sys

import msgspec

from cc_executor.cli.render.output import write_all
from cc_executor.cli.render.summary import summary
from cc_executor.cli.render.terminal import print_lines
from cc_executor.model.events import Output, StreamEvent
from cc_executor.model.outlooks import Outlook
from cc_executor.model.results import ExecutionResult


class Silent:
    """Implements `View` without showing any event.

    Args:
        announce: Say on stderr which execution it is, and what was asked of it.
        explain: Say on stderr why, when it does not succeed.
        only: Id of the task whose events are wanted; None: all.
    """

    agent_events = False
    foresees = False

    def __init__(
        self, *, announce: bool = False, explain: bool = False, only: str | None = None
    ) -> None:
        self._announce = announce
        self._explain = explain
        self._only = only

    def begin(self, execution: ExecutionResult) -> None:
        """Say which execution it is."""
        self.notice(f"execution {execution.id}")

    def show(self, event: StreamEvent) -> None:
        """Say nothing."""

    def tick(self) -> None:
        """Say nothing."""

    def foresee(self, outlook: Outlook) -> None:
        """Say nothing."""

    def notice(self, text: str) -> None:
        """Say it."""
        if self._announce:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def end(self, execution: ExecutionResult) -> None:
        """Say why it did not succeed."""
        if self._explain and not execution.ok:
            print_lines(sys.stderr, summary(execution, encoding=sys.stderr.encoding))

    def close(self) -> None:
        """Nothing was taken from the terminal."""


class EventLines(Silent):
    """Implements `View` as NDJSON on stdout: one typed event per line, bytes as base64."""

    agent_events = True

    def show(self, event: StreamEvent) -> None:
        """Write the event."""
        if self._only in (None, event.task_id):
            write_all(sys.stdout.fileno(), msgspec.json.encode(event) + b"\n")


class RawOutput(Silent):
    """Implements `View` as the programs' own bytes: stdout on stdout, stderr on stderr."""

    def show(self, event: StreamEvent) -> None:
        """Write the bytes as they came."""
        if isinstance(event, Output) and self._only in (None, event.task_id):
            stream = sys.stdout if event.stream == "stdout" else sys.stderr
            write_all(stream.fileno(), event.data)
