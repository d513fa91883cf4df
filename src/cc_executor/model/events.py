"""What happens, as values.

Three families flow to a reader, merged: lifecycle events (recorded by the engine, numbered without
gaps), output chunks (bytes from the journal), and agent events (what a dialect reads in the bytes).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from cc_executor.model.outcomes import Denial, Usage

Stream = Literal["stdout", "stderr"]


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True, tag="lifecycle", tag_field="type"):
    """A recorded move of an execution, task or attempt.

    Attributes:
        seq: 1, 2, 3, ... within the execution, without gaps.
        at: Seconds since the epoch, UTC.
        kind: `execution.submitted`, `task.started`, `attempt.ended`, ...; noun and past participle.
        task_id: None for events of the execution itself.
        attempt: Attempt number, None for events above attempts.
        data: Facts of this kind of event, JSON values only.
    """

    seq: int
    at: float
    execution_id: str
    kind: str
    task_id: str | None = None
    attempt: int | None = None
    data: dict[str, Any] = {}


class Output(msgspec.Struct, frozen=True, kw_only=True, tag="output", tag_field="type"):
    """Bytes of an attempt, as they arrived.

    Attributes:
        seq: Number of the index record, from 0, per attempt.
        offset: Position of the first byte in the attempt's output file.
        data: The bytes. JSON carries them as base64.
    """

    task_id: str
    attempt: int
    seq: int
    offset: int
    at: float
    stream: Stream
    data: bytes


class _AgentEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of what a dialect reads in an agent's output."""


class AgentStarted(_AgentEvent, frozen=True, kw_only=True, tag="agent.started"):
    """The agent introduced itself; again at every turn of some agents."""

    session_id: str | None = None
    model: str | None = None
    version: str | None = None
    tools: tuple[str, ...] = ()


class Turn(_AgentEvent, frozen=True, kw_only=True, tag="agent.turn"):
    """The model was asked and has begun to answer; what it says follows.

    Attributes:
        subagent: It was asked by an agent of the agent.
        usage: Tokens as far as they were known then; those of the answer may grow.
    """

    subagent: bool = False
    usage: Usage | None = None


class Message(_AgentEvent, frozen=True, kw_only=True, tag="agent.message"):
    """Text that the model addressed to its user.

    Attributes:
        synthetic: Made by the CLI itself (API failures), not by a model.
        partial: A delta of a message that comes again whole.
    """

    text: str
    synthetic: bool = False
    partial: bool = False


class Thinking(_AgentEvent, frozen=True, kw_only=True, tag="agent.thinking"):
    """The model's reasoning, as far as the agent shows it."""

    text: str


class ToolCall(_AgentEvent, frozen=True, kw_only=True, tag="agent.tool_call"):
    """The model asked for a tool; the tool is open until its result arrives.

    Attributes:
        summary: One short line: the command, the path, the pattern.
    """

    id: str
    name: str
    summary: str = ""


class ToolResult(_AgentEvent, frozen=True, kw_only=True, tag="agent.tool_result"):
    """A tool ended.

    Attributes:
        text: At most 2,000 characters of what the model was shown.
    """

    id: str
    ok: bool
    text: str = ""


class PermissionDenied(_AgentEvent, frozen=True, kw_only=True, tag="agent.permission_denied"):
    """A tool was refused."""

    denial: Denial


class ApiRetry(_AgentEvent, frozen=True, kw_only=True, tag="agent.api_retry"):
    """The agent is waiting to ask the model API again."""

    attempt: int
    max_attempts: int | None = None
    delay_s: float = 0.0
    status: int | None = None
    error: str | None = None


class LimitNotice(_AgentEvent, frozen=True, kw_only=True, tag="agent.limit"):
    """The agent reported its usage window.

    Attributes:
        status: `allowed`, `allowed_warning`, `rejected`.
        resets_at: Seconds since the epoch; only as reported.
    """

    status: str
    resets_at: float | None = None
    window: str | None = None
    utilization: float | None = None


class BackgroundTasks(_AgentEvent, frozen=True, kw_only=True, tag="agent.background"):
    """How many tools are now running in the background."""

    running: int


class ResultReported(_AgentEvent, frozen=True, kw_only=True, tag="agent.result"):
    """The agent gave a result; more may follow while background tools run."""

    is_error: bool
    text: str | None = None
    cost_usd: float | None = None
    usage: Usage | None = None


class Other(_AgentEvent, frozen=True, kw_only=True, tag="agent.other"):
    """A message that is passed on as it is: kinds that were unknown when this was written.

    Attributes:
        kind: The agent's own word, e.g. `system/status`.
    """

    kind: str


AgentEvent = (
    AgentStarted
    | Turn
    | Message
    | Thinking
    | ToolCall
    | ToolResult
    | PermissionDenied
    | ApiRetry
    | LimitNotice
    | BackgroundTasks
    | ResultReported
    | Other
)


class FromAgent(msgspec.Struct, frozen=True, kw_only=True, tag="agent", tag_field="type"):
    """An agent event in its place.

    Attributes:
        seq: Index record in which the message was completed.
    """

    task_id: str
    attempt: int
    seq: int
    at: float
    event: AgentEvent


StreamEvent = Lifecycle | Output | FromAgent


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reader's place in the stream of one execution: everything before it has been seen.

    Attributes:
        seq: Of the last lifecycle event.
        chunks: By attempt id, the seq of the last output chunk.
    """

    seq: int = 0
    chunks: dict[str, int] = {}
