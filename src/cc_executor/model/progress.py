"""How far a task is, told by its events alone: no clock, no files, no second reading.

Costs and turns never go down. What nobody has reported is None, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from cc_executor.model.events import (
    AgentEvent,
    ApiRetry,
    FromAgent,
    Lifecycle,
    LimitNotice,
    Message,
    Other,
    ResultReported,
    StreamEvent,
    ToolCall,
    ToolResult,
    Turn,
)
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.records import TaskRecord, Waiting

_MAX_TEXT_CHARS: Final = 2_000
_MAX_OPEN_TOOLS: Final = 1_000

Number = TypeVar("Number", int, float)

_STATES: Final[Mapping[str, TaskState]] = {
    "task.started": TaskState.RUNNING,
    "task.resumed": TaskState.RUNNING,
    "task.retried": TaskState.RUNNING,
    "task.paused": TaskState.PAUSED,
    **{f"task.{state}": state for state in TaskState if is_final(state)},
}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it stands.

    Attributes:
        kind: What happened last: a lifecycle kind, or the type of an agent event.
        events: How many lifecycle and agent events there have been; bytes are not counted.
        attempt: Number of the attempt, 0 before the first.
        elapsed_s: Since the task was started, pauses included; 0 before.
        running_s: Since its present attempt was started, without pauses: what `band` is about.
        turns: Answers of the model in all attempts; when an attempt has ended, as its agent
            counts them.
        cost_usd: Dollars reported so far, of all attempts; None: none were. Most agents report
            only at the end.
        tokens: Read and written so far, caches included, as far as known; None: nothing is.
        tool: Name of the tool that is open, the latest one where several are.
        tool_input: What it is used on, on one line.
        last_text: What the agent said last, at most 2,000 characters of it.
        waiting: What it waits for; None: it does not wait.
        band: How many seconds the attempt takes by its forecast; None: there is none.
        observations: How many earlier runs the forecast rests on; 0: it is a rule of thumb.
        timeout_s: After how many seconds it is stopped; None before it is known.
    """

    task_id: str
    name: str
    state: TaskState
    kind: str = ""
    events: int = 0
    attempt: int = 0
    elapsed_s: float = 0.0
    running_s: float = 0.0
    turns: int = 0
    cost_usd: float | None = None
    tokens: int | None = None
    tool: str | None = None
    tool_input: str | None = None
    last_text: str | None = None
    waiting: Waiting | None = None
    band: Band | None = None
    observations: int = 0
    timeout_s: float | None = None


class ExecutionProgress:
    """The progress of every task of an execution, kept up to date by the events of its stream.

    The stream has to be read from its beginning, or `catch up` as `Executor.progress` does it.

    Args:
        tasks: The tasks in list order. Only what they are is taken, and what was carried over;
            everything else comes as events.
    """

    def __init__(self, tasks: Iterable[TaskRecord]) -> None:
        self._tasks = {task.id: _Task(task) for task in tasks}

    def take(self, event: StreamEvent) -> str | None:
        """Take an event in; return the id of the task that has moved on, None when none has."""
        if event.task_id is None or event.task_id not in self._tasks:
            return None
        if isinstance(event, Lifecycle):
            self._tasks[event.task_id].lifecycle(event)
        elif isinstance(event, FromAgent):
            self._tasks[event.task_id].agent(event)
        else:
            return None
        return event.task_id

    def of(self, task_id: str, *, at: float) -> Progress:
        """Return how far a task is.

        Args:
            task_id: Which task.
            at: Now, in seconds since the epoch.

        Raises:
            KeyError: The execution has no such task.
        """
        return self._tasks[task_id].progress(at)

    def all(self, *, at: float) -> tuple[Progress, ...]:
        """Return how far each task is, in list order."""
        return tuple(task.progress(at) for task in self._tasks.values())


class _Stopwatch:
    """Adds up the time in which something ran. An instant before the last one adds nothing."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._before_s = 0.0

    def start(self, at: float) -> None:
        if self._since is None:
            self._since = at

    def stop(self, at: float) -> None:
        self._before_s = self.read(at)
        self._since = None

    def read(self, at: float) -> float:
        return self._before_s + (max(at - self._since, 0.0) if self._since is not None else 0.0)


class _Attempt:
    """What one attempt has done: counted in turns, corrected by what its agent reports."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.clock = _Stopwatch()
        self.is_open = is_open
        self.turns = 0
        self.cost_usd: float | None = None
        self.tokens: int | None = None
        self._reported_tokens = 0
        self._since_report_tokens = 0

    def turn(self, event: Turn) -> None:
        self.turns += not event.subagent
        if event.usage is not None:
            self._since_report_tokens += event.usage.total
            self._count()

    def result(self, event: ResultReported) -> None:
        self.cost_usd = _sum(self.cost_usd, event.cost_usd)
        if event.usage is not None:
            self._reported_tokens += event.usage.total
            self._since_report_tokens = 0
            self._count()

    def ended(self, data: Mapping[str, Any], at: float) -> None:
        self.clock.stop(at)
        self.is_open = False
        self.turns = max(self.turns, data.get("turns") or 0)
        self.cost_usd = _greater(self.cost_usd, data.get("cost_usd"))
        self.tokens = _greater(self.tokens, data.get("tokens"))

    def _count(self) -> None:
        self.tokens = _greater(self.tokens, self._reported_tokens + self._since_report_tokens)


