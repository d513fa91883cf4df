"""What a server tells without being asked: one shape per notification.

Those of a stream carry its `subscription`. Each lifecycle event is told under its own name, with
its `seq`; where it concerns a process, a `process.*` notification stands before it. A reader that
goes on from a cursor between the two sees the first of them again, never too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from cc_executor.model.events import AgentEvent, Cursor, Lifecycle, Stream
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.progress import Progress
from cc_executor.protocol.faults import TOKEN_LIMIT, Fault

#: What this version can do, as `connected` says it.
CAPABILITIES: Final = (
    "agent_events",
    "batch",
    "binary",
    "cursors",
    "idempotency",
    "progress",
    "resume",
)

Status = Literal["completed", "failed", "canceled", "timed_out", "lost"]


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """The first message of a connection.

    Attributes:
        version: Of cc-executor.
        resume_token: For `session.resume` after the connection is lost.
    """

    session_id: str
    version: str
    capabilities: tuple[str, ...] = CAPABILITIES
    resume_token: str | None = None


class _OfStream(msgspec.Struct, frozen=True, kw_only=True):
    """What every notification of a stream says.

    Attributes:
        subscription: Which stream: the id that `stream.subscribe` and `execute` gave.
        execution_id: Whose stream it is.
    """

    subscription: str
    execution_id: str


class LifecycleTold(_OfStream, frozen=True, kw_only=True):
    """Something moved. The notification is named after the kind.

    Attributes:
        seq: 1, 2, 3, ... within the execution, without gaps.
        at: Seconds since the epoch, UTC.
        kind: Noun and past participle: `task.started`.
        task_id: null for what concerns the execution as a whole.
        attempt: Number of the attempt; null for what stands above attempts.
        data: Facts of this kind of event.
    """

    seq: int
    at: float
    kind: str
    task_id: str | None
    attempt: int | None
    data: dict[str, Any]


class _OfAttempt(_OfStream, frozen=True, kw_only=True):
    """What concerns the output of an attempt.

    Attributes:
        task_id: Which task.
        attempt: Number of the attempt, from 1.
        at: Seconds since the epoch, UTC.
    """

    task_id: str
    attempt: int
    at: float


class _OfProcess(_OfStream, frozen=True, kw_only=True):
    """What concerns the process of an attempt.

    Attributes:
        task_id: Which task.
        attempt: Number of the attempt, from 1; null for what concerns the task as a whole.
        at: Seconds since the epoch, UTC.
    """

    task_id: str
    attempt: int | None
    at: float


class ProcessStarted(_OfProcess, frozen=True, kw_only=True):
    """The program of an attempt runs.

    Attributes:
        pgid: Its process group, which it leads.
    """

    pid: int | None
    pgid: int | None
    status: Literal["started"] = "started"


class ProcessOutput(_OfAttempt, frozen=True, kw_only=True):
    """Bytes of an attempt, many lines at once.

    Attributes:
        type: `stdout` or `stderr`.
        data: The bytes as text. It is cut only where a character ends.
        data_base64: Stands instead of `data` where the bytes are no UTF-8. Where `encoding` is
            `binary`, neither stands here: the bytes follow the JSON.
        truncated: Always false: nothing is ever left out.
        seq: Of the last chunk that has been sent completely with this message; -1: none yet. The
            place of this attempt in a cursor.
        offset: Of the first byte in the attempt's output. It goes on where the message before
            ended; after a new subscription some bytes before that may come again.
        at: When the last of the bytes arrived.
    """

    type: Stream
    seq: int
    offset: int
    truncated: bool = False
    data: str | msgspec.UnsetType = msgspec.UNSET
    data_base64: bytes | msgspec.UnsetType = msgspec.UNSET


class ProcessPaused(_OfProcess, frozen=True, kw_only=True):
    """The processes of a task are frozen."""

    status: Literal["paused"] = "paused"


class ProcessResumed(_OfProcess, frozen=True, kw_only=True):
    """They go on."""

    status: Literal["resumed"] = "resumed"


class ProcessCanceled(_OfProcess, frozen=True, kw_only=True):
    """An attempt was cancelled and none of its processes is left; `process.completed` follows."""

    status: Literal["canceled"] = "canceled"


class ProcessError(_OfProcess, frozen=True, kw_only=True):
    """An attempt could not run at all; `process.completed` follows.

    Attributes:
        error: One sentence.
        failure: The taxonomy's slug.
    """

    error: str
    failure: str | None


class ProcessCompleted(_OfProcess, frozen=True, kw_only=True):
    """An attempt is over: sent for each of them, also after a CANCEL.

    Attributes:
        attempt: null when the task ended before any attempt at it had begun.
        status: `completed`, `failed`, `canceled`, `timed_out` or `lost`.
        exit_code: null when the program did not exit by itself.
        execution_time: Seconds; null when nobody saw it.
        outcome: What is known about the end: `failure`, `message`, `signal`, `cost_usd`, ...
    """

    status: Status
    exit_code: int | None
    execution_time: float | None
    outcome: dict[str, Any]


class AgentTold(_OfAttempt, frozen=True, kw_only=True):
    """What was read in an agent's output. It stands before the bytes that it was read in.

    Attributes:
        seq: Chunk in which it was completed.
        index: Which one of that chunk, from 0: with `seq` its name, if it comes again.
        event: The event; its `type` says which.
    """

    seq: int
    index: int
    event: AgentEvent


class LimitExceeded(_OfProcess, frozen=True, kw_only=True):
    """An agent reported that a limit ended the attempt.

    Attributes:
        code: -32004 for the token limit, else null.
        failure: The taxonomy's slug.
        message: In the agent's words.
        resets_at: Seconds since the epoch, only as reported.
    """

    failure: str
    message: str | None
    resets_at: float | None
    code: int | None = None


class TaskProgress(_OfStream, frozen=True, kw_only=True):
    """A task has moved on. Told only where `stream.subscribe` asked for it.

    It is no event and has no place in a cursor: the next one says everything again.

    Attributes:
        at: As of when, in seconds since the epoch.
        progress: How far it is.
    """

    task_id: str
    at: float
    progress: Progress


class _AtCursor(_OfStream, frozen=True, kw_only=True):
    cursor: Cursor
    head: Cursor


class StreamLagged(_AtCursor, frozen=True, kw_only=True):
    """The reader is far behind. Nothing is lost: everything will come.

    Attributes:
        cursor: How far it has been sent.
        head: Where the end of the stream is now.
    """


class StreamKeepalive(_AtCursor, frozen=True, kw_only=True):
    """Nothing has happened for a while.

    Attributes:
        cursor: How far it has been sent.
        head: Where the end of the stream is now; the same as `cursor` when nothing is missing.
    """


class StreamEnded(_OfStream, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing more comes under this subscription.

    Attributes:
        cursor: How far it has been sent.
        reason: `final`: the execution has ended; `head`: all that was there has been sent;
            `unsubscribed`; `moved`: another connection has taken up the session; `error`.
        fault: Why, for `error`.
    """

    cursor: Cursor
    reason: Literal["final", "head", "unsubscribed", "moved", "error"]
    fault: Fault | None = None


