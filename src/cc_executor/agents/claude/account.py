"""What an attempt cost: only its own part of what a session has cost so far.

`total_cost_usd` and `modelUsage` of a result count the whole session, over every `--resume` and
`--fork-session`; `model_usage_since_last_result` counts what is new, and only that may be summed.
Source: measured, 2.1.330; transcripts resume*, continue, bash_background.
"""

from __future__ import annotations

from typing import NamedTuple

from cc_executor.agents.claude.fields import Fields
from cc_executor.model.outcomes import Usage


class Charge(NamedTuple):
    """What one result added. None is unknown, never zero."""

    cost_usd: float | None
    usage: Usage | None


class Account:
    """Sums up the results of one attempt.

    Args:
        fresh: Whether the attempt began its session, so that its total began at zero.
    """

    def __init__(self, *, fresh: bool) -> None:
        self._session_usd: float | None = 0.0 if fresh else None
        self._next_index = 0
        self._total: Charge | None = None

    def add(self, result: Fields) -> Charge:
        """Book a result and return what it added."""
        index = result.integer("result_index")
        in_sequence = index is None or index == self._next_index
        self._next_index = (index if index is not None else self._next_index) + 1
        session_usd = _session_usd(result)
        charge = _delta(result) if in_sequence else None
        if charge is None:
            # An older CLI, its `json` format, or a result that was lost before this one.
            charge = Charge(
                cost_usd=_difference(session_usd, self._session_usd),
                usage=turn_usage(result) if in_sequence else None,
            )
        self._session_usd = session_usd
        self._total = charge if self._total is None else _sum(self._total, charge)
        return charge

    def total(self) -> Charge:
        """Return what all results added; unknown when none came, or when one is unknown."""
        return self._total or Charge(None, None)


def _delta(result: Fields) -> Charge | None:
    since = result.child_or_none("model_usage_since_last_result")
    if since is None:
        return None
    models = since.values()
    costs = [_cost_usd(model) for model in models]
    known = [cost for cost in costs if cost is not None]
    usage = Usage()
    for model in models:
        usage = _added(usage, _model_usage(model))
    return Charge(sum(known, 0.0) if len(known) == len(costs) else None, usage)


def _cost_usd(model: Fields) -> float | None:
    return None if model.text("costBasis") == "unknown" else model.number("costUSD")


def _model_usage(model: Fields) -> Usage:
    return Usage(
        input_tokens=model.integer("inputTokens") or 0,
        output_tokens=model.integer("outputTokens") or 0,
        cache_read_tokens=model.integer("cacheReadInputTokens") or 0,
        cache_write_tokens=model.integer("cacheCreationInputTokens") or 0,
    )


def turn_usage(message: Fields) -> Usage | None:
    """Return the tokens that a result or an answer of the model names as its own."""
    usage = message.child_or_none("usage")
    if usage is None:
        return None
    return Usage(
        input_tokens=usage.integer("input_tokens") or 0,
        output_tokens=usage.integer("output_tokens") or 0,
        cache_read_tokens=usage.integer("cache_read_input_tokens") or 0,
        cache_write_tokens=usage.integer("cache_creation_input_tokens") or 0,
    )


def _session_usd(result: Fields) -> float | None:
    models = result.child("modelUsage").values()
    if any(model.text("costBasis") == "unknown" for model in models):
        return None
    return result.number("total_cost_usd")


def _difference(after_usd: float | None, before_usd: float | None) -> float | None:
    if after_usd == 0:
        return 0.0  # a session that has cost nothing has cost nothing now either
    if after_usd is None or before_usd is None or after_usd < before_usd:
        return None
    return after_usd - before_usd


def _sum(one: Charge, other: Charge) -> Charge:
    cost_usd = usage = None
    if one.cost_usd is not None and other.cost_usd is not None:
        cost_usd = one.cost_usd + other.cost_usd
    if one.usage is not None and other.usage is not None:
        usage = _added(one.usage, other.usage)
    return Charge(cost_usd, usage)


def _added(one: Usage, other: Usage) -> Usage:
    return Usage(
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cache_read_tokens=one.cache_read_tokens + other.cache_read_tokens,
        cache_write_tokens=one.cache_write_tokens + other.cache_write_tokens,
    )
