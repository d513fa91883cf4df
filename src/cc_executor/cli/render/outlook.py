"""What is expected, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rich.text import Text

from cc_executor.cli.render.terminal import in_columns
from cc_executor.cli.render.wording import counted, duration, money
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.outlooks import Outlook, TaskOutlook

_HEADINGS: Final = ("TASK", "STATE", "HALF OF RUNS", "9 OF 10", "99 OF 100", "COST", "FROM")
_MIB: Final = 1024 * 1024


def outlook_lines(outlook: Outlook) -> list[Text]:
    """Return the whole first, then a line a task where there are several."""
    subject = "" if outlook.execution_id is None else f"{outlook.execution_id} {outlook.state}: "
    if not outlook.tasks:
        return [Text(f"{subject}nothing is left")]
    whole = outlook.forecast
    left = " left" if outlook.execution_id is not None else ""
    lines = [
        Text.assemble(
            (f"{subject}{duration(whole.duration_s.p50)}{left}", "bold"), _not_much_longer(whole)
        )
    ]
    lines.extend(in_columns([Text(f"  {name}", "dim"), Text(text)] for name, text in _facts(whole)))
    if len(outlook.tasks) > 1:
        headings = [Text(heading, "bold") for heading in _HEADINGS]
        lines.append(Text())
        lines.extend(in_columns([headings, *(_row(task) for task in outlook.tasks)]))
    return lines


def _not_much_longer(forecast: Forecast) -> str:
    band = forecast.duration_s
    return f"; 9 of 10 within {duration(band.p90)}, 99 of 100 within {duration(band.p99)}"


def _facts(forecast: Forecast) -> Iterator[tuple[str, str]]:
    known: tuple[tuple[str, Band | None, Callable[[float], str]], ...] = (
        ("cost", forecast.cost_usd, money),
        ("turns", forecast.turns, lambda turns: f"{turns:.0f}"),
        ("tokens", forecast.total_tokens, lambda tokens: f"{tokens:,.0f}"),
        ("memory", forecast.memory_bytes, lambda size: f"{size / _MIB:,.0f} MiB"),
    )
    for name, band, write in known:
        if band is not None:
            yield name, f"{write(band.p50)}; 9 of 10 within {write(band.p90)}"
    yield "timeout", f"{duration(forecast.timeout_s)} where it is `auto`"
    yield "from", source(forecast)


def one_forecast(forecast: Forecast) -> str:
    """Return a forecast on one line."""
    return f"{duration(forecast.duration_s.p50)}{_not_much_longer(forecast)} ({source(forecast)})"


def source(forecast: Forecast) -> str:
    """Return how a forecast was made: `history: same prompt, 12 runs`."""
    if not forecast.observations:
        return f"{forecast.method} (no history yet)"
    return f"{forecast.method}, {counted(forecast.observations, 'run')}"


def _row(task: TaskOutlook) -> list[Text]:
    band = task.forecast.duration_s
    cost = task.forecast.cost_usd
    return [
        Text(task.name),
        Text(str(task.state or "")),
        Text(duration(band.p50)),
        Text(duration(band.p90)),
        Text(duration(band.p99)),
        Text("" if cost is None else money(cost.p50)),
        Text(source(task.forecast)),
    ]
