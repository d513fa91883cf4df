"""Accounts and holds of budgets, as rows of SQLite: who writes sees them as who reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cc_executor.model.budgets import Account, Amounts, Caps, Hold
from cc_executor.store.sqlite.columns import from_json
from cc_executor.store.sqlite.statements import Statements


def account_of(rows: Statements, name: str) -> Account | None:
    """Return an account, None when there is none."""
    row = rows.run("account", name=name).fetchone()
    if row is None:
        return None
    return Account(
        name=row[0],
        spent=from_json(row[1], Amounts),
        reserved=from_json(row[2], Amounts),
        unknown=from_json(row[3], Amounts),
        holders=row[4],
    )


def holds_of(rows: Statements, attempt_id: str) -> Sequence[Hold]:
    """Return what is, or was, held for an attempt, by account."""
    found: list[tuple[Any, ...]] = rows.run("holds", attempt_id=attempt_id).fetchall()
    return [
        Hold(
            attempt_id=row[0],
            account=row[1],
            reserved=from_json(row[2], Amounts),
            allowed=from_json(row[3], Caps),
            settled=bool(row[4]),
        )
        for row in found
    ]