#: Every notification by name, in the order of the reference; `*` stands for any last word.
NOTIFICATIONS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "connected": Connected,
    "process.started": ProcessStarted,
    "process.output": ProcessOutput,
    "process.paused": ProcessPaused,
    "process.resumed": ProcessResumed,
    "process.canceled": ProcessCanceled,
    "process.error": ProcessError,
    "process.completed": ProcessCompleted,
    "agent.event": AgentTold,
    "execution.*": LifecycleTold,
    "task.progress": TaskProgress,
    "task.*": LifecycleTold,
    "attempt.*": LifecycleTold,
    "stream.lagged": StreamLagged,
    "stream.keepalive": StreamKeepalive,
    "stream.ended": StreamEnded,
    "error.token_limit_exceeded": LimitExceeded,
    "error.rate_limit_exceeded": LimitExceeded,
}

Told = tuple[str, msgspec.Struct]

LIFECYCLE_NOUNS: Final = ("execution.", "task.", "attempt.")
#: A kind of event that has none of these nouns is told under this name.
NOTED: Final = "execution.noted"
#: The one name with such a noun that tells of no event.
PROGRESS: Final = "task.progress"

_STATUSES: Final[Mapping[str, Status]] = {
    TaskState.SUCCEEDED: "completed",
    TaskState.FAILED: "failed",
    TaskState.TIMED_OUT: "timed_out",
    TaskState.CANCELLED: "canceled",
    TaskState.LOST: "lost",
}
_PAUSES: Final[Mapping[str, tuple[str, type[ProcessPaused | ProcessResumed]]]] = {
    "task.paused": ("process.paused", ProcessPaused),
    "task.resumed": ("process.resumed", ProcessResumed),
}
_LIMITS: Final[Mapping[str, tuple[str, int | None]]] = {
    Failure.CONTEXT_OVERFLOW: ("error.token_limit_exceeded", TOKEN_LIMIT),
    Failure.USAGE_LIMIT: ("error.rate_limit_exceeded", None),
    Failure.RATE_LIMITED: ("error.rate_limit_exceeded", None),
}


