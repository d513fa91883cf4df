"""Steps that speak the stream-json of Claude Code, as recorded from 2.1.330.

They let a test produce any outcome of that CLI without it. The defaults of `claude_result`
are those of a success; what a failure looks like stands in the agent facts: an API error,
for one, is `subtype="success", is_error=True, terminal_reason="api_error"` and exit code 1.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Final

from .stage import Stage, write_all

MODEL: Final = "claude-opus-5-5"
CLI_VERSION: Final = "2.1.330"
_TOOLS: Final = ("Task", "Bash", "Edit", "NotebookEdit", "Read", "TaskStop", "ToolSearch", "Write")


def claude_message(stage: Stage, message: Mapping[str, object]) -> None:
    """Write `message` as one line; `session_id` and `uuid` are filled in where they miss."""
    whole = {**message}
    whole.setdefault("session_id", _session_id(stage))
    whole.setdefault("uuid", str(uuid.uuid4()))
    write_all(1, json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def claude_init(
    stage: Stage,
    *,
    model: str = MODEL,
    version: str = CLI_VERSION,
    permission_mode: str | None = None,
    session_id: str | None = None,
) -> None:
    """Write `system/init`.

    The session id is the one given here, else that of `--session-id` or `--resume` among the
    arguments, else a new one; all messages of this stage carry it.
    """
    stage.claude_session_id = session_id or _session_id(stage)
    mode = permission_mode or _argument(stage, "--permission-mode") or "default"
    message = {
        "type": "system",
        "subtype": "init",
        "cwd": os.getcwd(),
        "tools": list(_TOOLS),
        "mcp_servers": [],
        "model": model,
        "permissionMode": mode,
        "slash_commands": ["compact", "context", "init"],
        "apiKeySource": "ANTHROPIC_API_KEY",
        "claude_code_version": version,
        "output_style": "default",
        "agents": ["general-purpose"],
        "capabilities": ["interrupt_receipt_v1"],
    }
    claude_message(stage, message)


def claude_text(stage: Stage, text: str) -> None:
    """Write an assistant message with one text block."""
    _assistant(stage, {"type": "text", "text": text})


def claude_tool(
    stage: Stage, name: str, tool_input: Mapping[str, object], *, tool_use_id: str = "toolu_1"
) -> None:
    """Write an assistant message in which the model calls the tool `name`."""
    block = {"type": "tool_use", "id": tool_use_id, "name": name, "input": tool_input}
    _assistant(stage, block)


def claude_tool_result(
    stage: Stage, content: str = "", *, is_error: bool = False, tool_use_id: str = "toolu_1"
) -> None:
    """Write the user message that answers the call `tool_use_id`."""
    block = {
        "type": "tool_result",
        "content": content,
        "is_error": is_error,
        "tool_use_id": tool_use_id,
    }
    message = {
        "type": "user",
        "message": {"role": "user", "content": [block]},
        "parent_tool_use_id": None,
        "timestamp": _now(),
        "tool_use_result": f"Error: {content}" if is_error else content,
    }
    claude_message(stage, message)


def claude_denied(
    stage: Stage, name: str, *, reason: str = "not granted", tool_use_id: str = "toolu_1"
) -> None:
    """Write `system/permission_denied`; `claude_result` takes the list of denials."""
    message = {
        "type": "system",
        "subtype": "permission_denied",
        "tool_name": name,
        "tool_use_id": tool_use_id,
        "message": reason,
    }
    claude_message(stage, message)


def claude_retry(
    stage: Stage,
    *,
    status: int | None = 529,
    error: str = "overloaded",
    attempt: int = 1,
    max_retries: int = 10,
    delay_ms: int = 500,
) -> None:
    """Write `system/api_retry`: the CLI waits `delay_ms` and asks the model again."""
    message = {
        "type": "system",
        "subtype": "api_retry",
        "attempt": attempt,
        "max_retries": max_retries,
        "retry_delay_ms": delay_ms,
        "error_status": status,
        "error": error,
    }
    claude_message(stage, message)


def claude_rate_limit(
    stage: Stage,
    *,
    status: str = "rejected",
    resets_at: int | None = None,
    limit: str = "five_hour",
    utilization: float | None = None,
    overage: bool = False,
) -> None:
    """Write `rate_limit_event`; `resets_at` is in epoch seconds."""
    info = {
        "status": status,
        "resetsAt": resets_at,
        "rateLimitType": limit,
        "utilization": utilization,
        "isUsingOverage": overage,
    }
    claude_message(stage, {"type": "rate_limit_event", "rate_limit_info": info})


def claude_result(
    stage: Stage,
    text: str | None = "done",
    *,
    subtype: str = "success",
    is_error: bool = False,
    terminal_reason: str = "completed",
    api_error_status: int | None = None,
    num_turns: int = 1,
    duration_ms: int = 620,
    total_cost_usd: float | None = 0.005,
    delta_cost_usd: float | None = None,
    input_tokens: int = 1000,
    output_tokens: int = 50,
    structured_output: object = None,
    permission_denials: Sequence[Mapping[str, object]] = (),
    errors: Sequence[str] = (),
    model: str = MODEL,
    more: Mapping[str, object] | None = None,
) -> None:
    """Write a `result`.

    Args:
        text: The field `result`; None leaves it out, as an error result does.
        total_cost_usd: Cumulative over the session, as the CLI counts; None leaves it out.
        delta_cost_usd: Cost since the last result; the cumulative one when None.
        structured_output: None leaves it out, as the CLI does when the model gave none.
        errors: Left out when empty.
        more: Further fields, or other values for the ones above.
    """
    delta = total_cost_usd if delta_cost_usd is None else delta_cost_usd
    message = {
        "type": "result",
        "subtype": subtype,
        "is_error": is_error,
        "terminal_reason": terminal_reason,
        "api_error_status": api_error_status,
        "stop_reason": "end_turn" if terminal_reason == "completed" else None,
        "num_turns": num_turns,
        "duration_ms": duration_ms,
        "duration_api_ms": duration_ms // 2,
        "usage": _usage(input_tokens, output_tokens),
        "modelUsage": {model: _model_usage(input_tokens, output_tokens, total_cost_usd)},
        "model_usage_since_last_result": {model: _model_usage(input_tokens, output_tokens, delta)},
        "permission_denials": list(permission_denials),
        "queued_turn_count": 0,
        "result_index": 0,
    }
    optional = {
        "result": text,
        "total_cost_usd": total_cost_usd,
        "structured_output": structured_output,
        "errors": list(errors) or None,
    }
    present = {name: value for name, value in optional.items() if value is not None}
    claude_message(stage, {**message, **present, **(more or {})})


def _assistant(stage: Stage, block: Mapping[str, object]) -> None:
    message = {
        "id": f"msg_{uuid.uuid4().hex[:20]}",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [block],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(1000, 1),
    }
    line = {
        "type": "assistant",
        "message": message,
        "parent_tool_use_id": None,
        "timestamp": _now(),
        "request_id": "req_scripted",
    }
    claude_message(stage, line)


def _usage(input_tokens: int, output_tokens: int) -> Mapping[str, object]:
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _model_usage(
    input_tokens: int, output_tokens: int, cost_usd: float | None
) -> Mapping[str, object]:
    return {
        "inputTokens": input_tokens,
        "outputTokens": output_tokens,
        "cacheReadInputTokens": 0,
        "cacheCreationInputTokens": 0,
        "costUSD": cost_usd,
        "costBasis": "unknown" if cost_usd is None else "list",
        "contextWindow": 1_000_000,
    }


def _session_id(stage: Stage) -> str:
    if stage.claude_session_id is None:
        given = _argument(stage, "--session-id") or _argument(stage, "--resume")
        stage.claude_session_id = given or str(uuid.uuid4())
    return stage.claude_session_id


def _argument(stage: Stage, flag: str) -> str | None:
    """Return the value behind `flag`, in either spelling, as the CLI would read it."""
    for position, argument in enumerate(stage.arguments):
        if argument == flag:
            return next(iter(stage.arguments[position + 1 :]), None)
        if argument.startswith(flag + "="):
            return argument.removeprefix(flag + "=")
    return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
