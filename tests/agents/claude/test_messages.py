from __future__ import annotations

import json
from typing import Any

import pytest

from cc_executor.agents.claude.reader import ClaudeReader
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
from cc_executor.model.outcomes import Denial, Usage
from cc_executor.model.specs import TaskSpec


def read(*messages: object) -> list[tuple[AgentEvent, bool]]:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    return list(reader.feed("stdout", lines.encode()))


def assistant(*blocks: object, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    said = {"model": "opus", "content": list(blocks)}
    return {"type": "assistant", "message": said, "parent_tool_use_id": parent, **fields}


CALL = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls\n  -l"}}
TEXT = {"type": "text", "text": "hello"}

KNOWN: list[tuple[dict[str, Any], AgentEvent, bool]] = [
    (
        {
            "type": "system",
            "subtype": "init",
            "session_id": "s",
            "model": "m",
            "tools": ["Bash", 3],
        },
        AgentStarted(session_id="s", model="m", tools=("Bash",)),
        True,
    ),
    (assistant(TEXT), Message(text="hello"), True),
    (
        assistant(TEXT, error="rate_limit", is_api_error_message=True),
        Message(text="hello", synthetic=True),
        True,
    ),
    (assistant({"type": "thinking", "thinking": "hm"}), Thinking(text="hm"), True),
    (assistant(CALL), ToolCall(id="t1", name="Bash", summary="ls -l"), True),
    # What a subagent says is not said to the user; what it does is done.
    (assistant(TEXT, parent="t0"), Other(kind="assistant/text"), True),
    (assistant(CALL, parent="t0"), ToolCall(id="t1", name="Bash", summary="ls -l"), True),
    (assistant({"type": "server_tool_use"}), Other(kind="assistant/server_tool_use"), True),
    (
        {
            "type": "user",
            "message": {
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x" * 3000}]
            },
        },
        ToolResult(id="t1", ok=True, text="x" * 2000),
        True,
    ),
    (
        {
            "type": "user",
            "message": {
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "is_error": True,
                        "content": [{"type": "text", "text": "a"}, {"type": "image"}],
                    }
                ]
            },
        },
        ToolResult(id="t1", ok=False, text="a\n"),
        True,
    ),
    ({"type": "user", "message": {"content": "the prompt"}}, Other(kind="user"), True),
    (
        {
            "type": "system",
            "subtype": "permission_denied",
            "tool_name": "Write",
            "tool_use_id": "t1",
        },
        PermissionDenied(denial=Denial(tool="Write", tool_use_id="t1")),
        True,
    ),
    (
        {
            "type": "system",
            "subtype": "api_retry",
            "attempt": 2,
            "max_retries": 10,
            "retry_delay_ms": 1500,
            "error_status": 529,
            "error": "overloaded",
        },
        ApiRetry(attempt=2, max_attempts=10, delay_s=1.5, status=529, error="overloaded"),
        False,
    ),
    (
        {
            "type": "rate_limit_event",
            "rate_limit_info": {
                "status": "rejected",
                "resetsAt": 1795552725,
                "rateLimitType": "five_hour",
                "utilization": 1.0,
            },
        },
        LimitNotice(status="rejected", resets_at=1795552725.0, window="five_hour", utilization=1.0),
        False,
    ),
    ({"type": "rate_limit_event", "rate_limit_info": None}, Other(kind="rate_limit_event"), True),
    (
        {
            "type": "system",
            "subtype": "background_tasks_changed",
            "tasks": [{"task_id": "a"}, {"task_id": "b"}],
        },
        BackgroundTasks(running=2),
        True,
    ),
    (
        {
            "type": "stream_event",
            "event": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "he"}},
        },
        Message(text="he", partial=True),
        True,
    ),
    ({"type": "stream_event", "event": {"type": "ping"}}, Other(kind="stream_event/ping"), False),
    ({"type": "system", "subtype": "status"}, Other(kind="system/status"), False),
    ({"type": "system", "subtype": "thinking_tokens"}, Other(kind="system/thinking_tokens"), False),
    ({"type": "keep_alive"}, Other(kind="keep_alive"), False),
    ({"type": "tool_progress"}, Other(kind="tool_progress"), False),
    # What nobody knows yet is passed on, and is not held against a healthy agent.
    ({"type": "news", "subtype": "of_tomorrow"}, Other(kind="news/of_tomorrow"), True),
    ({"subtype": "x"}, Other(kind="untyped/x"), True),
    ({"type": 3}, Other(kind="untyped"), True),
    (
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "result": "done",
            "usage": {"input_tokens": 3},
            "model_usage_since_last_result": {
                "m": {"costUSD": 0.5, "inputTokens": 7, "outputTokens": 2}
            },
        },
        ResultReported(
            is_error=False, text="done", cost_usd=0.5, usage=Usage(input_tokens=7, output_tokens=2)
        ),
        True,
    ),
]


@pytest.mark.parametrize(
    ("message", "event", "is_progress"), KNOWN, ids=[str(at) for at in range(len(KNOWN))]
)
def test_a_message_says(message: dict[str, Any], event: AgentEvent, is_progress: bool) -> None:  # noqa: FBT001 - a column of the table
    assert read(message) == [(event, is_progress)]


def test_the_order_of_keys_does_not_matter() -> None:
    for message, event, is_progress in KNOWN:
        assert read(dict(reversed(message.items()))) == [(event, is_progress)]


def test_a_message_of_several_blocks_says_several_things() -> None:
    events = [event for event, _ in read(assistant(TEXT, CALL))]

    assert events == [Message(text="hello"), ToolCall(id="t1", name="Bash", summary="ls -l")]


@pytest.mark.parametrize(
    ("tool_input", "summary"),
    [
        ({"file_path": "/workspace/a.py", "content": "x" * 5000}, "/workspace/a.py"),
        ({"description": "what", "command": "make"}, "make"),
        ({"command": "x" * 500}, "x" * 200 + "..."),
        ({"unknown": "x"}, ""),
        ({"command": 3}, ""),
        ("no object", ""),
    ],
)
def test_a_tool_call_is_told_in_one_short_line(tool_input: object, summary: str) -> None:
    ((event, _),) = read(
        assistant({"type": "tool_use", "id": "t", "name": "T", "input": tool_input})
    )

    assert event == ToolCall(id="t", name="T", summary=summary)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"Welcome!", "text"),
        (b'{"type": "assistant", "mess', "unreadable"),
        (b"\0\0\0", "text"),
        (b'{"a": \0}', "unreadable"),
    ],
)
def test_a_line_that_is_no_message_is_passed_on_and_is_no_progress(line: bytes, kind: str) -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))

    assert list(reader.feed("stdout", line + b"\n")) == [(Other(kind=kind), False)]


def test_empty_lines_and_stderr_say_nothing() -> None:
    reader = ClaudeReader(TaskSpec(prompt="x"))

    assert list(reader.feed("stdout", b"\n \r\n\n")) == []
    assert list(reader.feed("stderr", b'{"type": "keep_alive"}\n')) == []
