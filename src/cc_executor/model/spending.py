"""What an attempt has used of a budget, and what the end of a budget makes of it. Pure."""

from __future__ import annotations

import msgspec

from cc_executor.model.budgets import (
    KINDS,
    MS,
    Allowance,
    Amounts,
    Caps,
    Used,
    micro_usd,
)
from cc_executor.model.events import AgentEvent, Turn
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.outcomes import Conclusion, EndedBy, Outcome


class Counter:
    """Counts an agent's own turns, and the tokens that they began with, as they are told.

    Attributes:
        turns: So far.
        tokens: So far.
    """

    def __init__(self) -> None:
        self.turns = 0
        self.tokens = 0

    def take(self, event: AgentEvent) -> None:
        """Count an event. A subagent's turn is not the agent's own, its tokens are."""
        if isinstance(event, Turn):
            self.turns += not event.subagent
            self.tokens += event.usage.total if event.usage else 0

    def added_to(self, conclusion: Conclusion) -> Conclusion:
        """Return what a dialect makes of an attempt with what was counted meanwhile."""
        claimed = msgspec.structs.replace(
            conclusion.claimed, turns_seen=self.turns, tokens_seen=self.tokens
        )
        return msgspec.structs.replace(conclusion, claimed=claimed)


def used_by(outcome: Outcome) -> Used:
    """Return what an attempt has used, its judge included; what is not known is a lower bound.

    Of an agent that was ended from outside nobody knows what it cost; its turns and tokens count as
    far as they were seen.
    """
    claimed, judgement = outcome.claimed, outcome.verified.judgement
    executed = outcome.executed
    duration_s = executed.duration_s if executed else None
    paused_s = executed.paused_s if executed else 0.0
    amounts = Amounts(
        0 if outcome.cost_usd is None else micro_usd(outcome.cost_usd),
        claimed.tokens_seen if outcome.usage is None else outcome.usage.total,
        claimed.turns_seen if claimed.num_turns is None else claimed.num_turns,
        0 if duration_s is None else round(max(0.0, duration_s - paused_s) * MS),
    )
    if judgement is not None:
        judged = Amounts(
            0,  # it is part of the outcome's cost
            judgement.tokens or 0,
            judgement.turns or 0,
            round((judgement.duration_s or 0.0) * MS),
        )
        amounts = amounts.plus(judged)
    unknown = (
        outcome.cost_usd is None,
        outcome.usage is None,
        claimed.num_turns is None,
        duration_s is None,
    )
    return Used(amounts, unknown)


def left_of(allowance: Allowance, outcome: Outcome) -> Allowance:
    """Return what an attempt leaves of its allowance to whoever checks it; never quite nothing."""
    used = used_by(outcome).amounts
    left = Caps(
        *(
            None if cap is None else max(1, cap - amount)
            for cap, amount in zip(allowance.caps, used, strict=True)
        )
    )
    return allowance._replace(caps=left)


def exceeded(allowance: Allowance, *, tokens: int, turns: int) -> bool:
    """Tell whether what was seen of an agent that runs is more than it may spend."""
    caps = allowance.caps
    return (caps.tokens is not None and tokens >= caps.tokens) or (
        caps.turns is not None and turns > caps.turns
    )


def charged(outcome: Outcome, allowance: Allowance | None) -> Outcome:
    """Return the outcome with the budget named, where the end of one has ended the attempt."""
    kind = None if allowance is None else _exhausted(outcome, allowance.caps)
    if allowance is None or kind is None:
        return outcome
    which = allowance.which(kind)
    owner = which.partition(".")[0]
    return msgspec.structs.replace(
        outcome,
        state=FAILURES[Failure.BUDGET].state,
        failure=Failure.BUDGET,
        detail=which,
        message=f"What the {owner}'s budget had left for it ({kind}) is used up; its work is kept.",
    )


def _exhausted(outcome: Outcome, caps: Caps) -> str | None:
    """Return the kind whose end was this attempt's end, None where something else was it.

    A bound of the task's own that was tighter (`max_turns`, a timeout) is none of a budget.
    """
    executed, failure = outcome.executed, outcome.failure
    used = used_by(outcome).amounts
    reached = {
        kind
        for kind, cap, amount in zip(KINDS, caps, used, strict=True)
        if cap is not None and amount >= cap
    }
    if executed is not None and executed.ended_by is EndedBy.BUDGET:
        return "tokens" if "tokens" in reached else "turns"
    if failure is Failure.BUDGET and "usd" in reached:
        return "usd"
    if failure is Failure.MAX_TURNS and "turns" in reached:
        return "turns"
    is_total = executed is not None and executed.timer == "total"
    return "minutes" if failure is Failure.TIMED_OUT and is_total and caps.ms is not None else None
