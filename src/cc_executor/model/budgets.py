"""Budgets: what may be spent, by whom, and what of it is left. Pure.

Money is counted in whole millionths of a dollar, time in milliseconds: what was added and taken away
again leaves nothing behind, as fractions would.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

MICRO: Final = 1_000_000
MS: Final = 1_000
MS_PER_MINUTE: Final = 60_000

UnknownCost = Literal["allow", "block"]


class Budget(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What may be spent at most. What is not given is not limited.

    Attributes:
        usd: US dollars, as the agent counts them.
        tokens: All tokens of its requests and answers, those from its cache included.
        turns: Model turns.
        minutes: Minutes in which an agent or program ran; pauses and waits do not count.
        unknown_cost: What happens after an attempt of which nobody knows what it used: `allow` counts
            it as unknown, `block` starts nothing more on this budget.
    """

    usd: float | None = None
    tokens: int | None = None
    turns: int | None = None
    minutes: float | None = None
    unknown_cost: UnknownCost = "allow"


class Amounts(NamedTuple):
    """How much of each kind: millionths of a dollar, tokens, turns, milliseconds."""

    micro_usd: int = 0
    tokens: int = 0
    turns: int = 0
    ms: int = 0

    def plus(self, other: Amounts) -> Amounts:
        """Return the sum."""
        return Amounts(*(one + more for one, more in zip(self, other, strict=True)))

    def minus(self, other: Amounts) -> Amounts:
        """Return the difference."""
        return Amounts(*(one - less for one, less in zip(self, other, strict=True)))


#: The kinds of `Amounts`, in the words of a `Budget`.
KINDS: Final = ("usd", "tokens", "turns", "minutes")


class Caps(NamedTuple):
    """Limits in the units of `Amounts`; None: not limited."""

    micro_usd: int | None = None
    tokens: int | None = None
    turns: int | None = None
    ms: int | None = None

    def within(self, other: Caps) -> Caps:
        """Return the tighter of two limits of each kind."""
        return Caps(*(tighter(one, two) for one, two in zip(self, other, strict=True)))


class Used(NamedTuple):
    """What an attempt has used, in the units of `Amounts`.

    Attributes:
        amounts: As far as it is known; a lower bound where it is not.
        unknown: By kind, whether more may have been used.
    """

    amounts: Amounts
    unknown: tuple[bool, bool, bool, bool] = (False, False, False, False)


class Ask(NamedTuple):
    """What an attempt wants of one account.

    Attributes:
        account: `task:ID`, `list:ID`, `workspace:PATH` or `day:YYYY-MM-DD`.
        caps: What may be spent there in all.
        least: What it needs to start beside others.
        margin: Part of what it gets that it is not told of: an agent notices the end of its budget
            only after the turn that exceeded it.
        divisor: It gets this part of what is free, if that is more than `least`.
        block_unknown: Whether nothing may start once something unknown was spent.
    """

    account: str
    caps: Caps
    least: Amounts = Amounts()
    margin: Amounts = Amounts()
    divisor: int = 1
    block_unknown: bool = False


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What was spent on a budget, and what is reserved.

    Attributes:
        name: As in `Ask`.
        spent: Settled, as far as it is known.
        reserved: Held for attempts that are not settled.
        unknown: By kind, how many attempts may have used more than was counted.
        holders: How many attempts are not settled.
    """

    name: str
    spent: Amounts = Amounts()
    reserved: Amounts = Amounts()
    unknown: Amounts = Amounts()
    holders: int = 0


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What one account holds for one attempt.

    Attributes:
        reserved: Taken from what others may have, until it is settled.
        allowed: What the attempt may spend of this account.
        settled: Whether it is over.
    """

    attempt_id: str
    account: str
    reserved: Amounts
    allowed: Caps
    settled: bool = False


class Short(msgspec.Struct, frozen=True, kw_only=True):
    """There is not enough.

    Attributes:
        account: Where.
        kind: Of which kind: one of `KINDS`; or `unknown`.
        for_good: Whether nothing comes back when what runs now is over.
    """

    account: str
    kind: str
    for_good: bool


class Allowance(NamedTuple):
    """What one attempt may spend, all its budgets together.

    Attributes:
        caps: The tightest of each kind.
        accounts: By kind, which account is the tightest; None: no limit.
    """

    caps: Caps
    accounts: tuple[str | None, str | None, str | None, str | None]

    def which(self, kind: str) -> str:
        """Return the budget behind a limit, as outcomes name it: `list.usd`."""
        account = self.accounts[KINDS.index(kind)] or ""
        return f"{account.partition(':')[0]}.{kind}"


class BudgetState(msgspec.Struct, frozen=True, kw_only=True):
    """How a budget stands, in its own units.

    Attributes:
        limit: As it was given.
        reserved: For attempts that run now.
        spent: By those that are over.
        unknown: How many attempts may have used more than was counted.
    """

    account: str
    limit: dict[str, Any]
    reserved: dict[str, float]
    spent: dict[str, float]
    unknown: int


