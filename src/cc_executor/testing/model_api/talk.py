"""What an agent CLI asks the model: the same values for every dialect of model API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

Role = Literal["user", "assistant", "system"]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back to the model.

    Attributes:
        tool_use_id: The call that it answers.
        text: All its text; images and the like are left out.
        is_error: The tool failed, or was not allowed to run.
    """

    tool_use_id: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation.

    Attributes:
        role: Who speaks. Claude Code also sends `system` messages within the conversation.
        texts: Its blocks of text.
        tool_names: The tools that it calls.
        tool_results: The results that it carries.
    """

    role: Role
    texts: tuple[str, ...] = ()
    tool_names: tuple[str, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One request for an answer of the model.

    Attributes:
        model: The model's name as the CLI gave it.
        streaming: It wants the answer as a stream of events.
        messages: The conversation so far, oldest first.
        tools: Names of the tools that the model may call.
        session_id: The CLI's session, where it says so.
        headers: HTTP headers, names in lower case.
        body: The whole body as it was sent.
    """

    model: str
    streaming: bool
    messages: tuple[Message, ...]
    tools: tuple[str, ...]
    session_id: str | None
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def prompt(self) -> str:
        """What the user said last; empty when there is nothing.

        Claude Code puts its reminders before the user's words, as texts of the same message.
        """
        said = (m.texts[-1] for m in reversed(self.messages) if m.role == "user" and m.texts)
        return next(said, "")

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """The results that came since the model spoke last."""
        found: list[ToolResult] = []
        for message in reversed(self.messages):
            if message.role == "assistant":
                break
            found[:0] = message.tool_results
        return tuple(found)

    def position(self, wanted: str) -> int | None:
        """Return the index of the last message in which the user says `wanted`, or None.

        Only if no user message does, `system` messages count: that is how Claude Code hands on
        what was said in the middle of a turn.
        """
        for role in ("user", "system"):
            for index in reversed(range(len(self.messages))):
                message = self.messages[index]
                if message.role == role and any(wanted in text for text in message.texts):
                    return index
        return None

    def turns_after(self, index: int) -> int:
        """Return how often the model has spoken after message `index`."""
        roles = [message.role for message in self.messages[index:]]
        return sum(
            role == "assistant" and before != "assistant" for before, role in pairwise(roles)
        )