class _Task:
    def __init__(self, task: TaskRecord) -> None:
        carried = task.carried_from is not None
        self._id, self._name = task.id, task.name
        self._state = task.state if carried else TaskState.QUEUED
        self._kind = ""
        self._events = 0
        self._number = 0
        self._clock = _Stopwatch()
        self._attempts = [_Attempt(is_open=False)]  # there always is one: this has done nothing
        self._tools: dict[str, ToolCall] = {}
        self._last_text: str | None = None
        self._waiting: Waiting | None = None
        self._agent_waits = False
        self._forecast: Forecast | None = None
        self._timeout_s: float | None = None

    def progress(self, at: float) -> Progress:
        tool = next(reversed(self._tools.values()), None)
        return Progress(
            task_id=self._id,
            name=self._name,
            state=self._state,
            kind=self._kind,
            events=self._events,
            attempt=self._number,
            elapsed_s=self._clock.read(at),
            running_s=self._attempts[-1].clock.read(at),
            turns=sum(one.turns for one in self._attempts),
            cost_usd=_total([one.cost_usd for one in self._attempts]),
            tokens=_total([one.tokens for one in self._attempts]),
            tool=tool.name if tool else None,
            tool_input=(tool.summary or None) if tool else None,
            last_text=self._last_text,
            waiting=self._waiting,
            band=self._forecast.duration_s if self._forecast is not None else None,
            observations=self._forecast.observations if self._forecast is not None else 0,
            timeout_s=self._timeout_s,
        )

    # --- lifecycle ---------------------------------------------------------------------------

    def lifecycle(self, event: Lifecycle) -> None:
        self._note(event.kind)
        if is_final(self._state):  # nothing moves it any more
            return
        match event.kind:
            case "attempt.starting":
                self._start(event)
            case "attempt.started":
                self._attempts[-1].clock.start(event.at)
            case "attempt.ended":
                self._attempts[-1].ended(event.data, event.at)
                self._rest()
            case "task.waiting":
                self._wait(_waiting(event), agent=False)
            case "task.proceeding":
                self._waiting = None
            case "task.started":
                self._clock.start(event.at)
            case _:
                pass
        state = _STATES.get(event.kind)
        if state is not None:
            self._move(state, event)

    def _start(self, event: Lifecycle) -> None:
        self._number = event.attempt or self._number + 1
        self._attempts.append(_Attempt())
        self._rest()
        self._timeout_s = event.data.get("timeout_s", self._timeout_s)
        self._forecast = _forecast(event.data)

    def _move(self, state: TaskState, event: Lifecycle) -> None:
        attempt = self._attempts[-1]
        if state is TaskState.PAUSED:
            attempt.clock.stop(event.at)
        elif event.kind == "task.resumed" and attempt.is_open:
            attempt.clock.start(event.at)
        elif is_final(state):
            attempt.clock.stop(event.at)
            self._clock.stop(event.at)
            self._rest()
        self._state = state

    def _rest(self) -> None:
        self._tools.clear()
        self._waiting = None

    # --- agent -------------------------------------------------------------------------------

    def agent(self, event: FromAgent) -> None:
        said = event.event
        self._note(type(said).__struct_config__.tag)  # type: ignore[arg-type] # ours are all words
        if (waiting := _agent_waits(said, event.at)) is not None:
            self._wait(waiting, agent=True)
        elif self._agent_waits and not isinstance(said, Other | LimitNotice):
            self._waiting, self._agent_waits = None, False
        self._take(said)

    def _take(self, said: AgentEvent) -> None:
        match said:
            case Turn():
                self._attempts[-1].turn(said)
            case ResultReported():
                self._attempts[-1].result(said)
            case Message(partial=False) if said.text.strip():
                self._last_text = said.text[:_MAX_TEXT_CHARS]
            case ToolCall() if len(self._tools) < _MAX_OPEN_TOOLS:
                self._tools[said.id] = said
            case ToolResult():
                self._tools.pop(said.id, None)
            case _:
                pass

    def _wait(self, waiting: Waiting, *, agent: bool) -> None:
        self._waiting, self._agent_waits = waiting, agent

    def _note(self, kind: str) -> None:
        self._kind = kind
        self._events += 1


def _agent_waits(said: AgentEvent, at: float) -> Waiting | None:
    """Return what the agent itself says that it waits for, in its own process."""
    match said:
        case ApiRetry():
            of = f" of {said.max_attempts}" if said.max_attempts else ""
            cause = said.error or (str(said.status) if said.status else "no answer")
            return Waiting(
                reason="retry",
                since=at,
                until=at + said.delay_s,
                message=f"model API: {cause}; retry {said.attempt}{of}",
            )
        case LimitNotice(status="rejected"):
            return Waiting(
                reason="usage_window",
                since=at,
                until=said.resets_at,
                message="the agent waits for its usage limit",
            )
        case _:
            return None


def _waiting(event: Lifecycle) -> Waiting:
    data = event.data
    return Waiting(
        reason=str(data.get("reason", "")),
        since=data.get("since", event.at),
        until=data.get("until"),
        message=str(data.get("message", "")),
    )


def _forecast(data: Mapping[str, Any]) -> Forecast | None:
    """Return the forecast of an attempt that is starting; None also for one of a later version."""
    try:
        return msgspec.convert(data["forecast"], Forecast)
    except (KeyError, msgspec.ValidationError):
        return None


def _sum(one: float | None, more: float | None) -> float | None:
    return one if more is None else (one or 0.0) + more


def _greater(one: Number | None, other: Number | None) -> Number | None:
    known = [value for value in (one, other) if value is not None]
    return max(known, default=None)


def _total(values: Iterable[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