def task_account(task_id: str) -> str:
    """Return the account of a task's own budget."""
    return f"task:{task_id}"


def list_account(execution_id: str) -> str:
    """Return the account of the budget of an execution's list."""
    return f"list:{execution_id}"


def caps_of(budget: Budget) -> Caps:
    """Return a budget's limits in whole units."""
    return Caps(
        None if budget.usd is None else round(budget.usd * MICRO),
        budget.tokens,
        budget.turns,
        None if budget.minutes is None else round(budget.minutes * MS_PER_MINUTE),
    )


def micro_usd(cost_usd: float) -> int:
    """Return a cost in millionths, rounded up: what cost something is never nothing."""
    return math.ceil(round(cost_usd * MICRO, 3))


def tighter(one: int | None, other: int | None) -> int | None:
    """Return the smaller of two limits; None is no limit."""
    limits = [limit for limit in (one, other) if limit is not None]
    return min(limits) if limits else None


def allowance_of(holds: Iterable[Hold]) -> Allowance | None:
    """Return what an attempt may spend with what its accounts hold for it; None without any."""
    caps = Caps()
    accounts: list[str | None] = [None] * len(KINDS)
    found = False
    for hold in holds:
        found = True
        for place, cap in enumerate(hold.allowed):
            before = caps[place]
            if cap is not None and (before is None or cap < before):
                accounts[place] = hold.account
        caps = caps.within(hold.allowed)
    if not found:
        return None
    by_usd, by_tokens, by_turns, by_minutes = accounts
    return Allowance(caps, (by_usd, by_tokens, by_turns, by_minutes))


def granted(ask: Ask, account: Account, attempt_id: str) -> Hold | Short:
    """Return what an account holds for an attempt, or why it cannot.

    Beside others an attempt gets its share of what is free, `least` at least. Where that is not
    there, it gets all that is left, but only when nobody else has a reservation: what can be
    overspent at the end of a budget is then one turn of one attempt.
    """
    if ask.block_unknown and any(
        count for count, cap in zip(account.unknown, ask.caps, strict=True) if cap is not None
    ):
        return Short(account=ask.account, kind="unknown", for_good=True)
    shares: list[int] = []
    allowed: list[int | None] = []
    for place, cap in enumerate(ask.caps):
        if cap is None:
            shares.append(0)
            allowed.append(None)
            continue
        free = cap - account.spent[place] - account.reserved[place]
        share = max(ask.least[place], free // ask.divisor)
        if free < max(share, 1) and account.holders:
            for_good = account.spent[place] >= cap
            return Short(account=ask.account, kind=KINDS[place], for_good=for_good)
        if free <= 0:
            return Short(account=ask.account, kind=KINDS[place], for_good=True)
        share = min(share, free)
        shares.append(share)
        # Who takes all that is left keeps everybody else out: one turn too much is the only one.
        allowed.append(share if share == free else max(1, share - ask.margin[place]))
    return Hold(
        attempt_id=attempt_id,
        account=ask.account,
        reserved=Amounts(*shares),
        allowed=Caps(*allowed),
    )


def reserved(account: Account, hold: Hold) -> Account:
    """Return the account after a reservation."""
    return msgspec.structs.replace(
        account, reserved=account.reserved.plus(hold.reserved), holders=account.holders + 1
    )


def released(account: Account, hold: Hold) -> Account:
    """Return the account after a reservation was given back unused."""
    return msgspec.structs.replace(
        account, reserved=account.reserved.minus(hold.reserved), holders=account.holders - 1
    )


def settled(account: Account, hold: Hold, used: Used) -> Account:
    """Return the account after an attempt was settled.

    What nobody knows counts only where it is limited: a plain program has no cost to be known.
    """
    unknown = Amounts(
        *(int(one and cap is not None) for one, cap in zip(used.unknown, hold.allowed, strict=True))
    )
    return msgspec.structs.replace(
        released(account, hold),
        spent=account.spent.plus(used.amounts),
        unknown=account.unknown.plus(unknown),
    )


def state_of(budget: Budget, account: Account) -> BudgetState:
    """Return how a budget stands, for people and machines."""
    limit = {kind: getattr(budget, kind) for kind in KINDS if getattr(budget, kind) is not None}
    caps = caps_of(budget)
    return BudgetState(
        account=account.name,
        limit={**limit, "unknown_cost": budget.unknown_cost},
        reserved=_shown(account.reserved, limit),
        spent=_shown(account.spent, KINDS),
        unknown=max(
            (count for count, cap in zip(account.unknown, caps, strict=True) if cap is not None),
            default=0,
        ),
    )


def _shown(amounts: Amounts, kinds: Iterable[str]) -> dict[str, float]:
    units: Sequence[float] = (MICRO, 1, 1, MS_PER_MINUTE)
    wanted = set(kinds)
    return {
        kind: amount / unit if unit > 1 else amount
        for kind, amount, unit in zip(KINDS, amounts, units, strict=True)
        if kind in wanted
    }
