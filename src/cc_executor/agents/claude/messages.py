"""From one message of Claude Code to the events it stands for.

What is not known here is passed on as `Other`: new kinds of messages and fields appear with every
release. Source of all shapes: recorded transcripts of 2.1.330; key order is not fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cc_executor.agents.claude.fields import Fields
from cc_executor.model.events import (
    AgentEvent,
    AgentStarted,
    ApiRetry,
    BackgroundTasks,
    LimitNotice,
    Message,
    Other,
    PermissionDenied,
    Thinking,
    ToolCall,
    ToolResult,
)
from cc_executor.model.outcomes import Denial

Events = tuple[AgentEvent, ...]

SYNTHETIC_MODEL: Final = "<synthetic>"
_MAX_WORD_CHARS: Final = 100
_MAX_SUMMARY_CHARS: Final = 200
_MAX_RESULT_CHARS: Final = 2_000

#: Kinds that say no more than "I am still here". A kind that nobody knows counts as progress: a
#: healthy agent of a newer version must not be stopped, and the total timer bounds the others.
PINGS: Final = frozenset(
    {
        "auth_status",
        "keep_alive",
        "stream_event/error",
        "stream_event/ping",
        "system/informational",
        "system/notification",
        "system/session_state_changed",
        "system/status",
        "system/thinking_tokens",
        "system/ui_invalidate",
        "tool_progress",
        "transcript_mirror",
        # Not from Claude Code: lines that are no message at all.
        "text",
        "unreadable",
    }
)


def kind_of(message: Fields) -> str:
    """Return a message's `type`, with its `subtype` where it has one: `system/status`."""
    parts = (message.text("type") or "untyped", message.text("subtype"))
    return "/".join(part[:_MAX_WORD_CHARS] for part in parts if part)


def events_of(message: Fields) -> Events:
    """Return what a message says; `result` is not read here but where results are counted."""
    reader = _READERS.get(kind_of(message)) or _READERS.get(message.text("type") or "")
    return reader(message) if reader else (Other(kind=kind_of(message)),)


def is_progress(event: AgentEvent) -> bool:
    """Return whether an event shows that the work goes on."""
    if isinstance(event, Other):
        return event.kind not in PINGS
    return not isinstance(event, ApiRetry | LimitNotice)


def _started(message: Fields) -> Events:
    return (
        AgentStarted(
            session_id=message.text("session_id"),
            model=message.text("model"),
            version=message.text("claude_code_version"),
            tools=message.texts("tools"),
        ),
    )


def _api_retry(message: Fields) -> Events:
    return (
        ApiRetry(
            attempt=message.integer("attempt") or 0,
            max_attempts=message.integer("max_retries"),
            delay_s=max(0.0, message.number("retry_delay_ms") or 0.0) / 1000,
            status=message.integer("error_status"),
            error=message.text("error"),
        ),
    )


def _permission_denied(message: Fields) -> Events:
    return (PermissionDenied(denial=denial_of(message)),)


def denial_of(denied: Fields) -> Denial:
    """Return a refused tool, from a message of its own or from a result's list."""
    return Denial(
        tool=denied.text("tool_name") or "unknown tool", tool_use_id=denied.text("tool_use_id")
    )


def _background(message: Fields) -> Events:
    return (BackgroundTasks(running=len(message.children("tasks"))),)


def _limit(message: Fields) -> Events:
    info = message.child("rate_limit_info")
    status = info.text("status")
    if status is None:
        return (Other(kind=kind_of(message)),)
    window = info.text("rateLimitType")
    used = info.number("utilization")
    if used is None and window is not None:
        used = info.child("unifiedWindows").child(window).number("utilization")
    return (
        LimitNotice(
            status=status,
            resets_at=info.number("resetsAt"),
            window=window,
            utilization=used,
            overage=info.flag("isUsingOverage") is True,
        ),
    )


def is_synthetic(assistant: Fields) -> bool:
    """Return whether the CLI made this assistant message itself: that is how API failures look."""
    by_model = assistant.child("message").text("model") == SYNTHETIC_MODEL
    return by_model or assistant.flag("is_api_error_message") is True


def _assistant(message: Fields) -> Events:
    blocks = message.child("message").children("content")
    return tuple(_assistant_block(message, block) for block in blocks)


def _assistant_block(message: Fields, block: Fields) -> AgentEvent:
    kind = block.text("type")
    if kind == "tool_use":
        return ToolCall(
            id=block.text("id") or "",
            name=block.text("name") or "unknown tool",
            summary=summary_of(block.child("input")),
        )
    if message.text("parent_tool_use_id") is None:
        if kind == "text":
            return Message(text=block.text("text") or "", synthetic=is_synthetic(message))
        if kind == "thinking":
            return Thinking(text=block.text("thinking") or "")
    return Other(kind=_word("assistant", kind))


def summary_of(tool_input: Fields) -> str:
    """Return what a tool is asked to do, as one short line."""
    for key in _TELLING:
        value = tool_input.text(key)
        if value:
            line = " ".join(value[: 2 * _MAX_SUMMARY_CHARS].split())
            return line if len(line) <= _MAX_SUMMARY_CHARS else line[:_MAX_SUMMARY_CHARS] + "..."
    return ""


#: Fields of tools' inputs that tell most, in that order.
_TELLING: Final = (
    "command",
    "file_path",
    "notebook_path",
    "path",
    "pattern",
    "url",
    "query",
    "description",
    "skill",
    "prompt",
)


def _user(message: Fields) -> Events:
    blocks = message.child("message").children("content")
    if not blocks:  # a prompt that is repeated, as a plain string
        return (Other(kind="user"),)
    return tuple(_user_block(block) for block in blocks)


def _user_block(block: Fields) -> AgentEvent:
    if block.text("type") != "tool_result":
        return Other(kind=_word("user", block.text("type")))
    return ToolResult(
        id=block.text("tool_use_id") or "",
        ok=block.flag("is_error") is not True,
        text=_shown(block)[:_MAX_RESULT_CHARS],
    )


def _shown(tool_result: Fields) -> str:
    """Return the text the model was shown: a string, or a list of blocks, images among them."""
    plain = tool_result.text("content")
    if plain is not None:
        return plain
    return "\n".join(block.text("text") or "" for block in tool_result.children("content"))


def _stream_event(message: Fields) -> Events:
    event = message.child("event")
    delta = event.child("delta")
    is_main = message.text("parent_tool_use_id") is None
    if is_main and delta.text("type") == "text_delta":
        return (Message(text=delta.text("text") or "", partial=True),)
    return (Other(kind=_word("stream_event", event.text("type"))),)


def _word(prefix: str, word: str | None) -> str:
    return f"{prefix}/{word[:_MAX_WORD_CHARS]}" if word else prefix


#: By kind, else by type alone.
_READERS: Final[Mapping[str, Callable[[Fields], Events]]] = {
    "system/init": _started,
    "system/api_retry": _api_retry,
    "system/permission_denied": _permission_denied,
    "system/background_tasks_changed": _background,
    "rate_limit_event": _limit,
    "assistant": _assistant,
    "user": _user,
    "stream_event": _stream_event,
}