def of_lifecycle(subscription: str, event: Lifecycle) -> Iterator[Told]:
    """Yield what tells of an event; the last one, and only that, is the event itself."""
    if event.task_id is not None:
        yield from _of_process(
            event,
            {
                "subscription": subscription,
                "execution_id": event.execution_id,
                "task_id": event.task_id,
                "attempt": event.attempt,
                "at": event.at,
            },
        )
    told = LifecycleTold(
        subscription=subscription,
        execution_id=event.execution_id,
        seq=event.seq,
        at=event.at,
        kind=event.kind,
        task_id=event.task_id,
        attempt=event.attempt,
        data=event.data,
    )
    yield (event.kind if event.kind.startswith(LIFECYCLE_NOUNS) else NOTED), told


def _of_process(event: Lifecycle, where: Mapping[str, Any]) -> Iterator[Told]:
    if event.kind == "attempt.started":
        pid = event.data.get("pid")
        # Each attempt leads a session, and with it a process group, of its own.
        yield "process.started", ProcessStarted(**where, pid=pid, pgid=pid)
    elif event.kind in _PAUSES:
        name, shape = _PAUSES[event.kind]
        yield name, shape(**where)
    elif event.kind == "attempt.ended" or _ended_unattempted(event):
        yield from _of_end(event.data, where)


def _ended_unattempted(event: Lifecycle) -> bool:
    """Tell whether a task has ended that somebody may wait for, though it never began."""
    noun, _, word = event.kind.partition(".")
    return noun == "task" and word in _STATUSES and event.data.get("attempts") == 0


def _of_end(data: Mapping[str, Any], where: Mapping[str, Any]) -> Iterator[Told]:
    failure: str = data.get("failure", "")
    message = data.get("message")
    if failure in (Failure.START_FAILED, Failure.REFUSED):
        said = data.get("error") or message or "it could not be started"
        yield "process.error", ProcessError(**where, error=said, failure=failure)
    if failure in _LIMITS:
        name, code = _LIMITS[failure]
        yield (
            name,
            LimitExceeded(
                **where,
                failure=failure,
                message=message,
                resets_at=data.get("limit_resets_at"),
                code=code,
            ),
        )
    status = _STATUSES.get(data.get("state", ""), "failed")
    if status == "canceled":
        yield "process.canceled", ProcessCanceled(**where)
    completed = ProcessCompleted(
        **where,
        status=status,
        exit_code=data.get("exit_code"),
        execution_time=data.get("duration_s"),
        outcome={name: value for name, value in data.items() if name not in ("name", "attempts")},
    )
    yield "process.completed", completed
