"""What is promised about money: nothing is spent twice, booked twice or held for the dead."""

from __future__ import annotations

import asyncio

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cc_executor.model.budgets import Account, Amounts, Ask, Caps, Hold, Short, Used
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import MakeStore, WithStore

_LIMIT = 1_000
_DAY = "day:2026-11-26"


def _ask(account: str = "list:a", *, least: int = 100, divisor: int = 4) -> Ask:
    return Ask(account, Caps(_LIMIT), Amounts(least), Amounts(10), divisor)


def _used(micro_usd: int, *, unknown: bool = False) -> Used:
    return Used(Amounts(micro_usd, 7, 1, 5), (unknown, False, False, False))


async def _account(store: Store, name: str = "list:a") -> Account:
    (account,) = await store.accounts([name])
    return account


class BudgetPromises(WithStore):
    async def test_what_is_held_for_an_attempt_is_settled_with_what_it_used(
        self, store: Store
    ) -> None:
        holds = await store.reserve("t.1", [_ask(), _ask(_DAY)])
        assert isinstance(holds, tuple)
        assert [(hold.account, hold.reserved.micro_usd) for hold in holds] == [
            (_DAY, 250),
            ("list:a", 250),
        ]
        assert (await _account(store)).reserved.micro_usd == 250
        await store.settle("t.1", _used(30))
        for name in ("list:a", _DAY):
            assert await _account(store, name) == Account(name=name, spent=Amounts(30, 7, 1, 5))
        assert [hold.settled for hold in await store.holds("t.1")] == [True, True]

    async def test_nothing_is_booked_twice(self, store: Store) -> None:
        await store.reserve("t.1", [_ask()])
        await store.settle("t.1", _used(30))
        await store.settle("t.1", _used(30))
        await store.settle("t.1", None)
        await store.settle("nothing.1", _used(30))
        assert await _account(store) == Account(name="list:a", spent=Amounts(30, 7, 1, 5))
        with pytest.raises(ValueError, match="settled"):
            await store.reserve("t.1", [_ask()])

    async def test_an_attempt_that_asks_again_gets_what_is_held_for_it(self, store: Store) -> None:
        first = await store.reserve("t.1", [_ask()])
        assert await store.reserve("t.1", [_ask(least=900), _ask(_DAY)]) == first
        assert (await _account(store)).holders == 1

    async def test_what_has_not_started_gives_everything_back(self, store: Store) -> None:
        await store.reserve("t.1", [_ask()])
        await store.settle("t.1", None)
        assert await _account(store) == Account(name="list:a")
        assert await store.holds("t.1") == ()
        assert isinstance(await store.reserve("t.1", [_ask()]), tuple)

    async def test_where_one_account_is_short_nothing_is_held_on_any(self, store: Store) -> None:
        await store.reserve("t.1", [_ask(_DAY, divisor=1)])
        short = await store.reserve("t.2", [_ask(), _ask(_DAY)])
        assert short == Short(account=_DAY, kind="usd", for_good=False)
        assert await _account(store) == Account(name="list:a")
        assert await store.holds("t.2") == ()
        await store.settle("t.1", _used(_LIMIT))
        short = await store.reserve("t.2", [_ask(), _ask(_DAY)])
        assert short == Short(account=_DAY, kind="usd", for_good=True)

    async def test_what_is_unknown_is_counted_apart(self, store: Store) -> None:
        await store.reserve("t.1", [_ask()])
        await store.settle("t.1", _used(0, unknown=True))
        assert (await _account(store)).unknown == Amounts(1)
        blocking = _ask()._replace(block_unknown=True)
        short = await store.reserve("t.2", [blocking])
        assert short == Short(account="list:a", kind="unknown", for_good=True)

    async def test_a_hundred_who_ask_at_once_cannot_hold_more_than_there_is(
        self, store: Store
    ) -> None:
        answers = await asyncio.gather(*(store.reserve(f"t.{n}", [_ask()]) for n in range(100)))
        held = [one[0] for one in answers if isinstance(one, tuple)]
        assert sum(hold.reserved.micro_usd for hold in held) <= _LIMIT
        assert 4 <= len(held) < 100
        account = await _account(store)
        assert account.holders == len(held)
        assert account.reserved.micro_usd == sum(hold.reserved.micro_usd for hold in held)

    def test_whatever_happens_the_books_agree(self, make_store: MakeStore) -> None:
        class Machine(_Books):
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


_ACCOUNTS = ("list:a", "list:b", _DAY)
_attempts = st.sampled_from([f"t.{number}" for number in range(1, 9)])
_asks = st.lists(st.sampled_from(_ACCOUNTS), min_size=1, unique=True)


class _Books(RuleBasedStateMachine):
    """Attempts that never use more than they were given, but for one turn."""

    make: MakeStore

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._open: dict[str, tuple[Hold, ...]] = {}
        self._over: set[str] = set()
        self._spent: dict[str, int] = dict.fromkeys(_ACCOUNTS, 0)

    @initialize()
    def begin(self) -> None:
        async def opened() -> Store:
            return await self.make()

        self._store = self._runner.run(opened())

    def teardown(self) -> None:
        self._runner.run(self._store.aclose())
        self._runner.close()

    @rule(
        attempt=_attempts,
        accounts=_asks,
        least=st.integers(20, 400),
        divisor=st.integers(1, 5),
    )
    def reserve(self, attempt: str, accounts: list[str], least: int, divisor: int) -> None:
        if attempt in self._over:
            return
        asks = [_ask(account, least=least, divisor=divisor) for account in accounts]
        answer = self._runner.run(self._store.reserve(attempt, asks))
        if isinstance(answer, tuple):
            assert answer == self._open.get(attempt, answer)
            self._open[attempt] = answer

    @rule(attempt=_attempts, part=st.floats(0, 1), turn=st.integers(0, 10))
    def settle(self, attempt: str, part: float, turn: int) -> None:
        """It notices the end of its budget after a turn, which costs at most the margin."""
        allowed = [one.allowed.micro_usd for one in self._open.get(attempt, ())]
        used = int(part * min((one for one in allowed if one is not None), default=0)) + turn
        self._runner.run(self._store.settle(attempt, _used(used)))
        for hold in self._open.pop(attempt, ()):
            self._spent[hold.account] += used
            self._over.add(attempt)

    @rule(attempt=_attempts)
    def give_back(self, attempt: str) -> None:
        self._runner.run(self._store.settle(attempt, None))
        self._open.pop(attempt, None)

    @invariant()
    def the_books_agree(self) -> None:
        for account in self._runner.run(self._store.accounts(_ACCOUNTS)):
            held = [
                hold.reserved.micro_usd
                for holds in self._open.values()
                for hold in holds
                if hold.account == account.name
            ]
            assert account.spent.micro_usd == self._spent[account.name]
            assert account.reserved.micro_usd == sum(held)
            assert account.holders == len(held)
            assert account.spent.micro_usd <= _LIMIT + 10, "more than one turn too much"
