"""The budgets of workspaces and days.

A project's own file cannot set them: it lies where agents write.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cc_executor.settings import kinds
from cc_executor.settings.setting import Setting

_WHOSE: Final = {
    "workspace": "all tasks in one workspace together, until it is raised",
    "day": "all tasks of one day together, which begins at 0:00 UTC",
}
#: Of any kind: `MAX_BUDGET` of `model.lists`, which takes longer to import than `--help` may.
_MOST: Final = 1_000_000_000


def _budget(scope: str, whose: str) -> Iterator[Setting]:
    whole = kinds.count(1, _MOST)
    for kind, parse, unit, what in (
        ("usd", kinds.amount, "USD", "money"),
        ("tokens", whole, "", "tokens"),
        ("turns", whole, "", "model turns"),
        ("minutes", kinds.amount, "min", "working time"),
    ):
        doc = f"Budget: most {what} of {whose}."
        yield Setting(f"budget_{scope}_{kind}", parse, None, unit, doc, personal=True)


BUDGET_SETTINGS: Final[tuple[Setting, ...]] = (
    *(setting for scope, whose in _WHOSE.items() for setting in _budget(scope, whose)),
    Setting(
        "budget_unknown_cost",
        kinds.choice("allow", "block"),
        "allow",
        "",
        "Whether these budgets end with an attempt of which nobody knows what it used.",
        personal=True,
    ),
)
