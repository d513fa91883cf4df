"""What an attempt is an example of, and what it teaches. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

from cc_executor.forecast.formula import estimate_tokens
from cc_executor.model.failures import Failure
from cc_executor.model.forecasts import Ending, Observation, Subject
from cc_executor.model.outcomes import EndedBy, Outcome, Usage
from cc_executor.model.specs import TaskSpec

_DIGEST_CHARS: Final = 16
_EFFORT: Final = "--effort"

#: Ends that came before the attempt was over: how long it would have taken, nobody knows.
_CUT_SHORT: Final = frozenset(
    {EndedBy.TIMER, EndedBy.CANCEL, EndedBy.ORPHANED, EndedBy.LIMIT, EndedBy.LOST}
)
#: The same, as the taxonomy has it: also what the agent itself ended at a bound that it was given.
_CUT_SHORT_BY: Final = frozenset(
    {
        Failure.TIMED_OUT,
        Failure.CANCELLED,
        Failure.ABANDONED,
        Failure.LOST,
        Failure.RESOURCE_EXCEEDED,
        Failure.BUDGET,
        Failure.MAX_TURNS,
        Failure.INTERRUPTED,
    }
)


#: The timers that stop what hangs. How long a healthy run takes, it does not say: taken as "longer
#: than this", a few hung runs would make every later one wait as long as is allowed.
_HUNG: Final = frozenset({"start", "first_byte", "idle"})


def subject_of(spec: TaskSpec, *, preamble_tokens: int, load: float | None) -> Subject:
    """Return what a task is an example of.

    Args:
        spec: As it is started, references resolved.
        preamble_tokens: What its agent puts before the prompt.
        load: Runnable processes per processor now, None when unknown.
    """
    asked = json.dumps(spec.command) if spec.command is not None else spec.prompt or ""
    program = PurePath(spec.command[0]).name if spec.command else ""
    return Subject(
        agent=spec.dialect,
        model=spec.model,
        effort=effort_of(spec.agent_args),
        kind=spec.kind or program,
        digest=hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS],
        tokens=preamble_tokens + estimate_tokens(asked),
        load=load,
    )


def effort_of(agent_args: Sequence[str]) -> str | None:
    """Return the effort that an agent's own arguments ask for, the last one if there are several."""
    effort = None
    for argument, following in zip(agent_args, (*agent_args[1:], None), strict=False):
        option, given, value = argument.partition("=")
        if option == _EFFORT:
            effort = value if given else following
    return effort


def observation_of(subject: Subject, outcome: Outcome, *, at: float) -> Observation | None:
    """Return what an attempt teaches; None when nothing ran, or nobody saw for how long.

    Args:
        subject: What it was an example of.
        outcome: How it ended.
        at: When.
    """
    executed = outcome.executed
    if executed is None or executed.duration_s is None or executed.ended_by is EndedBy.START:
        return None
    return Observation(
        subject=subject,
        at=at,
        duration_s=max(0.0, executed.duration_s - executed.paused_s),
        ending=_ending(outcome, executed.ended_by),
        turns=outcome.claimed.num_turns,
        cost_usd=outcome.cost_usd,
        total_tokens=_total(outcome.usage),
        max_rss_bytes=executed.max_rss_bytes,
    )


def _ending(outcome: Outcome, ended_by: EndedBy) -> Ending:
    """Return what kind of example the end makes it.

    A process that had to be ended because it stayed after its result is a complete example: it
    took a few seconds of grace longer, and to learn nothing of agents that always do so is worse.
    """
    if outcome.failure is Failure.TIMED_OUT and outcome.detail in _HUNG:
        return "failed"
    if ended_by in _CUT_SHORT or outcome.failure in _CUT_SHORT_BY:
        return "censored"
    return "completed" if outcome.ok else "failed"


def _total(usage: Usage | None) -> int | None:
    if usage is None:
        return None
    return (
        usage.input_tokens
        + usage.output_tokens
        + usage.cache_read_tokens
        + usage.cache_write_tokens
    )
