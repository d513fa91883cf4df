"""How often the model was asked: one answer of it comes as several messages, a block in each."""

from __future__ import annotations

from typing import Final

from cc_executor.agents.claude.account import turn_usage
from cc_executor.agents.claude.fields import Fields
from cc_executor.agents.claude.messages import is_synthetic
from cc_executor.model.events import Turn

#: More subagents at a time than any agent has: the oldest are forgotten.
_MAX_THREADS: Final = 100
_MAX_ID_CHARS: Final = 200


class Turns:
    """Tells the first message of each answer from those that go on with it."""

    def __init__(self) -> None:
        # By thread: "" is the agent itself, a tool call's id the subagent that it began.
        self._answering: dict[str, str] = {}

    def begun_by(self, assistant: Fields) -> Turn | None:
        """Return the turn that a message begins, None when it begins none."""
        message = assistant.child("message")
        answer = (message.text("id") or "")[:_MAX_ID_CHARS]
        thread = (assistant.text("parent_tool_use_id") or "")[:_MAX_ID_CHARS]
        if not answer or is_synthetic(assistant) or self._answering.get(thread) == answer:
            return None
        self._answering.pop(thread, None)
        self._answering[thread] = answer
        if len(self._answering) > _MAX_THREADS:
            del self._answering[next(iter(self._answering))]
        return Turn(subagent=bool(thread), usage=turn_usage(message))
