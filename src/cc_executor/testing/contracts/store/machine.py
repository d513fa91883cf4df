"""Whatever owners, strangers and people of the past do in whatever order: the store and its model
in memory answer alike, and what they show obeys the law.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cc_executor.errors import CCExecutorError
from cc_executor.model.events import Lifecycle
from cc_executor.model.lifecycle import MOVES, AttemptState, Move, TaskState, state_of_list
from cc_executor.model.records import Change, Lease, Wish
from cc_executor.ports.store import Store
from cc_executor.store.memory import MemoryStore
from cc_executor.testing.contracts.store.fixtures import MakeStore, WithStore
from cc_executor.testing.contracts.store.samples import (
    AT,
    contents,
    ended,
    move,
    new_execution,
    note,
    running,
    starting,
    waiting,
)

_EXECUTIONS = ("a", "b")
_TASKS_EACH = 3

_Call = Callable[[Store], Awaitable[Any]]

_tasks = st.sampled_from(
    [f"{one}.{number}" for one in _EXECUTIONS for number in range(1, _TASKS_EACH + 1)] + ["a.9"]
)
_numbers = st.sampled_from([1, 2, 3, 0])
_sessions = st.sampled_from([None, "s", "t"])
_changes = st.one_of(
    st.builds(move, _tasks, st.sampled_from(Move)),
    st.builds(waiting, _tasks, until=st.sampled_from([None, AT])),
    st.builds(starting, _tasks, _numbers, session=_sessions),
    st.builds(running, _tasks, _numbers),
    st.builds(ended, _tasks, _numbers),
    st.builds(note, task=st.none() | _tasks),
)
_carried = st.lists(
    st.sampled_from([TaskState.SUCCEEDED, TaskState.SUCCEEDED, TaskState.FAILED]),
    max_size=_TASKS_EACH,
)


class MachinePromises(WithStore):
    def test_it_answers_like_its_model_whatever_happens(self, make_store: MakeStore) -> None:
        class Machine(_StoreMachine):
            make = staticmethod(make_store)

        run_state_machine_as_test(
            Machine,
            settings=hypothesis.settings(
                max_examples=40,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            ),
        )


class _StoreMachine(RuleBasedStateMachine):
    """Does the same to the store and to its model."""

    leases: Bundle[Lease] = Bundle("leases")
    make: MakeStore

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._model = MemoryStore()

    @initialize(carried=_carried)
    def begin(self, carried: Sequence[TaskState]) -> None:
        self._store = self._runner.run(_as_coroutine(self.make()))
        for execution_id in _EXECUTIONS:
            self._both(partial(_create, execution_id, carried))

    def teardown(self) -> None:
        self._runner.run(self._store.aclose())
        self._runner.close()

    # --- what can happen ---------------------------------------------------------------------

    @rule(execution_id=st.sampled_from(_EXECUTIONS))
    def create_again(self, execution_id: str) -> None:
        self._both(lambda store: store.create(*new_execution(execution_id)))

    @rule(target=leases, execution_id=st.sampled_from(_EXECUTIONS))
    def take(self, execution_id: str) -> Lease:
        lease = self._both(lambda store: store.take(execution_id, "engine"))
        assert isinstance(lease, Lease)
        return lease

    @rule(lease=leases, data=st.data())
    def make_a_step(self, lease: Lease, data: st.DataObject) -> None:
        """Make a change that the law allows, if the lease does."""
        change = data.draw(st.sampled_from(self._steps(lease.execution_id)))
        self._both(lambda store: store.record(lease, change))

    @rule(lease=leases, changes=st.lists(_changes, max_size=4))
    def record_anything(self, lease: Lease, changes: list[Change]) -> None:
        self._both(lambda store: store.record(lease, *changes))

    @rule(calls=st.lists(st.tuples(leases, st.lists(_changes, max_size=3)), min_size=2, max_size=6))
    def record_at_once(self, calls: list[tuple[Lease, list[Change]]]) -> None:
        async def everything(store: Store) -> list[object]:
            results = await asyncio.gather(
                *(store.record(lease, *changes) for lease, changes in calls),
                return_exceptions=True,
            )
            return [_comparable(result) for result in results]

        self._both(everything)

    @rule(
        execution_id=st.sampled_from([*_EXECUTIONS, "c"]),
        wish=st.sampled_from(Wish),
        task_id=st.none() | _tasks,
    )
    def request(self, execution_id: str, wish: Wish, task_id: str | None) -> None:
        self._both(lambda store: store.request(execution_id, wish, task_id=task_id, at=AT))

    # --- what must be true -------------------------------------------------------------------

    @invariant()
    def both_show_the_same(self) -> None:
        assert self._runner.run(contents(self._store)) == self._runner.run(contents(self._model))

    @invariant()
    def what_is_shown_obeys_the_law(self) -> None:
        self._runner.run(self._check_law())

    async def _check_law(self) -> None:
        held: list[tuple[str, str]] = []
        for execution in await self._model.executions():
            tasks = await self._model.tasks(execution.id)
            own = [
                task.state
                for task in tasks
                if task.carried_from is None or task.state is not TaskState.SUCCEEDED
            ]
            assert execution.state is state_of_list(own)
            assert (execution.ended_at is None) == (execution.state in MOVES)
            seqs = [event.seq for event in await self._model.events(execution.id)]
            assert seqs == list(range(1, len(seqs) + 1))
            for task in tasks:
                assert task.waiting is None or task.state in MOVES
                attempts = await self._model.attempts(task.id)
                assert [one.number for one in attempts] == list(range(1, task.attempts + 1))
                live = [one for one in attempts if one.state is not AttemptState.ENDED]
                assert live in ([], [*attempts[-1:]])
                held += [(one.agent, one.agent_session_id) for one in live if one.agent_session_id]
        assert len(held) == len(set(held))

    # --- how it is done ----------------------------------------------------------------------

    def _steps(self, execution_id: str) -> list[Change]:
        tasks = self._runner.run(self._model.tasks(execution_id))
        steps: list[Change] = [note()]
        for task in tasks:
            steps += [move(task.id, what) for what in MOVES.get(task.state, {})]
            steps += [starting(task.id, task.attempts + 1, session=one) for one in (None, "s")]
            steps.append(waiting(task.id))
            steps += [running(task.id, task.attempts), ended(task.id, task.attempts)]
        return steps

    def _both(self, call: _Call) -> object:
        results = [self._runner.run(_result(call, store)) for store in (self._store, self._model)]
        assert results[0] == results[1]
        return results[0]


async def _create(
    execution_id: str, carried: Sequence[TaskState], store: Store
) -> tuple[Lifecycle, ...]:
    return await store.create(*new_execution(execution_id, tasks=_TASKS_EACH, carried=carried))


async def _as_coroutine(awaitable: Awaitable[Store]) -> Store:
    return await awaitable


async def _result(call: _Call, store: Store) -> object:
    try:
        return await call(store)
    except (CCExecutorError, ValueError) as refusal:
        return _comparable(refusal)


def _comparable(result: object) -> object:
    """Return what of an exception must be the same from another store."""
    if isinstance(result, BaseException):
        return type(result), result.args, {k: v for k, v in vars(result).items() if k[0] != "_"}
    return result
