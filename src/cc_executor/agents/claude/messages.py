"""From one stream-json message to events. Unknown kinds are passed on, never an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from cc_executor.model.events import (
    AgentEvent,
    AgentStarted,
    ApiRetry,
    BackgroundTasks,
    LimitNotice,
    Message,
    Other,
    PermissionDenied,
    ResultReported,
    Thinking,
    ToolCall,
    ToolResult,
)
from cc_executor.model.outcomes import Denial

_MAX_TEXT: Final = 2_000
_SUMMARY_KEYS: Final = ("command", "file_path", "path", "pattern", "url", "query", "description")

#: Messages that say only that the process is alive. They are no progress.
PINGS: Final = frozenset(
    {
        "system/status",
        "system/thinking_tokens",
        "system/session_state_changed",
        "system/api_retry",
        "keep_alive",
        "tool_progress",
        "stream_event/ping",
    }
)

Raw = Mapping[str, Any]


def kind_of(message: Raw) -> str:
    """Return the message's kind, e.g. `system/init`."""
    kind = str(message.get("type"))
    if kind == "stream_event":
        return f"{kind}/{_mapping(message.get('event')).get('type')}"
    return f"{kind}/{message['subtype']}" if "subtype" in message else kind


def events_of(message: Raw) -> list[AgentEvent]:
    """Return what a message says."""
    kind = kind_of(message)
    read = _READERS.get(kind) or _READERS.get(kind.split("/", 1)[0])
    if read is None:
        return [Other(kind=kind)]
    return read(message) or [Other(kind=kind)]


def _init(message: Raw) -> list[AgentEvent]:
    return [
        AgentStarted(
            session_id=_text(message.get("session_id")),
            model=_text(message.get("model")),
            version=_text(message.get("claude_code_version")),
            tools=tuple(str(tool) for tool in _list(message.get("tools"))),
        )
    ]


def _assistant(message: Raw) -> list[AgentEvent]:
    inner = _mapping(message.get("message"))
    synthetic = inner.get("model") == "<synthetic>"
    events: list[AgentEvent] = []
    for block in map(_mapping, _list(inner.get("content"))):
        if block.get("type") == "text":
            events.append(Message(text=str(block.get("text", "")), synthetic=synthetic))
        elif block.get("type") == "thinking":
            events.append(Thinking(text=str(block.get("thinking", ""))))
        elif block.get("type") == "tool_use":
            events.append(
                ToolCall(
                    id=str(block.get("id")),
                    name=str(block.get("name")),
                    summary=_summary(_mapping(block.get("input"))),
                )
            )
    return events


def _user(message: Raw) -> list[AgentEvent]:
    events: list[AgentEvent] = []
    for block in map(_mapping, _list(_mapping(message.get("message")).get("content"))):
        if block.get("type") == "tool_result":
            content = block.get("content")
            text = content if isinstance(content, str) else json.dumps(content)
            events.append(
                ToolResult(
                    id=str(block.get("tool_use_id")),
                    ok=not block.get("is_error"),
                    text=text[:_MAX_TEXT],
                )
            )
    return events


def _denied(message: Raw) -> list[AgentEvent]:
    denial = Denial(
        tool=str(message.get("tool_name")), tool_use_id=_text(message.get("tool_use_id"))
    )
    return [PermissionDenied(denial=denial)]


def _retry(message: Raw) -> list[AgentEvent]:
    return [
        ApiRetry(
            attempt=int(_number(message.get("attempt")) or 0),
            max_attempts=int(_number(message.get("max_retries")) or 0) or None,
            delay_s=(_number(message.get("retry_delay_ms")) or 0.0) / 1000,
            status=int(_number(message.get("error_status")) or 0) or None,
            error=_text(message.get("error")),
        )
    ]


def _limit(message: Raw) -> list[AgentEvent]:
    info = _mapping(message.get("rate_limit_info"))
    return [
        LimitNotice(
            status=str(info.get("status", "unknown")),
            resets_at=_number(info.get("resetsAt")),
            window=_text(info.get("rateLimitType")),
            utilization=_number(info.get("utilization")),
        )
    ]


def _background(message: Raw) -> list[AgentEvent]:
    return [BackgroundTasks(running=len(_list(message.get("tasks"))))]


def _result(message: Raw) -> list[AgentEvent]:
    return [
        ResultReported(
            is_error=bool(message.get("is_error")),
            text=_text(message.get("result")),
            cost_usd=cost_since_last_result(message),
        )
    ]


def cost_since_last_result(message: Raw) -> float | None:
    """Return what one result adds; None when it does not say. (`total_cost_usd` is cumulative.)"""
    since = message.get("model_usage_since_last_result")
    if not isinstance(since, dict):
        return None
    costs = [_number(_mapping(usage).get("costUSD")) for usage in since.values()]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


_READERS: Final[Mapping[str, Callable[[Raw], list[AgentEvent]]]] = {
    "system/init": _init,
    "system/permission_denied": _denied,
    "system/api_retry": _retry,
    "system/background_tasks_changed": _background,
    "assistant": _assistant,
    "user": _user,
    "rate_limit_event": _limit,
    "result": _result,
}


def _summary(arguments: Raw) -> str:
    for key in _SUMMARY_KEYS:
        value = arguments.get(key)
        if isinstance(value, str):
            return value.splitlines()[0][:200] if value else ""
    return ""


def _mapping(value: object) -> Raw:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
