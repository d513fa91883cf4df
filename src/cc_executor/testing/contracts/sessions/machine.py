"""Whatever servers and clients do in whatever order and however time passes: the sessions and
their model in memory answer alike, and never more are live than allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
from cc_executor.model.events import Cursor
from cc_executor.model.sessions import Subscription, Terms, new_token
from cc_executor.ports.clock import Clock
from cc_executor.ports.sessions import Sessions
from cc_executor.store.sessions.memory import MemorySessions
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.contracts.sessions.fixtures import JoinSessions, WithSessions

_TERMS = Terms(max_sessions=2, timeout_s=100.0, lease_s=30.0)

_Call = Callable[[Sessions], Awaitable[Any]]

_principals = st.sampled_from(["ada", "bob"])
_generations = st.integers(1, 4)
_subscriptions = st.dictionaries(
    st.sampled_from(["a", "b"]),
    st.builds(
        Subscription,
        execution_id=st.sampled_from(["run", "other"]),
        task_id=st.none() | st.just("run.1"),
        cursor=st.builds(
            Cursor,
            seq=st.integers(0, 2**53),
            chunks=st.dictionaries(st.just("run.1.1"), st.integers(0, 9)),
        ),
    ),
)


class MachinePromises(WithSessions):
    def test_they_answer_like_their_model_whatever_happens(
        self, join_sessions: JoinSessions
    ) -> None:
        class Machine(_SessionsMachine):
            join = staticmethod(join_sessions)

        run_state_machine_as_test(
            Machine,
            settings=hypothesis.settings(
                max_examples=40,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            ),
        )


class _SessionsMachine(RuleBasedStateMachine):
    """Does the same to the sessions and to their model, whose clocks go alike."""

    tokens: Bundle[str] = Bundle("tokens")
    join: JoinSessions

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()

    @initialize(seed=st.integers(0, 2**128))
    def begin(self, seed: int) -> None:
        # One place serves all examples of a test: what an earlier one left has ended by now.
        self._clocks = (ManualClock(_Time.now_s, seed=seed), ManualClock(_Time.now_s, seed=seed))
        self._pass(1_000.0)
        subject = self._runner.run(_joined(self.join, self._clocks[0]))
        self._both = (subject, MemorySessions(_TERMS, self._clocks[1]))
        self._runner.run(subject.prune())

    def teardown(self) -> None:
        for sessions in self._both:
            self._runner.run(_as_coroutine(sessions.aclose()))
        self._runner.close()

    # --- what can happen ---------------------------------------------------------------------

    @rule(target=tokens, principal=_principals)
    def open(self, principal: str) -> str:
        match self._ask(lambda sessions: sessions.open(principal)):
            case (_, str(token)):
                return token
            case _:
                return new_token("0" * 32, bytes(32))

    @rule(token=tokens, principal=_principals)
    def resume(self, token: str, principal: str) -> None:
        self._ask(lambda sessions: sessions.resume(token, principal))

    @rule(held=st.dictionaries(tokens, _generations))
    def renew(self, held: dict[str, int]) -> None:
        by_id = {_id_of(token): generation for token, generation in held.items()}
        self._ask(lambda sessions: sessions.renew(by_id))

    @rule(token=tokens, generation=_generations, subscriptions=_subscriptions)
    def save(self, token: str, generation: int, subscriptions: dict[str, Subscription]) -> None:
        self._ask(lambda sessions: sessions.save(_id_of(token), generation, subscriptions))

    @rule(token=tokens, generation=_generations)
    def release(self, token: str, generation: int) -> None:
        self._ask(lambda sessions: sessions.release(_id_of(token), generation))

    @rule(token=tokens, generation=_generations)
    def close(self, token: str, generation: int) -> None:
        self._ask(lambda sessions: sessions.close(_id_of(token), generation))

    @rule(seconds=st.sampled_from([0.25, 10.0, 29.75, 30.0, 70.0, 100.0]))
    def let_time_pass(self, seconds: float) -> None:
        self._pass(seconds)

    @rule()
    def prune(self) -> None:
        self._ask(lambda sessions: sessions.prune())

    # --- what must be true -------------------------------------------------------------------

    @invariant()
    def never_are_more_live_than_allowed(self) -> None:
        count = self._ask(lambda sessions: sessions.count())
        assert isinstance(count, int)
        assert 0 <= count <= _TERMS.max_sessions

    # --- how it is done ----------------------------------------------------------------------

    def _pass(self, seconds: float) -> None:
        _Time.now_s += seconds
        for clock in self._clocks:
            clock.advance(seconds)

    def _ask(self, call: _Call) -> object:
        results = [self._runner.run(_result(call, sessions)) for sessions in self._both]
        assert results[0] == results[1]
        return results[0]


class _Time:
    """Goes on from example to example."""

    now_s = 1_700_000_000.25


def _id_of(token: str) -> str:
    return token.partition(".")[0]


async def _joined(join: JoinSessions, clock: Clock) -> Sessions:
    return await join(_TERMS, clock)


async def _as_coroutine(awaitable: Awaitable[None]) -> None:
    await awaitable


async def _result(call: _Call, sessions: Sessions) -> object:
    try:
        return await call(sessions)
    except CCExecutorError as refusal:
        return type(refusal), refusal.args
