"""A store that forgets: for tests, and for runs that need not survive their process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

from cc_executor.errors import StoreUnavailable
from cc_executor.model.budgets import Account, Hold
from cc_executor.model.events import Lifecycle
from cc_executor.model.forecasts import Observation
from cc_executor.model.lifecycle import AttemptState, TaskState, is_final
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import (
    AttemptRecord,
    ExecutionRecord,
    Request,
    TaskRecord,
    Waiting,
    Wish,
)
from cc_executor.model.windows import UsageWindow
from cc_executor.store.base import LedgerStore
from cc_executor.store.tables import Age, ExecutionRow, Tables, TaskRow, Views, age

_Answer = TypeVar("_Answer")
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class MemoryStore(LedgerStore):
    """Keeps everything in the process; belongs to one event loop."""

    def __init__(self) -> None:
        self._rows = _Rows()
        self._writes = 0
        self._closed = False

    async def version(self) -> int:
        """Return how often something was written."""
        self._check_open()
        return self._writes

    async def aclose(self) -> None:
        """Refuse everything from now on."""
        self._closed = True

    async def _write(self, work: Callable[[Tables], _Answer]) -> _Answer:
        # Nothing here waits, so no other coroutine sees a change that may yet be undone.
        self._check_open()
        try:
            answer = work(self._rows)
        except BaseException:
            self._rows.undo()
            raise
        self._rows.keep()
        self._writes += 1
        return answer

    async def _read(self, work: Callable[[Views], _Answer]) -> _Answer:
        self._check_open()
        return work(self._rows)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("it is closed")


class _Rows:
    """The rows of every table, with the changes that can still be undone."""

    def __init__(self) -> None:
        self._executions: dict[str, ExecutionRecord] = {}
        self._tasks: dict[str, TaskRecord] = {}
        self._task_ids: dict[str, tuple[str, ...]] = {}  # of each execution, in list order
        self._uncounted: dict[str, None] = {}  # ids of tasks
        self._attempts: dict[tuple[str, int], AttemptRecord] = {}
        self._holders: dict[tuple[str, str], str] = {}  # attempt by agent and session
        self._events: dict[tuple[str, int], Lifecycle] = {}
        self._last_seqs: dict[str, int] = {}
        self._requests: dict[int, Request] = {}
        self._accounts: dict[str, Account] = {}
        self._holds: dict[str, dict[str, Hold]] = {}  # by attempt, then account
        self._windows: dict[tuple[str, str], UsageWindow] = {}  # by login and name
        self._observations: dict[int, Observation] = {}
        self._undo: list[Callable[[], object]] = []

    def keep(self) -> None:
        """Make the changes since the last `keep` or `undo` final."""
        self._undo.clear()

    def undo(self) -> None:
        """Take them back."""
        while self._undo:
            self._undo.pop()()

    def _set(self, table: MutableMapping[_Key, _Value], key: _Key, value: _Value) -> None:
        if key in table:
            before = table[key]
            self._undo.append(lambda: table.__setitem__(key, before))
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = value

    def _drop(self, table: MutableMapping[_Key, _Value], key: _Key) -> None:
        before = table.pop(key)
        self._undo.append(lambda: table.__setitem__(key, before))

    # --- Tables ------------------------------------------------------------------------------

    def execution_row(self, execution_id: str) -> ExecutionRow | None:
        execution = self._executions.get(execution_id)
        if execution is None:
            return None
        return ExecutionRow(execution.id, execution.state, execution.generation)

    def task_row(self, task_id: str) -> TaskRow | None:
        task = self._tasks.get(task_id)
        if task is None:
            return None
        return TaskRow(task.id, task.execution_id, task.name, task.state, task.attempts)

    def attempt_state(self, task_id: str, number: int) -> AttemptState | None:
        attempt = self._attempts.get((task_id, number))
        return attempt.state if attempt else None

    def session_holder(self, agent: str, agent_session_id: str) -> str | None:
        return self._holders.get((agent, agent_session_id))

    def counted_states(self, execution_id: str) -> Sequence[TaskState]:
        counted = (one for one in self._task_ids[execution_id] if one not in self._uncounted)
        return tuple(dict.fromkeys(self._tasks[one].state for one in counted))

    def last_seq(self, execution_id: str) -> int:
        return self._last_seqs.get(execution_id, 0)

    def add_execution(self, execution: ExecutionRecord) -> None:
        self._set(self._executions, execution.id, execution)

    def add_task(self, task: TaskRecord, *, counts: bool) -> None:
        self._set(self._tasks, task.id, task)
        before = self._task_ids.get(task.execution_id, ())
        self._set(self._task_ids, task.execution_id, (*before, task.id))
        if not counts:
            self._set(self._uncounted, task.id, None)

    def add_attempt(self, attempt: AttemptRecord) -> None:
        self._set(self._attempts, (attempt.task_id, attempt.number), attempt)
        self._change(
            self._tasks,
            attempt.task_id,
            attempts=attempt.number,
            attempted_at=attempt.created_at,
            forecast=attempt.forecast,
            waiting=None,
        )
        if attempt.agent_session_id is not None:
            self._set(self._holders, (attempt.agent, attempt.agent_session_id), attempt.id)

    def add_event(self, event: Lifecycle) -> None:
        self._set(self._events, (event.execution_id, event.seq), event)
        self._set(self._last_seqs, event.execution_id, event.seq)

    def add_request(
        self, execution_id: str, wish: Wish, *, task_id: str | None, at: float
    ) -> Request:
        request = Request(
            seq=len(self._requests) + 1,
            execution_id=execution_id,
            task_id=task_id,
            wish=wish,
            at=at,
        )
        self._set(self._requests, request.seq, request)
        return request

    def give_execution(self, execution_id: str, *, generation: int, owner: str) -> None:
        self._change(self._executions, execution_id, generation=generation, owner=owner)

    def move_execution(
        self, execution_id: str, state: TaskState, *, ended_at: float | None
    ) -> None:
        self._change(self._executions, execution_id, state=state, ended_at=ended_at)

    def move_task(
        self,
        task_id: str,
        state: TaskState,
        *,
        started_at: float | None = None,
        ended_at: float | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        given = {"started_at": started_at, "ended_at": ended_at, "outcome": outcome}
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if ended_at is not None:
            values["waiting"] = None
        self._change(self._tasks, task_id, state=state, **values)

    def set_waiting(self, task_id: str, waiting: Waiting | None) -> None:
        self._change(self._tasks, task_id, waiting=waiting)

    def put_window(self, window: UsageWindow) -> None:
        key = window.credential, window.name
        known = self._windows.get(key)
        if known is None or known.seen_at <= window.seen_at:
            self._set(self._windows, key, window)

    def run_attempt(self, task_id: str, number: int, *, pid: int) -> None:
        self._change(self._attempts, (task_id, number), state=AttemptState.RUNNING, pid=pid)

    def end_attempt(self, task_id: str, number: int, *, ended_at: float, outcome: Outcome) -> None:
        key = (task_id, number)
        self._change(
            self._attempts, key, state=AttemptState.ENDED, ended_at=ended_at, outcome=outcome
        )
        attempt = self._attempts[key]
        if attempt.agent_session_id is not None:
            self._drop(self._holders, (attempt.agent, attempt.agent_session_id))

    def add_observation(self, observation: Observation) -> None:
        self._set(self._observations, len(self._observations) + 1, observation)

    def _change(self, table: MutableMapping[_Key, Any], key: _Key, **values: Any) -> None:
        self._set(table, key, msgspec.structs.replace(table[key], **values))

    def account(self, name: str) -> Account | None:
        return self._accounts.get(name)

    def put_account(self, account: Account) -> None:
        self._set(self._accounts, account.name, account)

    def holds(self, attempt_id: str) -> Sequence[Hold]:
        held = self._holds.get(attempt_id, {})
        return [held[account] for account in sorted(held)]

    def put_hold(self, hold: Hold) -> None:
        held = self._holds.get(hold.attempt_id, {})
        self._set(self._holds, hold.attempt_id, {**held, hold.account: hold})

    def drop_hold(self, attempt_id: str, account: str) -> None:
        held = self._holds[attempt_id]
        left = {name: hold for name, hold in held.items() if name != account}
        self._set(self._holds, attempt_id, left)

    # --- Views -------------------------------------------------------------------------------

    def execution(self, execution_id: str) -> ExecutionRecord | None:
        return self._executions.get(execution_id)

    def execution_ids(self, prefix: str, *, limit: int) -> Sequence[str]:
        fitting = sorted(one for one in self._executions if one.startswith(prefix))
        return fitting[:limit]

    def executions(
        self,
        *,
        states: Sequence[TaskState] | None,
        principal: str | None,
        before: Age | None,
        limit: int,
    ) -> Sequence[ExecutionRecord]:
        newest_first = sorted(self._executions.values(), key=age, reverse=True)
        if before is not None:
            newest_first = [one for one in newest_first if age(one) < before]
        wanted = (
            one
            for one in newest_first
            if (states is None or one.state in states) and principal in (None, one.principal)
        )
        return tuple(islice(wanted, limit))

    def unfinished(self) -> Sequence[ExecutionRecord]:
        oldest_first = sorted(self._executions.values(), key=age)
        return [one for one in oldest_first if not is_final(one.state)]

    def count_unfinished(self, principal: str) -> int:
        return sum(one.principal == principal for one in self.unfinished())

    def tasks(self, execution_id: str) -> Sequence[TaskRecord]:
        return [self._tasks[one] for one in self._task_ids.get(execution_id, ())]

    def usage_windows(self, credential: str | None) -> Sequence[UsageWindow]:
        keys = sorted(self._windows)
        return [self._windows[key] for key in keys if credential in (None, key[0])]

    def attempts(self, task_id: str) -> Sequence[AttemptRecord]:
        return list(_counting_from(1, lambda number: self._attempts.get((task_id, number))))

    def events(self, execution_id: str, *, after_seq: int, limit: int) -> Sequence[Lifecycle]:
        first = max(after_seq, 0) + 1
        following = _counting_from(first, lambda seq: self._events.get((execution_id, seq)))
        return list(islice(following, limit))

    def requests(self, execution_id: str, *, after_seq: int) -> Sequence[Request]:
        return [
            request
            for request in self._requests.values()
            if request.execution_id == execution_id and request.seq > after_seq
        ]

    def observations(
        self, agent: str, *, limit: int, each: int, reach: int
    ) -> Sequence[Observation]:
        newest_first = reversed(self._observations.values())
        looked_at = islice((one for one in newest_first if one.subject.agent == agent), reach)
        return list(islice(_of_each(looked_at, each), limit))


def _of_each(observations: Iterable[Observation], most: int) -> Iterator[Observation]:
    """Yield them, at most so many of one digest."""
    seen: Counter[str] = Counter()
    for one in observations:
        seen[one.subject.digest] += 1
        if seen[one.subject.digest] <= most:
            yield one


def _counting_from(first: int, get: Callable[[int], _Value | None]) -> Iterator[_Value]:
    """Yield what `get` returns for `first` and the numbers after it, up to the first gap."""
    number = first
    while (value := get(number)) is not None:
        yield value
        number += 1
