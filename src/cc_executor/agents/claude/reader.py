"""Reads the output of one run of Claude Code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cc_executor.agents.base import Activity
from cc_executor.agents.claude.activity import ActivityTracker
from cc_executor.agents.claude.conclude import conclude
from cc_executor.agents.claude.facts import Notebook
from cc_executor.agents.claude.fields import Fields, read_objects
from cc_executor.agents.claude.messages import events_of, is_progress, kind_of
from cc_executor.agents.claude.schema import is_native
from cc_executor.agents.claude.turns import Turns
from cc_executor.agents.lines import Line, LineAssembler
from cc_executor.agents.tail import Tail
from cc_executor.model.events import AgentEvent, LimitNotice, Other, Stream
from cc_executor.model.outcomes import Conclusion, Executed
from cc_executor.model.specs import TaskSpec

#: Everything in a result was written by the model, at most 128,000 tokens a turn; the longest
#: lines are tools' results: 4.3 MB were seen for one overwritten file of 2 MB. A line beyond this
#: is passed on as bytes and not read; were it a result, the attempt would count as without one.
MAX_LINE_BYTES: Final = 32 * 1024 * 1024
_KEPT_STDERR_BYTES: Final = 16 * 1024


class ClaudeReader:
    """Implements `agents.base.Reader`.

    Args:
        spec: The task whose attempt is read.
    """

    def __init__(self, spec: TaskSpec) -> None:
        self._wants_structure = is_native(spec.json_schema)
        self._lines = LineAssembler(max_line_bytes=MAX_LINE_BYTES)
        self._stderr = Tail(_KEPT_STDERR_BYTES)
        self._activity = ActivityTracker()
        self._notebook = Notebook(resumes=spec.session_id is not None)
        self._turns = Turns()
        self._oversized_lines = 0

    @property
    def activity(self) -> Activity:
        """What the output fed so far says about silence."""
        return self._activity.activity

    def feed(self, stream: Stream, data: bytes) -> Sequence[tuple[AgentEvent, bool]]:
        """Take the next bytes and return the events they completed, oldest first.

        What is on stderr is for people: it has no events and is no progress.
        """
        if stream == "stderr":
            self._stderr.add(data)
            return ()
        events: list[AgentEvent] = []
        for line in self._lines.feed(data):
            events.extend(self._read(line))
        return [(event, is_progress(event)) for event in events]

    def conclude(self, executed: Executed) -> Conclusion:
        """Return what the attempt came to. A last line without a newline counts."""
        rest = self._lines.flush()
        if rest is not None:
            self._read(rest)
        facts = self._notebook.facts(
            self._activity,
            complaint=self._stderr.last_line(),
            stderr=self._stderr.text(),
            oversized_lines=self._oversized_lines,
            wants_structure=self._wants_structure,
        )
        return conclude(facts, executed)

    def _read(self, line: Line) -> Sequence[AgentEvent]:
        if line.dropped_bytes:
            self._oversized_lines += 1
            return (Other(kind="oversized"),)
        if not line.content.strip():
            return ()
        messages = read_objects(line.content)
        if messages is None:
            is_json = line.content.lstrip().startswith(b"{")
            return (Other(kind="unreadable" if is_json else "text"),)
        events: list[AgentEvent] = []
        for message in messages:
            events.extend(self._take(message))
        return events

    def _take(self, message: Fields) -> Sequence[AgentEvent]:
        kind = kind_of(message)
        self._activity.note(kind, message)
        if message.text("type") == "result":
            return (self._notebook.note_result(kind, message),)
        self._notebook.note(kind, message)
        events = events_of(message)
        for event in events:
            if isinstance(event, LimitNotice):
                self._notebook.note_limit(event)
        turn = self._turns.begun_by(message) if kind == "assistant" else None
        return events if turn is None else (turn, *events)
