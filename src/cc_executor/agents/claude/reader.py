"""Reads stream-json as it comes, and says at the end what it came to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from cc_executor.agents.base import Activity
from cc_executor.agents.claude.conclude import Heard, conclude
from cc_executor.agents.claude.messages import PINGS, Raw, events_of, kind_of
from cc_executor.agents.lines import Line, LineAssembler
from cc_executor.model.events import (
    AgentEvent,
    AgentStarted,
    ApiRetry,
    BackgroundTasks,
    LimitNotice,
    Message,
    Other,
    PermissionDenied,
    Stream,
    ToolCall,
    ToolResult,
)
from cc_executor.model.outcomes import Conclusion, Executed

_KEPT_STDERR_BYTES: Final = 16 * 1024
_MAX_OPEN_TOOLS: Final = 1_000


class ClaudeReader:
    """Implements `agents.base.Reader` for stream-json.

    Args:
        wants_structured: Whether the task has a JSON schema.
        resumed: Whether the session has a cost from before.
    """

    def __init__(self, *, wants_structured: bool, resumed: bool) -> None:
        self._lines = LineAssembler()
        self._heard = Heard(wants_structured=wants_structured, resumed=resumed)
        self._open_tools: dict[str, str] = {}
        self._background = 0
        self._retrying = False
        self._waiting_for_limit = False
        self._finished = False

    @property
    def activity(self) -> Activity:
        """What the output fed so far says about silence."""
        return Activity(hold=self._hold(), finished=self._finished and not self._background)

    def feed(self, stream: Stream, data: bytes) -> Sequence[tuple[AgentEvent, bool]]:
        """Take the next bytes and return the events they completed."""
        if stream == "stderr":
            self._heard.stderr = (self._heard.stderr + data)[-_KEPT_STDERR_BYTES:]
            return ()
        return [one for line in self._lines.feed(data) for one in self._line(line)]

    def conclude(self, executed: Executed) -> Conclusion:
        """Return what the attempt came to."""
        for line in self._lines.finish():
            self._line(line)
        return conclude(self._heard, executed)

    def _line(self, line: Line) -> list[tuple[AgentEvent, bool]]:
        if not line.data.strip():
            return []
        try:
            message: Any = json.loads(line.data)
        except (ValueError, RecursionError):
            self._heard.plain = (self._heard.plain + line.data[:_KEPT_STDERR_BYTES] + b"\n")[
                -_KEPT_STDERR_BYTES:
            ]
            return [(Other(kind="text" if not line.dropped_bytes else "oversized"), True)]
        messages = message if isinstance(message, list) else [message]
        return [one for raw in messages if isinstance(raw, dict) for one in self._message(raw)]

    def _message(self, raw: Raw) -> list[tuple[AgentEvent, bool]]:
        kind = kind_of(raw)
        events = events_of(raw)
        if kind.startswith("result"):
            self._heard.results.append(raw)
            self._finished = True
        elif kind.startswith("assistant"):
            self._heard.hear_error(raw)
            self._finished = False
        for event in events:
            self._note(event)
        return [(event, kind not in PINGS) for event in events]

    def _note(self, event: AgentEvent) -> None:
        self._retrying = isinstance(event, ApiRetry)
        match event:
            case AgentStarted():
                self._finished = False
                self._heard.session_id = event.session_id
                self._heard.model = event.model
            case ToolCall() if len(self._open_tools) < _MAX_OPEN_TOOLS:
                self._open_tools[event.id] = event.name
            case ToolResult():
                self._open_tools.pop(event.id, None)
            case BackgroundTasks():
                # When the last of them ends, another turn follows, with a result of its own.
                self._background = event.running
                self._finished = False
            case PermissionDenied():
                self._heard.denials.append(event.denial)
            case Message() if not event.partial:
                self._heard.last_text = event.text
            case LimitNotice():
                self._heard.limit = event
                self._waiting_for_limit = event.status == "rejected"
            case _:
                pass

    def _hold(self) -> str | None:
        if self._retrying:
            return "api retry"
        if self._open_tools:
            return f"tool {next(reversed(self._open_tools.values()))}"
        if self._background:
            return "background tasks"
        return "usage limit" if self._waiting_for_limit else None
