"""What Claude Code can be told of its budget.

It looks at both limits after each call of the model, and ends by itself with a result that says what
it has cost. Source: measured, 2.1.330; `--max-turns` works though `--help` does not name it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cc_executor.model.budgets import MICRO, Caps
from cc_executor.model.launch import Launch

_BUDGET = "--max-budget-usd"
_TURNS = "--max-turns"


def limited(launch: Launch, caps: Caps) -> Launch:
    """Return the launch with limits in its arguments; tighter ones that stand there are kept."""
    argv = list(launch.argv)
    if caps.micro_usd is not None:
        argv = _with(argv, _BUDGET, caps.micro_usd / MICRO, "{:.6f}")
    if caps.turns is not None:
        argv = _with(argv, _TURNS, caps.turns, "{:.0f}")
    return msgspec.structs.replace(launch, argv=tuple(argv))


def _with(argv: list[str], option: str, limit: float, form: str) -> list[str]:
    limits = [limit, *_given(argv, option)]
    return [*argv, f"{option}={form.format(min(limits))}"]  # the last one counts


def _given(argv: list[str], option: str) -> Iterator[float]:
    """Yield the limits that stand there: ours, and in either spelling the user's."""
    for place, argument in enumerate(argv):
        name, equals, value = argument.partition("=")
        if name != option:
            continue
        if not equals:
            value = argv[place + 1] if place + 1 < len(argv) else ""
        try:
            yield float(value)
        except ValueError:
            continue  # the CLI will say what it thinks of it
