"""Budgets in a few words."""

from __future__ import annotations

from collections.abc import Iterator

from cc_executor.model.budgets import KINDS, BudgetState


def budget_facts(budget: BudgetState | None) -> Iterator[tuple[str, str]]:
    """Yield how a budget stands, a line for each kind that it limits."""
    if budget is None:
        return
    for kind in KINDS:
        if kind not in budget.limit:
            continue
        form = "{:,.2f}" if kind in ("usd", "minutes") else "{:,.0f}"
        spent = form.format(budget.spent[kind])
        limit = form.format(budget.limit[kind])
        held = budget.reserved[kind]
        reserved = f", {form.format(held)} reserved" if held else ""
        yield "budget", f"{spent} of {limit} {kind.upper() if kind == 'usd' else kind}{reserved}"
    if budget.unknown:
        noun = "attempt" if budget.unknown == 1 else "attempts"
        yield "unknown", f"what {budget.unknown} {noun} used beyond that"
