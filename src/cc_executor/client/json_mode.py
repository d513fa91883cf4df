"""json mode: the answer as an object, with what is known about it beside it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cc_executor.model.results import TaskResult

#: What an agent is asked to fill in when the caller brings no schema of their own.
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "result": {"type": "string", "description": "The answer, complete."},
        "summary": {"type": "string", "description": "What was done, in one or two sentences."},
        "files_created": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Paths of files that were created, relative to the working directory.",
        },
        "files_modified": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Paths of files that were changed, relative to the working directory.",
        },
    },
    "required": ["result", "summary", "files_created", "files_modified"],
    "additionalProperties": False,
}


def as_json(task: TaskResult, execution_id: str, *, own_schema: bool) -> dict[str, Any]:
    """Return the object of json mode for a task that has succeeded.

    Files are the ones seen on disk; what the agent says about files is under `claimed`.

    Args:
        task: The task.
        execution_id: Its execution.
        own_schema: Whether the caller brought the schema; the value is then `result` whole.
    """
    outcome = task.outcome
    assert outcome is not None
    value = outcome.claimed.structured
    said: dict[str, Any] = {} if own_schema or not isinstance(value, dict) else value
    return {
        "result": said.get("result") if said else value,
        "summary": said.get("summary", outcome.text),
        "files_created": list(outcome.changes.created),
        "files_modified": list(outcome.changes.modified),
        "claimed": {
            "files_created": said.get("files_created"),
            "files_modified": said.get("files_modified"),
        },
        "verified": {
            "status": str(outcome.verified.status),
            "files": {one.path: str(one.verdict) for one in outcome.verified.files},
            "checks": [
                {"argv": list(one.argv), "ok": one.ok, "reason": one.reason}
                for one in outcome.verified.checks
            ],
        },
        "execution_uuid": execution_id,
        "cost_usd": outcome.cost_usd,
        "usage": msgspec.to_builtins(outcome.usage) if outcome.usage else None,
        "duration_s": outcome.executed.duration_s if outcome.executed else None,
        "session_id": outcome.agent_session_id,
    }
