"""The law of the money: what is held for an attempt, and what comes of it, for every store.

Each of these is one transaction. Attempts of any process that ask at once are served one after the
other, and each of them sees what the others have got.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cc_executor.model.budgets import (
    Account,
    Ask,
    Hold,
    Short,
    Used,
    granted,
    released,
    reserved,
    settled,
)
from cc_executor.store.tables import Tables


def reserve(tables: Tables, attempt_id: str, asks: Sequence[Ask]) -> tuple[Hold, ...] | Short:
    """Hold something on every account for an attempt, or nothing on any.

    An attempt whose engine died before it began finds what was held for it.

    Raises:
        ValueError: The attempt is over.
    """
    known = tuple(tables.holds(attempt_id))
    if any(hold.settled for hold in known):
        raise ValueError(f"{attempt_id} is settled: it does not start again")
    if known:
        return known
    changes: list[tuple[Account, Hold]] = []
    for ask in sorted(asks, key=lambda ask: ask.account):
        account = tables.account(ask.account) or Account(name=ask.account)
        hold = granted(ask, account, attempt_id)
        if isinstance(hold, Short):
            return hold
        changes.append((reserved(account, hold), hold))
    for account, hold in changes:
        tables.put_account(account)
        tables.put_hold(hold)
    return tuple(hold for _, hold in changes)


def settle(tables: Tables, attempt_id: str, used: Used | None) -> None:
    """Book what an attempt has used, and give back the rest of what was held for it.

    Nothing is booked twice: of an attempt that is settled, or that nothing is held for, nothing is
    changed.

    Args:
        tables: The rows.
        attempt_id: The attempt.
        used: None: it never started, and may come again.
    """
    for hold in tables.holds(attempt_id):
        if hold.settled:
            continue
        account = tables.account(hold.account) or Account(name=hold.account)
        if used is None:
            tables.put_account(released(account, hold))
            tables.drop_hold(attempt_id, hold.account)
        else:
            tables.put_account(settled(account, hold, used))
            tables.put_hold(msgspec.structs.replace(hold, settled=True))
