"""The records as callers see them, in SQL."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import apsw

from cc_executor.model.budgets import Account, Hold
from cc_executor.model.events import Lifecycle
from cc_executor.model.forecasts import Forecast, Observation
from cc_executor.model.ids import attempt_id
from cc_executor.model.lifecycle import AttemptState, TaskState
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import (
    AttemptRecord,
    ExecutionRecord,
    Host,
    Request,
    TaskRecord,
    Waiting,
    Wish,
)
from cc_executor.model.specs import TaskList
from cc_executor.model.windows import UsageWindow
from cc_executor.store.sqlite.budgets import account_of, holds_of
from cc_executor.store.sqlite.columns import from_json, to_json
from cc_executor.store.sqlite.statements import Statements
from cc_executor.store.tables import Age

#: How much JSON of task lists stays decoded: lists never change, and are asked for all the time.
_CACHE_LIMIT_BYTES: Final = 8 * 1024 * 1024

#: Sorts after everything that a prefix can go on with.
_LAST: Final = "\U0010ffff"

#: The age that every execution is older than.
_NOW_OR_LATER: Final[Age] = (math.inf, "")


class SqliteViews(Statements):
    """Implements `store.tables.Views` inside a transaction of its connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self._lists = _Recent(_CACHE_LIMIT_BYTES)

    def version(self) -> int:
        """Return a number that differs after every commit of another connection."""
        ((version,),) = self.run("version")
        return int(version)

    def execution(self, execution_id: str) -> ExecutionRecord | None:
        """Return an execution."""
        row = self.run("execution", id=execution_id).fetchone()
        return self._execution(row) if row else None

    def execution_ids(self, prefix: str, *, limit: int) -> Sequence[str]:
        """Return ids that start with `prefix`."""
        if not prefix.isascii():  # no id is anything else, nor could SQLite be asked for one
            return ()
        rows = self.run("execution_ids", prefix=prefix, end=prefix + _LAST, limit=limit)
        return [row[0] for row in rows]

    def executions(
        self,
        *,
        states: Sequence[TaskState] | None,
        principal: str | None,
        before: Age | None,
        limit: int,
    ) -> Sequence[ExecutionRecord]:
        """Return executions, newest first."""
        created_at, last_id = before or _NOW_OR_LATER
        place = {"principal": principal, "created_at": created_at, "id": last_id, "limit": limit}
        if states is None:
            rows = self.run("executions", **place)
        else:
            wanted = to_json([str(state) for state in states])
            rows = self.run("executions_in", states=wanted, **place)
        return [self._execution(row) for row in rows.fetchall()]

    def unfinished(self) -> Sequence[ExecutionRecord]:
        """Return every execution that has not ended, oldest first."""
        return [self._execution(row) for row in self.run("unfinished").fetchall()]

    def count_unfinished(self, principal: str) -> int:
        """Return how many executions of a principal have not ended."""
        ((count,),) = self.run("count_unfinished", principal=principal).fetchall()
        assert isinstance(count, int)
        return count

    def tasks(self, execution_id: str) -> Sequence[TaskRecord]:
        """Return the tasks of an execution in list order."""
        rows: list[tuple[Any, ...]] = self.run("tasks", execution_id=execution_id).fetchall()
        if not rows:
            return ()
        specs = self._task_list(execution_id).tasks
        return [
            TaskRecord(
                id=row[0],
                execution_id=row[1],
                number=row[2],
                spec=spec,
                state=TaskState(row[3]),
                attempts=row[4],
                started_at=row[5],
                ended_at=row[6],
                outcome=_outcome(row[7]),
                carried_from=row[8],
                waiting=None if row[9] is None else from_json(row[9], Waiting),
                attempted_at=row[10],
                forecast=_forecast(row[11]),
            )
            for row, spec in zip(rows, specs, strict=True)
        ]

    def usage_windows(self, credential: str | None) -> Sequence[UsageWindow]:
        """Return what is known of a login's windows, or of all."""
        first, last = (credential, credential) if credential is not None else ("", _LAST)
        return [
            UsageWindow(
                credential=row[0],
                name=row[1],
                status=row[2],
                resets_at=row[3],
                utilization=row[4],
                seen_at=row[5],
            )
            for row in self.run("usage_windows", first=first, last=last)
        ]

    def attempts(self, task_id: str) -> Sequence[AttemptRecord]:
        """Return a task's attempts, first to last."""
        return [
            AttemptRecord(
                id=attempt_id(row[0], row[1]),
                task_id=row[0],
                number=row[1],
                state=AttemptState(row[2]),
                agent=row[3],
                created_at=row[4],
                agent_session_id=row[5],
                pid=row[6],
                ended_at=row[7],
                outcome=_outcome(row[8]),
                forecast=_forecast(row[9]),
            )
            for row in self.run("attempts", task_id=task_id)
        ]

    def events(self, execution_id: str, *, after_seq: int, limit: int) -> Sequence[Lifecycle]:
        """Return events after `after_seq` in order."""
        rows = self.run("events", execution_id=execution_id, after_seq=after_seq, limit=limit)
        return [
            Lifecycle(
                seq=row[0],
                at=row[1],
                execution_id=row[2],
                kind=row[3],
                task_id=row[4],
                attempt=row[5],
                data=from_json(row[6], dict[str, Any]),
            )
            for row in rows
        ]

    def requests(self, execution_id: str, *, after_seq: int) -> Sequence[Request]:
        """Return wishes after `after_seq` in order."""
        return [
            Request(seq=row[0], execution_id=row[1], task_id=row[2], wish=Wish(row[3]), at=row[4])
            for row in self.run("requests", execution_id=execution_id, after_seq=after_seq)
        ]

    def account(self, name: str) -> Account | None:
        """Return a budget's account."""
        return account_of(self, name)

    def holds(self, attempt_id: str) -> Sequence[Hold]:
        """Return what is, or was, held for an attempt."""
        return holds_of(self, attempt_id)

    def observations(
        self, agent: str, *, limit: int, each: int, reach: int
    ) -> Sequence[Observation]:
        """Return what attempts of an agent took, newest first."""
        rows = self.run("observations", agent=agent, limit=limit, each=each, reach=reach)
        return [from_json(row[0], Observation) for row in rows]

    def _execution(self, row: tuple[Any, ...]) -> ExecutionRecord:
        return ExecutionRecord(
            id=row[0],
            host=Host(row[1]),
            state=TaskState(row[2]),
            task_list=self._task_list(row[0]),
            created_at=row[3],
            ended_at=row[4],
            generation=row[5],
            owner=row[6],
            continues=row[7],
            principal=row[8],
        )

    def _task_list(self, execution_id: str) -> TaskList:
        known = self._lists.get(execution_id)
        if known is not None:
            return known
        ((body,),) = self.run("task_list", execution_id=execution_id)
        task_list = from_json(body, TaskList)
        self._lists.keep(execution_id, task_list, size_bytes=len(body))
        return task_list


class _Recent:
    """Task lists that were asked for lately, up to a limit of their JSON's size."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._kept: OrderedDict[str, tuple[TaskList, int]] = OrderedDict()

    def get(self, execution_id: str) -> TaskList | None:
        if execution_id not in self._kept:
            return None
        self._kept.move_to_end(execution_id)
        return self._kept[execution_id][0]

    def keep(self, execution_id: str, task_list: TaskList, *, size_bytes: int) -> None:
        self._kept[execution_id] = task_list, size_bytes
        self._held_bytes += size_bytes
        while self._held_bytes > self._limit_bytes:
            _oldest, (_list, freed_bytes) = self._kept.popitem(last=False)
            self._held_bytes -= freed_bytes


def _outcome(text: str | None) -> Outcome | None:
    return None if text is None else from_json(text, Outcome)


def _forecast(text: str | None) -> Forecast | None:
    return None if text is None else from_json(text, Forecast)
