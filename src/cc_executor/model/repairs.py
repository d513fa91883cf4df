"""Giving a refuted result back to the agent that made it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from cc_executor.model.outcomes import Outcome
from cc_executor.model.specs import TaskSpec
from cc_executor.model.verdicts import REPAIRABLE, refutations

_MAX_REASONS: Final = 20
_TASK: Final = (
    "Repair this now, then give your whole answer again, in the form you were asked for. Name every"
    " file of this task that you created or modified, not only those of this repair."
)
_MAX_OUTPUT_CHARS: Final = 4000


def can_be_repaired(outcome: Outcome) -> bool:
    """Tell whether the agent's session could be told what was found."""
    return outcome.failure in REPAIRABLE and outcome.agent_session_id is not None


def repairs_made(spec: TaskSpec, outcomes: Sequence[Outcome | None]) -> int:
    """Return how many of a task's attempts were repairs: repairs come before repetitions.

    Args:
        spec: The task.
        outcomes: Of its attempts, first to last; None for one that has not ended.
    """
    refuted = sum(1 for one in outcomes[:-1] if one is not None and can_be_repaired(one))
    return min(refuted, spec.repairs)


def is_repair_due(spec: TaskSpec, outcomes: Sequence[Outcome | None]) -> bool:
    """Tell whether the next attempt is a repair of the last one."""
    last = outcomes[-1] if outcomes else None
    if last is None or not can_be_repaired(last):
        return False
    return repairs_made(spec, outcomes) < spec.repairs


def repair_spec(spec: TaskSpec, refuted: Outcome) -> TaskSpec:
    """Return what the next attempt is asked, in the session of the one that was refuted."""
    return msgspec.structs.replace(
        spec, session_id=refuted.agent_session_id, prompt=_repair_prompt(refuted)
    )


def _repair_prompt(refuted: Outcome) -> str:
    reasons = [one.reason for one in refutations(refuted.verified)]
    if not reasons and refuted.message:
        reasons = [refuted.message]
    lines = [
        "Your work was checked and does not hold. Found:",
        "",
        *(f"- {reason}" for reason in reasons[:_MAX_REASONS]),
    ]
    for check in refuted.verified.checks:
        if not check.ok and check.output_tail:
            tail = check.output_tail[-_MAX_OUTPUT_CHARS:]
            lines += ["", f"The end of what `{' '.join(check.argv)}` printed:", "", tail]
    lines += ["", _TASK]
    return "\n".join(lines)
