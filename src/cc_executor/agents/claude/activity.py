"""Whether silence is healthy: what Claude Code is busy with, as far as its messages tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, NamedTuple

from cc_executor.agents.base import Activity
from cc_executor.agents.claude.fields import Fields
from cc_executor.agents.claude.messages import is_synthetic

#: More open tools or background tasks than any agent has: the oldest are forgotten.
_MAX_TRACKED: Final = 1_000
_NOT_ENDED: Final = frozenset({None, "pending", "running", "paused"})


class _OpenTool(NamedTuple):
    """A tool without a result so far.

    Attributes:
        thread: The tool call whose subagent asked for it; None for the main thread.
        message_id: The model's message that asked for it.
    """

    name: str
    thread: str | None
    message_id: str | None


class ActivityTracker:
    """Follows the messages of one attempt and says at any moment what they mean for silence."""

    def __init__(self) -> None:
        self._tools: dict[str, _OpenTool] = {}
        self._background: dict[str, None] = {}
        self._background_is_listed = False
        self._turn_expected = False
        self._wakeup = False
        self._wakeup_asked_in_turn = False
        self._retry_s: float | None = None
        self._retries = 0
        self._limited = False
        self._limit_ends_at: float | None = None
        self._approval: str | None = None
        self._turns_begun = 0
        self._turns_answered = 0
        self._is_working = True

    @property
    def activity(self) -> Activity:
        """What the messages so far say about silence."""
        if self._approval is not None:
            return Activity(hold=f"approval {self._approval}")
        if self._tools:
            return Activity(hold=f"tool {next(iter(self._tools.values())).name}")
        if not self._is_working:
            # While the model works these excuse nothing: a background task may be a server that
            # never ends. After a result the CLI waits for them, and then works on.
            if self._background:
                return Activity(hold="background task")
            if self._wakeup:
                return Activity(hold="scheduled wakeup")
            if self._turns_answered >= self._turns_begun and not self._turn_expected:
                return Activity(finished=True)
        if self._limited:
            ends_at = self._limit_ends_at
            until = "" if ends_at is None else f" until {ends_at:.0f}"
            return Activity(hold=f"usage limit{until}", hold_until=ends_at)
        if self._retry_s is not None:
            return Activity(hold=f"api retry {self._retries}", hold_s=self._retry_s)
        return Activity()

    @property
    def is_working(self) -> bool:
        """Whether the model works, or has not begun to: no result came since it last did."""
        return self._is_working

    def note(self, kind: str, message: Fields) -> None:
        """Take the next message."""
        note = self._NOTES.get(kind) or self._NOTES.get(kind.partition("/")[0])
        if note is not None:
            note(self, message)

    def _turn_began(self, _message: Fields) -> None:
        self._turns_begun += 1
        self._turn_expected = False
        self._is_working = True

    def _model_spoke(self, message: Fields) -> None:
        self._approval = None
        thread = message.text("parent_tool_use_id")
        said = message.child("message")
        message_id = said.text("id")
        if not is_synthetic(message):
            self._model_answered(message)
        if thread is None:
            self._is_working = True
        # A model that speaks again has all results of what it asked for before; one that was
        # lost, in a line too long to keep, must not hold the idle timer for ever.
        for tool_id, tool in tuple(self._tools.items()):
            if tool.thread == thread and tool.message_id != message_id:
                del self._tools[tool_id]
        for block in said.children("content"):
            if block.text("type") == "tool_use":
                name = block.text("name") or "unknown tool"
                self._tools[block.text("id") or ""] = _OpenTool(name, thread, message_id)
                _forget_oldest(self._tools)

    def _model_answered(self, _message: Fields) -> None:
        self._retry_s = None
        self._limited = False

    def _stream_event(self, message: Fields) -> None:
        if message.child("event").text("type") not in {"ping", "error"}:
            self._model_answered(message)

    def _tool_ended(self, message: Fields) -> None:
        self._approval = None
        for block in message.child("message").children("content"):
            if block.text("type") == "tool_result":
                self._tools.pop(block.text("tool_use_id") or "", None)
        # ScheduleWakeup: the CLI will stay, silent, and begin another turn at that time.
        if message.child("tool_use_result").number("scheduledFor") is not None:
            self._wakeup_asked_in_turn = True

    def _retrying(self, message: Fields) -> None:
        self._retry_s = max(0.0, message.number("retry_delay_ms") or 0.0) / 1000
        self._retries += 1

    def _limit_reported(self, message: Fields) -> None:
        info = message.child("rate_limit_info")
        self._limited = info.text("status") == "rejected"
        self._limit_ends_at = info.number("resetsAt")

    def _asked(self, message: Fields) -> None:
        request = message.child("request")
        if request.text("subtype") == "can_use_tool":
            self._approval = request.text("tool_name") or "unknown tool"

    def _unasked(self, _message: Fields) -> None:
        self._approval = None

    def _background_changed(self, message: Fields) -> None:
        tasks = message.children("tasks")[:_MAX_TRACKED]
        self._background_is_listed = True
        # Of what ends after a result the model is told, in a turn that follows at once.
        self._turn_expected = not self._is_working and bool(self._background) and not tasks
        self._background = dict.fromkeys(task.text("task_id") or "" for task in tasks)

    def _task_started(self, message: Fields) -> None:
        if message.flag("is_backgrounded") is True and not self._background_is_listed:
            self._background[message.text("task_id") or ""] = None
            _forget_oldest(self._background)

    def _task_updated(self, message: Fields) -> None:
        if message.child("patch").text("status") not in _NOT_ENDED:
            self._task_ended(message)

    def _task_ended(self, message: Fields) -> None:
        if not self._background_is_listed:  # by a CLI that reports tasks one by one only
            self._background.pop(message.text("task_id") or "", None)

    def _result(self, message: Fields) -> None:
        self._approval = None
        self._tools.clear()
        self._model_answered(message)
        # Not a mere count: a result may have been lost in a line too long to keep. And a result
        # may be held back until background agents have ended, when the next turn has begun.
        index = message.integer("result_index")
        self._turns_answered = (self._turns_answered if index is None else max(0, index)) + 1
        # Messages that were queued meanwhile get a turn of their own.
        self._is_working = (message.integer("queued_turn_count") or 0) > 0
        if message.child("origin").text("kind") != "task-notification":
            self._wakeup = False  # this turn was the one that it waited for
        self._wakeup = self._wakeup or self._wakeup_asked_in_turn
        self._wakeup_asked_in_turn = False

    #: By kind, else by type alone.
    _NOTES: ClassVar[Mapping[str, Callable[[ActivityTracker, Fields], None]]] = {
        "system/init": _turn_began,
        "system/api_retry": _retrying,
        "system/background_tasks_changed": _background_changed,
        "system/task_started": _task_started,
        "system/task_updated": _task_updated,
        "system/task_notification": _task_ended,
        "rate_limit_event": _limit_reported,
        "control_request": _asked,
        "control_cancel_request": _unasked,
        "assistant": _model_spoke,
        "user": _tool_ended,
        "stream_event": _stream_event,
        "result": _result,
    }


def _forget_oldest(tracked: dict[str, _OpenTool] | dict[str, None]) -> None:
    if len(tracked) > _MAX_TRACKED:
        del tracked[next(iter(tracked))]
