"""The gate of the money: an attempt starts when what it may spend is held for it.

What an attempt has used is booked by the store in the transaction that records its end, so there is
no moment at which a crash could lose it or count it twice. What was held for an attempt that never
started is given back with the end of its task, whoever records that.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import os
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from cc_executor.engine.gates import Candidate, GateClosed, Pass, Survivor, Tell
from cc_executor.model.budgets import (
    MICRO,
    MS,
    Allowance,
    Amounts,
    Ask,
    Budget,
    Caps,
    Short,
    allowance_of,
    caps_of,
    list_account,
    task_account,
)
from cc_executor.model.failures import Failure
from cc_executor.model.forecasts import Forecast
from cc_executor.model.ids import attempt_id
from cc_executor.model.policy import Policy
from cc_executor.model.records import ExecutionRecord, TaskRecord, Waiting
from cc_executor.model.specs import TaskList
from cc_executor.ports.clock import Clock
from cc_executor.ports.store import Store

#: What one turn may cost. An agent stops after the turn that exceeded its budget.
#: Source: measured, 2.1.330: $0.50 were spent on a budget of $0.01.
ONE_TURN: Final = Amounts(500_000, 200_000, 1, 30_000)
#: What an attempt needs to start beside others, where nothing is known of it.
LEAST: Final = Amounts(1_500_000, 1_000_000, 21, 1_800_000)
#: An attempt takes this part of what is left to those who share a workspace, or a day.
_SHARE: Final = 4

_LOOK_S: Final = 0.1
#: Every how many looks it is asked whether somebody died who holds something.
_LOOKS_PER_CARE: Final = 50


class Source(NamedTuple):
    """A budget that an attempt spends on.

    Attributes:
        account: Its name in the ledger.
        divisor: How many may want a part of it at once.
    """

    account: str
    budget: Budget
    divisor: int


class BudgetGate:
    """Implements `engine.gates.Gate`.

    Args:
        store: With the ledger.
        clock: Which day it is, in UTC.
        policy: With the budgets of workspaces and days.
    """

    def __init__(self, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._care: Callable[[], Awaitable[None]] | None = None

    def cared_for_by(self, recover: Callable[[], Awaitable[None]]) -> None:
        """Have somebody settle what dead engines have left, while money is waited for."""
        self._care = recover

    async def enter(self, candidate: Candidate, tell: Tell) -> Pass | None:
        """Return when something is held for the attempt on all its budgets; None: it has none.

        Raises:
            GateClosed: A budget is used up.
        """
        ident = attempt_id(candidate.task.id, candidate.number)
        since = self._clock.now_s()
        looks = 0
        while asks := self._asks(candidate):
            version = await self._store.version()
            try:
                answer = await self._store.reserve(ident, asks)
            except asyncio.CancelledError:  # it may be held by now
                await asyncio.shield(self._store.settle(ident, None))
                raise
            if not isinstance(answer, Short):
                return BudgetPass(self._store, ident, allowance_of(answer))
            if answer.for_good:
                raise _closed(answer)
            await tell(_waiting(answer, since))
            looks = await self._until_changed(version, looks)
        return None

    async def adopt(self, survivor: Survivor) -> Pass | None:
        """Take over what is held for an attempt of an earlier engine."""
        ident = attempt_id(survivor.task.id, survivor.number)
        holds = [hold for hold in await self._store.holds(ident) if not hold.settled]
        return BudgetPass(self._store, ident, allowance_of(holds)) if holds else None

    async def _until_changed(self, version: int, looks: int) -> int:
        """Return when something was recorded since; and how often it was looked."""
        while True:
            looks += 1
            if looks % _LOOKS_PER_CARE == 0 and self._care is not None:
                await self._care()
            await asyncio.sleep(_LOOK_S)
            if await self._store.version() != version:
                return looks

    def _asks(self, candidate: Candidate) -> list[Ask]:
        spec = candidate.task.spec
        sources = tuple(
            budgets_of(candidate.execution, candidate.task, self._policy, self._clock.now_s())
        )
        if not sources:
            return []
        least = _least(candidate.prepared.forecast, spec.budget)
        asks = (_ask(source, least, is_program=spec.command is not None) for source in sources)
        return [ask for ask in asks if any(cap is not None for cap in ask.caps)]


class BudgetPass:
    """What is held for one attempt.

    Args:
        store: Where it is held.
        attempt_id: For whom.
        allowance: What it may spend.
    """

    def __init__(self, store: Store, attempt_id: str, allowance: Allowance | None) -> None:
        self._store = store
        self._attempt_id = attempt_id
        self.allowance = allowance

    async def settle(self, started: object) -> None:
        """Give back what is held for an attempt that has not started.

        What has run is booked with the record of its end, by the store.
        """
        if started is None:
            await self._store.settle(self._attempt_id, None)

    def leave(self) -> None:
        """Do nothing: what is held is held for the attempt, whoever carries it on."""


def budgets_of(
    execution: ExecutionRecord, task: TaskRecord, policy: Policy, now_s: float
) -> Iterator[Source]:
    """Yield all budgets that an attempt at a task spends on, now."""
    if task.spec.budget is not None:
        yield Source(task_account(task.id), task.spec.budget, 1)
    yield from shared_budgets_of(execution, task.spec.workspace, policy, now_s)


def shared_budgets_of(
    execution: ExecutionRecord, workspace: str | None, policy: Policy, now_s: float
) -> Iterator[Source]:
    """Yield the budgets that the tasks of an execution share with each other, and with others."""
    task_list = execution.task_list
    if task_list.budget is not None:
        width = _width(task_list, policy.max_concurrency)
        yield Source(list_account(execution.id), task_list.budget, width)
    if policy.budget_workspace is not None:
        path = os.path.realpath(workspace or task_list.workspace)
        yield Source(f"workspace:{path}", policy.budget_workspace, _SHARE)
    if policy.budget_day is not None:
        day = dt.datetime.fromtimestamp(now_s, dt.UTC).date()
        yield Source(f"day:{day.isoformat()}", policy.budget_day, _SHARE)


def _least(forecast: Forecast, own: Budget | None) -> Amounts:
    """Return what an attempt needs to start beside others, the turn that is one too many included.

    What 99 of a hundred of its kind stay within, where there is history; never more than its own
    budget lets it use.
    """
    bands = (forecast.cost_usd, forecast.total_tokens, forecast.turns)
    units = (MICRO, 1, 1)
    expected = [
        amount if band is None else math.ceil(band.p99 * unit) + turn
        for amount, band, unit, turn in zip(LEAST, bands, units, ONE_TURN, strict=False)
    ]
    expected.append(
        round(forecast.timeout_s * MS) + ONE_TURN.ms if forecast.observations else LEAST.ms
    )
    caps = caps_of(own) if own is not None else Caps()
    return Amounts(
        *(
            amount if cap is None else min(amount, cap + turn)
            for amount, cap, turn in zip(expected, caps, ONE_TURN, strict=True)
        )
    )


def _width(task_list: TaskList, concurrency: int) -> int:
    """Return how many tasks of a list may run at once: one, where each waits for the one before."""
    tasks = task_list.tasks
    is_chain = all(before.name in (task.needs or ()) for before, task in pairwise(tasks))
    return 1 if is_chain else max(1, min(concurrency, len(tasks)))


def _ask(source: Source, least: Amounts, *, is_program: bool) -> Ask:
    caps = caps_of(source.budget)
    if is_program:  # it has neither turns nor tokens, and costs nothing that anybody could count
        caps = Caps(ms=caps.ms)
    return Ask(
        account=source.account,
        caps=caps,
        least=least,
        margin=ONE_TURN,
        divisor=source.divisor,
        block_unknown=source.budget.unknown_cost == "block",
    )


def _closed(short: Short) -> GateClosed:
    owner, _, name = short.account.partition(":")
    which = f"{owner} {name}" if owner in ("workspace", "day") else owner
    if short.kind == "unknown":
        why = "holds an attempt of which nobody knows what it used, and `unknown_cost` is `block`"
    else:
        why = f"has nothing left ({short.kind})"
    return GateClosed(Failure.BUDGET, f"The budget of the {which} {why}.", f"{owner}.{short.kind}")


def _waiting(short: Short, since: float) -> Waiting:
    owner = short.account.partition(":")[0]
    message = f"what is left of the {owner}'s budget ({short.kind}) is reserved for others"
    return Waiting("budget", since, None, message)
