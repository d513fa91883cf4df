"""What every way of showing an execution can do."""

from __future__ import annotations

from typing import Protocol

from cc_executor.model.events import StreamEvent
from cc_executor.model.outlooks import Outlook
from cc_executor.model.results import ExecutionResult


class View(Protocol):
    """Shows one execution. Its methods block while whoever reads is slow: see `showing`."""

    @property
    def agent_events(self) -> bool:
        """Whether it wants to know what the agent's output means."""
        ...

    @property
    def foresees(self) -> bool:
        """Whether it wants to know what is expected of the rest."""
        ...

    def begin(self, execution: ExecutionResult) -> None:
        """Show that it has been accepted."""
        ...

    def show(self, event: StreamEvent) -> None:
        """Show that something happened."""
        ...

    def tick(self) -> None:
        """Show that time has passed. Called about once a second, whether or not anything happened."""
        ...

    def foresee(self, outlook: Outlook) -> None:
        """Show what is expected of the rest. Called now and then, if `foresees`."""
        ...

    def notice(self, text: str) -> None:
        """Tell the person at the terminal something about what was asked, on one line."""
        ...

    def end(self, execution: ExecutionResult) -> None:
        """Show how it ended."""
        ...

    def close(self) -> None:
        """Give the terminal back, whatever has happened. Calling it again does nothing."""
        ...
